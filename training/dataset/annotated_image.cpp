// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/annotated_image.hpp"

#include "base/files.hpp"

#include <opencv2/imgcodecs.hpp>

#include <filesystem>

namespace d2det
{

namespace
{

std::string sizeText(cv::Size size)
{
    return std::to_string(size.width) + "x" + std::to_string(size.height);
}

//! The upright image, or the stored one if only the latter has the annotated size.
cv::Mat decode(const std::string& path, cv::Size annotated)
{
    const cv::Mat upright = cv::imread(path, cv::IMREAD_COLOR);
    if (upright.empty() || annotated.empty() || upright.size() == annotated)
        return upright;
    const cv::Mat stored = cv::imread(path, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
    return stored.size() == annotated ? stored : upright;
}

}  // namespace

cv::Mat readAnnotatedImage(const std::string& path, cv::Size size, ImageFault& fault, std::string& reason)
{
    fault = ImageFault::MISSING;
    reason = "does not exist";
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))  // also excludes pipes and devices
        return cv::Mat();
    fault = ImageFault::UNREADABLE;
    reason = refusedImage(path);
    if (!reason.empty())
        return cv::Mat();
    reason = "cannot be decoded";
    cv::Mat image;
    try
    {
        image = decode(path, size);
    }
    catch (const cv::Exception& exception)
    {
        reason += " (" + exception.err + ")";
    }
    if (image.empty())
        return cv::Mat();
    if (!size.empty() && image.size() != size)
    {
        fault = ImageFault::OTHER_SIZE;
        reason = "has " + sizeText(image.size()) + " pixels, its annotation says " + sizeText(size);
        return cv::Mat();
    }
    fault = ImageFault::NONE;
    reason.clear();
    return image;
}

cv::Mat readAnnotatedImage(const ImageRecord& record, std::string& reason)
{
    ImageFault fault;
    return readAnnotatedImage(record.path, {record.width, record.height}, fault, reason);
}

}  // namespace d2det
