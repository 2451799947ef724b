// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A small valid network for every layer of the module, from the lists of cases of operators/. */

#ifndef OPENCV_D2DET_TEST_LAYER_CASES_HPP
#define OPENCV_D2DET_TEST_LAYER_CASES_HPP

#include "operators/all.hpp"
#include "test_onnx_builder.hpp"
#include "test_precomp.hpp"

#include "compat.hpp"

#include "opencv2/dnn.hpp"
#include "opencv2/dnn/layer.hpp"
#include "opencv2/dnn/shape_utils.hpp"

#include <limits>
#include <memory>

namespace opencv_test
{
namespace layer_cases
{

using dnn::DictValue;
using dnn::Layer;
using dnn::LayerFactory;
using dnn::LayerParams;
using dnn::MatShape;
using dnn::Net;

inline Mat tensor(const std::vector<int>& shape, float low = -1.f, float high = 1.f, int seed = 1)
{
    Mat m(static_cast<int>(shape.size()), shape.data(), CV_32F);
    RNG rng(seed);
    rng.fill(m, RNG::UNIFORM, low, high);
    return m;
}

inline DictValue ints(const std::vector<int>& values)
{
    return DictValue::arrayInt(values.data(), static_cast<int>(values.size()));
}

inline DictValue reals(const std::vector<double>& values)
{
    return DictValue::arrayReal(values.data(), static_cast<int>(values.size()));
}

//! The tensor as a matrix of its own memory.
inline Mat toMat(const d2det_test::Tensor& t)
{
    return Mat(static_cast<int>(t.shape.size()), t.shape.data(), CV_32F, const_cast<float*>(t.values.data())).clone();
}

inline DictValue toValue(const d2det_test::Attribute& a)
{
    if (a.kind == d2det_test::Attribute::TEXT)
        return DictValue(String(a.text));
    if (a.kind == d2det_test::Attribute::REAL)
        return a.list ? reals(a.numbers) : DictValue(a.numbers[0]);
    const std::vector<int> values(a.numbers.begin(), a.numbers.end());
    return a.list ? ints(values) : DictValue(values[0]);
}

//! A network of one layer: attributes, constants, inputs; a `size` scales rows and maps.
struct Case
{
    std::string op, name;
    LayerParams params;
    d2det_test::LayerTraits traits;
    const d2det_test::Operator* oper;
    size_t index;
    bool cpuOnly;  //!< without a CUDA node

    String type() const { return String("d2det.") + op; }
    bool isFree(size_t input, int dimension) const
    {
        const auto& all = traits.freeLengths;
        return std::find(all.begin(), all.end(), std::make_pair(static_cast<int>(input), dimension)) != all.end();
    }

