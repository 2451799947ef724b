// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Boxes from dense regression. Contract: operators.md 3.6. */

#ifndef D2DET_TRAINING_OPS_DENSE_BOX_DECODE_HPP
#define D2DET_TRAINING_OPS_DENSE_BOX_DECODE_HPP

#include "kernels/dense_box_decode.hpp"

#include <torch/types.h>

#include <vector>

namespace d2det
{
namespace ops
{

namespace kernels = cv::d2det::kernels;
using torch::Tensor;

//! Boxes [R, 4] from dense regression (no gradient): offsets [R, 4, k, k], overlap [R, 1, k, k] logits, imInfo [B, 3]
Tensor denseBoxDecode(const Tensor& rois, const Tensor& offsets, const Tensor& overlap, const Tensor& imInfo,
                      const kernels::DenseBoxDecodeParams& params);

}  // namespace ops
}  // namespace d2det

#endif
