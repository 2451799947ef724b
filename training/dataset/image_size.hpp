// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The size of an image without decoding it, where its header tells: JPEG (ITU T.81 B.2, start of frame) and PNG
   (ISO 15948, IHDR). Everything else, and images with Exif data (which may turn them), is decoded. */

#ifndef D2DET_TRAINING_IMAGE_SIZE_HPP
#define D2DET_TRAINING_IMAGE_SIZE_HPP

#include <opencv2/core/types.hpp>

#include <string>

namespace d2det
{

//! Width and height as cv::imread gives them (turned upright by Exif); empty if the file is no readable image.
cv::Size imageSize(const std::string& path);

}  // namespace d2det

#endif