    //! The operator on inputs of this size, with the constants of the model.
    std::unique_ptr<d2det_test::Problem> problem(int size) const
    {
        const uint64_t seed = d2det_test::Selection().seed;
        std::unique_ptr<d2det_test::Problem> sized = oper->makeLayer(index, size, seed);
        const std::unique_ptr<d2det_test::Problem> model = oper->makeLayer(index, 1, seed);
        for (size_t i = sized->inputs.size() - traits.numConstants; i < sized->inputs.size(); i++)
            sized->inputs[i].values = model->inputs[i].values;
        return sized;
    }
    std::vector<Mat> inputs(int size) const
    {
        std::vector<Mat> mats;
        const std::unique_ptr<d2det_test::Problem> p = problem(size);
        for (size_t i = 0; i + traits.numConstants < p->inputs.size(); i++)
            mats.push_back(toMat(p->inputs[i]));
        return mats;
    }
    //! How to run it alone.
    std::string repeat() const { return d2det_test::repeatLine(oper->name(), name, d2det_test::Selection().seed, ""); }
};

inline std::vector<Case> makeCases()
{
    std::vector<Case> cases;
    const d2det_test::Selection selection;
    for (const d2det_test::Operator* oper : d2det_test::layerOperators())
    {
        const std::vector<d2det_test::CaseInfo> infos = oper->layerCases();
        for (size_t i = 0; i < infos.size(); i++)
        {
            Case c{oper->layerType(), infos[i].name, LayerParams(), d2det_test::LayerTraits(), oper, i,
                   infos[i].cpuOnly};
            const std::unique_ptr<d2det_test::Problem> p = oper->makeLayer(i, 1, selection.seed);
            c.traits = p->layer;
            for (const d2det_test::Attribute& attribute : c.traits.attributes)
                c.params.set(attribute.name, toValue(attribute));
            for (size_t k = p->inputs.size() - c.traits.numConstants; k < p->inputs.size(); k++)
                c.params.blobs.push_back(toMat(p->inputs[k]));
            cases.push_back(c);
        }
    }
    return cases;
}

inline const std::vector<Case>& allCases()
{
    static const std::vector<Case> all = []
    {
        cv::d2det::registerLayers();
        return makeCases();
    }();
    return all;
}

//! Those that D2DET_TEST_CASE asks for; all by default.
inline std::vector<Case> cases()
{
    const d2det_test::Selection selection;
    std::vector<Case> some;
    for (const Case& c : allCases())
        if (selection.takes(c.oper->name(), c.name))
            some.push_back(c);
    return some;
}

inline std::vector<Case> cudaCases()
{
    std::vector<Case> some;
    for (const Case& c : cases())
        if (!c.cpuOnly)
            some.push_back(c);
    return some;
}

//! All cases of one layer.
inline std::vector<Case> casesOf(const std::string& op)
{
    std::vector<Case> some;
    for (const Case& c : allCases())
        if (c.op == op)
            some.push_back(c);
    return some;
}

inline Ptr<Layer> createLayer(const String& type, LayerParams params)
{
    params.type = type;
    params.name = "tested";
    const Ptr<Layer> layer = LayerFactory::createLayerInstance(type, params);
    CV_Assert(layer);
    return layer;
}

inline Net makeNet(const String& type, LayerParams params, size_t numInputs)
{
    Net net;
    const int id = net.addLayer("tested", type, params);
    std::vector<String> names;
    for (size_t i = 0; i < numInputs; i++)
    {
        names.push_back(cv::format("input%d", static_cast<int>(i)));
        net.connect(0, static_cast<int>(i), id, static_cast<int>(i));
    }
    net.setInputsNames(names);
    return net;
}

inline std::vector<Mat> forward(Net& net, const std::vector<Mat>& inputs)
{
    for (size_t i = 0; i < inputs.size(); i++)
        net.setInput(inputs[i], cv::format("input%d", static_cast<int>(i)));
    std::vector<Mat> outputs, copies;
    net.forward(outputs, String("tested"));
    for (const Mat& m : outputs)
        copies.push_back(m.clone());
    return copies;
}

//! The network as a model file: constants are tensors of the graph.
inline std::vector<uchar> modelOf(const Case& c)
{
    const std::unique_ptr<d2det_test::Problem> p = c.problem(1);
    onnx::Graph g;
    std::vector<std::string> inputs, outputs;
    for (size_t i = 0; i < p->inputs.size(); i++)
    {
        const d2det_test::Tensor& t = p->inputs[i];
        const bool constant = i + c.traits.numConstants >= p->inputs.size();
        inputs.push_back(constant ? "constant_" + t.name : cv::format("input%d", static_cast<int>(i)));
        if (constant)
            g.initializers.push_back(onnx::tensor(inputs.back(), t.shape, {t.values.begin(), t.values.end()}));
        else
            g.inputs.push_back(onnx::value(inputs.back(), t.shape));
    }
    for (size_t i = 0; i < p->outputs.size(); i++)
    {
        outputs.push_back(cv::format("output%d", static_cast<int>(i)));
        g.outputs.push_back(onnx::value(outputs.back(), p->outputs[i].shape));
    }
    std::vector<onnx::Message> attributes;
    for (const d2det_test::Attribute& a : c.traits.attributes)
    {
        const std::vector<int> integers(a.numbers.begin(), a.numbers.end());
        const std::vector<float> reals(a.numbers.begin(), a.numbers.end());
        attributes.push_back(a.kind == d2det_test::Attribute::TEXT ? onnx::attribute(a.name, a.text)
                             : a.kind == d2det_test::Attribute::REAL
                                 ? a.list ? onnx::attribute(a.name, reals) : onnx::attribute(a.name, reals[0])
                             : a.list ? onnx::attribute(a.name, integers)
                                      : onnx::attribute(a.name, integers[0]));
    }
    g.nodes = {onnx::node(c.op, "d2det", inputs, outputs, attributes)};
    return onnx::model(g.message());
}

inline std::vector<Mat> runOnce(const Case& c, const std::vector<Mat>& inputs)
{
    Net net = makeNet(c.type(), c.params, inputs.size());
    return forward(net, inputs);
}

//! The message of the exception that a call must raise; it must name the layer.
template <typename Call>
std::string messageOf(Call call)
{
    try
    {
        call();
    }
    catch (const cv::Exception& e)
    {
        return e.what();
    }
    return std::string();
}

}  // namespace layer_cases
}  // namespace opencv_test

#endif
