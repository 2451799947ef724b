// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformConv2d on the CPU. Formula: deform_conv2d.hpp; gradients: operators.md 5.

   An image is transposed to [h w][C] with a row of zeros behind it, which stands for all cells outside of the map: so
   a sampling point is four rows and four weights for all channels, without branches.

     forward    panels of the column matrix [kh kw C / groups][pixels] are sampled where the product needs them
     backward   columns D[pixel][k] of a group and their gradients are matrices in memory, with k = (i, j, c):
                  gradD = gradY^T W, gradW = gradY D,
                  gradOffset and gradMask from four sums over channels for each sampling point (parts are pixels),
                  gradX by adding to four rows (parts are channels, so that no two threads add to one value) */

#include "deform_conv2d.hpp"
#include "conv_tasks.hpp"
#include "simd.hpp"
#include "transpose.hpp"

#include <utility>
#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! Where the channels of a sampling point come from.
struct Sample
{
    const float* corners[4];  //!< channels of the cells (y, x), (y, x + 1), (y + 1, x), (y + 1, x + 1)
    float weights[4];         //!< without the mask
    float fy, fx;
    float mask;
};

//! [columns][rows] = transposed in [rows][columns]
void transposeMatrix(const float* in, int rows, int columns, float* out)
{
    const auto run = [=](int begin, int end)
    {
        const int wholeRows = rows / 4 * 4, wholeColumns = begin + (end - begin) / 4 * 4;
        for (int j = begin; j < wholeColumns; j += 4)
            for (int i = 0; i < wholeRows; i += 4)
            {
                const float* first = in + static_cast<size_t>(i) * columns + j;
                transpose4x4(first, first + columns, first + 2 * static_cast<size_t>(columns),
                             first + 3 * static_cast<size_t>(columns), out + static_cast<size_t>(j) * rows + i,
                             static_cast<size_t>(rows));
            }
        for (int j = begin; j < end; j++)
            for (int i = j < wholeColumns ? wholeRows : 0; i < rows; i++)
                out[static_cast<size_t>(j) * rows + i] = in[static_cast<size_t>(i) * columns + j];
    };
    if (static_cast<double>(rows) * columns < 32768)  // not worth waking a thread
        run(0, columns);
    else
        parallelFor(divideUp(columns, 16), [&](int begin, int end) { run(16 * begin, std::min(16 * end, columns)); });
}

//! Run of channels of one kernel cell with common sampling points: channels [first, first + length) of X.
struct ChannelRun
{
    int cell, first, length, offsetGroup;
};

//! One image of a call.
struct Image
{
    const DeformConv2dParams& p;
    const Conv2dShape& s;
    const float *offset, *mask;  //!< of the image
    const float* rows;           //!< [h w + 1][C], the last row is zero

    Image(const DeformConv2dParams& params, const Conv2dShape& shape, const DeformConv2dArgs<float>& args, int n,
          float* memory)
        : p(params), s(shape), rows(memory)
    {
        const size_t map = static_cast<size_t>(p.inChannels) * s.height * s.width;
        const size_t points = static_cast<size_t>(n) * p.offsetGroups * p.cells() * pixels();
        offset = args.offset + 2 * points;
        mask = args.mask ? args.mask + points : nullptr;
        transposeMatrix(args.X + n * map, p.inChannels, s.height * s.width, memory);
        std::fill_n(memory + map, p.inChannels, 0.f);
    }
    //! Floats of `memory`.
    static size_t memorySize(const DeformConv2dParams& p, const Conv2dShape& s)
    {
        return (static_cast<size_t>(s.height) * s.width + 1) * p.inChannels;
    }

    int pixels() const { return s.outHeight * s.outWidth; }
    int depth() const { return p.inChannels / p.groups * p.cells(); }
    const float* zeros() const { return rows + static_cast<size_t>(s.height) * s.width * p.inChannels; }
    //! Offset of a sampling point's plane in `mask`; twice that in `offset`.
    size_t plane(int cell, int offsetGroup) const
    {
        return (static_cast<size_t>(offsetGroup) * p.cells() + cell) * pixels();
    }

