// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2AdaptiveWeightedPool, naive form. The oracle of adaptive_weighted_pool_cpu.cpp. Contract: operators.md 3.4, 5.

     L = gain * ref::sigmoid(N), A = exp(L - max over the window), out = sum(F A) / sum(A)
     dF = A / D * G, dN = (F - out) * A / D * G * gain * s (1 - s), s = ref::sigmoid(N), D = sum(A)

   over the window of rows 2i-1..2i+1 and columns 2j-1..2j+1 inside the map. */

#include "adaptive_weighted_pool.hpp"
#include "ref_rules.hpp"

#include <limits>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! The window of output (i, j) of one plane: cell indices and shares A / D.
template <typename T>
struct Window
{
    int count = 0;
    int index[9];
    T share[9];

    Window(float gain, const T* N, int i, int j, int height, int width)
    {
        T best = -std::numeric_limits<T>::infinity(), sum = T(0);
        for (int y = std::max(2 * i - 1, 0); y <= std::min(2 * i + 1, height - 1); y++)
            for (int x = std::max(2 * j - 1, 0); x <= std::min(2 * j + 1, width - 1); x++)
            {
                index[count] = y * width + x;
                share[count] = T(gain) * ref::sigmoid(N[index[count]]);
                best = std::max(best, share[count]);
                count++;
            }
        for (int t = 0; t < count; t++)
            sum += share[t] = std::exp(share[t] - best);
        for (int t = 0; t < count; t++)
            share[t] /= sum;
    }
    T pool(const T* F) const
    {
        T sum = T(0);
        for (int t = 0; t < count; t++)
            sum += F[index[t]] * share[t];
        return sum;
    }
};

}  // namespace

template <typename T>
void adaptiveWeightedPoolRef(float gain, const T* F, const T* N, int planes, int height, int width, T* output)
{
    const int pooledHeight = (height + 1) / 2, pooledWidth = (width + 1) / 2;
    const size_t area = size_t(height) * width;
    for (int plane = 0; plane < planes; plane++)
        for (int i = 0; i < pooledHeight; i++)
            for (int j = 0; j < pooledWidth; j++)
                *output++ = Window<T>(gain, N + plane * area, i, j, height, width).pool(F + plane * area);
}

template <typename T>
void adaptiveWeightedPoolBackwardRef(float gain, const T* F, const T* N, int planes, int height, int width,
                                     const T* gradOutput, T* gradF, T* gradN)
{
    const int pooledHeight = (height + 1) / 2, pooledWidth = (width + 1) / 2;
    const size_t area = size_t(height) * width;
    std::fill(gradF, gradF + planes * area, T(0));
    std::fill(gradN, gradN + planes * area, T(0));
    for (int plane = 0; plane < planes; plane++)
        for (int i = 0; i < pooledHeight; i++)
            for (int j = 0; j < pooledWidth; j++)
            {
                const T* f = F + plane * area;
                const Window<T> window(gain, N + plane * area, i, j, height, width);
                const T out = window.pool(f), g = *gradOutput++;
                for (int t = 0; t < window.count; t++)
                {
                    const int cell = window.index[t];
                    const T s = ref::sigmoid(N[plane * area + cell]);
                    gradF[plane * area + cell] += window.share[t] * g;
                    gradN[plane * area + cell] += (f[cell] - out) * window.share[t] * g * T(gain) * s * (T(1) - s);
                }
            }
}

#define D2DET_INSTANTIATE(T)                                                                \
    template void adaptiveWeightedPoolRef<T>(float, const T*, const T*, int, int, int, T*); \
    template void adaptiveWeightedPoolBackwardRef<T>(float, const T*, const T*, int, int, int, const T*, T*, T*);
D2DET_INSTANTIATE(float)
D2DET_INSTANTIATE(double)
#undef D2DET_INSTANTIATE

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
