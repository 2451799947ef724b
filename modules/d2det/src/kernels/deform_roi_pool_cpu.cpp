// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformRoIPool on the CPU. Contract: operators.md 3.3, 5. Method: pooling_taps.hpp.

     forward    out[p, q] = sum_y sum_x Ay[p, q, y] Ax[p, q, x] F[y, x]
     backward   dF[y, x] += Ay[p, q, y] Ax[p, q, x] G[p, q]
                do_x[cell] = gamma RW sum_c sum_pq G[p, q] Ay . F . dAx/du,
                do_y = gamma RH sum_c sum_pq G dAy/dv . F . Ax

   F and G being 16 channels wide. The rows of bin (p, q) depend on q only through its offset cell, the columns on p. */

#include "deform_roi_pool.hpp"
#include "pooling_taps.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! Values of a RoI independent of the channel.
struct RoIPlan
{
    int level = -1;  //!< -1: not usable
    int image = 0;
    float height = 0.f, width = 0.f;  //!< RH, RW in cells
    AxisTaps rows;                    //!< [K][k]: bin row, offset column
    AxisTaps columns;                 //!< [k][K]: offset row, bin column

    bool empty() const { return rows.count == 0 || columns.count == 0; }
    int firstRow() const { return rows.first; }
    int lastRow() const { return empty() ? rows.first : rows.last; }
    int firstColumn() const { return columns.first; }
    int lastColumn() const { return columns.last; }
};

//! Taps of bin b of an axis, displaced by `offset`, into entry `entry` of taps.
void planBin(const DeformRoIPoolParams& p, const DeformAxis& axis, int b, float offset, int entry, AxisTaps& taps)
{
    int inside = 0;
    for (int i = 0; i < p.samplingRatio; i++)
    {
        Tap pair[2];
        const int n = sampleTaps(p, axis, b, offset, i, pair);
        taps.add(entry, pair, n);
        inside += n > 0;
    }
    taps.scale(entry, sampleShare(p, inside));
}

void planRoI(const DeformRoIPoolParams& p, const FeaturePyramid<float>& features, const float* roi,
             const float* offsets, RoIPlan& plan)
{
    const int K = p.pooledSize, k = p.offsetSize, repeat = K / k, cells = k * k;
    const int level = roiLevel(roi, p.finestScale, features.levels, p.legacy);
    const DeformAxis y = makeDeformAxis(p, roi[2], roi[4], features.stride[level], features.height[level]);
    const DeformAxis x = makeDeformAxis(p, roi[1], roi[3], features.stride[level], features.width[level]);
    plan.level = level;
    plan.image = static_cast<int>(roi[0]);
    plan.height = y.length;
    plan.width = x.length;
    plan.rows.reset(K * k, p.samplingRatio);
    plan.columns.reset(k * K, p.samplingRatio);
    for (int b = 0; b < K; b++)
        for (int o = 0; o < k; o++)
        {
            const int rowCell = b / repeat * k + o, columnCell = o * k + b / repeat;
            planBin(p, y, b, offsets ? offsets[cells + rowCell] : 0.f, b * k + o, plan.rows);
            planBin(p, x, b, offsets ? offsets[columnCell] : 0.f, o * K + b, plan.columns);
        }
    plan.rows.finish();
    plan.columns.finish();
}

std::vector<RoIPlan> planRoIs(const DeformRoIPoolParams& p, const RoIPoolInput<float>& in)
{
    const size_t offsetCount = size_t(2) * p.offsetSize * p.offsetSize;
    std::vector<RoIPlan> plans(in.numRois);
    parallelFor(in.numRois,
                [&](int begin, int end)
                {
                    for (int r = begin; r < end; r++)
                        if (roiUsable(in.rois + 5 * size_t(r), in.features.batch))
                            planRoI(p, in.features, in.rois + 5 * size_t(r),
                                    in.offsets ? in.offsets + r * offsetCount : nullptr, plans[r]);
                });
    return plans;
}

//! One RoI and one block of 16 channels.
struct RoITask
{
    const RoIPlan& plan;
    int K, k;
    Patch features;      //!< without data if not needed
    Patch grad;          //!< gradient of the features
    float* bins;         //!< [K][K][16]: pooled values or their gradient
    float* gradOffsets;  //!< [2][k][k], without the factor gamma * length; null: not computed
};

/** Taps of a bin along one axis, relative to the first cell: COUNT taps, kept in registers, or a number known at run
    time only (COUNT = 0). */
template <int COUNT>
struct BinTaps
{
    ptrdiff_t cell[COUNT];
    float weight[COUNT];

