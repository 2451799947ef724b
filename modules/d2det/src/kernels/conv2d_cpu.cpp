// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Convolution of entire maps on the CPU, see conv2d.hpp. */

#include "conv2d.hpp"
#include "conv2d_columns.hpp"
#include "simd.hpp"
#include "parallel.hpp"

#include <cstring>
#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! Common data of all tasks of a call.
struct Call
{
    const Conv2dParams& p;
    const Conv2dShape& s;
    const float* X;
    const float* bias;
    float* Y;

    const float* input(int image, int group = 0) const
    {
        const size_t channel = static_cast<size_t>(image) * p.inChannels + group * (p.inChannels / p.groups);
        return X + channel * s.height * s.width;
    }
    float* output(int image) const { return Y + static_cast<size_t>(image) * p.outChannels * s.outHeight * s.outWidth; }
};

//! Result of one output channel at the pixels of a task.
struct ChannelRun
{
    const float* C;
    float* Y;
    int count;
    float bias, low, high;
};

template <int BYTES>
D2DET_INLINE void finishBody(const ChannelRun& run)
{
    const float* D2DET_RESTRICT C = run.C;
    const float bias = run.bias, low = run.low, high = run.high;
    float* D2DET_RESTRICT Y = run.Y;
    const int count = run.count;
    for (int j = 0; j < count; j++)
    {
        float value = C[j] + bias;
        value = value < low ? low : value;  // this order preserves NaN
        Y[j] = value > high ? high : value;
    }
}
D2DET_DISPATCH(finish, finishBody, ChannelRun)

//! C [channels, ldc] + bias -> channels of Y at the task's pixels.
void writeTile(const Call& call, const ConvTask& task, const float* C, size_t ldc)
{
    const size_t area = static_cast<size_t>(call.s.outHeight) * call.s.outWidth;
    float* const Y = call.output(task.image);
    const int before = task.group * (call.p.outChannels / call.p.groups);
    for (int o = before + task.first; o < before + task.last; o++, C += ldc)
        finish({C, Y + o * area + task.begin, task.end - task.begin, call.bias ? call.bias[o] : 0.f,
                lowestOutput(call.p), highestOutput(call.p)});
}

void runTask(const Call& call, const ConvTask& task, const PackedMatrix& A)
{
    ThreadLease<std::vector<PixelRun>> runs;
    ThreadLease<Scratch, 0> memoryB;
    ThreadLease<Scratch, 1> memoryC;
    const int nr = A.kernel->nr, count = task.end - task.begin;
    const size_t ldc = static_cast<size_t>(divideUp(count, nr)) * nr, depth = std::min(GemmKernel::KC, A.depth);
    float* B = memoryB->get(ldc * depth);
    float* C = memoryC->get(ldc * (task.last - task.first));
    if (ldc > static_cast<size_t>(count))  // never written, but multiplied: no denormal values
        std::fill(B, B + ldc * depth, 0.f);
    const ConvolutionColumns<float> columns(call.p, call.s, call.input(task.image, task.group), 0.f, task, nr, *runs);
    multiplyBlocked(A, task.first, task.last, count, columns, B, C, ldc);
    writeTile(call, task, C, ldc);
}

// ------------------------------------------------------------------ Winograd

//! Consecutive tiles of an image, in row-major order.
class MapTiles final : public WinogradTiles
{
public:
    //! `memory` is filled and must outlive this object.
    MapTiles(const Call& call, int image, const WinogradTask& task, std::vector<int>& memory)
        : p_(call.p),
          s_(call.s),
          X_(call.input(image)),
          Y_(call.output(image)),
          begin_(task.begin),
          perRow_(winogradTiles(call.s.outWidth))
    {
        count = task.end - task.begin;
        rowStride = perRow_ * SIDE + 2;
        firstRow_ = task.begin / perRow_ * SIDE;
        rows_ = ((task.end - 1) / perRow_ + 1) * SIDE + 2 - firstRow_;
        planesSize = static_cast<size_t>(rows_) * rowStride;
        bias = call.bias;
        low = lowestOutput(p_);
        high = highestOutput(p_);
        memory.resize(count);
        for (int t = 0; t < count; t++)
            memory[t] = ((begin_ + t) / perRow_ * SIDE - firstRow_) * rowStride + (begin_ + t) % perRow_ * SIDE;
        offsets = memory.data();
    }

