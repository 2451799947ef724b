// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIConv, see roi_conv.hpp: the reference, never optimised. */

#include "roi_conv.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! One output pixel: the sum over the kernel's cells inside the map.
template <typename T>
T convolveAt(const RoIConvParams& p, const T* X, int height, int width, const T* weight, int y0, int x0)
{
    T sum = 0;
    for (int c = 0; c < p.inChannels; c++)
        for (int ky = 0; ky < p.kernelHeight; ky++)
            for (int kx = 0; kx < p.kernelWidth; kx++)
            {
                const int y = y0 + ky, x = x0 + kx;
                if (y >= 0 && y < height && x >= 0 && x < width)
                    sum += X[(static_cast<size_t>(c) * height + y) * width + x] *
                           weight[(static_cast<size_t>(c) * p.kernelHeight + ky) * p.kernelWidth + kx];
            }
    return sum;
}

//! Group norm of one row [outChannels, area] in place.
template <typename T>
void groupNormRef(const RoIConvParams& p, const T* gamma, const T* beta, int area, T* Y)
{
    const int channels = p.outChannels / p.normGroups, count = channels * area;
    for (int g = 0; g < p.normGroups; g++)
    {
        T* y = Y + static_cast<size_t>(g) * count;
        double mean = 0, var = 0;
        for (int i = 0; i < count; i++)
            mean += double(y[i]) / count;
        for (int i = 0; i < count; i++)
            var += (y[i] - mean) * (y[i] - mean) / count;
        for (int i = 0; i < count; i++)
        {
            const int o = g * channels + i / area;
            const double value = (y[i] - mean) / std::sqrt(var + double(p.epsilon));
            y[i] = T(value * (gamma ? double(gamma[o]) : 1.) + (beta ? double(beta[o]) : 0.));
        }
    }
}

}  // namespace

template <typename T>
void roiConvRef(const RoIConvParams& p, const T* X, const T* rois, int numRois, int height, int width, const T* weight,
                const T* bias, const T* gamma, const T* beta, T* Y, const T* classes)
{
    const int oh = outputLength(height, p.pad, p.kernelHeight, p.stride);
    const int ow = outputLength(width, p.pad, p.kernelWidth, p.stride);
    const size_t inRow = static_cast<size_t>(p.inChannels) * height * width;
    const size_t outRow = static_cast<size_t>(p.outChannels) * oh * ow;
    const size_t kernel = static_cast<size_t>(p.inChannels) * p.kernelHeight * p.kernelWidth;
    for (int r = 0; r < numRois; r++)
    {
        T* y = Y + r * outRow;
        std::fill(y, y + outRow, T(0));
        const int level = weightSet(p, rois, classes, r);
        if (level < 0)
            continue;
        const size_t first = static_cast<size_t>(level) * p.outChannels;  // of this level's output channels
        for (int o = 0; o < p.outChannels; o++)
            for (int i = 0; i < oh; i++)
                for (int j = 0; j < ow; j++)
                    y[(static_cast<size_t>(o) * oh + i) * ow + j] =
                        convolveAt(p, X + r * inRow, height, width, weight + (first + o) * kernel, i * p.stride - p.pad,
                                   j * p.stride - p.pad) +
                        (bias ? bias[first + o] : T(0));
        if (p.normGroups > 0)
            groupNormRef(p, gamma ? gamma + first : gamma, beta ? beta + first : beta, oh * ow, y);
        for (size_t i = 0; p.relu && i < outRow; i++)
            y[i] = y[i] < 0 ? T(0) : y[i];
        finishRoIConvRow(p, oh, ow, y);
    }
}

template void roiConvRef<float>(const RoIConvParams&, const float*, const float*, int, int, int, const float*,
                                const float*, const float*, const float*, float*, const float*);
template void roiConvRef<double>(const RoIConvParams&, const double*, const double*, int, int, int, const double*,
                                 const double*, const double*, const double*, double*, const double*);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
