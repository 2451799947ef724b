// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The entire detector: training losses and inference (detector.hpp). */

#include "model/detector.hpp"

#include "base/error.hpp"
#include "model/losses.hpp"
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
    const AnchorShapes shapes = r.anchorShapes();
    p.anchorScales = shapes.scales;
    p.anchorRatios = shapes.ratios;
    p.preNmsTopN = training ? r.preNmsTopNTrain : r.preNmsTopNTest;
    p.postNmsTopN = training ? r.postNmsTopNTrain : r.postNmsTopNTest;
    p.maxProposals = training ? r.proposalsTrain : r.proposalsTest;
    p.nmsThreshold = r.nmsThreshold;
    p.minSize = r.minSize;
    p.legacy = config.legacy;
    return p;
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

//! "cls", "cls2", ...: parts of the stages of a cascade.
std::string stageName(const std::string& name, size_t stage)
{
    return stage == 0 ? name : name + std::to_string(stage + 1);
}

}  // namespace

DetectorImpl::DetectorImpl(const ModelConfig& config_) : config(config_)
{
    if (config.classNames.empty())
        fail("model.class_names is empty: the model needs the names of its classes");
    if (config.rpn.anchors == ValueSource::AUTO || config.roi.classHead.classWeighting == ValueSource::AUTO)
        fail(
            "model.rpn.anchors or model.roi.class_head.class_weighting is auto: the values are those of the run's "
            "config.json, which a training writes");
    backbone = register_module("backbone", Backbone(config.backbone));
    fpn = register_module("fpn", Fpn(config.fpn, backbone->channels));
    rpn = register_module("rpn", Rpn(config.rpn, config.fpn.channels));
    for (const int stride : config.strides())
        strides.push_back(static_cast<float>(stride));
    const std::vector<float> roiStrides(strides.begin(), strides.begin() + config.roi.levels);
    addStages(roiStrides);
    if (config.roi.maskHead.type != MaskHeadType::NONE)
        maskHead = register_module("mask_head",
                                   MaskHead(config.roi, config.fpn.channels, numClasses(), roiStrides, config.legacy));
}

//! One stage, or those of a cascade: "class_head" and "box_head", then "class_head2", ...
void DetectorImpl::addStages(const std::vector<float>& roiStrides)
{
    const RoIConfig& r = config.roi;
    const bool cascade = r.type == RoIHeadType::CASCADE_RCNN;
    const size_t count = cascade ? r.cascade.positiveIous.size() : 1;
    for (size_t i = 0; i < count; i++)
    {
        RoIStage stage;
        stage.positiveIou = cascade ? r.cascade.positiveIous[i] : r.positiveIou;
        stage.lossWeight = cascade ? r.cascade.lossWeights[i] : 1.f;
        stage.classHead = register_module(stageName("class_head", i),
                                          ClassHead(r, config.fpn.channels, numClasses(), roiStrides, config.legacy));
        if (r.type == RoIHeadType::D2DET)
            stage.boxHead = DenseBoxHead(r, config.fpn.channels, roiStrides, config.legacy).ptr();
        else
            stage.boxHead = DeltaBoxHead(r, numClasses(), cascade ? r.cascade.stdFactors[i] : 1.f, config.legacy).ptr();
        register_module(stageName("box_head", i), stage.boxHead);
        stages.push_back(stage);
    }
}

//! Factors of the loss by label [C + 1], background last, on the device of the model; undefined if all are 1.
const Tensor& DetectorImpl::classWeights()
{
    const ClassHeadConfig& c = config.roi.classHead;
    if (c.classWeights.empty() && c.backgroundWeight == 1)
        return classWeights_;
    if (!classWeights_.defined())
    {
        std::vector<float> weights = c.classWeights;
        weights.resize(static_cast<size_t>(numClasses()), 1.f);
        weights.push_back(c.backgroundWeight);
        classWeights_ = torch::tensor(weights);
    }
    classWeights_ = classWeights_.to(device());
    return classWeights_;
}

std::vector<Tensor> DetectorImpl::roiLevels(const std::vector<Tensor>& pyramid) const
{
    std::vector<Tensor> levels(pyramid.begin(), pyramid.begin() + config.roi.levels);
    // The pooling operators read dense float32 maps: conversions by autocast and channels-last are undone once for
    // all, not by every operator in both directions.
    for (Tensor& level : levels)
        level = ops::fullPrecision(level).contiguous();
    return levels;
}

