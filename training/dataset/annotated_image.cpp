// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/annotated_image.hpp"

#include "base/files.hpp"
#include "base/jpeg_file.hpp"

#include <opencv2/core/utility.hpp>
#include <opencv2/imgcodecs.hpp>

#include <atomic>
#include <filesystem>

namespace d2det
{

namespace
{

std::string sizeText(cv::Size size)
{
    return std::to_string(size.width) + "x" + std::to_string(size.height);
}

//! The first of upright and stored image (exchanged: asStored) that has the annotated size, or the upright one.
cv::Mat decode(const std::string& path, cv::Size annotated, bool asStored)
{
    if (asStored && !annotated.empty())
    {
        cv::Mat stored = cv::imread(path, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
        if (stored.size() == annotated)
            return stored;
    }
    const cv::Mat upright = cv::imread(path, cv::IMREAD_COLOR);
    if (upright.empty() || annotated.empty() || upright.size() == annotated)
        return upright;
    const cv::Mat stored = cv::imread(path, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
    return stored.size() == annotated ? stored : upright;
}

}  // namespace

cv::Mat readAnnotatedImage(const std::string& path, cv::Size size, bool asStored, ImageFault& fault,
                           std::string& reason)
{
    fault = ImageFault::MISSING;
    reason = "does not exist";
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))  // also excludes pipes and devices
        return cv::Mat();
    fault = ImageFault::TRUNCATED;
    reason = TRUNCATED_JPEG;
    if (isTruncatedJpeg(path))
        return cv::Mat();
    fault = ImageFault::UNREADABLE;
    reason = refusedImage(path);
    if (!reason.empty())
        return cv::Mat();
    reason = "cannot be decoded";
    cv::Mat image;
    try
    {
        image = decode(path, size, asStored);
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
    return readAnnotatedImage(record.path, {record.width, record.height}, record.asStored, fault, reason);
}

bool annotatedAsStored(const std::vector<RawImage>& images, const std::string& folder)
{
    std::atomic<int64_t> upright{0}, stored{0};
    cv::parallel_for_(cv::Range(0, static_cast<int>(images.size())),
                      [&](const cv::Range& range)
                      {
                          for (int i = range.start; i < range.end; i++)
                          {
                              const RawImage& image = images[static_cast<size_t>(i)];
                              const std::string extension = extensionOf(image.fileName);
                              if (image.width == image.height || (extension != ".jpg" && extension != ".jpeg") ||
                                  !badFileName(image.fileName).empty())
                                  continue;
                              const JpegHeader header =
                                  readJpegHeader((std::filesystem::path(folder) / image.fileName).string());
                              if (header.orientation < 5)
                                  continue;
                              stored += header.width == image.width && header.height == image.height;
                              upright += header.width == image.height && header.height == image.width;
                          }
                      });
    return stored > upright;
}

}  // namespace d2det
