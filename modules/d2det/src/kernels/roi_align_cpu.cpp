// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIAlign on the CPU. Contract: operators.md 3.2, 5. Method: pooling_taps.hpp.

     forward    T[p, x] = sum_y Ay[p, y] F[y, x],   out[p, q] = sum_x T[p, x] Ax[q, x]
     backward   T[p, x] = sum_q Ax[q, x] G[p, q],   dF[y, x] += sum_p Ay[p, y] T[p, x]

   each value being 16 channels wide; x runs over the columns that the RoI uses. */

#include "pooling_taps.hpp"
#include "roi_align.hpp"

#include <limits>

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
    AxisTaps rows, columns;  //!< the index of a column tap is a position in usedColumns
    std::vector<int> usedColumns;

    bool empty() const { return usedColumns.empty(); }
    int firstRow() const { return rows.first; }
    int lastRow() const { return empty() ? rows.first : rows.last; }
    int firstColumn() const { return columns.first; }
    int lastColumn() const { return columns.last; }
};

void planAxis(const RoIAlignParams& p, float lo, float hi, float stride, int bins, int size, AxisTaps& taps)
{
    const AlignAxis axis = makeAlignAxis(p, lo, hi, stride, bins, size);
    taps.reset(bins, axis.samples);
    for (int b = 0; b < bins; b++)
        for (int i = 0; i < axis.samples; i++)
        {
            Tap pair[2];
            taps.add(b, pair, sampleTaps(axis, b, i, pair));
        }
    taps.finish();
}

//! Lists the used columns and converts the indices of taps to positions in the list.
void compactColumns(RoIPlan& plan)
{
    AxisTaps& taps = plan.columns;
    std::vector<int> position(taps.last - taps.first, -1);
    const int n = taps.bins() * taps.count;
    for (int i = 0; i < n; i++)
        position[taps.bin(0)[i].index - taps.first] = 0;
    for (size_t x = 0; x < position.size(); x++)
        if (position[x] == 0)
        {
            position[x] = static_cast<int>(plan.usedColumns.size());
            plan.usedColumns.push_back(taps.first + static_cast<int>(x));
        }
    for (int i = 0; i < n; i++)
        taps.bin(0)[i].index = position[taps.bin(0)[i].index - taps.first];
}

std::vector<RoIPlan> planRoIs(const RoIAlignParams& p, const RoIPoolInput<float>& in)
{
    const FeaturePyramid<float>& features = in.features;
    std::vector<RoIPlan> plans(in.numRois);
    parallelFor(
        in.numRois,
        [&](int begin, int end)
        {
            for (int r = begin; r < end; r++)
            {
                const float* roi = in.rois + 5 * size_t(r);
                if (!roiUsable(roi, features.batch))
                    continue;
                RoIPlan& plan = plans[r];
                const int level = roiLevel(roi, p.finestScale, features.levels, p.legacy);
                plan.level = level;
                plan.image = static_cast<int>(roi[0]);
                planAxis(p, roi[2], roi[4], features.stride[level], p.pooledHeight, features.height[level], plan.rows);
                planAxis(p, roi[1], roi[3], features.stride[level], p.pooledWidth, features.width[level], plan.columns);
                if (plan.rows.count > 0 && plan.columns.count > 0)
                    compactColumns(plan);
            }
        });
    return plans;
}

//! One RoI and one block of 16 channels.
struct RoITask
{
    const RoIPlan& plan;
    Patch patch;  //!< features or their gradient
    float* bins;  //!< [pooledHeight][pooledWidth][16]: pooled values or their gradient
    float* line;  //!< [usedColumns.size()][16]
};

//! line = one row of the RoI, averaged over the rows of bin p
template <int BYTES>
D2DET_INLINE void averageRows(const RoITask& t, const Tap* rows)
{
    const int count = t.plan.rows.count, used = static_cast<int>(t.plan.usedColumns.size());
    const int* columns = t.plan.usedColumns.data();
    for (int k = 0; k < count; k += 4)
    {
        // Four rows at a time; the last group repeats its last row with weight 0.
        const float* row[4];
        float w[4];
        for (int j = 0; j < 4; j++)
        {
            row[j] = t.patch.row(rows[std::min(k + j, count - 1)].index);
            w[j] = k + j < count ? rows[k + j].weight : 0.f;
        }
        const bool three = k + 3 >= count;
        for (int u = 0; u < used; u++)
        {
            const size_t x = size_t(columns[u]) * CHANNEL_BLOCK;
            Lanes<BYTES> sum;
            if (k == 0)
                sum.clear();
            else
                sum.load(t.line + u * CHANNEL_BLOCK);
            sum.madd(w[0], row[0] + x);
            sum.madd(w[1], row[1] + x);
            sum.madd(w[2], row[2] + x);
            if (!three)
                sum.madd(w[3], row[3] + x);
            sum.store(t.line + u * CHANNEL_BLOCK);
        }
    }
}

template <int BYTES>
D2DET_INLINE void poolBody(const RoITask& t)
{
    const AxisTaps &rows = t.plan.rows, &columns = t.plan.columns;
    float* out = t.bins;
    for (int p = 0; p < rows.bins(); p++)
    {
        averageRows<BYTES>(t, rows.bin(p));
        for (int q = 0; q < columns.bins(); q++, out += CHANNEL_BLOCK)
        {
            const Tap* taps = columns.bin(q);
            Lanes<BYTES> sum;
            sum.clear();
            for (int k = 0; k < columns.count; k++)
                sum.madd(taps[k].weight, t.line + size_t(taps[k].index) * CHANNEL_BLOCK);
            sum.store(out);
        }
    }
}

