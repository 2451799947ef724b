// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Names and layouts of other projects' weights (weight_names.hpp, docs/import.md). The layouts here: RoI layers have
   weights [sets, out, in, k, k] and biases [sets, out]; the background is the last class; a transposed convolution 2x2
   is a 1x1 convolution whose 4 outputs per map are the cells of its kernel, row by row. */

#include "engine/weight_names.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "model/backbone.hpp"

#include <algorithm>
#include <set>
#include <sstream>

namespace d2det
{

namespace
{

using torch::Tensor;

constexpr int64_t POOLED_SIDE = 7;  // of the features that the first fully connected layer of a published head sees
constexpr int64_t OFFSET_SIDE = 3;  // of those that the offsets of D2Det's pooling come from
const char* const COUNTER = "num_batches_tracked";

bool endsWith(const std::string& text, const std::string& ending)
{
    return text.size() >= ending.size() && text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

std::string shapeText(const Tensor& tensor)
{
    std::ostringstream text;
    text << tensor.sizes();
    return text.str();
}

//! Batch norm of a convolution by its name; the last number or "conv" tells.
std::string normOf(const std::string& conv)
{
    const size_t dot = conv.rfind('.') + 1;  // 0 if there is none
    const std::string head = conv.substr(0, dot), leaf = conv.substr(dot);
    if (startsWith(leaf, "conv"))
        return head + "bn" + leaf.substr(4);  // conv1 -> bn1
    if (!leaf.empty() && leaf.size() < 9 && leaf.find_first_not_of("0123456789") == std::string::npos)
        return head + std::to_string(std::stoi(leaf) + 1);  // downsample.0 -> downsample.1
    return "";
}

struct NormTensors
{
    Tensor weight, bias, mean, variance;

    Tensor factor(double epsilon) const { return weight / torch::sqrt(variance + epsilon); }
};

//! Takes tensors out of a file one by one; what nobody took is left.
class Renamer
{
public:
    Renamer(const TensorMap& file, const NameOptions& options) : file_(file), options_(options) {}

    void own();
    void classifier();
    void edgeTpu();
    void torchvision();
    void mmdetection();
    void fitNorms();
    NamedWeights finish();

private:
    const TensorMap& file_;
    const NameOptions& options_;
    NamedWeights out_;
    std::set<std::string> used_;

    const Tensor* take(const std::string& name)
    {
        const auto found = file_.find(name);
        if (found == file_.end())
            return nullptr;
        used_.insert(name);
        return &found->second;
    }

    void put(const std::string& name, const Tensor& tensor) { out_.tensors[name] = tensor; }

    //! Checks a dimension before a tensor changes its layout.
    static void require(bool good, const std::string& name, const Tensor& tensor, const std::string& expected)
    {
        if (!good)
            fail("tensor '" + name + "' has the shape " + shapeText(tensor) + ", expected " + expected);
    }

    bool takeNorm(const std::string& name, NormTensors& norm)
    {
        Tensor* const parts[] = {&norm.weight, &norm.bias, &norm.mean, &norm.variance};
        const char* const names[] = {".weight", ".bias", ".running_mean", ".running_var"};
        for (size_t i = 0; i < 4; i++)
        {
            const Tensor* part = take(name + names[i]);
            if (!part)
                return false;
            *parts[i] = part->to(torch::kDouble);
        }
        return true;
    }

    void rename(const std::string& from, const std::string& to)
    {
        for (const char* part : {".weight", ".bias"})
            if (const Tensor* tensor = take(from + part))
                put(to + part, *tensor);
    }

    /** A convolution, with a batch norm behind it folded in: weight [out, in, k, k], bias [out].
        @param sets a leading dimension of one set, as in RoI layers. */
    void convolution(const std::string& from, const std::string& norm, const std::string& to, bool sets)
    {
        const Tensor* found = take(from + ".weight");
        if (!found)
            return;
        Tensor weight = *found, bias;
        if (const Tensor* plain = take(from + ".bias"))
            bias = *plain;
        NormTensors n;
        if (!norm.empty() && takeNorm(norm, n))
        {
            require(weight.dim() == 4 && n.weight.dim() == 1 && n.weight.size(0) == weight.size(0), from, weight,
                    "as many outputs as the batch norm " + norm);
            const Tensor factor = n.factor(options_.fileEpsilon);
            bias = ((bias.defined() ? bias.to(torch::kDouble) : torch::zeros_like(n.mean)) - n.mean) * factor + n.bias;
            weight = weight.to(torch::kDouble) * factor.view({-1, 1, 1, 1});
        }
        put(to + ".weight", sets ? weight.unsqueeze(0) : weight);
        if (bias.defined())
            put(to + ".bias", sets ? bias.unsqueeze(0) : bias);
    }

    /** A fully connected layer [out, in side side] on flattened maps as a convolution [1, out, in, side, side].
        @param rows outputs in their new order; empty: all. */
    void linear(const std::string& from, const std::string& to, int64_t side, const std::vector<int64_t>& rows = {})
    {
        const Tensor* weight = take(from + ".weight");
        const Tensor* bias = take(from + ".bias");
        if (!weight || !bias)
            return;
        require(weight->dim() == 2 && weight->size(1) % (side * side) == 0, from + ".weight", *weight,
                "[out, a multiple of " + std::to_string(side * side) + "]");
        require(bias->dim() == 1 && bias->size(0) == weight->size(0), from + ".bias", *bias,
                "[" + std::to_string(weight->size(0)) + "]");
        Tensor w = *weight, b = *bias;
        if (!rows.empty())
        {
            const Tensor order = torch::tensor(rows, torch::kLong);
            require(order.max().item<int64_t>() < w.size(0), from + ".weight", w, "more outputs");
            w = w.index_select(0, order);
            b = b.index_select(0, order);
        }
        put(to + ".weight", w.reshape({1, w.size(0), w.size(1) / (side * side), side, side}));
        put(to + ".bias", b.unsqueeze(0));
    }

    //! Outputs of a layer as one set of weights per class: [classes, 1, in, k, k] and [classes, 1].
    void byClass(const std::string& from, const std::string& to, const std::vector<int64_t>& rows)
    {
        const Tensor* weight = take(from + ".weight");
        const Tensor* bias = take(from + ".bias");
        if (!weight || !bias)
            return;
        require(weight->dim() == 4 || weight->dim() == 2, from + ".weight", *weight, "two or four dimensions");
        require(bias->dim() == 1 && bias->size(0) == weight->size(0), from + ".bias", *bias,
                "[" + std::to_string(weight->size(0)) + "]");
        const Tensor order = torch::tensor(rows, torch::kLong);
        require(!rows.empty() && order.max().item<int64_t>() < weight->size(0), from + ".weight", *weight,
                "an output for every class");
        Tensor w = weight->index_select(0, order);
        if (w.dim() == 2)
            w = w.unsqueeze(2).unsqueeze(3);
        put(to + ".weight", w.unsqueeze(1));
        put(to + ".bias", bias->index_select(0, order).unsqueeze(1));
    }

    //! Transposed convolution with kernel and stride 2, [in, out, 2, 2] -> [1, 4 out, in, 1, 1].
    void transposed(const std::string& from, const std::string& to)
    {
        const Tensor* weight = take(from + ".weight");
        const Tensor* bias = take(from + ".bias");
        if (!weight || !bias)
            return;
        require(weight->dim() == 4 && weight->size(2) == 2 && weight->size(3) == 2, from + ".weight", *weight,
                "[in, out, 2, 2]");
        put(to + ".weight", weight->permute({1, 2, 3, 0}).reshape({1, 4 * weight->size(1), weight->size(0), 1, 1}));
        put(to + ".bias", bias->unsqueeze(0));
    }

    //! The same tensor of every pyramid level as sets [levels, ...]; `side` > 0: fully connected layers, see linear().
    void perLevel(const std::string& before, const std::string& after, const std::string& to, int64_t side)
    {
        std::vector<Tensor> sets;
        while (const Tensor* one = take(before + std::to_string(sets.size()) + after))
        {
            Tensor set = *one;
            if (side > 0 && set.dim() == 2)
            {
                require(set.size(1) % (side * side) == 0, before + "*" + after, set,
                        "[out, a multiple of " + std::to_string(side * side) + "]");
                set = set.reshape({set.size(0), set.size(1) / (side * side), side, side});
            }
            require(sets.empty() || set.sizes() == sets[0].sizes(), before + std::to_string(sets.size()) + after, set,
                    "the shape of the first level, " + (sets.empty() ? "" : shapeText(sets[0])));
            sets.push_back(set);
        }
        if (!sets.empty())
            put(to, torch::stack(sets));
    }

    std::vector<int64_t> classRows(const std::string& classifierWeight) const
    {
        if (!options_.classRows.empty())
            return options_.classRows;
        std::vector<int64_t> rows;
        const auto found = file_.find(classifierWeight);
        for (int64_t row = 1; found != file_.end() && found->second.dim() > 0 && row < found->second.size(0); row++)
            rows.push_back(row);
        return rows;
    }

    //! Classes, then the background, which is row 0 of the file.
    static std::vector<int64_t> withBackground(std::vector<int64_t> rows)
    {
        rows.push_back(0);
        return rows;
    }

    void prefixed(const std::string& from, const std::string& to)
    {
        for (auto item = file_.lower_bound(from); item != file_.end() && startsWith(item->first, from); ++item)
        {
            used_.insert(item->first);
            put(to + item->first.substr(from.size()), item->second);
        }
    }
};

void Renamer::own()
{
    prefixed("", "");
}

void Renamer::classifier()
{
    for (const auto& item : file_)
        if (!startsWith(item.first, "fc.") && !startsWith(item.first, "classifier."))
        {
            used_.insert(item.first);
            put("backbone." + item.first, item.second);
        }
}

void Renamer::torchvision()
{
    prefixed("backbone.body.", "backbone.");
    const std::string fpn = "backbone.fpn.", rpn = "rpn.head.", roi = "roi_heads.";
    const std::pair<const char*, const char*> blocks[] = {{"inner_blocks.", "lateral"}, {"layer_blocks.", "output"}};
    for (const auto& block : blocks)
        for (int i = 0; i < 4; i++)
        {
            const std::string n = std::to_string(i), from = fpn + block.first + n, to = "fpn." + (block.second + n);
            convolution(from, "", to, false);                  // until torchvision 0.13
            convolution(from + ".0", from + ".1", to, false);  // since; with a norm in version 2 of the network
        }
    convolution(rpn + "conv", "", "rpn.conv", false);
    for (int i = 0; file_.count(rpn + "conv." + std::to_string(i) + ".0.weight"); i++)
        convolution(rpn + "conv." + std::to_string(i) + ".0", "",
                    i == 0 ? "rpn.conv" : "rpn.conv" + std::to_string(i + 1), false);
    rename(rpn + "cls_logits", "rpn.logit");
    rename(rpn + "bbox_pred", "rpn.delta");

    const std::vector<int64_t> rows = classRows(roi + "box_predictor.cls_score.weight");
    linear(roi + "box_head.fc6", "class_head.fc1", POOLED_SIDE);
    linear(roi + "box_head.fc7", "class_head.fc2", 1);
    linear(roi + "box_predictor.cls_score", "class_head.classifier", 1, withBackground(rows));
    std::vector<int64_t> deltas;
    for (const int64_t row : rows)
        for (int64_t d = 0; d < 4; d++)
            deltas.push_back(4 * row + d);
    linear(roi + "box_predictor.bbox_pred", "box_head.deltas", 1, deltas);
    for (int i = 0; i < 16; i++)
    {
        const std::string n = std::to_string(i), to = "mask_head.conv" + n;
        convolution(roi + "mask_head.mask_fcn" + std::to_string(i + 1), "", to, true);
        convolution(roi + "mask_head." + n + ".0", roi + "mask_head." + n + ".1", to, true);
    }
    transposed(roi + "mask_predictor.conv5_mask", "mask_head.upsample0");
    byClass(roi + "mask_predictor.mask_fcn_logits", "mask_head.classifier", rows);
}

void Renamer::mmdetection()
{
    prefixed("backbone.", "backbone.");
    const std::string layers = "bbox_roi_extractor.roi_layers.", head = "D2Det_head.";
    for (int i = 0; i < 4; i++)
    {
        const std::string n = std::to_string(i);
        rename("neck.lateral_convs." + n + ".conv", "fpn.lateral" + n);
        rename("neck.fpn_convs." + n + ".conv", "fpn.output" + n);
    }
    rename("rpn_head.rpn_conv", "rpn.conv");
    rename("rpn_head.rpn_cls", "rpn.logit");
    rename("rpn_head.rpn_reg", "rpn.delta");

    for (int i = 0; i < 3; i++)
        for (const char* part : {".weight", ".bias"})
            perLevel(layers, ".offset_fc." + std::to_string(2 * i) + part,
                     "class_head.offset" + std::to_string(i + 1) + part, i == 0 ? OFFSET_SIDE : 1);
    perLevel(layers, ".awp.weight.conv.weight", "class_head.weighting.weight", 0);
    perLevel(layers, ".awp.weight.bn.weight", "class_head.weighting.norm_weight", 0);
    perLevel(layers, ".awp.weight.bn.bias", "class_head.weighting.norm_bias", 0);

    const std::vector<int64_t> rows = classRows("bbox_head.fc_cls.weight");
    linear("bbox_head.shared_fcs.0", "class_head.fc1", POOLED_SIDE);
    linear("bbox_head.shared_fcs.1", "class_head.fc2", 1);
    linear("bbox_head.fc_cls", "class_head.classifier", 1, withBackground(rows));

    const auto groupNorm = [&](const std::string& from, const std::string& to)
    {
        const std::pair<const char*, const char*> parts[] = {{".weight", ".norm_weight"}, {".bias", ".norm_bias"}};
        for (const auto& part : parts)
            if (const Tensor* tensor = take(from + part.first))
                put(to + part.second, tensor->unsqueeze(0));
    };
    for (int i = 0; file_.count(head + "convs." + std::to_string(i) + ".conv.weight"); i++)
    {
        const std::string from = head + "convs." + std::to_string(i), to = "box_head.conv" + std::to_string(i);
        convolution(from + ".conv", "", to, true);
        groupNorm(from + ".gn", to);
    }
    convolution(head + "D2Det_reg", "", "box_head.offsets", true);
    convolution(head + "D2Det_mask", "", "box_head.overlap", true);
    transposed(head + "deconv1", "mask_head.upsample0");
    groupNorm(head + "norm1", "mask_head.upsample0");
    transposed(head + "deconv2", "mask_head.upsample1");
    byClass(head + "D2Det_instance", "mask_head.classifier", rows);
    linear(head + "fcs.0", "mask_head.score1", POOLED_SIDE);
    linear(head + "fcs.1", "mask_head.score2", 1);
    byClass(head + "fc_instance_iou", "mask_head.score3", rows);
}

/** Batch norm of the backbone as the model has it: folded into the convolutions, or with the scale changed so that the
    model's epsilon gives what the file's gave: gamma' = gamma sqrt((variance + model) / (variance + file)). */
void Renamer::fitNorms()
{
    const bool sameEpsilon = options_.fileEpsilon == options_.modelEpsilon;
    if (sameEpsilon && !options_.foldNorms)
        return;
    const std::string variance = ".running_var", weight = ".weight";
    std::map<std::string, std::string> convs;  // by norm
    for (const auto& item : out_.tensors)
        if (endsWith(item.first, weight) && item.second.dim() == 4)
        {
            const std::string conv = item.first.substr(0, item.first.size() - weight.size());
            convs[normOf(conv)] = conv;
        }
    int64_t changed = 0;
    const TensorMap before = out_.tensors;
    for (const auto& item : before)
    {
        if (!endsWith(item.first, variance))
            continue;
        const std::string norm = item.first.substr(0, item.first.size() - variance.size());
        const auto conv = convs.find(norm);
        if (!before.count(norm + ".weight") || !before.count(norm + ".bias") || !before.count(norm + ".running_mean"))
            continue;
        const auto part = [&](const std::string& name) { return before.at(name).to(torch::kDouble); };
        const NormTensors n{part(norm + ".weight"), part(norm + ".bias"), part(norm + ".running_mean"),
                            part(item.first)};
        if (!options_.foldNorms)
        {
            put(norm + ".weight",
                n.weight * torch::sqrt((n.variance + options_.modelEpsilon) / (n.variance + options_.fileEpsilon)));
            changed++;
            continue;
        }
        if (conv == convs.end())
            continue;
        const Tensor kernel = part(conv->second + ".weight"), factor = n.factor(options_.fileEpsilon);
        require(kernel.size(0) == factor.numel(), conv->second + ".weight", kernel,
                "as many outputs as the batch norm " + norm);
        put(conv->second + ".weight", kernel * factor.view({-1, 1, 1, 1}));
        put(conv->second + ".bias", n.bias - n.mean * factor);
        for (const char* name : {".weight", ".bias", ".running_mean", ".running_var"})
            out_.tensors.erase(norm + name);
        changed++;
    }
    if (changed > 0)
        out_.notes.push_back(options_.foldNorms ? counted(changed, "batch norm") + " folded into the convolutions"
                                                : counted(changed, "batch norm") + " scaled from epsilon " +
                                                      formatNumber(options_.fileEpsilon, 6) + " to the model's " +
                                                      formatNumber(options_.modelEpsilon, 6));
}

//! Operations in the order in which they are computed; the classifier behind the last block is not used.
void Renamer::edgeTpu()
{
    int operation = 0;
    const auto next = [&](const std::string& to)
    {
        const std::string number = std::to_string(operation++);
        rename((number.size() < 2 ? "conv0" : "conv") + number, "backbone." + to + ".conv");
    };
    next("conv_stem");
    for (size_t i = 0; i < edgeTpuBlocks().size(); i++)
    {
        const EdgeTpuBlock& block = edgeTpuBlocks()[i];
        const std::string path = "blocks." + std::to_string(i) + ".";
        if (block.hidden > 0)
            next(path + "expand");
        if (block.depthwise)
            next(path + "depthwise");
        next(path + "project");
        operation += block.residual;  // its sum
    }
}

NamedWeights Renamer::finish()
{
    for (auto item = out_.tensors.begin(); item != out_.tensors.end();)
        item = endsWith(item->first, COUNTER) ? out_.tensors.erase(item) : std::next(item);
    for (const auto& item : file_)
        if (!used_.count(item.first) && !endsWith(item.first, COUNTER))
            out_.unused.push_back(item.first);
    return std::move(out_);
}

}  // namespace

bool hasPrefix(const TensorMap& tensors, const std::string& prefix)
{
    const auto first = tensors.lower_bound(prefix);
    return first != tensors.end() && startsWith(first->first, prefix);
}

const char* familyText(WeightFamily family)
{
    switch (family)
    {
        case WeightFamily::OWN:
            return "this project";
        case WeightFamily::RESNET:
            return "a ResNet with torchvision's names";
        case WeightFamily::MOBILENET:
            return "a MobileNetV2 with torchvision's names";
        case WeightFamily::EDGETPU:
            return "a MobileNetEdgeTPU with the numbers of its operations";
        case WeightFamily::TORCHVISION:
            return "Faster or Mask R-CNN with torchvision's names";
        case WeightFamily::MMDETECTION:
            return "a detector with the names of D2Det's release (mmdetection 1.1)";
        default:
            return "unknown names";
    }
}

bool isBackboneOnly(WeightFamily family)
{
    return family == WeightFamily::RESNET || family == WeightFamily::MOBILENET || family == WeightFamily::EDGETPU;
}

WeightFamily recognizeFamily(const TensorMap& tensors)
{
    const auto any = [&](std::initializer_list<const char*> prefixes)
    { return std::any_of(prefixes.begin(), prefixes.end(), [&](const char* p) { return hasPrefix(tensors, p); }); };
    if (any({"backbone.body.", "backbone.fpn.", "roi_heads.", "rpn.head."}))
        return WeightFamily::TORCHVISION;
    if (any({"neck.", "rpn_head.", "bbox_head.", "roi_head.", "D2Det_head.", "bbox_roi_extractor."}))
        return WeightFamily::MMDETECTION;
    if (any({"backbone.", "fpn.", "rpn.", "class_head.", "box_head.", "mask_head."}))
        return WeightFamily::OWN;
    if (any({"layer1.0."}))
        return WeightFamily::RESNET;
    if (any({"conv00."}) && any({"conv71."}))
        return WeightFamily::EDGETPU;
    return any({"features.0.0."}) ? WeightFamily::MOBILENET : WeightFamily::UNKNOWN;
}

double publishedEpsilon(WeightFamily family, const TensorMap& tensors)
{
    // torchvision sets it to 0 for the weights that it publishes of its first detectors (models/detection/_utils.py,
    // overwrite_eps). Version 2 of them, which has norms outside the backbone, was trained with its default.
    const bool second = tensors.count("backbone.fpn.inner_blocks.0.1.running_var") > 0 ||
                        tensors.count("roi_heads.box_head.0.1.running_var") > 0;
    return family == WeightFamily::TORCHVISION && !second ? 0 : 1e-5;
}

NamedWeights renameWeights(const TensorMap& tensors, const NameOptions& options)
{
    Renamer renamer(tensors, options);
    switch (options.family)
    {
        case WeightFamily::RESNET:
        case WeightFamily::MOBILENET:
            renamer.classifier();
            break;
        case WeightFamily::EDGETPU:
            renamer.edgeTpu();
            break;
        case WeightFamily::TORCHVISION:
            renamer.torchvision();
            break;
        case WeightFamily::MMDETECTION:
            renamer.mmdetection();
            break;
        default:
            renamer.own();
    }
    renamer.fitNorms();
    return renamer.finish();
}

}  // namespace d2det
