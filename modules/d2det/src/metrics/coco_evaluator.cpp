// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* CocoEvaluator: the metrics of COCO for boxes, masks and keypoints, matches, average precision of Pascal VOC. Source:
   operators.md 6.

   Ground truths and detections are sorted once by category, image and score; matching is limited to
   nonempty groups, so that the cost is proportional to the number of objects, not images x categories. Categories run
   in parallel. */

#include "opencv2/d2det/metrics.hpp"

#include "metrics/coco_matching.hpp"
#include "metrics/iou_xywh.hpp"
#include "metrics/keypoint_similarity.hpp"
#include "masks/rle.hpp"
#include "metrics/voc_ap.hpp"

#include "opencv2/core/utility.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
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

//! Converts a floating-point id to an integer.
int64 asInteger(double id)
{
    constexpr double LARGEST = 9007199254740992.;  // 2^53: every integer up to it is a double
    if (!(std::abs(id) <= LARGEST) || id != std::floor(id))
        CV_Error(Error::StsBadArg, format("CocoEvaluator: %g is no id, expected an integer up to 2^53", id));
    return static_cast<int64>(id);
}

std::vector<int64> asIntegers(const std::vector<double>& ids)
{
    std::vector<int64> numbers(ids.size());
    std::transform(ids.begin(), ids.end(), numbers.begin(), asInteger);
    return numbers;
}

//! Converts rows to CV_64F; no rows for an empty array.
Mat tableOf(InputArray rows, int columns, const std::vector<Rle>& masks)
{
    Mat table;
    if (!rows.empty())
    {
        const Mat given = rows.getMat();
        if (given.dims != 2 || given.channels() != 1 || given.cols != columns)
            CV_Error(Error::StsBadSize, format("CocoEvaluator: %d-D array with %d columns and %d channels, expected "
                                               "rows of %d numbers",
                                               given.dims, given.cols, given.channels(), columns));
        given.convertTo(table, CV_64F);
    }
    if (!masks.empty() && masks.size() != static_cast<size_t>(table.rows))
        CV_Error(Error::StsBadArg, format("CocoEvaluator: %d masks for %d rows, expected none or one for each row",
                                          static_cast<int>(masks.size()), table.rows));
    return table;
}

//! Rows of K points for the objects of a table, without rows if none are given.
std::vector<std::vector<Vec3d>> pointsOf(InputArray keypoints, int objects)
{
    if (keypoints.empty())
        return {};
    const Mat given = keypoints.getMat();
    if (given.dims != 2 || given.channels() != 1 || given.rows != objects || given.cols % 3 != 0)
        CV_Error(Error::StsBadSize, format("CocoEvaluator: keypoints of %d rows, %d columns and %d channels, expected "
                                           "%d rows of 3 numbers for each point",
                                           given.rows, given.cols, given.channels(), objects));
    Mat table;
    given.convertTo(table, CV_64F);
    std::vector<std::vector<Vec3d>> points(static_cast<size_t>(objects));
    for (int i = 0; i < objects; i++)
        points[static_cast<size_t>(i)].assign(table.ptr<Vec3d>(i), table.ptr<Vec3d>(i) + given.cols / 3);
    return points;
}

void checkKeypoints(const std::vector<Vec3d>& points, int64 imageId)
{
    for (const Vec3d& point : points)
        for (int i = 0; i < 3; i++)
            checkFinite(point[i], "a keypoint", imageId);
}

void checkIoUType(int iouType)
{
    if (iouType != IOU_BOX && iouType != IOU_MASK && iouType != IOU_KEYPOINTS)
        CV_Error(Error::StsBadArg,
                 format("CocoEvaluator: iouType is %d, expected IOU_BOX (%d), IOU_MASK (%d) or IOU_KEYPOINTS (%d)",
                        iouType, IOU_BOX, IOU_MASK, IOU_KEYPOINTS));
}

