// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "half_weights.hpp"
#include "check.hpp"
#include "graph.hpp"
#include "wire.hpp"

#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <string>

namespace cv
{
namespace d2det
{

namespace
{

//! Constant of FLOAT16 that a node casts to float32; null: another node.
const OnnxConstant* halfOfCast(const OnnxGraph& graph, const OnnxNode& node)
{
    if (!node.isStandard("Cast") || node.inputs.size() != 1 || node.outputs.size() != 1 ||
        node.integer("to", 0) != static_cast<int64_t>(OnnxType::FLOAT))
        return nullptr;
    const auto found = graph.constants.find(node.inputs[0]);
    const bool half = found != graph.constants.end() && found->second.isHalf() && found->second.raw.data;
    return half ? &found->second : nullptr;
}

WireWriter widened(const OnnxConstant& constant, const std::string& name)
{
    const int count = static_cast<int>(constant.raw.size / 2);
    Mat half(1, count, CV_16F), values;  // a copy: data in a file are not aligned
    if (count > 0)
    {
        std::memcpy(half.data, constant.raw.data, constant.raw.size);
        half.convertTo(values, CV_32F);
    }
    WireWriter tensor;
    for (const int side : constant.dims)
        tensor.integer(1, static_cast<uint64_t>(side));
    tensor.integer(2, static_cast<uint64_t>(OnnxType::FLOAT));
    tensor.text(8, name);
    tensor.data(9, values.data, values.total() * sizeof(float));
    return tensor;
}

}  // namespace

std::vector<uchar> widenHalfWeights(std::vector<uchar> model, const String& name)
{
    const OnnxGraph graph = readOnnxGraph(model.data(), model.size(), name);
    std::map<size_t, const OnnxConstant*> casts;  // node -> its constant
    std::set<const uchar*> halves;                // tensors that no other node uses
    uint64_t bytes = model.size();
    for (size_t i = 0; i < graph.nodes.size(); i++)
    {
        // Once each: a small file shall not become a large one by casting a constant many times.
        const OnnxConstant* const constant = halfOfCast(graph, graph.nodes[i]);
        if (constant && halves.insert(constant->field.data).second)
        {
            casts[i] = constant;
            bytes += 2 * constant->raw.size;
        }
    }
    if (casts.empty())
        return model;
    if (bytes > static_cast<uint64_t>(std::numeric_limits<int>::max()))
        CV_Error_(Error::StsBadArg, ("'%s' holds 2 GiB of weights in float32, an ONNX model has less", name.c_str()));
    for (size_t i = 0; i < graph.nodes.size(); i++)
        if (!casts.count(i))
            for (const std::string& input : graph.nodes[i].inputs)
            {
                const auto found = graph.constants.find(input);
                if (found != graph.constants.end())
                    halves.erase(found->second.field.data);
            }

    const WireReader reader(model.data(), name);
    WireWriter newGraph;
    newGraph.bytes.reserve(bytes);
    size_t index = 0;
    for (const uchar* p = graph.field.data; p < graph.field.end();)
    {
        const uchar* const start = p;
        const WireField field = reader.next(p, graph.field.end());
        const bool isCast = field.number == 1 && casts.count(index++);
        if (!isCast && !(field.number == 5 && halves.count(field.data)))
            newGraph.raw(start, p);
    }
    for (const auto& cast : casts)
        newGraph.message(5, widened(*cast.second, graph.nodes[cast.first].outputs[0]));

    std::vector<uchar> result = withGraph(model, reader, newGraph);
    checkOnnx(result.data(), result.size(), name);
    return result;
}

}  // namespace d2det
}  // namespace cv
