// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_LAYERS_HPP
#define OPENCV_D2DET_LAYERS_HPP

#include "opencv2/core.hpp"

namespace cv
{
namespace d2det
{

//! @addtogroup d2det
//! @{

/** @brief Registers the layers of this module (types "d2det.D2Proposal", "d2det.D2RoIAlign", ...) with cv::dnn.

To be called once before cv::dnn::readNetFromONNX reads a D2Det model; Detector::create for a file or a buffer includes
the call. Further calls have no effect. Thread-safe.

Two standard ONNX operators, required by two-stage models of other exporters and missing in OpenCV 4.x, are registered
too, unless a layer of that name is already registered (by OpenCV or by the program):

- **RoiAlign** (opset 10 and 16): inputs X [N, C, H, W], rois [R, 4] and batch_indices [R] or [R, 1], the last two
  computed or constant; output [R, C, output_height, output_width]. All attributes: `mode` (avg, max), `output_height`,
  `output_width` (1 to 256, default 1), `sampling_ratio` (0 to 256, default 0: as many samples as a bin has cells, at
  most 256), `spatial_scale` (default 1), `coordinate_transformation_mode` (half_pixel, output_half_pixel). The opset
  is not available to a layer: a node without coordinate_transformation_mode is treated as opset 10, i.e.
  output_half_pixel. The output of mode max is the largest weighted corner of the samples, as in ONNX's reference
  implementation and ONNX Runtime. The output of a RoI that is not finite or whose batch index is not in 0 .. N - 1 is
  zero; a RoI with x2 < x1 or y2 < y1 is empty.
- **NonMaxSuppression** (opset 10 and 11): inputs boxes [B, N, 4] and scores [B, C, N], both computed, N at most 262144,
  then up to three single values, computed or constant: max_output_boxes_per_class (default 0), iou_threshold (0 to 1,
  default 0), score_threshold (default: none); attribute `center_point_box`. In ONNX the output consists of one row
  (batch, class, box) per selected box. In cv::dnn shapes do not depend on data and values are float, hence the number
  of rows is B * C * min(N, max_output_boxes_per_class), at least one, or B * C * N if max_output_boxes_per_class is
  computed: first the selected boxes in ONNX's order, then padding rows **-1, -1, -1**. A box that is not finite or
  whose score is NaN is never selected; equal scores keep the order of the boxes.

Attributes, shapes and thresholds out of range raise cv::Exception with the name of the layer and the invalid value.
*/
CV_EXPORTS_W void registerLayers();

//! @}

}  // namespace d2det
}  // namespace cv

#endif