//! Checks that every entry has a mask and all masks of an image have the same size, collected in `sizes`.
template <typename Entry>
void checkMasks(const std::vector<const Entry*>& entries, const char* what, std::map<int64, Size>& sizes)
{
    for (const Entry* entry : entries)
    {
        const long long image = entry->imageId;
        if (entry->mask.empty())
            CV_Error(Error::StsBadArg,
                     format("CocoEvaluator: %s of image %lld has no mask, which IOU_MASK needs", what, image));
        const Size size(entry->mask.width, entry->mask.height);
        const Size expected = sizes.emplace(entry->imageId, size).first->second;
        if (size != expected)
            CV_Error(
                Error::StsUnmatchedSizes,
                format("CocoEvaluator: the mask of %s of image %lld is %d x %d (width x height), that of another one "
                       "%d x %d",
                       what, image, size.width, size.height, expected.width, expected.height));
    }
}

//! Entries of the evaluated images and categories, by category and image, then in order of insertion.
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

/** Checks that detections have keypoints, and those of a category one number of them, which fits the ground truths and
    the sigmas. Both lists are sorted by category. */
void checkNumbers(const std::vector<const GroundTruth*>& gts, const std::vector<const Detection*>& detections,
                  const std::vector<double>& sigmas)
{
    std::map<int64, size_t> counts;
    const auto check = [&](int64 category, size_t count, const char* what, int64 imageId)
    {
        const size_t expected = counts.emplace(category, sigmas.empty() ? count : sigmas.size()).first->second;
        if (count != expected)
            CV_Error(Error::StsUnmatchedSizes,
                     format("CocoEvaluator: %s of image %lld has %d keypoints, expected %d as %s", what,
                            static_cast<long long>(imageId), static_cast<int>(count), static_cast<int>(expected),
                            sigmas.empty() ? "the others of its category" : "there are sigmas"));
    };
    for (const GroundTruth* gt : gts)
        if (!gt->keypoints.empty())
            check(gt->categoryId, gt->keypoints.size(), "a ground truth", gt->imageId);
    for (const Detection* detection : detections)
    {
        if (detection->keypoints.empty())
            CV_Error(Error::StsBadArg,
                     format("CocoEvaluator: a detection of image %lld has no keypoints, which IOU_KEYPOINTS needs",
                            static_cast<long long>(detection->imageId)));
        check(detection->categoryId, detection->keypoints.size(), "a detection", detection->imageId);
    }
}

//! Consecutive entries of a sorted list.
template <typename Entry>
struct Span
{
    const Entry* const* first;
    const Entry* const* last;

    //! Removes and returns the leading entries of a category, or of an image within the category.
    template <typename Same>
    Span take(Same same)
    {
        const Span head{first, std::find_if_not(first, last, same)};
        first = head.last;
        return head;
    }

    bool empty() const { return first == last; }
};

//! Differences between COCO and VOC before matching.
struct GroupRules
{
    size_t maxDetections;
    bool crowdUnion;  //!< crowd rule: union = area of the detection
};

constexpr GroupRules COCO_RULES{COCO_MAX_DETECTIONS, true};
constexpr GroupRules COCO_POSE_RULES{COCO_MAX_POSES, true};
constexpr GroupRules VOC_RULES{std::numeric_limits<size_t>::max(), false};

//! All entries and the type of IoU.
struct Input
{
    const std::vector<GroundTruth>& groundTruths;
    const std::vector<Detection>& detections;
    int iouType;
    const std::vector<double>& sigmas;  //!< of keypoints; empty: the default

    const GroupRules& cocoRules() const { return iouType == IOU_KEYPOINTS ? COCO_POSE_RULES : COCO_RULES; }
    int maxDetections() const { return static_cast<int>(cocoRules().maxDetections); }
};

using GroundTruths = std::vector<const GroundTruth*>;
using Detections = std::vector<const Detection*>;

void addBoxIoUs(const GroundTruths& gts, const Detections& detections, bool crowdUnion, CocoGroup& group)
{
    for (const Detection* detection : detections)
    {
        const Rect2d& box = detection->box;
        const double a[4] = {box.x, box.y, box.width, box.height};
        group.detectionAreas.push_back(box.width * box.height);
        for (const GroundTruth* gt : gts)
        {
            const double b[4] = {gt->box.x, gt->box.y, gt->box.width, gt->box.height};
            group.ious.push_back(boxIoUXywh(a, b, gt->crowd && crowdUnion));
        }
    }
}

