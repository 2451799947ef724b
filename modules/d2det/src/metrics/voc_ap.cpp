// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Pascal VOC's average precision. Source: Everingham et al., "The Pascal Visual Object Classes Challenge: A
   Retrospective" (IJCV 2015), and the development kit's VOCevaldet.m.

   Each detection is assigned to the object of maximum IoU (the first one for ties): right if IoU >= threshold and the
   object is not yet detected, wrong if already detected or IoU < threshold, not counted if the object is difficult.

     2007: AP = 1/11 sum over r = 0, 0.1 .. 1 of max(precision where recall >= r)
     2010: AP = sum over steps of recall of (step * max(precision from there on)) */

#include "metrics/voc_ap.hpp"

#include "opencv2/d2det/metrics.hpp"

#include <algorithm>

namespace cv
{
namespace d2det
{

namespace
{

enum Outcome : uchar
{
    WRONG,
    RIGHT,
    NOT_COUNTED
};

struct ScoredOutcome
{
    double score;
    Outcome outcome;
};

//! Outcomes of the detections of one image, which are sorted by score.
void matchGroup(const CocoGroup& group, double iouThreshold, std::vector<ScoredOutcome>& result)
{
    const size_t numGts = group.crowd.size();
    std::vector<uchar> taken(numGts, 0);
    for (size_t d = 0; d < group.scores.size(); d++)
    {
        Outcome outcome = WRONG;
        const auto ious = group.ious.begin() + d * numGts;
        const size_t best = std::max_element(ious, ious + numGts) - ious;
        if (best < numGts && ious[best] >= iouThreshold)
        {
            outcome = group.crowd[best] ? NOT_COUNTED : taken[best] ? WRONG : RIGHT;
            taken[best] = 1;
        }
        result.push_back({group.scores[d], outcome});
    }
}

//! Point of the curve after each detection that counts.
struct CurvePoint
{
    int right;         //!< recall * objects
    double precision;  //!< maximum from this point on
};

std::vector<CurvePoint> curveOf(const std::vector<ScoredOutcome>& detections)
{
    std::vector<CurvePoint> curve;
    int right = 0;
    for (const ScoredOutcome& detection : detections)
    {
        if (detection.outcome == NOT_COUNTED)
            continue;
        right += detection.outcome == RIGHT;
        curve.push_back({right, static_cast<double>(right) / static_cast<double>(curve.size() + 1)});
    }
    for (size_t i = curve.size(); i-- > 1;)
        curve[i - 1].precision = std::max(curve[i - 1].precision, curve[i].precision);
    return curve;
}

double elevenPoints(const std::vector<CurvePoint>& curve, int objects)
{
    double sum = 0;
    size_t at = 0;
    for (int tenth = 0; tenth <= 10; tenth++)
    {
        while (at < curve.size() && int64(10) * curve[at].right < int64(tenth) * objects)
            at++;
        sum += at < curve.size() ? curve[at].precision : 0;
    }
    return sum / 11;
}

double areaUnder(const std::vector<CurvePoint>& curve, int objects)
{
    double area = 0;
    int before = 0;
    for (const CurvePoint& point : curve)
    {
        area += (point.right - before) * point.precision;
        before = point.right;
    }
    return area / objects;
}

}  // namespace

double vocAP(const std::vector<CocoGroup>& groups, double iouThreshold, int rule)
{
    int objects = 0;
    std::vector<ScoredOutcome> detections;
    for (const CocoGroup& group : groups)
    {
        objects += static_cast<int>(std::count(group.crowd.begin(), group.crowd.end(), 0));
        matchGroup(group, iouThreshold, detections);
    }
    if (objects == 0)
        return -1;
    std::stable_sort(detections.begin(), detections.end(),
                     [](const ScoredOutcome& a, const ScoredOutcome& b) { return a.score > b.score; });
    const std::vector<CurvePoint> curve = curveOf(detections);
    return rule == VOC_2007 ? elevenPoints(curve, objects) : areaUnder(curve, objects);
}

}  // namespace d2det
}  // namespace cv
