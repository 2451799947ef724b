// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Writer of ONNX files, based on the protobuf classes of onnx. IR version 6 corresponds to opset 11 (ONNX 1.6). */

#include "export/onnx_graph.hpp"

#include "base/atomic_file.hpp"
#include "base/error.hpp"

// The package's CMake targets define these two for most versions of libonnx; without them its headers do not compile.
#ifndef ONNX_NAMESPACE
#define ONNX_NAMESPACE onnx
#endif
#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include <climits>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <unordered_set>

namespace d2det
{

namespace
{

constexpr int64_t IR_VERSION = 6, OPSET_VERSION = 11, D2DET_DOMAIN_VERSION = 1;

void fill(ONNX_NAMESPACE::ValueInfoProto& info, const std::string& name, const std::vector<OnnxDim>& shape)
{
    info.set_name(name);
    auto* tensor = info.mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(ONNX_NAMESPACE::TensorProto::FLOAT);
    auto* dims = tensor->mutable_shape();
    for (const OnnxDim& dim : shape)
    {
        auto* added = dims->add_dim();
        if (dim.symbol.empty())
            added->set_dim_value(dim.value);
        else
            added->set_dim_param(dim.symbol);
    }
}

struct AttributeWriter
{
    ONNX_NAMESPACE::AttributeProto& out;

    void operator()(int64_t value) const
    {
        if (value < INT_MIN || value > INT_MAX)  // cv::dnn keeps integers in 32 bits
            fail("attribute " + out.name() + " = " + std::to_string(value) + " exceeds 32 bits");
        out.set_type(ONNX_NAMESPACE::AttributeProto::INT);
        out.set_i(value);
    }
    void operator()(float value) const
    {
        out.set_type(ONNX_NAMESPACE::AttributeProto::FLOAT);
        out.set_f(value);
    }
    void operator()(const std::string& value) const
    {
        out.set_type(ONNX_NAMESPACE::AttributeProto::STRING);
        out.set_s(value);
    }
    void operator()(const std::vector<int64_t>& values) const
    {
        out.set_type(ONNX_NAMESPACE::AttributeProto::INTS);
        for (int64_t value : values)
            out.add_ints(value);
        requireElements(values.size());
    }
    void operator()(const std::vector<float>& values) const
    {
        out.set_type(ONNX_NAMESPACE::AttributeProto::FLOATS);
        for (float value : values)
            out.add_floats(value);
        requireElements(values.size());
    }
    void requireElements(size_t count) const
    {
        if (count == 0)  // cv::dnn throws on an empty list
            fail("attribute " + out.name() + " is an empty list; leave it out instead");
    }
};

}  // namespace

struct OnnxGraph::Impl
{
    ONNX_NAMESPACE::ModelProto model;
    std::unordered_set<std::string> initializers;
    int64_t elements = 0;

    ONNX_NAMESPACE::GraphProto& graph() { return *model.mutable_graph(); }

    ONNX_NAMESPACE::TensorProto& addTensor(const std::string& name, const std::vector<int64_t>& shape)
    {
        if (!initializers.insert(name).second)
            fail("initializer " + name + " is added twice");
        ONNX_NAMESPACE::TensorProto& tensor = *graph().add_initializer();
        tensor.set_name(name);
        for (int64_t side : shape)
        {
            if (side < 0)
                fail("initializer " + name + " has a side of " + std::to_string(side));
            tensor.add_dims(side);
        }
        return tensor;
    }

