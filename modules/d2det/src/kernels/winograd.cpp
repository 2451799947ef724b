// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Winograd convolution F(4x4, 3x3), see winograd.hpp.

   With the points p = 0, a, -a, b, -b, infinity (Toom-Cook; q(x) = (x^2 - a^2)(x^2 - b^2)):
     B^T  rows: coefficients of q; of x q / (x -+ p) for the four others; of x q
     G    rows: (1, p, p^2) / N(p), N(0) = a^2 b^2, N(+-a) = 2 a^2 (a^2 - b^2), N(+-b) = 2 b^2 (b^2 - a^2); (0, 0, 1)
     A^T  rows: p^i for i = 0..3; the last one includes the point at infinity */

#include "winograd.hpp"
#include "parallel.hpp"
#include "simd.hpp"
#include "transpose.hpp"

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

constexpr int SIDE = WinogradTiles::SIDE, WINDOW = WinogradTiles::WINDOW, GROUP = WinogradTiles::GROUP;
constexpr int POINTS = WINDOW * WINDOW;
constexpr int FILTER = 3, CELLS = FILTER * FILTER;
constexpr int PAD = 16;  //!< floats between the matrices of two points: no common cache set

constexpr float a1 = 0.75f, b1 = 1.5f;
constexpr float a2 = a1 * a1, b2 = b1 * b1, a3 = a2 * a1, b3 = b2 * b1;

static_assert(GROUP == CHANNEL_BLOCK, "a group of tiles is one set of lanes");

// ------------------------------------------------------------------ transforms along one axis

template <typename Vector>
D2DET_INLINE void inputTransform(const Vector* d, Vector* v)
{
    const Vector evenA = d[4] - b2 * d[2], oddA = a1 * (d[3] - b2 * d[1]);
    const Vector evenB = d[4] - a2 * d[2], oddB = b1 * (d[3] - a2 * d[1]);
    v[0] = d[4] - (a2 + b2) * d[2] + (a2 * b2) * d[0];
    v[1] = evenA + oddA;
    v[2] = evenA - oddA;
    v[3] = evenB + oddB;
    v[4] = evenB - oddB;
    v[5] = d[5] - (a2 + b2) * d[3] + (a2 * b2) * d[1];
}

template <typename Vector>
D2DET_INLINE void filterTransform(const Vector* g, Vector* u)
{
    constexpr float N0 = a2 * b2, NA = 2 * a2 * (a2 - b2), NB = 2 * b2 * (b2 - a2);
    const Vector evenA = (1 / NA) * g[0] + (a2 / NA) * g[2], oddA = (a1 / NA) * g[1];
    const Vector evenB = (1 / NB) * g[0] + (b2 / NB) * g[2], oddB = (b1 / NB) * g[1];
    u[0] = (1 / N0) * g[0];
    u[1] = evenA + oddA;
    u[2] = evenA - oddA;
    u[3] = evenB + oddB;
    u[4] = evenB - oddB;
    u[5] = g[2];
}

template <typename Vector>
D2DET_INLINE void outputTransform(const Vector* m, Vector* y)
{
    const Vector sumA = m[1] + m[2], differenceA = m[1] - m[2];
    const Vector sumB = m[3] + m[4], differenceB = m[3] - m[4];
    y[0] = m[0] + sumA + sumB;
    y[1] = a1 * differenceA + b1 * differenceB;
    y[2] = a2 * sumA + b2 * sumB;
    y[3] = a3 * differenceA + b3 * differenceB + m[5];
}

template <typename Vector>
D2DET_INLINE void load(const float* p, Vector& v)
{
    std::memcpy(&v, p, sizeof(v));
}

template <typename Vector>
D2DET_INLINE void store(const Vector& v, float* p)
{
    std::memcpy(p, &v, sizeof(v));
}

// ------------------------------------------------------------------ transforms along both axes, 16 tiles or rows

//! 16 windows of one channel.
struct InputGroup
{
    const float* planes;
    const int* offsets;
    int rowStride;
    float* V;  //!< point e of window t -> V[e * stride + t / piece * pieceStride + t % piece]
    size_t stride;
    int piece;  //!< 16 or a divisor of 16
    size_t pieceStride;
};

//! Cell e of window t -> window[e][t].
D2DET_INLINE void gatherWindows(const InputGroup& g, float (*window)[GROUP])
{
    static_assert(WINDOW == 6, "a line of a window is two overlapping sets of four cells");
    for (int t = 0; t < GROUP; t += 4)
    {
        const float* line[4];
        for (int k = 0; k < 4; k++)
            line[k] = g.planes + g.offsets[t + k];
        for (int i = 0; i < WINDOW; i++)
        {
            transpose4x4(line[0] + 2, line[1] + 2, line[2] + 2, line[3] + 2, &window[i * WINDOW + 2][t], GROUP);
            transpose4x4(line[0], line[1], line[2], line[3], &window[i * WINDOW][t], GROUP);
            for (int k = 0; k < 4; k++)
                line[k] += g.rowStride;
        }
    }
}

