// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Operators of the trainer: autograd functions over the module's kernels (modules/d2det/src/kernels, .../cuda), and those
   without a gradient. On the CPU float32 runs the fast kernels, float64 the reference ones; on a CUDA device all run in
   float32. float16 and bfloat16, which come from autocast, are converted to float32, and their gradients back. All tensors
   of a call are on one device. Feature maps may have any memory format; outputs are contiguous.
   Contracts: operators.md 3.1 - 3.7, 5. */

#ifndef D2DET_TRAINING_OPS_HPP
#define D2DET_TRAINING_OPS_HPP

#include "kernels/deform_roi_pool.hpp"
#include "kernels/dense_box_decode.hpp"
#include "kernels/detections.hpp"
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

//! What runs an operator: the module's fast or reference kernels, or its CUDA launchers.
enum class Kernel
{
    FAST,
    REFERENCE,
    CUDA
};

//! The kernel for a tensor of this device and type; throws c10::Error that begins with `what` if there is none.
Kernel chooseKernel(const char* what, torch::DeviceType device, torch::ScalarType type, bool builtWithCuda);

//! float16 and bfloat16 as float32, inside the graph; every other tensor, also an undefined one, as it is.
Tensor fullPrecision(const Tensor& tensor);

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

//! Final detections (no gradient): rois [R, 5], probs [R, C + 1] or, if labelled, [R, 2] -> [batchSize * K, 7]
//! @param sourceRows if not null: becomes [batchSize * K, 1], the row of rois of each detection, -1 in unused rows
Tensor detections(const Tensor& rois, const Tensor& probs, const kernels::DetectionsParams& params,
                  Tensor* sourceRows = nullptr);

//! X [D, ...], rows [K, 1] -> float32 [K, ...] (no gradient); zeros where a row is -1. Other values that are no row: cv::Exception
//! on the CPU, zeros on a CUDA device.
Tensor gatherRows(const Tensor& X, const Tensor& rows);

//! Boxes [R, 4] from dense regression (no gradient): offsets [R, 4, k, k], overlap [R, 1, k, k] logits, imInfo [B, 3]
Tensor denseBoxDecode(const Tensor& rois, const Tensor& offsets, const Tensor& overlap, const Tensor& imInfo,
                      const kernels::DenseBoxDecodeParams& params);

}  // namespace ops
}  // namespace d2det

#endif
