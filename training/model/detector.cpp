// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The whole detector: losses and inference; see detector.hpp. */

#include "model/detector.hpp"

#include "kernels/dense_box_decode.hpp"
#include "kernels/detections.hpp"
#include "model/losses.hpp"
#include "model/targets.hpp"
#include "ops/ops.hpp"

namespace d2det
{

namespace kernels = cv::d2det::kernels;

namespace
{

kernels::NmsMode nmsMode(const std::string& name)
{
    if (name == "hard")
        return kernels::NmsMode::HARD;
    if (name == "soft_linear")
        return kernels::NmsMode::SOFT_LINEAR;
    TORCH_CHECK(name == "soft_gaussian", "unknown NMS mode '", name, "': hard, soft_linear or soft_gaussian");
    return kernels::NmsMode::SOFT_GAUSSIAN;
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

//! [B, A, h, w] maps of all levels -> [B, sum(h w A), n] with n = 1 (logits) or 4 (deltas), anchor order of gridAnchors.
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

Tensor runDetections(const kernels::DetectionsParams& p, const Tensor& rois, const Tensor& probs)
{
    const Tensor r = rois.contiguous(), s = probs.contiguous();
    Tensor out = torch::empty({p.batchSize * p.maxDetections, 7}, r.options());
    kernels::detectionsCpu(p, r.data_ptr<float>(), static_cast<int>(r.size(1)), s.data_ptr<float>(),
                           static_cast<int>(s.size(1)), static_cast<int>(r.size(0)), out.data_ptr<float>());
    return out;
}

}  // namespace

DetectorImpl::DetectorImpl(const ModelConfig& config_) : config(config_)
{
    TORCH_CHECK(!config.classNames.empty(), "the model needs class names");
    backbone = register_module("backbone", Backbone(config.backbone));
    fpn = register_module("fpn", Fpn(config.fpn, backbone->channels));
    rpn = register_module("rpn", Rpn(config.rpn, config.fpn.channels));
    for (size_t i = 0; i < backbone->levels.size() + config.fpn.extraLevels; i++)
        strides.push_back(static_cast<float>(1 << (backbone->levels[0] + static_cast<int>(i))));
    const std::vector<float> roiStrides(strides.begin(), strides.begin() + config.roi.levels);
    classHead = register_module("class_head",
                                ClassHead(config.roi, config.fpn.channels, numClasses(), roiStrides, config.legacy));
    boxHead = register_module("box_head", BoxHead(config.roi, config.fpn.channels, roiStrides, config.legacy));
}

std::vector<Tensor> DetectorImpl::roiLevels(const std::vector<Tensor>& pyramid) const
{
    return std::vector<Tensor>(pyramid.begin(), pyramid.begin() + config.roi.levels);
}

std::map<std::string, Tensor> DetectorImpl::losses(const Batch& batch, torch::Generator generator)
{
    std::map<std::string, Tensor> out;
    const std::vector<Tensor> pyramid = fpn(backbone(batch.images.images));
    std::vector<Tensor> logits, deltas;
    rpn->forward(pyramid, logits, deltas);
    rpnLosses(batch, logits, deltas, generator, out);

    std::vector<Tensor> detachedLogits, detachedDeltas;
    for (size_t i = 0; i < logits.size(); i++)
    {
        detachedLogits.push_back(logits[i].detach());
        detachedDeltas.push_back(deltas[i].detach());
    }
    const auto proposals =
        ops::proposals(detachedLogits, detachedDeltas, strides, batch.images.imInfo(), proposalParams(config, true));
    roiLosses(batch, roiLevels(pyramid), proposals.first, proposals.second, generator, out);
    return out;
}

//! d2det.md 1.4: binary cross-entropy on sampled anchors, smooth-L1 on positive ones, both divided by the number sampled.
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
        const Tensor chosen = torch::cat({pos, neg});
        const Tensor target = torch::cat({torch::ones({pos.size(0)}), torch::zeros({neg.size(0)})});
        classLoss =
            classLoss + torch::binary_cross_entropy_with_logits(flatLogits[b].index_select(0, chosen).squeeze(1),
                                                                target, {}, {}, at::Reduction::Sum);
        if (pos.size(0) > 0)
        {
            const Tensor goal = encodeDeltas(anchors.index_select(0, pos),
                                             gts.index_select(0, assigned.index_select(0, pos) - 1), config.legacy);
            boxLoss = boxLoss + smoothL1Sum(flatDeltas[b].index_select(0, pos), goal, r.smoothL1Beta);
        }
    }
    const double scale = 1.0 / static_cast<double>(std::max<int64_t>(sampled, 1));
    out["rpn_cls"] = classLoss * scale;
    out["rpn_box"] = boxLoss * scale;
}

