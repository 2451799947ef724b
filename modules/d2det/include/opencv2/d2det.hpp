// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_HPP
#define OPENCV_D2DET_HPP

/** @defgroup d2det D2Det: two-stage object detection and instance segmentation of high quality

D2Det @cite Cao2020 is a two-stage detector in the line of Faster R-CNN @cite Ren2017 and Mask R-CNN @cite He2017, on a
feature pyramid @cite Lin2017. Distinctive parts:

- *dense local regression*: each of the 7 x 7 cells of a region of interest (RoI) predicts the box; *binary overlap
  prediction* selects the cells that lie on the object, and only these contribute to the box;
- *discriminative RoI pooling*: features for classification come from deformable RoI pooling @cite Dai2017 @cite Zhu2019
  (offsets from a light-weight RoI pooling), followed by an adaptive weighting of the sampled values.

The heads use group normalization @cite Wu2018. Overlapping detections are resolved by hard or soft NMS @cite Bodla2017,
masks can be ranked by predicted quality @cite Huang2019.

Contents of the module:

- cv::d2det::Detector: boxes and masks from a model in a single ONNX file, exported by this project's trainer. The
  entire model runs inside cv::dnn::Net;
- cv::d2det::registerLayers: the layers for programs that use cv::dnn::Net directly, including the standard ONNX
  operators RoiAlign and NonMaxSuppression for models of other exporters;
- cv::d2det::CocoEvaluator: metrics of COCO @cite Lin2014 and Pascal VOC @cite Everingham2010 for boxes and masks;
- run-length masks (cv::d2det::Rle) and drawing (cv::d2det::drawDetections).

All functions report errors as cv::Exception with the invalid value in the message. Tutorial from images to a detector:
@ref tutorial_d2det_train_export_detect.
*/

#include "opencv2/d2det/layers.hpp"
#include "opencv2/d2det/detector.hpp"
#include "opencv2/d2det/drawing.hpp"
#include "opencv2/d2det/masks.hpp"
#include "opencv2/d2det/metrics.hpp"
#include "opencv2/d2det/quantization.hpp"

#endif
