// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* An ONNX file as nodes, constants, inputs and outputs: the one place that knows the fields of these messages. The
   check of the operators (model_check.hpp) and the changes (rewrite.hpp) work on it.

   Field numbers of onnx.proto3 (never renumbered):

     ModelProto      graph 7, opset_import 8           OperatorSetIdProto  domain 1, version 2
     GraphProto      node 1, name 2, initializer 5, doc_string 10, input 11, output 12
     NodeProto       input 1, output 2, name 3, op_type 4, attribute 5, doc_string 6, domain 7
     AttributeProto  name 1, f 2, i 3, s 4, t 5, g 6, floats 7, ints 8, graphs 11, doc_string 13, type 20
     TensorProto     dims 1, data_type 2, float_data 4, int64_data 7, name 8, raw_data 9
     ValueInfoProto  name 1, type 2                    TypeProto           tensor_type 1
     TypeProto.Tensor  elem_type 1, shape 2            TensorShapeProto    dim 1 (dim_value 1, dim_param 2) */

#ifndef OPENCV_D2DET_ONNX_GRAPH_HPP
#define OPENCV_D2DET_ONNX_GRAPH_HPP

#include "wire.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cv
{
namespace d2det
{

const char* const D2DET_DOMAIN = "d2det";  //!< of our operators

enum class OnnxType  // TensorProto.DataType
{
    FLOAT = 1,
    UINT8 = 2,
    INT8 = 3,
    INT64 = 7,
    FLOAT16 = 10
};

enum class OnnxAttributeType  // AttributeProto.AttributeType
{
    REAL = 1,
    INTEGER = 2,
    TEXT = 3,
    TENSOR = 4,
    REALS = 6,
    INTEGERS = 7
};

struct OnnxAttribute
{
    WireField field;     //!< the entire attribute
    uint64_t type = 0;   //!< as declared
    uint32_t parts = 0;  //!< bit i: there is a field i < 32
    std::string text;
    int64_t integer = 0;
    float real = 0;
    std::vector<int> integers;
    std::vector<float> reals;
};

struct OnnxNode
{
    WireField field;     //!< the entire node
    uint32_t parts = 0;  //!< bit i: there is a field i < 32
    std::vector<std::string> inputs, outputs;
    std::string name, type, domain;
    std::map<std::string, OnnxAttribute> attributes;

    bool isStandard() const { return domain.empty() || domain == "ai.onnx"; }
    bool isStandard(const char* wanted) const { return isStandard() && type == wanted; }
    bool isOurs(const char* wanted) const { return domain == D2DET_DOMAIN && type == wanted; }
    const OnnxAttribute* find(const char* attribute) const
    {
        const auto found = attributes.find(attribute);
        return found == attributes.end() ? nullptr : &found->second;
    }
    std::vector<int> list(const char* attribute, const std::vector<int>& defaults) const
    {
        const OnnxAttribute* const found = find(attribute);
        return found ? found->integers : defaults;
    }
    int64_t integer(const char* attribute, int64_t otherwise) const
    {
        const OnnxAttribute* const found = find(attribute);
        return found ? found->integer : otherwise;
    }
    std::string text(const char* attribute, const std::string& otherwise) const
    {
        const OnnxAttribute* const found = find(attribute);
        return found ? found->text : otherwise;
    }
};

struct OnnxConstant
{
    WireField field;  //!< the entire tensor
    std::vector<int> dims;
    uint64_t type = 0;
    WireField raw, floats;
    std::vector<int64_t> integers;  //!< of a tensor of INT64 with few values
    std::vector<float> reals;       //!< of a tensor of FLOAT with few values

    bool isFloat() const { return type == static_cast<uint64_t>(OnnxType::FLOAT); }
    bool isInteger() const { return type == static_cast<uint64_t>(OnnxType::INT64); }
    bool isHalf() const { return type == static_cast<uint64_t>(OnnxType::FLOAT16); }
    bool isUint8() const { return type == static_cast<uint64_t>(OnnxType::UINT8); }
    bool isInt8() const { return type == static_cast<uint64_t>(OnnxType::INT8); }
    //! The value of a scalar; NaN if it is none.
    float scalar() const;
};

//! An input or output of the graph.
struct OnnxValue
{
    std::string name;
    uint64_t type = 0;
    std::vector<int64_t> dims;  //!< -1: a symbol
};

struct OnnxGraph
{
    WireField field;  //!< the entire graph; no data: there is none
    std::vector<OnnxNode> nodes;
    std::map<std::string, OnnxConstant> constants;
    std::vector<OnnxValue> inputs, outputs;
    std::map<std::string, int64_t> versions;  //!< of operators, by domain
    uint32_t parts = 0;                       //!< of the graph; bit i: there is a field i < 32
    uint32_t modelParts = 0;                  //!< of the model
    bool hasSubgraphs = false;                //!< in attributes of nodes
    bool hasRepeatedAttributes = false;       //!< of one name in one node; the last one is kept
    bool hasRepeatedConstants = false;        //!< of one name; the last one is kept
};

/** Reads a model. Takes any bytes: what is no protobuf message raises cv::Exception; whether the contents fit together
    is up to the checks. The fields point into `data`. */
OnnxGraph readOnnxGraph(const uchar* data, size_t size, const String& name);

//! The model with the message `graph` in place of its graph. `reader` reads the model.
std::vector<uchar> withGraph(const std::vector<uchar>& model, const WireReader& reader, const WireWriter& graph);

}  // namespace d2det
}  // namespace cv

#endif
