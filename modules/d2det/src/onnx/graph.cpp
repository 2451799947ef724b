// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "graph.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace cv
{
namespace d2det
{

namespace
{

constexpr size_t MAX_KEPT = 64;  //!< values of a constant that are kept; shapes, ranges and limits have fewer

uint32_t bit(uint32_t number)
{
    return number < 32 ? 1u << number : 0u;
}

class GraphReader
{
public:
    GraphReader(const uchar* data, const String& name) : reader_(data, name) {}

    OnnxGraph read(const uchar* data, size_t size)
    {
        for (const uchar *p = data, *end = data + size; p < end;)
        {
            const WireField field = reader_.next(p, end);
            graph_.modelParts |= bit(field.number);
            if (field.number == 7)
                graph_.field = field;
            else if (field.number == 8)
                readVersion(field);
        }
        for (const uchar* p = graph_.field.data; p < graph_.field.end();)
        {
            const WireField field = reader_.next(p, graph_.field.end());
            graph_.parts |= bit(field.number);
            if (field.number == 1)
                graph_.nodes.push_back(readNode(field));
            else if (field.number == 5)
                readConstant(field);
            else if (field.number == 11)
                graph_.inputs.push_back(readValue(field));
            else if (field.number == 12)
                graph_.outputs.push_back(readValue(field));
        }
        return std::move(graph_);
    }

private:
    //! Calls `part` for each field of a message.
    template <typename Part>
    void each(const WireField& message, Part part) const
    {
        for (const uchar* p = message.data; p < message.end();)
            part(reader_.next(p, message.end()));
    }

    //! Appends the integers of a field, which may be packed.
    template <typename Value>
    void addIntegers(const WireField& field, std::vector<Value>& values, size_t limit = SIZE_MAX) const
    {
        const auto add = [&](uint64_t value)
        {
            if (values.size() < limit)
                values.push_back(static_cast<Value>(static_cast<int64_t>(value)));
        };
        if (field.wire == VARINT)
            add(field.value);
        else if (field.wire == BYTES)
            for (const uchar* p = field.data; p < field.end();)
                add(reader_.varint(p, field.end()));
    }

    void readVersion(const WireField& field)
    {
        std::string domain;
        int64_t version = 0;
        each(field,
             [&](const WireField& part)
             {
                 if (part.number == 1)
                     domain = part.text();
                 else if (part.number == 2)
                     version = static_cast<int64_t>(part.value);
             });
        graph_.versions[domain] = std::max(graph_.versions[domain], version);
    }

    OnnxNode readNode(const WireField& field)
    {
        OnnxNode node;
        node.field = field;
        each(field,
             [&](const WireField& part)
             {
                 node.parts |= bit(part.number);
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
             });
        return node;
    }

    void readAttribute(const WireField& field, OnnxNode& node)
    {
        OnnxAttribute attribute;
        attribute.field = field;
        std::string name;
        each(field,
             [&](const WireField& part)
             {
                 attribute.parts |= bit(part.number);
                 if (part.number == 1)
                     name = part.text();
                 else if (part.number == 2 && part.wire == FIXED32)
                     std::memcpy(&attribute.real, part.data, sizeof attribute.real);
                 else if (part.number == 3)
                     attribute.integer = static_cast<int64_t>(part.value);
                 else if (part.number == 4)
                     attribute.text = part.text();
                 else if (part.number == 6 || part.number == 11)
                     graph_.hasSubgraphs = true;
                 else if (part.number == 7)
                     addReals(part, attribute.reals);
                 else if (part.number == 8)
                     addIntegers(part, attribute.integers);
                 else if (part.number == 20)
                     attribute.type = part.value;
             });
        graph_.hasRepeatedAttributes = graph_.hasRepeatedAttributes || node.attributes.count(name);
        node.attributes[name] = attribute;
    }

    static void addReals(const WireField& field, std::vector<float>& values)
    {
        if (field.wire != FIXED32 && field.wire != BYTES)
            return;
        for (size_t i = 0; i + sizeof(float) <= field.size; i += sizeof(float))
        {
            values.emplace_back();
            std::memcpy(&values.back(), field.data + i, sizeof(float));
        }
    }

    void readConstant(const WireField& field)
    {
        OnnxConstant constant;
        constant.field = field;
        std::string name;
        each(field,
             [&](const WireField& part)
             {
                 if (part.number == 1)
                     addIntegers(part, constant.dims);
                 else if (part.number == 2)
                     constant.type = part.value;
                 else if (part.number == 4)
                     constant.floats = part;
                 else if (part.number == 7)
                     addIntegers(part, constant.integers, MAX_KEPT);
                 else if (part.number == 8)
                     name = part.text();
                 else if (part.number == 9)
                     constant.raw = part;
             });
        if (constant.isInteger() && constant.raw.data)
            readRawIntegers(constant);
        const WireField& floats = constant.raw.data ? constant.raw : constant.floats;
        if (constant.isFloat() && floats.size <= MAX_KEPT * sizeof(float))
            addReals(floats, constant.reals);
        graph_.hasRepeatedConstants = graph_.hasRepeatedConstants || graph_.constants.count(name);
        graph_.constants[name] = constant;
    }

    static void readRawIntegers(OnnxConstant& constant)
    {
        constant.integers.clear();
        for (size_t i = 0; i + 8 <= constant.raw.size && constant.integers.size() < MAX_KEPT; i += 8)
        {
            uint64_t value = 0;  // raw_data is little-endian
            for (size_t k = 8; k-- > 0;)
                value = value << 8 | constant.raw.data[i + k];
            constant.integers.push_back(static_cast<int64_t>(value));
        }
    }

    OnnxValue readValue(const WireField& field) const
    {
        OnnxValue value;
        const auto dimension = [&](const WireField& dim)
        {
            int64_t length = -1;
            each(dim,
                 [&](const WireField& part)
                 {
                     if (part.number == 1)
                         length = static_cast<int64_t>(part.value);
                 });
            value.dims.push_back(length);
        };
        const auto tensor = [&](const WireField& part)
        {
            if (part.number == 1)
                value.type = part.value;
            else if (part.number == 2)
                each(part,
                     [&](const WireField& dim)
                     {
                         if (dim.number == 1)
                             dimension(dim);
                     });
        };
        each(field,
             [&](const WireField& part)
             {
                 if (part.number == 1)
                     value.name = part.text();
                 else if (part.number == 2)
                     each(part,
                          [&](const WireField& type)
                          {
                              if (type.number == 1)
                                  each(type, tensor);
                          });
             });
        return value;
    }

    const WireReader reader_;
    OnnxGraph graph_;
};

}  // namespace

float OnnxConstant::scalar() const
{
    return isFloat() && reals.size() == 1 ? reals[0] : std::nanf("");
}

OnnxGraph readOnnxGraph(const uchar* data, size_t size, const String& name)
{
    return GraphReader(data, name).read(data, size);
}

std::vector<uchar> withGraph(const std::vector<uchar>& model, const WireReader& reader, const WireWriter& graph)
{
    WireWriter out;
    out.bytes.reserve(graph.bytes.size() + 1024);
    for (const uchar *p = model.data(), *end = p + model.size(); p < end;)
    {
        const uchar* const start = p;
        if (reader.next(p, end).number == 7)
            out.message(7, graph);
        else
            out.raw(start, p);
    }
    return std::move(out.bytes);
}

}  // namespace d2det
}  // namespace cv
