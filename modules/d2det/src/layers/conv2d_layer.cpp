// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2Conv2d: convolution of entire maps by the kernels of this module. Contract: operators.md 3.10.

     inputs   X [N, C, h, w], weight [O, C / groups, kh, kw], bias [O] with has_bias = 1; both are constants
     outputs  Y [N, O, oh, ow]

   With the attributes input_scale, input_zero and weight_scales it computes in 8-bit integers
   (kernels/quantized_conv2d.hpp). Its constants are float32 all the same. With the attribute number it can record, for
   ModelQuantizer, this number and a histogram of X. */

#include "conv_window.hpp"
#include "kernels/conv2d.hpp"
#include "kernels/quantization.hpp"

#include "opencv2/dnn/shape_utils.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

constexpr float MIN_STEP = 1e-20f, MAX_STEP = 1e15f;  //!< of quantized values: their inverses and products are finite

class Conv2dLayer CV_FINAL : public BaseLayer
{
public:
    explicit Conv2dLayer(const dnn::LayerParams& layerParams) : BaseLayer(layerParams)
    {
        const Attributes attributes(layerParams);
        ends_ = readWindow(attributes, params_);
        params_.relu = attributes.getFlag("relu", false);
        params_.ceiling = attributes.getFloat("ceiling", 0.f, 0.f, FLT_MAX);
        if (params_.ceiling > 0.f && !params_.relu)
            layerError(*this, Error::StsBadArg, "attribute ceiling needs relu = 1");
        hasBias_ = attributes.getFlag("has_bias", false);
        readQuantization(attributes);
        number_ = attributes.getInt("number", -1, -1, 1 << 24);
        if (!blobs.empty())
            setConstants(blobs);
    }

protected:
    std::vector<MatShape> outputShapes(const std::vector<MatShape>& inputs) const CV_OVERRIDE
    {
        const size_t count = numInputs() + (blobs.empty() ? numConstants() : 0);
        checkInputCount(*this, inputs.size(), count, count);
        const MatShape weight = blobs.empty() ? inputs[1] : weightShape_;
        checkShape(*this, "weight", weight, {ANY, ANY, ANY, ANY});
        const MatShape& X = inputs[0];
        checkShape(*this, "X", X, {ANY, dimension(weight, 1) * params_.groups, ANY, ANY});
        return {outputShape(*this, {dimension(X, 0), dimension(weight, 0),
                                    windowSteps(*this, dimension(X, 2), params_.padTop + ends_.bottom,
                                                params_.dilationY, dimension(weight, 2), params_.strideY),
                                    windowSteps(*this, dimension(X, 3), params_.padLeft + ends_.right,
                                                params_.dilationX, dimension(weight, 3), params_.strideX)})};
    }

    double operations(const std::vector<MatShape>& inputs, const std::vector<MatShape>& outputs) const CV_OVERRIDE
    {
        const MatShape weight = blobs.empty() ? inputs[1] : weightShape_;
        return numValues(outputs[0]) * (2. * weight[1] * weight[2] * weight[3] + 1);
    }

    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE
    {
        const std::vector<Mat> constants = layerConstants(*this, inputs, numInputs());
        if (blobs.empty() && watch_.changed(constants))
            setConstants(constants);
        if (!constants[0].empty() && (!blobs.empty() || (filters_.empty() && quantized_.groups.empty())))
        {
            const float* weight = constants[0].ptr<float>();
            if (isQuantized())
                quantized_ = kernels::packQuantizedFilters(params_, input_, weight, weightScales_.data());
            else
                filters_ = kernels::packFilters(params_, weight);
            if (!blobs.empty())
                blobs[0].release();  // the packed one is the only copy
        }
        const Mat &X = inputs[0], &Y = outputs[0];
        const kernels::Conv2dShape shape = {X.size[0], X.size[2], X.size[3], Y.size[2], Y.size[3]};
        const float* bias = hasBias_ ? constants[1].ptr<float>() : nullptr;
        if (isQuantized())
            kernels::quantizedConv2dCpu(params_, shape, X.ptr<float>(), quantized_, bias, outputs[0].ptr<float>());
        else
            kernels::conv2dCpu(params_, shape, X.ptr<float>(), filters_, bias, outputs[0].ptr<float>());
    }

