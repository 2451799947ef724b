// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_HPP
#define OPENCV_D2DET_HPP

/** @defgroup d2det D2Det: high-quality two-stage object detection

D2Det @cite Cao2020 is a two-stage detector: dense local regression with binary overlap prediction places boxes
precisely, discriminative RoI pooling classifies them. A model is one ONNX file made by this project's trainer; it runs
whole inside cv::dnn::Net through the custom layers of this module.
*/

#include "opencv2/d2det/layers.hpp"
#include "opencv2/d2det/detector.hpp"
#include "opencv2/d2det/drawing.hpp"
#include "opencv2/d2det/masks.hpp"
#include "opencv2/d2det/metrics.hpp"

#endif
