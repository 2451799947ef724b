// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_HPP
#define OPENCV_D2DET_HPP

/** @defgroup d2det D2Det: two-stage object detection and instance segmentation of high quality

D2Det @cite Cao2020 is a two-stage detector in the line of Faster R-CNN @cite Ren2017 and Mask R-CNN @cite He2017, on a
feature pyramid @cite Lin2017. What is its own:

- *dense local regression*: each of the 7 x 7 cells of a region of interest predicts the box, and *binary overlap
  prediction* says which of the cells lie on the object and may speak;
- *discriminative RoI pooling*: the classifier looks at a region through deformable RoI
  pooling @cite Dai2017 @cite Zhu2019 with offsets from a light pooling, and weighs what it samples.

The heads use group normalization @cite Wu2018. Overlapping detections are resolved by hard or soft NMS @cite Bodla2017,
masks may be ranked by their predicted quality @cite Huang2019.

The module has:

- cv::d2det::Detector, which finds boxes and masks with a model of one ONNX file made by this project's trainer. It runs
  whole inside cv::dnn::Net;
- cv::d2det::registerLayers, for programs that use cv::dnn::Net by itself, also with ONNX's own RoiAlign and
  NonMaxSuppression in models of other exporters;
- cv::d2det::CocoEvaluator, the metrics of COCO @cite Lin2014 and Pascal VOC @cite Everingham2010 for boxes and masks;
- run-length masks (cv::d2det::Rle) and drawing (cv::d2det::drawDetections).

All functions report errors as cv::Exception that names the wrong value. The tutorial
@ref tutorial_d2det_train_export_detect goes from images to a detector.
*/

#include "opencv2/d2det/layers.hpp"
#include "opencv2/d2det/detector.hpp"
#include "opencv2/d2det/drawing.hpp"
#include "opencv2/d2det/masks.hpp"
#include "opencv2/d2det/metrics.hpp"

#endif