//! Mask with precomputed values for all pairs.
struct MeasuredMask
{
    const Rle& rle;
    double area;
    Rect bounds;

    explicit MeasuredMask(const Rle& mask) : rle(mask), area(rleArea(mask)), bounds(rleBoundingBox(mask)) {}
};

void addMaskIoUs(const GroundTruths& gts, const Detections& detections, bool crowdUnion, CocoGroup& group)
{
    std::vector<MeasuredMask> gtMasks;
    for (const GroundTruth* gt : gts)
        gtMasks.emplace_back(gt->mask);
    for (const Detection* detection : detections)
    {
        const MeasuredMask a(detection->mask);
        group.detectionAreas.push_back(a.area);
        for (size_t g = 0; g < gts.size(); g++)
        {
            const MeasuredMask& b = gtMasks[g];
            const bool apart = (a.bounds & b.bounds).empty();  // skips the comparison of runs
            const double shared = apart ? 0 : static_cast<double>(rleIntersection(a.rle, b.rle));
            group.ious.push_back(maskIoU(shared, a.area, b.area, gts[g]->crowd && crowdUnion));
        }
    }
}

void addKeypointSimilarities(const GroundTruths& gts, const Detections& detections, const std::vector<double>& given,
                             CocoGroup& group)
{
    if (detections.empty())
        return;
    const std::vector<double> sigmas = given.empty() ? keypointSigmas(detections[0]->keypoints.size()) : given;
    for (const Detection* detection : detections)
    {
        // As pycocotools' loadRes: the box of a result that has one, otherwise what the points span.
        const double area = detection->box.area();
        group.detectionAreas.push_back(area > 0 ? area : keypointArea(detection->keypoints));
        for (const GroundTruth* gt : gts)
            group.ious.push_back(keypointSimilarity(detection->keypoints, gt->keypoints, gt->box, gt->area, sigmas));
    }
}

//! COCO's num_keypoints.
int numKeypoints(const GroundTruth& gt)
{
    if (gt.numKeypoints >= 0)
        return gt.numKeypoints;
    return static_cast<int>(
        std::count_if(gt.keypoints.begin(), gt.keypoints.end(), [](const Vec3d& point) { return point[2] > 0; }));
}

//! Group of one image and category: detections by score, cut, and their IoU with the ground truths.
CocoGroup makeGroup(const Span<GroundTruth>& gtSpan, const Span<Detection>& detectionSpan, const Input& input,
                    const GroupRules& rules)
{
    const GroundTruths gts(gtSpan.first, gtSpan.last);
    Detections best(detectionSpan.first, detectionSpan.last);
    std::stable_sort(best.begin(), best.end(),
                     [](const Detection* a, const Detection* b) { return a->score > b->score; });
    if (best.size() > rules.maxDetections)
        best.resize(rules.maxDetections);
    CocoGroup group;
    for (const GroundTruth* gt : gts)
    {
        group.groundTruthAreas.push_back(gt->area);
        group.crowd.push_back(gt->crowd);
        group.ignored.push_back(gt->crowd || (input.iouType == IOU_KEYPOINTS && numKeypoints(*gt) == 0));
        group.groundTruthIndices.push_back(static_cast<int>(gt - input.groundTruths.data()));
    }
    for (const Detection* detection : best)
    {
        group.scores.push_back(detection->score);
        group.detectionIndices.push_back(static_cast<int>(detection - input.detections.data()));
    }
    if (input.iouType == IOU_KEYPOINTS)
        addKeypointSimilarities(gts, best, input.sigmas, group);
    else
        (input.iouType == IOU_MASK ? addMaskIoUs : addBoxIoUs)(gts, best, rules.crowdUnion, group);
    return group;
}