template <int BYTES>
D2DET_INLINE void transformInputBody(const InputGroup& g)
{
    typedef typename Lanes<BYTES>::Vector Vector;
    alignas(64) float window[POINTS][GROUP];
    gatherWindows(g, window);
    const bool whole = g.piece == GROUP;
    for (int n = 0; n < GROUP; n += Lanes<BYTES>::STEP)
    {
        Vector in[WINDOW], out[WINDOW];
        for (int j = 0; j < WINDOW; j++)
        {
            for (int i = 0; i < WINDOW; i++)
                load(&window[i * WINDOW + j][n], in[i]);
            inputTransform(in, out);
            for (int i = 0; i < WINDOW; i++)
                store(out[i], &window[i * WINDOW + j][n]);
        }
        for (int i = 0; i < WINDOW; i++)
        {
            for (int j = 0; j < WINDOW; j++)
                load(&window[i * WINDOW + j][n], in[j]);
            inputTransform(in, out);
            for (int j = 0; j < WINDOW; j++)
                store(out[j], whole ? g.V + (i * WINDOW + j) * g.stride + n : &window[i * WINDOW + j][n]);
        }
    }
    for (int e = 0; e < POINTS && !whole; e++)
        for (int t = 0; t < GROUP; t += g.piece)
            std::memcpy(g.V + e * g.stride + t / g.piece * g.pieceStride, &window[e][t], g.piece * sizeof(float));
}
D2DET_DISPATCH(transformInput, transformInputBody, InputGroup)

//! The filters of one input channel for a panel of output channels.
struct FilterGroup
{
    const float* cells[CELLS];  //!< contiguous output channels; 16 values are read
    float* U;                   //!< point e of channel i -> U[e * stride + i]; 16 values are written
    size_t stride;
};

template <int BYTES>
D2DET_INLINE void transformFilterBody(const FilterGroup& g)
{
    typedef typename Lanes<BYTES>::Vector Vector;
    for (int n = 0; n < GROUP; n += Lanes<BYTES>::STEP)
    {
        Vector half[WINDOW][FILTER];
        for (int j = 0; j < FILTER; j++)
        {
            Vector in[FILTER], out[WINDOW];
            for (int i = 0; i < FILTER; i++)
                load(g.cells[i * FILTER + j] + n, in[i]);
            filterTransform(in, out);
            for (int i = 0; i < WINDOW; i++)
                half[i][j] = out[i];
        }
        for (int i = 0; i < WINDOW; i++)
        {
            Vector out[WINDOW];
            filterTransform(half[i], out);
            for (int j = 0; j < WINDOW; j++)
                store(out[j], g.U + (i * WINDOW + j) * g.stride + n);
        }
    }
}
D2DET_DISPATCH(transformFilter, transformFilterBody, FilterGroup)

//! 16 tiles of one output channel.
struct OutputGroup
{
    const float* M;  //!< point e of tile t: M[e * stride + t]
    size_t stride;
    float bias, low, high;
    float* Y;  //!< [16 tiles][16 pixels]
};

template <int BYTES>
D2DET_INLINE void transformOutputBody(const OutputGroup& g)
{
    typedef typename Lanes<BYTES>::Vector Vector;
    alignas(64) float pixels[WinogradTiles::PIXELS][GROUP];
    for (int n = 0; n < GROUP; n += Lanes<BYTES>::STEP)
    {
        Vector half[SIDE][WINDOW];
        for (int j = 0; j < WINDOW; j++)
        {
            Vector in[WINDOW], out[SIDE];
            for (int i = 0; i < WINDOW; i++)
                load(g.M + (i * WINDOW + j) * g.stride + n, in[i]);
            outputTransform(in, out);
            for (int i = 0; i < SIDE; i++)
                half[i][j] = out[i];
        }
        for (int i = 0; i < SIDE; i++)
        {
            Vector out[SIDE];
            outputTransform(half[i], out);
            for (int j = 0; j < SIDE; j++)
                store(out[j], &pixels[i * SIDE + j][n]);
        }
    }
    const float bias = g.bias, low = g.low, high = g.high;
    for (auto& pixel : pixels)
        for (float& tile : pixel)
        {
            float value = tile + bias;
            value = value < low ? low : value;  // this order preserves NaN
            tile = value > high ? high : value;
        }
    for (int i = 0; i < WinogradTiles::PIXELS; i += 4)
        for (int t = 0; t < GROUP; t += 4)
            transpose4x4(&pixels[i][t], &pixels[i + 1][t], &pixels[i + 2][t], &pixels[i + 3][t],
                         g.Y + t * WinogradTiles::PIXELS + i, WinogradTiles::PIXELS);
}
D2DET_DISPATCH(transformOutput, transformOutputBody, OutputGroup)

// ------------------------------------------------------------------ products

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
        int restOffsets[GROUP];  // unused slots duplicate a valid tile
        for (int t = 0; t < GROUP; t++)
            restOffsets[t] = tiles_.offsets[tiles_.count - rest + (t < rest ? t : -1)];
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