    D2DET_INLINE BinTaps(const Tap* taps, int, ptrdiff_t pitch)
    {
        for (int i = 0; i < COUNT; i++)
        {
            cell[i] = taps[i].index * pitch;
            weight[i] = taps[i].weight;
        }
    }
    D2DET_INLINE int count() const { return COUNT; }
    D2DET_INLINE ptrdiff_t at(int i) const { return cell[i]; }
    D2DET_INLINE float weightOf(int i) const { return weight[i]; }
};

template <>
struct BinTaps<0>
{
    const Tap* taps;
    int n;
    ptrdiff_t pitch;

    D2DET_INLINE BinTaps(const Tap* first, int number, ptrdiff_t step) : taps(first), n(number), pitch(step) {}
    D2DET_INLINE int count() const { return n; }
    D2DET_INLINE ptrdiff_t at(int i) const { return taps[i].index * pitch; }
    D2DET_INLINE float weightOf(int i) const { return taps[i].weight; }
};

//! out = weighted sum over the cells rows x columns; `origin`: cell (0, 0) of the map.
template <int BYTES, typename Rows, typename Columns>
D2DET_INLINE void poolBin(const float* origin, const Rows& rows, const Columns& columns, float* out)
{
    Lanes<BYTES> sum;
    sum.clear();
    for (int i = 0; i < rows.count(); i++)
    {
        const float* row = origin + rows.at(i);
        Lanes<BYTES> line;
        line.mul(columns.weightOf(0), row + columns.at(0));
        for (int j = 1; j < columns.count(); j++)
            line.madd(columns.weightOf(j), row + columns.at(j));
        sum.madd(rows.weightOf(i), line);
    }
    sum.store(out);
}

/** All bins of a RoI with ROWS row taps and COLUMNS column taps each, 0: any number. Loops of constant length are
    unrolled, without a branch in the innermost of four loops. */
template <int BYTES, int ROWS, int COLUMNS>
D2DET_INLINE void poolBins(const RoITask& t)
{
    const int repeat = t.K / t.k;
    const ptrdiff_t pitch = static_cast<ptrdiff_t>(t.features.width) * CHANNEL_BLOCK;
    const float* origin = t.features.row(0);
    const AxisTaps &rowTaps = t.plan.rows, &columnTaps = t.plan.columns;
    float* out = t.bins;
    for (int p = 0; p < t.K; p++)
        for (int cell = 0; cell < t.k; cell++)
        {
            const BinTaps<ROWS> rows(rowTaps.bin(p * t.k + cell), rowTaps.count, pitch);
            const Tap* columns = columnTaps.bin(p / repeat * t.K + cell * repeat);
            for (int q = 0; q < repeat; q++, out += CHANNEL_BLOCK, columns += columnTaps.count)
                poolBin<BYTES>(origin, rows, BinTaps<COLUMNS>(columns, columnTaps.count, CHANNEL_BLOCK), out);
        }
}

template <int BYTES, int ROWS>
D2DET_INLINE void poolBinsOfRows(const RoITask& t)
{
    switch (t.plan.columns.count)
    {
        case 2:
            poolBins<BYTES, ROWS, 2>(t);
            break;
        case 3:
            poolBins<BYTES, ROWS, 3>(t);
            break;
        case 4:
            poolBins<BYTES, ROWS, 4>(t);
            break;
        default:
            poolBins<BYTES, ROWS, 0>(t);
    }
}

template <int BYTES>
D2DET_INLINE void poolBody(const RoITask& t)
{
    switch (t.plan.rows.count)
    {
        case 2:
            poolBinsOfRows<BYTES, 2>(t);
            break;
        case 3:
            poolBinsOfRows<BYTES, 3>(t);
            break;
        case 4:
            poolBinsOfRows<BYTES, 4>(t);
            break;
        default:
            poolBinsOfRows<BYTES, 0>(t);
    }
}

//! dF of one bin.
template <int BYTES>
D2DET_INLINE void scatterBin(const RoITask& t, const Tap* rows, const Tap* columns, const Lanes<BYTES>& g)
{
    for (int i = 0; i < t.plan.rows.count; i++)
    {
        float* row = t.grad.row(rows[i].index);
        Lanes<BYTES> line;
        line.mul(rows[i].weight, g);
        for (int j = 0; j < t.plan.columns.count; j++)
            line.addTo(row + size_t(columns[j].index) * CHANNEL_BLOCK, columns[j].weight);
    }
}

