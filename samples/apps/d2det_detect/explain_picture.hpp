// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Pictures of how D2Det found an object (cv::d2det::DetectionExplanation), for people who see them for the first time:
   three views of the object side by side, each with its legend. */

#ifndef D2DET_APPS_DETECT_EXPLAIN_PICTURE_HPP
#define D2DET_APPS_DETECT_EXPLAIN_PICTURE_HPP

#include <opencv2/d2det.hpp>

#include <string>

namespace detect_program
{

/** @brief Dense boxes of the cells, binary overlap, sampling points with their weights.
@param image 8-bit BGR, in which the object was found.
@param explanation of Detector::explain.
@param title above the views; characters beyond ASCII are drawn as '?'.
@return 8-bit BGR, about 1500 x 700 pixels. */
cv::Mat explainPicture(const cv::Mat& image, const cv::d2det::DetectionExplanation& explanation,
                       const std::string& title);

}  // namespace detect_program

#endif
