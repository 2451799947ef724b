// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2InstanceNorm on the CPU. Contract: operators.md 3.5. */

#include "instance_norm.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

void instanceNormCpu(const float* X, const float* scale, const float* bias, float epsilon, int rows, int channels,
                     int area, float* Y)
{
    instanceNormRef<float>(X, scale, bias, epsilon, rows, channels, area, Y);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
