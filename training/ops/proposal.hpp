// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Region proposals from the raw RPN maps. Contract: operators.md 3.1. */

#ifndef D2DET_TRAINING_OPS_PROPOSAL_HPP
#define D2DET_TRAINING_OPS_PROPOSAL_HPP

#include "kernels/proposal.hpp"

#include <torch/types.h>

#include <vector>

namespace d2det
{
namespace ops
{

namespace kernels = cv::d2det::kernels;
using torch::Tensor;

//! Proposals of a batch (no gradient): cls[i] [B, A, h, w] logits, box[i] [B, 4A, h, w], imInfo [B, 3] ->
//! rois [B * K, 5], scores [B * K, 1]; padding rows have score 0
std::pair<Tensor, Tensor> proposal(const std::vector<Tensor>& cls, const std::vector<Tensor>& box,
                                   const std::vector<float>& strides, const Tensor& imInfo,
                                   const kernels::ProposalParams& params);

}  // namespace ops
}  // namespace d2det

#endif
