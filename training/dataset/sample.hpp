// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A training image with its boxes and masks, as augmentation changes it.

   Box coordinates are continuous: an image covers [0, W] x [0, H], a pixel has the area 1 x 1, the center of the first
   one is (0.5, 0.5). */

#ifndef D2DET_TRAINING_SAMPLE_HPP
#define D2DET_TRAINING_SAMPLE_HPP

#include "dataset/dataset.hpp"

#include <opencv2/core.hpp>

#include <vector>

namespace d2det
{

using Polygons = std::vector<std::vector<double>>;  //!< each x0, y0, x1, y1, ...

struct LabeledBox
{
    double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
    int category = 0;
    cv::Mat mask = cv::Mat();       //!< CV_8U 0 or 1, image size; empty: annotation without mask
    Polygons outline = Polygons();  //!< image pixels, the origin of the mask; empty: the mask itself is all there is
    ObjectKeypoints keypoints = ObjectKeypoints();  //!< image pixels
    double visible = 1;                             //!< share of the object that is left after cuts and occlusion
};

//! 8-bit BGR image and its training boxes in image pixels.
struct Sample
{
    cv::Mat image;
    std::vector<LabeledBox> boxes;
    std::vector<LabeledBox> crowds = {};  //!< not trained on; they move along, for those who draw them
};

//! When an object that was cut or covered is still one.
struct KeepRule
{
    double minVisible = 0;  //!< least share of its area that is left; nothing left is never enough
    double minSide = 0;     //!< least length of both sides of what is left, pixels
};

//! Boxes used in training: no crowds, both sides at least minSide (pixels). Without masks.
std::vector<LabeledBox> usableBoxes(const ImageRecord& image, double minSide);

/** Boxes used in training, with masks and keypoints. A segmentation that is malformed or covers no pixel gives no mask;
    a keypoint outside the image is not labeled. */
std::vector<LabeledBox> usableBoxesWithMasks(const ImageRecord& image, double minSide);

//! The crowds of an image, with masks and keypoints.
std::vector<LabeledBox> crowdsWithMasks(const ImageRecord& image);

//! True if a side of the box is shorter than minSide, or 0.
bool thinner(const LabeledBox& box, double minSide);

//! Adjusts masks to the size of the decoded image if the annotated size differs.
void fitMasks(Sample& sample);

//! Scales boxes of an image of size `from` to an image of size `to`; masks by nearest neighbor of pixel centers.
void resizeBoxes(std::vector<LabeledBox>& boxes, const cv::Size& from, const cv::Size& to);

/** @brief The box after its mask lost pixels: a side follows the mask where the mask's bounds changed, else it stays.
@param before, after bounds of the mask, in the same pixels. */
void tighten(LabeledBox& box, const cv::Rect& before, const cv::Rect& after);

}  // namespace d2det

#endif