LossMap DetectorImpl::losses(const Batch& batch, torch::Generator generator, const LossConfig& switches)
{
    // On a CUDA device the host waits once per stage: for the boxes to sample from, in roiLosses. Assignment, sampling,
    // jitter and targets are computed on the CPU; the RPN targets during the convolutions on the device.
    LossMap out;
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
    rpnLosses(config.rpn, config.legacy, batch, strides, logits, deltas, generator, out);
    roiLosses(batch, roiLevels(pyramid), proposals.first, generator, switches, out);
    return out;
}

/* Sampling (model.md 1.5), classification and box losses of every stage. The stages of a cascade sample from the boxes
   that the one before refined, against a higher IoU (model.md 9.3). Masks learn from the RoIs of the first stage. */
void DetectorImpl::roiLosses(const Batch& batch, const std::vector<Tensor>& pyramid, const Tensor& allProposals,
                             torch::Generator& generator, const LossConfig& switches, LossMap& out)
{
    const RoIConfig& r = config.roi;
    Tensor proposals = allProposals.to(torch::kCPU);  // the step waits for the device here
    for (size_t i = 0; i < stages.size(); i++)
    {
        RoIStage& stage = stages[i];
        const SampledRoIs sampled =
            sampleRoIs(batch, proposals, numClasses(),
                       {stage.positiveIou, r.batchPerImage, r.positiveFraction, config.legacy}, generator);
        const BoxHeadInput input{pyramid, stage.classHead->features(pyramid, sampled.rois), sampled.rois};
        const Tensor scores = stage.classHead->classify(input.features);
        LossMap mine;
        mine["cls"] = classificationLoss(scores, toDevice(sampled.labels, scores.device()), classWeights()) *
                      r.classHead.lossWeight;
        const MaskRoIs forMasks = stage.boxHead->losses(input, sampled, batch, generator, mine);
        for (const auto& [name, value] : mine)
            out[stageName(name, i)] = value * stage.lossWeight;
        if (i == 0 && !maskHead.is_empty() && switches.trainMask)
            maskLosses(batch, pyramid, forMasks, out);
        if (i + 1 < stages.size())
            proposals = stage.boxHead->refine({pyramid, input.features.detach(), sampled.rois}, batch.images.imInfo())
                            .rois.to(torch::kCPU);
    }
}

