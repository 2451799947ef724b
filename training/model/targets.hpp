// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What the heads are trained towards: assignment, sampling, overlap labels, box coding. No gradients.
   operators.md 5. */

#ifndef D2DET_TRAINING_TARGETS_HPP
#define D2DET_TRAINING_TARGETS_HPP

#include "config/config.hpp"

#include <torch/torch.h>

#include <utility>
#include <vector>

namespace d2det
{

using torch::Tensor;

//! IoU matrix [n, m] of boxes [n, 4], [m, 4]; 0 where the union is not positive.
Tensor boxIoU(const Tensor& a, const Tensor& b, bool legacy);

//! COCO's matrix for (x, y, w, h) boxes; crowd [m] bool or undefined: union = area of a there.
Tensor boxIoUXywh(const Tensor& a, const Tensor& b, const Tensor& crowd);

Tensor encodeDeltas(const Tensor& boxes, const Tensor& gts, bool legacy);
Tensor decodeDeltas(const Tensor& boxes, const Tensor& deltas, bool legacy);

//! All anchors of a level [h * w * A, 4], index (y * w + x) * A + a.
Tensor gridAnchors(int64_t height, int64_t width, float stride, float scale, const std::vector<float>& ratios,
                   bool legacy);

//! int64 [n]: -1 ignored, 0 negative, i + 1 positive for gt i. See operators.md 5, assign_anchors.
Tensor assignAnchors(const Tensor& anchors, const Tensor& gts, double height, double width, bool legacy,
                     double positiveIou, double negativeIou);

//! rows = [gts; proposals] and their assignment as above (0 = negative). operators.md 5, sample_rois.
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

//! What the mask head is trained towards; one row per RoI.
struct MaskTargets
{
    Tensor present;   //!< bool [n]: the object has a mask; the other two are 0 where it has none
    Tensor masks;     //!< float [n, 1, 28, 28], 0 or 1: the part of the mask inside the RoI
    Tensor fraction;  //!< float [n], share of the mask's pixels that lie inside the RoI
};

/** Masks of the objects of one image, cut out and sampled for RoIs. model.md 4.2.
    @param masks uint8 [m, h, w], 0 or 1, in pixels of the network input; undefined: no object has one.
    @param present bool [m], objects that have a mask.
    @param boxes [n, 4]. @param gtIndex int64 [n].
    legacy: cut at whole pixels, bilinear, rounded, as the released code. Otherwise the mean of the mask over each cell
    of the RoI (RoIAlign), at least 0.5: no shift by truncation, which a box of 20 pixels would feel. */
MaskTargets maskTargets(const Tensor& masks, const Tensor& present, const Tensor& boxes, const Tensor& gtIndex,
                        bool legacy);

/** IoU of predicted masks with the objects' whole masks, in cells of the RoI (model.md 4.2).
    @param logits [n, 1, 28, 28]; cells above 0.5 are predicted, as in the released code. */
Tensor maskIoUTargets(const Tensor& logits, const MaskTargets& targets);

//! Normalized ground-truth offsets (l, r, t, b) [n, 4, k, k].
Tensor denseTargets(const Tensor& rois, const Tensor& gts, int64_t k);

//! Boxes moved and scaled by u ~ U(-amount, amount)^4 each and clipped to their image (limits [n, 2] = height, width).
//! model.md 2.3.
Tensor jitterBoxes(const Tensor& boxes, const Tensor& limits, double amount, bool legacy, torch::Generator generator);

}  // namespace d2det

#endif
