// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The entire detector: training losses and inference (detector.hpp). */

#include "model/detector.hpp"

#include "base/error.hpp"
#include "model/losses.hpp"
#include "model/targets.hpp"
#include "ops/ops.hpp"

namespace d2det
{

namespace kernels = ops::kernels;

namespace
{

kernels::NMSMode kernelMode(NMSMode mode)
{
    switch (mode)
    {
        case NMSMode::HARD:
            return kernels::NMSMode::HARD;
        case NMSMode::SOFT_LINEAR:
            return kernels::NMSMode::SOFT_LINEAR;
        default:
            return kernels::NMSMode::SOFT_GAUSSIAN;
    }
}

kernels::ProposalParams proposalParams(const ModelConfig& config, bool training)
{
    const RpnConfig& r = config.rpn;
    kernels::ProposalParams p;
    p.anchorScale = r.anchorScale;
    p.anchorRatios = r.anchorRatios;
    p.preNmsTopN = training ? r.preNmsTopNTrain : r.preNmsTopNTest;
    p.postNmsTopN = training ? r.postNmsTopNTrain : r.postNmsTopNTest;
    p.maxProposals = training ? r.proposalsTrain : r.proposalsTest;
    p.nmsThreshold = r.nmsThreshold;
    p.minSize = r.minSize;
    p.legacy = config.legacy;
    return p;
}

//! [B, A, h, w] maps of all levels -> [B, sum(h w A), n] with n = 1 (logits) or 4 (deltas), anchor order of
//! gridAnchors.
Tensor flattenMaps(const std::vector<Tensor>& maps, int64_t n)
{
    std::vector<Tensor> parts;
    for (const Tensor& map : maps)
        parts.push_back(map.unflatten(1, {map.size(1) / n, n}).permute({0, 3, 4, 1, 2}).reshape({map.size(0), -1, n}));
    return torch::cat(parts, 1);
}

//! (batch, x1, y1, x2, y2) from boxes [n, 4] of one image.
Tensor withBatchIndex(const Tensor& boxes, int64_t index)
{
    return torch::cat({torch::full({boxes.size(0), 1}, static_cast<double>(index), boxes.options()), boxes}, 1);
}

//! (batch, box) columns of detections [n, 7].
Tensor roisOfDetections(const Tensor& detections)
{
    return torch::cat({detections.slice(1, 0, 1), detections.slice(1, 3, 7)}, 1).contiguous();
}

//! Asynchronous copy to the device of the model.
Tensor toDevice(const Tensor& tensor, const torch::Device& device)
{
    return tensor.to(device, /*non_blocking=*/true);
}

}  // namespace

DetectorImpl::DetectorImpl(const ModelConfig& config_) : config(config_)
{
    if (config.classNames.empty())
        fail("model.class_names is empty: the model needs the names of its classes");
    backbone = register_module("backbone", Backbone(config.backbone));
    fpn = register_module("fpn", Fpn(config.fpn, backbone->channels));
    rpn = register_module("rpn", Rpn(config.rpn, config.fpn.channels));
    for (size_t i = 0; i < backbone->levels.size() + config.fpn.extraLevels; i++)
        strides.push_back(static_cast<float>(1 << (backbone->levels[0] + static_cast<int>(i))));
    const std::vector<float> roiStrides(strides.begin(), strides.begin() + config.roi.levels);
    classHead = register_module("class_head",
                                ClassHead(config.roi, config.fpn.channels, numClasses(), roiStrides, config.legacy));
    boxHead = register_module("box_head", BoxHead(config.roi, config.fpn.channels, roiStrides, config.legacy));
    if (config.roi.maskHead.type != MaskHeadType::NONE)
        maskHead = register_module("mask_head",
                                   MaskHead(config.roi, config.fpn.channels, numClasses(), roiStrides, config.legacy));
}

std::vector<Tensor> DetectorImpl::roiLevels(const std::vector<Tensor>& pyramid) const
{
    std::vector<Tensor> levels(pyramid.begin(), pyramid.begin() + config.roi.levels);
    // The pooling operators read dense float32 maps: conversions by autocast and channels-last are undone once for
    // all.
    for (Tensor& level : levels)
        if (level.is_cuda() || level.scalar_type() == torch::kBFloat16)
            level = ops::fullPrecision(level).contiguous();
    return levels;
}

std::map<std::string, Tensor> DetectorImpl::losses(const Batch& batch, torch::Generator generator,
                                                   const LossConfig& switches)
{
    // On a CUDA device the host waits once: for the proposals, in roiLosses. Assignment, sampling, jitter and targets
    // are computed on the CPU; the RPN targets during the convolutions on the device.
    std::map<std::string, Tensor> out;
    const std::vector<Tensor> pyramid = fpn(backbone(batch.images.images));
    std::vector<Tensor> logits, deltas;
    rpn->forward(pyramid, logits, deltas);

    std::vector<Tensor> detachedLogits, detachedDeltas;
    for (size_t i = 0; i < logits.size(); i++)
    {
        detachedLogits.push_back(logits[i].detach());
        detachedDeltas.push_back(deltas[i].detach());
    }
    const auto proposals =
        ops::proposal(detachedLogits, detachedDeltas, strides, batch.images.imInfo(), proposalParams(config, true));
    rpnLosses(batch, logits, deltas, generator, out);
    roiLosses(batch, roiLevels(pyramid), proposals.first, generator, switches, out);
    return out;
}

//! model.md 1.4: binary cross-entropy on sampled anchors, smooth-L1 on positive ones, both divided by the number
//! sampled.
void DetectorImpl::rpnLosses(const Batch& batch, const std::vector<Tensor>& logits, const std::vector<Tensor>& deltas,
                             torch::Generator& generator, std::map<std::string, Tensor>& out) const
{
    const RpnConfig& r = config.rpn;
    std::vector<Tensor> levelAnchors;
    for (size_t i = 0; i < logits.size(); i++)
        levelAnchors.push_back(gridAnchors(logits[i].size(2), logits[i].size(3), strides[i], r.anchorScale,
                                           r.anchorRatios, config.legacy));
    const Tensor anchors = torch::cat(levelAnchors);
    const Tensor flatLogits = flattenMaps(logits, 1), flatDeltas = flattenMaps(deltas, 4);

    Tensor classLoss = flatLogits.sum() * 0, boxLoss = flatDeltas.sum() * 0;
    int64_t sampled = 0;
    for (int64_t b = 0; b < batch.images.size(); b++)
    {
        const Tensor gts = batch.targets[b].boxes.tensor();
        const ImageInfo& info = batch.images.infos[b];
        const Tensor assigned =
            assignAnchors(anchors, gts, info.height, info.width, config.legacy, r.positiveIou, r.negativeIou);
        const Tensor keys = torch::rand({anchors.size(0)}, generator);
        const auto [pos, neg] = sampleBalanced(assigned, keys, r.batchPerImage, r.positiveFraction);
        sampled += pos.size(0) + neg.size(0);
        const Tensor chosen = toDevice(torch::cat({pos, neg}), flatLogits.device());
        const Tensor target =
            toDevice(torch::cat({torch::ones({pos.size(0)}), torch::zeros({neg.size(0)})}), chosen.device());
        classLoss =
            classLoss + torch::binary_cross_entropy_with_logits(flatLogits[b].index_select(0, chosen).squeeze(1),
                                                                target, {}, {}, at::Reduction::Sum);
        if (pos.size(0) > 0)
        {
            const Tensor goal = encodeDeltas(anchors.index_select(0, pos),
                                             gts.index_select(0, assigned.index_select(0, pos) - 1), config.legacy);
            boxLoss = boxLoss +
                      smoothL1Sum(flatDeltas[b].index_select(0, toDevice(pos, chosen.device())), goal, r.smoothL1Beta);
        }
    }
    const double scale = 1.0 / static_cast<double>(std::max<int64_t>(sampled, 1));
    out["rpn_cls"] = classLoss * scale;
    out["rpn_box"] = boxLoss * scale;
}

PositiveRoIs PositiveRoIs::select(const Tensor& index) const
{
    return {rois.index_select(0, index), gts.index_select(0, index), limits.index_select(0, index),
            gtIndex.index_select(0, index), labels.index_select(0, index)};
}

//! Sampling (model.md 1.5) and classification loss (3.1); the positives go on to the other heads.
void DetectorImpl::roiLosses(const Batch& batch, const std::vector<Tensor>& pyramid, const Tensor& allProposals,
                             torch::Generator& generator, const LossConfig& switches,
                             std::map<std::string, Tensor>& out)
{
    const RoIConfig& r = config.roi;
    const Tensor proposals = allProposals.to(torch::kCPU);  // the step waits for the device here
    std::vector<Tensor> rois, labels;
    std::vector<PositiveRoIs> positives;
    for (int64_t b = 0; b < batch.images.size(); b++)
    {
        const Instances& target = batch.targets[b];
        const Tensor gts = target.boxes.tensor();
        Tensor mine = proposals.index({proposals.select(1, 0) == static_cast<double>(b)}).slice(1, 1, 5);
        mine = mine.index({(mine != 0).any(1)});  // without padding rows
        const auto [rows, assigned] = assignRoIs(mine, gts, config.legacy, r.positiveIou);
        const Tensor keys = torch::rand({rows.size(0)}, generator);
        const auto [pos, neg] = sampleBalanced(assigned, keys, r.batchPerImage, r.positiveFraction);
        rois.push_back(withBatchIndex(rows.index_select(0, torch::cat({pos, neg})), b));
        const Tensor background = torch::full({neg.size(0)}, numClasses(), torch::kLong);
        if (pos.size(0) == 0)
        {
            labels.push_back(background);
            continue;
        }
        const Tensor gtIndex = assigned.index_select(0, pos) - 1, classes = target.labels.index_select(0, gtIndex);
        labels.push_back(torch::cat({classes, background}));
        const ImageInfo& info = batch.images.infos[b];
        const Tensor limit = torch::tensor({{static_cast<float>(info.height), static_cast<float>(info.width)}});
        positives.push_back({withBatchIndex(rows.index_select(0, pos), b), gts.index_select(0, gtIndex),
                             limit.expand({pos.size(0), 2}), gtIndex, classes});
    }
    const Tensor scores = classHead(pyramid, torch::cat(rois).contiguous());
    out["cls"] =
        torch::cross_entropy_loss(scores, toDevice(torch::cat(labels), scores.device())) * r.classHead.lossWeight;

    const bool trainMasks = !maskHead.is_empty() && switches.trainMask;
    if (positives.empty())
    {
        out["dlr"] = out["overlap"] = pyramid[0].sum() * 0;
        if (trainMasks)
            out["mask"] = pyramid[0].sum() * 0;
        return;
    }
    const auto all = [&](Tensor PositiveRoIs::*member)
    {
        std::vector<Tensor> parts;
        for (const PositiveRoIs& p : positives)
            parts.push_back(p.*member);
        return torch::cat(parts);
    };
    regressionLosses(batch, pyramid,
                     {all(&PositiveRoIs::rois), all(&PositiveRoIs::gts), all(&PositiveRoIs::limits),
                      all(&PositiveRoIs::gtIndex), all(&PositiveRoIs::labels)},
                     generator, trainMasks, out);
}

namespace
{

//! Mask targets of RoIs of several images.
MaskTargets batchMaskTargets(const Batch& batch, const PositiveRoIs& positives, bool legacy)
{
    std::vector<Tensor> present, masks, fraction, rows;
    for (int64_t b = 0; b < batch.images.size(); b++)
    {
        const Tensor mine = positives.rois.select(1, 0).eq(static_cast<double>(b)).nonzero().squeeze(1);
        const MaskTargets t = maskTargets(batch.targets[b].masks, batch.targets[b].hasMask,
                                          positives.rois.index_select(0, mine).slice(1, 1, 5).contiguous(),
                                          positives.gtIndex.index_select(0, mine), legacy);
        present.push_back(t.present);
        masks.push_back(t.masks);
        fraction.push_back(t.fraction);
        rows.push_back(mine);
    }
    const Tensor order = torch::cat(rows).argsort();
    const auto joined = [&](const std::vector<Tensor>& parts) { return torch::cat(parts).index_select(0, order); };
    return {joined(present), joined(masks), joined(fraction)};
}

}  // namespace

//! Jitter and dense regression losses (model.md 2.3, 2.4), then those of the masks on the same RoIs and features.
void DetectorImpl::regressionLosses(const Batch& batch, const std::vector<Tensor>& pyramid, PositiveRoIs positives,
                                    torch::Generator& generator, bool trainMasks, std::map<std::string, Tensor>& out)
{
    const BoxHeadConfig& c = config.roi.boxHead;
    if (positives.rois.size(0) > c.maxRois)
        positives =
            positives.select(torch::randperm(positives.rois.size(0), generator, torch::kLong).slice(0, 0, c.maxRois));
    const Tensor moved =
        jitterBoxes(positives.rois.slice(1, 1, 5), positives.limits, c.jitter, config.legacy, generator);
    positives.rois = torch::cat({positives.rois.slice(1, 0, 1), moved}, 1).contiguous();
    const Tensor trunk = boxHead->trunk(pyramid, positives.rois);
    const auto [offsets, overlap] = boxHead->predict(trunk);
    const int64_t k = offsets.size(3);
    Tensor m =
        c.binaryOverlap ? overlapLabels(moved, positives.gts, k, c.overlapRule) : torch::ones({moved.size(0), 1, k, k});
    const bool labelsFromMasks = !maskHead.is_empty() && config.roi.maskHead.overlapFromMasks && c.binaryOverlap;
    MaskTargets targets;
    if (trainMasks || labelsFromMasks)
        targets = batchMaskTargets(batch, positives, config.legacy);
    if (labelsFromMasks)
        m = torch::where(targets.present.view({-1, 1, 1, 1}), maskOverlapLabels(targets.masks), m);
    out["dlr"] = c.regressionLoss == RegressionLoss::IOU
                     ? denseIoULoss(moved, offsets, positives.gts, m, config.legacy, c.reduction, c.lossWeight)
                     : denseSmoothL1Loss(moved, offsets, positives.gts, m, c.smoothL1Beta, c.lossWeight);
    out["overlap"] = c.binaryOverlap ? bceLoss(overlap, m) * c.overlapLossWeight : offsets.sum() * 0;
    if (trainMasks)
        maskLosses(pyramid, trunk, positives, targets, out);
}

//! Mask losses (model.md 4.2), without RoIs of objects without a mask.
void DetectorImpl::maskLosses(const std::vector<Tensor>& pyramid, const Tensor& trunk, const PositiveRoIs& positives,
                              const MaskTargets& targets, std::map<std::string, Tensor>& out)
{
    const MaskHeadConfig& c = config.roi.maskHead;
    const Tensor rows = targets.present.nonzero().squeeze(1);
    if (rows.size(0) == 0)
    {
        out["mask"] = trunk.sum() * 0;
        return;
    }
    const Tensor features = trunk.index_select(0, toDevice(rows, trunk.device()));
    const MaskTargets mine{targets.present.index_select(0, rows), targets.masks.index_select(0, rows),
                           targets.fraction.index_select(0, rows)};
    const RoIGroups classes = RoIGroups::byClass(positives.labels.index_select(0, rows), numClasses(), trunk.device());
    const Tensor logits =
        maskHead->forward(pyramid, features, positives.rois.index_select(0, rows).contiguous(), classes);
    out["mask"] = bceLoss(logits, mine.masks) * c.lossWeight;
    if (!c.scoring)
        return;
    const Tensor goal = maskIoUTargets(logits, mine);
    const Tensor difference = maskHead->score(features, logits, classes).squeeze(1) - goal;
    const Tensor counted = goal.gt(0.1).logical_and(goal.le(1)).to(difference.scalar_type());
    out["mask_iou"] = (counted * difference * difference).mean() * c.scoreLossWeight;
}

InferenceTrace DetectorImpl::infer(const ImageBatch& images)
{
    torch::NoGradGuard noGrad;
    const InferenceConfig& t = config.test;
    InferenceTrace trace;
    trace.pyramid = fpn(backbone(images.images.to(device())));
    rpn->forward(trace.pyramid, trace.rpnLogits, trace.rpnDeltas);
    const Tensor imInfo = images.imInfo();
    std::tie(trace.proposals, trace.proposalScores) =
        ops::proposal(trace.rpnLogits, trace.rpnDeltas, strides, imInfo, proposalParams(config, false));
    const std::vector<Tensor> pyramid = roiLevels(trace.pyramid);
    trace.probabilities = torch::softmax(classHead(pyramid, trace.proposals), 1);

    kernels::DetectionsParams first;
    first.batchSize = static_cast<int>(images.size());
    first.scoreThreshold = t.scoreThreshold;
    first.nmsThreshold = t.nmsThreshold;
    first.maxDetections = t.preDetections;
    first.legacy = config.legacy;
    trace.candidates = ops::detections(trace.proposals, trace.probabilities, first);

    const Tensor rois = roisOfDetections(trace.candidates);
    const Tensor trunk = boxHead->trunk(pyramid, rois);
    std::tie(trace.offsets, trace.overlap) = boxHead->predict(trunk);
    if (!trace.overlap.defined())
        trace.overlap = torch::ones_like(trace.offsets.slice(1, 0, 1));
    kernels::DenseBoxDecodeParams decode;
    decode.overlapThreshold = config.roi.boxHead.overlapThreshold;
    decode.weighted = config.roi.boxHead.decodeMode == DecodeMode::WEIGHTED;
    decode.legacy = config.legacy;
    trace.refined = ops::denseBoxDecode(rois, trace.offsets, trace.overlap, imInfo, decode);

    kernels::DetectionsParams last = first;
    last.scoreThreshold = 0;
    last.nmsThreshold = t.finalNmsThreshold;
    last.nmsMode = kernelMode(t.nmsMode);
    last.softSigma = t.softSigma;
    last.softMinScore = t.softMinScore;
    last.maxDetections = t.maxDetections;
    last.labelled = true;
    const bool again = config.roi.maskHead.secondPass;
    Tensor rows;  // of the candidates that the detections come from; without a second pass
    trace.detections = ops::detections(torch::cat({rois.slice(1, 0, 1), trace.refined}, 1),
                                       trace.candidates.slice(1, 1, 3), last, again ? nullptr : &rows);
    if (maskHead.is_empty())
        return trace;
    MaskInput input;
    input.rois = again ? roisOfDetections(trace.detections) : ops::gatherRows(rois, rows);
    if (maskHead->usesTrunk())
        input.trunk = again ? boxHead->trunk(pyramid, input.rois) : ops::gatherRows(trunk, rows);
    inferMasks(pyramid, input, trace);
    return trace;
}

/** Masks of the detections: for the refined boxes in a second pass (model.md 4.3), or for the candidates before
    refinement. Padding rows get zeros. */
void DetectorImpl::inferMasks(const std::vector<Tensor>& pyramid, const MaskInput& input, InferenceTrace& trace)
{
    const Tensor labels = trace.detections.select(1, 1);
    const RoIGroups classes = RoIGroups::byClass(labels, numClasses(), labels.device());
    const Tensor logits = maskHead->forward(pyramid, input.trunk, input.rois, classes);
    trace.masks = torch::sigmoid(logits) * labels.ge(0).to(torch::kFloat).view({-1, 1, 1, 1});
    trace.maskBoxes = input.rois.slice(1, 1, 5).contiguous();
    if (config.roi.maskHead.scoring)
        trace.maskIous = maskHead->score(input.trunk, logits, classes);
}

}  // namespace d2det