    void load(int channel, float* planes) const override
    {
        const float* plane = X_ + static_cast<size_t>(channel) * s_.height * s_.width;
        const int inside = std::max(0, std::min(s_.width, rowStride - p_.padLeft));
        for (int i = 0; i < rows_; i++, planes += rowStride)
        {
            const int y = firstRow_ + i - p_.padTop;
            if (y < 0 || y >= s_.height)
            {
                std::fill(planes, planes + rowStride, 0.f);
                continue;
            }
            std::fill(planes, planes + p_.padLeft, 0.f);
            std::memcpy(planes + p_.padLeft, plane + static_cast<size_t>(y) * s_.width, inside * sizeof(float));
            std::fill(planes + p_.padLeft + inside, planes + rowStride, 0.f);
        }
    }

    void store(int channel, int first, int n, const float* values) const override
    {
        float* plane = Y_ + static_cast<size_t>(channel) * s_.outHeight * s_.outWidth;
        for (int t = 0; t < n; t++, values += PIXELS)
        {
            const int tile = begin_ + first + t, y = tile / perRow_ * SIDE, x = tile % perRow_ * SIDE;
            storeTile(values, s_.outHeight - y, s_.outWidth - x, plane + static_cast<size_t>(y) * s_.outWidth + x,
                      s_.outWidth);
        }
    }

private:
    const Conv2dParams& p_;
    const Conv2dShape& s_;
    const float* X_;  //!< of the image
    float* Y_;
    const int begin_, perRow_;
    int firstRow_, rows_;  //!< rows of the padded image in the planes
};

bool winogradFits(const Conv2dParams& p, const Conv2dShape& s, const GemmKernel& kernel)
{
    if (p.groups != 1 || p.kernelHeight != 3 || p.kernelWidth != 3 || p.strideY != 1 || p.strideX != 1 ||
        p.dilationY != 1 || p.dilationX != 1)
        return false;
    const int64_t tiles = static_cast<int64_t>(winogradTiles(s.outHeight)) * winogradTiles(s.outWidth);
    return useWinograd(p.method, p.inChannels, p.outChannels, tiles, static_cast<int64_t>(s.outHeight) * s.outWidth,
                       kernel);
}

//! Tasks over tiles instead of pixels.
void conv2dWinograd(const Call& call, const PackedMatrix& weight)
{
    const Conv2dParams& p = call.p;
    keepWinogradFilters(weight, p.inChannels);
    const int total = winogradTiles(call.s.outHeight) * winogradTiles(call.s.outWidth);
    const WinogradPartition partition(p.inChannels, p.outChannels, total, call.s.batch, *weight.kernel);
    const int count = call.s.batch * partition.tasks();
    parallelFor(
        count,
        [&](int begin, int end)
        {
            ThreadLease<std::vector<int>> offsets;
            for (int i = begin; i < end; i++)
            {
                const WinogradTask task = partition.task(i % partition.tasks());
                const MapTiles tiles(call, i / partition.tasks(), task, *offsets);
                winogradMultiply(weight, p.inChannels, task.first, task.last, tiles);
            }
        },
        count);
}

}  // namespace

std::vector<PackedMatrix> packFilters(const Conv2dParams& p, const float* weight, const GemmKernel& kernel)
{
    const int rows = p.outChannels / p.groups;
    const int depth = p.inChannels / p.groups * p.kernelHeight * p.kernelWidth;
    std::vector<PackedMatrix> filters;
    for (int group = 0; group < p.groups; group++)
        filters.push_back(packMatrix(weight + static_cast<size_t>(group) * rows * depth, rows, depth, kernel));
    return filters;
}

void conv2dCpu(const Conv2dParams& p, const Conv2dShape& s, const float* X, const std::vector<PackedMatrix>& filters,
               const float* bias, float* Y)
{
    const Call call{p, s, X, bias, Y};
    const GemmKernel& kernel = *filters[0].kernel;
    if (winogradFits(p, s, kernel))
    {
        conv2dWinograd(call, filters[0]);
        return;
    }
    const std::vector<ConvTask> tasks =
        makeConvTasks(s.batch, p.groups, s.outHeight * s.outWidth, p.outChannels / p.groups, kernel.mr, kernel.nr);
    parallelFor(
        static_cast<int>(tasks.size()),
        [&](int begin, int end)
        {
            for (int i = begin; i < end; i++)
                runTask(call, tasks[i], filters[tasks[i].group]);
        },
        static_cast<double>(tasks.size()));
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
