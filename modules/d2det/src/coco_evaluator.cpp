// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* CocoEvaluator: COCO's 12 numbers for boxes. Source: operators.md 6.

   Ground truths and detections are sorted once by category, image and score; matching then works on the groups that
   exist, so that the cost follows the number of objects, not images x categories. Categories run in parallel. */

#include "opencv2/d2det/metrics.hpp"

#include "coco_matching.hpp"
#include "iou_xywh.hpp"

#include "opencv2/core/utility.hpp"

#include <cmath>
#include <numeric>

namespace cv
{
namespace d2det
{

namespace
{

using GroundTruth = CocoEvaluator::GroundTruth;
using Detection = CocoEvaluator::Detection;

std::vector<int64> sortedUnique(std::vector<int64> ids)
{
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

bool contains(const std::vector<int64>& sortedIds, int64 id)
{
    return std::binary_search(sortedIds.begin(), sortedIds.end(), id);
}

void checkFinite(double value, const char* what, int64 imageId)
{
    if (!std::isfinite(value))
        CV_Error(Error::StsBadArg, format("CocoEvaluator: %s is %g in image %lld, expected a finite number", what,
                                          value, static_cast<long long>(imageId)));
}

void checkBox(const Rect2d& box, const char* what, int64 imageId)
{
    for (const double value : {box.x, box.y, box.width, box.height})
        checkFinite(value, what, imageId);
}

//! Entries of the images and categories that take part, by category and image; else in the order they were added.
template <typename Entry>
std::vector<const Entry*> sortedEntries(const std::vector<Entry>& entries, const std::vector<int64>& imageIds,
                                        const std::vector<int64>& categoryIds)
{
    std::vector<const Entry*> sorted;
    for (const Entry& entry : entries)
        if (contains(imageIds, entry.imageId) && contains(categoryIds, entry.categoryId))
            sorted.push_back(&entry);
    std::stable_sort(
        sorted.begin(), sorted.end(),
        [](const Entry* a, const Entry* b)
        { return a->categoryId != b->categoryId ? a->categoryId < b->categoryId : a->imageId < b->imageId; });
    return sorted;
}

//! Consecutive entries of a sorted list.
template <typename Entry>
struct Span
{
    const Entry* const* first;
    const Entry* const* last;

    //! Takes the entries of a category, or of an image within it, off the front.
    template <typename Same>
    Span take(Same same)
    {
        const Span head{first, std::find_if_not(first, last, same)};
        first = head.last;
        return head;
    }

    bool empty() const { return first == last; }
};

//! Group of one image and category: detections by score, cut, and their IoU with the ground truths.
CocoGroup makeGroup(const Span<GroundTruth>& gts, const Span<Detection>& detections)
{
    std::vector<const Detection*> best(detections.first, detections.last);
    std::stable_sort(best.begin(), best.end(),
                     [](const Detection* a, const Detection* b) { return a->score > b->score; });
    if (best.size() > COCO_MAX_DETECTIONS)
        best.resize(COCO_MAX_DETECTIONS);
    CocoGroup group;
    for (const GroundTruth* const* gt = gts.first; gt != gts.last; ++gt)
    {
        group.groundTruthAreas.push_back((*gt)->area);
        group.crowd.push_back((*gt)->crowd);
    }
    for (const Detection* detection : best)
    {
        const Rect2d& box = detection->box;
        const double a[4] = {box.x, box.y, box.width, box.height};
        group.scores.push_back(detection->score);
        group.detectionAreas.push_back(box.width * box.height);
        for (const GroundTruth* const* gt = gts.first; gt != gts.last; ++gt)
        {
            const Rect2d& other = (*gt)->box;
            const double b[4] = {other.x, other.y, other.width, other.height};
            group.ious.push_back(iouXywh(a, b, (*gt)->crowd));
        }
    }
    return group;
}

//! Groups of one category in order of image id.
std::vector<CocoGroup> makeGroups(Span<GroundTruth> gts, Span<Detection> detections)
{
    std::vector<CocoGroup> groups;
    while (!gts.empty() || !detections.empty())
    {
        const int64 image = gts.empty()          ? (*detections.first)->imageId
                            : detections.empty() ? (*gts.first)->imageId
                                                 : std::min((*gts.first)->imageId, (*detections.first)->imageId);
        const auto inImage = [image](const auto* entry) { return entry->imageId == image; };
        const Span<GroundTruth> imageGts = gts.take(inImage);
        groups.push_back(makeGroup(imageGts, detections.take(inImage)));
    }
    return groups;
}

//! All that is needed to evaluate, per category.
class Table
{
public:
    Table(const std::vector<int64>& imageIds, const std::vector<int64>& categoryIds,
          const std::vector<GroundTruth>& groundTruths, const std::vector<Detection>& detections)
        : categoryIds_(sortedUnique(categoryIds)),
          gts_(sortedEntries(groundTruths, imageIds, categoryIds_)),
          detections_(sortedEntries(detections, imageIds, categoryIds_))
    {
    }

    const std::vector<int64>& categoryIds() const { return categoryIds_; }

    //! Calls work(index, groups) for every category, in parallel.
    template <typename Work>
    void forEachCategory(Work work) const
    {
        std::vector<Span<GroundTruth>> gts;
        std::vector<Span<Detection>> detections;
        Span<GroundTruth> gtsLeft{gts_.data(), gts_.data() + gts_.size()};
        Span<Detection> detectionsLeft{detections_.data(), detections_.data() + detections_.size()};
        for (const int64 id : categoryIds_)
        {
            const auto inCategory = [id](const auto* entry) { return entry->categoryId == id; };
            gts.push_back(gtsLeft.take(inCategory));
            detections.push_back(detectionsLeft.take(inCategory));
        }
        parallel_for_(Range(0, static_cast<int>(categoryIds_.size())),
                      [&](const Range& range)
                      {
                          for (int i = range.start; i < range.end; i++)
                              if (!gts[i].empty())  // without ground truth nothing counts
                                  work(i, makeGroups(gts[i], detections[i]));
                      });
    }

    //! Curves of every category over all areas with 100 detections.
    std::vector<CocoCurve> curves(const std::vector<double>& iouThresholds) const
    {
        std::vector<CocoCurve> result(categoryIds_.size());
        forEachCategory(
            [&](int i, const std::vector<CocoGroup>& groups)
            { result[i] = cocoCurves(groups, iouThresholds, cocoAreaRanges()[0], {COCO_MAX_DETECTIONS})[0]; });
        return result;
    }

private:
    std::vector<int64> categoryIds_;
    std::vector<const GroundTruth*> gts_;
    std::vector<const Detection*> detections_;
};

double meanOrNone(double sum, size_t count)
{
    return count == 0 ? -1.0 : sum / static_cast<double>(count);
}

//! Mean precision of one category over [first, last) thresholds; -1 without ground truth.
double meanPrecision(const CocoCurve& curve, size_t first, size_t last)
{
    if (curve.positives == 0)
        return -1.0;
    const auto begin = curve.precision.begin() + first * COCO_RECALL_POINTS;
    const auto end = curve.precision.begin() + last * COCO_RECALL_POINTS;
    return std::accumulate(begin, end, 0.0) / static_cast<double>(end - begin);
}

double meanRecall(const CocoCurve& curve)
{
    return curve.positives == 0 ? -1.0
                                : std::accumulate(curve.recall.begin(), curve.recall.end(), 0.0) /
                                      static_cast<double>(curve.recall.size());
}

//! Mean of the values that are not -1.
double meanOfCounted(const std::vector<double>& values)
{
    double sum = 0;
    size_t count = 0;
    for (const double value : values)
        if (value >= 0)
        {
            sum += value;
            count++;
        }
    return meanOrNone(sum, count);
}

//! The 12 numbers of one category.
std::vector<double> categorySummary(const std::vector<CocoGroup>& groups)
{
    const std::vector<double>& thresholds = cocoIoUThresholds();
    const std::vector<CocoAreaRange>& areas = cocoAreaRanges();
    const std::vector<CocoCurve> all = cocoCurves(groups, thresholds, areas[0], {1, 10, COCO_MAX_DETECTIONS});
    std::vector<double> precisions = {meanPrecision(all[2], 0, thresholds.size()), meanPrecision(all[2], 0, 1),
                                      meanPrecision(all[2], 5, 6)};
    std::vector<double> recalls = {meanRecall(all[0]), meanRecall(all[1]), meanRecall(all[2])};
    for (size_t i = 1; i < areas.size(); i++)
    {
        const CocoCurve curve = cocoCurves(groups, thresholds, areas[i], {COCO_MAX_DETECTIONS})[0];
        precisions.push_back(meanPrecision(curve, 0, thresholds.size()));
        recalls.push_back(meanRecall(curve));
    }
    precisions.insert(precisions.end(), recalls.begin(), recalls.end());
    return precisions;
}

void checkThreshold(double iouThreshold)
{
    if (!(iouThreshold > 0) || iouThreshold > 1)
        CV_Error(Error::StsOutOfRange, format("CocoEvaluator: IoU threshold is %g, expected (0, 1]", iouThreshold));
}

}  // namespace

void CocoEvaluator::setImages(const std::vector<int64>& imageIds)
{
    imageIds_ = sortedUnique(imageIds);
}

void CocoEvaluator::setCategories(const std::vector<int64>& categoryIds)
{
    categoryIds_ = categoryIds;
}

void CocoEvaluator::addGroundTruth(const GroundTruth& gt)
{
    checkBox(gt.box, "a ground truth box", gt.imageId);
    checkFinite(gt.area, "the area of a ground truth", gt.imageId);
    groundTruths_.push_back(gt);
}

void CocoEvaluator::addDetection(const Detection& detection)
{
    checkBox(detection.box, "a detected box", detection.imageId);
    checkFinite(detection.score, "the score of a detection", detection.imageId);
    detections_.push_back(detection);
}

std::vector<double> CocoEvaluator::summarize() const
{
    const Table table(imageIds_, categoryIds_, groundTruths_, detections_);
    constexpr int NUMBERS = 12;
    std::vector<std::vector<double>> byNumber(NUMBERS, std::vector<double>(table.categoryIds().size(), -1.0));
    table.forEachCategory(
        [&](int i, const std::vector<CocoGroup>& groups)
        {
            const std::vector<double> numbers = categorySummary(groups);
            for (int j = 0; j < NUMBERS; j++)
                byNumber[j][i] = numbers[j];
        });
    std::vector<double> result;
    for (const std::vector<double>& values : byNumber)
        result.push_back(meanOfCounted(values));
    return result;
}

std::vector<double> CocoEvaluator::perCategoryAP() const
{
    const Table table(imageIds_, categoryIds_, groundTruths_, detections_);
    const std::vector<CocoCurve> curves = table.curves(cocoIoUThresholds());
    std::vector<double> result;
    for (const int64 id : categoryIds_)
    {
        const auto at = std::lower_bound(table.categoryIds().begin(), table.categoryIds().end(), id);
        result.push_back(meanPrecision(curves[at - table.categoryIds().begin()], 0, cocoIoUThresholds().size()));
    }
    return result;
}

double CocoEvaluator::averagePrecision(double iouThreshold) const
{
    checkThreshold(iouThreshold);
    std::vector<double> values;
    for (const CocoCurve& curve : Table(imageIds_, categoryIds_, groundTruths_, detections_).curves({iouThreshold}))
        values.push_back(meanPrecision(curve, 0, 1));
    return meanOfCounted(values);
}

std::vector<double> CocoEvaluator::precisionCurve(int64 categoryId, double iouThreshold) const
{
    checkThreshold(iouThreshold);
    return Table(imageIds_, {categoryId}, groundTruths_, detections_).curves({iouThreshold})[0].precision;
}

}  // namespace d2det
}  // namespace cv
