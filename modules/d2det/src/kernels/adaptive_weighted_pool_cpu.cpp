// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2AdaptiveWeightedPool on the CPU. Contract: operators.md 3.4, 5. */

#include "adaptive_weighted_pool.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

void adaptiveWeightedPoolCpu(float gain, const float* F, const float* N, int planes, int height, int width,
                             float* output)
{
    adaptiveWeightedPoolRef<float>(gain, F, N, planes, height, width, output);
}

void adaptiveWeightedPoolBackwardCpu(float gain, const float* F, const float* N, int planes, int height, int width,
                                     const float* gradOutput, float* gradF, float* gradN)
{
    adaptiveWeightedPoolBackwardRef<float>(gain, F, N, planes, height, width, gradOutput, gradF, gradN);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
