// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Convolution of entire maps, naive form. The oracle of conv2d_cpu.cpp. Formula: conv2d.hpp. */

#include "conv2d.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! One output value without bias: the sum over the kernel's cells that lie on the map. X and filter [C / G, kh, kw] of
//! the group
double convolveAt(const Conv2dParams& p, const Conv2dShape& s, const float* X, const float* filter, int y0, int x0)
{
    double sum = 0;
    for (int c = 0; c < p.inChannels / p.groups; c++)
        for (int i = 0; i < p.kernelHeight; i++)
            for (int j = 0; j < p.kernelWidth; j++)
            {
                const int y = y0 + i * p.dilationY, x = x0 + j * p.dilationX;
                if (y >= 0 && y < s.height && x >= 0 && x < s.width)
                    sum += double(X[(static_cast<size_t>(c) * s.height + y) * s.width + x]) *
                           filter[(static_cast<size_t>(c) * p.kernelHeight + i) * p.kernelWidth + j];
            }
    return sum;
}

}  // namespace

void conv2dRef(const Conv2dParams& p, const Conv2dShape& s, const float* X, const float* weight, const float* bias,
               float* Y)
{
    const size_t image = static_cast<size_t>(p.inChannels) * s.height * s.width;
    const int groupChannels = p.inChannels / p.groups, groupFilters = p.outChannels / p.groups;
    const size_t filter = static_cast<size_t>(groupChannels) * p.kernelHeight * p.kernelWidth;
    const size_t group = static_cast<size_t>(groupChannels) * s.height * s.width;
    for (int n = 0; n < s.batch; n++)
        for (int o = 0; o < p.outChannels; o++)
            for (int y = 0; y < s.outHeight; y++)
                for (int x = 0; x < s.outWidth; x++)
                {
                    double value = convolveAt(p, s, X + n * image + o / groupFilters * group, weight + o * filter,
                                              y * p.strideY - p.padTop, x * p.strideX - p.padLeft);
                    value += bias ? bias[o] : 0.f;
                    if (p.relu && value < 0)
                        value = 0;
                    if (p.relu && p.ceiling > 0 && value > p.ceiling)
                        value = p.ceiling;
                    *Y++ = static_cast<float>(value);
                }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
