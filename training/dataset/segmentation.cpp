// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/segmentation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace d2det
{

bool isRing(const std::vector<double>& points)
{
    return points.size() >= 6 && points.size() % 2 == 0;
}

bool cleanOutline(Segmentation& segmentation)
{
    std::vector<std::vector<double>>& parts = segmentation.polygons;
    parts.erase(
        std::remove_if(parts.begin(), parts.end(), [](const std::vector<double>& part) { return !isRing(part); }),
        parts.end());
    return !parts.empty() || !segmentation.counts.empty() || !segmentation.compressed.empty();
}

bool boundsOfPolygons(const std::vector<std::vector<double>>& polygons, double box[4])
{
    double low[2], high[2];
    std::fill(low, low + 2, std::numeric_limits<double>::infinity());
    std::fill(high, high + 2, -std::numeric_limits<double>::infinity());
    for (const std::vector<double>& polygon : polygons)
        for (size_t i = 0; i < polygon.size(); i++)
        {
            if (!std::isfinite(polygon[i]))
                return false;
            low[i % 2] = std::min(low[i % 2], polygon[i]);
            high[i % 2] = std::max(high[i % 2], polygon[i]);
        }
    for (int i = 0; i < 2; i++)
    {
        box[i] = low[i];
        box[i + 2] = high[i] - low[i];
    }
    return high[0] >= low[0] && high[1] >= low[1];
}

cv::d2det::Rle toRle(const Segmentation& s, int height, int width)
{
    if (!s.polygons.empty())
        return cv::d2det::rleFromPolygons(s.polygons, height, width);
    if (s.height != height || s.width != width)
        CV_Error_(cv::Error::StsUnmatchedSizes, ("the run-length code is for an image of %d x %d pixels, not %d x %d",
                                                 s.width, s.height, width, height));
    if (!s.compressed.empty())
        return cv::d2det::rleFromString(s.compressed, height, width);
    cv::d2det::Rle code;
    code.height = height;
    code.width = width;
    code.counts.assign(s.counts.begin(), s.counts.end());
    return code;
}

std::optional<cv::d2det::Rle> usableRle(const Segmentation& segmentation, int height, int width)
try
{
    const cv::d2det::Rle code = toRle(segmentation, height, width);
    cv::d2det::rleArea(code);  // throws for malformed run lengths
    return code;
}
catch (const cv::Exception&)
{
    return std::nullopt;
}

cv::Mat toMask(const Segmentation& segmentation, int height, int width)
try
{
    cv::Mat mask;
    cv::d2det::rleDecode(toRle(segmentation, height, width), mask);
    return cv::countNonZero(mask) > 0 ? mask : cv::Mat();
}
catch (const cv::Exception&)
{
    return cv::Mat();
}

}  // namespace d2det
