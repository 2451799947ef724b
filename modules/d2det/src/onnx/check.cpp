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
     - nodes with nonexistent input tensors, convolutions without constant weights, Slice with invalid axes: the
     importer
       of 4.6 reads beyond the end of vectors;
     - singular fields that occur twice: protobuf would merge them, which makes the previous check worthless.

   Field numbers: onnx.proto3 of ONNX 1.12 (never renumbered):

     ModelProto      graph 7, training_info 20, functions 25
     TrainingInfoProto initialization 1, algorithm 2        FunctionProto  node 7
     GraphProto      node 1, initializer 5, input 11, sparse_initializer 15        ValueInfoProto  name 1
     NodeProto       input 1, output 2, op_type 4, attribute 5, domain 7
     AttributeProto  i 3, ints 8, t 5, g 6, tensors 10, graphs 11, sparse_tensor 22, sparse_tensors 23
     SparseTensorProto values 1, indices 2
     TensorProto     dims 1, data_type 2, float_data 4, int32_data 5, int64_data 7, name 8, raw_data 9,
                     double_data 10, uint64_data 11, external_data 13, data_location 14 (1 = EXTERNAL) */

#include "check.hpp"
#include "wire.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
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

//! Properties of a tensor for the checks of nodes.
struct TensorInfo
{
    std::string name;
    std::vector<uint64_t> dims;
    uint64_t elements = 1;
    int64_t largest = 0;  //!< magnitude of its integers
};

struct NodeInfo
{
    std::vector<std::string> inputs, outputs;
    std::string type, domain;
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
            int64_t ignored = 0;
            if (type == Message::ATTRIBUTE && (field.number == 3 || field.number == 8))
                checkIntegers(field, start, ignored);
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
            if (type == Message::MODEL && child.message == Message::GRAPH)
                graph_ = field;
            message(child.message, field.data, field.data + field.size, depth + 1);
        }
    }

    //! Checks the consistency of the nodes in the main graph, after the check of all fields.
    void checkNodes() const;

private:
    void checkInteger(int64_t value, const uchar* where, int64_t& largest) const
    {
        if (value > MAX_INTEGER || value < -MAX_INTEGER)
            fail(where, "an integer is beyond 2^24");
        largest = std::max(largest, std::abs(value));
    }

    //! Checks the values of a varint field that may be packed and counts them.
    uint64_t checkIntegers(const WireField& field, const uchar* where, int64_t& largest) const
    {
        if (field.wire == VARINT)
        {
            checkInteger(static_cast<int64_t>(field.value), where, largest);
            return 1;
        }
        if (field.wire != BYTES)
            fail(where, "a field has the wrong wire type");
        uint64_t count = 0;
        for (const uchar *p = field.data, *end = p + field.size; p < end; count++)
            checkInteger(static_cast<int64_t>(varint(p, end)), where, largest);
        return count;
    }

    void checkRawIntegers(const uchar* data, uint64_t count, int64_t& largest) const
    {
        for (uint64_t i = 0; i < count; i++)
        {
            uint64_t value = 0;  // raw_data is little-endian
            for (int k = 7; k >= 0; k--)
                value = value << 8 | data[i * 8 + k];
            checkInteger(static_cast<int64_t>(value), data + i * 8, largest);
        }
    }

    void addDim(uint64_t dim, const uchar* where, TensorInfo& info) const
    {
        constexpr uint64_t LIMIT = std::numeric_limits<int>::max();
        if (dim > LIMIT)  // also negative ones
            fail(where, "a tensor has a negative or huge dimension");
        info.elements *= dim;
        if (info.elements > LIMIT)
            fail(where, "a tensor is too large");
        if (info.dims.size() == MAX_DIMS)
            fail(where, "a tensor has too many dimensions");
        info.dims.push_back(dim);
    }

    //! Adds the dimensions in a field, packed or not.
    void addDims(const WireField& field, const uchar* where, TensorInfo& info) const
    {
        if (field.wire == VARINT)
            return addDim(field.value, where, info);
        for (const uchar *p = field.data, *end = p + field.size; p < end;)
            addDim(varint(p, end), where, info);
    }

    TensorInfo tensor(const uchar* p, const uchar* end) const;
    NodeInfo node(const WireField& field) const;
    void checkNode(const NodeInfo& node, const uchar* where, const std::map<std::string, TensorInfo>& constants) const;

    const uchar* const begin_;
    WireField graph_;
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

