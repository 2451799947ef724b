// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Deformable RoI pooling over a feature pyramid. Contract: operators.md 3.3, 5. */

#ifndef D2DET_TRAINING_OPS_DEFORM_ROI_POOL_HPP
#define D2DET_TRAINING_OPS_DEFORM_ROI_POOL_HPP

#include "kernels/deform_roi_pool.hpp"

#include <torch/types.h>

#include <vector>

namespace d2det
{
namespace ops
{

namespace kernels = cv::d2det::kernels;
using torch::Tensor;

//! features[i] [B, C, h_i, w_i] with strides[i], rois [R, 5] (no gradient), offsets [R, 2, k, k] or undefined for
//! zeros -> [R, C, K, K]; gradients to the maps and the offsets
Tensor deformRoIPool(const std::vector<Tensor>& features, const std::vector<float>& strides, const Tensor& rois,
                     const Tensor& offsets, const kernels::DeformRoIPoolParams& params);

}  // namespace ops
}  // namespace d2det

#endif
