// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2AdaptiveWeightedPool: 3x3 stride-2 average pooling with weights A = exp(gain * sigmoid(N)). Contract: operators.md
   3.4. */

#ifndef OPENCV_D2DET_KERNELS_ADAPTIVE_WEIGHTED_POOL_HPP
#define OPENCV_D2DET_KERNELS_ADAPTIVE_WEIGHTED_POOL_HPP

#include "common.hpp"
#include "launcher.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

struct AdaptiveWeightedPoolParams
{
    float gain = 12.f;
    int planes = 0;  //!< numRois * channels
    int height = 0, width = 0;
};

//! [planes, height, width] each; overwritten
template <typename T>
struct AdaptiveWeightedPoolGradients
{
    T *F, *N;
};

//! F, N [planes, height, width]; output [planes, ceil(height / 2), ceil(width / 2)]
template <typename T>
void adaptiveWeightedPoolRef(const AdaptiveWeightedPoolParams& p, const T* F, const T* N, T* output);
void adaptiveWeightedPoolCpu(const AdaptiveWeightedPoolParams& p, const float* F, const float* N, float* output);

template <typename T>
void adaptiveWeightedPoolBackwardRef(const AdaptiveWeightedPoolParams& p, const T* F, const T* N, const T* gradOutput,
                                     const AdaptiveWeightedPoolGradients<T>& grad);
void adaptiveWeightedPoolBackwardCpu(const AdaptiveWeightedPoolParams& p, const float* F, const float* N,
                                     const float* gradOutput, const AdaptiveWeightedPoolGradients<float>& grad);

}  // namespace kernels

namespace cuda
{

Status adaptiveWeightedPool(const kernels::AdaptiveWeightedPoolParams& p, const float* F, const float* N, float* output,
                            Stream stream);

Status adaptiveWeightedPoolBackward(const kernels::AdaptiveWeightedPoolParams& p, const float* F, const float* N,
                                    const float* gradOutput, const kernels::AdaptiveWeightedPoolGradients<float>& grad,
                                    Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
