// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "evaluation/ground_truth.hpp"

#include "base/files.hpp"
#include "dataset/segmentation.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
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

//! Adds the objects to the boxes and returns them with their masks, or nothing if one of them has no usable outline.
std::optional<std::vector<CocoEvaluator::GroundTruth>> addObjects(const ImageRecord& image,
                                                                  const std::vector<int64_t>& categoryIds,
                                                                  const std::set<int>& classes, bool withMasks,
                                                                  CocoEvaluator& boxes)
{
    bool complete = withMasks;
    std::vector<CocoEvaluator::GroundTruth> objects;
    for (const Annotation& a : image.annotations)
    {
        if (!classes.count(a.category))
            continue;
        CocoEvaluator::GroundTruth object;
        object.imageId = image.id;
        object.categoryId = categoryIds.at(static_cast<size_t>(a.category));
        object.box = cv::Rect2d(a.x, a.y, a.width, a.height);
        object.area = a.area;
        object.crowd = a.crowd;
        boxes.addGroundTruth(object);
        complete = complete && a.segmentation.has_value();
        if (!complete)
            continue;
        const std::optional<cv::d2det::Rle> mask = usableRle(*a.segmentation, image.height, image.width);
        complete = mask.has_value();
        object.mask = mask.value_or(cv::d2det::Rle());
        objects.push_back(std::move(object));
    }
    if (!complete)
        return std::nullopt;
    return objects;
}

}  // namespace

EvaluatedData EvaluatedData::all(const Dataset& dataset)
{
    EvaluatedData data;
    data.dataset = &dataset;
    data.classes.resize(dataset.classNames.size());
    std::iota(data.classes.begin(), data.classes.end(), 0);
    data.images.resize(dataset.images.size());
    std::iota(data.images.begin(), data.images.end(), size_t{0});
    return data;
}

EvaluatedImages addGroundTruth(const EvaluatedData& data, const std::vector<int64_t>& categoryIds, bool withMasks,
                               CocoEvaluator& boxes, CocoEvaluator& masks)
{
    EvaluatedImages evaluated;
    const std::set<int> classes(data.classes.begin(), data.classes.end());
    bool anyMask = false;
    for (const size_t index : data.images)
    {
        const ImageRecord& image = data.dataset->images[index];
        evaluated.boxes.push_back(image.id);
        const auto objects = addObjects(image, categoryIds, classes, withMasks, boxes);
        if (!objects)
            continue;
        evaluated.masks.push_back(image.id);
        anyMask = anyMask || !objects->empty();
        for (const CocoEvaluator::GroundTruth& object : *objects)
            masks.addGroundTruth(object);
    }
    if (!anyMask)
        evaluated.masks.clear();
    std::set<int64> categories;
    for (const int index : classes)
        categories.insert(categoryIds.at(static_cast<size_t>(index)));
    for (CocoEvaluator* const evaluator : {&boxes, &masks})
        evaluator->setCategories({categories.begin(), categories.end()});
    boxes.setImages(toInt64(evaluated.boxes));
    masks.setImages(toInt64(evaluated.masks));
    return evaluated;
}

bool addKeypointGroundTruth(const EvaluatedData& data, const std::vector<int64_t>& categoryIds,
                            CocoEvaluator& keypoints)
{
    const Dataset& dataset = *data.dataset;
    std::set<int> classes;
    std::set<int64> categories;
    for (const int index : data.classes)
        if (!dataset.keypoints.empty() && dataset.keypoints[static_cast<size_t>(index)])
        {
            const size_t points = dataset.keypoints[static_cast<size_t>(index)]->names.size();
            if (!data.keypointSigmas.empty() && data.keypointSigmas.size() != points)
                throw std::runtime_error("there are " + std::to_string(data.keypointSigmas.size()) +
                                         " sigmas of keypoints, but the class " +
                                         inQuotes(dataset.classNames[static_cast<size_t>(index)]) + " has " +
                                         std::to_string(points) + " keypoints");
            classes.insert(index);
            categories.insert(categoryIds.at(static_cast<size_t>(index)));
        }
    bool any = false;
    std::vector<int64> images;
    std::vector<CocoEvaluator::GroundTruth> objects;
    for (const size_t index : data.images)
    {
        const ImageRecord& image = dataset.images[index];
        images.push_back(image.id);
        for (const Annotation& a : image.annotations)
        {
            if (!classes.count(a.category))
                continue;
            CocoEvaluator::GroundTruth object;
            object.imageId = image.id;
            object.categoryId = categoryIds.at(static_cast<size_t>(a.category));
            object.box = cv::Rect2d(a.x, a.y, a.width, a.height);
            object.area = a.area;
            object.crowd = a.crowd;
            for (const Keypoint& point : a.keypoints.points)
                object.keypoints.emplace_back(point.x, point.y, point.visibility);
            object.numKeypoints = a.keypoints.labeled;
            any = any || a.keypoints.labeled > 0;
            objects.push_back(std::move(object));
        }
    }
    if (!any)
        return false;
    for (const CocoEvaluator::GroundTruth& object : objects)
        keypoints.addGroundTruth(object);
    keypoints.setImages(images);
    keypoints.setCategories({categories.begin(), categories.end()});
    keypoints.setKeypointSigmas(data.keypointSigmas);
    return true;
}

}  // namespace d2det
