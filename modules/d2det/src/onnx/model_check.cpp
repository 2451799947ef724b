// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The table of operators is OPERATORS below: one entry per operator, with its inputs, attributes and a function for
   the shapes. Operators of the domain "d2det" are asked themselves: the layer of cv::dnn is made without its constants,
   checks its attributes and the shapes of its inputs, and says how much it computes (Layer::getFLOPS).

   Limits, for a file of n bytes and one image of the declared size (what real models take: reliability.md 1):

     all tensors of a pass   512 MiB + 256 n
     all operations          20 G + 25 000 n    a multiplication or an addition is one

   Both grow with n, because real models have weights and a small file shall not cause more than a small file may. */

#include "model_check.hpp"
#include "../compat.hpp"

#include "opencv2/core/utils/logger.hpp"
#include "opencv2/d2det/detector.hpp"
#include "opencv2/dnn.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <sstream>

namespace cv
{
namespace d2det
{

namespace
{

constexpr int64_t OPSET = 11, DOMAIN_VERSION = 1;  // of exporter.cpp
constexpr size_t MAX_NODES = 10000, MAX_CONSTANTS = 50000, MAX_NODE_INPUTS = 64;
constexpr size_t MAX_NAME = 256;        //!< bytes
constexpr int64_t MAX_SIDE = 16384;     //!< pixels
constexpr int64_t MAX_WINDOW = 4096;    //!< sides, strides and dilations of kernels
constexpr double MAX_TENSOR = 1 << 30;  //!< values
constexpr double BASE_BYTES = 512. * (1 << 20), BYTES_PER_BYTE = 256;
constexpr double BASE_OPERATIONS = 2e10, OPERATIONS_PER_BYTE = 2.5e4;

const char* const OUTPUT = "detections";

//! Why a model is refused.
struct Refusal
{
    std::string what;
};

void require(bool condition, const std::string& what)
{
    if (!condition)
        throw Refusal{what};
}

//! A text of the file, fit for one line of a message.
std::string quoted(const std::string& text)
{
    std::string result = "'";
    for (const char c : text.substr(0, 60))
        result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    return result + (text.size() > 60 ? "...'" : "'");
}

typedef std::vector<int64_t> Lengths;  //!< of a tensor

std::string text(const Lengths& lengths)
{
    std::string result = "[";
    for (size_t i = 0; i < lengths.size(); i++)
        result += (i ? ", " : "") + std::to_string(lengths[i]);
    return result + "]";
}

double elements(const Lengths& lengths)
{
    double product = 1;
    for (const int64_t length : lengths)
        product *= static_cast<double>(length);
    return product;
}

//! A node in a pass.
struct Step
{
    const OnnxNode& node;
    int batch;
    std::vector<const OnnxConstant*> constants;  //!< by input; null: computed
    std::vector<Lengths> inputs, outputs;
    double operations = 0;

