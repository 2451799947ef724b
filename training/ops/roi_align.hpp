// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* RoIAlign over a feature pyramid. Contract: operators.md 3.2, 5. */

#ifndef D2DET_TRAINING_OPS_ROI_ALIGN_HPP
#define D2DET_TRAINING_OPS_ROI_ALIGN_HPP

#include "kernels/roi_align.hpp"

#include <torch/types.h>

#include <vector>

namespace d2det
{
namespace ops
{

namespace kernels = cv::d2det::kernels;
using torch::Tensor;

//! features[i] [B, C, h_i, w_i] with strides[i], rois [R, 5] (no gradient) -> [R, C, oh, ow]
Tensor roiAlign(const std::vector<Tensor>& features, const std::vector<float>& strides, const Tensor& rois,
                const kernels::RoIAlignParams& params);

}  // namespace ops
}  // namespace d2det

#endif
