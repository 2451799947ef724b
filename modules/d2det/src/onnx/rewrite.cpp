// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "rewrite.hpp"
#include "graph.hpp"
#include "wire.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <string>

namespace cv
{
namespace d2det
{

namespace
{

//! Appends an attribute to a node. `fill` writes its fields but name and type.
template <typename Fill>
void addAttribute(WireWriter& node, const std::string& name, OnnxAttributeType type, Fill fill)
{
    WireWriter attribute;
    attribute.text(1, name);
    fill(attribute);
    attribute.integer(20, static_cast<uint64_t>(type));
    node.message(5, attribute);
}

void addIntegers(WireWriter& node, const char* name, const std::vector<int>& values)
{
    addAttribute(node, name, OnnxAttributeType::INTEGERS,
                 [&](WireWriter& attribute)
                 {
                     for (const int value : values)
                         attribute.integer(8, static_cast<uint64_t>(value));
                 });
}

void addInteger(WireWriter& node, const char* name, int value)
{
    addAttribute(node, name, OnnxAttributeType::INTEGER,
                 [&](WireWriter& attribute) { attribute.integer(3, static_cast<uint64_t>(value)); });
}

void addReal(WireWriter& node, const char* name, float value)
{
    addAttribute(node, name, OnnxAttributeType::REAL, [&](WireWriter& attribute) { attribute.real(2, value); });
}

void addReals(WireWriter& node, const char* name, const std::vector<float>& values)
{
    addAttribute(node, name, OnnxAttributeType::REALS,
                 [&](WireWriter& attribute)
                 {
                     for (const float value : values)
                         attribute.real(7, value);
                 });
}

void addTensor(WireWriter& node, const std::string& name, const WireField& tensor)
{
    addAttribute(node, name, OnnxAttributeType::TENSOR,
                 [&](WireWriter& attribute) { attribute.data(5, tensor.data, tensor.size); });
}

constexpr int64_t MIN_GROUP = 4;  //!< channels of a group that D2Conv2d takes

class Rewriter
{
public:
    Rewriter(const std::vector<uchar>& model, const String& name, const OnnxRewrite& changes)
        : model_(model),
          reader_(model.data(), name),
          changes_(changes),
          graph_(readOnnxGraph(model.data(), model.size(), name))
    {
        for (const OnnxValue& output : graph_.outputs)
            kept_.insert(output.name);
        for (size_t i = 0; i < graph_.nodes.size(); i++)
            for (const std::string& input : graph_.nodes[i].inputs)
                consumers_[input].push_back(i);
    }

    std::vector<uchar> run()
    {
        // Subgraphs use tensors of the outer graph unseen.
        if (graph_.hasSubgraphs || !rewriteNodes())
            return model_;

        WireWriter out;
        out.bytes.reserve(model_.size() + model_.size() / 16 + 1024);
        for (const uchar *p = model_.data(), *end = p + model_.size(); p < end;)
        {
            const uchar* const start = p;
            const WireField field = reader_.next(p, end);
            if (field.number == 7)
                out.message(7, newGraph());
            else
                out.raw(start, p);
        }
        if (!graph_.versions.count(D2DET_DOMAIN))
        {
            WireWriter opset;
            opset.text(1, D2DET_DOMAIN);
            opset.integer(2, 1);
            out.message(8, opset);
        }
        return std::move(out.bytes);
    }

private:
    const OnnxConstant* constantInput(const OnnxNode& node, size_t index) const
    {
        const auto found =
            index < node.inputs.size() ? graph_.constants.find(node.inputs[index]) : graph_.constants.end();
        return found == graph_.constants.end() ? nullptr : &found->second;
    }

    //! Whether any node changes.
    bool rewriteNodes()
    {
        for (size_t i = 0; i < graph_.nodes.size(); i++)
        {
            const OnnxNode& node = graph_.nodes[i];
            if (changes_.convolutions && isPlainConvolution(node))
                rewriteConvolution(i);
            else if (changes_.constantsAsAttributes && node.domain == D2DET_DOMAIN &&
                     constantInput(node, lastInput(node)))
                rewriteConstants(i);
        }
        return !rewritten_.empty();
    }

    static size_t lastInput(const OnnxNode& node) { return node.inputs.empty() ? 0 : node.inputs.size() - 1; }

