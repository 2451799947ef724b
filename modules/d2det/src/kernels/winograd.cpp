// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Winograd convolution F(4x4, 3x3): the products and the order of the work, see winograd.hpp. */

#include "winograd.hpp"
#include "parallel.hpp"
#include "winograd_transforms.hpp"

#include <cstdlib>
#include <cstring>

namespace cv
{
namespace d2det
{
namespace kernels
{

constexpr int WinogradTiles::SIDE;
constexpr int WinogradTiles::WINDOW;
constexpr int WinogradTiles::GROUP;
constexpr int WinogradTiles::PIXELS;

namespace
{

constexpr int GROUP = WinogradTiles::GROUP, POINTS = WINOGRAD_POINTS, CELLS = WINOGRAD_CELLS;
constexpr int PAD = 16;  //!< floats between the matrices of two points: no common cache set

int roundUp(int value, int unit)
{
    return (value + unit - 1) / unit * unit;
}

//! One call of winogradMultiply: three matrices for each of the 36 points.
class Product
{
public:
    Product(const PackedMatrix& weight, int channels, int first, int last, const WinogradTiles& tiles)
        : weight_(weight),
          kernel_(*weight.kernel),
          tiles_(tiles),
          channels_(channels),
          first_(first),
          last_(last),
          columns_(roundUp(tiles.count, std::max(kernel_.nr, GROUP))),
          rows_(std::min(roundUp(BLOCK_ROWS, kernel_.mr), roundUp(last - first, kernel_.mr)))
    {
        strideV_ = static_cast<size_t>(channels_) * columns_ + PAD;
        strideU_ = (static_cast<size_t>(channels_) * rows_ + 2 * PAD - 1) / PAD * PAD + PAD;
        strideM_ = static_cast<size_t>(rows_) * columns_ + PAD;
        const size_t planes = (tiles.planesSize + PAD - 1) / PAD * PAD;
        V_ = memory_->get(POINTS * (strideV_ + strideU_ + strideM_) + planes);
        U_ = V_ + POINTS * strideV_;
        M_ = U_ + POINTS * strideU_;
        planes_ = M_ + POINTS * strideM_;
    }

    void run()
    {
        loadInput();
        for (int row = first_; row < last_; row += rows_)
        {
            const int count = std::min(rows_, last_ - row);
            loadWeight(row, count);
            multiply(count);
            storeOutput(row, count);
        }
    }

private:
    static constexpr int BLOCK_ROWS = 48;  //!< output channels per transform of weights

    //! Depth blocks as in multiplyBlocked: fn(first channel, channels).
    template <typename Fn>
    void forBlocks(Fn&& fn) const
    {
        for (int k0 = 0; k0 < channels_; k0 += GemmKernel::KC)
            fn(k0, std::min(GemmKernel::KC, channels_ - k0));
    }

    //! V: for each point, blocks of depth of panels [block, nr].
    void loadInput()
    {
        const int nr = kernel_.nr, piece = std::min(nr, GROUP), rest = tiles_.count % GROUP;
        int restOffsets[GROUP];  // of the groups that are not full; unused slots repeat the last tile
        for (int t = 0; t < GROUP; t++)
            restOffsets[t] = tiles_.offsets[std::min(tiles_.count - rest + t, tiles_.count - 1)];
        forBlocks(
            [&](int k0, int block)
            {
                const size_t panel = static_cast<size_t>(block) * nr;
                for (int k = 0; k < block; k++)
                {
                    tiles_.load(k0 + k, planes_);
                    for (int t = 0; t < columns_; t += GROUP)
                    {
                        float* V = V_ + static_cast<size_t>(k0) * columns_ + t / nr * panel + k * nr + t % nr;
                        const int* offsets = t + GROUP > tiles_.count ? restOffsets : tiles_.offsets + t;
                        transformInput({planes_, offsets, tiles_.rowStride, V, strideV_, piece, panel});
                    }
                }
            });
    }

    //! U: for each point, blocks of depth of panels [block, mr], for output channels [row, row + count).
    void loadWeight(int row, int count)
    {
        const int mr = kernel_.mr;
        // In ascending order of addresses: each write of 16 values exceeds the mr required values.
        forBlocks(
            [&](int k0, int block)
            {
                for (int m = 0; m < count; m += mr)
                {
                    float* U = U_ + static_cast<size_t>(k0) * rows_ + static_cast<size_t>(m) * block;
                    for (int k = 0; k < block; k++, U += mr)
                    {
                        FilterGroup group;
                        for (int i = 0; i < CELLS; i++)
                            group.cells[i] = weightAt(row + m, (k0 + k) * CELLS + i);
                        group.U = U;
                        group.stride = strideU_;
                        transformFilter(group);
                    }
                }
            });
    }

    //! mr output channels at one depth of the packed matrix of the direct product.
    const float* weightAt(int row, int depth) const
    {
        const int k0 = depth / GemmKernel::KC * GemmKernel::KC;
        return weight_.panel(row, k0) + static_cast<size_t>(depth - k0) * kernel_.mr;
    }

