// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIAlign: the kernel of pooling.hpp with RoIAlign's rule. Contract: operators.md 3.2, 5. */

#include "pooling.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

namespace
{

bool paramsFit(const kernels::RoIAlignParams& p)
{
    return p.pooledHeight >= 1 && p.pooledWidth >= 1 &&
           static_cast<int64_t>(p.pooledHeight) * p.pooledWidth <= INT32_MAX;
}

}  // namespace

Status roiAlign(const kernels::RoIAlignParams& p, const kernels::RoIPoolInput<float>& in, float* output, Stream stream)
{
    if (!paramsFit(p))
        return Status::INVALID;
    return launchPool(AlignRule{p}, in, output, stream);
}

Status roiAlignBackward(const kernels::RoIAlignParams& p, const kernels::RoIPoolInput<float>& in,
                        const float* gradOutput, float* const* gradFeatures, Stream stream)
{
    if (!paramsFit(p))
        return Status::INVALID;
    return launchPoolBackward(AlignRule{p}, in, gradOutput, gradFeatures, NoOffsets(), stream);
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
