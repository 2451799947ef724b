// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What the files that work with run lengths share. */

#ifndef OPENCV_D2DET_RLE_HPP
#define OPENCV_D2DET_RLE_HPP

#include "opencv2/d2det/masks.hpp"

namespace cv
{
namespace d2det
{

//! Refuses sizes that are negative or have more than 2^28 pixels; `function` names the caller in the message.
void checkMaskSize(int64 height, int64 width, const char* function);

//! Refuses run lengths that do not add up to height * width.
void checkRle(const Rle& rle, const char* function);

//! Set pixels that two checked masks of one size share.
int64 rleIntersection(const Rle& a, const Rle& b);

//! IoU from areas; 0 where the masks do not meet.
inline double maskIoU(double intersection, double areaA, double areaB, bool crowd)
{
    return intersection > 0 ? intersection / (crowd ? areaA : areaA + areaB - intersection) : 0;
}

}  // namespace d2det
}  // namespace cv

#endif
