// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformRoIPool on the CPU. Contract: operators.md 3.3, 5. */

#include "deform_roi_pool.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

void deformRoIPoolCpu(const DeformRoIPoolParams& p, const FeaturePyramid<float>& features, const float* rois,
                      int numRois, const float* offsets, float* output)
{
    deformRoIPoolRef<float>(p, features, rois, numRois, offsets, output);
}

void deformRoIPoolBackwardCpu(const DeformRoIPoolParams& p, const FeaturePyramid<float>& features, const float* rois,
                              int numRois, const float* offsets, const float* gradOutput, float* const* gradFeatures,
                              float* gradOffsets)
{
    deformRoIPoolBackwardRef<float>(p, features, rois, numRois, offsets, gradOutput, gradFeatures, gradOffsets);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
