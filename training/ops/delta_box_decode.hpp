// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Boxes from the deltas of a box head; no gradient: losses are computed on the deltas. Contract: operators.md 3.12. */

#ifndef D2DET_TRAINING_OPS_DELTA_BOX_DECODE_HPP
#define D2DET_TRAINING_OPS_DELTA_BOX_DECODE_HPP

#include "kernels/delta_box_decode.hpp"

#include <torch/types.h>

#include <vector>

namespace d2det
{
namespace ops
{

namespace kernels = cv::d2det::kernels;
using torch::Tensor;

//! Boxes [R, 1 + 4 C], batch index first (no gradient): rois [R, 5], deltas [R, 4 C], imInfo [B, 3]
Tensor deltaBoxDecode(const Tensor& rois, const Tensor& deltas, const Tensor& imInfo,
                      const kernels::DeltaBoxDecodeParams& params);

}  // namespace ops
}  // namespace d2det

#endif
