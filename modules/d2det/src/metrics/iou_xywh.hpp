// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* IoU of two boxes given as (left, top, width, height). Source: operators.md 6, as pycocotools computes it.

     I = max(min(right) - max(left), 0) * max(min(bottom) - max(top), 0);  U = wA hA + wB hB - I;  crowd B: U = wA hA

   Widths are used directly, since x + w - x differs from w in floating point. */

#ifndef OPENCV_D2DET_IOU_XYWH_HPP
#define OPENCV_D2DET_IOU_XYWH_HPP

#include <algorithm>

namespace cv
{
namespace d2det
{

template <typename T>
inline T boxIoUXywh(const T* a, const T* b, bool crowd)
{
    const T w = std::min(a[0] + a[2], b[0] + b[2]) - std::max(a[0], b[0]);
    const T h = std::min(a[1] + a[3], b[1] + b[3]) - std::max(a[1], b[1]);
    if (!(w > 0) || !(h > 0))
        return T(0);
    const T inter = w * h, areaA = a[2] * a[3];
    const T uni = crowd ? areaA : areaA + b[2] * b[3] - inter;
    return uni > 0 ? inter / uni : T(0);
}

}  // namespace d2det
}  // namespace cv

#endif