TensorInfo Walker::tensor(const uchar* p, const uchar* end) const
{
    const uchar* const start = p;
    TensorInfo info;
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
                    addDims(field, fieldStart, info);
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
                    (field.number == 5 ? int32s : int64s) += checkIntegers(field, fieldStart, info.largest);
                break;
            case 8:
                wireOk = bytes;
                info.name.assign(field.data, field.data + field.size);
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

    const uint64_t elements = info.elements;
    const int bytesPerElement = rawSize(dataType);
    if (bytesPerElement == 0)
        fail(start, "a tensor has an unknown data type");
    // The importer prefers the typed field that fits the data type and takes raw_data otherwise; each one that is there
    // must be complete.
    const bool counts = (!hasRaw || raw == elements * bytesPerElement) && (!floats || floats == elements) &&
                        (!int32s || int32s == elements) && (!int64s || int64s == elements) &&
                        (!doubles || doubles == elements);
    // Typed data of another type than data_type would make the importer look into an empty raw_data.
    const bool fits = hasRaw || elements == 0 || (dataType == 1 && floats) || (dataType == 7 && int64s) ||
                      (dataType == 11 && doubles) || (bytesPerElement <= 4 && dataType != 1 && int32s);
    if (!counts || !fits)
        fail(start, "the data of a tensor are not as long as its shape says");
    if (dataType == 7 && hasRaw)
        checkRawIntegers(rawData, elements, info.largest);
    return info;
}

NodeInfo Walker::node(const WireField& field) const
{
    NodeInfo info;
    for (const uchar *p = field.data, *end = p + field.size; p < end;)
    {
        const WireField part = next(p, end);
        const std::string text(part.data, part.data + part.size);
        if (part.number == 1)
            info.inputs.push_back(text);
        else if (part.number == 2)
            info.outputs.push_back(text);
        else if (part.number == 4)
            info.type = text;
        else if (part.number == 7)
            info.domain = text;
    }
    return info;
}

//! Standard operators whose inputs are not checked by the importer.
void Walker::checkNode(const NodeInfo& node, const uchar* where,
                       const std::map<std::string, TensorInfo>& constants) const
{
    const auto constant = [&](size_t i) -> const TensorInfo*
    {
        const auto found = i < node.inputs.size() ? constants.find(node.inputs[i]) : constants.end();
        return found == constants.end() ? nullptr : &found->second;
    };
    if (node.type == "Conv" || node.type == "ConvTranspose")
    {
        const TensorInfo* const weight = constant(1);
        if (!weight || weight->dims.size() < 3 || weight->elements == 0)
            fail(where, "a convolution has no constant weights");
        if (node.inputs.size() > 2 && (!constant(2) || constant(2)->dims.size() != 1 || constant(2)->elements == 0))
            fail(where, "a convolution has no constant bias");
        if (node.type == "Conv" && node.inputs.size() > 2 && constant(2)->elements != weight->dims[0])
            fail(where, "a convolution's bias does not fit its weights");
    }
    else if (node.type == "Slice" && node.inputs.size() > 1)
    {
        for (size_t i = 1; i < node.inputs.size(); i++)
            if (!constant(i) || constant(i)->elements == 0 || constant(i)->elements > MAX_DIMS ||
                (i >= 3 && constant(i)->largest >= static_cast<int64_t>(MAX_DIMS)))
                fail(where, "a Slice has no constant or impossible ranges");
    }
}

