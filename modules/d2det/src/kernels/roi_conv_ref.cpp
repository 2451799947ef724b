// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIConv, naive form: every output value on its own. The oracle of roi_conv_cpu.cpp. Formula: roi_conv.hpp. */

#include "ref_rules.hpp"
#include "roi_conv.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! Weight set of a row; -1: not finite, padding, or of no class that there is.
template <typename T>
int setOfRow(const RoIConvParams& p, const T* roi, T cls)
{
    const bool finite = std::all_of(roi, roi + 5, [](T x) { return std::isfinite(x); });
    const bool padding = std::all_of(roi + 1, roi + 5, [](T x) { return x == 0; });
    if (!finite || padding || (p.byClass && !(cls >= 0 && cls < T(p.weightSets))))
        return -1;
    return p.byClass ? static_cast<int>(cls) : ref::pyramidLevel(roi, p.finestScale, p.weightSets, p.legacy);
}

//! One output pixel: the sum over the kernel's cells inside the map.
template <typename T>
T convolveAt(const RoIConvParams& p, const RoIConvArgs<T>& args, const T* X, const T* weight, int y0, int x0)
{
    const int height = args.height, width = args.width;
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
void groupNorm(const RoIConvParams& p, const T* gamma, const T* beta, int area, T* Y)
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
void roiConvRef(const RoIConvParams& p, const RoIConvArgs<T>& args, T* Y)
{
    const int height = args.height, width = args.width;
    const T* X = args.X;
    const int oh = (height + 2 * p.pad - p.kernelHeight) / p.stride + 1;
    const int ow = (width + 2 * p.pad - p.kernelWidth) / p.stride + 1;
    const int u = p.upsample, channels = p.outChannels / (u * u);
    const size_t inRow = static_cast<size_t>(p.inChannels) * height * width;
    const size_t outRow = static_cast<size_t>(p.outChannels) * oh * ow;
    const size_t kernel = static_cast<size_t>(p.inChannels) * p.kernelHeight * p.kernelWidth;
    std::vector<T> row(outRow);
    for (int r = 0; r < args.numRois; r++, X += inRow, Y += outRow)
    {
        std::fill(Y, Y + outRow, T(0));
        const int set = setOfRow(p, args.rois + 5 * static_cast<size_t>(r), p.byClass ? args.classes[r] : T(0));
        if (set < 0)
            continue;
        const size_t first = static_cast<size_t>(set) * p.outChannels;  // of this set's output channels
        for (int o = 0; o < p.outChannels; o++)
            for (int i = 0; i < oh; i++)
                for (int j = 0; j < ow; j++)
                    row[(static_cast<size_t>(o) * oh + i) * ow + j] =
                        convolveAt(p, args, X, args.weight + (first + o) * kernel, i * p.stride - p.pad,
                                   j * p.stride - p.pad) +
                        (args.bias ? args.bias[first + o] : T(0));
        if (p.normGroups > 0)
            groupNorm(p, args.gamma ? args.gamma + first : nullptr, args.beta ? args.beta + first : nullptr, oh * ow,
                      row.data());
        for (int c = 0; c < channels; c++)
            for (int y = 0; y < u * oh; y++)
                for (int x = 0; x < u * ow; x++)
                {
                    const int o = u * u * c + u * (y % u) + x % u;
                    T value = row[(static_cast<size_t>(o) * oh + y / u) * ow + x / u];
                    if (p.relu && value < 0)
                        value = T(0);
                    Y[(static_cast<size_t>(c) * u * oh + y) * u * ow + x] =
                        p.sigmoid ? T(1) / (T(1) + std::exp(-value)) : value;
                }
    }
}

#define REFERENCES(T) template void roiConvRef<T>(const RoIConvParams&, const RoIConvArgs<T>&, T*);
D2DET_INSTANTIATE(REFERENCES)

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
