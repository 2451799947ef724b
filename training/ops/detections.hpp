// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Final detections. Contract: operators.md 3.7 and E1. */

#ifndef D2DET_TRAINING_OPS_DETECTIONS_HPP
#define D2DET_TRAINING_OPS_DETECTIONS_HPP

#include "kernels/detections.hpp"

#include <torch/types.h>

#include <vector>

namespace d2det
{
namespace ops
{

namespace kernels = cv::d2det::kernels;
using torch::Tensor;

//! Final detections (no gradient): rois [R, 5], or [R, 1 + 4 C] without classAgnosticBoxes, probs [R, C + 1] or, if labeled, [R, 2] -> [batchSize * K, 7]
//! @param sourceRows if not null: output [batchSize * K, 1], row index into rois per detection, -1 in unused rows
Tensor detections(const Tensor& rois, const Tensor& probs, const kernels::DetectionsParams& params,
                  Tensor* sourceRows = nullptr);

}  // namespace ops
}  // namespace d2det

#endif
