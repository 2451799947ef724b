// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Minimal ONNX writer: nodes, float32, float16 and int64 initializers, attributes, check, save. Opset 11 and domain
   "d2det" version 1. The header contains no protobuf types, so that its users do not depend on protobuf. */

#ifndef D2DET_TRAINING_ONNX_GRAPH_HPP
#define D2DET_TRAINING_ONNX_GRAPH_HPP

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace d2det
{

//! Attribute of a node. cv::dnn supports these five types and throws for all others (lists of strings, graphs).
struct OnnxAttribute
{
    using Value = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>>;

    OnnxAttribute(std::string name_, int64_t value_) : name(std::move(name_)), value(value_) {}
    OnnxAttribute(std::string name_, int value_) : name(std::move(name_)), value(int64_t(value_)) {}
    OnnxAttribute(std::string name_, bool value_) : name(std::move(name_)), value(int64_t(value_)) {}
    OnnxAttribute(std::string name_, float value_) : name(std::move(name_)), value(value_) {}
    OnnxAttribute(std::string name_, std::string value_) : name(std::move(name_)), value(std::move(value_)) {}
    OnnxAttribute(std::string name_, const char* value_) : name(std::move(name_)), value(std::string(value_)) {}
    OnnxAttribute(std::string name_, std::vector<int64_t> value_) : name(std::move(name_)), value(std::move(value_)) {}
    OnnxAttribute(std::string name_, std::vector<float> value_) : name(std::move(name_)), value(std::move(value_)) {}

    std::string name;
    Value value;
};

//! Declared dimension of an input or output: the symbol (such as "H") unless empty, otherwise the value.
struct OnnxDim
{
    OnnxDim(int64_t value_) : value(value_) {}
    OnnxDim(const char* symbol_) : symbol(symbol_) {}

    int64_t value = 0;
    std::string symbol;
};

class OnnxGraph
{
public:
    explicit OnnxGraph(const std::string& name);
    ~OnnxGraph();
    OnnxGraph(const OnnxGraph&) = delete;
    OnnxGraph& operator=(const OnnxGraph&) = delete;

    void setDocumentation(const std::string& text);
    void addInput(const std::string& name, const std::vector<OnnxDim>& shape);   //!< float32
    void addOutput(const std::string& name, const std::vector<OnnxDim>& shape);  //!< float32

    bool hasInitializer(const std::string& name) const;
    //! Returns `name`; throws if the name already exists. @param data as many values as the product of `shape`.
    std::string addInitializer(const std::string& name, const std::vector<int64_t>& shape, const float* data);
    /** The same in half precision: an initializer `name`.half of FLOAT16 and a Cast node that makes the float32 tensor
        `name`. @param data IEEE 754 binary16. */
    std::string addHalfInitializer(const std::string& name, const std::vector<int64_t>& shape, const uint16_t* data);
    //! One-dimensional int64 initializer, such as the constant operands of Reshape and Slice.
    std::string addInitializer(const std::string& name, const std::vector<int64_t>& values);

    //! Nodes must be added in order of execution. The name of a node is the name of its first output.
    void addNode(const std::string& opType, const std::vector<std::string>& inputs,
                 const std::vector<std::string>& outputs, const std::vector<OnnxAttribute>& attributes = {},
                 const std::string& domain = std::string());

    int64_t nodes() const;
    int64_t initializerElements() const;  //!< total elements of the float32 and float16 initializers

    //! Runs onnx::checker and checks the 2 GB limit of protobuf. Throws Error with the message of the checker.
    void check() const;

    //! Calls check() and writes the file atomically (temporary file, then rename). Returns the size in bytes.
    int64_t save(const std::string& path) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace d2det

#endif