template <int BYTES>
D2DET_INLINE void scatterBody(const RoITask& t)
{
    const AxisTaps &rows = t.plan.rows, &columns = t.plan.columns;
    const int used = static_cast<int>(t.plan.usedColumns.size());
    const float* grad = t.bins;
    for (int p = 0; p < rows.bins(); p++)
    {
        std::fill(t.line, t.line + size_t(used) * CHANNEL_BLOCK, 0.f);
        for (int q = 0; q < columns.bins(); q++, grad += CHANNEL_BLOCK)
        {
            const Tap* taps = columns.bin(q);
            Lanes<BYTES> g;
            g.load(grad);
            for (int k = 0; k < columns.count; k++)
                g.addTo(t.line + size_t(taps[k].index) * CHANNEL_BLOCK, taps[k].weight);
        }
        for (int k = 0; k < rows.count; k++)
        {
            float* row = t.patch.row(rows.bin(p)[k].index);
            const float w = rows.bin(p)[k].weight;
            for (int u = 0; u < used; u++)
            {
                Lanes<BYTES> x;
                x.load(t.line + size_t(u) * CHANNEL_BLOCK);
                x.addTo(row + size_t(t.plan.usedColumns[u]) * CHANNEL_BLOCK, w);
            }
        }
    }
}

D2DET_DISPATCH(pool, poolBody, RoITask)
D2DET_DISPATCH(scatterGradient, scatterBody, RoITask)

//! The two cells of an axis for the interpolation of a sample; weight 0 off the map and for a missing second
//! cell.
struct Corners
{
    int cell[2] = {0, 0};
    float weight[2] = {0.f, 0.f};

    Corners(const AlignAxis& axis, int b, int i)
    {
        Tap taps[2];
        const int n = alignTaps(sampleCoord(axis, b, i), axis.size, 1.f, taps);
        for (int k = 0; k < 2 && n > 0; k++)
            cell[k] = taps[k < n ? k : 0].index;
        for (int k = 0; k < n; k++)
            weight[k] = taps[k].weight;
    }
};

//! Largest weighted corner of all samples of bin (py, px) of one plane; 0 without a sample.
float largestCorner(const AlignAxis& y, const AlignAxis& x, int py, int px, const float* plane)
{
    constexpr float NONE = -std::numeric_limits<float>::infinity();
    float best = NONE;
    for (int iy = 0; iy < y.samples; iy++)
        for (int ix = 0; ix < x.samples; ix++)
        {
            const Corners rows(y, py, iy), columns(x, px, ix);
            for (int corner = 0; corner < 4; corner++)
            {
                const int i = corner / 2, j = corner % 2;
                const float value = plane[static_cast<size_t>(rows.cell[i]) * x.size + columns.cell[j]];
                best = std::max(best, rows.weight[i] * columns.weight[j] * value);
            }
        }
    return best == NONE ? 0.f : best;
}

}  // namespace

void roiAlignCpu(const RoIAlignParams& p, const RoIPoolInput<float>& in, float* output)
{
    poolForward(in.features, planRoIs(p, in), size_t(p.pooledHeight) * p.pooledWidth, output,
                [](const RoIPlan& plan, const Patch& features, float* bins, PoolWorkspace& workspace) {
                    pool({plan, features, bins, workspace.line.get(plan.usedColumns.size() * CHANNEL_BLOCK)});
                });
}

void roiAlignMaxCpu(const RoIAlignParams& p, const RoIPoolInput<float>& in, float* output)
{
    const FeaturePyramid<float>& features = in.features;
    const int channels = features.channels, bins = p.pooledHeight * p.pooledWidth;
    for (int r = 0; r < in.numRois; r++, output += static_cast<size_t>(channels) * bins)
    {
        const float* roi = in.rois + 5 * size_t(r);
        if (!roiUsable(roi, features.batch))
        {
            std::fill_n(output, static_cast<size_t>(channels) * bins, 0.f);
            continue;
        }
        const int level = roiLevel(roi, p.finestScale, features.levels, p.legacy);
        const int height = features.height[level], width = features.width[level];
        const float stride = features.stride[level];
        const AlignAxis y = makeAlignAxis(p, roi[2], roi[4], stride, p.pooledHeight, height);
        const AlignAxis x = makeAlignAxis(p, roi[1], roi[3], stride, p.pooledWidth, width);
        const size_t area = size_t(height) * width;
        const float* map = features.data[level] + static_cast<int>(roi[0]) * channels * area;
        for (int c = 0; c < channels; c++)
            for (int bin = 0; bin < bins; bin++)
                output[static_cast<size_t>(c) * bins + bin] =
                    largestCorner(y, x, bin / p.pooledWidth, bin % p.pooledWidth, map + c * area);
    }
}

void roiAlignBackwardCpu(const RoIAlignParams& p, const RoIPoolInput<float>& in, const float* gradOutput,
                         float* const* gradFeatures)
{
    poolBackward(in.features, planRoIs(p, in), false,
                 {size_t(p.pooledHeight) * p.pooledWidth, gradOutput, gradFeatures},
                 [](const RoIPlan& plan, const BackwardTask& task)
                 {
                     float* line = task.workspace.line.get(plan.usedColumns.size() * CHANNEL_BLOCK);
                     scatterGradient({plan, task.gradient, task.bins, line});
                 });
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
