// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/image_source.hpp"

#include "dataset/annotated_image.hpp"

#include <opencv2/core/utils/logger.hpp>

#include <stdexcept>

namespace d2det
{

namespace
{

constexpr size_t NAMED_WARNINGS = 20;

}  // namespace

ImageSource::ImageSource(const std::vector<ImageRecord>& images, size_t cacheBytes, int64_t numUsed,
                         double maxBadFraction)
    : images_(images), cacheBytes_(cacheBytes), numUsed_(numUsed), maxBadFraction_(maxBadFraction)
{
}

cv::Mat ImageSource::read(int64_t index)
{
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto cached = cache_.find(index);
        if (cached != cache_.end())
            return cached->second;
        if (bad_.count(index))
            return cv::Mat();
    }
    std::string reason;
    const cv::Mat image = readAnnotatedImage(images_.at(static_cast<size_t>(index)), reason);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (image.empty())
    {
        markBad(index, reason);
        return image;
    }
    const size_t bytes = image.total() * image.elemSize();
    if (cached_ + bytes <= cacheBytes_ && cache_.emplace(index, image).second)
        cached_ += bytes;
    return image;
}

//! The caller holds the mutex.
void ImageSource::markBad(int64_t index, const std::string& reason)
{
    if (!bad_.insert(index).second)
        return;
    const ImageRecord& image = images_[static_cast<size_t>(index)];
    const std::string message =
        "image id " + std::to_string(image.id) + " ('" + image.path + "') is left out: it " + reason;
    if (warnings_.size() < NAMED_WARNINGS)
    {
        warnings_.push_back(message);
        CV_LOG_WARNING(NULL, message);
    }
    if (static_cast<double>(bad_.size()) > maxBadFraction_ * static_cast<double>(numUsed_))
        throw std::runtime_error(
            std::to_string(bad_.size()) + " of " + std::to_string(numUsed_) +
            " images cannot be used, more than data.max_bad_fraction allows; the first: " + warnings_.front());
}

std::vector<std::string> ImageSource::warnings() const
{
    const std::lock_guard<std::mutex> lock(mutex_);
    return warnings_;
}

}  // namespace d2det
