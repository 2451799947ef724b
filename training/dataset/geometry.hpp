// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Changes of the geometry of a training image; image, boxes, outlines, masks and keypoints move together.

   An outline (polygons) moves by its points, and the mask is rasterized from it anew; a mask without outline (run
   lengths, or cut before) moves by nearest neighbor. The box of an object with a mask spans what is left of the mask;
   that of an object without one is the hull of the moved corners. What leaves the image is cut; KeepRule says when an
   object is dropped. Flips and right angles are exact.

     flip   x1' = W - x2, x2' = W - x1
     crop   x' = x - left */

#ifndef D2DET_TRAINING_GEOMETRY_HPP
#define D2DET_TRAINING_GEOMETRY_HPP

#include "base/random.hpp"
#include "config/config.hpp"
#include "dataset/sample.hpp"

#include <opencv2/core.hpp>

namespace d2det
{

void flipHorizontal(Sample& sample);
void flipVertical(Sample& sample);

//! Turns clockwise by quarters * 90 degrees, quarters 0 .. 3.
void turnRight(Sample& sample, int quarters);

/** @brief Crops the image to `part`.
@param minSide boxes with a shorter side after clipping are dropped.
@param keep 0: objects are kept whose center lies in the part, with the clipped box; else those of which at least this
share of the area is left. */
void crop(Sample& sample, const cv::Rect& part, double minSide, double keep = 0);

/** Crops to a random rectangle with sides of at least minScale times the image sides and, unless there was none before,
    with at least one box left; after 10 draws without a box the sample stays unchanged. */
void cropRandomly(Sample& sample, Random& random, double minScale, double minSide, double keep = 0);

/** @brief Objects of an image moved into another one by an affine map of continuous coordinates.
@param size of that image. */
std::vector<LabeledBox> movedBoxes(const std::vector<LabeledBox>& boxes, const cv::Matx23d& map, cv::Size size,
                                   const KeepRule& rule);

//! Bilinear; fill: color of what comes in from outside. The size of the image stays.
void warp(Sample& sample, const cv::Matx23d& map, const KeepRule& rule, const cv::Scalar& fill);

/** @brief Random rotation, scale, shear and translation about the middle of the image.

map = T(middle + shift) R(angle) Shear(x, y) S(scale) T(-middle); angles in the sense of the image's axes, x to y.
Unless there was none before, at least one box is left; after 10 draws without a box the sample stays unchanged. */
void warpRandomly(Sample& sample, Random& random, const AugmentConfig& config, const KeepRule& rule,
                  const cv::Scalar& fill);

/** @brief Large-scale jitter.

factor >= 1: the image is cut to sides of 1 / factor, not resampled, at a random place; factor < 1: it is made smaller
and placed at random in a frame of its old size. Unless there was none before, at least one box is left, as above. */
void zoomRandomly(Sample& sample, Random& random, const AugmentConfig& config, const KeepRule& rule,
                  const cv::Scalar& fill);

/** @brief Image resampled by an affine map of continuous coordinates, from the image to the result.
Throws Error for sides above 32767 pixels. */
cv::Mat warped(const cv::Mat& image, const cv::Matx23d& map, const cv::Size& size, int interpolation,
               int border = cv::BORDER_CONSTANT, const cv::Scalar& fill = cv::Scalar());

//! Top left corner of a part at a random place entirely inside; x is drawn before y.
cv::Point drawCorner(Random& random, const cv::Size& inner, const cv::Size& outer);

//! Resizes with the filter that fits: areas to shrink, bilinear to enlarge.
cv::Mat resized(const cv::Mat& image, const cv::Size& size);

}  // namespace d2det

#endif
