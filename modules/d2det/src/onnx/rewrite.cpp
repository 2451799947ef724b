// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Field numbers of onnx.proto3, beyond those in check.cpp:

     ModelProto      graph 7, opset_import 8           OperatorSetIdProto  domain 1, version 2
     GraphProto      node 1, initializer 5, output 12  ValueInfoProto      name 1
     NodeProto       input 1, output 2, name 3, op_type 4, attribute 5, domain 7
     AttributeProto  name 1, f 2, i 3, s 4, t 5, ints 8, type 20 (FLOAT 1, INT 2, TENSOR 4, INTS 7); g 6, graphs 11
     TensorProto     dims 1, data_type 2 (FLOAT 1), float_data 4, name 8, raw_data 9 */

#include "rewrite.hpp"
#include "wire.hpp"

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

const char* const DOMAIN_NAME = "d2det";

struct Attribute
{
    WireField field;  //!< the entire attribute
    std::string text;
    int64_t integer = 0;
    float real = 0;
    std::vector<int> integers;
};

struct Node
{
    WireField field;
    std::vector<std::string> inputs, outputs;
    std::string name, type, domain;
    std::map<std::string, Attribute> attributes;

    bool isStandard(const char* wanted) const { return (domain.empty() || domain == "ai.onnx") && type == wanted; }
    std::vector<int> list(const char* attribute, const std::vector<int>& defaults) const
    {
        const auto found = attributes.find(attribute);
        return found == attributes.end() ? defaults : found->second.integers;
    }
};

struct Constant
{
    WireField field;
    std::vector<int> dims;
    bool isFloat = false;
    WireField raw, floats;

    //! Value of a scalar; NaN if it is none.
    float scalar() const
    {
        const WireField& bytes = raw.data ? raw : floats;
        float value = std::nanf("");
        if (isFloat && bytes.size == sizeof value)  // both are little-endian
            std::memcpy(&value, bytes.data, sizeof value);
        return value;
    }
};

enum class AttributeType
{
    REAL = 1,
    INTEGER = 2,
    TENSOR = 4,
    INTEGERS = 7
};

//! Appends an attribute to a node. `fill` writes its fields but name and type.
template <typename Fill>
void addAttribute(WireWriter& node, const std::string& name, AttributeType type, Fill fill)
{
    WireWriter attribute;
    attribute.text(1, name);
    fill(attribute);
    attribute.integer(20, static_cast<uint64_t>(type));
    node.message(5, attribute);
}

void addIntegers(WireWriter& node, const char* name, const std::vector<int>& values)
{
    addAttribute(node, name, AttributeType::INTEGERS,
                 [&](WireWriter& attribute)
                 {
                     for (const int value : values)
                         attribute.integer(8, static_cast<uint64_t>(value));
                 });
}

void addInteger(WireWriter& node, const char* name, int value)
{
    addAttribute(node, name, AttributeType::INTEGER,
                 [&](WireWriter& attribute) { attribute.integer(3, static_cast<uint64_t>(value)); });
}

void addReal(WireWriter& node, const char* name, float value)
{
    addAttribute(node, name, AttributeType::REAL, [&](WireWriter& attribute) { attribute.real(2, value); });
}

void addTensor(WireWriter& node, const std::string& name, const WireField& tensor)
{
    addAttribute(node, name, AttributeType::TENSOR,
                 [&](WireWriter& attribute) { attribute.data(5, tensor.data, tensor.size); });
}

class Rewriter
{
public:
    Rewriter(const std::vector<uchar>& model, const String& name, const OnnxRewrite& changes)
        : model_(model), reader_(model.data(), name), changes_(changes)
    {
    }

    std::vector<uchar> run()
    {
        const uchar *p = model_.data(), *end = p + model_.size();
        WireField graph;
        bool hasDomain = false;
        while (p < end)
        {
            const WireField field = reader_.next(p, end);
            if (field.number == 7)
                graph = field;
            else if (field.number == 8)
                hasDomain = hasDomain || hasText(field, 1, DOMAIN_NAME);
        }
        readGraph(graph);
        if (hasSubgraphs_ || !rewriteNodes())
            return model_;

        WireWriter out;
        out.bytes.reserve(model_.size() + model_.size() / 16 + 1024);
        for (p = model_.data(); p < end;)
        {
            const uchar* const start = p;
            const WireField field = reader_.next(p, end);
            if (field.number == 7)
                out.message(7, newGraph(graph));
            else
                out.raw(start, p);
        }
        if (!hasDomain)
        {
            WireWriter opset;
            opset.text(1, DOMAIN_NAME);
            opset.integer(2, 1);
            out.message(8, opset);
        }
        return std::move(out.bytes);
    }

private:
    bool hasText(const WireField& message, uint32_t number, const char* text) const
    {
        for (const uchar* p = message.data; p < message.end();)
        {
            const WireField part = reader_.next(p, message.end());
            if (part.number == number && part.text() == text)
                return true;
        }
        return false;
    }

