// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "quantization.hpp"
#include "check.hpp"
#include "graph.hpp"
#include "wire.hpp"

#include "../kernels/quantized_conv2d.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <set>

namespace cv
{
namespace d2det
{

namespace
{

//! Finds the nodes that quantize.
class Patterns
{
public:
    explicit Patterns(const OnnxGraph& graph) : graph_(graph)
    {
        for (size_t i = 0; i < graph.nodes.size(); i++)
        {
            for (const std::string& output : graph.nodes[i].outputs)
                producers_[output] = i;
            for (const std::string& input : graph.nodes[i].inputs)
                uses_[input]++;
        }
        for (const OnnxValue& output : graph.outputs)
            uses_[output.name]++;
    }

    int uses(const std::string& tensor) const
    {
        const auto found = uses_.find(tensor);
        return found == uses_.end() ? 0 : found->second;
    }

    //! DequantizeLinear(QuantizeLinear(x)) with one scale and one zero that makes `tensor`.
    struct Input
    {
        size_t quantize, dequantize;  //!< nodes
        std::string x;
        float scale;
        int zero;
    };
    bool findInput(const std::string& tensor, Input& input) const
    {
        const OnnxNode* const second = producer(tensor, "DequantizeLinear", 3, input.dequantize);
        const OnnxNode* const first =
            second ? producer(second->inputs[0], "QuantizeLinear", 3, input.quantize) : nullptr;
        if (!first || uses(first->outputs[0]) != 1 || first->inputs[1] != second->inputs[1] ||
            first->inputs[2] != second->inputs[2])
            return false;
        const OnnxConstant *const scale = constant(first->inputs[1]), *const zero = constant(first->inputs[2]);
        if (!scale || !zero || !scale->dims.empty() || !zero->dims.empty() || !zero->isUint8() || zero->raw.size != 1)
            return false;
        input.x = first->inputs[0];
        input.scale = scale->scalar();
        input.zero = zero->raw.data[0];
        return input.scale > 0 && std::isfinite(input.scale);
    }

    //! Mul(Cast(int8), steps) that makes `tensor`.
    struct Weight
    {
        size_t cast, multiply;  //!< nodes
        const OnnxConstant *integers, *steps;
    };
    bool findWeight(const std::string& tensor, Weight& weight) const
    {
        const OnnxNode* const second = producer(tensor, "Mul", 2, weight.multiply);
        const OnnxNode* const first = second ? producer(second->inputs[0], "Cast", 1, weight.cast) : nullptr;
        // Once each: a small file shall not become a large one by multiplying a constant many times.
        if (!first || first->integer("to", 0) != static_cast<int64_t>(OnnxType::FLOAT) ||
            uses(first->outputs[0]) != 1 || uses(first->inputs[0]) != 1)
            return false;
        weight.integers = constant(first->inputs[0]);
        weight.steps = constant(second->inputs[1]);
        if (!weight.integers || !weight.integers->isInt8() || !weight.integers->raw.data ||
            weight.integers->dims.size() != 4 || !weight.steps || !weight.steps->isFloat() || !weight.steps->raw.data)
            return false;
        const int rows = weight.integers->dims[0];
        return rows > 0 && weight.steps->dims == std::vector<int>{rows, 1, 1, 1} &&
               weight.steps->raw.size == static_cast<size_t>(rows) * sizeof(float);
    }

private:
    const OnnxConstant* constant(const std::string& tensor) const
    {
        const auto found = graph_.constants.find(tensor);
        return found == graph_.constants.end() ? nullptr : &found->second;
    }

    //! The node that makes a tensor; null if it is another one than that.
    const OnnxNode* producer(const std::string& tensor, const char* type, size_t inputs, size_t& index) const
    {
        const auto found = producers_.find(tensor);
        if (found == producers_.end())
            return nullptr;
        const OnnxNode& node = graph_.nodes[found->second];
        index = found->second;
        return node.isStandard(type) && node.inputs.size() == inputs && node.outputs.size() == 1 ? &node : nullptr;
    }

