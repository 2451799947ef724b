// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Heads of the second stage (model_exporter.hpp). */

#include "export/model_exporter.hpp"

#include "base/error.hpp"

namespace d2det
{

namespace
{

//! "box_deltas", "box_deltas2", ...: tensors of the stages of a cascade.
std::string stageName(const std::string& name, size_t stage)
{
    return stage == 0 ? name : name + std::to_string(stage + 1);
}

}  // namespace

// ------------------------------------------------------------------ pooling

//! Common attributes of all pooling operators.
Attributes ModelExporter::poolAttributes(const Levels& levels, int64_t size, int samplingRatio) const
{
    return {{"feat_strides", levels.strides},
            {"output_size", std::vector<int64_t>{size, size}},
            {"sampling_ratio", samplingRatio},
            {"finest_scale", config_.roi.finestScale},
            {"legacy", config_.legacy}};
}

//! Discriminative pooling without offsets: equals RoIAlign in the non-legacy convention (operators.md 3.3).
std::string ModelExporter::poolWithoutOffsets(const Levels& levels, const std::string& rois, const std::string& output,
                                              int64_t size)
{
    Names inputs{rois};
    inputs.insert(inputs.end(), levels.maps.begin(), levels.maps.end());
    Attributes attributes = poolAttributes(levels, size, config_.roi.classHead.samplingRatio);
    if (config_.legacy)
        return d2Node("D2DeformRoIPool", inputs, output, attributes);
    attributes.push_back({"aligned", config_.roi.aligned});
    return d2Node("D2RoIAlign", inputs, output, attributes);
}

std::string ModelExporter::alignedPool(const Levels& levels, const std::string& rois, const std::string& output,
                                       int64_t size, int samplingRatio)
{
    Names inputs{rois};
    inputs.insert(inputs.end(), levels.maps.begin(), levels.maps.end());
    Attributes attributes = poolAttributes(levels, size, samplingRatio);
    attributes.push_back({"aligned", config_.roi.aligned});
    return d2Node("D2RoIAlign", inputs, output, attributes);
}

//! Elementwise maximum.
std::string ModelExporter::largest(const Names& inputs, const std::string& output)
{
    return inputs.size() == 1 ? inputs[0] : node("Max", inputs, output);
}

// ------------------------------------------------------------------ class head

//! Features behind the hidden fully connected layers. @param name of the head, prefix of its tensors.
std::string ModelExporter::classFeatures(const ClassHeadImpl& head, const Levels& levels, const std::string& rois,
                                         const std::string& name)
{
    const ClassHeadConfig& c = config_.roi.classHead;
    const int64_t k = c.pooledSize;
    const auto second = [&](const std::string& x) { return head.fc2.is_empty() ? x : roiConv(head.fc2, x, rois); };
    if (c.allLevels)
    {
        Names parts;
        for (size_t i = 0; i < head.fc1.size(); i++)
        {
            const Levels one{{levels.maps[i]}, {levels.strides[i]}};
            parts.push_back(roiConv(
                head.fc1[i], poolWithoutOffsets(one, rois, name + ".pooled_level" + std::to_string(i), k), rois));
        }
        return second(largest(parts, name + ".largest"));
    }
    const bool fine = c.deformable || c.adaptiveWeighting;  // pooling is 2k x 2k, then halved
    std::string x;
    if (c.deformable)
    {
        x = poolWithoutOffsets(levels, rois, name + ".offset_input", c.offsetPooledSize);
        x = roiConv(head.offset1, x, rois);
        x = roiConv(head.offset2, x, rois);
        x = roiConv(head.offset3, x, rois);
        x = reshape(x, name + ".offsets", {0, 2, k, k});
        Names inputs{rois};
        inputs.insert(inputs.end(), levels.maps.begin(), levels.maps.end());
        inputs.push_back(x);
        Attributes attributes = poolAttributes(levels, 2 * k, c.samplingRatio);
        attributes.push_back({"gamma", c.gamma});
        x = d2Node("D2DeformRoIPool", inputs, name + ".pooled", attributes);
    }
    else
        x = poolWithoutOffsets(levels, rois, name + ".pooled", fine ? 2 * k : k);

    if (c.adaptiveWeighting)
        x = d2Node("D2AdaptiveWeightedPool", {x, roiConv(head.weighting, x, rois)}, name + ".weighted",
                   {{"gain", c.gain}});
    else if (fine)
        x = node("AveragePool", {x}, name + ".averaged",
                 {{"kernel_shape", std::vector<int64_t>{3, 3}},
                  {"strides", std::vector<int64_t>{2, 2}},
                  {"pads", std::vector<int64_t>{1, 1, 1, 1}},
                  {"count_include_pad", 0}});
    for (const RoIConv& conv : head.convs)
        x = roiConv(conv, x, rois);
    return second(roiConv(head.fc1[0], x, rois));
}

//! Probabilities [R, C + 1] from the features.
std::string ModelExporter::classify(const ClassHeadImpl& head, const std::string& features, const std::string& rois,
                                    const std::string& output)
{
    const std::string x = roiConv(head.classifier, features, rois);
    return node("Softmax", {reshape(x, output + ".logits", {0, model_.numClasses() + 1})}, output, {{"axis", 1}});
}

// ------------------------------------------------------------------ deltas

/* Class and boxes of all proposals, stage by stage, and the one NMS. The probabilities of a cascade are averaged: sums
   of equal shapes and a product with a constant. */
void ModelExporter::deltaStages(const Levels& levels, const std::string& proposals)
{
    const size_t count = model_.stages.size();
    std::string rois = proposals, sum;
    for (size_t i = 0; i < count; i++)
    {
        const RoIStage& stage = model_.stages[i];
        const DeltaBoxHeadImpl& box = *stage.delta();
        const std::string features = classFeatures(*stage.classHead, levels, rois, stageName("class_head", i));
        const std::string own =
            classify(*stage.classHead, features, rois, count == 1 ? "probabilities" : stageName("probabilities_of", i));
        sum = i == 0 ? own : node("Add", {sum, own}, stageName("probabilities_sum", i));
        const std::string raw = roiConv(box.deltas, features, rois);
        const std::string deltas = reshape(raw, stageName("box_deltas", i), {0, box.deltas->options.out});
        rois = d2Node("D2DeltaBoxDecode", {rois, deltas, "im_info"},
                      i + 1 == count ? "refined_rois" : stageName("stage_rois", i),
                      {{"stds", box.stds}, {"legacy", config_.legacy}});
    }
    if (count > 1)
    {
        const float share = 1.f / static_cast<float>(count);
        sum = node("Mul", {sum, graph_.addInitializer("probabilities.share", {1}, &share)}, "probabilities");
    }
    const bool perClass = model_.stages.back().delta()->deltas->options.out > 4;
    detections(rois, sum,
               {{"score_threshold", config_.test.scoreThreshold}, {"class_agnostic_boxes", perClass ? 0 : 1}});
    if (!model_.maskHead.is_empty())
        maskHead(levels, "", "");
}

// ------------------------------------------------------------------ dense regression

//! NMS of the classified proposals, regression of the candidates left, soft NMS.
void ModelExporter::denseStage(const Levels& levels, const std::string& rois)
{
    const InferenceConfig& t = config_.test;
    const ClassHeadImpl& head = *model_.stages[0].classHead;
    d2Node("D2Detections",
           {rois, classify(head, classFeatures(head, levels, rois, "class_head"), rois, "probabilities")}, "candidates",
           {{"batch_size", 1},
            {"score_threshold", t.scoreThreshold},
            {"nms_threshold", t.nmsThreshold},
            {"nms_mode", attributeValue(NMSMode::HARD)},
            {"max_detections", t.preDetections},
            {"legacy", config_.legacy}});

    // A candidate is (batch, class, score, box); its RoI is (batch, box).
    const std::string batch = columns("candidates", "candidates.batch", 0, 1);
    const std::string boxes = columns("candidates", "candidates.boxes", 3, 7);
    const std::string kept = node("Concat", {batch, boxes}, "candidates.rois", {{"axis", 1}});
    const std::string trunk = boxTrunk(levels, kept);
    const std::string refined = boxHead(trunk, kept);
    const std::string finalRois = node("Concat", {batch, refined}, "refined_rois", {{"axis", 1}});
    detections(finalRois, columns("candidates", "candidates.labels", 1, 3),
               {{"score_threshold", 0.f}, {"labelled", 1}});
    if (!model_.maskHead.is_empty())
        maskHead(levels, trunk, kept);
}

std::string ModelExporter::boxTrunk(const Levels& levels, const RoIRows& rows)
{
    const BoxHeadConfig& c = config_.roi.boxHead;
    std::string x = alignedPool(levels, rows.rois, "box_head.pooled" + rows.suffix, c.pooledSize, c.samplingRatio);
    for (const RoIConv& conv : model_.stages[0].dense()->convs)
        x = roiConv(conv, x, rows);
    return x;
}

//! Dense regression of the candidates from their features; returns their refined boxes [D, 4].
std::string ModelExporter::boxHead(const std::string& trunk, const std::string& rois)
{
    const DenseBoxHeadImpl& head = *model_.stages[0].dense();
    const std::string offsets = roiConv(head.offsets, trunk, rois, "dense_offsets");
    const std::string overlap = head.overlap.is_empty() ? "" : roiConv(head.overlap, trunk, rois, "dense_overlap");
    return decode(rois, offsets, overlap);
}

/* Without the overlap branch every cell counts. The operator still needs logits: with a threshold of 0 any non-negative
   values are sufficient, such as the offsets. */
std::string ModelExporter::decode(const std::string& rois, const std::string& offsets, const std::string& overlap)
{
    const BoxHeadConfig& c = config_.roi.boxHead;
    const bool all = overlap.empty();
    const std::string logits = all ? columns(offsets, "box_head.every_cell", 0, 1) : overlap;
    return d2Node("D2DenseBoxDecode", {rois, offsets, logits, "im_info"}, "refined_boxes",
                  {{"overlap_threshold", all ? 0.f : c.overlapThreshold},
                   {"mode", attributeValue(all ? DecodeMode::MEAN : c.decodeMode)},
                   {"legacy", config_.legacy}});
}

// ------------------------------------------------------------------ masks

/* Masks of the detections. With a second pass, RoIs are the final boxes and features are pooled again. Without a second
   pass, the existing features of the candidates are reused: one row per detection is gathered, and the boxes of the
   masks are an additional output "mask_boxes" [K, 4]. */
void ModelExporter::maskHead(const Levels& levels, const std::string& candidateTrunk, const std::string& candidateRois)
{
    const MaskHeadConfig& c = config_.roi.maskHead;
    const bool usesTrunk = model_.maskHead->usesTrunk();
    const auto classes = [&] { return columns("detections", "detections.classes", 1, 2); };
    if (c.secondPass)
    {
        const std::string batch = columns("detections", "detections.batch", 0, 1);
        const std::string boxes = columns("detections", "detections.boxes", 3, 7);
        const std::string rois = node("Concat", {batch, boxes}, "detections.rois", {{"axis", 1}});
        const RoIRows rows(rois, classes(), ".second");
        const std::string trunk = usesTrunk ? boxTrunk(levels, rows) : "";
        maskLayers(rows, trunk, usesTrunk ? trunk : maskInput(levels, rows));
        return;
    }
    if (!usesTrunk)
        fail("roi.mask_head.second_pass = false needs a mask head of type d2det, the model has another");
    const std::string rois = d2Node("D2GatherRows", {candidateRois, "detection_rows"}, "mask_head.rois", {});
    const RoIRows rows(rois, classes());
    const std::string trunk = d2Node("D2GatherRows", {candidateTrunk, "detection_rows"}, "mask_head.trunk", {});
    maskLayers(rows, trunk, trunk);
    graph_.addOutput(columns(rois, "mask_boxes", 1, 5), {config_.test.maxDetections, 4});
}

//! Pooled features of the mask head without a trunk; from all levels, behind its first convolution.
std::string ModelExporter::maskInput(const Levels& levels, const RoIRows& rows)
{
    const MaskHeadConfig& c = config_.roi.maskHead;
    const std::vector<RoIConv>& convs = model_.maskHead->levelConvs;
    if (convs.empty())
        return alignedPool(levels, rows.rois, "mask_head.pooled", c.pooledSize, c.samplingRatio);
    Names parts;
    for (size_t i = 0; i < convs.size(); i++)
    {
        const Levels one{{levels.maps[i]}, {levels.strides[i]}};
        const std::string pooled = "mask_head.pooled_level" + std::to_string(i);
        parts.push_back(
            roiConv(convs[i], alignedPool(one, rows.rois, pooled, c.pooledSize, c.samplingRatio), rows.rois));
    }
    return largest(parts, "mask_head.largest");
}

//! `input` [K, C, h, w] -> outputs "masks" [K, 1, 28, 28] and, with mask scoring, "mask_ious" [K, 1].
void ModelExporter::maskLayers(const RoIRows& rows, const std::string& trunk, const std::string& input)
{
    const MaskHeadConfig& c = config_.roi.maskHead;
    const MaskHeadImpl& head = *model_.maskHead;
    const int64_t kept = config_.test.maxDetections;
    std::string x = input;
    for (const auto* list : {&head.convs, &head.upsamples})
        for (const RoIConv& conv : *list)
            x = roiConv(conv, x, rows);
    roiConv(head.classifier, x, rows, "masks", true);
    graph_.addOutput("masks", {kept, 1, 28, 28});
    if (!c.scoring)
        return;
    x = node("MaxPool", {"masks"}, "mask_head.coarse",
             {{"kernel_shape", std::vector<int64_t>{4, 4}},
              {"strides", std::vector<int64_t>{4, 4}},
              {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
    x = node("Concat", {trunk, x}, "mask_head.score_input", {{"axis", 1}});
    x = roiConv(head.score1, x, rows);
    x = roiConv(head.score2, x, rows);
    x = roiConv(head.score3, x, rows);
    reshape(x, "mask_ious", {0, 1});
    graph_.addOutput("mask_ious", {kept, 1});
}

}  // namespace d2det
