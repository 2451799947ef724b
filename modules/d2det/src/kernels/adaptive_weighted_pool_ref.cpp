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

    Window(const AdaptiveWeightedPoolParams& p, const T* N, int i, int j)
    {
        T best = -std::numeric_limits<T>::infinity(), sum = T(0);
        for (int y = std::max(2 * i - 1, 0); y <= std::min(2 * i + 1, p.height - 1); y++)
            for (int x = std::max(2 * j - 1, 0); x <= std::min(2 * j + 1, p.width - 1); x++)
            {
                index[count] = y * p.width + x;
                share[count] = T(p.gain) * ref::sigmoid(N[index[count]]);
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
void adaptiveWeightedPoolRef(const AdaptiveWeightedPoolParams& p, const T* F, const T* N, T* output)
{
    const size_t area = size_t(p.height) * p.width;
    for (int plane = 0; plane < p.planes; plane++)
        for (int i = 0; i < (p.height + 1) / 2; i++)
            for (int j = 0; j < (p.width + 1) / 2; j++)
                *output++ = Window<T>(p, N + plane * area, i, j).pool(F + plane * area);
}

template <typename T>
void adaptiveWeightedPoolBackwardRef(const AdaptiveWeightedPoolParams& p, const T* F, const T* N, const T* gradOutput,
                                     const AdaptiveWeightedPoolGradients<T>& grad)
{
    const size_t area = size_t(p.height) * p.width;
    std::fill(grad.F, grad.F + p.planes * area, T(0));
    std::fill(grad.N, grad.N + p.planes * area, T(0));
    for (int plane = 0; plane < p.planes; plane++)
        for (int i = 0; i < (p.height + 1) / 2; i++)
            for (int j = 0; j < (p.width + 1) / 2; j++)
            {
                const T* f = F + plane * area;
                const Window<T> window(p, N + plane * area, i, j);
                const T out = window.pool(f), g = *gradOutput++;
                for (int t = 0; t < window.count; t++)
                {
                    const int cell = window.index[t];
                    const T s = ref::sigmoid(N[plane * area + cell]);
                    grad.F[plane * area + cell] += window.share[t] * g;
                    grad.N[plane * area + cell] += (f[cell] - out) * window.share[t] * g * T(p.gain) * s * (T(1) - s);
                }
            }
}

#define REFERENCES(T)                                                                                                 \
    template void adaptiveWeightedPoolRef<T>(const AdaptiveWeightedPoolParams&, const T*, const T*, T*);              \
    template void adaptiveWeightedPoolBackwardRef<T>(const AdaptiveWeightedPoolParams&, const T*, const T*, const T*, \
                                                     const AdaptiveWeightedPoolGradients<T>&);
D2DET_INSTANTIATE(REFERENCES)

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