    //! The run of channels that begins at depth k of a group's columns, at most `limit` of them.
    ChannelRun runAt(int group, int k, int limit) const
    {
        const int perGroup = p.inChannels / p.groups, perOffsets = p.inChannels / p.offsetGroups;
        const int first = group * perGroup + k % perGroup, offsetGroup = first / perOffsets;
        const int length = std::min(perGroup - k % perGroup, (offsetGroup + 1) * perOffsets - first);
        return {k / perGroup, first, std::min(length, limit), offsetGroup};
    }

    //! false: nothing of the map is touched, and all corners are the row of zeros.
    D2DET_INLINE bool sample(int cell, int offsetGroup, int pixel, Sample& out) const
    {
        const size_t at = plane(cell, offsetGroup);
        const int y = pixel / s.outWidth, x = pixel % s.outWidth, i = cell / p.kernelWidth, j = cell % p.kernelWidth;
        const float v = static_cast<float>(y * p.strideY - p.padTop + i * p.dilationY) + offset[2 * at + pixel];
        const float u =
            static_cast<float>(x * p.strideX - p.padLeft + j * p.dilationX) + offset[2 * at + pixels() + pixel];
        out.mask = mask ? mask[at + pixel] : 1.f;
        DeformPoint point;
        const bool inside = locate(v, u, s.height, s.width, point);
        if (!inside)
            point = {-2, -2, 0.f, 0.f};
        out.fy = point.fy;
        out.fx = point.fx;
        for (int k = 0; k < 4; k++)
        {
            const int cy = point.y + k / 2, cx = point.x + k % 2;
            const bool onMap = cy >= 0 && cy < s.height && cx >= 0 && cx < s.width;
            out.corners[k] = onMap ? rows + (static_cast<size_t>(cy) * s.width + cx) * p.inChannels : zeros();
            out.weights[k] = inside ? (k / 2 ? point.fy : 1.f - point.fy) * (k % 2 ? point.fx : 1.f - point.fx) : 0.f;
        }
        return inside;
    }
};

//! 16 channels of a sampling point, with the mask; reads beyond the last channel.
template <int BYTES>
D2DET_INLINE Lanes<BYTES> interpolate(const Sample& s, int channel)
{
    Lanes<BYTES> sum;
    sum.mul(s.mask * s.weights[0], s.corners[0] + channel);
    for (int k = 1; k < 4; k++)
        sum.madd(s.mask * s.weights[k], s.corners[k] + channel);
    return sum;
}

// ------------------------------------------------------------------ forward

//! One run of channels for the pixels of a panel.
struct PanelRun
{
    const Image& image;
    ChannelRun run;
    int pixel, count;  //!< the first one, and how many of the nr columns there are
    int nr;
    float* out;  //!< [run.length][nr]
};

template <int BYTES>
D2DET_INLINE void samplePanelBody(const PanelRun& r)
{
    constexpr int N = 4;  // pixels that are transposed together; divides nr
    float tile[N][CHANNEL_BLOCK];
    for (int j = 0; j < r.nr; j += N)
    {
        Sample samples[N];
        for (int i = 0; i < N; i++)
            r.image.sample(r.run.cell, r.run.offsetGroup, r.pixel + std::min(j + i, r.count - 1), samples[i]);
        for (int c = 0; c < r.run.length; c += CHANNEL_BLOCK)
        {
            for (int i = 0; i < N; i++)
                interpolate<BYTES>(samples[i], r.run.first + c).store(tile[i]);
            float* const out = r.out + static_cast<size_t>(c) * r.nr + j;
            const int length = std::min(CHANNEL_BLOCK, r.run.length - c);
            int k = 0;
            for (; k + 4 <= length; k += 4)
                transpose4x4(tile[0] + k, tile[1] + k, tile[2] + k, tile[3] + k, out + static_cast<size_t>(k) * r.nr,
                             static_cast<size_t>(r.nr));
            for (; k < length; k++)
                for (int i = 0; i < N; i++)
                    out[static_cast<size_t>(k) * r.nr + i] = tile[i][k];
        }
    }
}
D2DET_DISPATCH(samplePanel, samplePanelBody, PanelRun)

struct Call
{
    const Image& image;
    const float* bias;
    float* Y;  //!< of the image
};

