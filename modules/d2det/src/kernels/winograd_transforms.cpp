// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* See winograd_transforms.hpp.

   With the points p = 0, a, -a, b, -b, infinity (Toom-Cook; q(x) = (x^2 - a^2)(x^2 - b^2)):
     B^T  rows: coefficients of q; of x q / (x -+ p) for the four others; of x q
     G    rows: (1, p, p^2) / N(p), N(0) = a^2 b^2, N(+-a) = 2 a^2 (a^2 - b^2), N(+-b) = 2 b^2 (b^2 - a^2); (0, 0, 1)
     A^T  rows: p^i for i = 0..3; the last one includes the point at infinity */

#include "winograd_transforms.hpp"
#include "simd.hpp"
#include "transpose.hpp"

#include <cstring>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

constexpr int SIDE = WinogradTiles::SIDE, WINDOW = WinogradTiles::WINDOW, GROUP = WinogradTiles::GROUP;
constexpr int POINTS = WINOGRAD_POINTS;
constexpr int FILTER = 3;

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

#if defined(__GNUC__) && (defined(__clang__) || __GNUC__ >= 12)
#define D2DET_TRANSPOSE_8 1
typedef float Float4 __attribute__((vector_size(16)));
typedef float Float8 __attribute__((vector_size(32)));

//! Four cells of eight lines: out[j * GROUP + t] = line t [j].
D2DET_INLINE void transposeLines(const float* const line[8], int shift, float* out)
{
    Float8 x[4];
    D2DET_UNROLL
    for (int k = 0; k < 4; k++)
    {
        Float4 low, high;
        load(line[k] + shift, low);
        load(line[k + 4] + shift, high);
        x[k] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
    }
    // Both halves of a register are transposed like 4x4 values.
    const Float8 a = __builtin_shufflevector(x[0], x[1], 0, 8, 1, 9, 4, 12, 5, 13);
    const Float8 b = __builtin_shufflevector(x[2], x[3], 0, 8, 1, 9, 4, 12, 5, 13);
    const Float8 c = __builtin_shufflevector(x[0], x[1], 2, 10, 3, 11, 6, 14, 7, 15);
    const Float8 d = __builtin_shufflevector(x[2], x[3], 2, 10, 3, 11, 6, 14, 7, 15);
    store(__builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13), out);
    store(__builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15), out + GROUP);
    store(__builtin_shufflevector(c, d, 0, 1, 8, 9, 4, 5, 12, 13), out + 2 * GROUP);
    store(__builtin_shufflevector(c, d, 2, 3, 10, 11, 6, 7, 14, 15), out + 3 * GROUP);
}
#else
#define D2DET_TRANSPOSE_8 0
#endif

//! Cell e of window t -> window[e][t].
template <int BYTES>
D2DET_INLINE void gatherWindows(const InputGroup& g, float (*window)[GROUP])
{
    static_assert(WINDOW == 6, "a line of a window is two overlapping sets of four cells");
    constexpr int WINDOWS = D2DET_TRANSPOSE_8 && BYTES > 16 ? 8 : 4;  // at a time
    for (int t = 0; t < GROUP; t += WINDOWS)
    {
        const float* line[WINDOWS];
        D2DET_UNROLL
        for (int k = 0; k < WINDOWS; k++)
            line[k] = g.planes + g.offsets[t + k];
        for (int i = 0; i < WINDOW; i++)
        {
#if D2DET_TRANSPOSE_8
            if constexpr (WINDOWS == 8)
            {
                transposeLines(line, 2, &window[i * WINDOW + 2][t]);
                transposeLines(line, 0, &window[i * WINDOW][t]);
            }
            else
#endif
            {
                transpose4x4(line[0] + 2, line[1] + 2, line[2] + 2, line[3] + 2, &window[i * WINDOW + 2][t], GROUP);
                transpose4x4(line[0], line[1], line[2], line[3], &window[i * WINDOW][t], GROUP);
            }
            D2DET_UNROLL
            for (int k = 0; k < WINDOWS; k++)
                line[k] += g.rowStride;
        }
    }
}

