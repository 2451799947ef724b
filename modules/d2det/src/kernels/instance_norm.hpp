// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2InstanceNorm: normalization of every (row, channel) plane over its cells. Contract: operators.md 3.5.
   Two-pass variance. Group norm is the same over groups of `channels / groups` planes. */

#ifndef OPENCV_D2DET_KERNELS_INSTANCE_NORM_HPP
#define OPENCV_D2DET_KERNELS_INSTANCE_NORM_HPP

#include "common.hpp"
#include "launcher.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

struct InstanceNormParams
{
    float epsilon = 1e-5f;
    int rows = 0, channels = 0, area = 0;
};

//! X, Y [rows, channels, area]; scale, bias [channels]
template <typename T>
void instanceNormRef(const InstanceNormParams& p, const T* X, const T* scale, const T* bias, T* Y);
void instanceNormCpu(const InstanceNormParams& p, const float* X, const float* scale, const float* bias, float* Y);

}  // namespace kernels

namespace cuda
{

//! Y may be X.
Status instanceNorm(const kernels::InstanceNormParams& p, const float* X, const float* scale, const float* bias,
                    float* Y, Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
