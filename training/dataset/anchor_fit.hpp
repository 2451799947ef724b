// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Anchors that fit the boxes of a data set, in the parameters of the RPN: every scale with every ratio on every
   pyramid level, an anchor of scale s and ratio r on the stride t having the sides s t / sqrt(r) and s t sqrt(r).

   The distance of a box from an anchor is 1 - IoU with both centered on the same point, as in YOLO9000 (Redmon &
   Farhadi 2017). Sought are the scales and ratios with the largest mean IoU of the boxes and their nearest anchors:
     1. k-means from several starts: each box goes to its nearest anchor; a scale becomes the geometric mean of side / t
        over its boxes, a ratio that of height / width. The present anchors are one start, the others are drawn from
        the boxes as in k-means++.
     2. Each scale and ratio is varied in shrinking steps, a scale also by octaves, as long as the mean IoU rises. (The
        means of 1 are not its maximum.)
     3. A scale an octave higher or lower means nearly the same anchors on another level. Of those that cost no more
        than a thousandth of the mean IoU the one nearest to the present scale is taken: objects stay on the level that
        the network was designed to find them on.
   The same boxes give the same anchors. Where the result is not better than the present anchors, these remain. */

#ifndef D2DET_TRAINING_ANCHOR_FIT_HPP
#define D2DET_TRAINING_ANCHOR_FIT_HPP

#include "dataset/dataset.hpp"

#include <vector>

namespace d2det
{

//! Sides of a box, pixels of the network input.
struct BoxShape
{
    double width = 0, height = 0;
    double weight = 1;
};

/** Shapes of the boxes that a training learns from, after resizing the image to data.short_sides, each of them equally
    often (data sets of more than 200 000 boxes: in turn). Cropping and other changes of scale by augmentation are not
    considered. Weights: ImageRecord::repeat. */
std::vector<BoxShape> boxShapes(const Dataset& dataset, const DataConfig& data, const InputConfig& input);

//! How well anchors fit, if a box and an anchor have the same center: the best that the grid of anchors allows.
struct AnchorQuality
{
    double meanIou = 0;                 //!< of the boxes and the best anchor of each
    double recall50 = 0, recall70 = 0;  //!< share of the boxes whose best anchor reaches an IoU of 0.5, 0.7
};

//! @param strides of the pyramid levels. Sides of anchors are even numbers of pixels, as in D2Proposal.
AnchorQuality anchorQuality(const std::vector<BoxShape>& boxes, const std::vector<int>& strides, const RpnConfig& rpn);

struct AnchorFit
{
    std::vector<float> scales, ratios;  //!< ascending, rounded to three digits
    AnchorQuality before, after;
};

/** @param present start, and the result where nothing is better.
    @param scales, ratios how many. Throws Error without boxes. */
AnchorFit fitAnchors(const std::vector<BoxShape>& boxes, const std::vector<int>& strides, const RpnConfig& present,
                     int scales, int ratios);

//! Number of scales in the configuration.
int scalesOf(const RpnConfig& rpn);

//! Sets anchor_scale or anchor_scales, and anchor_ratios; anchors = given.
void setAnchors(RpnConfig& rpn, const AnchorFit& fit);

}  // namespace d2det

#endif
