// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_DRAWING_HPP
#define OPENCV_D2DET_DRAWING_HPP

#include "opencv2/core.hpp"

namespace cv
{
namespace d2det
{

//! @addtogroup d2det
//! @{

/** @brief Color of a class in every drawing: neighboring classes differ clearly, all can be seen on photographs.
@param classId of the model, from 0.
@return BGR, 0..255. */
CV_EXPORTS_W Scalar classColor(int classId);

/** @brief Draws detections with their class and score. Line width and text grow with the image.
@param image 8-bit BGR image, drawn on in place.
@param detections N x 6 CV_32F as returned by Detector::detect.
@param classNames names by class id; missing names are drawn as numbers.
@param scoreThreshold detections below it are not drawn.
*/
CV_EXPORTS_W void drawDetections(InputOutputArray image, InputArray detections,
                                 const std::vector<String>& classNames = std::vector<String>(),
                                 float scoreThreshold = 0.f);

/** @brief Draws detections with their masks: a translucent area with a contour, below all boxes and labels.
@param image 8-bit BGR image, drawn on in place.
@param detections N x 6 CV_32F as returned by Detector::detect.
@param masks N masks in the order of the detections, CV_8UC1 of the size of the image, any value but 0 is set; an empty
    matrix: this detection has none. No masks at all: only boxes and labels are drawn.
@param classNames names by class id; missing names are drawn as numbers.
@param scoreThreshold detections below it are not drawn.
*/
CV_EXPORTS_W void drawDetections(InputOutputArray image, InputArray detections, InputArrayOfArrays masks,
                                 const std::vector<String>& classNames = std::vector<String>(),
                                 float scoreThreshold = 0.f);

//! @}

}  // namespace d2det
}  // namespace cv

#endif