    //! @param data little-endian by definition of ONNX, like all supported CPUs
    template <typename Value>
    void addNumbers(const std::string& name, const std::vector<int64_t>& shape, int type, const Value* data)
    {
        ONNX_NAMESPACE::TensorProto& tensor = addTensor(name, shape);
        int64_t count = 1;
        for (int64_t side : shape)
            count *= side;
        tensor.set_data_type(type);
        std::string& raw = *tensor.mutable_raw_data();
        raw.resize(static_cast<size_t>(count) * sizeof(Value));
        if (count > 0)
            std::memcpy(&raw[0], data, raw.size());
        elements += count;
    }
};

OnnxGraph::OnnxGraph(const std::string& name) : impl_(new Impl)
{
    ONNX_NAMESPACE::ModelProto& model = impl_->model;
    model.set_ir_version(IR_VERSION);
    model.set_producer_name("d2det");
    model.mutable_graph()->set_name(name.empty() ? "d2det" : name);
    auto* standard = model.add_opset_import();
    standard->set_domain("");
    standard->set_version(OPSET_VERSION);
    auto* own = model.add_opset_import();
    own->set_domain("d2det");
    own->set_version(D2DET_DOMAIN_VERSION);
}

OnnxGraph::~OnnxGraph() = default;

void OnnxGraph::setDocumentation(const std::string& text)
{
    impl_->model.set_doc_string(text);
}

void OnnxGraph::addInput(const std::string& name, const std::vector<OnnxDim>& shape)
{
    fill(*impl_->graph().add_input(), name, shape);
}

void OnnxGraph::addOutput(const std::string& name, const std::vector<OnnxDim>& shape)
{
    fill(*impl_->graph().add_output(), name, shape);
}

bool OnnxGraph::hasInitializer(const std::string& name) const
{
    return impl_->initializers.count(name) != 0;
}

std::string OnnxGraph::addInitializer(const std::string& name, const std::vector<int64_t>& shape, const float* data)
{
    impl_->addNumbers(name, shape, ONNX_NAMESPACE::TensorProto::FLOAT, data);
    return name;
}

std::string OnnxGraph::addHalfInitializer(const std::string& name, const std::vector<int64_t>& shape,
                                          const uint16_t* data)
{
    const std::string half = name + ".half";
    impl_->addNumbers(half, shape, ONNX_NAMESPACE::TensorProto::FLOAT16, data);
    if (!impl_->initializers.insert(name).second)
        fail("initializer " + name + " is added twice");
    addNode("Cast", {half}, {name}, {{"to", static_cast<int64_t>(ONNX_NAMESPACE::TensorProto::FLOAT)}});
    return name;
}

std::string OnnxGraph::addInitializer(const std::string& name, const std::vector<int64_t>& values)
{
    ONNX_NAMESPACE::TensorProto& tensor = impl_->addTensor(name, {static_cast<int64_t>(values.size())});
    tensor.set_data_type(ONNX_NAMESPACE::TensorProto::INT64);
    for (int64_t value : values)
        tensor.add_int64_data(value);
    return name;
}

void OnnxGraph::addNode(const std::string& opType, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::vector<OnnxAttribute>& attributes,
                        const std::string& domain)
{
    ONNX_NAMESPACE::NodeProto& node = *impl_->graph().add_node();
    node.set_op_type(opType);
    node.set_domain(domain);
    node.set_name(outputs.at(0));
    for (const std::string& input : inputs)
        node.add_input(input);
    for (const std::string& output : outputs)
        node.add_output(output);
    for (const OnnxAttribute& attribute : attributes)
    {
        ONNX_NAMESPACE::AttributeProto& added = *node.add_attribute();
        added.set_name(attribute.name);
        std::visit(AttributeWriter{added}, attribute.value);
    }
}

int64_t OnnxGraph::nodes() const
{
    return impl_->model.graph().node_size();
}

int64_t OnnxGraph::initializerElements() const
{
    return impl_->elements;
}

void OnnxGraph::check() const
{
    const size_t bytes = impl_->model.ByteSizeLong();
    if (bytes > static_cast<size_t>(INT_MAX))
        fail("the model takes " + std::to_string(bytes >> 20) +
             " MB, an ONNX file holds at most 2047 MB; use a smaller model");
    try
    {
        ONNX_NAMESPACE::checker::check_model(impl_->model);
    }
    catch (const std::exception& e)
    {
        fail(std::string("the ONNX checker refuses the model: ") + e.what());
    }
}

int64_t OnnxGraph::save(const std::string& path) const
{
    namespace fs = std::filesystem;
    check();
    const fs::path target(path), temporary(withSuffix(path, ".part"));
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    bool good = file && impl_->model.SerializeToOstream(&file);
    file.close();
    good = good && !file.fail();
    std::error_code error;
    if (good)
        fs::rename(temporary, target, error);
    if (!good || error)
    {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        fail("cannot write " + path + (error ? ": " + error.message() : std::string()) +
             "; is the folder there and writable, and is there space?");
    }
    return static_cast<int64_t>(impl_->model.ByteSizeLong());
}

}  // namespace d2det
