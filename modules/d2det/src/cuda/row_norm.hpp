// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Mean and deviation of contiguous values by one warp or one block, for instance norm and group norm. For .cu files
   only.

   Two passes over x - x0, x0 being the first value (no loss of digits for a large mean): the mean, then the mean
   squared deviation. */

#ifndef OPENCV_D2DET_CUDA_ROW_NORM_HPP
#define OPENCV_D2DET_CUDA_ROW_NORM_HPP

#include "launch.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

struct Moments
{
    float shift, mean;  //!< the mean is shift + mean: their sum would lose digits where it is large
    float scale;        //!< 1 / sqrt(var + epsilon)

    __device__ float centered(float x) const { return x - shift - mean; }
};

//! Sum over the GROUP threads (a warp or a block) that call it together.
template <int GROUP>
__device__ float groupSum(float x)
{
    x = warpSum(x);
    if (GROUP == WARP)
        return x;
    __shared__ float parts[GROUP / WARP];
    __syncthreads();
    if (threadIdx.x % WARP == 0)
        parts[threadIdx.x / WARP] = x;
    __syncthreads();
    x = 0.f;
    for (int i = 0; i < GROUP / WARP; i++)
        x += parts[i];
    return x;
}

template <int GROUP>
__device__ Moments momentsOf(const float* x, int count, float epsilon)
{
    const int lane = threadIdx.x % GROUP;
    const float shift = x[0];
    float sum = 0.f;
    for (int i = lane; i < count; i += GROUP)
        sum += x[i] - shift;
    const float mean = groupSum<GROUP>(sum) / static_cast<float>(count);
    float squares = 0.f;
    for (int i = lane; i < count; i += GROUP)
    {
        const float d = x[i] - shift - mean;
        squares = fmaf(d, d, squares);
    }
    const float var = groupSum<GROUP>(squares) / static_cast<float>(count);
    return {shift, mean, 1.f / sqrtf(var + epsilon)};
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
