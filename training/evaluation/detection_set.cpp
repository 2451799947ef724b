// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "evaluation/detection_set.hpp"

#include "dataset/segmentation.hpp"

#include <set>
#include <stdexcept>

namespace d2det
{

namespace
{

using cv::d2det::CocoEvaluator;

std::vector<int64> toInt64(const std::vector<int64_t>& ids)
{
    return std::vector<int64>(ids.begin(), ids.end());
}

std::string countOf(size_t n, const char* what)
{
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

//! Objects of a picture, with masks if asked for. Returns false if one of them has no usable outline.
bool makeObjects(const Dataset& dataset, const ImageRecord& image, const std::set<int>& classes, bool withMasks,
                 std::vector<CocoEvaluator::GroundTruth>& objects)
{
    bool complete = true;
    for (const Annotation& a : image.annotations)
    {
        if (!classes.count(a.category))
            continue;
        CocoEvaluator::GroundTruth object;
        object.imageId = image.id;
        object.categoryId = dataset.categoryIds[a.category];
        object.box = cv::Rect2d(a.x, a.y, a.width, a.height);
        object.area = a.area;
        object.crowd = a.crowd;
        complete = complete && a.segmentation.has_value();
        if (withMasks && complete)
        {
            const std::optional<cv::d2det::Rle> mask = usableRle(*a.segmentation, image.height, image.width);
            complete = mask.has_value();
            object.mask = mask.value_or(cv::d2det::Rle());
        }
        objects.push_back(object);
    }
    return complete;
}

void addAnnotations(const EvaluatedData& data, bool withMasks, DetectionSet& set)
{
    const std::set<int> classes(data.classes.begin(), data.classes.end());
    size_t objectsWithMask = 0;
    for (const size_t index : data.images)
    {
        const ImageRecord& image = data.dataset->images[index];
        set.imageIds.push_back(image.id);
        std::vector<CocoEvaluator::GroundTruth> objects;
        const bool complete = makeObjects(*data.dataset, image, classes, withMasks, objects);
        if (withMasks && complete)
        {
            set.maskImageIds.push_back(image.id);
            objectsWithMask += objects.size();
            for (const auto& object : objects)
                set.masks.addGroundTruth(object);
        }
        for (auto& object : objects)
        {
            object.mask = cv::d2det::Rle();
            set.boxes.addGroundTruth(object);
        }
    }
    if (!withMasks)
        return;
    if (objectsWithMask == 0)
        set.maskImageIds.clear();
    if (set.maskImageIds.size() < data.images.size())
        set.notes.push_back(set.maskImageIds.empty()
                                ? "masks are not measured: the annotations have no outlines"
                                : "masks are measured on the " + countOf(set.maskImageIds.size(), "picture") +
                                      " whose objects all have outlines, of " + std::to_string(data.images.size()));
}

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

std::vector<AnalysedClass> EvaluatedData::analysedClasses() const
{
    std::vector<AnalysedClass> result;
    for (const int index : classes)
        result.push_back({dataset->categoryIds[index], dataset->classNames[index]});
    return result;
}

DetectionSet makeDetectionSet(const EvaluatedData& data, const std::string& name,
                              const std::vector<CocoResult>& results)
{
    DetectionSet set;
    set.name = name;
    bool withMasks = false;
    for (const CocoResult& result : results)
        withMasks = withMasks || !result.mask.empty();
    addAnnotations(data, withMasks, set);

    std::set<int64_t> known;
    for (const AnalysedClass& c : data.analysedClasses())
        known.insert(c.id);
    const std::set<int64_t> all(data.dataset->categoryIds.begin(), data.dataset->categoryIds.end());
    const std::set<int64_t> images(set.imageIds.begin(), set.imageIds.end());
    const std::set<int64_t> maskImages(set.maskImageIds.begin(), set.maskImageIds.end());
    size_t otherImages = 0, otherClasses = 0, unknownClasses = 0, maskless = 0;
    for (const CocoResult& result : results)
    {
        otherImages += images.count(result.imageId) == 0;
        unknownClasses += all.count(result.categoryId) == 0;
        otherClasses += all.count(result.categoryId) != 0 && known.count(result.categoryId) == 0;
        if (!images.count(result.imageId) || !known.count(result.categoryId))
            continue;
        CocoEvaluator::Detection detection{result.imageId, result.categoryId, result.box, result.score, result.mask};
        set.boxes.addDetection(detection);
        if (!maskImages.count(result.imageId))
            continue;
        maskless += result.mask.empty();
        detection.score = result.maskScore;
        if (!result.mask.empty())
            set.masks.addDetection(detection);
    }
    addNote(set, otherImages, results.size(), "pictures that are not evaluated");
    addNote(set, unknownClasses, results.size(), "categories that the annotations do not have");
    addNote(set, otherClasses, results.size(), "classes that are not evaluated");
    if (maskless > 0)
        set.notes.push_back(countOf(maskless, "result") + " without a mask, which count for boxes only");

    std::vector<int64> categories(known.begin(), known.end());
    set.boxes.setImages(toInt64(set.imageIds));
    set.masks.setImages(toInt64(set.maskImageIds));
    set.boxes.setCategories(categories);
    set.masks.setCategories(categories);
    return set;
}

Analysis analyse(const DetectionSet& set, const EvaluatedData& data, int iouType, double score)
{
    const bool masks = iouType == cv::d2det::IOU_MASK;
    return analyse(masks ? set.masks : set.boxes,
                   {data.analysedClasses(), masks ? set.maskImageIds : set.imageIds, iouType, score});
}

}  // namespace d2det
