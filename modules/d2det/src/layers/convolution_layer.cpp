// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Ordinary convolutions by the kernels of this module (kernels/conv2d.hpp) instead of cv::dnn's layer "Convolution".

   Model files contain standard Conv nodes. While the detector reads a model for the CPU, the constructor in this file
   is registered in LayerFactory: 2-D convolutions with one group and constant float32 weights become layers of this
   class, all others (e.g. depthwise) remain cv::dnn::ConvolutionLayer, which also parses the attributes. */

#include "layers/convolution_layer.hpp"
#include "layers/base_layer.hpp"
#include "kernels/conv2d.hpp"

#include "opencv2/dnn/all_layers.hpp"
#include "opencv2/dnn/layer.details.hpp"
#include "opencv2/dnn/shape_utils.hpp"

#include <mutex>

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

class ConvolutionLayer CV_FINAL : public dnn::Layer
{
public:
    //! `attributes`: values parsed by cv::dnn from `params`.
    ConvolutionLayer(const dnn::LayerParams& params, const dnn::BaseConvolutionLayer& attributes) : Layer(params)
    {
        type = "D2Convolution";  // 4.13 casts any layer of type "Convolution" to its own class
        params_.outChannels = blobs[0].size[0];
        params_.inChannels = blobs[0].size[1];
        params_.kernelHeight = blobs[0].size[2];
        params_.kernelWidth = blobs[0].size[3];
        params_.strideY = static_cast<int>(attributes.strides[0]);
        params_.strideX = static_cast<int>(attributes.strides[1]);
        params_.dilationY = static_cast<int>(attributes.dilations[0]);
        params_.dilationX = static_cast<int>(attributes.dilations[1]);
        params_.padTop = static_cast<int>(attributes.pads_begin[0]);
        params_.padLeft = static_cast<int>(attributes.pads_begin[1]);
        padBottom_ = static_cast<int>(attributes.pads_end[0]);
        padRight_ = static_cast<int>(attributes.pads_end[1]);
    }

    //! Whether the kernel supports a convolution; cv::dnn computes all others.
    static bool supports(const dnn::LayerParams& params, const dnn::BaseConvolutionLayer& layer)
    {
        const std::vector<Mat>& blobs = params.blobs;
        if (blobs.empty() || blobs.size() > 2 || params.get<int>("group", 1) != 1 || !layer.padMode.empty())
            return false;
        if (layer.kernel_size.size() != 2 || layer.strides.size() != 2 || layer.dilations.size() != 2 ||
            layer.pads_begin.size() != 2 || layer.pads_end.size() != 2 || params.get<bool>("fused_activation", false) ||
            params.get<bool>("fused_add", false))
            return false;
        for (const Mat& blob : blobs)
            if (blob.depth() != CV_32F || !blob.isContinuous())
                return false;
        return blobs[0].dims == 4 && blobs[0].total() > 0 &&
               (blobs.size() == 1 || blobs[1].total() == static_cast<size_t>(blobs[0].size[0]));
    }

    bool getMemoryShapes(const std::vector<MatShape>& inputs, const int, std::vector<MatShape>& outputs,
                         std::vector<MatShape>& internals) const CV_OVERRIDE
    {
        internals.clear();
        outputs.clear();
        for (const MatShape& input : inputs)
            outputs.push_back(outputShape(input));
        return false;
    }

    int64 getFLOPS(const std::vector<MatShape>&, const std::vector<MatShape>& outputs) const CV_OVERRIDE
    {
        int64 flops = 0;
        for (const MatShape& output : outputs)
            flops += static_cast<int64>(dnn::total(output)) *
                     (2LL * params_.inChannels * params_.kernelHeight * params_.kernelWidth + 1);
        return flops;
    }

    bool setActivation(const Ptr<dnn::ActivationLayer>& layer) CV_OVERRIDE
    {
        const Ptr<dnn::ReLULayer> relu = layer.dynamicCast<dnn::ReLULayer>();
        const Ptr<dnn::ReLU6Layer> clip = layer.dynamicCast<dnn::ReLU6Layer>();
        params_.relu = (relu && relu->negativeSlope == 0.f) || (clip && clip->minValue == 0.f && clip->maxValue > 0.f);
        params_.ceiling = clip && params_.relu ? clip->maxValue : 0.f;
        return params_.relu;
    }