void Walker::checkNodes() const
{
    if (!graph_.data)
        fail(begin_, "it has no graph");
    std::map<std::string, TensorInfo> constants;
    std::set<std::string> known;
    std::vector<WireField> nodes;
    for (const uchar *p = graph_.data, *end = p + graph_.size; p < end;)
    {
        const WireField field = next(p, end);
        if (field.number == 1)
            nodes.push_back(field);
        else if (field.number == 5)
        {
            const TensorInfo info = tensor(field.data, field.data + field.size);
            known.insert(info.name);
            if (!constants.emplace(info.name, info).second)
                fail(field.data, "two tensors have the same name");
        }
        else if (field.number == 11 && field.wire == BYTES)
            for (const uchar *q = field.data, *inputEnd = q + field.size; q < inputEnd;)
            {
                const WireField part = next(q, inputEnd);
                if (part.number == 1 && part.wire == BYTES)
                    known.emplace(part.data, part.data + part.size);
            }
    }
    for (const WireField& field : nodes)
    {
        const NodeInfo info = node(field);
        for (const std::string& input : info.inputs)
            if (!input.empty() && !known.count(input))
                fail(field.data, "a node uses a tensor that does not exist");
        if (info.domain.empty() || info.domain == "ai.onnx")
            checkNode(info, field.data, constants);
        for (const std::string& output : info.outputs)
            if (!output.empty() && !known.insert(output).second)
                fail(field.data, "a tensor is made twice");
    }
}

//! Files that are often taken for a model, by their first bytes; null: another file.
const char* kindOfFile(const uchar* data, size_t size)
{
    const std::string begin(data, data + std::min<size_t>(size, 64));
    const auto begins = [&](const char* text) { return begin.rfind(text, 0) == 0; };
    if (begins("version https://git-lfs"))
        return "is a pointer of Git LFS, which stands for the model until 'git lfs pull' fetches it";
    if (begins("<!DOCTYPE") || begins("<!doctype") || begins("<html") || begins("<HTML"))
        return "is a web page, not the model: the download went wrong";
    if (begins("PK\x03\x04"))
        return "is a zip archive (a checkpoint of PyTorch is one), not an ONNX model";
    // safetensors: length of the header, 8 bytes, and the header in JSON
    if (size > 9 && begin[8] == '{' && begin.compare(5, 3, "\0\0\0", 3) == 0)
        return "is a checkpoint (safetensors): d2det_export makes the model from it";
    return nullptr;
}

//! Whether the bytes are an ONNX model with nodes, none of which is of this module.
bool isOtherModel(const uchar* data, size_t size, const String& name)
{
    const WireReader reader(data, name);
    int nodes = 0;
    try
    {
        for (const uchar *p = data, *end = data + size; p < end;)
        {
            const WireField graph = reader.next(p, end);
            if (graph.number != 7 || graph.wire != BYTES)
                continue;
            for (const uchar *q = graph.data, *graphEnd = q + graph.size; q < graphEnd;)
            {
                const WireField node = reader.next(q, graphEnd);
                if (node.number != 1 || node.wire != BYTES)
                    continue;
                nodes++;
                for (const uchar *r = node.data, *nodeEnd = r + node.size; r < nodeEnd;)
                {
                    const WireField part = reader.next(r, nodeEnd);
                    if (part.number == 7 && part.text() == "d2det")
                        return false;
                }
            }
        }
    }
    catch (const cv::Exception&)
    {
        return false;
    }
    return nodes > 0;
}

}  // namespace

void checkModelKind(const uchar* data, size_t size, const String& name)
{
    if (const char* const kind = kindOfFile(data, size))
        CV_Error_(Error::StsBadArg, ("'%s' %s", name.c_str(), kind));
    if (isOtherModel(data, size, name))
        CV_Error_(Error::StsBadArg, ("'%s' is an ONNX model, but no D2Det model: it has no node of the domain d2det. "
                                     "Models are made by d2det_export",
                                     name.c_str()));
}

void checkOnnx(const uchar* data, size_t size, const String& name)
{
    if (size == 0)
        CV_Error_(Error::StsBadArg, ("'%s' is empty, it should be an ONNX model", name.c_str()));
    if (size > static_cast<size_t>(std::numeric_limits<int>::max()))
        CV_Error_(Error::StsBadArg, ("'%s' has %zu bytes, an ONNX model has less than 2 GiB", name.c_str(), size));
    Walker walker(data, name);
    walker.message(Message::MODEL, data, data + size, 0);
    walker.checkNodes();
}

}  // namespace d2det
}  // namespace cv