//! Mask losses (model.md 4.2), without RoIs of objects without a mask.
void DetectorImpl::maskLosses(const Batch& batch, const std::vector<Tensor>& pyramid, const MaskRoIs& input,
                              LossMap& out)
{
    const MaskHeadConfig& c = config.roi.maskHead;
    const PositiveRoIs& positives = input.rois;
    MaskTargets targets = input.targets;
    if (!targets.present.defined() && positives.size() > 0)
        targets = batchMaskTargets(batch, positives, maskTargetRule(config.roi, config.legacy));
    const Tensor rows = positives.size() > 0 ? targets.present.nonzero().squeeze(1) : Tensor();
    if (!rows.defined() || rows.size(0) == 0)
    {
        out["mask"] = pyramid[0].sum() * 0;
        return;
    }
    const torch::Device where = device();
    const Tensor features = input.trunk.defined() ? input.trunk.index_select(0, toDevice(rows, where)) : Tensor();
    const MaskTargets mine{targets.present.index_select(0, rows), targets.masks.index_select(0, rows),
                           targets.fraction.index_select(0, rows)};
    const RoIGroups classes = RoIGroups::byClass(positives.labels.index_select(0, rows), numClasses(), where);
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

namespace
{

//! Settings of the last NMS, with soft NMS as an option.
kernels::DetectionsParams finalParams(const ModelConfig& config, int64_t images)
{
    const InferenceConfig& t = config.test;
    kernels::DetectionsParams p;
    p.batchSize = static_cast<int>(images);
    p.nmsThreshold = t.finalNmsThreshold;
    p.nmsMode = kernelMode(t.nmsMode);
    p.softSigma = t.softSigma;
    p.softMinScore = t.softMinScore;
    p.maxDetections = t.maxDetections;
    p.legacy = config.legacy;
    return p;
}

}  // namespace

InferenceTrace DetectorImpl::infer(const ImageBatch& images, const PartDone& done)
{
    torch::NoGradGuard noGrad;
    InferenceTrace trace;
    const std::vector<Tensor> maps = backbone(images.images.to(device()));
    done("backbone");
    trace.pyramid = fpn(maps);
    done("pyramid");
    rpn->forward(trace.pyramid, trace.rpnLogits, trace.rpnDeltas);
    done("rpn");
    const Tensor imInfo = images.imInfo();
    std::tie(trace.proposals, trace.proposalScores) =
        ops::proposal(trace.rpnLogits, trace.rpnDeltas, strides, imInfo, proposalParams(config, false));
    const std::vector<Tensor> pyramid = roiLevels(trace.pyramid);
    done("proposals");
    const MaskInput forMasks = stages[0].boxHead->refinesBeforeNms() ? detectDirectly(pyramid, imInfo, done, trace)
                                                                     : detectCandidates(pyramid, imInfo, done, trace);
    if (!maskHead.is_empty())
    {
        inferMasks(pyramid, forMasks, trace);
        done("masks");
    }
    return trace;
}

//! Boxes of every proposal, then NMS. A cascade hands the boxes on from stage to stage and averages the probabilities.
MaskInput DetectorImpl::detectDirectly(const std::vector<Tensor>& pyramid, const Tensor& imInfo, const PartDone& done,
                                       InferenceTrace& trace)
{
    trace.refined = trace.proposals;
    for (RoIStage& stage : stages)
    {
        const BoxHeadInput input{pyramid, stage.classHead->features(pyramid, trace.refined), trace.refined};
        const Tensor probabilities = torch::softmax(stage.classHead->classify(input.features), 1);
        trace.probabilities = trace.probabilities.defined() ? trace.probabilities + probabilities : probabilities;
        done("classification");
        const RefinedBoxes refined = stage.boxHead->refine(input, imInfo);
        trace.deltas.push_back(refined.deltas);
        trace.refined = refined.rois;
        done("box head");
    }
    if (stages.size() > 1)
        trace.probabilities = trace.probabilities * (1.0 / static_cast<double>(stages.size()));
    kernels::DetectionsParams params = finalParams(config, imInfo.size(0));
    params.scoreThreshold = config.test.scoreThreshold;
    params.classAgnosticBoxes = trace.refined.size(1) == 5;
    trace.detections = ops::detections(trace.refined, trace.probabilities, params);
    done("detections");
    return {roisOfDetections(trace.detections), Tensor()};
}

//! NMS of the proposals, then boxes of the candidates that are left, then soft NMS.
MaskInput DetectorImpl::detectCandidates(const std::vector<Tensor>& pyramid, const Tensor& imInfo, const PartDone& done,
                                         InferenceTrace& trace)
{
    RoIStage& stage = stages[0];
    trace.probabilities = torch::softmax(stage.classHead->forward(pyramid, trace.proposals), 1);
    done("classification");
    kernels::DetectionsParams first;
    first.batchSize = static_cast<int>(imInfo.size(0));
    first.scoreThreshold = config.test.scoreThreshold;
    first.nmsThreshold = config.test.nmsThreshold;
    first.maxDetections = config.test.preDetections;
    first.legacy = config.legacy;
    trace.candidates = ops::detections(trace.proposals, trace.probabilities, first);
    done("candidates");

    const Tensor rois = roisOfDetections(trace.candidates);
    const RefinedBoxes refined = stage.boxHead->refine({pyramid, Tensor(), rois}, imInfo);
    trace.offsets = refined.offsets;
    trace.overlap = refined.overlap;
    trace.refined = refined.rois;
    done("box head");

    kernels::DetectionsParams last = finalParams(config, imInfo.size(0));
    last.scoreThreshold = 0;
    last.labelled = true;
    const bool again = config.roi.maskHead.secondPass;
    Tensor rows;  // of the candidates that the detections come from; without a second pass
    trace.detections = ops::detections(trace.refined, trace.candidates.slice(1, 1, 3), last, again ? nullptr : &rows);
    done("detections");
    MaskInput input;
    if (maskHead.is_empty())
        return input;
    input.rois = again ? roisOfDetections(trace.detections) : ops::gatherRows(rois, rows);
    if (maskHead->usesTrunk())
        input.trunk = again ? stage.dense()->trunk(pyramid, input.rois) : ops::gatherRows(refined.trunk, rows);
    return input;
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