    void forward(InputArrayOfArrays inputArrays, OutputArrayOfArrays outputArrays,
                 OutputArrayOfArrays internals) CV_OVERRIDE
    {
        if (inputArrays.depth() == HALF_DEPTH)  // of an OpenCL target
        {
            forward_fallback(inputArrays, outputArrays, internals);
            return;
        }
        std::vector<Mat> inputs, outputs;
        inputArrays.getMatVector(inputs);
        outputArrays.getMatVector(outputs);
        CV_CheckEQ(inputs.size(), outputs.size(), "a convolution has one output for each input");
        if (!blobs[0].empty())
        {
            packed_ = kernels::packMatrix(blobs[0].ptr<float>(), params_.outChannels,
                                          static_cast<int>(blobs[0].total()) / params_.outChannels);
            blobs[0].release();  // packed_ is the only copy
        }
        for (size_t i = 0; i < inputs.size(); i++)
            run(inputs[i], outputs[i]);
    }

private:
    //! Unknown lengths remain 0.
    MatShape outputShape(const MatShape& input) const
    {
        if (input.size() != 4 || (input[1] > 0 && input[1] != params_.inChannels))
            layerError(*this, Error::StsBadSize,
                       format("input must be [N, %d, H, W], it has %d dimensions", params_.inChannels,
                              static_cast<int>(input.size())));
        const auto length = [this](int in, int pads, int dilation, int kernel, int stride)
        {
            const int room = in + pads - dilation * (kernel - 1) - 1;
            if (in > 0 && room < 0)
                layerError(*this, Error::StsBadSize, format("the kernel is larger than the padded input of %d", in));
            return in > 0 ? room / stride + 1 : 0;
        };
        return {input[0], params_.outChannels,
                length(input[2], params_.padTop + padBottom_, params_.dilationY, params_.kernelHeight, params_.strideY),
                length(input[3], params_.padLeft + padRight_, params_.dilationX, params_.kernelWidth, params_.strideX)};
    }

    void run(const Mat& X, Mat& Y) const
    {
        if (X.dims != 4 || X.type() != CV_32F || !X.isContinuous() || X.size[1] != params_.inChannels || Y.dims != 4 ||
            Y.type() != CV_32F || !Y.isContinuous() || Y.size[0] != X.size[0] || Y.size[1] != params_.outChannels)
            layerError(*this, Error::StsBadSize,
                       format("input has %d dimensions, it must be a dense float32 [N, %d, H, W]", X.dims,
                              params_.inChannels));
        const kernels::Conv2dShape shape = {X.size[0], X.size[2], X.size[3], Y.size[2], Y.size[3]};
        kernels::conv2dCpu(params_, shape, X.ptr<float>(), packed_, blobs.size() > 1 ? blobs[1].ptr<float>() : nullptr,
                           Y.ptr<float>());
    }

    kernels::Conv2dParams params_;
    int padBottom_ = 0, padRight_ = 0;
    kernels::PackedMatrix packed_;
};

thread_local int scopeDepth = 0;

Ptr<dnn::Layer> createConvolution(dnn::LayerParams& params)
{
    const Ptr<dnn::BaseConvolutionLayer> original = dnn::ConvolutionLayer::create(params);
    if (scopeDepth == 0 || !ConvolutionLayer::supports(params, *original))
        return original;
    const Ptr<dnn::Layer> layer = makePtr<ConvolutionLayer>(params, *original);
    params.blobs.clear();  // the network keeps params; this way only the layer owns the weights and can free them
    return layer;
}

//! Number of active scopes in all threads; above 0 the constructor is registered.
std::mutex scopesMutex;
int scopes = 0;

}  // namespace

ConvolutionScope::ConvolutionScope(bool active) : active_(active)
{
    if (!active_)
        return;
    const std::lock_guard<std::mutex> lock(scopesMutex);
    if (scopes++ == 0)
        dnn::LayerFactory::registerLayer("Convolution", createConvolution);
    scopeDepth++;
}

ConvolutionScope::~ConvolutionScope()
{
    if (!active_)
        return;
    const std::lock_guard<std::mutex> lock(scopesMutex);
    scopeDepth--;
    if (--scopes == 0)
        dnn::LayerFactory::unregisterLayer("Convolution");
}

}  // namespace d2det
}  // namespace cv
