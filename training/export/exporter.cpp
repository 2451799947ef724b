// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Traverses the modules of a Detector and writes one node after the other, mirroring the forward functions in
   training/model module by module.

   Only constructs that OpenCV 4.6 .. 4.13 read correctly are used (opencv_notes.md 6): no Identity, no Reshape operand
   that depends on H or W, only additions of equal shapes or of constants [C, 1, 1], group norm with a separate scale.
   RoIs are processed by operators of the d2det domain, which skip padding rows. */

#include "export/model_exporter.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

#include <opencv2/core.hpp>

#include <algorithm>
#include <cmath>

namespace d2det
{

namespace
{

//! Values from which a tensor is stored in half precision: not those by channel, which are few and decide a lot.
constexpr int64_t MIN_HALF = 4096;

}  // namespace

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

ModelExporter::ModelExporter(const DetectorImpl& model, const ExportOptions& options)
    : model_(model), config_(model.config), options_(options), graph_(model.config.name)
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
    if (!options_.half || dense.numel() < MIN_HALF)
        return graph_.addInitializer(name, dense.sizes().vec(), dense.data_ptr<float>());
    const Tensor half = dense.to(torch::kHalf);
    if (!torch::isfinite(half).all().item<bool>())
        fail("weights " + name + " hold " + std::to_string(dense.abs().max().item<float>()) +
             ", half precision ends at 65504: export without half precision");
    return graph_.addHalfInitializer(name, half.sizes().vec(),
                                     reinterpret_cast<const uint16_t*>(half.data_ptr<at::Half>()));
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

//! Convolution with folded batch norm; a deformable one with the convolution of its offsets and mask.
std::string ModelExporter::convolution(const ConvUnit& unit, const std::string& input, const std::string& output)
{
    const std::string name = nameOf(unit.conv->weight);
    const auto& options = unit.conv->options;
    using Padding = torch::ExpandingArray<2>;
    using std::get_if;  // the variant is c10's in old LibTorch and std's in new
    const Padding* padding = get_if<Padding>(&options.padding());
    if (!padding || !get_if<torch::enumtype::kZeros>(&options.padding_mode()))
        fail("convolution " + name + " has a padding mode that cannot be exported");
    const auto pads = **padding, strides = *options.stride(), dilations = *options.dilation(),
               kernel = *options.kernel_size();

    const std::vector<int64_t> strideList{strides[0], strides[1]}, dilationList{dilations[0], dilations[1]};
    const std::vector<int64_t> padList{pads[0], pads[1], pads[0], pads[1]};
    const auto plain = [&](const std::string& weight, const std::string& bias, int64_t groups, const std::string& to)
    {
        return node("Conv", {input, weight, bias}, to,
                    {{"kernel_shape", std::vector<int64_t>{kernel[0], kernel[1]}},
                     {"strides", strideList},
                     {"pads", padList},
                     {"dilations", dilationList},
                     {"group", groups}});
    };
    const auto [weight, bias] = unit.folded();
    const std::string weightName = weights(weight, name + ".weight"), biasName = weights(bias, name + ".bias");
    if (unit.offset.is_empty())
        return plain(weightName, biasName, options.groups(), output);
    const std::string inner = nameOf(unit.offset->weight);
    const std::string all =
        plain(weights(unit.offset->weight, inner + ".weight"), weights(unit.offset->bias, inner + ".bias"), 1, inner);
    const std::string offset = columns(all, inner + ".offset", 0, 2 * unit.cells());
    const std::string logits = columns(all, inner + ".logits", 2 * unit.cells(), 3 * unit.cells());
    return d2Node("D2DeformConv2d", {input, offset, node("Sigmoid", {logits}, inner + ".mask"), weightName, biasName},
                  output,
                  {{"conv_strides", strideList},
                   {"conv_pads", padList},
                   {"conv_dilations", dilationList},
                   {"groups", options.groups()},
                   {"has_mask", 1},
                   {"has_bias", 1}});
}

//! Convolution -> group norm -> ReLU; the last one writes `output`.
std::string ModelExporter::convUnit(const ConvUnit& unit, const std::string& input, const std::string& output)
{
    const std::string name = nameOf(unit.conv->weight), result = output.empty() ? name : output;
    const bool normed = !unit.groupNorm.is_empty();
    std::string x = convolution(unit, input, normed || unit.relu ? result + ".conv" : result);
    if (normed)
        x = groupNorm(*unit.groupNorm, x, unit.relu ? result + ".norm" : result);
    if (unit.relu6)
        return d2Node("D2ReLU6", {x}, result, {});
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
            {"divisor", input.divisor},
            {"keep_ratio", input.keepRatio}};
}

/* The last NMS, with the description of the model.
   @param scores probabilities, or classes and scores with "labelled". @param attributes those that the two kinds of
   second stage set differently. */
void ModelExporter::detections(const std::string& rois, const std::string& scores, const Attributes& own)
{
    const InferenceConfig& t = config_.test;
    Attributes attributes{
        {"batch_size", 1},           {"nms_threshold", t.finalNmsThreshold}, {"nms_mode", attributeValue(t.nmsMode)},
        {"soft_sigma", t.softSigma}, {"soft_min_score", t.softMinScore},     {"max_detections", t.maxDetections},
        {"legacy", config_.legacy}};
    attributes.insert(attributes.end(), own.begin(), own.end());
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
    graph_.addNode("D2Detections", {rois, scores}, outputs, attributes, DOMAIN_NAME);
    graph_.addOutput("detections", {t.maxDetections, 7});
}

void ModelExporter::exposeIntermediate()
{
    const RpnConfig& r = config_.rpn;
    const int64_t anchors = r.anchorsPerCell(), rows = r.proposalsTest;
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
    const RoIStage& last = model_.stages.back();
    if (const DeltaBoxHeadImpl* box = last.delta())
    {
        const int64_t values = box->deltas->options.out;
        for (size_t i = 0; i < model_.stages.size(); i++)
            graph_.addOutput(i == 0 ? "box_deltas" : "box_deltas" + std::to_string(i + 1), {rows, values});
        graph_.addOutput("refined_rois", {rows, 1 + values});
        return;
    }
    graph_.addOutput("candidates", {kept, 7});
    graph_.addOutput("dense_offsets", {kept, 4, "k", "k"});
    if (!last.dense()->overlap.is_empty())
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

void ModelExporter::run()
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
    if (model_.stages[0].boxHead->refinesBeforeNms())
        deltaStages(levels, rois);
    else
        denseStage(levels, rois);
    if (options_.intermediate)
        exposeIntermediate();
}

ExportSummary exportOnnx(const Detector& model, const std::string& path, const ExportOptions& options)
{
    torch::NoGradGuard noGrad;
    const int coarsest = 1 << model->backbone->levels.back();
    if (model->config.input.divisor % coarsest != 0)  // otherwise upsampled and lateral maps differ in size
        fail("input.divisor is " + std::to_string(model->config.input.divisor) + ", it must be a multiple of " +
             std::to_string(coarsest) + ", the stride of the backbone's last level");
    ModelExporter walk(*model, options);
    walk.run();
    ExportSummary summary;
    summary.bytes = walk.graph().save(path);
    summary.parameters = walk.graph().initializerElements();
    summary.nodes = walk.graph().nodes();
    summary.classes = model->numClasses();
    return summary;
}

std::string ExportSummary::text() const
{
    return cv::format("%.2f million parameters, %.2f MB, ", static_cast<double>(parameters) / 1e6,
                      static_cast<double>(bytes) / 1e6) +
           std::to_string(nodes) + " nodes, " + counted(classes, "class");
}

}  // namespace d2det
