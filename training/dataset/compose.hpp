// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Training images made of several images: mosaic (Bochkovskiy et al., YOLOv4, 2020) and simple copy-paste (Ghiasi et
   al., 2021). */

#ifndef D2DET_TRAINING_COMPOSE_HPP
#define D2DET_TRAINING_COMPOSE_HPP

#include "base/random.hpp"
#include "config/config.hpp"
#include "dataset/sample.hpp"

#include <opencv2/core.hpp>

#include <array>

namespace d2det
{

/** @brief Four images in the four quarters of one: top left, top right, bottom left, bottom right.

The quarters meet at a random point in the middle half of the image. Each is filled: its image is scaled by one factor,
U(1, 1.5) times the least one that fills the quarter, and a random part of it is taken.
@param size of the result. */
Sample mosaic(const std::array<Sample, 4>& images, cv::Size size, Random& random, const KeepRule& rule);

/** @brief Pastes objects with masks from `source` into `target`.

1 .. config.pasteObjects objects (at most all with a mask), drawn without repetition, are cut out by their masks, scaled
by U(config.pasteScale), but not beyond the target, and placed at random entirely inside. They cover what lies below:
masks lose the covered pixels, boxes shrink to what is left, objects of which less than the rule's share is left are
dropped. An object without a mask counts as covered where its box is. */
void copyPaste(Sample& target, const Sample& source, Random& random, const AugmentConfig& config, const KeepRule& rule);

}  // namespace d2det

#endif
