// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/segmentation.hpp"

#include "base/contours.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace d2det
{

namespace
{

constexpr int ELLIPSE_POINTS = 48;
constexpr double MIN_TOLERANCE = 0.5;  // pixels; the steps of a slanted border are 0.7 high
constexpr double MIN_IOU = 0.97;
constexpr int64_t MAX_PART_PIXELS = 1 << 28;  // as of run lengths (cv::d2det::Rle)

//! The polygon itself if less than a triangle would be left.
std::vector<double> simplified(const std::vector<double>& polygon, double epsilon)
{
    std::vector<cv::Point2f> points, kept;
    for (size_t i = 0; i + 1 < polygon.size(); i += 2)
        points.emplace_back(static_cast<float>(polygon[i]), static_cast<float>(polygon[i + 1]));
    cv::approxPolyDP(points, kept, epsilon, true);
    if (kept.size() < 3)
        return polygon;
    std::vector<double> result;
    for (const cv::Point2f& point : kept)
    {
        result.push_back(point.x);
        result.push_back(point.y);
    }
    return result;
}

//! Runs of a part of an image, row by row, as those of the image.
cv::d2det::Rle fromPart(const Segmentation& s)
{
    cv::d2det::BoxMask mask;
    mask.imageSize = cv::Size(s.width, s.height);
    mask.roi = s.part;
    if (int64_t(s.part.width) * s.part.height > MAX_PART_PIXELS)
        CV_Error_(cv::Error::StsOutOfRange, ("the mask has %d x %d pixels", s.part.width, s.part.height));
    mask.mask = cv::Mat::zeros(s.part.size(), CV_8U);
    size_t at = 0;
    for (size_t i = 0; i < s.counts.size(); i++)
    {
        if (s.counts[i] > mask.mask.total() - at)
            CV_Error_(cv::Error::StsOutOfRange,
                      ("the run lengths go beyond %d x %d pixels", s.part.width, s.part.height));
        if (i % 2)
            std::memset(mask.mask.data + at, 255, s.counts[i]);
        at += s.counts[i];
    }
    return cv::d2det::rleEncode(mask);
}

}  // namespace

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

std::vector<double> ellipsePoints(double x, double y, double radiusX, double radiusY, double angle)
{
    std::vector<double> points;
    for (int i = 0; i < ELLIPSE_POINTS; i++)
    {
        const double turn = 2 * CV_PI * i / ELLIPSE_POINTS;
        const double u = radiusX * std::cos(turn), v = radiusY * std::sin(turn);
        points.push_back(x + u * std::cos(angle) - v * std::sin(angle));
        points.push_back(y + u * std::sin(angle) + v * std::cos(angle));
    }
    return points;
}

std::vector<std::vector<double>> simpleOutlines(const cv::d2det::Rle& mask, double tolerance)
{
    const std::vector<std::vector<double>> exact = cv::d2det::rleToPolygons(mask);
    if (!(tolerance > 0) || exact.empty())
        return exact;
    const cv::d2det::Rle filled = cv::d2det::rleFromPolygons(exact, mask.height, mask.width);
    for (double epsilon = tolerance; epsilon >= MIN_TOLERANCE; epsilon /= 2)
    {
        std::vector<std::vector<double>> simple;
        simple.reserve(exact.size());
        for (const std::vector<double>& polygon : exact)
            simple.push_back(simplified(polygon, epsilon));
        if (cv::d2det::rleIoU(cv::d2det::rleFromPolygons(simple, mask.height, mask.width), filled) >= MIN_IOU)
            return simple;
    }
    return exact;
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
    if (!s.part.empty())
        return fromPart(s);
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

cv::d2det::Rle cropRle(const cv::d2det::Rle& mask, const cv::Rect& part)
{
    cv::d2det::Rle out;
    out.height = part.height;
    out.width = part.width;
    int64_t end = 0;  // of the last run
    const auto append = [&](int64_t from, int64_t to)
    {
        if (from == end && !out.counts.empty())  // goes on in the next column
            out.counts.back() += static_cast<unsigned>(to - from);
        else
        {
            out.counts.push_back(static_cast<unsigned>(from - end));
            out.counts.push_back(static_cast<unsigned>(to - from));
        }
        end = to;
    };
    int64_t at = 0;
    for (size_t i = 0; i < mask.counts.size(); at += mask.counts[i++])
    {
        const int64_t next = at + mask.counts[i], height = mask.height;
        if (i % 2 == 0 || next == at)
            continue;
        const int64_t last = std::min<int64_t>((next - 1) / height, part.br().x - 1);
        for (int64_t x = std::max<int64_t>(at / height, part.x); x <= last; x++)
        {
            const int64_t top = std::max<int64_t>(at - x * height, part.y);
            const int64_t bottom = std::min<int64_t>(next - x * height, part.br().y);
            const int64_t column = (x - part.x) * part.height - part.y;
            if (top < bottom)
                append(column + top, column + bottom);
        }
    }
    if (const int64_t pixels = int64_t(part.width) * part.height; end < pixels || out.counts.empty())
        out.counts.push_back(static_cast<unsigned>(pixels - end));
    return out;
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

cv::Rect maskBounds(const cv::Mat& mask)
{
    return mask.empty() ? cv::Rect() : cv::d2det::rleBoundingBox(cv::d2det::rleEncode(mask));
}

}  // namespace d2det
