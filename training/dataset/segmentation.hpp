// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Outlines of annotations as run-length codes and pixels. */

#ifndef D2DET_TRAINING_SEGMENTATION_HPP
#define D2DET_TRAINING_SEGMENTATION_HPP

#include "dataset/dataset.hpp"

#include <opencv2/d2det/masks.hpp>

#include <optional>

namespace d2det
{

/** Run-length code of a segmentation in an image of this size (pixels); several polygons are united. Throws
    cv::Exception for one that is damaged or was made for another size. */
cv::d2det::Rle toRle(const Segmentation& segmentation, int height, int width);

//! The same, empty for a segmentation that is damaged: run lengths that do not add up, another size, bad polygons.
std::optional<cv::d2det::Rle> usableRle(const Segmentation& segmentation, int height, int width);

//! CV_8U, 0 or 1, of the image's size; empty for a segmentation that is damaged or covers no pixel.
cv::Mat toMask(const Segmentation& segmentation, int height, int width);

}  // namespace d2det

#endif
