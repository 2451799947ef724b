// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <set>

namespace d2det
{

void ClassStatistics::add(const Annotation& annotation)
{
    if (annotation.crowd)
    {
        crowds++;
        return;
    }
    instances++;
    masks += annotation.segmentation.has_value();
    sizes[annotation.area < 32. * 32. ? 0 : annotation.area < 96. * 96. ? 1 : 2]++;
    sides.push_back(std::sqrt(annotation.width * annotation.height));
}

DatasetStatistics computeStatistics(const Dataset& dataset)
{
    DatasetStatistics result;
    result.images = static_cast<int64_t>(dataset.images.size());
    result.all.name = "all";
    for (const std::string& name : dataset.classNames)
    {
        result.classes.emplace_back();
        result.classes.back().name = name;
    }
    for (const ImageRecord& image : dataset.images)
    {
        result.imageWidths.push_back(image.width);
        result.imageHeights.push_back(image.height);
        std::set<int> present;
        int64_t instances = 0;
        for (const Annotation& annotation : image.annotations)
        {
            result.all.add(annotation);
            result.classes[static_cast<size_t>(annotation.category)].add(annotation);
            if (annotation.crowd)
                continue;
            instances++;
            present.insert(annotation.category);
            result.boxWidths.push_back(annotation.width);
            result.boxHeights.push_back(annotation.height);
            if (annotation.height > 0)
                result.aspects.push_back(annotation.width / annotation.height);
        }
        for (const int category : present)
            result.classes[static_cast<size_t>(category)].images++;
        result.all.images += instances > 0;
        result.emptyImages += image.annotations.empty();
        result.annotatedEmptyImages += image.empty == EmptyImage::ANNOTATED;
        result.unlabeledImages += image.empty == EmptyImage::UNLABELED;
        result.instancesPerImage.push_back(static_cast<double>(instances));
    }
    for (auto* values : {&result.imageWidths, &result.imageHeights, &result.instancesPerImage, &result.boxWidths,
                         &result.boxHeights, &result.aspects, &result.all.sides})
        std::sort(values->begin(), values->end());
    for (ClassStatistics& c : result.classes)
        std::sort(c.sides.begin(), c.sides.end());
    return result;
}

double quantile(const std::vector<double>& values, double part)
{
    if (values.empty())
        return 0;
    const double position = part * static_cast<double>(values.size() - 1);
    const auto low = static_cast<size_t>(position);
    const size_t high = std::min(low + 1, values.size() - 1);
    return values[low] + (values[high] - values[low]) * (position - static_cast<double>(low));
}

std::vector<double> histogram(const std::vector<double>& values, const std::vector<double>& edges)
{
    if (edges.size() < 2)
        throw std::invalid_argument("histogram: " + std::to_string(edges.size()) + " edges, expected at least 2");
    std::vector<double> counts(edges.size() - 1);
    for (const double value : values)
    {
        const auto above = std::upper_bound(edges.begin() + 1, edges.end() - 1, value);
        counts[static_cast<size_t>(above - edges.begin() - 1)]++;
    }
    return counts;
}

}  // namespace d2det
