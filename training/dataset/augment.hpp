// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Changes of a training image and of its boxes with it. All act on the decoded 8-bit image, before resizing, so that
   cv::d2det::prepareInput stays the one place where pixels become network input (augmented or not).

   Boxes are continuous: (x1, y1) - (x2, y2) covers the pixels whose area lies between; an image covers [0, W] x [0, H].
     flip   x1' = W - x2, x2' = W - x1
     crop   x' = x - left, kept if the center lies inside, clipped
     resize x' = x * newWidth / width (the ratio of the real sizes; the nominal factor differs by the rounding of sides)
     */

#ifndef D2DET_TRAINING_AUGMENT_HPP
#define D2DET_TRAINING_AUGMENT_HPP

#include "dataset/dataset.hpp"
#include "base/random.hpp"

#include <opencv2/core.hpp>

#include <vector>

namespace d2det
{

struct LabelledBox
{
    double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
    int category = 0;
    cv::Mat mask = cv::Mat();  //!< CV_8U 0 or 1, of the image's size; empty: the annotation has none
};

//! 8-bit BGR image and the boxes to train on, in its pixels.
struct Sample
{
    cv::Mat image;
    std::vector<LabelledBox> boxes;
};

//! Boxes that take part in training: no crowd, both sides at least minSide (pixels). Without masks.
std::vector<LabelledBox> usableBoxes(const ImageRecord& image, double minSide);

//! The same with the masks of their segmentations; one that cannot be decoded or is empty counts as absent.
std::vector<LabelledBox> usableBoxesWithMasks(const ImageRecord& image, double minSide);

//! Gives masks the size of the image, where the annotation file is wrong about it.
void fitMasks(Sample& sample);

void flipHorizontal(Sample& sample);

//! Takes `part` of the image. Boxes thinner than minSide after clipping are dropped.
void crop(Sample& sample, const cv::Rect& part, double minSide);

/** Takes a random part with sides of at least minScale of the image's. It keeps at least one box: after 10 unlucky
    draws the sample stays whole. */
void cropRandomly(Sample& sample, Random& random, double minScale, double minSide);

/** Brightness, contrast (about the mean gray) and saturation, each times U(1 - strength, 1 + strength):
    v' = saturation * (contrast * (brightness * v)), one affine map of the three channels. */
void jitterColor(cv::Mat& image, Random& random, double strength);

//! Boxes of an image of size `from` in the image resized to `to`; masks take the pixel nearest to the center.
void resizeBoxes(std::vector<LabelledBox>& boxes, const cv::Size& from, const cv::Size& to);

//! All random changes of `config` in their order: crop, flip, color.
void augment(Sample& sample, const DataConfig& config, Random& random);

}  // namespace d2det

#endif
