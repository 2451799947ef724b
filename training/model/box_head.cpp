// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Box heads (box_head.hpp). */

#include "model/box_head.hpp"

#include "model/losses.hpp"
#include "ops/ops.hpp"

#include <cmath>

namespace d2det
{

namespace init = torch::nn::init;

// ------------------------------------------------------------------ dense local regression

DenseBoxHeadImpl::DenseBoxHeadImpl(const RoIConfig& config, int64_t inChannels, const std::vector<float>& strides,
                                   bool legacy)
    : config_(config), pool_(config, strides, legacy), legacy_(legacy)
{
    const BoxHeadConfig& c = config.boxHead;
    for (int i = 0; i < c.convs; i++)
    {
        RoIConvOptions o;
        o.in = i == 0 ? inChannels : c.channels;
        o.out = c.channels;
        o.stride = i == 0 ? 2 : 1;
        o.bias = false;
        o.normGroups = c.normGroups;
        o.relu = true;
        convs.push_back(register_module("conv" + std::to_string(i), RoIConv(o)));
        init::normal_(convs.back()->weight, 0, std::sqrt(2.0 / (9.0 * c.channels)));
    }
    RoIConvOptions o;
    o.in = c.channels;
    o.out = 4;
    o.relu = true;
    offsets = register_module("offsets", RoIConv(o));
    init::normal_(offsets->weight, 0, 0.001);
    init::constant_(offsets->bias,
                    0.5);  // half a box to each side; with 0 half of the outputs would be inactive initially
    if (!c.binaryOverlap)
        return;
    o.out = 1;
    o.relu = false;
    overlap = register_module("overlap", RoIConv(o));
    init::normal_(overlap->weight, 0, 0.001);
}

Tensor DenseBoxHeadImpl::trunk(const std::vector<Tensor>& pyramid, const Tensor& rois)
{
    Tensor x = pool_(pyramid, rois, config_.boxHead.pooledSize, config_.boxHead.samplingRatio);
    for (RoIConv& conv : convs)
        x = conv(x, RoIGroups());
    return x;
}

std::pair<Tensor, Tensor> DenseBoxHeadImpl::predict(const Tensor& trunk)
{
    const RoIGroups shared;
    return {ops::fullPrecision(offsets(trunk, shared)),
            overlap.is_empty() ? Tensor() : ops::fullPrecision(overlap(trunk, shared))};
}

/* Offsets are >= 0 (ReLU): a cell outside the ground truth has a negative target. Smooth L1 would pull its output to 0,
   while the IoU loss has its best reachable box there. */
Tensor regressionCells(const BoxHeadConfig& config, const Tensor& rois, const Tensor& gts, int64_t k)
{
    if (config.binaryOverlap)
        return overlapLabels(rois, gts, k, config.overlapRule);
    if (config.regressionLoss == RegressionLoss::SMOOTH_L1)
        return overlapLabels(rois, gts, k, OverlapRule::PAPER);  // inside the ground truth
    return torch::ones({rois.size(0), 1, k, k});
}

//! Jitter and losses (model.md 2.3, 2.4).
MaskRoIs DenseBoxHeadImpl::losses(const BoxHeadInput& in, const SampledRoIs& sampled, const Batch& batch,
                                  torch::Generator& generator, LossMap& out)
{
    const BoxHeadConfig& c = config_.boxHead;
    MaskRoIs result;
    PositiveRoIs& positives = result.rois;
    positives = sampled.positives;
    if (positives.size() == 0)
    {
        out["dlr"] = out["overlap"] = in.pyramid[0].sum() * 0;
        return result;
    }
    if (positives.size() > c.maxRois)
        positives = positives.select(torch::randperm(positives.size(), generator, torch::kLong).slice(0, 0, c.maxRois));
    const Tensor moved = jitterBoxes(positives.rois.slice(1, 1, 5), positives.limits, c.jitter, legacy_, generator);
    positives.rois = torch::cat({positives.rois.slice(1, 0, 1), moved}, 1).contiguous();
    result.trunk = trunk(in.pyramid, positives.rois);
    const auto [l, logits] = predict(result.trunk);
    Tensor m = regressionCells(c, moved, positives.gts, l.size(3));
    if (config_.maskHead.type != MaskHeadType::NONE && config_.maskHead.overlapFromMasks && c.binaryOverlap)
    {
        result.targets = batchMaskTargets(batch, positives, maskTargetRule(config_, legacy_));
        m = torch::where(result.targets.present.view({-1, 1, 1, 1}), maskOverlapLabels(result.targets.masks), m);
    }
    out["dlr"] = c.regressionLoss == RegressionLoss::IOU
                     ? denseIoULoss(moved, l, positives.gts, m, legacy_, c.reduction, c.lossWeight)
                     : denseSmoothL1Loss(moved, l, positives.gts, m, c.smoothL1Beta, c.lossWeight);
    out["overlap"] = c.binaryOverlap ? bceLoss(logits, m) * c.overlapLossWeight : l.sum() * 0;
    return result;
}

RefinedBoxes DenseBoxHeadImpl::refine(const BoxHeadInput& in, const Tensor& imInfo)
{
    RefinedBoxes out;
    out.trunk = trunk(in.pyramid, in.rois);
    std::tie(out.offsets, out.overlap) = predict(out.trunk);
    ops::kernels::DenseBoxDecodeParams decode;
    decode.overlapThreshold = config_.boxHead.overlapThreshold;
    decode.weighted = config_.boxHead.decodeMode == DecodeMode::WEIGHTED;
    decode.legacy = legacy_;
    if (!out.overlap.defined())  // every cell counts
    {
        out.overlap = torch::ones_like(out.offsets.slice(1, 0, 1));
        decode.overlapThreshold = 0;
        decode.weighted = false;
    }
    const Tensor boxes = ops::denseBoxDecode(in.rois, out.offsets, out.overlap, imInfo, decode);
    out.rois = torch::cat({in.rois.slice(1, 0, 1), boxes}, 1);
    return out;
}

// ------------------------------------------------------------------ deltas

DeltaBoxHeadImpl::DeltaBoxHeadImpl(const RoIConfig& config, int64_t numClasses, double stdFactor, bool legacy)
    : config_(config.deltaHead), legacy_(legacy)
{
    for (const float std : config_.stds)
        stds.push_back(static_cast<float>(std * stdFactor));
    RoIConvOptions o;
    o.in = config.classHead.fcChannels;
    o.out = 4 * (config_.classAgnostic ? 1 : numClasses);
    o.kernel = 1;
    o.pad = 0;
    deltas = register_module("deltas", RoIConv(o));
    init::normal_(deltas->weight, 0, 0.001);
}

Tensor DeltaBoxHeadImpl::predict(const Tensor& features)
{
    return ops::fullPrecision(deltas(features, RoIGroups()).flatten(1));
}

Tensor deltaLoss(const Tensor& deltas, const SampledRoIs& sampled, const std::vector<float>& stds, double beta,
                 bool legacy)
{
    TORCH_CHECK(deltas.dim() == 2 && deltas.size(0) == sampled.rois.size(0) && deltas.size(1) % 4 == 0,
                "deltaLoss: deltas has shape ", deltas.sizes(), ", expected [", sampled.rois.size(0), ", 4n]");
    TORCH_CHECK(stds.size() == 4, "deltaLoss: ", stds.size(), " standard deviations, expected 4");
    const PositiveRoIs& positives = sampled.positives;
    if (positives.size() == 0)
        return deltas.sum() * 0;
    const Tensor goal =
        encodeDeltas(positives.rois.slice(1, 1, 5), positives.gts, legacy) / torch::tensor(stds).unsqueeze(0);
    const auto onDevice = [&](const Tensor& t) { return t.to(deltas.device(), /*non_blocking=*/true); };
    const int64_t boxes = deltas.size(1) / 4;
    const Tensor column = boxes == 1 ? torch::zeros_like(positives.labels) : positives.labels;
    const Tensor own = deltas.view({-1, boxes, 4}).index({onDevice(sampled.positiveRows), onDevice(column)});
    return smoothL1Sum(own, goal, beta) / static_cast<double>(deltas.size(0));
}

MaskRoIs DeltaBoxHeadImpl::losses(const BoxHeadInput& in, const SampledRoIs& sampled, const Batch&, torch::Generator&,
                                  LossMap& out)
{
    out["box"] = deltaLoss(predict(in.features), sampled, stds, config_.smoothL1Beta, legacy_) * config_.lossWeight;
    MaskRoIs result;
    result.rois = sampled.positives;
    return result;
}

RefinedBoxes DeltaBoxHeadImpl::refine(const BoxHeadInput& in, const Tensor& imInfo)
{
    torch::NoGradGuard noGrad;
    RefinedBoxes out;
    out.deltas = predict(in.features);
    out.rois = decodeRoIs(in.rois, out.deltas, imInfo, stds, legacy_);
    return out;
}

}  // namespace d2det