//! Groups of one category in order of image id.
std::vector<CocoGroup> makeGroups(Span<GroundTruth> gts, Span<Detection> detections, const Input& input,
                                  const GroupRules& rules)
{
    std::vector<CocoGroup> groups;
    while (!gts.empty() || !detections.empty())
    {
        const int64 image = gts.empty()          ? (*detections.first)->imageId
                            : detections.empty() ? (*gts.first)->imageId
                                                 : std::min((*gts.first)->imageId, (*detections.first)->imageId);
        const auto inImage = [image](const auto* entry) { return entry->imageId == image; };
        const Span<GroundTruth> imageGts = gts.take(inImage);
        groups.push_back(makeGroup(imageGts, detections.take(inImage), input, rules));
    }
    return groups;
}

//! Data of the evaluation, per category.
class Table
{
public:
    Table(const std::vector<int64>& imageIds, const std::vector<int64>& categoryIds, const Input& input)
        : input_(input),
          categoryIds_(sortedUnique(categoryIds)),
          gts_(sortedEntries(input.groundTruths, imageIds, categoryIds_)),
          detections_(sortedEntries(input.detections, imageIds, categoryIds_))
    {
        checkIoUType(input.iouType);
        if (input.iouType == IOU_KEYPOINTS)
            checkNumbers(gts_, detections_, input.sigmas);
        if (input.iouType != IOU_MASK)
            return;
        std::map<int64, Size> sizes;
        checkMasks(gts_, "a ground truth", sizes);
        checkMasks(detections_, "a detection", sizes);
    }

    const std::vector<int64>& categoryIds() const { return categoryIds_; }

    //! Calls work(index, groups) for every category that has ground truth or detections, in parallel; by COCO's rules.
    template <typename Work>
    void forEachCategory(Work work) const
    {
        forEachCategory(work, input_.cocoRules());
    }

    template <typename Work>
    void forEachCategory(Work work, const GroupRules& rules) const
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
                              work(i, makeGroups(gts[i], detections[i], input_, rules));
                      });
    }

    //! Curves of every category over all areas with as many detections as count.
    std::vector<CocoCurve> curves(const std::vector<double>& iouThresholds) const
    {
        std::vector<CocoCurve> result(categoryIds_.size());
        forEachCategory(
            [&](int i, const std::vector<CocoGroup>& groups)
            { result[i] = cocoCurves(groups, iouThresholds, cocoAreaRanges()[0], {input_.maxDetections()})[0]; });
        return result;
    }

private:
    Input input_;
    std::vector<int64> categoryIds_;
    GroundTruths gts_;
    Detections detections_;
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

//! Mean recall over [first, last) thresholds; -1 without ground truth.
double meanRecall(const CocoCurve& curve, size_t first, size_t last)
{
    if (curve.positives == 0)
        return -1.0;
    const double sum = std::accumulate(curve.recall.begin() + first, curve.recall.begin() + last, 0.0);
    return sum / static_cast<double>(last - first);
}

