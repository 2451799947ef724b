// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Training targets of the heads: assignment, sampling, overlap labels, box coding. No gradients. operators.md 5. */

#ifndef D2DET_TRAINING_TARGETS_HPP
#define D2DET_TRAINING_TARGETS_HPP

#include "config/config.hpp"

#include <torch/torch.h>

#include <utility>
#include <vector>

namespace d2det
{

using torch::Tensor;

//! Deltas [n, 4] from boxes to ground truths [n, 4].
Tensor encodeDeltas(const Tensor& boxes, const Tensor& gts, bool legacy);

//! All anchors of a level [h * w * A, 4], index (y * w + x) * A + a. One scale for all ratios, or one for each.
Tensor gridAnchors(int64_t height, int64_t width, float stride, const std::vector<float>& scales,
                   const std::vector<float>& ratios, bool legacy);

//! How anchors are assigned to ground truths.
struct AnchorRule
{
    double positiveIou = 0.7;
    double negativeIou = 0.3;
    double rescueIou = 0.3;     //!< the best anchors of a gt are positive if their IoU is positive and reaches this ...
    bool rescueToBest = false;  //!< ... for the gt that they overlap most instead of that one
};

//! int64 [n]: -1 ignored, 0 negative, i + 1 positive for gt i. See operators.md 5, assign_anchors.
Tensor assignAnchors(const Tensor& anchors, const Tensor& gts, double height, double width, bool legacy,
                     const AnchorRule& rule);

//! Rows [gts; proposals] and int64 assignment: 0 negative, i + 1 positive for gt i. operators.md 5, sample_rois.
std::pair<Tensor, Tensor> assignRoIs(const Tensor& proposals, const Tensor& gts, bool legacy, double positiveIou);

//! Indices of at most floor(total * fraction) positives and of negatives up to total; smallest keys [n] win, ascending.
std::pair<Tensor, Tensor> sampleBalanced(const Tensor& assigned, const Tensor& keys, int64_t total, double fraction);

//! Centers of the k x k cells of boxes [n, 4]: x [n, k], y [n, k].
std::pair<Tensor, Tensor> gridPoints(const Tensor& boxes, int64_t k);

//! Overlap labels float [n, 1, k, k].
Tensor overlapLabels(const Tensor& rois, const Tensor& gts, int64_t k, OverlapRule rule);

//! From 28x28 binary targets [n, 28, 28] (or [n, 1, 28, 28]): [n, 1, 7, 7], three of the central four pixels of a
//! block.
Tensor maskOverlapLabels(const Tensor& masks);

//! Training targets of the mask head; one row per RoI.
struct MaskTargets
{
    Tensor present;   //!< bool [n]: object with a mask; otherwise masks and fraction are 0
    Tensor masks;     //!< float [n, 1, 28, 28], 0 or 1 (MaskTargetRule::binary): the part of the mask inside the RoI
    Tensor fraction;  //!< float [n], fraction of the mask pixels inside the RoI
};

//! How a mask becomes the target of a RoI (model.md 4.2).
struct MaskTargetRule
{
    /** true: crop at integer pixels, bilinear resampling, rounding, as in the released code. false: mean of the mask
        over each cell of the RoI (RoIAlign); without the shift by truncation, which is significant for boxes of about
        20 pixels. */
    bool legacy = false;
    bool aligned = true;  //!< of the RoIAlign
    bool binary = true;   //!< 1 where the mean is at least 0.5, else 0; false: the mean itself
};

MaskTargetRule maskTargetRule(const RoIConfig& config, bool legacy);

/** Masks of the objects of one image, cropped and resampled for RoIs. model.md 4.2.
    @param masks uint8 [m, h, w], 0 or 1, in network-input pixels; undefined: no masks.
    @param present bool [m], objects with a mask.
    @param boxes RoIs [n, 4]. @param gtIndex int64 [n]. */
MaskTargets maskTargets(const Tensor& masks, const Tensor& present, const Tensor& boxes, const Tensor& gtIndex,
                        const MaskTargetRule& rule);

/** IoU of predicted masks with the entire masks of the objects, in cells of the RoI (model.md 4.2).
    @param logits [n, 1, 28, 28]; cells above 0.5 count as predicted, as in the released code. */
Tensor maskIoUTargets(const Tensor& logits, const MaskTargets& targets);

//! Normalized ground-truth offsets (l, r, t, b) [n, 4, k, k].
Tensor denseTargets(const Tensor& rois, const Tensor& gts, int64_t k);

//! Boxes shifted and scaled by u ~ U(-amount, amount)^4 and clipped to the image (limits [n, 2] = height, width).
//! model.md 2.3.
Tensor jitterBoxes(const Tensor& boxes, const Tensor& limits, double amount, bool legacy, torch::Generator generator);

}  // namespace d2det

#endif