    //! M = U V for each point.
    void multiply(int count)
    {
        for (int e = 0; e < POINTS; e++)
            forBlocks(
                [&](int k0, int block)
                {
                    const float* V = V_ + e * strideV_ + static_cast<size_t>(k0) * columns_;
                    const float* U = U_ + e * strideU_ + static_cast<size_t>(k0) * rows_;
                    float* M = M_ + e * strideM_;
                    for (int j = 0; j < tiles_.count; j += kernel_.nr)
                        for (int m = 0; m < count; m += kernel_.mr)
                            kernel_.run(std::min(kernel_.mr, count - m), tiles_.count - j, block,
                                        U + static_cast<size_t>(m) * block, V + static_cast<size_t>(j) * block,
                                        M + static_cast<size_t>(m) * columns_ + j, columns_, k0 > 0);
                });
    }

    void storeOutput(int row, int count)
    {
        alignas(64) float pixels[WinogradTiles::PIXELS * GROUP];
        for (int m = 0; m < count; m++)
            for (int t = 0; t < tiles_.count; t += GROUP)
            {
                transformOutput({M_ + static_cast<size_t>(m) * columns_ + t, strideM_,
                                 tiles_.bias ? tiles_.bias[row + m] : 0.f, tiles_.low, tiles_.high, pixels});
                tiles_.store(row + m, t, std::min(GROUP, tiles_.count - t), pixels);
            }
    }

    const PackedMatrix& weight_;
    const GemmKernel& kernel_;
    const WinogradTiles& tiles_;
    const int channels_, first_, last_;
    const int columns_;  //!< tiles, rounded up
    const int rows_;     //!< output channels of a block, rounded up
    ThreadLease<Scratch> memory_;
    size_t strideV_, strideU_, strideM_;
    float *V_, *U_, *M_, *planes_;
};

}  // namespace

void winogradMultiply(const PackedMatrix& weight, int channels, int first, int last, const WinogradTiles& tiles)
{
    Product(weight, channels, first, last, tiles).run();
}

bool useWinograd(ConvolutionMethod method, int inChannels, int outChannels, int64_t tiles, int64_t pixels,
                 const GemmKernel& kernel)
{
    static const bool wanted = []
    {
        const char* choice = std::getenv("OPENCV_D2DET_WINOGRAD");
        return !choice || std::strcmp(choice, "0") != 0;
    }();
    if (method != ConvolutionMethod::AUTO || !wanted)
        return method == ConvolutionMethod::WINOGRAD;
    constexpr int MAX_CHANNELS = 4096;  // limits the transformed input per thread to 60 MB
    if (inChannels > MAX_CHANNELS)
        return false;
    // Cost in multiplications per pair of channels. Transforms as equivalent multiplications (measured, AVX-512): per
    // tile for each input channel and each output channel, per task for each filter.
    constexpr double INPUT = 1600, OUTPUT = 1000, FILTERS = 650, TASK = 192, MARGIN = 0.9;
    const int half = kernel.nr / 2;  // minimum number of columns computed by the kernels
    const auto padded = [half](int64_t columns) { return static_cast<double>((columns + half - 1) / half * half); };
    const double cost = padded(tiles) * (POINTS + INPUT / outChannels + OUTPUT / inChannels) +
                        FILTERS * std::max(1., static_cast<double>(tiles) / TASK);
    return cost < MARGIN * CELLS * padded(pixels);
}

WinogradPartition::WinogradPartition(int inChannels, int outChannels, int tiles, int repeats, const GemmKernel& kernel)
    : tiles_(tiles), outChannels_(outChannels)
{
    constexpr int TASKS_PER_THREAD = 4;
    constexpr int MEMORY = 8 << 20;                 // floats of transformed input
    constexpr int MIN_TILES = 96, MAX_TILES = 192;  // per task
    constexpr int MIN_CHANNELS = 48;                // per task, so that the transform of the input is cheaper
    const int wanted = TASKS_PER_THREAD * numThreads();
    const int most = std::max(MIN_TILES, std::min(MAX_TILES, MEMORY / (POINTS * inChannels)));
    const int even = (tiles * repeats + wanted - 1) / wanted;
    perTask_ = roundUp(std::min(even, most), kernel.nr);
    blocks_ = (tiles + perTask_ - 1) / perTask_;
    const int splits = std::min((wanted + blocks_ * repeats - 1) / (blocks_ * repeats), outChannels / MIN_CHANNELS);
    channels_ = roundUp((outChannels + std::max(splits, 1) - 1) / std::max(splits, 1), kernel.mr);
    splits_ = (outChannels + channels_ - 1) / channels_;
}

WinogradTask WinogradPartition::task(int i) const
{
    const int begin = i / splits_ * perTask_, first = i % splits_ * channels_;
    return {begin, std::min(begin + perTask_, tiles_), first, std::min(first + channels_, outChannels_)};
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