void runTask(const Call& call, const ConvTask& task, const PackedMatrix& A)
{
    ThreadLease<Scratch, 0> memoryB;
    ThreadLease<Scratch, 1> memoryC;
    const Image& image = call.image;
    const int nr = A.kernel->nr, count = task.end - task.begin;
    const size_t ldc = static_cast<size_t>(divideUp(count, nr)) * nr, maxDepth = std::min(GemmKernel::KC, A.depth);
    float* B = memoryB->get(ldc * maxDepth);
    float* C = memoryC->get(ldc * (task.last - task.first));
    const auto pack = [&](int k0, int block, float* panels)
    {
        for (int j = 0; j < count; j += nr, panels += static_cast<size_t>(block) * nr)
            for (int k = 0; k < block;)
            {
                const ChannelRun run = image.runAt(task.group, k0 + k, block - k);
                samplePanel(
                    {image, run, task.begin + j, std::min(nr, count - j), nr, panels + static_cast<size_t>(k) * nr});
                k += run.length;
            }
    };
    multiplyBlocked(A, task.first, task.last, count, pack, B, C, ldc);
    const int before = task.group * (image.p.outChannels / image.p.groups);
    for (int o = before + task.first; o < before + task.last; o++, C += ldc)
    {
        const float bias = call.bias ? call.bias[o] : 0.f;
        float* y = call.Y + static_cast<size_t>(o) * image.pixels() + task.begin;
        for (int j = 0; j < count; j++)
            y[j] = C[j] + bias;
    }
}

//! weight [O, C / groups, cells] -> [O, cells, C / groups], or the other way
void swapDepth(const float* in, int rows, int outer, int inner, float* out)
{
    for (int o = 0; o < rows; o++)
    {
        const size_t row = static_cast<size_t>(o) * outer * inner;
        for (int i = 0; i < outer; i++)
            for (int j = 0; j < inner; j++)
                out[row + static_cast<size_t>(j) * outer + i] = in[row + static_cast<size_t>(i) * inner + j];
    }
}

// ------------------------------------------------------------------ backward

//! C [rows, columns] = A [rows, depth] B [depth, columns], or C += with `add`; all row-major.
void multiply(const float* A, int rows, int depth, const float* B, int columns, float* C, bool add)
{
    constexpr int ROWS = 384, COLUMNS = 128;  // of a task
    PackedMatrix packed = packMatrix(A, rows, depth);
    packed.constant = false;
    const int nr = packed.kernel->nr, step = divideUp(ROWS, packed.kernel->mr) * packed.kernel->mr;
    const int down = divideUp(rows, step), across = divideUp(columns, COLUMNS);
    parallelFor(
        down * across,
        [&](int begin, int end)
        {
            ThreadLease<Scratch, 0> memoryB;
            ThreadLease<Scratch, 1> memoryC;
            for (int i = begin; i < end; i++)
            {
                const int first = i / across * step, last = std::min(first + step, rows);
                const int left = i % across * COLUMNS, count = std::min(COLUMNS, columns - left);
                const size_t ldc = static_cast<size_t>(divideUp(count, nr)) * nr;
                const auto pack = [&](int k0, int block, float* out)
                {
                    for (int j = 0; j < count; j += nr)
                        for (int k = k0; k < k0 + block; k++, out += nr)
                        {
                            const int n = std::min(nr, count - j);
                            const float* in = B + static_cast<size_t>(k) * columns + left + j;
                            std::copy_n(in, n, out);
                            std::fill(out + n, out + nr, 0.f);
                        }
                };
                float* tile = memoryC->get(ldc * (last - first));
                multiplyBlocked(packed, first, last, count, pack, memoryB->get(ldc * std::min(GemmKernel::KC, depth)),
                                tile, ldc);
                for (int r = first; r < last; r++, tile += ldc)
                {
                    float* out = C + static_cast<size_t>(r) * columns + left;
                    for (int j = 0; j < count; j++)
                        out[j] = add ? out[j] + tile[j] : tile[j];
                }
            }
        },
        down * across);
}

//! All sampling points of a group of channels for pixels [begin, end).
struct PixelTask
{
    const Image& image;
    int group, begin, end;
    float* columns;                //!< [pixels][depth]: written (columnsBody) or their gradient (slopesBody)
    float *gradOffset, *gradMask;  //!< of the image, added to; null: not computed
};

