// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "evaluation/detection_set.hpp"

#include "dataset/segmentation.hpp"
#include "evaluation/result_matching.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

namespace d2det
{

namespace
{

using cv::d2det::CocoEvaluator;

std::string countOf(size_t n, const char* what)
{
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

void addAnnotations(const EvaluatedData& data, bool withMasks, DetectionSet& set)
{
    EvaluatedImages images = addGroundTruth(data, data.dataset->categoryIds, withMasks, set.boxes, set.masks);
    set.imageIds.swap(images.boxes);
    set.maskImageIds.swap(images.masks);
    if (withMasks && set.maskImageIds.size() < data.images.size())
        set.notes.push_back(set.maskImageIds.empty()
                                ? "masks are not measured: the annotations have no outlines"
                                : "masks are measured on the " + countOf(set.maskImageIds.size(), "image") +
                                      " whose objects all have outlines, of " + std::to_string(data.images.size()));
}

//! Outlines become run lengths in the size of the image, as those of annotations do.
cv::d2det::Rle maskOf(const CocoResult& result, const ImageRecord& image)
{
    if (result.outline.empty())
        return result.mask;
    Segmentation outline;
    outline.polygons = result.outline;
    return usableRle(outline, image.height, image.width).value_or(cv::d2det::Rle());
}

//! Adds the keypoints of results to a set.
class KeypointResults
{
public:
    KeypointResults(const EvaluatedData& data, const std::vector<CocoResult>& results, DetectionSet& set) : set_(set)
    {
        const bool any = std::any_of(results.begin(), results.end(),
                                     [](const CocoResult& result) { return !result.keypoints.empty(); });
        set.hasKeypoints = any && addKeypointGroundTruth(data, data.dataset->categoryIds, set.keypoints);
        if (any && !set.hasKeypoints)
            set.notes.push_back("keypoints are not measured: the annotations have none");
        if (!set.hasKeypoints)
            return;
        for (const int index : data.classes)
            if (const auto& schema = data.dataset->keypoints[static_cast<size_t>(index)])
                points_[data.dataset->categoryIds[static_cast<size_t>(index)]] = schema->names.size();
    }

    void add(int64_t imageId, int64_t categoryId, const CocoResult& result)
    {
        const auto points = points_.find(categoryId);
        if (points == points_.end())
            return;
        missing_ += result.keypoints.empty();
        other_ += !result.keypoints.empty() && result.keypoints.size() != points->second;
        if (result.keypoints.size() != points->second)
            return;
        set_.keypoints.addDetection(
            {imageId, categoryId, result.box, result.score, cv::d2det::Rle(), result.keypoints});
    }

    void addNotes()
    {
        if (missing_ > 0)
            set_.notes.push_back(countOf(missing_, "result") + " without keypoints, which count for boxes only");
        if (other_ > 0)
            set_.notes.push_back(countOf(other_, "result") +
                                 " with another number of keypoints than their class has, which count for boxes only");
    }

private:
    DetectionSet& set_;
    std::map<int64_t, size_t> points_;  //!< number of keypoints by category
    size_t missing_ = 0, other_ = 0;
};

void addNote(DetectionSet& set, size_t left, size_t total, const char* reason)
{
    if (left == 0)
        return;
    if (left == total)
        throw std::runtime_error(set.name + ": all of its " + countOf(total, "result") + " are for " + reason +
                                 "; does the file belong to these annotations?");
    set.notes.push_back(countOf(left, "result") + " left out: for " + reason);
}

}  // namespace

std::vector<AnalyzedClass> analyzedClasses(const EvaluatedData& data)
{
    std::vector<AnalyzedClass> result;
    for (const int index : data.classes)
        result.push_back({data.dataset->categoryIds[index], data.dataset->classNames[index]});
    return result;
}

DetectionSet makeDetectionSet(const EvaluatedData& data, const std::string& name,
                              const std::vector<CocoResult>& results)
{
    DetectionSet set;
    set.name = name;
    const bool withMasks =
        std::any_of(results.begin(), results.end(),
                    [](const CocoResult& result) { return !result.mask.empty() || !result.outline.empty(); });
    addAnnotations(data, withMasks, set);

    std::set<int64_t> known;
    for (const AnalyzedClass& c : analyzedClasses(data))
        known.insert(c.id);
    const std::set<int64_t> all(data.dataset->categoryIds.begin(), data.dataset->categoryIds.end());
    const std::set<int64_t> images(set.imageIds.begin(), set.imageIds.end());
    const std::set<int64_t> maskImages(set.maskImageIds.begin(), set.maskImageIds.end());
    std::set<int64_t> withResults;
    ResultMatcher matcher(*data.dataset, name, results);
    KeypointResults keypoints(data, results, set);
    size_t otherImages = 0, otherClasses = 0, unknownClasses = 0, maskless = 0;
    for (const CocoResult& result : results)
    {
        const std::optional<size_t> index = matcher.imageOf(result);
        const std::optional<int64_t> category = matcher.categoryOf(result);
        const bool evaluatedImage = index && images.count(data.dataset->images[*index].id);
        const bool knownClass = category && all.count(*category);
        otherImages += !evaluatedImage;
        unknownClasses += !knownClass;
        otherClasses += knownClass && known.count(*category) == 0;
        if (!evaluatedImage)
            continue;
        const ImageRecord& image = data.dataset->images[*index];
        withResults.insert(image.id);
        if (!knownClass || !known.count(*category))
            continue;
        CocoEvaluator::Detection detection{image.id, *category, result.box, result.score, maskOf(result, image)};
        set.boxes.addDetection(detection);
        keypoints.add(image.id, *category, result);
        if (!maskImages.count(image.id))
            continue;
        maskless += detection.mask.empty();
        detection.score = result.maskScore;
        if (!detection.mask.empty())
            set.masks.addDetection(detection);
    }
    addNote(set, otherImages, results.size(), "images that are not evaluated");
    addNote(set, unknownClasses, results.size(), "categories that the annotations do not have");
    addNote(set, otherClasses, results.size(), "classes that are not evaluated");
    set.notes.insert(set.notes.end(), matcher.notes().begin(), matcher.notes().end());
    set.isRun = matcher.isRun(results);
    set.imagesWithResults.assign(withResults.begin(), withResults.end());
    keypoints.addNotes();
    if (maskless > 0)
        set.notes.push_back(countOf(maskless, "result") + " without a mask, which count for boxes only");
    return set;
}

Analysis analyze(const DetectionSet& set, const EvaluatedData& data, int iouType, double score)
{
    const bool masks = iouType == cv::d2det::IOU_MASK;
    return analyze(masks ? set.masks : set.boxes,
                   {analyzedClasses(data), masks ? set.maskImageIds : set.imageIds, iouType, score});
}

}  // namespace d2det
