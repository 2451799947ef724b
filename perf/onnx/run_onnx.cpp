// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Runs an ONNX model in cv::dnn with the layers of the module and compares its outputs with expected ones.

     d2det_run_onnx MODEL.onnx INPUT=FILE.pb... [-- OUTPUT=FILE.pb...] [--tolerance X]

   The files hold a TensorProto each, as in ONNX's own test suites. Rows that an output has more than the expected
   tensor are the padding of NonMaxSuppression: they must be -1. Prints the largest difference; status 1 if it is > X
   (1e-4). */

#include <opencv2/d2det.hpp>
#include <opencv2/dnn.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace
{

typedef std::vector<std::pair<std::string, cv::Mat>> NamedTensors;

struct Arguments
{
    std::string model;
    NamedTensors inputs, expected;
    double tolerance = 1e-4;
};

Arguments parse(int argc, char** argv)
{
    Arguments arguments;
    NamedTensors* list = &arguments.inputs;
    for (int i = 1; i < argc; i++)
    {
        const std::string text = argv[i];
        const size_t equals = text.find('=');
        if (text == "--")
            list = &arguments.expected;
        else if (text == "--tolerance" && i + 1 < argc)
            arguments.tolerance = std::atof(argv[++i]);
        else if (arguments.model.empty())
            arguments.model = text;
        else if (equals == std::string::npos)
            throw std::runtime_error("'" + text + "' is not NAME=FILE.pb");
        else
        {
            cv::Mat tensor;
            cv::dnn::readTensorFromONNX(text.substr(equals + 1)).convertTo(tensor, CV_32F);
            list->emplace_back(text.substr(0, equals), tensor);
        }
    }
    if (arguments.model.empty())
        throw std::runtime_error(
            "usage: d2det_run_onnx MODEL.onnx INPUT=FILE.pb... [-- OUTPUT=FILE.pb...] [--tolerance X]");
    return arguments;
}

std::string shapeText(const cv::Mat& m)
{
    std::string text;
    for (int i = 0; i < m.dims; i++)
        text += (i ? " x " : "") + std::to_string(m.size[i]);
    return text;
}

//! Largest |difference|; what `got` has more must be -1. Infinite if it has less.
double difference(const cv::Mat& got, const cv::Mat& expected)
{
    if (got.total() < expected.total())
        return HUGE_VAL;
    double worst = 0;
    for (size_t i = 0; i < got.total(); i++)
    {
        const double want = i < expected.total() ? expected.ptr<float>()[i] : -1.;
        const double d = std::abs(got.ptr<float>()[i] - want);
        worst = d <= worst ? worst : std::isnan(d) ? HUGE_VAL : d;
    }
    return worst;
}

int run(const Arguments& arguments)
{
    cv::d2det::registerLayers();
    cv::dnn::Net net = cv::dnn::readNetFromONNX(arguments.model);
    net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    for (const auto& input : arguments.inputs)
        net.setInput(input.second, input.first);
    std::vector<cv::String> names;
    for (const auto& output : arguments.expected)
        names.push_back(output.first);
    if (names.empty())
        names = net.getUnconnectedOutLayersNames();
    std::vector<cv::Mat> outputs;
    net.forward(outputs, names);
    bool good = true;
    for (size_t i = 0; i < outputs.size(); i++)
    {
        std::cout << names[i] << ": " << shapeText(outputs[i]);
        if (i < arguments.expected.size())
        {
            const double worst = difference(outputs[i], arguments.expected[i].second);
            std::cout << ", largest difference " << worst;
            good = good && worst <= arguments.tolerance;
        }
        std::cout << std::endl;
    }
    return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv)
{
    try
    {
        return run(parse(argc, argv));
    }
    catch (const std::exception& e)
    {
        std::cerr << "error: " << e.what() << std::endl;
        return 2;
    }
}
