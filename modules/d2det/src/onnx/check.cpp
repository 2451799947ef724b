// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Check of the wire format of an ONNX file before cv::dnn's importer reads it. Rejected are

     - bytes that are not a protobuf message, and messages without a graph;
     - tensors stored outside the file (TensorProto.external_data, data_location EXTERNAL): a model is one file, and a
       path in a model of unknown origin must not cause reads of other files;
     - tensors whose data size differs from the shape: the importer wraps the data in a cv::Mat of that
       shape without a check (getMatFromTensor of onnx_graph_simplifier.cpp in 4.6) and would read beyond the end;
     - integers (attributes, int64 tensors) of 2^24 and above: valid sizes, axes and paddings are smaller, and the
       importer allocates without a limit (an axis of Slice becomes the length of a vector);
     - nodes with nonexistent input tensors, tensors that are made twice;
     - singular fields that occur twice: protobuf would merge them, which makes the previous check worthless.

   Which operators a model may have, and what they may cost, is the matter of model_check.hpp.

   Messages that may hold others (graph.hpp has the fields of those that are read):

     ModelProto      graph 7, training_info 20, functions 25
     TrainingInfoProto initialization 1, algorithm 2        FunctionProto  node 7
     GraphProto      node 1, initializer 5, sparse_initializer 15                  NodeProto      attribute 5
     AttributeProto  i 3, ints 8, t 5, g 6, tensors 10, graphs 11, sparse_tensor 22, sparse_tensors 23
     SparseTensorProto values 1, indices 2
     TensorProto     dims 1, data_type 2, float_data 4, int32_data 5, int64_data 7, name 8, raw_data 9,
                     double_data 10, uint64_data 11, external_data 13, data_location 14 (1 = EXTERNAL) */

