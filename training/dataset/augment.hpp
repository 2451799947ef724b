// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Augmentation of a training image and its boxes. All operations work on the decoded 8-bit image before resizing, so
   that cv::d2det::prepareInput remains the only conversion from pixels to network input (augmented or not).

   Box coordinates are continuous: an image covers [0, W] x [0, H], a pixel has the area 1 x 1.
     flip   x1' = W - x2, x2' = W - x1
     crop   x' = x - left, kept if the center lies inside, clipped
     resize x' = x * newWidth / width (ratio of the actual sizes; the nominal factor differs by the rounding of sides)
     */

#ifndef D2DET_TRAINING_AUGMENT_HPP
#define D2DET_TRAINING_AUGMENT_HPP

#include "dataset/dataset.hpp"
#include "base/random.hpp"

#include <opencv2/core.hpp>

#include <vector>

namespace d2det
{

struct LabeledBox
{
    double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
    int category = 0;
    cv::Mat mask = cv::Mat();  //!< CV_8U 0 or 1, image size; empty: annotation without mask
};

//! 8-bit BGR image and its training boxes in image pixels.
struct Sample
{
    cv::Mat image;
    std::vector<LabeledBox> boxes;
};

//! Boxes used in training: no crowds, both sides at least minSide (pixels). Without masks.
std::vector<LabeledBox> usableBoxes(const ImageRecord& image, double minSide);

//! Boxes used in training, with masks. A segmentation that is malformed or covers no pixel gives no mask.
std::vector<LabeledBox> usableBoxesWithMasks(const ImageRecord& image, double minSide);

//! Adjusts masks to the size of the decoded image if the annotated size differs.
void fitMasks(Sample& sample);

void flipHorizontal(Sample& sample);

//! Crops the image to `part`. Boxes with a side shorter than minSide after clipping are dropped.
void crop(Sample& sample, const cv::Rect& part, double minSide);

/** Crops to a random rectangle with sides of at least minScale times the image sides and, unless there was none before,
    with at least one box left; after 10 draws without a box the sample stays unchanged. */
void cropRandomly(Sample& sample, Random& random, double minScale, double minSide);

/** Brightness, contrast (about the mean gray) and saturation, each times U(1 - strength, 1 + strength):
    v' = saturation * (contrast * (brightness * v)), one affine map of the three channels. */
void jitterColor(cv::Mat& image, Random& random, double strength);

//! Scales boxes of an image of size `from` to an image of size `to`; masks by nearest neighbor of pixel centers.
void resizeBoxes(std::vector<LabeledBox>& boxes, const cv::Size& from, const cv::Size& to);

//! All random augmentations of `config`, in this order: crop, flip, color.
void augment(Sample& sample, const DataConfig& config, Random& random);

}  // namespace d2det

#endif
