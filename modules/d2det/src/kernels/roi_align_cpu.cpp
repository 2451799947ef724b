// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIAlign on the CPU. Contract: operators.md 3.2. */

#include "roi_align.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

void roiAlignCpu(const RoIAlignParams& p, const FeaturePyramid<float>& features, const float* rois, int numRois,
                 float* output)
{
    roiAlignRef<float>(p, features, rois, numRois, output);
}

void roiAlignBackwardCpu(const RoIAlignParams& p, const FeaturePyramid<float>& features, const float* rois, int numRois,
                         const float* gradOutput, float* const* gradFeatures)
{
    roiAlignBackwardRef<float>(p, features, rois, numRois, gradOutput, gradFeatures);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
