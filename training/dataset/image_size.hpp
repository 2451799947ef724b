// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Image size from the file header, without decoding: JPEG (jpeg_file.hpp) and PNG (ISO 15948, IHDR). Other formats, and
   PNG with Exif data (possible rotation), are decoded. */

#ifndef D2DET_TRAINING_IMAGE_SIZE_HPP
#define D2DET_TRAINING_IMAGE_SIZE_HPP

#include <opencv2/core/types.hpp>

#include <string>

namespace d2det
{

//! Width and height of the cv::imread result (upright by Exif orientation); empty if the file is not a readable image.
cv::Size imageSize(const std::string& path);

}  // namespace d2det

#endif
