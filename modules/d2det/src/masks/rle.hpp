// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Common functions for run lengths. */

#ifndef OPENCV_D2DET_RLE_HPP
#define OPENCV_D2DET_RLE_HPP

#include "opencv2/d2det/masks.hpp"

namespace cv
{
namespace d2det
{

//! Raises cv::Exception for negative sizes or more than 2^28 pixels; `function`: caller in the message.
void checkMaskSize(int64 height, int64 width, const char* function);

//! Raises cv::Exception unless the mask has the size of its roi and the roi lies inside the image.
void checkBoxMask(const BoxMask& mask, const char* function);

//! Raises cv::Exception unless the sum of the run lengths is height * width.
void checkRle(const Rle& rle, const char* function);

//! Number of common set pixels of two checked masks of the same size.
int64 rleIntersection(const Rle& a, const Rle& b);

//! IoU from areas; 0 for disjoint masks.
inline double maskIoU(double intersection, double areaA, double areaB, bool crowd)
{
    return intersection > 0 ? intersection / (crowd ? areaA : areaA + areaB - intersection) : 0;
}

}  // namespace d2det
}  // namespace cv

#endif
