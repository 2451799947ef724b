// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Pascal VOC's average precision of one category. */

#ifndef OPENCV_D2DET_VOC_AP_HPP
#define OPENCV_D2DET_VOC_AP_HPP

#include "metrics/coco_matching.hpp"

namespace cv
{
namespace d2det
{

/** Average precision, 0 to 1; -1 if all objects are difficult (`crowd`).
    @param groups groups of one category with all detections, IoU without COCO's crowd rule.
    @param rule one of VocRule. */
double vocAP(const std::vector<CocoGroup>& groups, double iouThreshold, int rule);

}  // namespace d2det
}  // namespace cv

#endif
