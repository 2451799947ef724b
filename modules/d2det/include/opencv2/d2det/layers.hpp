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

Needed once before cv::dnn::readNetFromONNX reads a D2Det model; Detector calls it itself. Calling it again does
nothing. May be called from several threads.

Two operators of ONNX itself, which no OpenCV 4.x has and two-stage models of other exporters need, are registered too,
unless a layer of that name is there already (OpenCV's own or the program's):

- **RoiAlign** (opset 10 and 16): inputs X [N, C, H, W], rois [R, 4] and batch_indices [R] or [R, 1], the last two
  computed or constant; output [R, C, output_height, output_width]. All attributes: `mode` (avg, max), `output_height`,
  `output_width` (1 to 256, default 1), `sampling_ratio` (0 to 256, default 0: as many samples as a bin has cells, at
  most 256), `spatial_scale` (default 1), `coordinate_transformation_mode` (half_pixel, output_half_pixel). A layer is
  not told the opset, so a node without the last one is taken for one of opset 10 and means output_half_pixel. Mode max
  takes the largest weighted corner of the samples, as ONNX's reference implementation and ONNX Runtime do. A RoI that
  is not finite or whose batch index is not in 0 .. N - 1 gives zeros; one with x2 < x1 or y2 < y1 counts as empty.
- **NonMaxSuppression** (opset 10 and 11): inputs boxes [B, N, 4] and scores [B, C, N], both computed, N at most 262144,
  then up to three single values, computed or constant: max_output_boxes_per_class (default 0), iou_threshold (0 to 1,
  default 0), score_threshold; attribute `center_point_box`. ONNX's output has one row (batch, class, box) per selected
  box. Shapes in cv::dnn do not depend on data and its numbers are float, so here the output has B * C *
  min(N, max_output_boxes_per_class) rows, at least one, or B * C * N if max_output_boxes_per_class is computed: first
  the selected boxes in ONNX's order, then rows of padding **-1, -1, -1**. A box that is not finite or whose score is
  NaN is never selected; equal scores keep the order of the boxes.

Both layers raise cv::Exception, with the layer's name and the wrong value, for attributes, shapes and thresholds out of
range.
*/
CV_EXPORTS_W void registerLayers();

//! @}

}  // namespace d2det
}  // namespace cv

#endif
