// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Quantization of a model by images: ModelQuantizer. docs/quantization.md has the scheme. */

#include "precomp.hpp"
#include "network.hpp"
#include "layers/base_layer.hpp"
#include "kernels/quantization.hpp"
#include "onnx/check.hpp"
#include "onnx/graph.hpp"
#include "onnx/half_weights.hpp"
#include "onnx/model_check.hpp"
#include "onnx/quantization.hpp"
#include "onnx/rewrite.hpp"

#include "opencv2/d2det/detector.hpp"
#include "opencv2/d2det/layers.hpp"
#include "opencv2/d2det/quantization.hpp"

#include <cstring>
#include <map>
#include <set>

namespace cv
{
namespace d2det
{

namespace
{

const String NAME = "(memory)";

class ModelQuantizerImpl CV_FINAL : public ModelQuantizer
{
public:
    explicit ModelQuantizerImpl(const std::vector<uchar>& model)
    {
        checkKindOfModel(model, NAME);
        checkOnnx(model.data(), model.size(), NAME);
        model_ = widenHalfWeights(model, NAME);
        graph_ = readOnnxGraph(model_.data(), model_.size(), NAME);
        for (const OnnxNode& node : graph_.nodes)
            if (node.isStandard("QuantizeLinear"))
                CV_Error(Error::StsBadArg, "the model is quantized already");
        registerLayers();
        const ModelCheck check(model_, NAME);
        OnnxRewrite changes;
        changes.convolutions = true;
        changes.numbers = true;
        changes.constantsAsAttributes = CONSTANTS_ARE_INPUTS;
        const dnn::Net net = readOnnx(rewriteOnnx(model_, NAME, changes), dnn::DNN_BACKEND_OPENCV);
        detector_ = Detector::create(net);
        for (const Ptr<dnn::Layer>& layer : Network(net).layers())
            if (const Ptr<BaseLayer> own = layer.dynamicCast<BaseLayer>())
                if (own->type.find("D2Conv2d") != String::npos)
                    layers_.push_back(own);
    }

    void addImage(InputArray image) CV_OVERRIDE
    {
        for (const Ptr<BaseLayer>& layer : layers_)
            layer->setRecording(true);
        Mat detections;
        detector_->detect(image, detections);
        for (const Ptr<BaseLayer>& layer : layers_)
        {
            if (layer->recorded().size() == 2)  // number of the node, histogram
            {
                const Mat &number = layer->recorded()[0], &counts = layer->recorded()[1];
                histograms_[number.at<int>(0)].add(kernels::ValueHistogram(
                    std::vector<double>(counts.ptr<double>(), counts.ptr<double>() + counts.total())));
            }
            layer->setRecording(false);
        }
        images_++;
    }

    int getImageCount() const CV_OVERRIDE { return images_; }

    std::vector<uchar> quantize(std::vector<String>& convolutions) const CV_OVERRIDE
    {
        if (images_ == 0)
            CV_Error(Error::StsBadArg, "no image was added, from which the ranges of the maps could be known");
        std::set<std::string> kept;  // tensors that are used as they are
        for (const OnnxNode& node : graph_.nodes)
            if (node.isOurs("D2Proposal"))
                kept.insert(node.inputs.begin(), node.inputs.end());
        convolutions.clear();
        OnnxQuantization quantization;
        for (const auto& entry : histograms_)
        {
            const OnnxNode& node = graph_.nodes.at(static_cast<size_t>(entry.first));
            const OnnxConstant& weight = graph_.constants.at(node.inputs[1]);
            kernels::Conv2dParams p;
            p.groups = static_cast<int>(node.integer("group", 1));
            p.outChannels = weight.dims[0];
            p.inChannels = weight.dims[1] * p.groups;
            p.kernelHeight = weight.dims[2];
            p.kernelWidth = weight.dims[3];
            if (kept.count(node.outputs[0]) || node.inputs[0] == "image" ||
                kernels::quantizedDepth(p) > kernels::Int8Kernel::MAX_DEPTH)
                continue;
            const kernels::InputQuantization input = kernels::chooseInput(entry.second);
            const WireField& field = weight.raw.data ? weight.raw : weight.floats;
            std::vector<float> values(field.size / sizeof(float));
            std::memcpy(values.data(), field.data, values.size() * sizeof(float));
            quantization[node.outputs[0]] = {input.scale, input.zero, kernels::chooseWeightScales(p, values.data()), p};
            convolutions.push_back(node.outputs[0]);
        }
        if (quantization.empty())
            CV_Error(Error::StsBadArg, "the model has no convolution that could be quantized");
        return quantizeOnnx(model_, NAME, quantization);
    }

private:
    std::vector<uchar> model_;
    OnnxGraph graph_;
    Ptr<Detector> detector_;
    std::vector<Ptr<BaseLayer>> layers_;
    std::map<int, kernels::ValueHistogram> histograms_;  //!< by number of the node
    int images_ = 0;
};

}  // namespace

Ptr<ModelQuantizer> ModelQuantizer::create(const std::vector<uchar>& model)
{
    CV_TRACE_FUNCTION();
    return makePtr<ModelQuantizerImpl>(model);
}

}  // namespace d2det
}  // namespace cv