    //! Appends the integers of a field, which may be packed.
    void addValues(const WireField& field, std::vector<int>& values) const
    {
        if (field.wire == VARINT)
            values.push_back(static_cast<int>(field.value));
        for (const uchar* p = field.data; p < field.end();)
            values.push_back(static_cast<int>(reader_.varint(p, field.end())));
    }

    void readGraph(const WireField& graph)
    {
        for (const uchar* p = graph.data; p < graph.end();)
        {
            const WireField field = reader_.next(p, graph.end());
            if (field.number == 1)
                nodes_.push_back(readNode(field));
            else if (field.number == 5)
                readConstant(field);
            else if (field.number == 12)
                for (const uchar* q = field.data; q < field.end();)
                {
                    const WireField part = reader_.next(q, field.end());
                    if (part.number == 1)
                        kept_.insert(part.text());
                }
        }
        for (size_t i = 0; i < nodes_.size(); i++)
            for (const std::string& input : nodes_[i].inputs)
                consumers_[input].push_back(i);
    }

    Node readNode(const WireField& field)
    {
        Node node;
        node.field = field;
        for (const uchar* p = field.data; p < field.end();)
        {
            const WireField part = reader_.next(p, field.end());
            if (part.number == 1)
                node.inputs.push_back(part.text());
            else if (part.number == 2)
                node.outputs.push_back(part.text());
            else if (part.number == 3)
                node.name = part.text();
            else if (part.number == 4)
                node.type = part.text();
            else if (part.number == 7)
                node.domain = part.text();
            else if (part.number == 5)
                readAttribute(part, node);
        }
        return node;
    }

    void readAttribute(const WireField& field, Node& node)
    {
        Attribute attribute;
        attribute.field = field;
        std::string name;
        for (const uchar* p = field.data; p < field.end();)
        {
            const WireField part = reader_.next(p, field.end());
            if (part.number == 1)
                name = part.text();
            else if (part.number == 2 && part.wire == FIXED32)
                std::memcpy(&attribute.real, part.data, sizeof attribute.real);
            else if (part.number == 3)
                attribute.integer = static_cast<int64_t>(part.value);
            else if (part.number == 4)
                attribute.text = part.text();
            else if (part.number == 6 || part.number == 11)
                hasSubgraphs_ = true;
            else if (part.number == 8)
                addValues(part, attribute.integers);
        }
        node.attributes[name] = attribute;
    }

    void readConstant(const WireField& field)
    {
        Constant constant;
        constant.field = field;
        std::string name;
        for (const uchar* p = field.data; p < field.end();)
        {
            const WireField part = reader_.next(p, field.end());
            if (part.number == 1)
                addValues(part, constant.dims);
            else if (part.number == 2)
                constant.isFloat = part.value == 1;
            else if (part.number == 4)
                constant.floats = part;
            else if (part.number == 8)
                name = part.text();
            else if (part.number == 9)
                constant.raw = part;
        }
        constants_[name] = constant;
    }

    const Constant* constantInput(const Node& node, size_t index) const
    {
        const auto found = index < node.inputs.size() ? constants_.find(node.inputs[index]) : constants_.end();
        return found == constants_.end() ? nullptr : &found->second;
    }

    //! Whether any node changes.
    bool rewriteNodes()
    {
        for (size_t i = 0; i < nodes_.size(); i++)
        {
            const Node& node = nodes_[i];
            if (changes_.convolutions && isPlainConvolution(node))
                rewriteConvolution(i);
            else if (changes_.constantsAsAttributes && node.domain == DOMAIN_NAME &&
                     constantInput(node, lastInput(node)))
                rewriteConstants(i);
        }
        return !rewritten_.empty();
    }

    static size_t lastInput(const Node& node) { return node.inputs.empty() ? 0 : node.inputs.size() - 1; }

