// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Pixels of an annotated image, by one rule for the trainer, its validation, the programs and their reports.

   A photograph may carry an Exif orientation tag. Annotation tools show it upright, as cv::imread does by default, so
   boxes refer to the upright image. Some data sets are annotated in the pixels as they are stored; the annotated size
   tells, if the tag swaps width and height. (A half turn keeps the size: such an image counts as annotated upright.) */

#ifndef D2DET_TRAINING_ANNOTATED_IMAGE_HPP
#define D2DET_TRAINING_ANNOTATED_IMAGE_HPP

#include "dataset/dataset.hpp"

#include <opencv2/core/mat.hpp>

#include <string>

namespace d2det
{

enum class ImageFault
{
    NONE,
    MISSING,     //!< no regular file
    UNREADABLE,  //!< it cannot be decoded
    OTHER_SIZE   //!< neither the upright nor the stored image has the annotated size
};

/** @brief Decodes an image as its annotations see it.
@param size as annotated, pixels; an empty one is not compared.
@param fault why there is no image.
@param reason the same in words that follow "the image ": "cannot be decoded".
@return 8-bit BGR, empty if the image cannot be used. */
cv::Mat readAnnotatedImage(const std::string& path, cv::Size size, ImageFault& fault, std::string& reason);

//! @overload
cv::Mat readAnnotatedImage(const ImageRecord& record, std::string& reason);

}  // namespace d2det

#endif
