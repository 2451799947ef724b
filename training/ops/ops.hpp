// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Differentiable operators of the trainer: autograd functions over the module's kernels (modules/d2det/src/kernels).
   float32 runs the fast kernels, float64 the reference ones. Feature maps may have any memory format; outputs are
   contiguous. Contracts: operators.md 3.2 - 3.5, 5. */

#ifndef D2DET_TRAINING_OPS_HPP
#define D2DET_TRAINING_OPS_HPP

#include "kernels/deform_roi_pool.hpp"
#include "kernels/proposal.hpp"
#include "kernels/roi_align.hpp"

#include <torch/torch.h>

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

//! offsets [R, 2, k, k] or undefined for zeros -> [R, C, K, K]; gradients to the maps and the offsets
Tensor deformRoIPool(const std::vector<Tensor>& features, const std::vector<float>& strides, const Tensor& rois,
                     const Tensor& offsets, const kernels::DeformRoIPoolParams& params);

//! F, N [R, C, h, w] -> [R, C, ceil(h/2), ceil(w/2)]
Tensor adaptiveWeightedPool(const Tensor& F, const Tensor& N, double gain);

//! Proposals of a batch (no gradient): cls[i] [B, A, h, w] logits, box[i] [B, 4A, h, w], imInfo [B, 3] ->
//! rois [B * K, 5], scores [B * K, 1]; padding rows have score 0
std::pair<Tensor, Tensor> proposals(const std::vector<Tensor>& cls, const std::vector<Tensor>& box,
                                    const std::vector<float>& strides, const Tensor& imInfo,
                                    const kernels::ProposalParams& params);

}  // namespace ops
}  // namespace d2det

#endif