template <int BYTES>
D2DET_INLINE void transformInputBody(const InputGroup& g)
{
    typedef typename Lanes<BYTES>::Vector Vector;
    alignas(64) float window[POINTS][GROUP];
    gatherWindows<BYTES>(g, window);
    const bool whole = g.piece == GROUP;
    for (int n = 0; n < GROUP; n += Lanes<BYTES>::STEP)
    {
        Vector in[WINDOW], out[WINDOW];
        for (int j = 0; j < WINDOW; j++)
        {
            D2DET_UNROLL
            for (int i = 0; i < WINDOW; i++)
                load(&window[i * WINDOW + j][n], in[i]);
            inputTransform(in, out);
            D2DET_UNROLL
            for (int i = 0; i < WINDOW; i++)
                store(out[i], &window[i * WINDOW + j][n]);
        }
        for (int i = 0; i < WINDOW; i++)
        {
            D2DET_UNROLL
            for (int j = 0; j < WINDOW; j++)
                load(&window[i * WINDOW + j][n], in[j]);
            inputTransform(in, out);
            D2DET_UNROLL
            for (int j = 0; j < WINDOW; j++)
                store(out[j], whole ? g.V + (i * WINDOW + j) * g.stride + n : &window[i * WINDOW + j][n]);
        }
    }
    for (int e = 0; e < POINTS && !whole; e++)
        for (int t = 0; t < GROUP; t += g.piece)
            std::memcpy(g.V + e * g.stride + t / g.piece * g.pieceStride, &window[e][t], g.piece * sizeof(float));
}
D2DET_DISPATCH(dispatchInput, transformInputBody, InputGroup)

template <int BYTES>
D2DET_INLINE void transformFilterBody(const FilterGroup& g)
{
    typedef typename Lanes<BYTES>::Vector Vector;
    for (int n = 0; n < GROUP; n += Lanes<BYTES>::STEP)
    {
        Vector half[WINDOW][FILTER];
        D2DET_UNROLL
        for (int j = 0; j < FILTER; j++)
        {
            Vector in[FILTER], out[WINDOW];
            D2DET_UNROLL
            for (int i = 0; i < FILTER; i++)
                load(g.cells[i * FILTER + j] + n, in[i]);
            filterTransform(in, out);
            D2DET_UNROLL
            for (int i = 0; i < WINDOW; i++)
                half[i][j] = out[i];
        }
        D2DET_UNROLL
        for (int i = 0; i < WINDOW; i++)
        {
            Vector out[WINDOW];
            filterTransform(half[i], out);
            D2DET_UNROLL
            for (int j = 0; j < WINDOW; j++)
                store(out[j], g.U + (i * WINDOW + j) * g.stride + n);
        }
    }
}
D2DET_DISPATCH(dispatchFilter, transformFilterBody, FilterGroup)

template <int BYTES>
D2DET_INLINE void transformOutputBody(const OutputGroup& g)
{
    typedef typename Lanes<BYTES>::Vector Vector;
    alignas(64) float pixels[WinogradTiles::PIXELS][GROUP];
    const Vector bias = g.bias + Vector{}, low = g.low + Vector{}, high = g.high + Vector{};
    for (int n = 0; n < GROUP; n += Lanes<BYTES>::STEP)
    {
        Vector half[SIDE][WINDOW];
        D2DET_UNROLL
        for (int j = 0; j < WINDOW; j++)
        {
            Vector in[WINDOW], out[SIDE];
            D2DET_UNROLL
            for (int i = 0; i < WINDOW; i++)
                load(g.M + (i * WINDOW + j) * g.stride + n, in[i]);
            outputTransform(in, out);
            D2DET_UNROLL
            for (int i = 0; i < SIDE; i++)
                half[i][j] = out[i];
        }
        D2DET_UNROLL
        for (int i = 0; i < SIDE; i++)
        {
            Vector out[SIDE];
            outputTransform(half[i], out);
            D2DET_UNROLL
            for (int j = 0; j < SIDE; j++)
            {
                Vector value = out[j] + bias;
                value = value < low ? low : value;  // this order preserves NaN
                store(value > high ? high : value, &pixels[i * SIDE + j][n]);
            }
        }
    }
    for (int i = 0; i < WinogradTiles::PIXELS; i += 4)
        for (int t = 0; t < GROUP; t += 4)
            transpose4x4(&pixels[i][t], &pixels[i + 1][t], &pixels[i + 2][t], &pixels[i + 3][t],
                         g.Y + t * WinogradTiles::PIXELS + i, WinogradTiles::PIXELS);
}
D2DET_DISPATCH(dispatchOutput, transformOutputBody, OutputGroup)

}  // namespace

void transformInput(const InputGroup& group)
{
    dispatchInput(group);
}

void transformFilter(const FilterGroup& group)
{
    dispatchFilter(group);
}

void transformOutput(const OutputGroup& group)
{
    dispatchOutput(group);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
