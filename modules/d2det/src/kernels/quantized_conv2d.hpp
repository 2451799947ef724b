// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Convolution of entire feature maps (conv2d.hpp) in 8-bit integers. Maps are float32 before and after; in between

     q[n][c][y][x]    = min(max(round(X[n][c][y][x] / inputScale), -zero), 255 - zero) + zero     uint8
     r[o][c][i][j]    = min(max(round(weight[o][c][i][j] / weightScale[o]), -128), 127)           int8
     sum[n][o][y][x]  = sum over c, i, j of r[o][c][i][j] (q[n][..] - zero), exact                int32
     Y[n][o][y][x]    = act(sum inputScale weightScale[o] + bias[o])

   round: to the nearest integer, halves to even. `zero` is the integer that means 0, so that the border of zeros, and
   what a ReLU has cut off, are exact; maps that are never negative have zero = 0. X / inputScale is X times the inverse
   in float; a NaN counts as the least value. The last line is float: sum, rounded to float, times the product of the
   scales, rounded; nothing is fused. So all processors give the same bits.

   Weights have a scale for each output channel, maps one for all: with a scale for each input channel the products
   could not be summed as integers.

   Four input channels of a pixel lie in one word (int8_gemm.hpp), so that a map of words is gathered like one of floats
   with a quarter of the channels. Convolutions of 1x1 with stride 1 make the words where they are needed, others
   for an entire image before. Winograd's method is not used: its sums of integers have 16 bits. */

#ifndef OPENCV_D2DET_KERNELS_QUANTIZED_CONV2D_HPP
#define OPENCV_D2DET_KERNELS_QUANTIZED_CONV2D_HPP

#include "conv2d.hpp"
#include "int8_gemm.hpp"

#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

//! How the input map of a convolution is quantized.
struct InputQuantization
{
    float scale = 1;  //!< of one step, > 0
    int zero = 0;     //!< 0..255, integer of the value 0
};

//! Naive. weight [O, C / G, kh, kw]; weightScales [O], > 0; bias [O] or null.
void quantizedConv2dRef(const Conv2dParams& p, const Conv2dShape& s, const InputQuantization& input, const float* X,
                        const float* weight, const float* weightScales, const float* bias, float* Y);

//! Weights in the layout of the product on this machine.
struct QuantizedFilters
{
    InputQuantization input;
    std::vector<PackedInt8> groups;    //!< [O / G, ceil(C / G / 4) kh kw words] for each group
    std::vector<float> factors;        //!< [O] inputScale weightScale
    std::vector<int32_t> corrections;  //!< [O] -zero times the sum of the weights
};

//! r of a weight.
inline int8_t quantizedWeight(float w, float scale)
{
    return static_cast<int8_t>(std::nearbyint(std::min(std::max(w / scale, -128.f), 127.f)));
}

//! Products of one output, which must not exceed Int8Kernel::MAX_DEPTH.
inline double quantizedDepth(const Conv2dParams& p)
{
    return 4. * ((p.inChannels / p.groups + 3) / 4) * p.kernelHeight * p.kernelWidth;
}

/** Whether a convolution is faster in integers than in float32: nowhere without vector instructions for them, and
    without VNNI not where float32 uses Winograd's method, which saves more products than int8 does. */
bool quantizationPays(const Conv2dParams& p, const Int8Kernel& kernel = int8Kernel());

QuantizedFilters packQuantizedFilters(const Conv2dParams& p, const InputQuantization& input, const float* weight,
                                      const float* weightScales, const Int8Kernel& kernel = int8Kernel());

//! @param filters of packQuantizedFilters(). Identical bits for any number of threads, kernel and processor.
void quantizedConv2dCpu(const Conv2dParams& p, const Conv2dShape& s, const float* X, const QuantizedFilters& filters,
                        const float* bias, float* Y);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
