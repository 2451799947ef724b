// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Decoded images of a data set, thread-safe. Unusable images are reported once and recorded; above the permitted
   fraction, reading throws. Decoded images are cached until the cache is full and never evicted: images are read in
   cycles, so evicting the oldest would always evict the image needed soonest. */

#ifndef D2DET_TRAINING_IMAGE_SOURCE_HPP
#define D2DET_TRAINING_IMAGE_SOURCE_HPP

#include "dataset/dataset.hpp"

#include <opencv2/core.hpp>

#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace d2det
{

class ImageSource
{
public:
    /** @param images must outlive the object.
        @param cacheBytes memory limit for cached images; 0: no cache.
        @param numUsed number of images in use; more than maxBadFraction * numUsed unusable images is an error. */
    ImageSource(const std::vector<ImageRecord>& images, size_t cacheBytes, int64_t numUsed, double maxBadFraction);

    /** 8-bit BGR image, read-only (shared with the cache); empty if the file is missing, unreadable or differs in size
        from the annotation. Throws std::runtime_error for too many such images. */
    cv::Mat read(int64_t index);

    std::vector<std::string> warnings() const;

private:
    void markBad(int64_t index, const std::string& reason);

    const std::vector<ImageRecord>& images_;
    const size_t cacheBytes_;
    const int64_t numUsed_;
    const double maxBadFraction_;
    mutable std::mutex mutex_;
    std::unordered_map<int64_t, cv::Mat> cache_;
    size_t cached_ = 0;
    std::unordered_set<int64_t> bad_;
    std::vector<std::string> warnings_;
};

}  // namespace d2det

#endif
