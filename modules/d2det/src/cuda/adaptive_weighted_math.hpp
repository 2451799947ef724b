// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Adaptive weighted pooling: values of one cell and of one window. Host and device. Contract: operators.md 3.4, 5.

     A = exp(gain * sigmoid(N));  out = sum(F A) / sum(A);  dF = A / D * G;  dN = (F - out) A / D * G * gain * s (1 - s)

   exp(gain * s - max(gain, 0)) lies in [exp(-|gain|), 1]. As long as that is far from underflow one value per cell
   serves all windows that contain it; for larger gains the exponent is kept and the window's maximum subtracted. */

#ifndef OPENCV_D2DET_CUDA_ADAPTIVE_WEIGHTED_MATH_HPP
#define OPENCV_D2DET_CUDA_ADAPTIVE_WEIGHTED_MATH_HPP

#include "../kernels/common.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

constexpr float MAX_SHARED_GAIN = 80.f;  //!< exp(-80) = 1.8e-35

struct WeightRule
{
    float gain, top;
    bool shared;  //!< true: the value of a cell is the weight, else the exponent of the weight

    D2DET_HOST_DEVICE explicit WeightRule(float g)
        : gain(g), top(kernels::max2(g, 0.f)), shared(g >= -MAX_SHARED_GAIN && g <= MAX_SHARED_GAIN)
    {
    }
    //! Stored value of a cell.
    D2DET_HOST_DEVICE float ofCell(float N) const
    {
        const float exponent = gain * kernels::sigmoid(N);
        return shared ? std::exp(exponent - top) : exponent;
    }
    //! Weight of a cell in a window with maximum `best`.
    D2DET_HOST_DEVICE float weight(float ofCell, float best) const { return shared ? ofCell : std::exp(ofCell - best); }
};

//! Values of cells, precomputed or computed on the fly from N.
struct StagedNumbers
{
    const float* numbers;
    D2DET_HOST_DEVICE float at(const WeightRule&, int cell) const { return numbers[cell]; }
};
struct FreshNumbers
{
    const float* N;
    D2DET_HOST_DEVICE float at(const WeightRule& rule, int cell) const { return rule.ofCell(N[cell]); }
};

//! Common values of the cells of a window.
struct WindowResult
{
    float best, sum, out;  //!< maximum exponent (unused if shared), D, pooled value
};

//! Output (i, j) of one plane: rows 2i - 1 .. 2i + 1 and columns 2j - 1 .. 2j + 1 inside the map.
template <typename Numbers>
D2DET_HOST_DEVICE inline WindowResult poolWindow(const WeightRule& rule, const float* F, const Numbers& numbers, int i,
                                                 int j, int height, int width)
{
    const int y0 = kernels::max2(2 * i - 1, 0), y1 = kernels::min2(2 * i + 1, height - 1);
    const int x0 = kernels::max2(2 * j - 1, 0), x1 = kernels::min2(2 * j + 1, width - 1);
    WindowResult window{0.f, 0.f, 0.f};
    if (!rule.shared)
    {
        window.best = numbers.at(rule, y0 * width + x0);
        for (int y = y0; y <= y1; y++)
            for (int x = x0; x <= x1; x++)
                window.best = kernels::max2(window.best, numbers.at(rule, y * width + x));
    }
    float weighted = 0.f;
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++)
        {
            const int cell = y * width + x;
            const float weight = rule.weight(numbers.at(rule, cell), window.best);
            weighted += F[cell] * weight;
            window.sum += weight;
        }
    window.out = weighted / window.sum;
    return window;
}

//! Gradients of a cell, summed over its windows with add() in ascending order of windows.
struct CellGradient
{
    float F, number;
    float gradF = 0.f, gradN = 0.f;

    D2DET_HOST_DEVICE CellGradient(float value, float ofCell) : F(value), number(ofCell) {}

    D2DET_HOST_DEVICE void add(const WeightRule& rule, const WindowResult& window, float gradOutput)
    {
        const float u = rule.weight(number, window.best) / window.sum * gradOutput;
        gradF += u;
        gradN += (F - window.out) * u;
    }
    //! Common factor of all windows.
    D2DET_HOST_DEVICE void finish(const WeightRule& rule, float N)
    {
        const float s = kernels::sigmoid(N);
        gradN *= rule.gain * s * (1.f - s);
    }
};

//! Windows that contain row (or column) y: first .. last.
D2DET_HOST_DEVICE inline int firstWindow(int y)
{
    return y / 2;
}
D2DET_HOST_DEVICE inline int lastWindow(int y, int pooled)
{
    return kernels::min2((y + 1) / 2, pooled - 1);
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
