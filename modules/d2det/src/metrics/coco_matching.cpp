// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO's matching and its precision-recall curve. Source: operators.md 6.

   Matching, per image, category, area range and threshold t: ignored ground truths (crowd, without labeled
   keypoints, or area out of range) come last. Each detection, in descending order of score, is matched with the
   free ground truth of maximum IoU >= min(t, 1 - 1e-10), the later one for ties; ignored ground truths are
   considered only without a match among the others; crowds can be matched repeatedly. A detection is ignored if its
   match is ignored, or if it is not matched and its own area is out of range.

   Curve: detections of all images by score, precision = tp / (tp + fp + 2.2e-16), made monotone from the right, sampled
   at the first recall >= the point. */

#include "metrics/coco_matching.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace cv
{
namespace d2det
{

const std::vector<CocoAreaRange>& cocoAreaRanges()
{
    static const std::vector<CocoAreaRange> ranges = {{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}};
    return ranges;
}

const std::vector<double>& cocoIoUThresholds()
{
    static const std::vector<double> thresholds = []
    {
        std::vector<double> t(10);
        for (int i = 0; i < 10; i++)
            t[i] = i * ((0.95 - 0.5) / 9) + 0.5;
        t.back() = 0.95;  // linspace ends exactly
        return t;
    }();
    return thresholds;
}

namespace
{

enum Outcome : uchar
{
    FALSE_POSITIVE,
    TRUE_POSITIVE,
    IGNORED
};

//! Ground truths of a group for one area range, ignored ones last.
struct OrderedGroundTruths
{
    std::vector<int> order;
    int counting = 0;

    OrderedGroundTruths(const CocoGroup& group, const CocoAreaRange& area)
    {
        const int n = static_cast<int>(group.groundTruthAreas.size());
        std::vector<int> last;
        for (int g = 0; g < n; g++)
        {
            const double size = group.groundTruthAreas[g];
            (group.ignored[g] || size < area.low || size > area.high ? last : order).push_back(g);
        }
        counting = static_cast<int>(order.size());
        order.insert(order.end(), last.begin(), last.end());
    }
};

//! Position in `gts.order` of the free ground truth of maximum IoU, -1 if all are below the threshold.
int bestMatch(const CocoGroup& group, const OrderedGroundTruths& gts, const std::vector<uchar>& used,
              const double* ious, double threshold)
{
    double best = std::min(threshold, 1 - 1e-10);
    int match = -1;
    for (int i = 0; i < static_cast<int>(gts.order.size()); i++)
    {
        const int g = gts.order[i];
        if (used[i] && !group.crowd[g])
            continue;
        if (i >= gts.counting && match >= 0 && match < gts.counting)
            break;
        if (ious[g] >= best)
        {
            best = ious[g];
            match = i;
        }
    }
    return match;
}

//! Matches of the detections of a group at one threshold.
void matchGroup(const CocoGroup& group, const OrderedGroundTruths& gts, const CocoAreaRange& area, double threshold,
                std::vector<CocoMatch>& matches)
{
    matches.assign(group.scores.size(), CocoMatch());
    std::vector<uchar> used(gts.order.size(), 0);
    for (size_t d = 0; d < group.scores.size(); d++)
    {
        const int match = bestMatch(group, gts, used, group.ious.data() + d * gts.order.size(), threshold);
        if (match >= 0)
        {
            used[match] = 1;
            matches[d].groundTruth = gts.order[match];
            matches[d].ignored = match >= gts.counting;
            continue;
        }
        const double size = group.detectionAreas[d];
        matches[d].ignored = size < area.low || size > area.high;
    }
}

Outcome outcomeOf(const CocoMatch& match)
{
    return match.ignored ? IGNORED : match.groundTruth >= 0 ? TRUE_POSITIVE : FALSE_POSITIVE;
}

//! Detections of all images of a category.
struct Pool
{
    std::vector<double> scores;
    std::vector<int> ranks;         //!< of the detection inside its image, from 0
    std::vector<int> order;         //!< by descending score, stable
    std::vector<Outcome> outcomes;  //!< [thresholds, detections]
    int positives = 0;
};

Pool matchAll(const std::vector<CocoGroup>& groups, const std::vector<double>& iouThresholds, const CocoAreaRange& area)
{
    Pool pool;
    for (const CocoGroup& group : groups)
        for (size_t d = 0; d < group.scores.size(); d++)
        {
            pool.scores.push_back(group.scores[d]);
            pool.ranks.push_back(static_cast<int>(d));
        }
    pool.order.resize(pool.scores.size());
    std::iota(pool.order.begin(), pool.order.end(), 0);
    std::stable_sort(pool.order.begin(), pool.order.end(),
                     [&pool](int a, int b) { return pool.scores[a] > pool.scores[b]; });
    pool.outcomes.resize(pool.scores.size() * iouThresholds.size());
    size_t begin = 0;
    std::vector<CocoMatch> matches;
    for (const CocoGroup& group : groups)
    {
        const OrderedGroundTruths gts(group, area);
        pool.positives += gts.counting;
        for (size_t t = 0; t < iouThresholds.size(); t++)
        {
            matchGroup(group, gts, area, iouThresholds[t], matches);
            std::transform(matches.begin(), matches.end(), pool.outcomes.begin() + t * pool.scores.size() + begin,
                           outcomeOf);
        }
        begin += group.scores.size();
    }
    return pool;
}

//! Precision at the recall points [COCO_RECALL_POINTS]; returns the last recall. Only detections of rank < limit.
double curve(const Pool& pool, size_t threshold, int limit, double* sampled)
{
    const Outcome* outcomes = pool.outcomes.data() + threshold * pool.scores.size();
    std::vector<double> precision, recall;
    double tp = 0, fp = 0;
    for (const int d : pool.order)
    {
        if (pool.ranks[d] >= limit)
            continue;
        tp += outcomes[d] == TRUE_POSITIVE;
        fp += outcomes[d] == FALSE_POSITIVE;
        recall.push_back(tp / pool.positives);
        precision.push_back(tp / (fp + tp + std::numeric_limits<double>::epsilon()));
    }
    for (size_t i = precision.size(); i-- > 1;)
        precision[i - 1] = std::max(precision[i - 1], precision[i]);
    size_t at = 0;
    for (int point = 0; point < COCO_RECALL_POINTS; point++)
    {
        while (at < recall.size() && recall[at] < point * 0.01)  // not point / 100: ten of them differ in the last bit
            at++;
        sampled[point] = at < recall.size() ? precision[at] : 0;
    }
    return recall.empty() ? 0 : recall.back();
}

}  // namespace

std::vector<CocoMatch> cocoMatches(const CocoGroup& group, double iouThreshold, const CocoAreaRange& area)
{
    std::vector<CocoMatch> matches;
    matchGroup(group, OrderedGroundTruths(group, area), area, iouThreshold, matches);
    return matches;
}

std::vector<CocoCurve> cocoCurves(const std::vector<CocoGroup>& groups, const std::vector<double>& iouThresholds,
                                  const CocoAreaRange& area, const std::vector<int>& limits)
{
    const Pool pool = matchAll(groups, iouThresholds, area);
    std::vector<CocoCurve> curves(limits.size());
    for (size_t i = 0; i < limits.size(); i++)
    {
        curves[i].positives = pool.positives;
        if (pool.positives == 0)
            continue;
        curves[i].precision.resize(iouThresholds.size() * COCO_RECALL_POINTS);
        for (size_t t = 0; t < iouThresholds.size(); t++)
            curves[i].recall.push_back(curve(pool, t, limits[i], &curves[i].precision[t * COCO_RECALL_POINTS]));
    }
    return curves;
}

}  // namespace d2det
}  // namespace cv
