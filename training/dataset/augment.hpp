// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Random augmentation of a training image and its boxes. All operations work on the decoded 8-bit image before
   resizing, so that cv::d2det::prepareInput remains the only conversion from pixels to network input (augmented or
   not). The single changes are in compose.hpp, geometry.hpp and pixel_effects.hpp. */

#ifndef D2DET_TRAINING_AUGMENT_HPP
#define D2DET_TRAINING_AUGMENT_HPP

#include "base/random.hpp"
#include "config/config.hpp"
#include "dataset/sample.hpp"

#include <opencv2/core.hpp>

#include <functional>

namespace d2det
{

//! What augmentation takes from outside of the image.
struct AugmentSource
{
    std::function<Sample(Random&)> another;  //!< a training image drawn at random; for mosaic and copy-paste
    cv::Scalar fill;                         //!< BGR, where a moved image leaves a gap
};

//! The mean that the network input subtracts, as BGR: a gap is 0 in the network input, like its padding.
cv::Scalar fillColor(const InputConfig& input);

/** All random augmentations of `config`, in the order of its table in docs/configuration.md. Changes of probability 0
    draw no random number, except crop and flip. */
void augment(Sample& sample, const DataConfig& config, Random& random, const AugmentSource& source);

}  // namespace d2det

#endif
