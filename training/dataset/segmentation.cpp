// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/segmentation.hpp"

namespace d2det
{

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
