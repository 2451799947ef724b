// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Winograd convolution F(4x4, 3x3): the products and the order of the work, see winograd.hpp. */

#include "winograd.hpp"
#include "parallel.hpp"
#include "winograd_transforms.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

std::atomic<size_t> keptBytes(0);

//! Share of WINOGRAD_KEPT_BYTES.
class Reservation
{
public:
    Reservation(size_t bytes, size_t limit) : bytes_(bytes), granted_(keptBytes.fetch_add(bytes) + bytes <= limit) {}
    ~Reservation() { keptBytes -= bytes_; }
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;
    bool granted() const { return granted_; }

private:
    const size_t bytes_;
    const bool granted_;
};

constexpr int GROUP = WinogradTiles::GROUP, POINTS = WINOGRAD_POINTS, CELLS = WINOGRAD_CELLS;
constexpr int PAD = 16;  //!< floats between the matrices of two points: no common cache set

int roundUp(int value, int unit)
{
    return (value + unit - 1) / unit * unit;
}

/** Transformed filters in memory: for each panel of mr output channels and each point [channels, mr]. Transforms write
    16 values at a time, more than mr, so that a point needs some values more. */
struct FilterLayout
{
    FilterLayout(const GemmKernel& kernel, int inChannels)
        : mr(kernel.mr),
          channels(inChannels),
          point(static_cast<size_t>(roundUp(inChannels * mr + GROUP - mr, PAD)) + PAD)
    {
    }
    size_t panel() const { return POINTS * point; }

    int mr, channels;
    size_t point;  //!< floats from one point to the next
};

//! Panel of output channels from `row` (a multiple of mr) -> U.
void transformPanel(const PackedMatrix& weight, int row, const FilterLayout& layout, float* U)
{
    FilterGroup group;
    group.stride = layout.point;
    // In ascending order of addresses: each write of 16 values exceeds the mr required values.
    for (int k = 0; k < layout.channels; k++, U += layout.mr)
    {
        for (int i = 0; i < CELLS; i++)
        {
            const int depth = k * CELLS + i, k0 = depth / GemmKernel::KC * GemmKernel::KC;
            group.cells[i] = weight.panel(row, k0) + static_cast<size_t>(depth - k0) * layout.mr;
        }
        group.U = U;
        transformFilter(group);
    }
}

}  // namespace

//! Those of all output channels.
class WinogradFilters
{
public:
    WinogradFilters(const PackedMatrix& weight, int channels, std::unique_ptr<Reservation> reservation)
        : layout_(*weight.kernel, channels),
          reservation_(std::move(reservation)),
          memory_(bytes(weight, channels) / sizeof(float))
    {
        const int mr = layout_.mr, panels = (weight.rows + mr - 1) / mr;
        parallelFor(panels,
                    [&](int begin, int end)
                    {
                        for (int i = begin; i < end; i++)
                            transformPanel(weight, i * mr, layout_, memory_.data() + i * layout_.panel());
                    });
    }

    static size_t bytes(const PackedMatrix& weight, int channels)
    {
        const FilterLayout layout(*weight.kernel, channels);
        return static_cast<size_t>((weight.rows + layout.mr - 1) / layout.mr) * layout.panel() * sizeof(float);
    }
    //! The panel of output channels from `row`, a multiple of mr.
    const float* panel(int row) const { return memory_.data() + row / layout_.mr * layout_.panel(); }

private:
    const FilterLayout layout_;
    const std::unique_ptr<Reservation> reservation_;
    AlignedFloats memory_;
};

namespace
{

//! One call of winogradMultiply: three matrices for each of the 36 points.
class Product
{
public:
    Product(const PackedMatrix& weight, int channels, int first, int last, const WinogradTiles& tiles)
        : weight_(weight),
          kept_(std::atomic_load(&weight.winograd)),
          kernel_(*weight.kernel),
          tiles_(tiles),
          channels_(channels),
          first_(first),
          last_(last),
          columns_(roundUp(tiles.count, std::max(kernel_.nr, GROUP))),
          layout_(kernel_, channels),
          rows_(std::min(roundUp(BLOCK_ROWS, kernel_.mr), roundUp(last - first, kernel_.mr)))
    {
        strideV_ = static_cast<size_t>(channels_) * columns_ + PAD;
        strideM_ = static_cast<size_t>(rows_) * columns_ + PAD;
        const size_t planes = (tiles.planesSize + PAD - 1) / PAD * PAD;
        const size_t filters = kept_ ? 0 : rows_ / kernel_.mr * layout_.panel();
        V_ = memory_->get(POINTS * (strideV_ + strideM_) + filters + planes);
        U_ = V_ + POINTS * strideV_;
        M_ = U_ + filters;
        planes_ = M_ + POINTS * strideM_;
    }

    void run()
    {
        loadInput();
        for (int row = first_; row < last_; row += rows_)
        {
            const int count = std::min(rows_, last_ - row);
            multiply(loadWeight(row, count), count);
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

    //! Transformed filters of output channels [row, row + count).
    const float* loadWeight(int row, int count)
    {
        if (kept_)
            return kept_->panel(row);
        for (int m = 0; m < count; m += kernel_.mr)
            transformPanel(weight_, row + m, layout_, U_ + m / kernel_.mr * layout_.panel());
        return U_;
    }

    //! M = U V for each point. filters: of `count` output channels
    void multiply(const float* filters, int count)
    {
        for (int e = 0; e < POINTS; e++)
            forBlocks(
                [&](int k0, int block)
                {
                    const float* V = V_ + e * strideV_ + static_cast<size_t>(k0) * columns_;
                    const float* U = filters + e * layout_.point + static_cast<size_t>(k0) * kernel_.mr;
                    float* M = M_ + e * strideM_;
                    for (int j = 0; j < tiles_.count; j += kernel_.nr)
                        for (int m = 0; m < count; m += kernel_.mr)
                            kernel_.run(std::min(kernel_.mr, count - m), tiles_.count - j, block,
                                        U + m / kernel_.mr * layout_.panel(), V + static_cast<size_t>(j) * block,
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
    const std::shared_ptr<const WinogradFilters> kept_;
    const GemmKernel& kernel_;
    const WinogradTiles& tiles_;
    const int channels_, first_, last_;
    const int columns_;  //!< tiles, rounded up
    const FilterLayout layout_;
    const int rows_;  //!< output channels of a block, rounded up
    ThreadLease<Scratch> memory_;
    size_t strideV_, strideM_;
    float *V_, *U_, *M_, *planes_;
};

}  // namespace

void keepWinogradFilters(const PackedMatrix& weight, int channels, size_t limit)
{
    if (!weight.constant || std::atomic_load(&weight.winograd))
        return;
    try
    {
        // No lock: a thread that waits for a parallel loop may run other work meanwhile, which comes here too.
        std::unique_ptr<Reservation> memory(new Reservation(WinogradFilters::bytes(weight, channels), limit));
        if (!memory->granted())
            return;
        std::shared_ptr<const WinogradFilters> none;
        const std::shared_ptr<const WinogradFilters> filters =
            std::make_shared<WinogradFilters>(weight, channels, std::move(memory));
        std::atomic_compare_exchange_strong(&weight.winograd, &none, filters);
    }
    catch (const std::bad_alloc&)
    {
        // Then they are transformed anew each time.
    }
}

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