template <int BYTES>
D2DET_INLINE void columnsBody(const PixelTask& t)
{
    const int depth = t.image.depth();
    for (int pixel = t.begin; pixel < t.end; pixel++)
    {
        float* out = t.columns + static_cast<size_t>(pixel) * depth;
        for (int k = 0; k < depth;)
        {
            const ChannelRun run = t.image.runAt(t.group, k, depth);
            Sample sample;
            t.image.sample(run.cell, run.offsetGroup, pixel, sample);
            int c = 0;
            for (; c + CHANNEL_BLOCK <= run.length; c += CHANNEL_BLOCK)
                interpolate<BYTES>(sample, run.first + c).store(out + k + c);
            if (c < run.length)
            {
                float rest[CHANNEL_BLOCK];
                interpolate<BYTES>(sample, run.first + c).store(rest);
                std::copy_n(rest, run.length - c, out + k + c);
            }
            k += run.length;
        }
    }
}
D2DET_DISPATCH(sampleColumns, columnsBody, PixelTask)

//! Sums over the channels of a run: gradient of the column times each of the four corners.
template <int BYTES>
D2DET_INLINE void cornerSums(const Sample& sample, const ChannelRun& run, const float* gradient, float* sums)
{
    Lanes<BYTES> lanes[4];
    for (int k = 0; k < 4; k++)
        lanes[k].clear();
    int c = 0;
    for (; c + CHANNEL_BLOCK <= run.length; c += CHANNEL_BLOCK)
    {
        Lanes<BYTES> g;
        g.load(gradient + c);
        for (int k = 0; k < 4; k++)
        {
            Lanes<BYTES> x;
            x.load(sample.corners[k] + run.first + c);
            lanes[k].madd(g, x);
        }
    }
    for (int k = 0; k < 4; k++)
    {
        float values[CHANNEL_BLOCK];
        lanes[k].store(values);
        sums[k] = 0.f;
        for (int i = 0; i < CHANNEL_BLOCK; i++)
            sums[k] += values[i];
        for (int i = c; i < run.length; i++)
            sums[k] += gradient[i] * sample.corners[k][run.first + i];
    }
}

template <int BYTES>
D2DET_INLINE void slopesBody(const PixelTask& t)
{
    const int depth = t.image.depth(), pixels = t.image.pixels();
    for (int pixel = t.begin; pixel < t.end; pixel++)
    {
        const float* gradient = t.columns + static_cast<size_t>(pixel) * depth;
        for (int k = 0; k < depth;)
        {
            const ChannelRun run = t.image.runAt(t.group, k, depth);
            Sample s;
            if (t.image.sample(run.cell, run.offsetGroup, pixel, s))
            {
                float sums[4];
                cornerSums<BYTES>(s, run, gradient + k, sums);
                const size_t at = t.image.plane(run.cell, run.offsetGroup);
                if (t.gradOffset)
                {
                    float* const out = t.gradOffset + 2 * at + pixel;
                    out[0] += s.mask * ((1.f - s.fx) * (sums[2] - sums[0]) + s.fx * (sums[3] - sums[1]));
                    out[pixels] += s.mask * ((1.f - s.fy) * (sums[1] - sums[0]) + s.fy * (sums[3] - sums[2]));
                }
                if (t.gradMask)
                    t.gradMask[at + pixel] += s.weights[0] * sums[0] + s.weights[1] * sums[1] + s.weights[2] * sums[2] +
                                              s.weights[3] * sums[3];
            }
            k += run.length;
        }
    }
}
D2DET_DISPATCH(addSlopes, slopesBody, PixelTask)

//! At most 16 channels of one kernel cell.
struct ScatterTask
{
    const Image& image;
    ChannelRun run;
    int k;                 //!< of the columns
    const float* columns;  //!< gradient [pixels][depth]
    float* gradRows;       //!< [h w + 1][C]; the last row gets what lies outside
};