    //! 2-D, one group, constant float32 weights, explicit padding: what D2Conv2d computes.
    bool isPlainConvolution(const Node& node) const
    {
        if (!node.isStandard("Conv") || node.outputs.size() != 1 || node.inputs.size() < 2 || node.inputs.size() > 3)
            return false;
        const Constant* const weight = constantInput(node, 1);
        if (!weight || !weight->isFloat || weight->dims.size() != 4)
            return false;
        if (node.inputs.size() == 3)
        {
            const Constant* const bias = constantInput(node, 2);
            if (!bias || !bias->isFloat || bias->dims.size() != 1 || bias->dims[0] != weight->dims[0])
                return false;
        }
        const auto group = node.attributes.find("group"), autoPad = node.attributes.find("auto_pad");
        if (group != node.attributes.end() && group->second.integer != 1)
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
    float followingActivation(const Node& node, size_t& index) const
    {
        const float none = std::nanf("");
        const auto users = consumers_.find(node.outputs[0]);
        if (kept_.count(node.outputs[0]) || users == consumers_.end() || users->second.size() != 1)
            return none;
        index = users->second[0];
        const Node& next = nodes_[index];
        if (next.outputs.size() != 1 || next.inputs.empty() || next.inputs[0] != node.outputs[0])
            return none;
        if (next.isStandard("Relu") && next.inputs.size() == 1)
            return 0.f;
        if (!next.isStandard("Clip"))
            return none;
        float limits[2];
        const char* const names[2] = {"min", "max"};
        for (size_t i = 0; i < 2; i++)  // attributes up to opset 10, inputs after
        {
            const auto found = next.attributes.find(names[i]);
            const Constant* const constant = constantInput(next, i + 1);
            limits[i] = found != next.attributes.end() ? found->second.real : constant ? constant->scalar() : none;
        }
        return limits[0] == 0.f && limits[1] > 0.f && std::isfinite(limits[1]) ? limits[1] : none;
    }

    void rewriteConvolution(size_t i)
    {
        const Node& node = nodes_[i];
        size_t activation = 0;
        const float ceiling = followingActivation(node, activation);
        const bool relu = !std::isnan(ceiling);
        WireWriter out;
        out.text(1, node.inputs[0]);
        out.text(2, relu ? nodes_[activation].outputs[0] : node.outputs[0]);
        if (!node.name.empty())
            out.text(3, node.name);
        out.text(4, "D2Conv2d");
        out.text(7, DOMAIN_NAME);
        addIntegers(out, "conv_strides", node.list("strides", {1, 1}));
        addIntegers(out, "conv_dilations", node.list("dilations", {1, 1}));
        addIntegers(out, "conv_pads", node.list("pads", {0, 0, 0, 0}));
        addInteger(out, "has_bias", node.inputs.size() == 3);
        if (relu)
        {
            addInteger(out, "relu", 1);
            addReal(out, "ceiling", ceiling);
            removed_.insert(activation);
        }
        for (size_t k = 1; k < node.inputs.size(); k++)
            addTensor(out, node.inputs[k], constantInput(node, k)->field);
        rewritten_[i] = std::move(out);
    }

    //! The constants at the end of the inputs become attributes.
    void rewriteConstants(size_t i)
    {
        const Node& node = nodes_[i];
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

    WireWriter newGraph(const WireField& graph)
    {
        std::set<std::string> used = kept_;  // constants that nodes still take as inputs
        for (size_t i = 0; i < nodes_.size(); i++)
            if (!removed_.count(i) && !rewritten_.count(i))
                used.insert(nodes_[i].inputs.begin(), nodes_[i].inputs.end());
        std::set<const uchar*> dropped;
        for (const auto& entry : constants_)
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
    std::vector<Node> nodes_;
    std::map<std::string, Constant> constants_;
    std::map<std::string, std::vector<size_t>> consumers_;  //!< tensor -> nodes
    std::set<std::string> kept_;                            //!< outputs of the graph
    bool hasSubgraphs_ = false;  //!< they use tensors of the outer graph unseen: nothing is changed
    std::map<size_t, WireWriter> rewritten_;
    std::set<size_t> removed_;
};

}  // namespace

std::vector<uchar> rewriteOnnx(const std::vector<uchar>& model, const String& name, const OnnxRewrite& changes)
{
    return Rewriter(model, name, changes).run();
}

std::vector<uchar> describeOnnx(const std::vector<uchar>& model, const String& name, const String& attribute,
                                float value)
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
            domain = domain || (part.number == 7 && part.wire == BYTES && part.text() == DOMAIN_NAME);
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
    { return field.number == 5 && field.wire == BYTES && nameOf(field) == attribute; };
    const auto replaceNode = [&](const WireField& field, WireWriter& out)
    {
        if (field.number != 1 || field.wire != BYTES || !isDescribed(field))
            return false;
        found = true;
        WireWriter node;
        copy(field.data, field.end(), node, replaceAttribute);
        addReal(node, attribute.c_str(), value);
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