    /** 2-D, constant float32 weights, explicit padding: what D2Conv2d computes. Groups of few channels, such as those
        of depthwise convolutions, stay with OpenCV: a matrix product has too few rows there. */
    bool isPlainConvolution(const OnnxNode& node) const
    {
        if (!node.isStandard("Conv") || node.outputs.size() != 1 || node.inputs.size() < 2 || node.inputs.size() > 3)
            return false;
        const OnnxConstant* const weight = constantInput(node, 1);
        if (!weight || !weight->isFloat() || weight->dims.size() != 4)
            return false;
        if (node.inputs.size() == 3)
        {
            const OnnxConstant* const bias = constantInput(node, 2);
            if (!bias || !bias->isFloat() || bias->dims.size() != 1 || bias->dims[0] != weight->dims[0])
                return false;
        }
        const auto group = node.attributes.find("group"), autoPad = node.attributes.find("auto_pad");
        const int64_t groups = group == node.attributes.end() ? 1 : group->second.integer;
        if (groups < 1 || weight->dims[0] % groups != 0 ||
            (groups > 1 && std::min<int64_t>(weight->dims[0] / groups, weight->dims[1]) < MIN_GROUP))
            return false;
        if (autoPad != node.attributes.end() && autoPad->second.text != "NOTSET")
            return false;
        for (const int pad : node.list("pads", {0, 0, 0, 0}))
            if (pad < 0)
                return false;
        const std::vector<int> kernel(weight->dims.begin() + 2, weight->dims.end());
        return node.list("kernel_shape", kernel) == kernel && node.list("pads", {0, 0, 0, 0}).size() == 4 &&
               node.list("strides", {1, 1}).size() == 2 && node.list("dilations", {1, 1}).size() == 2;
    }

    //! Upper limit of the activation that alone uses the output of a node; 0: no limit; NaN: no such activation.
    float followingActivation(const OnnxNode& node, size_t& index) const
    {
        const float none = std::nanf("");
        const auto users = consumers_.find(node.outputs[0]);
        if (kept_.count(node.outputs[0]) || users == consumers_.end() || users->second.size() != 1)
            return none;
        index = users->second[0];
        const OnnxNode& next = graph_.nodes[index];
        if (next.outputs.size() != 1 || next.inputs.empty() || next.inputs[0] != node.outputs[0])
            return none;
        if (next.isStandard("Relu") && next.inputs.size() == 1)
            return 0.f;
        if (next.isOurs("D2ReLU6"))
            return 6.f;
        if (!next.isStandard("Clip"))
            return none;
        float limits[2];
        const char* const names[2] = {"min", "max"};
        for (size_t i = 0; i < 2; i++)  // attributes up to opset 10, inputs after
        {
            const auto found = next.attributes.find(names[i]);
            const OnnxConstant* const constant = constantInput(next, i + 1);
            limits[i] = found != next.attributes.end() ? found->second.real : constant ? constant->scalar() : none;
        }
        return limits[0] == 0.f && limits[1] > 0.f && std::isfinite(limits[1]) ? limits[1] : none;
    }

    void rewriteConvolution(size_t i)
    {
        const OnnxNode& node = graph_.nodes[i];
        size_t activation = 0;
        const float ceiling = followingActivation(node, activation);
        const bool relu = !std::isnan(ceiling);
        WireWriter out;
        out.text(1, node.inputs[0]);
        out.text(2, relu ? graph_.nodes[activation].outputs[0] : node.outputs[0]);
        if (!node.name.empty())
            out.text(3, node.name);
        out.text(4, "D2Conv2d");
        out.text(7, D2DET_DOMAIN);
        addIntegers(out, "conv_strides", node.list("strides", {1, 1}));
        addIntegers(out, "conv_dilations", node.list("dilations", {1, 1}));
        addIntegers(out, "conv_pads", node.list("pads", {0, 0, 0, 0}));
        if (node.integer("group", 1) != 1)
            addInteger(out, "groups", static_cast<int>(node.integer("group", 1)));
        addInteger(out, "has_bias", node.inputs.size() == 3);
        if (relu)
        {
            addInteger(out, "relu", 1);
            addReal(out, "ceiling", ceiling);
            removed_.insert(activation);
        }
        addQuantization(out, node);
        if (changes_.numbers)
            addInteger(out, "number", static_cast<int>(i));
        for (size_t k = 1; k < node.inputs.size(); k++)
            addTensor(out, node.inputs[k], constantInput(node, k)->field);
        rewritten_[i] = std::move(out);
    }

    void addQuantization(WireWriter& out, const OnnxNode& node) const
    {
        if (!changes_.quantization)
            return;
        const auto found = changes_.quantization->find(node.outputs[0]);
        if (found == changes_.quantization->end())
            return;
        addReal(out, "input_scale", found->second.inputScale);
        addInteger(out, "input_zero", found->second.inputZero);
        addReals(out, "weight_scales", found->second.weightScales);
    }

    //! The constants at the end of the inputs become attributes.
    void rewriteConstants(size_t i)
    {
        const OnnxNode& node = graph_.nodes[i];
        size_t count = node.inputs.size();
        while (count > 0 && constantInput(node, count - 1))
            count--;
        WireWriter out;
        for (size_t k = 0; k < count; k++)
            out.text(1, node.inputs[k]);
        for (const uchar* p = node.field.data; p < node.field.end();)
        {
            const uchar* const start = p;
            if (reader_.next(p, node.field.end()).number != 1)
                out.raw(start, p);
        }
        for (size_t k = count; k < node.inputs.size(); k++)
            addTensor(out, node.inputs[k], constantInput(node, k)->field);
        rewritten_[i] = std::move(out);
    }