template <int BYTES>
D2DET_INLINE void scatterBody(const ScatterTask& t)
{
    const int depth = t.image.depth();
    for (int pixel = 0; pixel < t.image.pixels(); pixel++)
    {
        Sample s;
        if (!t.image.sample(t.run.cell, t.run.offsetGroup, pixel, s))
            continue;
        const float* gradient = t.columns + static_cast<size_t>(pixel) * depth + t.k;
        for (int k = 0; k < 4; k++)
        {
            float* out = t.gradRows + (s.corners[k] - t.image.rows) + t.run.first;
            const float weight = s.mask * s.weights[k];
            if (t.run.length == CHANNEL_BLOCK)
            {
                Lanes<BYTES> g;
                g.load(gradient);
                g.addTo(out, weight);
            }
            else
                for (int c = 0; c < t.run.length; c++)
                    out[c] += weight * gradient[c];
        }
    }
}
D2DET_DISPATCH(scatterColumns, scatterBody, ScatterTask)

//! gradRows += the gradients of a group's columns; parts are channels.
void scatterGroup(const Image& image, int group, const float* columns, float* gradRows)
{
    const int perGroup = image.p.inChannels / image.p.groups;
    std::vector<std::pair<int, int>> slices;  // channel of the group, length
    for (int c = 0; c < perGroup;)
    {
        slices.emplace_back(c, image.runAt(group, c, CHANNEL_BLOCK).length);
        c += slices.back().second;
    }
    const int count = static_cast<int>(slices.size());
    parallelFor(
        count,
        [&](int begin, int end)
        {
            for (int i = begin; i < end; i++)
                for (int cell = 0; cell < image.p.cells(); cell++)
                {
                    const int k = cell * perGroup + slices[i].first;
                    scatterColumns({image, image.runAt(group, k, slices[i].second), k, columns, gradRows});
                }
        },
        count);
}

//! Memory and gradients of a backward pass.
struct Backward
{
    const DeformConv2dParams& p;
    const Conv2dShape& s;
    const DeformConv2dArgs<float>& args;
    const DeformConv2dGradients<float>& grad;
    std::vector<float> weight;      //!< [O, cells, C / groups]
    std::vector<float> gradWeight;  //!< the same; empty: not computed
    AlignedFloats rows, gradRows, gradPixels, columns;
    int filters, pixels, depth;  //!< of a group

    Backward(const DeformConv2dParams& params, const Conv2dShape& shape, const DeformConv2dArgs<float>& arguments,
             const DeformConv2dGradients<float>& gradients)
        : p(params),
          s(shape),
          args(arguments),
          grad(gradients),
          weight(static_cast<size_t>(p.outChannels) * (p.inChannels / p.groups) * p.cells()),
          gradWeight(grad.weight ? weight.size() : 0),
          rows(Image::memorySize(p, s)),
          gradRows(grad.X ? Image::memorySize(p, s) : 0),
          filters(p.outChannels / p.groups),
          pixels(s.outHeight * s.outWidth),
          depth(p.inChannels / p.groups * p.cells())
    {
        gradPixels = AlignedFloats(static_cast<size_t>(pixels) * filters);
        columns = AlignedFloats(static_cast<size_t>(pixels) * depth);
        swapDepth(args.weight, p.outChannels, p.inChannels / p.groups, p.cells(), weight.data());
    }

    void image(int n, const float* gradY)
    {
        const Image image(p, s, args, n, rows.data());
        const size_t points = static_cast<size_t>(p.offsetGroups) * p.cells() * pixels;
        float* const gradOffset = grad.offset ? grad.offset + 2 * points * n : nullptr;
        float* const gradMask = grad.mask ? grad.mask + points * n : nullptr;
        if (gradOffset)
            std::fill_n(gradOffset, 2 * points, 0.f);
        if (gradMask)
            std::fill_n(gradMask, points, 0.f);
        if (grad.X)
            std::fill_n(gradRows.data(), Image::memorySize(p, s), 0.f);
        for (int group = 0; group < p.groups; group++)
            ofGroup(image, group, gradY + static_cast<size_t>(group) * filters * pixels, gradOffset, gradMask);
        const int cells = s.height * s.width;
        if (grad.X)
            transposeMatrix(gradRows.data(), cells, p.inChannels,
                            grad.X + static_cast<size_t>(n) * p.inChannels * cells);
    }

private:
    //! @param gradY [filters, pixels] of the group
    void ofGroup(const Image& image, int group, const float* gradY, float* gradOffset, float* gradMask)
    {
        const size_t first = static_cast<size_t>(group) * filters * depth;
        if (gradOffset || gradMask || grad.X)
        {
            transposeMatrix(gradY, filters, pixels, gradPixels.data());
            multiply(gradPixels.data(), pixels, filters, weight.data() + first, depth, columns.data(), false);
        }
        if (gradOffset || gradMask)
            parallelFor(pixels,
                        [&](int begin, int end) {
                            addSlopes({image, group, begin, end, columns.data(), gradOffset, gradMask});
                        });
        if (grad.X)
            scatterGroup(image, group, columns.data(), gradRows.data());
        if (!grad.weight)
            return;
        parallelFor(pixels,
                    [&](int begin, int end) {
                        sampleColumns({image, group, begin, end, columns.data(), nullptr, nullptr});
                    });
        multiply(gradY, filters, pixels, columns.data(), depth, gradWeight.data() + first, true);
    }
};

}  // namespace

