// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Decoding of annotated images; one rule for training, validation, programs and reports.

   A photograph may contain an Exif orientation tag. Annotation tools show the upright image, like cv::imread by
   default, so boxes refer to the upright image. Some data sets are annotated in stored pixels instead. If the tag swaps
   width and height, the annotated size decides between the two. (A rotation by 180 degrees keeps the size; such an
   image counts as annotated upright.) */

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
    MISSING,     //!< not a regular file
    UNREADABLE,  //!< decoding failed
    OTHER_SIZE   //!< neither the upright nor the stored image has the annotated size
};

/** @brief Decodes an image in the orientation of its annotations.
@param size annotated size, pixels; an empty size is not compared.
@param fault reason for an empty result.
@param reason the same as text that continues "the image ", such as "cannot be decoded".
@return 8-bit BGR, empty if the image cannot be used. */
cv::Mat readAnnotatedImage(const std::string& path, cv::Size size, ImageFault& fault, std::string& reason);

//! @overload
cv::Mat readAnnotatedImage(const ImageRecord& record, std::string& reason);

}  // namespace d2det

#endif