    void requireRank(size_t input, size_t rank) const
    {
        require(inputs[input].size() == rank, "input " + std::to_string(input) + " is " + text(inputs[input]) +
                                                  ", it must have " + std::to_string(rank) + " dimensions");
    }
    void requireShape(size_t input, const Lengths& expected) const
    {
        require(inputs[input] == expected,
                "input " + std::to_string(input) + " is " + text(inputs[input]) + ", expected " + text(expected));
    }
    //! A list attribute of `count` integers in a range.
    std::vector<int> list(const char* name, size_t count, int otherwise, int64_t low, int64_t high) const
    {
        const std::vector<int> values = node.list(name, std::vector<int>(count, otherwise));
        require(values.size() == count,
                "attribute " + std::string(name) + " must have " + std::to_string(count) + " values");
        for (const int value : values)
            require(value >= low && value <= high, "attribute " + std::string(name) + " holds " +
                                                       std::to_string(value) + ", it must be between " +
                                                       std::to_string(low) + " and " + std::to_string(high));
        return values;
    }
    void requireText(const char* name, const char* expected) const
    {
        const std::string value = node.text(name, "");
        require(value == expected,
                "attribute " + std::string(name) + " is " + quoted(value) + ", only '" + expected + "' is used");
    }
    void sameAsInput(double operationsPerValue)
    {
        outputs = {inputs[0]};
        operations = operationsPerValue * elements(inputs[0]);
    }
};

// ------------------------------------------------------------------ shapes of ONNX's operators

//! Cells that a window takes along an axis, and how many windows there are.
int64_t windows(int64_t length, int64_t kernel, int64_t stride, int64_t dilation, int64_t before, int64_t after)
{
    const int64_t extent = dilation * (kernel - 1) + 1, room = length + before + after - extent;
    require(before < extent && after < extent,
            "it pads " + std::to_string(std::max(before, after)) + " cells, its kernel has " + std::to_string(extent));
    require(room >= 0, "its kernel of " + std::to_string(extent) + " is larger than the input of " +
                           std::to_string(length) + " cells");
    return room / stride + 1;
}

void convolution(Step& s)
{
    s.requireRank(0, 4);
    s.requireRank(1, 4);
    const Lengths &x = s.inputs[0], &w = s.inputs[1];
    require(elements(w) > 0, "its weight " + text(w) + " is empty");
    const int64_t group = s.node.integer("group", 1);
    require(group >= 1 && group <= x[1] && x[1] == w[1] * group && w[0] % group == 0,
            "weight " + text(w) + " and group " + std::to_string(group) + " do not fit the input " + text(x));
    if (s.inputs.size() > 2)
        s.requireShape(2, {w[0]});
    const std::vector<int> kernel = s.node.list("kernel_shape", {static_cast<int>(w[2]), static_cast<int>(w[3])});
    require(kernel.size() == 2 && kernel[0] == w[2] && kernel[1] == w[3], "kernel_shape is not that of the weight");
    require(std::max(w[2], w[3]) <= MAX_WINDOW, "the kernel is larger than " + std::to_string(MAX_WINDOW));
    const std::vector<int> strides = s.list("strides", 2, 1, 1, MAX_WINDOW);
    const std::vector<int> dilations = s.list("dilations", 2, 1, 1, MAX_WINDOW);
    const std::vector<int> pads = s.list("pads", 4, 0, 0, MAX_WINDOW * MAX_WINDOW);
    s.outputs = {{x[0], w[0], windows(x[2], w[2], strides[0], dilations[0], pads[0], pads[2]),
                  windows(x[3], w[3], strides[1], dilations[1], pads[1], pads[3])}};
    s.operations = elements(s.outputs[0]) * static_cast<double>(2 * w[1] * w[2] * w[3] + 1);
}

void pooling(Step& s)
{
    s.requireRank(0, 4);
    const Lengths& x = s.inputs[0];
    const std::vector<int> kernel = s.list("kernel_shape", 2, 0, 1, MAX_WINDOW);
    const std::vector<int> strides = s.list("strides", 2, 1, 1, MAX_WINDOW);
    const std::vector<int> pads = s.list("pads", 4, 0, 0, MAX_WINDOW);
    const int64_t padding = s.node.integer("count_include_pad", 0);
    require(padding == 0 || padding == 1, "attribute count_include_pad must be 0 or 1");
    s.outputs = {{x[0], x[1], windows(x[2], kernel[0], strides[0], 1, pads[0], pads[2]),
                  windows(x[3], kernel[1], strides[1], 1, pads[1], pads[3])}};
    s.operations = elements(s.outputs[0]) * kernel[0] * kernel[1];
}

void activation(Step& s)
{
    s.sameAsInput(1);
}

void sigmoid(Step& s)
{
    s.sameAsInput(20);
}

//! Constant limits are scalars; which values they have does not matter here.
void clip(Step& s)
{
    for (size_t i = 1; i < s.inputs.size(); i++)
        require(!std::isnan(s.constants[i]->scalar()), "its limits must be numbers");
    s.sameAsInput(2);
}

void instanceNorm(Step& s)
{
    s.requireRank(0, 4);
    s.requireShape(1, {s.inputs[0][1]});
    s.requireShape(2, {s.inputs[0][1]});
    s.sameAsInput(8);
}

//! Two equal maps, or a map and one constant per channel, or any tensor and one constant.
void sumOrProduct(Step& s)
{
    if (s.constants[1] && s.inputs[1] != Lengths{1})
    {
        s.requireRank(0, 4);
        s.requireShape(1, {s.inputs[0][1], 1, 1});
    }
    else if (!s.constants[1])
        s.requireShape(1, s.inputs[0]);
    s.sameAsInput(1);
}

void maximum(Step& s)
{
    for (size_t i = 1; i < s.inputs.size(); i++)
        s.requireShape(i, s.inputs[0]);
    s.sameAsInput(static_cast<double>(s.inputs.size()));
}

void reshape(Step& s)
{
    const Lengths &x = s.inputs[0], &target = s.constants[1]->integers;
    require(s.inputs[1].size() == 1 && !target.empty() && target.size() <= 4, "its shape must have 1 to 4 values");
    Lengths shape;
    double known = 1;
    int open = -1;
    for (size_t i = 0; i < target.size(); i++)
    {
        require(target[i] >= -1 && (target[i] != 0 || i < x.size()), "shape " + text(target) + " is impossible");
        shape.push_back(target[i] == 0 ? x[i] : target[i]);
        if (target[i] == -1)
        {
            require(open < 0, "two lengths of its shape are open");
            open = static_cast<int>(i);
        }
        else
            known *= static_cast<double>(shape.back());
    }
    if (open >= 0)
        shape[static_cast<size_t>(open)] = static_cast<int64_t>(elements(x) / std::max(known, 1.));
    require(elements(shape) == elements(x), "the input " + text(x) + " does not fit into " + text(target));
    s.outputs = {shape};
}

//! Twice as large, nearest neighbor.
void resize(Step& s)
{
    s.requireRank(0, 4);
    s.requireShape(1, {0});
    require(s.constants[2]->reals == std::vector<float>({1.f, 1.f, 2.f, 2.f}), "its scales must be 1, 1, 2, 2");
    s.requireText("mode", "nearest");
    s.requireText("coordinate_transformation_mode", "asymmetric");
    s.requireText("nearest_mode", "floor");
    const Lengths& x = s.inputs[0];
    s.outputs = {{x[0], x[1], 2 * x[2], 2 * x[3]}};
    s.operations = elements(s.outputs[0]);
}

void slice(Step& s)
{
    int64_t range[3];  // begin, end, axis
    for (size_t i = 0; i < 3; i++)
    {
        const std::vector<int64_t>& values = s.constants[i + 1]->integers;
        require(s.inputs[i + 1].size() == 1 && values.size() == 1, "it must take one range of one axis");
        range[i] = values[0];
    }
    Lengths shape = s.inputs[0];
    require(range[2] >= 0 && range[2] < static_cast<int64_t>(shape.size()),
            "axis " + std::to_string(range[2]) + " is not one of " + text(shape));
    int64_t& length = shape[static_cast<size_t>(range[2])];
    require(
        range[0] >= 0 && range[0] < range[1] && range[1] <= length,
        "the range " + std::to_string(range[0]) + " to " + std::to_string(range[1]) + " is not inside " + text(shape));
    length = range[1] - range[0];
    s.outputs = {shape};
    s.operations = elements(shape);
}

void concatenation(Step& s)
{
    Lengths shape = s.inputs[0];
    const int64_t axis = s.node.integer("axis", -1);
    require(axis >= 0 && axis < static_cast<int64_t>(shape.size()),
            "axis " + std::to_string(axis) + " is not one of " + text(shape));
    int64_t& length = shape[static_cast<size_t>(axis)];
    for (size_t i = 1; i < s.inputs.size(); i++)
    {
        Lengths expected = s.inputs[0];
        if (s.inputs[i].size() == expected.size())
            expected[static_cast<size_t>(axis)] = s.inputs[i][static_cast<size_t>(axis)];
        s.requireShape(i, expected);
        length += expected[static_cast<size_t>(axis)];
    }
    s.outputs = {shape};
    s.operations = elements(shape);
}

void softmax(Step& s)
{
    s.requireRank(0, 2);
    require(s.node.integer("axis", -1) == 1, "attribute axis must be 1");
    s.sameAsInput(20);
}

// ------------------------------------------------------------------ operators of this module

dnn::LayerParams paramsOf(const OnnxNode& node)
{
    dnn::LayerParams params;
    params.name = node.name;
    params.type = node.type;
    for (const auto& entry : node.attributes)
    {
        const OnnxAttribute& a = entry.second;
        switch (static_cast<OnnxAttributeType>(a.type))
        {
            case OnnxAttributeType::INTEGER:
                params.set(entry.first, static_cast<int>(a.integer));
                break;
            case OnnxAttributeType::REAL:
                params.set(entry.first, a.real);
                break;
            case OnnxAttributeType::TEXT:
                params.set(entry.first, String(a.text));
                break;
            case OnnxAttributeType::INTEGERS:
                params.set(entry.first,
                           dnn::DictValue::arrayInt(a.integers.data(), static_cast<int>(a.integers.size())));
                break;
            default:
                params.set(entry.first, dnn::DictValue::arrayReal(a.reals.data(), static_cast<int>(a.reals.size())));
                break;
        }
    }
    return params;
}

void ownLayer(Step& s)
{
    dnn::LayerParams params = paramsOf(s.node);
    if (s.node.type == "D2Detections")
        params.set("batch_size", s.batch);  // as Detector does
    const Ptr<dnn::Layer> layer = dnn::LayerFactory::createLayerInstance(s.node.type, params);
    require(!layer.empty(), "there is no such layer");
    layer->name = s.node.name;
    layer->type = s.node.type;
    std::vector<dnn::MatShape> in, out, internals;
    for (const Lengths& lengths : s.inputs)
    {
        const std::vector<int> shape(lengths.begin(), lengths.end());
        in.push_back(dnn::MatShape(shape.begin(), shape.end()));
    }
    layer->getMemoryShapes(in, static_cast<int>(s.node.outputs.size()), out, internals);
    for (const dnn::MatShape& shape : out)
        s.outputs.push_back(Lengths(shape.begin(), shape.end()));
    s.operations = static_cast<double>(layer->getFLOPS(in, out));
}

// ------------------------------------------------------------------ the table

struct OperatorRule
{
    const char* domain;
    const char* type;
    /** One letter per input: x computed, f float constant, i integer constant, v computed or float constant; after a
        letter, ? means that it may be left out at the end, + one or more of its kind. */
    const char* inputs;
    /** name:kind, separated by blanks; kinds: int, real, text, ints, reals, numbers (ints or reals). Which of them a
        node must have, and their ranges, is up to `shapes`. */
    const char* attributes;
    void (*shapes)(Step&);
};

const OperatorRule OPERATORS[] = {
    {"", "Conv", "xff?", "kernel_shape:ints strides:ints pads:ints dilations:ints group:int", convolution},
    {"", "MaxPool", "x", "kernel_shape:ints strides:ints pads:ints", pooling},
    {"", "AveragePool", "x", "kernel_shape:ints strides:ints pads:ints count_include_pad:int", pooling},
    {"", "Relu", "x", "", activation},
    {"", "Sigmoid", "x", "", sigmoid},
    {"", "Clip", "xf?f?", "min:real max:real", clip},
    {"", "InstanceNormalization", "xff", "epsilon:real", instanceNorm},
    {"", "Mul", "xf", "", sumOrProduct},
    {"", "Add", "xv", "", sumOrProduct},
    {"", "Max", "x+", "", maximum},
    {"", "Reshape", "xi", "", reshape},
    {"", "Resize", "xff", "mode:text coordinate_transformation_mode:text nearest_mode:text", resize},
    {"", "Slice", "xiii", "", slice},
    {"", "Concat", "x+", "axis:int", concatenation},
    {"", "Softmax", "x", "axis:int", softmax},
    {D2DET_DOMAIN, "D2DeformConv2d", "xxx?ff?",
     "conv_strides:ints conv_dilations:ints conv_pads:ints groups:int offset_groups:int has_mask:int has_bias:int",
     ownLayer},
    {D2DET_DOMAIN, "D2Proposal", "x+",
     "feat_strides:numbers anchor_scale:real anchor_ratios:reals anchor_scales:reals pre_nms_top_n:int "
     "post_nms_top_n:int max_proposals:int nms_threshold:real min_size:real legacy:int",
     ownLayer},
    {D2DET_DOMAIN, "D2RoIAlign", "x+",
     "feat_strides:numbers output_size:ints sampling_ratio:int finest_scale:real aligned:int legacy:int", ownLayer},
    {D2DET_DOMAIN, "D2DeformRoIPool", "x+",
     "feat_strides:numbers output_size:ints sampling_ratio:int finest_scale:real gamma:real legacy:int", ownLayer},
    {D2DET_DOMAIN, "D2AdaptiveWeightedPool", "xx", "gain:real", ownLayer},
    {D2DET_DOMAIN, "D2RoIConv", "x+f+",
     "levels:int by_class:int conv_stride:int conv_pad:int has_bias:int norm_groups:int norm_affine:int epsilon:real "
     "relu:int sigmoid:int upsample:int finest_scale:real legacy:int",
     ownLayer},
    {D2DET_DOMAIN, "D2DenseBoxDecode", "xxxx", "overlap_threshold:real mode:text legacy:int", ownLayer},
    {D2DET_DOMAIN, "D2DeltaBoxDecode", "xxx", "stds:reals max_log_scale:real legacy:int", ownLayer},
    {D2DET_DOMAIN, "D2ReLU6", "x", "", ownLayer},
    {D2DET_DOMAIN, "D2InstanceNorm", "xff", "epsilon:real", ownLayer},
    {D2DET_DOMAIN, "D2GatherRows", "xx", "", ownLayer},
    {D2DET_DOMAIN, "D2Detections", "xx",
     "batch_size:int score_threshold:real nms_threshold:real nms_mode:text soft_sigma:real soft_min_score:real "
     "max_detections:int class_agnostic_boxes:int labelled:int output_rows:int legacy:int "
     // the description of the model
     "format_version:int model_name:text class_names:text mean:reals std:reals channel_order:text short_side:int "
     "long_side:int divisor:int keep_ratio:int mask_score_weight:real operating_score:real operating_scores:reals",
     ownLayer},
};

const OperatorRule* ruleOf(const OnnxNode& node)
{
    for (const OperatorRule& rule : OPERATORS)
        if (node.type == rule.type && (*rule.domain ? node.domain == rule.domain : node.isStandard()))
            return &rule;
    return nullptr;
}

//! Kind of an attribute in a rule's list; empty: it is not there.
std::string kindOf(const std::string& attribute, const char* rule)
{
    std::istringstream words(rule);
    for (std::string word; words >> word;)
        if (word.size() > attribute.size() && word[attribute.size()] == ':' && word.rfind(attribute, 0) == 0)
            return word.substr(attribute.size() + 1);
    return {};
}

//! Whether the declared type and the field that has the value, which must be one, are of a kind.
bool hasKind(const OnnxAttribute& a, const std::string& kind)
{
    const auto is = [&](OnnxAttributeType type, uint32_t field)
    {
        const uint32_t values = a.parts & ~(1u << 1 | 1u << 13 | 1u << 20);  // without name, text and type
        return a.type == static_cast<uint64_t>(type) && values == 1u << field;
    };
    if (kind == "int")
        return is(OnnxAttributeType::INTEGER, 3);
    if (kind == "real")
        return is(OnnxAttributeType::REAL, 2) && std::isfinite(a.real);
    if (kind == "text")
        return is(OnnxAttributeType::TEXT, 4);
    if (kind == "ints")
        return is(OnnxAttributeType::INTEGERS, 8) && !a.integers.empty();
    if (kind == "reals")
        return is(OnnxAttributeType::REALS, 7) && !a.reals.empty();
    return kind == "numbers" && (hasKind(a, "ints") || hasKind(a, "reals"));
}

void requireAttributes(const OnnxNode& node, const OperatorRule& rule)
{
    for (const auto& entry : node.attributes)
    {
        const std::string kind = kindOf(entry.first, rule.attributes);
        require(!kind.empty(), "it has no attribute " + quoted(entry.first));
        require(hasKind(entry.second, kind), "attribute " + entry.first + " must be of kind " + kind);
    }
}

//! Whether the inputs are those of a rule. `kinds`: a letter (x, f or i) for each.
bool inputsFit(const char* rule, const std::string& kinds)
{
    size_t k = 0;
    for (const char* p = rule; *p;)
    {
        const char letter = *p++, how = *p == '?' || *p == '+' ? *p++ : 0;
        size_t count = 0;
        while (k < kinds.size() && (count == 0 || how == '+') &&
               (kinds[k] == letter || (letter == 'v' && kinds[k] != 'i')))
            k++, count++;
        if (count == 0 && how != '?')
            return false;
    }
    return k == kinds.size();
}

bool isPlain(const std::string& name)
{
    return !name.empty() && name.size() <= MAX_NAME &&
           std::none_of(name.begin(), name.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

//! Bits of field numbers.
uint32_t fields(std::initializer_list<int> numbers)
{
    uint32_t bits = 0;
    for (const int number : numbers)
        bits |= 1u << number;
    return bits;
}

// ------------------------------------------------------------------ other files

struct OtherFormat
{
    const char* start;
    const char* what;
};

const OtherFormat OTHER_FORMATS[] = {
    {"version https://git-lfs", "a pointer of Git LFS, not the model that it stands for: 'git lfs pull' fetches it"},
    {"PK\x03\x04", "a zip archive, perhaps weights of PyTorch, not an ONNX model: d2det_export makes one"},
    {"<!DOCTYPE", "a web page, not an ONNX model: was it downloaded from its page instead of its raw file?"},
    {"<!doctype", "a web page, not an ONNX model: was it downloaded from its page instead of its raw file?"},
    {"<html", "a web page, not an ONNX model: was it downloaded from its page instead of its raw file?"},
};

bool startsWith(const std::vector<uchar>& bytes, const char* text)
{
    const size_t size = std::strlen(text);
    return bytes.size() >= size && std::memcmp(bytes.data(), text, size) == 0;
}

//! A header of JSON behind its length in eight bytes.
bool isSafetensors(const std::vector<uchar>& bytes)
{
    return bytes.size() > 9 && bytes[8] == '{' && bytes[9] == '"' && bytes[6] == 0 && bytes[7] == 0;
}

}  // namespace

void checkKindOfModel(const std::vector<uchar>& model, const String& name)
{
    for (const OtherFormat& format : OTHER_FORMATS)
        if (startsWith(model, format.start))
            CV_Error_(Error::StsBadArg, ("'%s' is %s", name.c_str(), format.what));
    if (isSafetensors(model))
        CV_Error_(Error::StsBadArg, ("'%s' is a file of weights (safetensors), not an ONNX model: d2det_export makes a "
                                     "model of a checkpoint",
                                     name.c_str()));
    const OnnxGraph graph = readOnnxGraph(model.data(), model.size(), name);
    if (!graph.field.data || graph.nodes.empty())
        return;  // the check of the file says more
    bool detects = false;
    for (const OnnxNode& node : graph.nodes)
    {
        const bool detections = node.isOurs("D2Detections");
        if (detections && node.find("format_version"))
            return;
        detects = detects || detections;
    }
    CV_Error_(Error::StsBadArg,
              ("'%s' is an ONNX model, but not a D2Det model of d2det_export: it has no %s. Models of "
               "other kinds run with cv::dnn::Net (docs/onnx_models.md)",
               name.c_str(), detects ? "description (format_version of a D2Detections node)" : "D2Detections node"));
}

void ModelCheck::refuse(const std::string& what) const
{
    CV_Error_(Error::StsBadArg, ("'%s' is not a model that d2det_export writes: %s", name_.c_str(), what.c_str()));
}

ModelCheck::ModelCheck(const std::vector<uchar>& model, const String& name)
    : name_(name), bytes_(model.size()), graph_(readOnnxGraph(model.data(), model.size(), name))
{
    try
    {
        checkFile();
        checkConstants();
        checkInputs();
        checkDetections();
        for (const OnnxNode& node : graph_.nodes)
            checkNode(node);
        checkOutputs();
    }
    catch (const Refusal& refusal)
    {
        refuse(refusal.what);
    }
    const std::vector<int64_t>& image = graph_.inputs[0].dims;
    if (image[2] > 0 && image[3] > 0)
        run(1, static_cast<int>(image[2]), static_cast<int>(image[3]), 1);
    cost_ = run(1, side_[0], side_[1], 1);
    run(1, side_[1], side_[0], 1);
}

PassCost ModelCheck::checkPass(int batch, int height, int width) const
{
    const double declared = double(side_[0]) * side_[1];
    return run(batch, height, width, batch * std::max(1., height * double(width) / declared));
}

void ModelCheck::checkFile() const
{
    require((graph_.modelParts & ~fields({1, 2, 3, 4, 5, 6, 7, 8, 14})) == 0,
            "it has functions or training information");
    require((graph_.parts & ~fields({1, 2, 5, 10, 11, 12})) == 0,
            "its graph has more than nodes, constants, inputs and outputs");
    require(!graph_.hasSubgraphs, "a node has a graph of its own");
    require(!graph_.hasRepeatedAttributes, "a node has two attributes of one name");
    require(graph_.nodes.size() <= MAX_NODES, "it has more than " + std::to_string(MAX_NODES) + " nodes");
    const auto version = [&](const char* domain)
    {
        const auto found = graph_.versions.find(domain);
        return found == graph_.versions.end() ? 0 : found->second;
    };
    const int64_t opset = std::max(version(""), version("ai.onnx")), own = version(D2DET_DOMAIN);
    require(opset == OPSET, "it is made for opset " + std::to_string(opset) + ", not " + std::to_string(OPSET));
    require(own == DOMAIN_VERSION, "it is made for version " + std::to_string(own) + " of our operators, not " +
                                       std::to_string(DOMAIN_VERSION));
}

void ModelCheck::checkConstants() const
{
    require(graph_.constants.size() <= MAX_CONSTANTS,
            "it has more than " + std::to_string(MAX_CONSTANTS) + " constants");
    for (const auto& entry : graph_.constants)
    {
        const OnnxConstant& constant = entry.second;
        require(isPlain(entry.first), "a constant has the name " + quoted(entry.first));
        require(constant.isFloat() || (constant.isInteger() && constant.dims.size() == 1),
                "constant " + quoted(entry.first) + " is neither of float32 nor a list of int64");
        require(constant.dims.size() <= 4, "constant " + quoted(entry.first) + " has more than 4 dimensions");
    }
}

//! "image" [1, 3, H, W] and "im_info" [1, 3]; a symbol may stand for any length but 3.
void ModelCheck::checkInputs() const
{
    const auto fits = [](const OnnxValue& value, const char* name, const std::vector<int64_t>& dims)
    {
        bool same = value.name == name && value.type == static_cast<uint64_t>(OnnxType::FLOAT) &&
                    value.dims.size() == dims.size();
        for (size_t i = 0; same && i < dims.size(); i++)
            same = dims[i] == -1 ? value.dims[i] >= -1 && value.dims[i] != 0 && value.dims[i] <= MAX_SIDE
                                 : value.dims[i] == dims[i];
        return same;
    };
    require(graph_.inputs.size() == 2 && fits(graph_.inputs[0], "image", {1, 3, -1, -1}) &&
                fits(graph_.inputs[1], "im_info", {1, 3}),
            "its inputs are not image [1, 3, height, width] and im_info [1, 3] of float32, sides up to " +
                std::to_string(MAX_SIDE));
    for (const OnnxValue& input : graph_.inputs)
        require(!graph_.constants.count(input.name), "input '" + input.name + "' is a constant too");
}

//! The nodes that Detector looks for; takes the size of the input from the description.
void ModelCheck::checkDetections()
{
    const OnnxNode *last = nullptr, *proposal = nullptr;
    for (const OnnxNode& node : graph_.nodes)
    {
        require(!last || !last->find("format_version") || !node.isOurs("D2Detections"),
                "a D2Detections node follows the one with the description");
        if (node.isOurs("D2Detections"))
            last = &node;
        if (node.isOurs("D2Proposal"))
        {
            require(!proposal && !last, "it has a second D2Proposal node, or one behind D2Detections");
            proposal = &node;
        }
    }
    require(proposal, "it has no D2Proposal node");
    require(last && last->find("format_version") && !last->outputs.empty() && last->outputs[0] == OUTPUT,
            "its last D2Detections node has no description (format_version) or does not make '" + std::string(OUTPUT) +
                "'");
    const InputParams defaults;
    const char* const names[] = {"short_side", "long_side", "divisor"};
    const int otherwise[] = {defaults.shortSide, defaults.longSide, defaults.divisor};
    int64_t values[3];
    for (int i = 0; i < 3; i++)
    {
        values[i] = last->integer(names[i], otherwise[i]);
        require(values[i] >= 1 && values[i] <= MAX_SIDE, std::string(names[i]) + " is " + std::to_string(values[i]) +
                                                             ", it must be between 1 and " + std::to_string(MAX_SIDE));
    }
    for (int i = 0; i < 2; i++)
        side_[i] = static_cast<int>((values[i] + values[2] - 1) / values[2] * values[2]);
}

void ModelCheck::checkNode(const OnnxNode& node) const
{
    require(isPlain(node.type), "a node has the operator " + quoted(node.type));
    const std::string what = (node.domain == D2DET_DOMAIN ? "d2det." : "") + node.type + " " + quoted(node.name) + ": ";
    try
    {
        const OperatorRule* const rule = ruleOf(node);
        require(rule, "not one of its operators");
        require((node.parts & ~fields({1, 2, 3, 4, 5, 6, 7})) == 0, "the node has unknown parts");
        require(node.name.empty() || isPlain(node.name), "its name is not a plain text");
        require(node.inputs.size() <= MAX_NODE_INPUTS, "it has " + std::to_string(node.inputs.size()) + " inputs");
        require(!node.outputs.empty() && node.outputs.size() <= 2, "it must have 1 or 2 outputs");
        for (const std::string& output : node.outputs)
            require(isPlain(output), "its output has the name " + quoted(output));
        requireAttributes(node, *rule);
        std::string kinds;
        for (const std::string& input : node.inputs)
        {
            const auto constant = graph_.constants.find(input);
            kinds += input.empty()                        ? '-'
                     : constant == graph_.constants.end() ? 'x'
                     : constant->second.isFloat()         ? 'f'
                                                          : 'i';
        }
        require(inputsFit(rule->inputs, kinds),
                "its inputs are " + quoted(kinds) + ", they must be '" + rule->inputs +
                    "' (x computed, f and i constants, v x or f, + several, ? or none)");
    }
    catch (const Refusal& refusal)
    {
        throw Refusal{what + refusal.what};
    }
}

//! Outputs are made by nodes.
void ModelCheck::checkOutputs() const
{
    std::set<std::string> made, seen;
    for (const OnnxNode& node : graph_.nodes)
        made.insert(node.outputs.begin(), node.outputs.end());
    for (const OnnxValue& output : graph_.outputs)
    {
        require(made.count(output.name), "no node makes the output " + quoted(output.name));
        require(seen.insert(output.name).second, "output " + quoted(output.name) + " is named twice");
    }
    require(seen.count(OUTPUT), "it has no output '" + std::string(OUTPUT) + "'");
}

//! Shapes of all tensors of a pass.
PassCost ModelCheck::run(int batch, int height, int width, double limitFactor) const
{
    const String size = format("%d x %d x %d", batch, height, width);
    try
    {
        require(double(height) * width <= MAX_MODEL_PIXELS * limitFactor,
                "an input has " + size + " pixels, the limit is " + std::to_string(int64_t(MAX_MODEL_PIXELS)));
        const double maxBytes = limitFactor * (BASE_BYTES + BYTES_PER_BYTE * static_cast<double>(bytes_));
        const double maxOperations =
            limitFactor * (BASE_OPERATIONS + OPERATIONS_PER_BYTE * static_cast<double>(bytes_));
        std::map<std::string, Lengths> shapes{{"image", {batch, 3, height, width}}, {"im_info", {batch, 3}}};
        PassCost cost;
        cost.bytes = 4. * batch * 3 * height * width;
        for (const OnnxNode& node : graph_.nodes)
        {
            Step step{node, batch, {}, {}, {}};
            const std::string what = node.type + " " + quoted(node.name) + ": ";
            for (const std::string& input : node.inputs)
            {
                const auto constant = graph_.constants.find(input);
                const bool isConstant = constant != graph_.constants.end();
                step.constants.push_back(isConstant ? &constant->second : nullptr);
                step.inputs.push_back(isConstant ? Lengths(constant->second.dims.begin(), constant->second.dims.end())
                                                 : shapes.at(input));
            }
            try
            {
                ruleOf(node)->shapes(step);
                require(step.outputs.size() == node.outputs.size(), "it has " + std::to_string(node.outputs.size()) +
                                                                        " outputs, not " +
                                                                        std::to_string(step.outputs.size()));
                for (const Lengths& lengths : step.outputs)
                    require(!lengths.empty() && elements(lengths) > 0 && elements(lengths) <= MAX_TENSOR,
                            "an output has the shape " + text(lengths) + ", it must have 1 to 2^30 values");
            }
            catch (const Refusal& refusal)
            {
                throw Refusal{what + refusal.what};
            }
            for (size_t i = 0; i < step.outputs.size(); i++)
            {
                cost.bytes += 4 * elements(step.outputs[i]);
                shapes[node.outputs[i]] = step.outputs[i];
            }
            cost.operations += step.operations;
            require(cost.bytes <= maxBytes,
                    what + cv::format("with it the tensors of an input of %s pixels take more than %.0f MB, the limit "
                                      "of a file of this size",
                                      size.c_str(), maxBytes / (1 << 20)));
            require(cost.operations <= maxOperations,
                    what + cv::format("with it an input of %s pixels needs more than %.0f billion operations, the "
                                      "limit of a file of this size",
                                      size.c_str(), maxOperations / 1e9));
        }
        CV_LOG_INFO(NULL, "d2det: " << name_ << ", an input of " << size << " pixels: " << cost.bytes / (1 << 20)
                                    << " of " << maxBytes / (1 << 20) << " MB, " << cost.operations / 1e9 << " of "
                                    << maxOperations / 1e9 << " billion operations");
        const int64_t rows = shapes.at(OUTPUT)[0];
        const auto requireOutput = [&](const char* name, const std::vector<int64_t>& expected)
        {
            const bool isOutput = std::any_of(graph_.outputs.begin(), graph_.outputs.end(),
                                              [&](const OnnxValue& output) { return output.name == name; });
            if (!isOutput)
                return;
            const Lengths& shape = shapes.at(name);
            bool same = shape.size() == expected.size();
            for (size_t i = 0; same && i < shape.size(); i++)
                same = expected[i] == -1 || shape[i] == expected[i];
            require(same, "output '" + std::string(name) + "' is " + text(shape) + ", expected " + text(expected));
        };
        requireOutput("masks", {rows, 1, -1, -1});
        requireOutput("mask_ious", {rows, 1});
        requireOutput("mask_boxes", {rows, 4});
        return cost;
    }
    catch (const Refusal& refusal)
    {
        refuse(refusal.what);
    }
    catch (const cv::Exception& e)  // of a layer
    {
        refuse(e.err);
    }
}

}  // namespace d2det
}  // namespace cv
