// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2AdaptiveWeightedPool: 3x3 stride-2 pooling weighted by A = exp(gain * sigmoid(N)). Contract: operators.md 3.4. */

#ifndef OPENCV_D2DET_KERNELS_ADAPTIVE_WEIGHTED_POOL_HPP
#define OPENCV_D2DET_KERNELS_ADAPTIVE_WEIGHTED_POOL_HPP

#include "common.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

//! F, N [planes, height, width]; output [planes, ceil(height / 2), ceil(width / 2)]; planes = numRois * channels
template <typename T>
void adaptiveWeightedPoolRef(float gain, const T* F, const T* N, int planes, int height, int width, T* output);
void adaptiveWeightedPoolCpu(float gain, const float* F, const float* N, int planes, int height, int width,
                             float* output);

//! gradF, gradN [planes, height, width] are overwritten.
template <typename T>
void adaptiveWeightedPoolBackwardRef(float gain, const T* F, const T* N, int planes, int height, int width,
                                     const T* gradOutput, T* gradF, T* gradN);
void adaptiveWeightedPoolBackwardCpu(float gain, const float* F, const float* N, int planes, int height, int width,
                                     const float* gradOutput, float* gradF, float* gradN);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
