// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/keypoints.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace d2det
{

namespace
{

constexpr double MAX_COORDINATE = 1e9;  //!< pixels; beyond it, products of coordinates lose their meaning

std::string shortNumber(double value)
{
    return std::isnan(value) ? "-" : cv::format("%g", value);
}

int indexOf(const std::vector<std::string>& names, const std::string& name)
{
    const auto found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

//! "left_eye" -> "right_eye"; empty: not a name of a left side.
std::string nameOfRight(const std::string& lowered)
{
    const std::string left = "left";
    const size_t place = lowered.find(left);
    return place == std::string::npos ? std::string()
                                      : lowered.substr(0, place) + "right" + lowered.substr(place + left.size());
}

//! Makes partners of two points that have none yet: a name may occur twice.
void pair(int a, int b, std::vector<int>& mirrored)
{
    int &first = mirrored[static_cast<size_t>(a)], &second = mirrored[static_cast<size_t>(b)];
    if (first == a && second == b)
        std::swap(first, second);
}

//! With room for the rounding of moved points.
bool isInside(const Keypoint& point, cv::Size size)
{
    constexpr double SLACK = 1e-6;
    return point.x >= -SLACK && point.y >= -SLACK && point.x <= size.width + SLACK && point.y <= size.height + SLACK;
}

}  // namespace

int countLabeled(const std::vector<Keypoint>& points)
{
    return static_cast<int>(
        std::count_if(points.begin(), points.end(), [](const Keypoint& p) { return p.visibility != NOT_LABELED; }));
}

std::vector<int> mirroredPoints(const std::vector<std::string>& names, const std::vector<std::string>& pairs)
{
    std::vector<std::string> lowered;
    for (const std::string& name : names)
        lowered.push_back(lowerCase(name));
    std::vector<int> mirrored(names.size());
    std::iota(mirrored.begin(), mirrored.end(), 0);
    for (size_t i = 0; i + 1 < pairs.size(); i += 2)
    {
        const int a = indexOf(names, pairs[i]), b = indexOf(names, pairs[i + 1]);
        if (a >= 0 && b >= 0)
            pair(a, b, mirrored);
    }
    for (size_t i = 0; i < names.size(); i++)
    {
        const std::string right = nameOfRight(lowered[i]);
        const int partner = right.empty() ? -1 : indexOf(lowered, right);
        if (partner >= 0)
            pair(static_cast<int>(i), partner, mirrored);
    }
    return mirrored;
}

std::vector<Keypoint> keypointsOf(const std::vector<double>& values, bool spoiled, size_t points, std::string& fault)
{
    fault.clear();
    if (spoiled)
        fault = "\"keypoints\" holds something that is not a number";
    else if (values.size() != 3 * points)
        fault = "\"keypoints\" has " + counted(static_cast<int64_t>(values.size()), "number") + ", expected " +
                std::to_string(3 * points) + " (x, y and visibility of " +
                counted(static_cast<int64_t>(points), "point") + ")";
    std::vector<Keypoint> result;
    for (size_t i = 0; i < points && fault.empty(); i++)
    {
        const double x = values[3 * i], y = values[3 * i + 1], visibility = values[3 * i + 2];
        const std::string which = "point " + std::to_string(i + 1) + " of \"keypoints\" ";
        if (visibility != NOT_LABELED && visibility != HIDDEN && visibility != VISIBLE)
            fault = which + "has the visibility " + shortNumber(visibility) + ", expected 0, 1 or 2";
        else if (visibility == NOT_LABELED)
            result.emplace_back();  // whatever its place is
        else if (!(std::abs(x) < MAX_COORDINATE) || !(std::abs(y) < MAX_COORDINATE))
            fault = which + "is at (" + shortNumber(x) + ", " + shortNumber(y) + ")";
        else
            result.push_back({x, y, static_cast<int>(visibility)});
    }
    return fault.empty() ? result : std::vector<Keypoint>();
}

std::vector<double> keypointValues(const std::vector<Keypoint>& points)
{
    std::vector<double> values;
    for (const Keypoint& point : points)
        values.insert(values.end(), {point.x, point.y, double(point.visibility)});
    return values;
}

void dropOutside(ObjectKeypoints& keypoints, cv::Size size)
{
    for (Keypoint& point : keypoints.points)
        if (point.visibility != NOT_LABELED && !isInside(point, size))
        {
            point = Keypoint();
            keypoints.labeled = std::max(keypoints.labeled - 1, 0);
        }
}

void moveKeypoints(ObjectKeypoints& keypoints, const cv::Matx23d& map, cv::Size size)
{
    if (keypoints.empty())
        return;
    const bool mirrors = map(0, 0) * map(1, 1) < map(0, 1) * map(1, 0);
    const std::vector<Keypoint> before = keypoints.points;
    for (size_t i = 0; i < before.size(); i++)
    {
        const Keypoint& from = before[i];
        Keypoint& to = keypoints.points[mirrors ? static_cast<size_t>(keypoints.schema->mirrored[i]) : i];
        to = from;
        if (from.visibility == NOT_LABELED)
            continue;
        to.x = map(0, 0) * from.x + map(0, 1) * from.y + map(0, 2);
        to.y = map(1, 0) * from.x + map(1, 1) * from.y + map(1, 2);
    }
    dropOutside(keypoints, size);
}

}  // namespace d2det
