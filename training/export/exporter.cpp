// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Traverses the modules of a Detector and writes one node after the other, mirroring the forward functions in
   training/model module by module.

   Only constructs that OpenCV 4.6 .. 4.13 read correctly are used (opencv_notes.md 6): no Identity, no Reshape operand
   that depends on H or W, only additions of equal shapes or of constants [C, 1, 1], group norm with a separate scale.
   RoIs are processed by operators of the d2det domain, which skip padding rows. */

#include "export/exporter.hpp"

#include "base/error.hpp"
#include "export/onnx_graph.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace d2det
{

namespace
{

using Names = std::vector<std::string>;
using Attributes = std::vector<OnnxAttribute>;

constexpr int64_t FORMAT_VERSION = 1;
const char* const DOMAIN_NAME = "d2det";

//! Feature maps for RoI pooling, finest first, and their strides.
struct Levels
{
    Names maps;
    std::vector<int64_t> strides;
};

//! Grouping inputs of a RoI convolution, which also mark padding rows: RoIs [R, 5] and, for weights by class, classes
//! [R, 1].
struct RoIRows
{
    RoIRows(const std::string& rois_, const std::string& classes_ = "", const std::string& suffix_ = "")
        : rois(rois_), classes(classes_), suffix(suffix_)
    {
    }
    std::string rois, classes;
    std::string suffix;  //!< suffix of output names for a second use of the same weights
};

class ModelExporter
{
public:
    explicit ModelExporter(const DetectorImpl& model);
    void run(bool intermediate);
    const OnnxGraph& graph() const { return graph_; }

private:
    // Leaves: each function returns the name of its output tensor.
    std::string weights(const Tensor& value, const std::string& name);
    std::string nameOf(const Tensor& parameter) const;
    std::string node(const char* op, const Names& inputs, const std::string& output, const Attributes& attributes = {});
    std::string d2Node(const char* op, const Names& inputs, const std::string& output, const Attributes& attributes);
    std::string reshape(const std::string& input, const std::string& output, const std::vector<int64_t>& shape);
    std::string columns(const std::string& input, const std::string& output, int64_t begin, int64_t end);

    std::string convUnit(const ConvUnit& unit, const std::string& input, const std::string& output = "");
    std::string groupNorm(const torch::nn::GroupNormImpl& norm, const std::string& input, const std::string& output);
    std::string roiConv(const RoIConv& conv, const std::string& input, const RoIRows& rows,
                        const std::string& output = "", bool sigmoid = false);

    std::string block(const Block& block, const std::string& input, const std::string& output);
    Names backbone();
    Names pyramid(const Names& maps);
    std::string proposals(const Names& maps);
    std::string classHead(const Levels& levels, const std::string& rois);
    std::string poolWithoutOffsets(const Levels& levels, const std::string& rois, const std::string& output,
                                   int64_t size);
    std::string boxHead(const std::string& trunk, const std::string& rois);
    std::string boxTrunk(const Levels& levels, const RoIRows& rows);
    std::string alignedPool(const Levels& levels, const std::string& rois, const std::string& output, int64_t size,
                            int samplingRatio);
    void maskHead(const Levels& levels, const std::string& candidateTrunk, const std::string& candidateRois);
    void maskLayers(const RoIRows& rows, const std::string& trunk, const std::string& input);
    std::string decode(const std::string& rois, const std::string& offsets, const std::string& overlap);
    void detections(const std::string& rois, const std::string& labels);

    Attributes poolAttributes(const Levels& levels, int64_t size, int samplingRatio) const;
    Attributes description() const;
    void declareInputs();
    void exposeIntermediate();

    const DetectorImpl& model_;
    const ModelConfig& config_;
    OnnxGraph graph_;
    std::unordered_map<const void*, std::string> parameterNames_;
    int pyramidLevels_ = 0;
};

// Values of attributes in the ONNX file.
const char* attributeValue(NMSMode mode)
{
    return mode == NMSMode::HARD ? "hard" : mode == NMSMode::SOFT_LINEAR ? "soft_linear" : "soft_gaussian";
}

const char* attributeValue(DecodeMode mode)
{
    return mode == DecodeMode::MEAN ? "mean" : "weighted";
}

const char* attributeValue(ChannelOrder order)
{
    return order == ChannelOrder::RGB ? "rgb" : "bgr";
}

int64_t toStride(float stride)
{
    return std::lround(stride);
}

ModelExporter::ModelExporter(const DetectorImpl& model)
    : model_(model), config_(model.config), graph_(model.config.name)
{
    for (const auto& item : model.named_parameters())
        parameterNames_[item.value().unsafeGetTensorImpl()] = item.key();
}

//! "backbone.layer1.0.conv1" for the parameter "backbone.layer1.0.conv1.weight".
std::string ModelExporter::nameOf(const Tensor& parameter) const
{
    const std::string& full = parameterNames_.at(parameter.unsafeGetTensorImpl());
    return full.substr(0, full.rfind('.'));
}

//! A float initializer; an existing one (convolution shared by several levels) is reused.
std::string ModelExporter::weights(const Tensor& value, const std::string& name)
{
    if (graph_.hasInitializer(name))
        return name;
    const Tensor dense = value.detach().to(torch::kCPU, torch::kFloat).contiguous();
    if (!torch::isfinite(dense).all().item<bool>())
        fail("weights " + name + " hold NaN or infinity: the training has diverged; export an earlier checkpoint");
    return graph_.addInitializer(name, dense.sizes().vec(), dense.data_ptr<float>());
}

std::string ModelExporter::node(const char* op, const Names& inputs, const std::string& output,
                                const Attributes& attributes)
{
    graph_.addNode(op, inputs, {output}, attributes);
    return output;
}

std::string ModelExporter::d2Node(const char* op, const Names& inputs, const std::string& output,
                                  const Attributes& attributes)
{
    graph_.addNode(op, inputs, {output}, attributes, DOMAIN_NAME);
    return output;
}

std::string ModelExporter::reshape(const std::string& input, const std::string& output,
                                   const std::vector<int64_t>& shape)
{
    return node("Reshape", {input, graph_.addInitializer(output + ".shape", shape)}, output);
}

//! Columns (channels) begin .. end - 1.
std::string ModelExporter::columns(const std::string& input, const std::string& output, int64_t begin, int64_t end)
{
    return node(
        "Slice",
        {input, graph_.addInitializer(output + ".begin", {begin}), graph_.addInitializer(output + ".end", {end}),
         graph_.addInitializer(output + ".axis", std::vector<int64_t>{1})},
        output);
}

// ------------------------------------------------------------------ convolutions

//! Convolution with folded batch norm -> group norm -> ReLU; the last one writes `output`.
std::string ModelExporter::convUnit(const ConvUnit& unit, const std::string& input, const std::string& output)
{
    const std::string name = nameOf(unit.conv->weight), result = output.empty() ? name : output;
    const auto& options = unit.conv->options;
    using Padding = torch::ExpandingArray<2>;
    using std::get_if;  // the variant is c10's in old LibTorch and std's in new
    const Padding* padding = get_if<Padding>(&options.padding());
    if (!padding || !get_if<torch::enumtype::kZeros>(&options.padding_mode()))
        fail("convolution " + name + " has a padding mode that cannot be exported");
    const auto pads = **padding, strides = *options.stride(), dilations = *options.dilation(),
               kernel = *options.kernel_size();

    const bool normed = !unit.groupNorm.is_empty();
    const auto [weight, bias] = unit.folded();
    std::string x = normed || unit.relu ? result + ".conv" : result;
    node("Conv", {input, weights(weight, name + ".weight"), weights(bias, name + ".bias")}, x,
         {{"kernel_shape", std::vector<int64_t>{kernel[0], kernel[1]}},
          {"strides", std::vector<int64_t>{strides[0], strides[1]}},
          {"pads", std::vector<int64_t>{pads[0], pads[1], pads[0], pads[1]}},
          {"dilations", std::vector<int64_t>{dilations[0], dilations[1]}},
          {"group", options.groups()}});
    if (normed)
        x = groupNorm(*unit.groupNorm, x, unit.relu ? result + ".norm" : result);
    return unit.relu ? node("Relu", {x}, result) : x;
}

/* Instance norm over [G, C / G * H, W] planes; 0 in a shape copies the input dimension, so no shape depends on H or W.
   The affine part is separate: it goes by channel, not by group. OpenCV's own InstanceNormalization applies scale
   and bias only to the first image of a batch before 4.9, and 4.10 computes the variance in one pass: 1e-3 off. */
std::string ModelExporter::groupNorm(const torch::nn::GroupNormImpl& norm, const std::string& input,
                                     const std::string& output)
{
    const int64_t groups = norm.options.num_groups(), channels = norm.options.num_channels();
    const std::string suffix = std::to_string(groups);
    std::string x = reshape(input, output + ".groups", {0, groups, -1, 0});
    x = d2Node("D2InstanceNorm",
               {x, weights(torch::ones({groups}), "ones" + suffix), weights(torch::zeros({groups}), "zeros" + suffix)},
               output + ".instance", {{"epsilon", static_cast<float>(norm.options.eps())}});
    x = reshape(x, output + ".channels", {0, channels, -1, 0});
    const std::string name = nameOf(norm.weight);
    x = node("Mul", {x, weights(norm.weight.view({-1, 1, 1}), name + ".weight")}, output + ".scaled");
    return node("Add", {x, weights(norm.bias.view({-1, 1, 1}), name + ".bias")}, output);
}

std::string ModelExporter::roiConv(const RoIConv& conv, const std::string& input, const RoIRows& rows,
                                   const std::string& output, bool sigmoid)
{
    const RoIConvOptions& o = conv->options;
    const std::string name = nameOf(conv->weight);
    Names inputs{input, rows.rois};
    if (o.byClass)
        inputs.push_back(rows.classes);
    inputs.push_back(weights(conv->weight.flatten(0, 1), name + ".weight"));
    const auto add = [&](const Tensor& value, const char* suffix)
    { inputs.push_back(weights(conv->perMap(value).flatten(), name + suffix)); };
    if (o.bias)
        add(conv->bias, ".bias");
    if (o.normGroups > 0)
    {
        add(conv->normWeight, ".norm_weight");
        add(conv->normBias, ".norm_bias");
    }
    Attributes attributes{{"levels", o.levels},
                          {"conv_stride", o.stride},
                          {"conv_pad", o.pad},
                          {"has_bias", o.bias},
                          {"norm_groups", o.normGroups},
                          {"norm_affine", 1},
                          {"epsilon", 1e-5f},
                          {"relu", o.relu},
                          {"finest_scale", config_.roi.finestScale},
                          {"legacy", config_.legacy}};
    if (o.byClass)
        attributes.push_back({"by_class", 1});
    if (o.upsample > 1)
        attributes.push_back({"upsample", o.upsample});
    if (sigmoid)
        attributes.push_back({"sigmoid", 1});
    return d2Node("D2RoIConv", inputs, output.empty() ? name + rows.suffix : output, attributes);
}

// ------------------------------------------------------------------ backbone and pyramid

std::string ModelExporter::block(const Block& block, const std::string& input, const std::string& output)
{
    std::string x = input;
    for (const ConvUnit& u : block.units)
        x = convUnit(u, x);
    if (!block.residual)
        return x;
    const std::string shortcut = block.shortcut.empty() ? input : convUnit(block.shortcut[0], input);
    x = node("Add", {x, shortcut}, block.reluAfterSum ? output + ".sum" : output);
    return block.reluAfterSum ? node("Relu", {x}, output) : x;
}

Names ModelExporter::backbone()
{
    Names maps;
    std::string x = "image";
    for (const Stage& stage : model_.backbone->stages)
    {
        const std::string name = "stage" + std::to_string(stage.id);
        for (size_t b = 0; b < stage.blocks.size(); b++)
            x = block(stage.blocks[b], x, name + "." + std::to_string(b));
        if (stage.maxPool)
            x = node("MaxPool", {x}, name + ".pooled",
                     {{"kernel_shape", std::vector<int64_t>{3, 3}},
                      {"strides", std::vector<int64_t>{2, 2}},
                      {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
        const std::vector<int>& wanted = model_.backbone->levels;
        if (std::find(wanted.begin(), wanted.end(), stage.id) != wanted.end())
            maps.push_back(x);
    }
    return maps;
}

//! p2, p3, ... : named by the binary logarithm of their stride.
Names ModelExporter::pyramid(const Names& maps)
{
    const FpnImpl& fpn = *model_.fpn;
    const size_t count = maps.size();
    Names merged(count), result;
    for (size_t i = count; i-- > 0;)
    {
        merged[i] = convUnit(fpn.lateral[i], maps[i]);
        if (i + 1 == count)
            continue;
        const std::string name = "fpn.merged" + std::to_string(i);
        if (!graph_.hasInitializer("fpn.scales"))
        {
            const float scales[] = {1, 1, 2, 2};
            graph_.addInitializer("fpn.scales", {4}, scales);
            graph_.addInitializer("fpn.no_roi", {0}, nullptr);  // required input in opset 11, may be empty
        }
        const std::string up =
            node("Resize", {merged[i + 1], "fpn.no_roi", "fpn.scales"}, name + ".up",
                 {{"mode", "nearest"}, {"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}});
        merged[i] = node("Add", {merged[i], up}, name);
    }
    const int first = model_.backbone->levels.at(0);
    const auto next = [&] { return "p" + std::to_string(first + static_cast<int>(result.size())); };
    for (size_t i = 0; i < count; i++)
        result.push_back(convUnit(fpn.output[i], merged[i], next()));
    for (int i = 0; i < fpn.maxPoolLevels; i++)
        result.push_back(node("MaxPool", {result.back()}, next(),
                              {{"kernel_shape", std::vector<int64_t>{1, 1}}, {"strides", std::vector<int64_t>{2, 2}}}));
    for (size_t i = 0; i < fpn.extra.size(); i++)
    {
        const std::string below = i == 0 ? result.back() : node("Relu", {result.back()}, result.back() + ".relu");
        result.push_back(convUnit(fpn.extra[i], below, next()));
    }
    return result;
}

// ------------------------------------------------------------------ proposals

std::string ModelExporter::proposals(const Names& maps)
{
    Names logits, deltas;
    std::vector<int64_t> strides;
    for (size_t i = 0; i < maps.size(); i++)
    {
        const std::string n = std::to_string(i);
        const std::string hidden = convUnit(model_.rpn->conv, maps[i], "rpn_hidden_" + n);
        logits.push_back(convUnit(model_.rpn->logit, hidden, "rpn_logit_" + n));
        deltas.push_back(convUnit(model_.rpn->delta, hidden, "rpn_delta_" + n));
        strides.push_back(toStride(model_.strides.at(i)));
    }
    Names inputs = logits;
    inputs.insert(inputs.end(), deltas.begin(), deltas.end());
    inputs.push_back("im_info");
    const RpnConfig& r = config_.rpn;
    graph_.addNode("D2Proposal", inputs, {"proposals", "proposal_scores"},
                   {{"feat_strides", strides},
                    {"anchor_scale", r.anchorScale},
                    {"anchor_ratios", r.anchorRatios},
                    {"pre_nms_top_n", r.preNmsTopNTest},
                    {"post_nms_top_n", r.postNmsTopNTest},
                    {"max_proposals", r.proposalsTest},
                    {"nms_threshold", r.nmsThreshold},
                    {"min_size", r.minSize},
                    {"legacy", config_.legacy}},
                   DOMAIN_NAME);
    return "proposals";
}

// ------------------------------------------------------------------ heads

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
    attributes.push_back({"aligned", 1});
    return d2Node("D2RoIAlign", inputs, output, attributes);
}

std::string ModelExporter::classHead(const Levels& levels, const std::string& rois)
{
    const ClassHeadConfig& c = config_.roi.classHead;
    const ClassHeadImpl& head = *model_.classHead;
    const int64_t k = c.pooledSize;
    const bool fine = c.deformable || c.adaptiveWeighting;  // pooling is 2k x 2k, then halved
    std::string x;
    if (c.deformable)
    {
        x = poolWithoutOffsets(levels, rois, "class_head.offset_input", c.offsetPooledSize);
        x = roiConv(head.offset1, x, rois);
        x = roiConv(head.offset2, x, rois);
        x = roiConv(head.offset3, x, rois);
        x = reshape(x, "class_head.offsets", {0, 2, k, k});
        Names inputs{rois};
        inputs.insert(inputs.end(), levels.maps.begin(), levels.maps.end());
        inputs.push_back(x);
        Attributes attributes = poolAttributes(levels, 2 * k, c.samplingRatio);
        attributes.push_back({"gamma", c.gamma});
        x = d2Node("D2DeformRoIPool", inputs, "class_head.pooled", attributes);
    }
    else
        x = poolWithoutOffsets(levels, rois, "class_head.pooled", fine ? 2 * k : k);

    if (c.adaptiveWeighting)
        x = d2Node("D2AdaptiveWeightedPool", {x, roiConv(head.weighting, x, rois)}, "class_head.weighted",
                   {{"gain", c.gain}});
    else if (fine)
        x = node("AveragePool", {x}, "class_head.averaged",
                 {{"kernel_shape", std::vector<int64_t>{3, 3}},
                  {"strides", std::vector<int64_t>{2, 2}},
                  {"pads", std::vector<int64_t>{1, 1, 1, 1}},
                  {"count_include_pad", 0}});
    x = roiConv(head.fc1, x, rois);
    x = roiConv(head.fc2, x, rois);
    x = roiConv(head.classifier, x, rois);
    x = reshape(x, "class_logits", {0, model_.numClasses() + 1});
    return node("Softmax", {x}, "probabilities", {{"axis", 1}});
}

std::string ModelExporter::alignedPool(const Levels& levels, const std::string& rois, const std::string& output,
                                       int64_t size, int samplingRatio)
{
    Names inputs{rois};
    inputs.insert(inputs.end(), levels.maps.begin(), levels.maps.end());
    Attributes attributes = poolAttributes(levels, size, samplingRatio);
    attributes.push_back({"aligned", 1});
    return d2Node("D2RoIAlign", inputs, output, attributes);
}

std::string ModelExporter::boxTrunk(const Levels& levels, const RoIRows& rows)
{
    const BoxHeadConfig& c = config_.roi.boxHead;
    std::string x = alignedPool(levels, rows.rois, "box_head.pooled" + rows.suffix, c.pooledSize, c.samplingRatio);
    for (const RoIConv& conv : model_.boxHead->convs)
        x = roiConv(conv, x, rows);
    return x;
}

//! Dense regression of the candidates from their features; returns their refined boxes [D, 4].
std::string ModelExporter::boxHead(const std::string& trunk, const std::string& rois)
{
    const BoxHeadImpl& head = *model_.boxHead;
    const std::string offsets = roiConv(head.offsets, trunk, rois, "dense_offsets");
    const std::string overlap = head.overlap.is_empty() ? "" : roiConv(head.overlap, trunk, rois, "dense_overlap");
    return decode(rois, offsets, overlap);
}

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
        maskLayers(rows, trunk,
                   usesTrunk ? trunk : alignedPool(levels, rois, "mask_head.pooled", c.pooledSize, c.samplingRatio));
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
    const int64_t side = 4 * config_.roi.boxHead.pooledSize / 2;
    graph_.addOutput("masks", {kept, 1, side, side});
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

// ------------------------------------------------------------------ detections and the description of the model

Attributes ModelExporter::description() const
{
    const InputConfig& input = config_.input;
    std::string names;
    for (const std::string& name : config_.classNames)
    {
        if (name.find_first_of("\r\n") != std::string::npos)
            fail("class name '" + name + "' holds a line break, which separates names in the file");
        names += (names.empty() ? "" : "\n") + name;
    }
    return {{"format_version", FORMAT_VERSION},
            {"model_name", config_.name},
            {"class_names", names},
            {"mean", input.mean},
            {"std", input.std},
            {"channel_order", attributeValue(input.channelOrder)},
            {"short_side", input.shortSide},
            {"long_side", input.longSide},
            {"divisor", input.divisor}};
}

void ModelExporter::detections(const std::string& rois, const std::string& labels)
{
    const InferenceConfig& t = config_.test;
    Attributes attributes{{"batch_size", 1},
                          {"score_threshold", 0.f},
                          {"nms_threshold", t.finalNmsThreshold},
                          {"nms_mode", attributeValue(t.nmsMode)},
                          {"soft_sigma", t.softSigma},
                          {"soft_min_score", t.softMinScore},
                          {"max_detections", t.maxDetections},
                          {"legacy", config_.legacy},
                          {"labelled", 1}};
    if (!model_.maskHead.is_empty() && config_.roi.maskHead.scoring)
        attributes.push_back({"mask_score_weight", config_.roi.maskHead.scoreWeight});
    Names outputs{"detections"};
    if (!model_.maskHead.is_empty() && !config_.roi.maskHead.secondPass)
    {
        attributes.push_back({"output_rows", 1});
        outputs.push_back("detection_rows");
    }
    const Attributes about = description();
    attributes.insert(attributes.end(), about.begin(), about.end());
    graph_.addNode("D2Detections", {rois, labels}, outputs, attributes, DOMAIN_NAME);
    graph_.addOutput("detections", {t.maxDetections, 7});
}

void ModelExporter::exposeIntermediate()
{
    const RpnConfig& r = config_.rpn;
    const int64_t anchors = static_cast<int64_t>(r.anchorRatios.size()), rows = r.proposalsTest;
    const int64_t kept = config_.test.preDetections;
    for (int i = 0; i < pyramidLevels_; i++)
    {
        const std::string n = std::to_string(i), h = "h" + n, w = "w" + n;
        const std::string map = "p" + std::to_string(model_.backbone->levels.at(0) + i);
        graph_.addOutput(map, {1, config_.fpn.channels, h.c_str(), w.c_str()});
        graph_.addOutput("rpn_logit_" + n, {1, anchors, h.c_str(), w.c_str()});
        graph_.addOutput("rpn_delta_" + n, {1, 4 * anchors, h.c_str(), w.c_str()});
    }
    graph_.addOutput("proposals", {rows, 5});
    graph_.addOutput("proposal_scores", {rows, 1});
    graph_.addOutput("probabilities", {rows, model_.numClasses() + 1});
    graph_.addOutput("candidates", {kept, 7});
    graph_.addOutput("dense_offsets", {kept, 4, "k", "k"});
    if (!model_.boxHead->overlap.is_empty())
        graph_.addOutput("dense_overlap", {kept, 1, "k", "k"});
    graph_.addOutput("refined_boxes", {kept, 4});
}

/* H and W are variable (multiples of the divisor), but declared as numbers, not symbols: OpenCV's importer selects the
   layer of an Add by the declared shapes, and the layer selected for unknown shapes fails for more than one image. */
void ModelExporter::declareInputs()
{
    const InputConfig& input = config_.input;
    const auto padded = [&](int64_t side) { return (side + input.divisor - 1) / input.divisor * input.divisor; };
    const std::string divisor = std::to_string(input.divisor);
    graph_.setDocumentation(
        "D2Det detector; needs the operators of the d2det module of OpenCV. The sides of the image "
        "are an example: every height and width that are multiples of " +
        divisor + " work.");
    graph_.addInput("image", {1, 3, padded(input.shortSide), padded(input.longSide)});
    graph_.addInput("im_info", {1, 3});
}

void ModelExporter::run(bool intermediate)
{
    declareInputs();
    const Names maps = pyramid(backbone());
    pyramidLevels_ = static_cast<int>(maps.size());
    const std::string rois = proposals(maps);

    Levels levels;
    for (int i = 0; i < config_.roi.levels; i++)
    {
        levels.maps.push_back(maps.at(i));
        levels.strides.push_back(toStride(model_.strides.at(i)));
    }
    const InferenceConfig& t = config_.test;
    d2Node("D2Detections", {rois, classHead(levels, rois)}, "candidates",
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
    detections(finalRois, columns("candidates", "candidates.labels", 1, 3));
    if (!model_.maskHead.is_empty())
        maskHead(levels, trunk, kept);
    if (intermediate)
        exposeIntermediate();
}

}  // namespace

ExportSummary exportOnnx(const Detector& model, const std::string& path, const ExportOptions& options)
{
    torch::NoGradGuard noGrad;
    const int coarsest = 1 << model->backbone->levels.back();
    if (model->config.input.divisor % coarsest != 0)  // otherwise upsampled and lateral maps differ in size
        fail("input.divisor is " + std::to_string(model->config.input.divisor) + ", it must be a multiple of " +
             std::to_string(coarsest) + ", the stride of the backbone's last level");
    ModelExporter walk(*model);
    walk.run(options.intermediate);
    ExportSummary summary;
    summary.bytes = walk.graph().save(path);
    summary.parameters = walk.graph().initializerElements();
    summary.nodes = walk.graph().nodes();
    return summary;
}

}  // namespace d2det