double meanRecall(const CocoCurve& curve)
{
    return meanRecall(curve, 0, curve.recall.size());
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

//! The 12 metrics of one category.
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

//! The 10 metrics of one category for keypoints; COCO has no small objects there.
std::vector<double> keypointSummary(const std::vector<CocoGroup>& groups)
{
    const std::vector<double>& thresholds = cocoIoUThresholds();
    const std::vector<CocoAreaRange>& areas = cocoAreaRanges();
    std::vector<double> precisions, recalls;
    const size_t all = thresholds.size();
    for (const size_t area : {0, 2, 3})
    {
        const CocoCurve curve = cocoCurves(groups, thresholds, areas[area], {COCO_MAX_POSES})[0];
        precisions.push_back(meanPrecision(curve, 0, all));
        recalls.push_back(meanRecall(curve));
        if (area > 0)
            continue;
        precisions.insert(precisions.end(), {meanPrecision(curve, 0, 1), meanPrecision(curve, 5, 6)});
        recalls.insert(recalls.end(), {meanRecall(curve, 0, 1), meanRecall(curve, 5, 6)});
    }
    precisions.insert(precisions.end(), recalls.begin(), recalls.end());
    return precisions;
}

void checkThreshold(double iouThreshold)
{
    if (!(iouThreshold > 0) || iouThreshold > 1)
        CV_Error(Error::StsOutOfRange, format("CocoEvaluator: IoU threshold is %g, expected (0, 1]", iouThreshold));
}

//! Appends the matching results of a group.
void appendMatches(const CocoGroup& group, double iouThreshold, const std::vector<Detection>& detections,
                   std::vector<CocoEvaluator::Match>& result)
{
    const std::vector<CocoMatch> matches = cocoMatches(group, iouThreshold, cocoAreaRanges()[0]);
    const size_t numGts = group.groundTruthIndices.size();
    for (size_t d = 0; d < matches.size(); d++)
    {
        const double* ious = group.ious.data() + d * numGts;
        const int gt = matches[d].groundTruth, index = group.detectionIndices[d];
        const double iou = gt >= 0 ? ious[gt] : numGts > 0 ? *std::max_element(ious, ious + numGts) : 0;
        result.push_back({detections[index].imageId, detections[index].categoryId, group.scores[d], index,
                          gt >= 0 ? group.groundTruthIndices[gt] : -1, iou, matches[d].ignored});
    }
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

void CocoEvaluator::setImageIds(const std::vector<double>& ids)
{
    setImages(asIntegers(ids));
}

void CocoEvaluator::setCategoryIds(const std::vector<double>& ids)
{
    setCategories(asIntegers(ids));
}

void CocoEvaluator::addGroundTruth(const GroundTruth& gt)
{
    checkBox(gt.box, "a ground truth box", gt.imageId);
    checkFinite(gt.area, "the area of a ground truth", gt.imageId);
    checkKeypoints(gt.keypoints, gt.imageId);
    checkRle(gt.mask, "CocoEvaluator");
    groundTruths_.push_back(gt);
}

void CocoEvaluator::addDetection(const Detection& detection)
{
    checkBox(detection.box, "a detected box", detection.imageId);
    checkFinite(detection.score, "the score of a detection", detection.imageId);
    checkKeypoints(detection.keypoints, detection.imageId);
    checkRle(detection.mask, "CocoEvaluator");
    detections_.push_back(detection);
}

void CocoEvaluator::setKeypointSigmas(const std::vector<double>& sigmas)
{
    for (const double sigma : sigmas)
        if (!(sigma > 0) || !std::isfinite(sigma))
            CV_Error(Error::StsOutOfRange, format("CocoEvaluator: a sigma is %g, expected a number above 0", sigma));
    sigmas_ = sigmas;
}

void CocoEvaluator::addGroundTruths(InputArray rows, const std::vector<Rle>& masks, InputArray keypoints)
{
    constexpr int COLUMNS = 8;
    const Mat table = tableOf(rows, COLUMNS, masks);
    const std::vector<std::vector<Vec3d>> points = pointsOf(keypoints, table.rows);
    for (int i = 0; i < table.rows; i++)
    {
        const double* v = table.ptr<double>(i);
        if (v[7] != 0 && v[7] != 1)
            CV_Error(Error::StsBadArg, format("CocoEvaluator: crowd is %g in row %d, expected 0 or 1", v[7], i));
        addGroundTruth({asInteger(v[0]), asInteger(v[1]), Rect2d(v[2], v[3], v[4], v[5]), v[6], v[7] == 1,
                        masks.empty() ? Rle() : masks[i], points.empty() ? std::vector<Vec3d>() : points[i], -1});
    }
}

void CocoEvaluator::addDetections(InputArray rows, const std::vector<Rle>& masks, InputArray keypoints)
{
    constexpr int COLUMNS = 7;
    const Mat table = tableOf(rows, COLUMNS, masks);
    const std::vector<std::vector<Vec3d>> points = pointsOf(keypoints, table.rows);
    for (int i = 0; i < table.rows; i++)
    {
        const double* v = table.ptr<double>(i);
        addDetection({asInteger(v[0]), asInteger(v[1]), Rect2d(v[2], v[3], v[4], v[5]), v[6],
                      masks.empty() ? Rle() : masks[i], points.empty() ? std::vector<Vec3d>() : points[i]});
    }
}

std::vector<double> CocoEvaluator::summarize(int iouType) const
{
    const Table table(imageIds_, categoryIds_, {groundTruths_, detections_, iouType, sigmas_});
    const size_t count = iouType == IOU_KEYPOINTS ? 10 : 12;
    std::vector<std::vector<double>> byNumber(count, std::vector<double>(table.categoryIds().size(), -1.0));
    table.forEachCategory(
        [&](int i, const std::vector<CocoGroup>& groups)
        {
            const std::vector<double> numbers =
                iouType == IOU_KEYPOINTS ? keypointSummary(groups) : categorySummary(groups);
            for (size_t j = 0; j < count; j++)
                byNumber[j][i] = numbers[j];
        });
    std::vector<double> result;
    result.reserve(count);
    for (const std::vector<double>& values : byNumber)
        result.push_back(meanOfCounted(values));
    return result;
}

std::vector<double> CocoEvaluator::perCategoryAP(int iouType) const
{
    const Table table(imageIds_, categoryIds_, {groundTruths_, detections_, iouType, sigmas_});
    const std::vector<CocoCurve> curves = table.curves(cocoIoUThresholds());
    std::vector<double> result;
    for (const int64 id : categoryIds_)
    {
        const auto at = std::lower_bound(table.categoryIds().begin(), table.categoryIds().end(), id);
        result.push_back(meanPrecision(curves[at - table.categoryIds().begin()], 0, cocoIoUThresholds().size()));
    }
    return result;
}

double CocoEvaluator::averagePrecision(double iouThreshold, int iouType) const
{
    checkThreshold(iouThreshold);
    std::vector<double> values;
    const Table table(imageIds_, categoryIds_, {groundTruths_, detections_, iouType, sigmas_});
    for (const CocoCurve& curve : table.curves({iouThreshold}))
        values.push_back(meanPrecision(curve, 0, 1));
    return meanOfCounted(values);
}

std::vector<double> CocoEvaluator::precisionCurve(int64 categoryId, double iouThreshold, int iouType) const
{
    checkThreshold(iouThreshold);
    const Table table(imageIds_, {categoryId}, {groundTruths_, detections_, iouType, sigmas_});
    return table.curves({iouThreshold})[0].precision;
}

std::vector<CocoEvaluator::Match> CocoEvaluator::matches(double iouThreshold, int iouType) const
{
    checkThreshold(iouThreshold);
    const Table table(imageIds_, categoryIds_, {groundTruths_, detections_, iouType, sigmas_});
    std::vector<std::vector<Match>> byCategory(table.categoryIds().size());
    table.forEachCategory(
        [&](int i, const std::vector<CocoGroup>& groups)
        {
            for (const CocoGroup& group : groups)
                appendMatches(group, iouThreshold, detections_, byCategory[i]);
        });
    std::vector<Match> result;
    for (const std::vector<Match>& matches : byCategory)
        result.insert(result.end(), matches.begin(), matches.end());
    return result;
}

double CocoEvaluator::vocAveragePrecision(double iouThreshold, int rule, int64 categoryId, int iouType) const
{
    checkThreshold(iouThreshold);
    if (rule != VOC_2007 && rule != VOC_2010)
        CV_Error(Error::StsBadArg, format("CocoEvaluator: the rule is %d, expected VOC_2007 (%d) or VOC_2010 (%d)",
                                          rule, VOC_2007, VOC_2010));
    if (iouType == IOU_KEYPOINTS)
        CV_Error(Error::StsBadArg,
                 "CocoEvaluator: Pascal VOC's average precision is of boxes or masks, not of "
                 "keypoints; use averagePrecision");
    const std::vector<int64> categories = categoryId == -1 ? categoryIds_ : std::vector<int64>{categoryId};
    const Table table(imageIds_, categories, {groundTruths_, detections_, iouType, sigmas_});
    std::vector<double> values(table.categoryIds().size(), -1.0);
    table.forEachCategory(
        [&](int i, const std::vector<CocoGroup>& groups) { values[i] = vocAP(groups, iouThreshold, rule); }, VOC_RULES);
    return meanOfCounted(values);
}

}  // namespace d2det
}  // namespace cv
