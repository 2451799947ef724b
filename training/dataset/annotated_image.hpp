// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Decoding of annotated images; one rule for training, validation, programs and reports.

   A photograph may contain an Exif orientation tag. Annotation tools show the upright image, like cv::imread by
   default, so boxes refer to the upright image. Some data sets are annotated in stored pixels instead. If the tag
   exchanges width and height, the annotated size decides between the two. It cannot decide for a square image, nor if
   the tag turns by 180 degrees or mirrors: these follow the other images of the same annotation file
   (annotatedAsStored), and are upright if that has none to follow. */

#ifndef D2DET_TRAINING_ANNOTATED_IMAGE_HPP
#define D2DET_TRAINING_ANNOTATED_IMAGE_HPP

#include "dataset/raw_dataset.hpp"

#include <opencv2/core/mat.hpp>

#include <string>

namespace d2det
{

enum class ImageFault
{
    NONE,
    MISSING,     //!< not a regular file
    UNREADABLE,  //!< decoding failed
    TRUNCATED,   //!< a JPEG file that ends before its pixels do
    OTHER_SIZE   //!< neither the upright nor the stored image has the annotated size
};

/** @brief Decodes an image in the orientation of its annotations.
@param size annotated size, pixels; an empty size is not compared.
@param asStored which of the two where the size fits both: the stored image (true) or the upright one.
@param fault reason for an empty result.
@param reason the same as text that continues "the image ", such as "cannot be decoded".
@return 8-bit BGR, empty if the image cannot be used. */
cv::Mat readAnnotatedImage(const std::string& path, cv::Size size, bool asStored, ImageFault& fault,
                           std::string& reason);

//! @overload
cv::Mat readAnnotatedImage(const ImageRecord& record, std::string& reason);

/** True if the images of an annotation file that are turned by 90 degrees have the sizes of their stored pixels (most
    of them, where they differ). Reads the headers of the JPEG files.
    @param folder base of the file names. */
bool annotatedAsStored(const std::vector<RawImage>& images, const std::string& folder);

}  // namespace d2det

#endif
