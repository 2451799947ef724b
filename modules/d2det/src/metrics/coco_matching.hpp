// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO's rules from IoU matrices on: matching, precision and recall. Source: operators.md 6 (pycocotools' COCOeval).

   Independent of the source of the IoU, hence common to boxes and masks. A CocoGroup contains the objects of one
   category in one image; a category is a list of groups in order of image id. */

#ifndef OPENCV_D2DET_COCO_MATCHING_HPP
#define OPENCV_D2DET_COCO_MATCHING_HPP

#include "opencv2/core.hpp"

#include <vector>

namespace cv
{
namespace d2det
{

constexpr int COCO_MAX_DETECTIONS = 100;  //!< per image and category
constexpr int COCO_MAX_POSES = 20;        //!< the same for keypoints
constexpr int COCO_RECALL_POINTS = 101;

//! One image, one category. Detections in descending order of score (stable).
struct CocoGroup
{
    std::vector<double> scores;
    std::vector<double> detectionAreas;
    std::vector<double> groundTruthAreas;
    std::vector<uchar> crowd;    //!< can be matched repeatedly
    std::vector<uchar> ignored;  //!< by ground truth: neither true positive nor false negative; all crowds, and more
    std::vector<double> ious;    //!< [detections, ground truths], with or without COCO's crowd rule

    //! Indices in the lists of the caller; not used by the matching.
    std::vector<int> detectionIndices, groundTruthIndices;
};

//! Objects counted: those with area in [low, high].
struct CocoAreaRange
{
    double low, high;
};

//! all, small, medium, large
const std::vector<CocoAreaRange>& cocoAreaRanges();

//! 0.50, 0.55 .. 0.95 with the rounding of NumPy's linspace.
const std::vector<double>& cocoIoUThresholds();

//! Precision and recall of one category in one area range.
struct CocoCurve
{
    int positives = 0;              //!< ground truths that are not ignored; if 0, precision and recall are empty
    std::vector<double> precision;  //!< [thresholds, COCO_RECALL_POINTS]
    std::vector<double> recall;     //!< [thresholds], maximum recall
};

//! Match of a detection.
struct CocoMatch
{
    int groundTruth = -1;  //!< index in the group, -1: none
    bool ignored = false;  //!< neither true nor false positive
};

//! Matches of the detections of a group at one threshold.
std::vector<CocoMatch> cocoMatches(const CocoGroup& group, double iouThreshold, const CocoAreaRange& area);

/** Curves of a category, one for each number of detections in `limits` (ascending, <= COCO_MAX_DETECTIONS): matching is
    greedy in order of score, so a lower limit is a prefix and one matching is sufficient. */
std::vector<CocoCurve> cocoCurves(const std::vector<CocoGroup>& groups, const std::vector<double>& iouThresholds,
                                  const CocoAreaRange& area, const std::vector<int>& limits);

}  // namespace d2det
}  // namespace cv

#endif
