// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Convolution in 8-bit integers on the CPU, see quantized_conv2d.hpp. */

#include "quantized_conv2d.hpp"
#include "conv2d_columns.hpp"
#include "parallel.hpp"
#include "simd.hpp"

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

constexpr int STEP = Int8Kernel::STEP;

// ------------------------------------------------------------------ floats to words

/* A float below 2^22 plus 1.5 2^23 has no room for fractions: the sum is rounded to the nearest integer, halves to
   even, which stands in the low bits. */
constexpr float ROUNDER = 12582912.f;
constexpr uint32_t ROUNDER_BITS = 0x4b400000u;

//! Words of 4 channels from planes of floats.
struct WordRows
{
    const float* X;  //!< first plane
    size_t plane;    //!< floats from plane to plane
    int channels;    //!< planes; a last word of fewer than 4 repeats the last of them, whose weights there are 0
    int count;       //!< pixels
    float inverse, low, high;
    uint32_t zero;
    uint32_t* out;
    size_t stride;  //!< words from row to row of `out`
};

D2DET_INLINE uint32_t roundedBits(float x, float inverse, float low, float high)
{
    float steps = x * inverse;
    steps = steps > low ? steps : low;  // this order makes NaN the least value
    steps = steps < high ? steps : high;
    const float rounded = steps + ROUNDER;
    uint32_t bits;
    std::memcpy(&bits, &rounded, sizeof(bits));
    return bits;
}

template <int BYTES>
D2DET_INLINE void makeWordsBody(const WordRows& rows)
{
    const float inverse = rows.inverse, low = rows.low, high = rows.high;
    // Of all four bytes at once; carries between them cancel out.
    const uint32_t offset = (rows.zero - ROUNDER_BITS) * 0x01010101u;
    const int count = rows.count;
    for (int c = 0; c < rows.channels; c += STEP)
    {
        const int last = rows.channels - 1;
        const float* const D2DET_RESTRICT x0 = rows.X + static_cast<size_t>(c) * rows.plane;
        const float* const D2DET_RESTRICT x1 = rows.X + static_cast<size_t>(std::min(c + 1, last)) * rows.plane;
        const float* const D2DET_RESTRICT x2 = rows.X + static_cast<size_t>(std::min(c + 2, last)) * rows.plane;
        const float* const D2DET_RESTRICT x3 = rows.X + static_cast<size_t>(std::min(c + 3, last)) * rows.plane;
        uint32_t* const D2DET_RESTRICT out = rows.out + static_cast<size_t>(c / STEP) * rows.stride;
        for (int j = 0; j < count; j++)
            out[j] = roundedBits(x0[j], inverse, low, high) + (roundedBits(x1[j], inverse, low, high) << 8) +
                     (roundedBits(x2[j], inverse, low, high) << 16) + (roundedBits(x3[j], inverse, low, high) << 24) +
                     offset;
    }
}
D2DET_DISPATCH(makeWords, makeWordsBody, WordRows)

// ------------------------------------------------------------------ sums to floats

//! Result of one output channel at the pixels of a task.
struct SumRun
{
    const int32_t* C;
    float* Y;
    int count;
    int32_t correction;
    float factor, bias, low, high;
};

template <int BYTES>
D2DET_INLINE void finishBody(const SumRun& run)
{
    const int32_t* D2DET_RESTRICT C = run.C;
    const float factor = run.factor, bias = run.bias, low = run.low, high = run.high;
    const int32_t correction = run.correction;
    float* D2DET_RESTRICT Y = run.Y;
    const int count = run.count;
    for (int j = 0; j < count; j++)
    {
        float value = static_cast<float>(C[j] + correction) * factor + bias;
        value = value < low ? low : value;
        Y[j] = value > high ? high : value;
    }
}
D2DET_DISPATCH(finish, finishBody, SumRun)

// ------------------------------------------------------------------ tasks

//! Common data of all tasks of an image.
struct Call
{
    const Conv2dParams& p;
    const Conv2dShape& s;  //!< batch 1
    const QuantizedFilters& filters;
    const float* X;         //!< [C, h, w]
    const uint32_t* words;  //!< [G, ceil(C / G / 4), h, w]; null: made where they are needed
    const float* bias;
    float* Y;

