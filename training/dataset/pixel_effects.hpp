// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Changes of the values of a training image that leave its geometry alone. The images are 8-bit BGR and may be shared
   with the cache: every function replaces the image, none writes into it. */

#ifndef D2DET_TRAINING_PIXEL_EFFECTS_HPP
#define D2DET_TRAINING_PIXEL_EFFECTS_HPP

#include "base/random.hpp"

#include <opencv2/core.hpp>

namespace d2det
{

/** @brief Changes brightness, contrast (about the mean gray), saturation and hue, in this order, by one affine map.
@param brightness, contrast, saturation factors, 1: no change.
@param hue degrees; the colors turn about the gray axis of YIQ, which keeps their luma;
red turns towards green. */
void changeColor(cv::Mat& image, double brightness, double contrast, double saturation, double hue);

/** Brightness, contrast (about the mean gray) and saturation, each times U(1 - strength, 1 + strength):
    v' = saturation * (contrast * (brightness * v)), one affine map of the three channels. */
void jitterColor(cv::Mat& image, Random& random, double strength);

//! Gaussian blur; sigma in pixels.
void blur(cv::Mat& image, double sigma);

//! Adds N(0, sigma^2) to every value, clipped to 0 .. 255.
void addNoise(cv::Mat& image, Random& random, double sigma);

//! Compresses to JPEG and back.
void compressJpeg(cv::Mat& image, int quality);

}  // namespace d2det

#endif