    const OnnxGraph& graph_;
    std::map<std::string, size_t> producers_;  //!< tensor -> node
    std::map<std::string, int> uses_;          //!< by nodes and as outputs of the graph
};

//! Values of a float32 constant.
std::vector<float> floatsOf(const OnnxConstant& constant)
{
    const WireField& field = constant.raw.data ? constant.raw : constant.floats;
    std::vector<float> values(field.size / sizeof(float));
    if (!values.empty())
        std::memcpy(values.data(), field.data, values.size() * sizeof(float));
    return values;
}

//! A tensor of `bytes` without a name.
WireWriter tensorOf(const std::string& name, const std::vector<int>& dims, OnnxType type, const void* bytes,
                    size_t size)
{
    WireWriter tensor;
    for (const int side : dims)
        tensor.integer(1, static_cast<uint64_t>(side));
    tensor.integer(2, static_cast<uint64_t>(type));
    tensor.text(8, name);
    tensor.data(9, static_cast<const uchar*>(bytes), size);
    return tensor;
}

//! The constant that Mul(Cast(int8), steps) makes.
WireWriter widened(const Patterns::Weight& weight, const std::string& name)
{
    const std::vector<float> steps = floatsOf(*weight.steps);
    const size_t count = weight.integers->raw.size, perRow = count / steps.size();
    const int8_t* integers = reinterpret_cast<const int8_t*>(weight.integers->raw.data);
    std::vector<float> values(count);
    for (size_t i = 0; i < count; i++)
        values[i] = static_cast<float>(integers[i]) * steps[i / perRow];
    return tensorOf(name, weight.integers->dims, OnnxType::FLOAT, values.data(), count * sizeof(float));
}

//! For a convolution whose attributes nobody has checked yet.
kernels::Conv2dParams sizesOf(const OnnxNode& node, const std::vector<int>& weight)
{
    kernels::Conv2dParams p;
    const std::vector<int> strides = node.list("strides", {1, 1}), dilations = node.list("dilations", {1, 1});
    p.groups = static_cast<int>(node.integer("group", 1));
    p.outChannels = weight[0];
    p.inChannels = weight[1];
    p.kernelHeight = weight[2];
    p.kernelWidth = weight[3];
    if (strides.size() == 2 && dilations.size() == 2)
    {
        p.strideY = strides[0];
        p.strideX = strides[1];
        p.dilationY = dilations[0];
        p.dilationX = dilations[1];
    }
    return p;
}

//! A node with other names of inputs.
WireWriter withInputs(const OnnxNode& node, const WireReader& reader, const std::vector<std::string>& inputs)
{
    WireWriter out;
    for (const std::string& input : inputs)
        out.text(1, input);
    for (const uchar* p = node.field.data; p < node.field.end();)
    {
        const uchar* const start = p;
        if (reader.next(p, node.field.end()).number != 1)
            out.raw(start, p);
    }
    return out;
}

WireWriter newNode(const char* type, const std::vector<std::string>& inputs, const std::string& output)
{
    WireWriter node;
    for (const std::string& input : inputs)
        node.text(1, input);
    node.text(2, output);
    node.text(3, output);
    node.text(4, type);
    return node;
}

}  // namespace

std::vector<uchar> takeQuantization(std::vector<uchar> model, const String& name, OnnxQuantization& quantization)
{
    quantization.clear();
    const OnnxGraph graph = readOnnxGraph(model.data(), model.size(), name);
    const Patterns patterns(graph);
    std::set<size_t> removed;                            // nodes
    std::map<std::string, Patterns::Weight> weights;     // by the tensor that they make
    std::map<size_t, std::string> inputs;                // convolution -> its input before the quantization
    std::map<std::string, int> inputUses;                // rounded tensors
    std::map<std::string, std::set<size_t>> inputNodes;  // rounded tensors -> nodes that make them
    uint64_t bytes = model.size();
    for (size_t i = 0; i < graph.nodes.size(); i++)
    {
        const OnnxNode& node = graph.nodes[i];
        Patterns::Input input;
        Patterns::Weight weight;
        if (!node.isStandard("Conv") || node.inputs.size() < 2 || node.outputs.size() != 1 ||
            !patterns.findInput(node.inputs[0], input) || !patterns.findWeight(node.inputs[1], weight))
            continue;
        inputs[i] = input.x;
        inputUses[node.inputs[0]]++;
        inputNodes[node.inputs[0]] = {input.quantize, input.dequantize};
        if (weights.emplace(node.inputs[1], weight).second)
            bytes += 4 * uint64_t(weight.integers->raw.size);
        removed.insert({weight.cast, weight.multiply});
        quantization[node.outputs[0]] = {input.scale, input.zero, floatsOf(*weight.steps),
                                         sizesOf(node, weight.integers->dims)};
    }
    for (const auto& entry : inputUses)
    {
        if (patterns.uses(entry.first) != entry.second)  // also by another node: not ours
        {
            quantization.clear();
            return model;
        }
        const std::set<size_t>& nodes = inputNodes[entry.first];
        removed.insert(nodes.begin(), nodes.end());
    }
    if (quantization.empty())
        return model;
    if (bytes > static_cast<uint64_t>(std::numeric_limits<int>::max()))
        CV_Error_(Error::StsBadArg, ("'%s' holds 2 GiB of weights in float32, an ONNX model has less", name.c_str()));

    // Constants that only the removed nodes use go with them.
    std::set<std::string> used, usedByRemoved;
    for (const OnnxValue& output : graph.outputs)
        used.insert(output.name);
    for (size_t i = 0; i < graph.nodes.size(); i++)
        (removed.count(i) ? usedByRemoved : used).insert(graph.nodes[i].inputs.begin(), graph.nodes[i].inputs.end());
    std::set<const uchar*> dropped;
    for (const std::string& tensor : usedByRemoved)
    {
        const auto found = graph.constants.find(tensor);
        if (found != graph.constants.end() && !used.count(tensor))
            dropped.insert(found->second.field.data);
    }

    const WireReader reader(model.data(), name);
    WireWriter newGraph;
    newGraph.bytes.reserve(bytes);
    size_t index = 0;
    for (const uchar* p = graph.field.data; p < graph.field.end();)
    {
        const uchar* const start = p;
        const WireField field = reader.next(p, graph.field.end());
        if (field.number == 1)
        {
            const size_t i = index++;
            const auto changed = inputs.find(i);
            if (changed != inputs.end())
            {
                std::vector<std::string> names = graph.nodes[i].inputs;
                names[0] = changed->second;
                newGraph.message(1, withInputs(graph.nodes[i], reader, names));
            }
            else if (!removed.count(i))
                newGraph.raw(start, p);
        }
        else if (field.number != 5 || !dropped.count(field.data))
            newGraph.raw(start, p);
    }
    for (const auto& weight : weights)
        newGraph.message(5, widened(weight.second, weight.first));
    std::vector<uchar> result = withGraph(model, reader, newGraph);
    checkOnnx(result.data(), result.size(), name);
    return result;
}

std::vector<uchar> quantizeOnnx(const std::vector<uchar>& model, const String& name,
                                const OnnxQuantization& quantization)
{
    const OnnxGraph graph = readOnnxGraph(model.data(), model.size(), name);
    const WireReader reader(model.data(), name);
    WireWriter newGraph;
    newGraph.bytes.reserve(model.size());
    std::vector<WireWriter> constants;
    std::set<const uchar*> replaced;                         // weights in float32
    std::map<std::string, const ConvQuantization*> weights;  // that are written
    std::map<std::string, std::string> rounded;              // tensor and numbers -> rounded tensor
    std::map<std::string, int> versions;                     // of roundings of a tensor
    size_t found = 0;

    const auto writeWeight = [&](const std::string& tensor, const ConvQuantization& q)
    {
        const auto entry = graph.constants.find(tensor);
        if (entry == graph.constants.end() || !entry->second.isFloat() || entry->second.dims.size() != 4 ||
            entry->second.dims[0] != static_cast<int>(q.weightScales.size()))
            CV_Error_(Error::StsBadArg, ("the weight '%s' of '%s' is no constant of float32 with %d rows",
                                         tensor.c_str(), name.c_str(), static_cast<int>(q.weightScales.size())));
        const auto written = weights.emplace(tensor, &q);
        if (!written.second)
        {
            if (written.first->second->weightScales != q.weightScales)
                CV_Error_(Error::StsBadArg, ("two convolutions of '%s' share the weight '%s', but not its scales",
                                             name.c_str(), tensor.c_str()));
            return;
        }
        const std::vector<float> values = floatsOf(entry->second);
        const size_t perRow = values.size() / q.weightScales.size();
        std::vector<int8_t> integers(values.size());
        for (size_t i = 0; i < values.size(); i++)
            integers[i] = kernels::quantizedWeight(values[i], q.weightScales[i / perRow]);
        replaced.insert(entry->second.field.data);
        constants.push_back(
            tensorOf(tensor + ".int8", entry->second.dims, OnnxType::INT8, integers.data(), integers.size()));
        constants.push_back(tensorOf(tensor + ".steps", {entry->second.dims[0], 1, 1, 1}, OnnxType::FLOAT,
                                     q.weightScales.data(), q.weightScales.size() * sizeof(float)));
        WireWriter cast = newNode("Cast", {tensor + ".int8"}, tensor + ".cast"), to;
        to.text(1, "to");
        to.integer(3, static_cast<uint64_t>(OnnxType::FLOAT));
        to.integer(20, static_cast<uint64_t>(OnnxAttributeType::INTEGER));
        cast.message(5, to);
        newGraph.message(1, cast);
        newGraph.message(1, newNode("Mul", {tensor + ".cast", tensor + ".steps"}, tensor));
    };
    const auto writeInput = [&](const std::string& tensor, const ConvQuantization& q)
    {
        std::string& result = rounded[tensor + format("|%a|%d", q.inputScale, q.inputZero)];
        if (!result.empty())
            return result;
        const int version = versions[tensor]++;
        const std::string base = tensor + (version ? "." + std::to_string(version) : std::string());
        result = base + ".rounded";
        const uchar zero = static_cast<uchar>(q.inputZero);
        constants.push_back(tensorOf(base + ".step", {}, OnnxType::FLOAT, &q.inputScale, sizeof(float)));
        constants.push_back(tensorOf(base + ".zero", {}, OnnxType::UINT8, &zero, 1));
        newGraph.message(1, newNode("QuantizeLinear", {tensor, base + ".step", base + ".zero"}, base + ".uint8"));
        newGraph.message(1, newNode("DequantizeLinear", {base + ".uint8", base + ".step", base + ".zero"}, result));
        return result;
    };

    size_t index = 0;
    std::vector<std::pair<const uchar*, const uchar*>> rest;  // what stands behind the nodes or between them
    for (const uchar* p = graph.field.data; p < graph.field.end();)
    {
        const uchar* const start = p;
        const WireField field = reader.next(p, graph.field.end());
        if (field.number != 1)
        {
            rest.emplace_back(start, p);
            continue;
        }
        const OnnxNode& node = graph.nodes[index++];
        const auto entry = node.outputs.empty() ? quantization.end() : quantization.find(node.outputs[0]);
        if (entry == quantization.end())
        {
            newGraph.raw(start, p);
            continue;
        }
        if (!node.isStandard("Conv") || node.inputs.size() < 2)
            CV_Error_(Error::StsBadArg, ("'%s' of '%s' is the output of a %s node, only convolutions are quantized",
                                         node.outputs[0].c_str(), name.c_str(), node.type.c_str()));
        found++;
        writeWeight(node.inputs[1], entry->second);
        std::vector<std::string> inputs = node.inputs;
        inputs[0] = writeInput(node.inputs[0], entry->second);
        newGraph.message(1, withInputs(node, reader, inputs));
    }
    if (found != quantization.size())
        CV_Error_(Error::StsBadArg,
                  ("%d of %d convolutions to quantize are not in '%s'", static_cast<int>(quantization.size() - found),
                   static_cast<int>(quantization.size()), name.c_str()));
    for (const auto& part : rest)
    {
        const uchar* p = part.first;
        const WireField field = reader.next(p, part.second);
        if (field.number != 5 || !replaced.count(field.data))
            newGraph.raw(part.first, part.second);
    }
    for (const WireWriter& constant : constants)
        newGraph.message(5, constant);
    std::vector<uchar> result = withGraph(model, reader, newGraph);
    checkOnnx(result.data(), result.size(), name);
    return result;
}

}  // namespace d2det
}  // namespace cv
