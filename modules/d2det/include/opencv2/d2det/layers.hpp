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

Needed once before cv::dnn::readNetFromONNX reads a D2Det model; Detector calls it itself. Calling it again does nothing.
May be called from several threads.
*/
CV_EXPORTS_W void registerLayers();

//! @}

}  // namespace d2det
}  // namespace cv

#endif
