// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2InstanceNorm on the CPU. Contract: operators.md 3.5.

   Two passes: the mean, then the variance around it. The second pass corrects the rounding error of the mean:
   with d = X - m, mean = m + avg(d) and var = avg(d^2) - avg(d)^2. */

#include "instance_norm.hpp"
#include "parallel.hpp"
#include "simd.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

struct PlaneTask
{
    const float* X;
    float* Y;
    int area;
    float scale, bias, epsilon;
};

//! Sums of d and d * d, d = X - m.
struct Moments
{
    double sum = 0, squares = 0;
};

template <int BYTES>
D2DET_INLINE Moments moments(const PlaneTask& t, float m)
{
    constexpr int CHUNK = 64 * CHANNEL_BLOCK;  // summed in single precision, 64 values per lane
    Moments total;
    int i = 0;
    while (i + CHANNEL_BLOCK <= t.area)
    {
        const int end = std::min(t.area - CHANNEL_BLOCK, i + CHUNK - CHANNEL_BLOCK);
        Lanes<BYTES> sum, squares;
        sum.clear();
        squares.clear();
        for (; i <= end; i += CHANNEL_BLOCK)
        {
            Lanes<BYTES> d;
            d.load(t.X + i);
            d.subtract(m);
            sum.madd(1.f, d);
            squares.madd(d, d);
        }
        float s[CHANNEL_BLOCK], q[CHANNEL_BLOCK];
        sum.store(s);
        squares.store(q);
        for (int c = 0; c < CHANNEL_BLOCK; c++)
        {
            total.sum += s[c];
            total.squares += q[c];
        }
    }
    for (; i < t.area; i++)
    {
        const float d = t.X[i] - m;
        total.sum += d;
        total.squares += double(d) * d;
    }
    return total;
}

template <int BYTES>
D2DET_INLINE void planeBody(const PlaneTask& t)
{
    const float m = static_cast<float>(moments<BYTES>(t, 0.f).sum / t.area);
    const Moments rest = moments<BYTES>(t, m);
    const double shift = rest.sum / t.area, var = std::max(rest.squares / t.area - shift * shift, 0.0);
    const double factor = t.scale / std::sqrt(var + t.epsilon);
    const float a = static_cast<float>(factor), b = static_cast<float>(t.bias - shift * factor);
    for (int i = 0; i < t.area; i++)
        t.Y[i] = (t.X[i] - m) * a + b;
}

D2DET_DISPATCH(normalizePlane, planeBody, PlaneTask)

}  // namespace

void instanceNormCpu(const InstanceNormParams& p, const float* X, const float* scale, const float* bias, float* Y)
{
    parallelFor(p.rows * p.channels,
                [&](int begin, int end)
                {
                    for (int i = begin; i < end; i++)
                    {
                        const size_t at = static_cast<size_t>(i) * p.area;
                        const int c = i % p.channels;
                        normalizePlane({X + at, Y + at, p.area, scale[c], bias[c], p.epsilon});
                    }
                });
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