    WireWriter newGraph() const
    {
        const WireField& graph = graph_.field;
        std::set<std::string> used = kept_;  // constants that nodes still take as inputs
        for (size_t i = 0; i < graph_.nodes.size(); i++)
            if (!removed_.count(i) && !rewritten_.count(i))
                used.insert(graph_.nodes[i].inputs.begin(), graph_.nodes[i].inputs.end());
        std::set<const uchar*> dropped;
        for (const auto& entry : graph_.constants)
            if (!used.count(entry.first) && consumers_.count(entry.first))
                dropped.insert(entry.second.field.data);

        WireWriter out;
        out.bytes.reserve(graph.size + graph.size / 16 + 1024);
        size_t index = 0;
        for (const uchar* p = graph.data; p < graph.end();)
        {
            const uchar* const start = p;
            const WireField field = reader_.next(p, graph.end());
            if (field.number == 1)
            {
                const size_t i = index++;
                const auto changed = rewritten_.find(i);
                if (changed != rewritten_.end())
                    out.message(1, changed->second);
                else if (!removed_.count(i))
                    out.raw(start, p);
            }
            else if (field.number != 5 || !dropped.count(field.data))
                out.raw(start, p);
        }
        return out;
    }

    const std::vector<uchar>& model_;
    const WireReader reader_;
    const OnnxRewrite changes_;
    const OnnxGraph graph_;
    std::map<std::string, std::vector<size_t>> consumers_;  //!< tensor -> nodes
    std::set<std::string> kept_;                            //!< outputs of the graph
    std::map<size_t, WireWriter> rewritten_;
    std::set<size_t> removed_;
};

}  // namespace

std::vector<uchar> rewriteOnnx(const std::vector<uchar>& model, const String& name, const OnnxRewrite& changes)
{
    return Rewriter(model, name, changes).run();
}

std::vector<uchar> describeOnnx(const std::vector<uchar>& model, const String& name,
                                const std::vector<OnnxDescription>& attributes)
{
    const WireReader reader(model.data(), name);
    // Attributes of a node by name; an attribute's name is its field 1.
    const auto nameOf = [&](const WireField& field)
    {
        for (const uchar* p = field.data; p < field.end();)
        {
            const WireField part = reader.next(p, field.end());
            if (part.number == 1 && part.wire == BYTES)
                return part.text();
        }
        return std::string();
    };
    const auto isDescribed = [&](const WireField& node)
    {
        bool domain = false, version = false;
        for (const uchar* p = node.data; p < node.end();)
        {
            const WireField part = reader.next(p, node.end());
            domain = domain || (part.number == 7 && part.wire == BYTES && part.text() == D2DET_DOMAIN);
            version = version || (part.number == 5 && part.wire == BYTES && nameOf(part) == "format_version");
        }
        return domain && version;
    };
    bool found = false;
    // Copies the fields of a message; `replace` writes those it changes and returns true.
    const auto copy = [&](const uchar* p, const uchar* end, WireWriter& out, const auto& replace)
    {
        while (p < end)
        {
            const uchar* const start = p;
            const WireField field = reader.next(p, end);
            if (!replace(field, out))
                out.raw(start, p);
        }
    };
    const auto replaceAttribute = [&](const WireField& field, WireWriter&)
    {
        return field.number == 5 && field.wire == BYTES &&
               std::any_of(attributes.begin(), attributes.end(),
                           [&](const OnnxDescription& attribute) { return nameOf(field) == attribute.name; });
    };
    const auto replaceNode = [&](const WireField& field, WireWriter& out)
    {
        if (field.number != 1 || field.wire != BYTES || !isDescribed(field))
            return false;
        found = true;
        WireWriter node;
        copy(field.data, field.end(), node, replaceAttribute);
        for (const OnnxDescription& attribute : attributes)
            if (attribute.isList && !attribute.values.empty())
                addReals(node, attribute.name.c_str(), attribute.values);
            else if (!attribute.values.empty())
                addReal(node, attribute.name.c_str(), attribute.values[0]);
        out.message(1, node);
        return true;
    };
    const auto replaceGraph = [&](const WireField& field, WireWriter& out)
    {
        if (field.number != 7 || field.wire != BYTES)
            return false;
        WireWriter graph;
        copy(field.data, field.end(), graph, replaceNode);
        out.message(7, graph);
        return true;
    };
    WireWriter result;
    copy(model.data(), model.data() + model.size(), result, replaceGraph);
    if (!found)
        CV_Error_(Error::StsBadArg, ("'%s' is no D2Det model: no node has a description (format_version). Models are "
                                     "made by d2det_export",
                                     name.c_str()));
    return result.bytes;
}

}  // namespace d2det
}  // namespace cv