    void record(const std::vector<Mat>& inputs, const std::vector<Mat>&, std::vector<Mat>& recorded) const CV_OVERRIDE
    {
        if (number_ < 0)
            return;
        kernels::ValueHistogram histogram;
        histogram.add(inputs[0].ptr<float>(), inputs[0].total());
        recorded = {Mat(1, 1, CV_32S, Scalar(number_)), Mat(histogram.data(), true)};
    }

#ifdef D2DET_HAVE_CUDA
    bool hasCuda() const CV_OVERRIDE
    {
        return false;
    }
#endif

    size_t numInputs() const CV_OVERRIDE
    {
        return 1;
    }

private:
    size_t numConstants() const
    {
        return hasBias_ ? 2 : 1;
    }

    //! All three attributes or none.
    void readQuantization(const Attributes& attributes)
    {
        const bool scale = attributes.has("input_scale"), zero = attributes.has("input_zero");
        const bool weights = attributes.has("weight_scales");
        if (scale != zero || scale != weights)
            layerError(*this, Error::StsBadArg,
                       "attributes input_scale, input_zero and weight_scales go together, some are missing");
        if (!weights)
            return;
        input_.scale = attributes.getPositive("input_scale", 1.f, MAX_STEP);
        input_.zero = attributes.getInt("input_zero", 0, 0, 255);
        if (!(input_.scale >= MIN_STEP))
            layerError(*this, Error::StsOutOfRange,
                       format("attribute input_scale is %g, it must be at least %g", input_.scale, MIN_STEP));
        weightScales_ = attributes.getList("weight_scales", 1, MAX_CONV_CHANNELS, MIN_STEP, MAX_STEP);
    }

    bool isQuantized() const
    {
        return !weightScales_.empty();
    }

    //! Checks the constants and takes the sizes from them.
    void setConstants(const std::vector<Mat>& constants)
    {
        const Mat& weight = constants[0];
        checkConstantCount(*this, constants, hasBias_);
        if (weight.dims != 4 || weight.total() == 0 || weight.size[0] > MAX_CONV_CHANNELS ||
            weight.size[1] > MAX_CONV_CHANNELS || weight.size[2] > MAX_WINDOW || weight.size[3] > MAX_WINDOW)
            badWeight(*this, weight);
        checkGroups(*this, weight.size[0], weight.size[1], params_.groups);
        checkBias(*this, constants, hasBias_);
        weightShape_ = dnn::shape(weight);
        params_.outChannels = weight.size[0];
        params_.inChannels = weight.size[1] * params_.groups;
        params_.kernelHeight = weight.size[2];
        params_.kernelWidth = weight.size[3];
        filters_.clear();
        quantized_ = kernels::QuantizedFilters();
        if (!isQuantized())
            return;
        if (weightScales_.size() != static_cast<size_t>(params_.outChannels))
            layerError(*this, Error::StsUnmatchedSizes,
                       format("attribute weight_scales has %d values, weight has %d rows",
                              static_cast<int>(weightScales_.size()), params_.outChannels));
        if (kernels::quantizedDepth(params_) > kernels::Int8Kernel::MAX_DEPTH)
            layerError(*this, Error::StsOutOfRange,
                       format("an output is the sum of %g products, in 8-bit integers at most %d",
                              kernels::quantizedDepth(params_), kernels::Int8Kernel::MAX_DEPTH));
    }

    kernels::Conv2dParams params_;
    EndPads ends_;
    bool hasBias_ = false;
    int number_ = -1;       //!< of the node in its model; -1: records nothing
    MatShape weightShape_;  //!< also after packing
    ConstantsWatch watch_;
    kernels::InputQuantization input_;
    std::vector<float> weightScales_;  //!< empty: float32
    std::vector<kernels::PackedMatrix> filters_;
    kernels::QuantizedFilters quantized_;
};

}  // namespace

Ptr<dnn::Layer> createConv2dLayer(dnn::LayerParams& params)
{
    return createOwner<Conv2dLayer>(params);
}

}  // namespace d2det
}  // namespace cv