//! Sampling (d2det.md 1.5), classification loss (3.1), jitter and dense regression losses (2.3, 2.4).
void DetectorImpl::roiLosses(const Batch& batch, const std::vector<Tensor>& pyramid, const Tensor& proposals,
                             const Tensor&, torch::Generator& generator, std::map<std::string, Tensor>& out)
{
    const RoiConfig& r = config.roi;
    const BoxHeadConfig& c = r.boxHead;
    std::vector<Tensor> rois, labels, positives, positiveGts, limits;
    for (int64_t b = 0; b < batch.images.size(); b++)
    {
        const Instances& target = batch.targets[b];
        const Tensor gts = target.boxes.tensor();
        Tensor mine = proposals.index({proposals.select(1, 0) == static_cast<double>(b)}).slice(1, 1, 5);
        mine = mine.index({(mine != 0).any(1)});  // without padding rows
        const auto [rows, assigned] = assignRois(mine, gts, config.legacy, r.positiveIou);
        const Tensor keys = torch::rand({rows.size(0)}, generator);
        const auto [pos, neg] = sampleBalanced(assigned, keys, r.batchPerImage, r.positiveFraction);
        rois.push_back(withBatchIndex(rows.index_select(0, torch::cat({pos, neg})), b));
        labels.push_back(torch::full({neg.size(0)}, numClasses(), torch::kLong));
        if (pos.size(0) > 0)
        {
            const Tensor gtIndex = assigned.index_select(0, pos) - 1;
            labels.insert(labels.end() - 1, target.labels.index_select(0, gtIndex));
            positives.push_back(withBatchIndex(rows.index_select(0, pos), b));
            positiveGts.push_back(gts.index_select(0, gtIndex));
            limits.push_back(torch::tensor({{static_cast<float>(batch.images.infos[b].height),
                                             static_cast<float>(batch.images.infos[b].width)}})
                                 .expand({pos.size(0), 2}));
        }
    }
    const Tensor allRois = torch::cat(rois).contiguous();
    const Tensor scores = classHead(pyramid, allRois);
    out["cls"] = torch::cross_entropy_loss(scores, torch::cat(labels)) * r.classHead.lossWeight;

    if (positives.empty())
    {
        out["dlr"] = out["overlap"] = pyramid[0].sum() * 0;
        return;
    }
    Tensor boxes = torch::cat(positives), gts = torch::cat(positiveGts), limit = torch::cat(limits);
    if (boxes.size(0) > c.maxRois)
    {
        const Tensor keep = torch::randperm(boxes.size(0), generator, torch::kLong).slice(0, 0, c.maxRois);
        boxes = boxes.index_select(0, keep);
        gts = gts.index_select(0, keep);
        limit = limit.index_select(0, keep);
    }
    const Tensor moved = jitterBoxes(boxes.slice(1, 1, 5), limit, c.jitter, config.legacy, generator);
    const Tensor positiveRois = torch::cat({boxes.slice(1, 0, 1), moved}, 1).contiguous();
    const auto [offsets, overlap] = boxHead->forward(pyramid, positiveRois);
    const int64_t k = offsets.size(3);
    const Tensor m =
        c.binaryOverlap ? overlapLabels(moved, gts, k, c.overlapRule) : torch::ones({moved.size(0), 1, k, k});
    out["dlr"] = c.regressionLoss == "iou"
                     ? denseIouLoss(moved, offsets, gts, m, config.legacy, c.reduction, c.lossWeight)
                     : denseSmoothL1Loss(moved, offsets, gts, m, c.smoothL1Beta, c.lossWeight);
    out["overlap"] = c.binaryOverlap ? bceLoss(overlap, m) * c.overlapLossWeight : offsets.sum() * 0;
}

InferenceTrace DetectorImpl::infer(const ImageBatch& images)
{
    torch::NoGradGuard noGrad;
    const TestConfig& t = config.test;
    InferenceTrace trace;
    trace.pyramid = fpn(backbone(images.images));
    rpn->forward(trace.pyramid, trace.rpnLogits, trace.rpnDeltas);
    const Tensor imInfo = images.imInfo();
    std::tie(trace.proposals, trace.proposalScores) =
        ops::proposals(trace.rpnLogits, trace.rpnDeltas, strides, imInfo, proposalParams(config, false));
    const std::vector<Tensor> pyramid = roiLevels(trace.pyramid);
    trace.probabilities = torch::softmax(classHead(pyramid, trace.proposals), 1);

    kernels::DetectionsParams first;
    first.batchSize = static_cast<int>(images.size());
    first.scoreThreshold = t.scoreThreshold;
    first.nmsThreshold = t.nmsThreshold;
    first.maxDetections = t.preDetections;
    first.legacy = config.legacy;
    trace.candidates = runDetections(first, trace.proposals, trace.probabilities);

    const Tensor rois = roisOfDetections(trace.candidates);
    std::tie(trace.offsets, trace.overlap) = boxHead->forward(pyramid, rois);
    if (!trace.overlap.defined())
        trace.overlap = torch::ones_like(trace.offsets.slice(1, 0, 1));
    const Tensor offsets = trace.offsets.contiguous(), overlap = trace.overlap.contiguous();
    kernels::DenseBoxDecodeParams decode;
    decode.overlapThreshold = config.roi.boxHead.overlapThreshold;
    decode.weighted = config.roi.boxHead.decodeMode == "weighted";
    decode.legacy = config.legacy;
    trace.refined = torch::empty({rois.size(0), 4});
    kernels::denseBoxDecode<float>(decode, rois.data_ptr<float>(), offsets.data_ptr<float>(), overlap.data_ptr<float>(),
                                   imInfo.data_ptr<float>(), static_cast<int>(rois.size(0)),
                                   static_cast<int>(offsets.size(3)), static_cast<int>(images.size()),
                                   trace.refined.data_ptr<float>());

    kernels::DetectionsParams last = first;
    last.scoreThreshold = 0;
    last.nmsThreshold = t.finalNmsThreshold;
    last.nmsMode = nmsMode(t.nmsMode);
    last.softSigma = t.softSigma;
    last.softMinScore = t.softMinScore;
    last.maxDetections = t.maxDetections;
    last.labelled = true;
    trace.detections =
        runDetections(last, torch::cat({rois.slice(1, 0, 1), trace.refined}, 1), trace.candidates.slice(1, 1, 3));
    return trace;
}

}  // namespace d2det