    int groupChannels() const { return p.inChannels / p.groups; }
    int groupWords() const { return divideUp(groupChannels(), STEP); }
    size_t area() const { return static_cast<size_t>(s.height) * s.width; }
    //! Words of `count` channels from `channel` on, `pixels` of each from `pixel` on.
    WordRows rows(int channel, int count, size_t pixel, int pixels, uint32_t* out, size_t stride) const
    {
        const InputQuantization& q = filters.input;
        return {X + channel * area() + pixel,
                area(),
                count,
                pixels,
                1.f / q.scale,
                static_cast<float>(-q.zero),
                static_cast<float>(255 - q.zero),
                static_cast<uint32_t>(q.zero),
                out,
                stride};
    }
};

//! Columns of a 1x1 convolution with stride 1 and no border: made of floats here.
class FreshColumns
{
public:
    FreshColumns(const Call& call, const ConvTask& task, int nr) : call_(call), task_(task), nr_(nr) {}

    void operator()(int k0, int block, uint32_t* B) const
    {
        const int channel = k0 * STEP, count = std::min(block * STEP, call_.groupChannels() - channel);
        for (int j = task_.begin; j < task_.end; j += nr_, B += static_cast<size_t>(block) * nr_)
            makeWords(call_.rows(task_.group * call_.groupChannels() + channel, count, static_cast<size_t>(j),
                                 std::min(nr_, task_.end - j), B, static_cast<size_t>(nr_)));
    }

private:
    const Call& call_;
    const ConvTask& task_;
    const int nr_;
};

//! C [channels, ldc] -> channels of Y at the task's pixels.
void writeTile(const Call& call, const ConvTask& task, const int32_t* C, size_t ldc)
{
    const size_t area = static_cast<size_t>(call.s.outHeight) * call.s.outWidth;
    const int before = task.group * (call.p.outChannels / call.p.groups);
    for (int o = before + task.first; o < before + task.last; o++, C += ldc)
        finish({C, call.Y + o * area + task.begin, task.end - task.begin, call.filters.corrections[o],
                call.filters.factors[o], call.bias ? call.bias[o] : 0.f, lowestOutput(call.p), highestOutput(call.p)});
}

void runTask(const Call& call, const ConvTask& task)
{
    ThreadLease<std::vector<PixelRun>> runs;
    ThreadLease<ScratchOf<uint32_t>, 0> memoryB;
    ThreadLease<ScratchOf<int32_t>> memoryC;
    const PackedInt8& A = call.filters.groups[task.group];
    const int nr = A.kernel->nr, count = task.end - task.begin;
    const size_t ldc = static_cast<size_t>(divideUp(count, nr)) * nr, steps = std::min(Int8Kernel::KC, A.steps);
    uint32_t* B = memoryB->get(ldc * steps);
    int32_t* C = memoryC->get(ldc * (task.last - task.first));
    if (ldc > static_cast<size_t>(count))  // never written, but multiplied
        std::fill(B, B + ldc * steps, 0u);
    if (call.words)
    {
        const uint32_t outside = static_cast<uint32_t>(call.filters.input.zero) * 0x01010101u;
        const uint32_t* words = call.words + static_cast<size_t>(task.group) * call.groupWords() * call.area();
        const ConvolutionColumns<uint32_t> columns(call.p, call.s, words, outside, task, nr, *runs);
        multiplyInt8(A, task.first, task.last, count, columns, B, C, ldc);
    }
    else
        multiplyInt8(A, task.first, task.last, count, FreshColumns(call, task, nr), B, C, ldc);
    writeTile(call, task, C, ldc);
}

//! The words of an entire image, in pieces of one word row.
void quantizeImage(const Call& call, uint32_t* words)
{
    const int perGroup = call.groupWords(), rows = call.p.groups * perGroup;
    parallelFor(rows,
                [&](int begin, int end)
                {
                    for (int row = begin; row < end; row++)
                    {
                        const int channel = row % perGroup * STEP;
                        makeWords(call.rows(row / perGroup * call.groupChannels() + channel,
                                            std::min(STEP, call.groupChannels() - channel), 0,
                                            static_cast<int>(call.area()), words + row * call.area(), 0));
                    }
                });
}

