// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2AdaptiveWeightedPool on the CPU. Contract: operators.md 3.4, 5. Method: 16 interleaved planes, [cell][16].

   A = exp(gain * sigmoid(N) - max(gain, 0)) lies in [exp(-|gain|), 1]. While this is a normal float, one value per
   cell is sufficient for all windows; for larger gains the maximum of each window is subtracted, as in the
   definition. */

#include "adaptive_weighted_pool.hpp"
#include "pooling_taps.hpp"

#include <cstring>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

constexpr float MAX_SHARED_GAIN = 80.f;  //!< exp(-80) = 1.8e-35
constexpr float MAX_EXPONENT = 87.f;

//! exp(x) for x in [-87, 87], relative error 1.2e-7: 2^n * p(x - n ln 2), coefficients of Cephes' expf.
D2DET_INLINE float fastExp(float x)
{
    constexpr float MAGIC = 12582912.f;  // 1.5 * 2^23: adding it rounds to an integer
    constexpr uint32_t MAGIC_BITS = 0x4B400000u;
    const float shifted = x * 1.44269504088896341f + MAGIC;
    const float n = shifted - MAGIC;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float y = 1.9875691500e-4f;
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * r * r + r + 1.f;
    uint32_t bits;
    std::memcpy(&bits, &shifted, sizeof(bits));
    bits = (bits - MAGIC_BITS + 127u) << 23;
    float scale;
    std::memcpy(&scale, &bits, sizeof(scale));
    return y * scale;
}

D2DET_INLINE float clampExponent(float x)
{
    x = x < -MAX_EXPONENT ? -MAX_EXPONENT : x;
    return x > MAX_EXPONENT ? MAX_EXPONENT : x;
}

//! 16 planes, all arrays [cell][16].
struct BlockTask
{
    float gain;
    int height, width;
    const float* F;
    float* S;       //!< in: N, afterwards sigmoid(N)
    float* A;       //!< weights (or gain * sigmoid(N) with a maximum per window)
    float* pooled;  //!< output; if backward: its gradient
    float* gradF;   //!< nullptr: forward
    float* gradN;
};

//! A of the cells of one window, [count][16].
struct Window
{
    int count;
    int cell[9];
    float A[9 * CHANNEL_BLOCK];
};

inline void findCells(const BlockTask& t, int i, int j, Window& window)
{
    window.count = 0;
    for (int y = std::max(2 * i - 1, 0); y <= std::min(2 * i + 1, t.height - 1); y++)
        for (int x = std::max(2 * j - 1, 0); x <= std::min(2 * j + 1, t.width - 1); x++)
            window.cell[window.count++] = y * t.width + x;
}

D2DET_INLINE void weighCells(const BlockTask& t, bool shared, Window& window)
{
    for (int k = 0; k < window.count; k++)
        std::memcpy(window.A + k * CHANNEL_BLOCK, t.A + size_t(window.cell[k]) * CHANNEL_BLOCK,
                    CHANNEL_BLOCK * sizeof(float));
    if (shared)
        return;
    float best[CHANNEL_BLOCK];
    std::memcpy(best, window.A, sizeof(best));
    for (int k = 1; k < window.count; k++)
        for (int c = 0; c < CHANNEL_BLOCK; c++)
            best[c] = std::max(best[c], window.A[k * CHANNEL_BLOCK + c]);
    for (int k = 0; k < window.count; k++)
        for (int c = 0; c < CHANNEL_BLOCK; c++)
            window.A[k * CHANNEL_BLOCK + c] = fastExp(clampExponent(window.A[k * CHANNEL_BLOCK + c] - best[c]));
}

//! S = sigmoid(N); A.
D2DET_INLINE void weighBlock(const BlockTask& t, bool shared)
{
    const size_t count = size_t(t.height) * t.width * CHANNEL_BLOCK;
    const float gain = t.gain, top = std::max(t.gain, 0.f);
    float* D2DET_RESTRICT S = t.S;
    float* D2DET_RESTRICT A = t.A;
    for (size_t i = 0; i < count; i++)
        S[i] = 1.f / (1.f + fastExp(-clampExponent(S[i])));
    if (shared)
        for (size_t i = 0; i < count; i++)
            A[i] = fastExp(gain * S[i] - top);
    else
        for (size_t i = 0; i < count; i++)
            A[i] = gain * S[i];
}

//! Adds the gradients of one window: u = A / D * G, dF += u, dN += (F - out) * u
template <int BYTES>
D2DET_INLINE void scatterWindow(const BlockTask& t, const Window& window, const Lanes<BYTES>& share,
                                const Lanes<BYTES>& out)
{
    for (int k = 0; k < window.count; k++)
    {
        const size_t at = size_t(window.cell[k]) * CHANNEL_BLOCK;
        Lanes<BYTES> u, d, a, gradF, gradN;
        a.load(window.A + k * CHANNEL_BLOCK);
        u.clear();
        u.madd(a, share);
        d.load(t.F + at);
        d.madd(-1.f, out);
        gradF.load(t.gradF + at);
        gradF.madd(1.f, u);
        gradF.store(t.gradF + at);
        gradN.load(t.gradN + at);
        gradN.madd(d, u);
        gradN.store(t.gradN + at);
    }
}

