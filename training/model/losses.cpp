// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Losses of D2Det. Contract: operators.md 5; model.md 2.4.

   Implemented with differentiable tensor operations. At kinks, torch::where selects the one-sided gradient of the
   reference: a side of the decoded box contributes to the gradient of the intersection only if it lies strictly inside
   the ground truth. All denominators are nonzero, also in the branch not selected by torch::where, because 0 * Inf in a
   gradient would be NaN. */

#include "model/losses.hpp"

#include "model/targets.hpp"

namespace d2det
{

namespace
{

//! Target with the device and type of its prediction, detached from the graph.
Tensor asTargetFor(const Tensor& target, const Tensor& prediction)
{
    return target.detach().to(prediction.device(), prediction.scalar_type(), /*non_blocking=*/true);
}

//! Zero that depends on the prediction, so that backward works in a step without RoIs.
Tensor zeroLoss(const Tensor& prediction)
{
    return prediction.sum() * 0;
}

//! rois and gts [n, 4], offsets [n, 4, k, k], labels [n, 1, k, k] or undefined
void checkDense(const char* function, const Tensor& rois, const Tensor& offsets, const Tensor& gts,
                const Tensor& labels)
{
    TORCH_CHECK(offsets.dim() == 4 && offsets.size(1) == 4 && offsets.size(2) == offsets.size(3), function,
                ": offsets has shape ", offsets.sizes(), ", expected [n, 4, k, k] = (l, r, t, b)");
    const int64_t n = offsets.size(0), k = offsets.size(2);
    TORCH_CHECK(rois.sizes() == at::IntArrayRef({n, 4}), function, ": rois has shape ", rois.sizes(), ", expected [", n,
                ", 4]");
    TORCH_CHECK(!gts.defined() || gts.sizes() == at::IntArrayRef({n, 4}), function, ": gts has shape ", gts.sizes(),
                ", expected [", n, ", 4]");
    TORCH_CHECK(!labels.defined() || labels.sizes() == at::IntArrayRef({n, 1, k, k}), function, ": labels has shape ",
                labels.sizes(), ", expected [", n, ", 1, ", k, ", ", k, "]");
}

//! Length of an interval, 0 if it is inverted; legacy intervals include both end pixels.
Tensor extent(const Tensor& low, const Tensor& high, bool legacy)
{
    const Tensor length = legacy ? high - low + 1 : high - low;
    return torch::where(length > 0, length, torch::zeros_like(length));
}

//! IoU of boxes [n, k, k, 4] with one ground truth [n, 4] each: [n, k, k], differentiable in the boxes.
Tensor pairIoU(const Tensor& boxes, const Tensor& gts, bool legacy)
{
    const Tensor g = gts.unsqueeze(1).unsqueeze(1);
    const auto corner = [](const Tensor& t, int64_t i) { return t.select(3, i); };
    const auto intersection = [&](int64_t axis)
    {
        const Tensor low = corner(boxes, axis), high = corner(boxes, axis + 2);
        const Tensor gLow = corner(g, axis), gHigh = corner(g, axis + 2);
        return extent(torch::where(low > gLow, low, gLow), torch::where(high < gHigh, high, gHigh), legacy);
    };
    const auto area = [&](const Tensor& t)
    { return extent(corner(t, 0), corner(t, 2), legacy) * extent(corner(t, 1), corner(t, 3), legacy); };
    const Tensor inter = intersection(0) * intersection(1);
    const Tensor uni = area(boxes) + area(g) - inter;
    return torch::where(uni > 0, inter / torch::where(uni > 0, uni, torch::ones_like(uni)), torch::zeros_like(inter));
}

}  // namespace

Tensor decodeDense(const Tensor& rois, const Tensor& offsets)
{
    checkDense("decodeDense", rois, offsets, Tensor(), Tensor());
    const Tensor p = asTargetFor(rois, offsets);
    const auto [xs, ys] = gridPoints(p, offsets.size(2));
    const Tensor x = xs.unsqueeze(1), y = ys.unsqueeze(2);
    const Tensor w = (p.select(1, 2) - p.select(1, 0)).reshape({-1, 1, 1});
    const Tensor h = (p.select(1, 3) - p.select(1, 1)).reshape({-1, 1, 1});
    return torch::stack({x - offsets.select(1, 0) * w, y - offsets.select(1, 2) * h, x + offsets.select(1, 1) * w,
                         y + offsets.select(1, 3) * h},
                        3);
}

Tensor iouLossMap(const Tensor& rois, const Tensor& offsets, const Tensor& gts, bool legacy)
{
    checkDense("iouLossMap", rois, offsets, gts, Tensor());
    const Tensor u = pairIoU(decodeDense(rois, offsets), asTargetFor(gts, offsets), legacy);
    const Tensor least = torch::full_like(u, 1e-6);
    const Tensor bounded = torch::where(u < least, least, u);  // no gradient below 1e-6
    return -torch::where(bounded > 0.1, bounded, bounded + 0.1).log();
}

Tensor denseIoULoss(const Tensor& rois, const Tensor& offsets, const Tensor& gts, const Tensor& labels, bool legacy,
                    LossReduction reduction, double weight)
{
    checkDense("denseIoULoss", rois, offsets, gts, labels);
    if (offsets.size(0) == 0)
        return zeroLoss(offsets);
    const Tensor loss = iouLossMap(rois, offsets, gts, legacy);
    const Tensor m = asTargetFor(labels, offsets).squeeze(1);
    return reduction == LossReduction::MASKED ? (loss * m).mean() * weight : loss.mean() * m.mean() * weight;
}

/* Sum over the four sides of a cell, as in the RPN loss; mean over the cells with label 1. Targets are negative for
   cells outside the ground truth and then unreachable for a ReLU output; overlapLabels sets label 0 for these cells. */
Tensor denseSmoothL1Loss(const Tensor& rois, const Tensor& offsets, const Tensor& gts, const Tensor& labels,
                         double beta, double weight)
{
    checkDense("denseSmoothL1Loss", rois, offsets, gts, labels);
    TORCH_CHECK(beta > 0, "denseSmoothL1Loss: beta is ", beta, ", it must be positive");
    if (offsets.size(0) == 0)
        return zeroLoss(offsets);
    const Tensor goal = asTargetFor(denseTargets(rois, gts, offsets.size(2)), offsets);
    const Tensor m = asTargetFor(labels, offsets);
    const Tensor loss = torch::smooth_l1_loss(offsets, goal, at::Reduction::None, beta);
    return (loss * m).sum() / m.sum().clamp_min(1) * weight;
}

Tensor classificationLoss(const Tensor& logits, const Tensor& labels, const Tensor& weights)
{
    TORCH_CHECK(logits.dim() == 2 && labels.sizes() == at::IntArrayRef({logits.size(0)}),
                "classificationLoss: labels has shape ", labels.sizes(), ", but logits has ", logits.sizes());
    TORCH_CHECK(!weights.defined() || weights.sizes() == at::IntArrayRef({logits.size(1)}),
                "classificationLoss: weights has shape ", weights.sizes(), ", expected [", logits.size(1), "]");
    if (logits.size(0) == 0)
        return zeroLoss(logits);
    if (!weights.defined())
        return torch::cross_entropy_loss(logits, labels);
    return torch::cross_entropy_loss(logits, labels, weights, at::Reduction::Sum) / static_cast<double>(logits.size(0));
}

Tensor bceLoss(const Tensor& logits, const Tensor& targets)
{
    TORCH_CHECK(logits.sizes() == targets.sizes(), "bceLoss: targets has shape ", targets.sizes(), ", but logits has ",
                logits.sizes());
    if (logits.numel() == 0)
        return zeroLoss(logits);
    return torch::binary_cross_entropy_with_logits(logits, asTargetFor(targets, logits), {}, {}, at::Reduction::Mean);
}

Tensor smoothL1Sum(const Tensor& prediction, const Tensor& target, double beta)
{
    TORCH_CHECK(prediction.sizes() == target.sizes(), "smoothL1Sum: target has shape ", target.sizes(),
                ", but prediction has ", prediction.sizes());
    TORCH_CHECK(beta > 0, "smoothL1Sum: beta is ", beta, ", it must be positive");
    return torch::smooth_l1_loss(prediction, asTargetFor(target, prediction), at::Reduction::Sum, beta);
}

}  // namespace d2det