//! sumX += G Ay . F . dAx, sumY += G dAy . F . Ax of one bin.
template <int BYTES>
D2DET_INLINE void slopeOfBin(const RoITask& t, const Tap* rows, const Tap* columns, const Lanes<BYTES>& g,
                             Lanes<BYTES>& sumX, Lanes<BYTES>& sumY)
{
    Lanes<BYTES> dx, dy;
    dx.clear();
    dy.clear();
    for (int i = 0; i < t.plan.rows.count; i++)
    {
        const float* row = t.features.row(rows[i].index);
        Lanes<BYTES> value, slope;
        value.clear();
        slope.clear();
        for (int j = 0; j < t.plan.columns.count; j++)
        {
            Lanes<BYTES> f;
            f.load(row + size_t(columns[j].index) * CHANNEL_BLOCK);
            value.madd(columns[j].weight, f);
            slope.madd(columns[j].slope, f);
        }
        dx.madd(rows[i].weight, slope);
        dy.madd(rows[i].slope, value);
    }
    sumX.madd(g, dx);
    sumY.madd(g, dy);
}

template <int BYTES>
D2DET_INLINE float sumOfLanes(const Lanes<BYTES>& x)
{
    float values[CHANNEL_BLOCK], sum = 0.f;
    x.store(values);
    for (int i = 0; i < CHANNEL_BLOCK; i++)
        sum += values[i];
    return sum;
}

template <int BYTES>
D2DET_INLINE void scatterBody(const RoITask& t)
{
    const int repeat = t.K / t.k, cells = t.k * t.k;
    for (int cell = 0; cell < cells; cell++)
    {
        const int p0 = cell / t.k * repeat, q0 = cell % t.k * repeat;
        Lanes<BYTES> sumX, sumY;
        sumX.clear();
        sumY.clear();
        for (int p = p0; p < p0 + repeat; p++)
            for (int q = q0; q < q0 + repeat; q++)
            {
                const Tap* rows = t.plan.rows.bin(p * t.k + cell % t.k);
                const Tap* columns = t.plan.columns.bin(cell / t.k * t.K + q);
                Lanes<BYTES> g;
                g.load(t.bins + (size_t(p) * t.K + q) * CHANNEL_BLOCK);
                scatterBin<BYTES>(t, rows, columns, g);
                if (t.gradOffsets)
                    slopeOfBin<BYTES>(t, rows, columns, g, sumX, sumY);
            }
        if (t.gradOffsets)
        {
            t.gradOffsets[cell] = sumOfLanes<BYTES>(sumX);
            t.gradOffsets[cells + cell] = sumOfLanes<BYTES>(sumY);
        }
    }
}

D2DET_DISPATCH(pool, poolBody, RoITask)
D2DET_DISPATCH(scatterGradient, scatterBody, RoITask)

//! gradOffsets = gamma * length * sum over channel blocks; partial [numRois][blocks][2][cells]
void sumOffsetGradients(const std::vector<RoIPlan>& plans, const std::vector<float>& partial, int blocks, int cells,
                        float gamma, float* gradOffsets)
{
    for (size_t r = 0; r < plans.size(); r++)
        for (int i = 0; i < 2 * cells; i++)
        {
            float sum = 0.f;
            for (int b = 0; b < blocks; b++)
                sum += partial[(r * blocks + b) * 2 * cells + i];
            // A sum of 0 remains 0 even if the length of the RoI overflows.
            const float length = i < cells ? plans[r].width : plans[r].height;
            gradOffsets[r * 2 * cells + i] = sum == 0.f ? 0.f : gamma * length * sum;
        }
}

}  // namespace

void deformRoIPoolCpu(const DeformRoIPoolParams& p, const RoIPoolInput<float>& in, float* output)
{
    poolForward(in.features, planRoIs(p, in), size_t(p.pooledSize) * p.pooledSize, output,
                [&p](const RoIPlan& plan, const Patch& features, float* bins, PoolWorkspace&) {
                    pool({plan, p.pooledSize, p.offsetSize, features, Patch(), bins, nullptr});
                });
}

void deformRoIPoolBackwardCpu(const DeformRoIPoolParams& p, const RoIPoolInput<float>& in, const float* gradOutput,
                              float* const* gradFeatures, float* gradOffsets)
{
    const int cells = p.offsetSize * p.offsetSize;
    const int blocks = (in.features.channels + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
    const std::vector<RoIPlan> plans = planRoIs(p, in);
    std::vector<float> partial(gradOffsets ? plans.size() * blocks * 2 * cells : 0, 0.f);
    poolBackward(
        in.features, plans, gradOffsets != nullptr, {size_t(p.pooledSize) * p.pooledSize, gradOutput, gradFeatures},
        [&](const RoIPlan& plan, const BackwardTask& task)
        {
            float* sums =
                gradOffsets ? &partial[(task.roi * blocks + task.channel / CHANNEL_BLOCK) * 2 * cells] : nullptr;
            scatterGradient({plan, p.pooledSize, p.offsetSize, task.features, task.gradient, task.bins, sums});
        });
    if (gradOffsets)
        sumOffsetGradients(plans, partial, blocks, cells, p.gamma, gradOffsets);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
