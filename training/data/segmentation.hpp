// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Outlines of annotation files as masks of the module. */

#ifndef D2DET_TRAINING_SEGMENTATION_HPP
#define D2DET_TRAINING_SEGMENTATION_HPP

#include "data/dataset.hpp"

#include <opencv2/d2det/masks.hpp>

namespace d2det
{

/** @brief The mask of an annotation.
@param height, width of the image, for polygons; a run-length code has its own.
Throws cv::Exception if there is no such mask. */
cv::d2det::Rle toRle(const Segmentation& segmentation, int height, int width);

}  // namespace d2det

#endif