template <int BYTES>
D2DET_INLINE void blockBody(const BlockTask& t)
{
    const bool shared = std::abs(t.gain) <= MAX_SHARED_GAIN;
    const int pooledHeight = (t.height + 1) / 2, pooledWidth = (t.width + 1) / 2;
    weighBlock(t, shared);
    Window window;
    for (int i = 0; i < pooledHeight; i++)
        for (int j = 0; j < pooledWidth; j++)
        {
            findCells(t, i, j, window);
            weighCells(t, shared, window);
            Lanes<BYTES> sum, weight, out;
            sum.clear();
            weight.clear();
            for (int k = 0; k < window.count; k++)
            {
                Lanes<BYTES> a, f;
                a.load(window.A + k * CHANNEL_BLOCK);
                f.load(t.F + size_t(window.cell[k]) * CHANNEL_BLOCK);
                sum.madd(a, f);
                weight.madd(1.f, a);
            }
            float* pooled = t.pooled + (size_t(i) * pooledWidth + j) * CHANNEL_BLOCK;
            out.divide(sum, weight);
            if (!t.gradF)
            {
                out.store(pooled);
                continue;
            }
            Lanes<BYTES> share;
            share.load(pooled);
            share.divide(share, weight);
            scatterWindow<BYTES>(t, window, share, out);
        }
    if (!t.gradF)
        return;
    const size_t count = size_t(t.height) * t.width * CHANNEL_BLOCK;
    for (size_t i = 0; i < count; i++)
        t.gradN[i] *= t.gain * t.S[i] * (1.f - t.S[i]);
}

D2DET_DISPATCH(runBlock, blockBody, BlockTask)

//! Calls body(first plane, planes <= 16, memory of `floats` values) for all blocks of planes.
template <typename Body>
void forEachPlaneBlock(int planes, size_t floats, const Body& body)
{
    parallelFor((planes + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK,
                [&](int begin, int end)
                {
                    ThreadLease<Scratch> memory;
                    float* room = memory->get(floats);
                    for (int b = begin; b < end; b++)
                    {
                        const int plane = b * CHANNEL_BLOCK;
                        body(static_cast<size_t>(plane), std::min(planes - plane, CHANNEL_BLOCK), room);
                    }
                });
}

//! Floats of 16 planes.
struct BlockSizes
{
    size_t area, pooledArea;

    explicit BlockSizes(const AdaptiveWeightedPoolParams& p)
        : area(size_t(p.height) * p.width), pooledArea(size_t((p.height + 1) / 2) * ((p.width + 1) / 2))
    {
    }
    size_t map() const { return area * CHANNEL_BLOCK; }
    size_t pooled() const { return pooledArea * CHANNEL_BLOCK; }
};

}  // namespace

void adaptiveWeightedPoolCpu(const AdaptiveWeightedPoolParams& p, const float* F, const float* N, float* output)
{
    const BlockSizes size(p);
    const size_t area = size.area, pooledArea = size.pooledArea;
    forEachPlaneBlock(p.planes, 3 * size.map() + size.pooled(),
                      [&](size_t plane, int n, float* room)
                      {
                          float *f = room, *s = f + size.map(), *a = s + size.map(), *pooled = a + size.map();
                          blockToLanes(F + plane * area, area, n, area, f);
                          blockToLanes(N + plane * area, area, n, area, s);
                          runBlock({p.gain, p.height, p.width, f, s, a, pooled, nullptr, nullptr});
                          lanesToBlock(pooled, pooledArea, n, output + plane * pooledArea, pooledArea);
                      });
}

void adaptiveWeightedPoolBackwardCpu(const AdaptiveWeightedPoolParams& p, const float* F, const float* N,
                                     const float* gradOutput, const AdaptiveWeightedPoolGradients<float>& grad)
{
    const BlockSizes size(p);
    const size_t area = size.area, pooledArea = size.pooledArea;
    forEachPlaneBlock(p.planes, 5 * size.map() + size.pooled(),
                      [&](size_t plane, int n, float* room)
                      {
                          float *f = room, *s = f + size.map(), *a = s + size.map(), *df = a + size.map();
                          float *dn = df + size.map(), *pooled = dn + size.map();
                          blockToLanes(F + plane * area, area, n, area, f);
                          blockToLanes(N + plane * area, area, n, area, s);
                          blockToLanes(gradOutput + plane * pooledArea, pooledArea, n, pooledArea, pooled);
                          std::fill(df, pooled, 0.f);  // df and dn are adjacent
                          runBlock({p.gain, p.height, p.width, f, s, a, pooled, df, dn});
                          lanesToBlock(df, area, n, grad.F + plane * area, area);
                          lanesToBlock(dn, area, n, grad.N + plane * area, area);
                      });
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
