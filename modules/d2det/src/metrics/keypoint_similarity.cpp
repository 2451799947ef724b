// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "metrics/keypoint_similarity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cv
{
namespace d2det
{

namespace
{

//! Distance from a span, 0 inside.
double beyond(double value, double low, double high)
{
    return std::max(0., low - value) + std::max(0., value - high);
}

}  // namespace

std::vector<double> keypointSigmas(size_t points)
{
    // nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; tenths as in pycocotools, for the same doubles
    static const double COCO[] = {.26, .25, .25,  .35,  .35, .79, .79, .72, .72,
                                  .62, .62, 1.07, 1.07, .87, .87, .89, .89};
    constexpr double OTHER = 0.05;
    std::vector<double> sigmas(points, OTHER);
    if (points == std::size(COCO))
        std::transform(std::begin(COCO), std::end(COCO), sigmas.begin(), [](double tenth) { return tenth / 10.0; });
    return sigmas;
}

double keypointSimilarity(const std::vector<Vec3d>& detected, const std::vector<Vec3d>& labeled, const Rect2d& box,
                          double area, const std::vector<double>& sigmas)
{
    const bool any = std::any_of(labeled.begin(), labeled.end(), [](const Vec3d& point) { return point[2] > 0; });
    const double left = box.x - box.width, right = box.x + box.width * 2;
    const double top = box.y - box.height, bottom = box.y + box.height * 2;
    double sum = 0;
    int count = 0;
    for (size_t i = 0; i < detected.size(); i++)
    {
        if (any && !(labeled[i][2] > 0))
            continue;
        const double dx = any ? detected[i][0] - labeled[i][0] : beyond(detected[i][0], left, right);
        const double dy = any ? detected[i][1] - labeled[i][1] : beyond(detected[i][1], top, bottom);
        const double variance = (sigmas[i] * 2) * (sigmas[i] * 2);
        sum += std::exp(-((dx * dx + dy * dy) / variance / (area + std::numeric_limits<double>::epsilon()) / 2));
        count++;
    }
    return sum / count;
}

double keypointArea(const std::vector<Vec3d>& points)
{
    const auto span = [&](int axis)
    {
        const auto ends = std::minmax_element(points.begin(), points.end(),
                                              [axis](const Vec3d& a, const Vec3d& b) { return a[axis] < b[axis]; });
        return (*ends.second)[axis] - (*ends.first)[axis];
    };
    return points.empty() ? 0 : span(0) * span(1);
}

}  // namespace d2det
}  // namespace cv