//! Whether each task can make the words of its own columns, and no other task needs them.
bool makesOwnWords(const Conv2dParams& p, const Conv2dShape& s, const std::vector<ConvTask>& tasks)
{
    return p.kernelHeight == 1 && p.kernelWidth == 1 && p.strideY == 1 && p.strideX == 1 && p.padTop == 0 &&
           p.padLeft == 0 && s.outHeight == s.height && s.outWidth == s.width &&
           tasks[0].last - tasks[0].first == p.outChannels / p.groups;
}

}  // namespace

bool quantizationPays(const Conv2dParams& p, const Int8Kernel& kernel)
{
    if (!kernel.vectors)
        return false;
    constexpr int TILES = 1000;  // a map that is large enough for the transform of the weights
    const bool plain = p.groups == 1 && p.kernelHeight == 3 && p.kernelWidth == 3 && p.strideY == 1 && p.strideX == 1 &&
                       p.dilationY == 1 && p.dilationX == 1;
    return !kernel.saturates || !plain ||
           !useWinograd(p.method, p.inChannels, p.outChannels, TILES, int64_t(TILES) * WinogradTiles::PIXELS,
                        gemmKernel());
}

QuantizedFilters packQuantizedFilters(const Conv2dParams& p, const InputQuantization& input, const float* weight,
                                      const float* weightScales, const Int8Kernel& kernel)
{
    QuantizedFilters filters;
    filters.input = input;
    const int rows = p.outChannels / p.groups, channels = p.inChannels / p.groups;
    const int area = p.kernelHeight * p.kernelWidth, steps = divideUp(channels, STEP) * area;
    std::vector<int8_t> A(static_cast<size_t>(rows) * steps * STEP);
    for (int group = 0; group < p.groups; group++)
    {
        std::fill(A.begin(), A.end(), int8_t(0));
        for (int row = 0; row < rows; row++)
        {
            const int o = group * rows + row;
            int32_t sum = 0;
            for (int c = 0; c < channels; c++)
                for (int cell = 0; cell < area; cell++)
                {
                    const int8_t w = quantizedWeight(*weight++, weightScales[o]);
                    const size_t step = static_cast<size_t>(row) * steps + c / STEP * area + cell;
                    A[step * STEP + c % STEP] = w;
                    sum += w;
                }
            filters.factors.push_back(input.scale * weightScales[o]);
            filters.corrections.push_back(-input.zero * sum);
        }
        filters.groups.push_back(packInt8(A.data(), rows, steps, kernel));
    }
    return filters;
}

void quantizedConv2dCpu(const Conv2dParams& p, const Conv2dShape& s, const float* X, const QuantizedFilters& filters,
                        const float* bias, float* Y)
{
    ThreadLease<ScratchOf<uint32_t>, 1> memory;
    const Int8Kernel& kernel = *filters.groups[0].kernel;
    Conv2dShape one = s;
    one.batch = 1;
    const std::vector<ConvTask> tasks =
        makeConvTasks(1, p.groups, one.outHeight * one.outWidth, p.outChannels / p.groups, kernel.mr, kernel.nr);
    for (int image = 0; image < s.batch; image++)
    {
        Call call{p, one, filters, X, nullptr, bias, Y};
        if (!makesOwnWords(p, one, tasks))
        {
            uint32_t* words = memory->get(static_cast<size_t>(p.groups) * call.groupWords() * call.area());
            quantizeImage(call, words);
            call.words = words;
        }
        parallelFor(
            static_cast<int>(tasks.size()),
            [&](int begin, int end)
            {
                for (int i = begin; i < end; i++)
                    runTask(call, tasks[i]);
            },
            static_cast<double>(tasks.size()));
        X += static_cast<size_t>(p.inChannels) * s.height * s.width;
        Y += static_cast<size_t>(p.outChannels) * s.outHeight * s.outWidth;
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
