// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Writes small ONNX files byte by byte, so that the tests need neither the exporter nor files. Field numbers:
   onnx.proto3. */

#ifndef OPENCV_D2DET_TEST_ONNX_BUILDER_HPP
#define OPENCV_D2DET_TEST_ONNX_BUILDER_HPP

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace opencv_test
{
namespace onnx
{

//! A protobuf message under construction.
struct Message
{
    std::string data;

    Message& raw(uint64_t value)
    {
        for (; value >= 0x80; value >>= 7)
            data += static_cast<char>(value | 0x80);
        data += static_cast<char>(value);
        return *this;
    }
    Message& number(int field, int64_t value) { return raw(field * 8u).raw(static_cast<uint64_t>(value)); }
    Message& bytes(int field, const std::string& value)
    {
        raw(field * 8u + 2).raw(value.size());
        data += value;
        return *this;
    }
    Message& add(int field, const Message& value) { return bytes(field, value.data); }
    Message& floating(int field, float value)
    {
        raw(field * 8u + 5);
        data.append(reinterpret_cast<const char*>(&value), sizeof(value));  // little-endian machines only
        return *this;
    }
};

inline Message attribute(const std::string& name, int64_t value)
{
    return Message().bytes(1, name).number(3, value).number(20, 2);
}
inline Message attribute(const std::string& name, int value)
{
    return attribute(name, static_cast<int64_t>(value));
}
inline Message attribute(const std::string& name, float value)
{
    return Message().bytes(1, name).floating(2, value).number(20, 1);
}
inline Message attribute(const std::string& name, const std::string& value)
{
    return Message().bytes(1, name).bytes(4, value).number(20, 3);
}
inline Message attribute(const std::string& name, const char* value)
{
    return attribute(name, std::string(value));
}
inline Message attribute(const std::string& name, const std::vector<float>& values)
{
    Message m;
    m.bytes(1, name);
    for (const float v : values)
        m.floating(7, v);
    return m.number(20, 6);
}
inline Message attribute(const std::string& name, const std::vector<int>& values)
{
    Message m;
    m.bytes(1, name);
    for (const int v : values)
        m.number(8, v);
    return m.number(20, 7);
}

inline Message node(const std::string& op, const std::string& domain, const std::vector<std::string>& inputs,
                    const std::vector<std::string>& outputs, const std::vector<Message>& attributes)
{
    Message m;
    for (const std::string& input : inputs)
        m.bytes(1, input);
    for (const std::string& output : outputs)
        m.bytes(2, output);
    m.bytes(3, "node_" + outputs[0]).bytes(4, op);
    for (const Message& a : attributes)
        m.add(5, a);
    return m.bytes(7, domain);
}

template <typename T>
std::string rawData(const std::vector<T>& values)
{
    return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

//! TensorProto; dataType 1: float, 7: int64.
inline Message tensorHead(const std::string& name, const std::vector<int>& dims, int dataType)
{
    Message m;
    for (const int d : dims)
        m.number(1, d);
    return m.number(2, dataType).bytes(8, name);
}
inline Message tensor(const std::string& name, const std::vector<int>& dims, const std::vector<float>& values)
{
    return tensorHead(name, dims, 1).bytes(9, rawData(values));
}
inline Message tensor(const std::string& name, const std::vector<int64_t>& values)
{
    return tensorHead(name, {static_cast<int>(values.size())}, 7).bytes(9, rawData(values));
}

//! ValueInfoProto of a float tensor.
inline Message value(const std::string& name, const std::vector<int>& dims)
{
    Message shape;
    for (const int d : dims)
        shape.add(1, Message().number(1, d));
    const Message type = Message().add(1, Message().number(1, 1).add(2, shape));
    return Message().bytes(1, name).add(2, type);
}

struct Graph
{
    std::vector<Message> nodes, initializers, inputs, outputs;

    Message message() const
    {
        Message m;
        for (const Message& n : nodes)
            m.add(1, n);
        m.bytes(2, "test");
        for (const Message& t : initializers)
            m.add(5, t);
        for (const Message& v : inputs)
            m.add(11, v);
        for (const Message& v : outputs)
            m.add(12, v);
        return m;
    }
};

//! The graph comes last: no proper prefix of the file is a model.
inline std::vector<uint8_t> model(const Message& graph)
{
    Message m;
    m.number(1, 6);                                  // ir_version
    m.add(8, Message().bytes(1, "").number(2, 11));  // opset_import
    m.add(8, Message().bytes(1, "d2det").number(2, 1)).add(7, graph);
    return std::vector<uint8_t>(m.data.begin(), m.data.end());
}

//! How often the bytes of `text` are in a file.
inline int occurrences(const std::vector<unsigned char>& file, const std::string& text)
{
    int count = 0;
    const std::string all(file.begin(), file.end());
    for (size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + 1))
        count++;
    return count;
}

}  // namespace onnx
}  // namespace opencv_test

#endif
