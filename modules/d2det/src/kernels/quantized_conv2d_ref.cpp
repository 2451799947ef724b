// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Convolution in 8-bit integers, naive form. The oracle of quantized_conv2d_cpu.cpp. Formula: quantized_conv2d.hpp. */

#include "quantized_conv2d.hpp"

#include <cmath>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! q - zero of a value of the map.
int64_t quantizedValue(const InputQuantization& input, float x)
{
    const float inverse = 1.f / input.scale, steps = x * inverse;
    const float low = static_cast<float>(-input.zero), high = static_cast<float>(255 - input.zero);
    if (!(steps > low))  // NaN too
        return -input.zero;
    return static_cast<int64_t>(std::nearbyint(std::min(steps, high)));
}

int64_t integerWeight(float w, float scale)
{
    return static_cast<int64_t>(std::nearbyint(std::min(std::max(w / scale, -128.f), 127.f)));
}

//! X and filter [C / G, kh, kw] of the group.
int64_t sumAt(const Conv2dParams& p, const Conv2dShape& s, const InputQuantization& input, const float* X,
              const float* filter, float scale, int y0, int x0)
{
    int64_t sum = 0;
    for (int c = 0; c < p.inChannels / p.groups; c++)
        for (int i = 0; i < p.kernelHeight; i++)
            for (int j = 0; j < p.kernelWidth; j++)
            {
                const int y = y0 + i * p.dilationY, x = x0 + j * p.dilationX;
                if (y >= 0 && y < s.height && x >= 0 && x < s.width)
                    sum +=
                        quantizedValue(input, X[(static_cast<size_t>(c) * s.height + y) * s.width + x]) *
                        integerWeight(filter[(static_cast<size_t>(c) * p.kernelHeight + i) * p.kernelWidth + j], scale);
            }
    return sum;
}

}  // namespace

void quantizedConv2dRef(const Conv2dParams& p, const Conv2dShape& s, const InputQuantization& input, const float* X,
                        const float* weight, const float* weightScales, const float* bias, float* Y)
{
    const size_t image = static_cast<size_t>(p.inChannels) * s.height * s.width;
    const int groupChannels = p.inChannels / p.groups, groupFilters = p.outChannels / p.groups;
    const size_t filter = static_cast<size_t>(groupChannels) * p.kernelHeight * p.kernelWidth;
    const size_t group = static_cast<size_t>(groupChannels) * s.height * s.width;
    for (int n = 0; n < s.batch; n++)
        for (int o = 0; o < p.outChannels; o++)
        {
            const float factor = input.scale * weightScales[o];
            for (int y = 0; y < s.outHeight; y++)
                for (int x = 0; x < s.outWidth; x++)
                {
                    const int64_t sum =
                        sumAt(p, s, input, X + n * image + o / groupFilters * group, weight + o * filter,
                              weightScales[o], y * p.strideY - p.padTop, x * p.strideX - p.padLeft);
                    const float product = static_cast<float>(sum) * factor;
                    float value = product + (bias ? bias[o] : 0.f);
                    if (p.relu && value < 0)
                        value = 0;
                    if (p.relu && p.ceiling > 0 && value > p.ceiling)
                        value = p.ceiling;
                    *Y++ = value;
                }
        }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
