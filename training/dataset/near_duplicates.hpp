// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Images that show the same picture: copies, other sizes and qualities, neighboring frames of a video. If one of them
   is trained on and another one validated on, the numbers of the validation are too good.

   Two images are near duplicates if the signs of the differences of neighboring cells of a grid of 9 x 8 mean gray
   values differ in at most 6 of 64 (the "difference hash"), their 16 x 16 mean gray values by at most 8 of 255 on
   average, and their aspect ratios by at most 2 %. */

#ifndef D2DET_TRAINING_NEAR_DUPLICATES_HPP
#define D2DET_TRAINING_NEAR_DUPLICATES_HPP

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace d2det
{

struct ImageFingerprint
{
    uint64_t hash = 0;
    std::array<uint8_t, 256> cells{};  //!< mean gray values, 16 x 16
    float aspect = 0;                  //!< width / height; 0: the image cannot be read
};

//! Reads the images in parallel.
std::vector<ImageFingerprint> fingerprints(const std::vector<std::string>& paths);

bool areNearDuplicates(const ImageFingerprint& a, const ImageFingerprint& b);

/** For each image of `first` with a near duplicate in `second` the indices of both; the first of several.
    Time is proportional to the product of the sizes: a second for 100 000 x 5000. */
std::vector<std::pair<size_t, size_t>> nearDuplicates(const std::vector<ImageFingerprint>& first,
                                                      const std::vector<ImageFingerprint>& second);

/** A number for each image that near duplicates share, also over several steps (frames of a slow video). */
std::vector<size_t> duplicateGroups(const std::vector<ImageFingerprint>& images);

}  // namespace d2det

#endif