#include "check.hpp"
#include "graph.hpp"
#include "wire.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace cv
{
namespace d2det
{

namespace
{

constexpr int MAX_DEPTH = 32;  //!< nested messages; a graph inside an attribute costs three

constexpr int64_t MAX_INTEGER = 1 << 24;  //!< magnitude of integers in attributes and int64 tensors

constexpr size_t MAX_DIMS = 8;  //!< of a tensor

enum class Message
{
    MODEL,
    TRAINING_INFO,
    FUNCTION,
    GRAPH,
    NODE,
    ATTRIBUTE,
    SPARSE_TENSOR,
    TENSOR,
    OTHER  //!< ignored
};

//! Message type of a field, and whether the field is singular.
struct Child
{
    Message message;
    bool single;
};

Child childOf(Message parent, uint32_t field)
{
    switch (parent)
    {
        case Message::MODEL:
            if (field == 7)
                return {Message::GRAPH, true};
            if (field == 20)
                return {Message::TRAINING_INFO, false};
            if (field == 25)
                return {Message::FUNCTION, false};
            break;
        case Message::TRAINING_INFO:
            if (field == 1 || field == 2)
                return {Message::GRAPH, true};
            break;
        case Message::FUNCTION:
            if (field == 7)
                return {Message::NODE, false};
            break;
        case Message::GRAPH:
            if (field == 1)
                return {Message::NODE, false};
            if (field == 5)
                return {Message::TENSOR, false};
            if (field == 15)
                return {Message::SPARSE_TENSOR, false};
            break;
        case Message::NODE:
            if (field == 5)
                return {Message::ATTRIBUTE, false};
            break;
        case Message::ATTRIBUTE:
            if (field == 5 || field == 10)
                return {Message::TENSOR, field == 5};
            if (field == 6 || field == 11)
                return {Message::GRAPH, field == 6};
            if (field == 22 || field == 23)
                return {Message::SPARSE_TENSOR, field == 22};
            break;
        case Message::SPARSE_TENSOR:
            if (field == 1 || field == 2)
                return {Message::TENSOR, true};
            break;
        case Message::TENSOR:
        case Message::OTHER:
            break;
    }
    return {Message::OTHER, false};
}

//! The dimensions of a tensor, as far as they are read.
struct TensorShape
{
    size_t dims = 0;
    uint64_t elements = 1;
};

class Walker : private WireReader
{
public:
    Walker(const uchar* begin, const String& name) : WireReader(begin, name), begin_(begin) {}

    //! Checks one message.
    void message(Message type, const uchar* p, const uchar* end, int depth)
    {
        if (depth > MAX_DEPTH)
            fail(p, "messages are nested too deeply");
        if (type == Message::TENSOR)
        {
            tensor(p, end);
            return;
        }
        uint32_t seen = 0;  // bit i: single field i has occurred; their numbers are below 32
        while (p < end)
        {
            const uchar* const start = p;
            const WireField field = next(p, end);
            const Child child = childOf(type, field.number);
            if (type == Message::ATTRIBUTE && (field.number == 3 || field.number == 8))
                checkIntegers(field, start);
            if (child.message == Message::OTHER)
                continue;
            if (field.wire != BYTES)
                fail(start, "a field has the wrong wire type");
            if (child.single)
            {
                if (seen & (1u << field.number))
                    fail(start, "a field that may occur once occurs twice");
                seen |= 1u << field.number;
            }
            message(child.message, field.data, field.data + field.size, depth + 1);
        }
    }

    //! Checks how the nodes of the main graph are connected, after the check of all fields.
    void checkNodes(const OnnxGraph& graph) const;

private:
    void checkInteger(int64_t value, const uchar* where) const
    {
        if (value > MAX_INTEGER || value < -MAX_INTEGER)
            fail(where, "an integer is beyond 2^24");
    }

    //! Checks the values of a varint field that may be packed and counts them.
    uint64_t checkIntegers(const WireField& field, const uchar* where) const
    {
        if (field.wire == VARINT)
        {
            checkInteger(static_cast<int64_t>(field.value), where);
            return 1;
        }
        if (field.wire != BYTES)
            fail(where, "a field has the wrong wire type");
        uint64_t count = 0;
        for (const uchar *p = field.data, *end = p + field.size; p < end; count++)
            checkInteger(static_cast<int64_t>(varint(p, end)), where);
        return count;
    }

    void checkRawIntegers(const uchar* data, uint64_t count) const
    {
        for (uint64_t i = 0; i < count; i++)
        {
            uint64_t value = 0;  // raw_data is little-endian
            for (int k = 7; k >= 0; k--)
                value = value << 8 | data[i * 8 + k];
            checkInteger(static_cast<int64_t>(value), data + i * 8);
        }
    }

    void addDim(uint64_t dim, const uchar* where, TensorShape& shape) const
    {
        constexpr uint64_t LIMIT = std::numeric_limits<int>::max();
        if (dim > LIMIT)  // also negative ones
            fail(where, "a tensor has a negative or huge dimension");
        shape.elements *= dim;
        if (shape.elements > LIMIT)
            fail(where, "a tensor is too large");
        if (shape.dims == MAX_DIMS)
            fail(where, "a tensor has too many dimensions");
        shape.dims++;
    }

    //! Adds the dimensions in a field, packed or not.
    void addDims(const WireField& field, const uchar* where, TensorShape& shape) const
    {
        if (field.wire == VARINT)
            return addDim(field.value, where, shape);
        for (const uchar *p = field.data, *end = p + field.size; p < end;)
            addDim(varint(p, end), where, shape);
    }

    void tensor(const uchar* p, const uchar* end) const;

    const uchar* const begin_;
};

//! Bytes of one element in raw_data by TensorProto.DataType; 0: a type no network here can have.
int rawSize(uint64_t dataType)
{
    switch (dataType)
    {
        case 1:   // FLOAT
        case 6:   // INT32
        case 12:  // UINT32
            return 4;
        case 2:  // UINT8
        case 3:  // INT8
        case 9:  // BOOL
            return 1;
        case 4:   // UINT16
        case 5:   // INT16
        case 10:  // FLOAT16
        case 16:  // BFLOAT16
            return 2;
        case 7:   // INT64
        case 11:  // DOUBLE
        case 13:  // UINT64
            return 8;
        default:
            return 0;
    }
}

void Walker::tensor(const uchar* p, const uchar* end) const
{
    const uchar* const start = p;
    TensorShape shape;
    uint64_t dataType = 0;
    uint64_t floats = 0, int32s = 0, int64s = 0, doubles = 0, raw = 0;
    const uchar* rawData = nullptr;
    bool hasRaw = false, hasType = false;
    while (p < end)
    {
        const uchar* const fieldStart = p;
        const WireField field = next(p, end);
        const bool bytes = field.wire == BYTES;
        bool wireOk = true;
        switch (field.number)
        {
            case 1:
                wireOk = bytes || field.wire == VARINT;
                if (wireOk)
                    addDims(field, fieldStart, shape);
                break;
            case 2:
                wireOk = field.wire == VARINT && !hasType;
                hasType = true;
                dataType = field.value;
                break;
            case 4:
                wireOk = (bytes && field.size % 4 == 0) || field.wire == FIXED32;
                floats += field.size / 4;
                break;
            case 5:
            case 7:
                wireOk = bytes || field.wire == VARINT;
                if (wireOk)
                    (field.number == 5 ? int32s : int64s) += checkIntegers(field, fieldStart);
                break;
            case 8:
                wireOk = bytes;
                break;
            case 9:
                wireOk = bytes && !hasRaw;
                hasRaw = true;
                raw = field.size;
                rawData = field.data;
                break;
            case 10:
                wireOk = (bytes && field.size % 8 == 0) || field.wire == FIXED64;
                doubles += field.size / 8;
                break;
            case 13:
            case 14:
                if (field.number == 13 || field.value == 1)
                    CV_Error_(Error::StsBadArg,
                              ("'%s' keeps weights in another file (ONNX external data, at byte %zu). A D2Det model is "
                               "one file: export it again without external data",
                               name().c_str(), offset(fieldStart)));
                wireOk = field.wire == VARINT;
                break;
            default:
                break;
        }
        if (!wireOk)
            fail(fieldStart, "a field of a tensor has the wrong type or occurs twice");
    }

    const uint64_t elements = shape.elements;
    const int bytesPerElement = rawSize(dataType);
    if (bytesPerElement == 0)
        fail(start, "a tensor has an unknown data type");
    // One field has the data, and all of them: which of two fields a reader takes is its own affair.
    const bool one = (hasRaw ? 1 : 0) + (floats ? 1 : 0) + (int32s ? 1 : 0) + (int64s ? 1 : 0) + (doubles ? 1 : 0) <= 1;
    const bool counts = one && (!hasRaw || raw == elements * bytesPerElement) && (!floats || floats == elements) &&
                        (!int32s || int32s == elements) && (!int64s || int64s == elements) &&
                        (!doubles || doubles == elements);
    // Typed data of another type than data_type would make the importer look into an empty raw_data.
    const bool fits = hasRaw || elements == 0 || (dataType == 1 && floats) || (dataType == 7 && int64s) ||
                      (dataType == 11 && doubles) || (bytesPerElement <= 4 && dataType != 1 && int32s);
    if (!counts || !fits)
        fail(start, "the data of a tensor are not as long as its shape says");
    if (dataType == 7 && hasRaw)
        checkRawIntegers(rawData, elements);
}

void Walker::checkNodes(const OnnxGraph& graph) const
{
    if (!graph.field.data)
        fail(begin_, "it has no graph");
    if (graph.hasRepeatedConstants)
        fail(graph.field.data, "two tensors have the same name");
    std::set<std::string> known;
    for (const auto& constant : graph.constants)
        known.insert(constant.first);
    for (const OnnxValue& input : graph.inputs)
        known.insert(input.name);
    for (const OnnxNode& node : graph.nodes)
    {
        for (const std::string& input : node.inputs)
            if (!input.empty() && !known.count(input))
                fail(node.field.data, "a node uses a tensor that does not exist");
        for (const std::string& output : node.outputs)
            if (!output.empty() && !known.insert(output).second)
                fail(node.field.data, "a tensor is made twice");
    }
}

}  // namespace

void checkOnnx(const uchar* data, size_t size, const String& name)
{
    if (size == 0)
        CV_Error_(Error::StsBadArg, ("'%s' is empty, it should be an ONNX model", name.c_str()));
    if (size > static_cast<size_t>(std::numeric_limits<int>::max()))
        CV_Error_(Error::StsBadArg, ("'%s' has %zu bytes, an ONNX model has less than 2 GiB", name.c_str(), size));
    Walker walker(data, name);
    walker.message(Message::MODEL, data, data + size, 0);
    walker.checkNodes(readOnnxGraph(data, size, name));
}

}  // namespace d2det
}  // namespace cv