std::vector<PackedMatrix> packDeformFilters(const DeformConv2dParams& p, const float* weight, const GemmKernel& kernel)
{
    const int perGroup = p.inChannels / p.groups, rows = p.outChannels / p.groups, depth = perGroup * p.cells();
    std::vector<float> reordered(static_cast<size_t>(rows) * depth);
    std::vector<PackedMatrix> filters;
    for (int group = 0; group < p.groups; group++)
    {
        swapDepth(weight + group * reordered.size(), rows, perGroup, p.cells(), reordered.data());
        filters.push_back(packMatrix(reordered.data(), rows, depth, kernel));
    }
    return filters;
}

void unpackDeformFilters(const DeformConv2dParams& p, const std::vector<PackedMatrix>& filters, float* weight)
{
    const int perGroup = p.inChannels / p.groups, rows = p.outChannels / p.groups;
    std::vector<float> reordered(static_cast<size_t>(rows) * perGroup * p.cells());
    for (const PackedMatrix& filter : filters)
    {
        unpackMatrix(filter, reordered.data());
        swapDepth(reordered.data(), rows, p.cells(), perGroup, weight);
        weight += reordered.size();
    }
}

void deformConv2dCpu(const DeformConv2dParams& p, const Conv2dShape& s, const DeformConv2dArgs<float>& args,
                     const std::vector<PackedMatrix>& filters, float* Y)
{
    const int area = s.outHeight * s.outWidth;
    const GemmKernel& kernel = *filters[0].kernel;
    const std::vector<ConvTask> tasks =
        makeConvTasks(1, p.groups, area, p.outChannels / p.groups, kernel.mr, kernel.nr);
    ThreadLease<Scratch, 2> memory;
    for (int n = 0; n < s.batch; n++)
    {
        const Image image(p, s, args, n, memory->get(Image::memorySize(p, s)));
        const Call call{image, args.bias, Y + static_cast<size_t>(n) * p.outChannels * area};
        parallelFor(
            static_cast<int>(tasks.size()),
            [&](int begin, int end)
            {
                for (int i = begin; i < end; i++)
                    runTask(call, tasks[i], filters[tasks[i].group]);
            },
            static_cast<double>(tasks.size()));
    }
}

void deformConv2dBackwardCpu(const DeformConv2dParams& p, const Conv2dShape& s, const DeformConv2dArgs<float>& args,
                             const float* gradY, const DeformConv2dGradients<float>& grad)
{
    const int pixels = s.outHeight * s.outWidth;
    Backward backward(p, s, args, grad);
    for (int n = 0; n < s.batch; n++)
        backward.image(n, gradY + static_cast<size_t>(n) * p.outChannels * pixels);
    if (grad.weight)
        swapDepth(backward.gradWeight.data(), p.outChannels, p.cells(), p.inChannels / p.groups, grad.weight);
    for (int o = 0; grad.bias && o < p.outChannels; o++)
    {
        double sum = 0;
        for (int n = 0; n < s.batch; n++)
            for (int i = 0; i < pixels; i++)
                sum += double(gradY[(static_cast<size_t>(n) * p.outChannels + o) * pixels + i]);
        grad.bias[o] = static_cast<float>(sum);
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
