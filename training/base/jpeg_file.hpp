// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What a JPEG file says about itself beside its pixels: orientation (Exif 2.3, tag 0x0112) and whether it is whole.
   Markers: ITU T.81 B.1. Any bytes give an answer; nothing is decoded. */

#ifndef D2DET_TRAINING_JPEG_FILE_HPP
#define D2DET_TRAINING_JPEG_FILE_HPP

#include <string>

namespace d2det
{

struct JpegHeader
{
    int width = 0, height = 0;  //!< stored pixels; 0: not a JPEG file, or an unusual one
    int orientation = 1;        //!< 1 to 8 as in Exif; 5 to 8 exchange width and height
};

JpegHeader readJpegHeader(const std::string& path);

/** True for a JPEG file that ends before its pixels do (an interrupted copy or download). Decoders fill the rest with
    gray without an error. A baseline file in which only the end marker is missing is whole. */
bool isTruncatedJpeg(const std::string& path);

//! What is said of such a file, as text that continues "the image ".
extern const char* const TRUNCATED_JPEG;

}  // namespace d2det

#endif
