// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/class_balance.hpp"

#include "dataset/augment.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace d2det
{

namespace
{

constexpr double LARGEST_FACTOR = 1000;  // limit of BatchSampler; a class seen once in a million images

}  // namespace

std::vector<double> repeatFactors(const std::vector<std::vector<int>>& classes, double threshold)
{
    std::map<int, double> images;  // by class
    for (const std::vector<int>& present : classes)
        for (const int c : std::set<int>(present.begin(), present.end()))
            images[c]++;
    const double total = static_cast<double>(classes.size());
    std::vector<double> factors;
    for (const std::vector<int>& present : classes)
    {
        double factor = 1;
        for (const int c : present)
            factor = std::max(factor, std::sqrt(threshold * total / images[c]));
        factors.push_back(std::min(factor, LARGEST_FACTOR));
    }
    return factors;
}

std::vector<float> classWeights(const std::vector<int64_t>& objects)
{
    double sum = 0, roots = 0;
    for (const int64_t n : objects)
    {
        sum += static_cast<double>(n);
        roots += std::sqrt(static_cast<double>(n));
    }
    std::vector<float> weights;
    for (const int64_t n : objects)
        weights.push_back(n > 0 ? static_cast<float>(sum / roots / std::sqrt(static_cast<double>(n))) : 1.f);
    return weights;
}

std::vector<int64_t> countObjects(const Dataset& dataset, double minSide)
{
    std::vector<int64_t> objects(dataset.classNames.size());
    for (const ImageRecord& image : dataset.images)
        for (const LabeledBox& box : usableBoxes(image, minSide))
            objects.at(static_cast<size_t>(box.category)) += std::max(image.repeat, 1);
    return objects;
}

}  // namespace d2det
