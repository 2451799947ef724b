// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2DeformConv2d: deformable convolution of entire maps. Contract: operators.md 3.14.

     inputs   X [N, C, h, w], offset [N, 2 G kh kw, oh, ow], mask [N, G kh kw, oh, ow] with has_mask = 1,
              weight [O, C / groups, kh, kw], bias [O] with has_bias = 1; the last two are constants
     output   Y [N, O, oh, ow] */

#include "conv_window.hpp"
#include "kernels/deform_conv2d.hpp"

#include "opencv2/dnn/shape_utils.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

class DeformConv2dLayer CV_FINAL : public BaseLayer
{
public:
    explicit DeformConv2dLayer(const dnn::LayerParams& layerParams) : BaseLayer(layerParams)
    {
        const Attributes attributes(layerParams);
        ends_ = readWindow(attributes, params_);
        params_.offsetGroups = attributes.getInt("offset_groups", 1, 1, MAX_CONV_CHANNELS);
        hasMask_ = attributes.getFlag("has_mask", false);
        hasBias_ = attributes.getFlag("has_bias", false);
        if (!blobs.empty())
            setConstants(blobs);
    }

protected:
    std::vector<MatShape> outputShapes(const std::vector<MatShape>& inputs) const CV_OVERRIDE
    {
        const size_t count = numInputs() + (blobs.empty() ? numConstants() : 0);
        checkInputCount(*this, inputs.size(), count, count);
        const MatShape weight = weightOf(inputs);
        checkShape(*this, "weight", weight, {ANY, ANY, ANY, ANY});
        checkWeight(weight);
        const MatShape &X = inputs[0], &offset = inputs[1];
        const int kernelHeight = dimension(weight, 2), kernelWidth = dimension(weight, 3);
        checkShape(*this, "X", X, {ANY, dimension(weight, 1) * params_.groups, ANY, ANY});
        const int64 oh = windowSteps(*this, dimension(X, 2), params_.padTop + ends_.bottom, params_.dilationY,
                                     kernelHeight, params_.strideY);
        const int64 ow = windowSteps(*this, dimension(X, 3), params_.padLeft + ends_.right, params_.dilationX,
                                     kernelWidth, params_.strideX);
        const int64 points = int64(params_.offsetGroups) * kernelHeight * kernelWidth;
        if (2 * points > INT_MAX)
            layerError(*this, Error::StsOutOfRange,
                       format("a %d x %d kernel and offset_groups = %d need more than 2^31 maps of offsets",
                              kernelHeight, kernelWidth, params_.offsetGroups));
        const MatShape output =
            outputShape(*this, {std::max(dimension(X, 0), dimension(offset, 0)), dimension(weight, 0), oh, ow});
        checkShape(*this, "offset", offset,
                   {dimension(X, 0), static_cast<int>(2 * points), dimension(output, 2), dimension(output, 3)});
        if (hasMask_)
            checkShape(*this, "mask", inputs[2],
                       {dimension(output, 0), static_cast<int>(points), dimension(output, 2), dimension(output, 3)});
        return {output};
    }

    //! A sampled value takes four products; where groups are small, 16 channels are sampled for fewer.
    double operations(const std::vector<MatShape>& inputs, const std::vector<MatShape>& outputs) const CV_OVERRIDE
    {
        const MatShape weight = weightOf(inputs), &Y = outputs[0];
        const double points = double(Y[0]) * Y[2] * Y[3] * weight[2] * weight[3];
        const double channels = double(weight[1]) * params_.groups,
                     runs = double(params_.groups) + params_.offsetGroups;
        return numValues(Y) * (2. * weight[1] * weight[2] * weight[3] + 1) + points * (8 * channels + 160 * runs);
    }

    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE
    {
        const std::vector<Mat> constants = layerConstants(*this, inputs, numInputs());
        if (blobs.empty() ? watch_.changed(constants) : !blobs[0].empty())
        {
            setConstants(constants);
            filters_ = kernels::packDeformFilters(params_, constants[0].ptr<float>());
            if (!blobs.empty())
                blobs[0].release();  // filters_ is the only copy
        }
        kernels::DeformConv2dArgs<float> args = makeArgs(inputs);
        args.bias = hasBias_ ? constants[1].ptr<float>() : nullptr;
        kernels::deformConv2dCpu(params_, makeShape(inputs), args, filters_, outputs[0].ptr<float>());
    }

#ifdef D2DET_HAVE_CUDA
    size_t cudaWorkspace(const std::vector<Mat>& inputs) const CV_OVERRIDE
    {
        return cuda::deformConv2dWorkspace(paramsFor(weightOf(inputs)), makeShape(inputs));
    }

    cuda::Status runCuda(CudaPass& pass) CV_OVERRIDE
    {
        if (blobs.empty())
            checkConstants(layerConstants(*this, pass.inputs, numInputs()));
        kernels::DeformConv2dArgs<float> args = makeArgs(pass.inputs);
        args.weight = pass.constant(0, numInputs());
        args.bias = hasBias_ ? pass.constant(1, numInputs()) : nullptr;
        return cuda::deformConv2d(paramsFor(weightOf(pass.inputs)), makeShape(pass.inputs), args, pass.output(0),
                                  pass.workspace, pass.stream);
    }

    std::vector<Mat> cudaConstants() CV_OVERRIDE
    {
        std::vector<Mat> constants;
        for (size_t i = 0; i < blobs.size(); i++)
            constants.push_back(i == 0 && blobs[0].empty() ? unpackedWeight() : denseConstant(*this, i));
        return constants;
    }
#endif

    size_t numInputs() const CV_OVERRIDE
    {
        return hasMask_ ? 3 : 2;
    }

private:
    size_t numConstants() const
    {
        return hasBias_ ? 2 : 1;
    }

    MatShape weightOf(const std::vector<MatShape>& inputs) const
    {
        return blobs.empty() ? inputs[numInputs()] : weightShape_;
    }

    kernels::DeformConv2dParams paramsFor(const MatShape& weight) const
    {
        kernels::DeformConv2dParams params = params_;
        params.outChannels = weight[0];
        params.inChannels = weight[1] * params.groups;
        params.kernelHeight = weight[2];
        params.kernelWidth = weight[3];
        return params;
    }

    //! Arguments without the constants of the model.
    kernels::DeformConv2dArgs<float> makeArgs(const std::vector<Mat>& inputs) const
    {
        return {inputs[0].ptr<float>(), inputs[1].ptr<float>(), hasMask_ ? inputs[2].ptr<float>() : nullptr, nullptr,
                nullptr};
    }

    static kernels::Conv2dShape makeShape(const std::vector<Mat>& inputs)
    {
        const Mat &X = inputs[0], &offset = inputs[1];
        return {X.size[0], X.size[2], X.size[3], offset.size[2], offset.size[3]};
    }

    //! Known lengths must make groups and be in range.
    void checkWeight(const MatShape& weight) const
    {
        const int rows = dimension(weight, 0), channels = dimension(weight, 1);
        if (rows > MAX_CONV_CHANNELS || dimension(weight, 2) > MAX_WINDOW || dimension(weight, 3) > MAX_WINDOW)
            layerError(*this, Error::StsOutOfRange,
                       format("weight has %d rows and a kernel of %d x %d, at most %d and %d x %d are supported", rows,
                              dimension(weight, 2), dimension(weight, 3), MAX_CONV_CHANNELS, MAX_WINDOW, MAX_WINDOW));
        checkGroups(*this, rows, channels, params_.groups);
        if (channels * params_.groups % params_.offsetGroups != 0)
            layerError(*this, Error::StsBadSize,
                       format("attribute offset_groups is %d, it must divide the %d input channels",
                              params_.offsetGroups, channels * params_.groups));
        if (numValues(weight) > MAX_ELEMENTS)
            layerError(*this, Error::StsOutOfRange,
                       format("weight has %g values, the limit is %g", numValues(weight), MAX_ELEMENTS));
    }

    void checkConstants(const std::vector<Mat>& constants) const
    {
        checkConstantCount(*this, constants, hasBias_);
        const Mat& weight = constants[0];
        if (weight.dims != 4 || weight.total() == 0)
            badWeight(*this, weight);
        checkWeight(dnn::shape(weight));
        checkBias(*this, constants, hasBias_);
    }

    //! Checks the constants and takes the sizes from them.
    void setConstants(const std::vector<Mat>& constants)
    {
        checkConstants(constants);
        weightShape_ = dnn::shape(constants[0]);
        params_ = paramsFor(weightShape_);
        filters_.clear();
    }

#ifdef D2DET_HAVE_CUDA
    MatShape weightOf(const std::vector<Mat>& inputs) const
    {
        return blobs.empty() ? dnn::shape(inputs[numInputs()]) : weightShape_;
    }

    //! Weight from filters_, the only copy after a pass on the CPU.
    Mat unpackedWeight() const
    {
        Mat weight(static_cast<int>(weightShape_.size()), weightShape_.data(), CV_32F);
        kernels::unpackDeformFilters(params_, filters_, weight.ptr<float>());
        return weight;
    }
#endif

    kernels::DeformConv2dParams params_;
    EndPads ends_;
    bool hasMask_ = false, hasBias_ = false;
    MatShape weightShape_;  //!< also after packing
    ConstantsWatch watch_;
    std::vector<kernels::PackedMatrix> filters_;
};

}  // namespace

Ptr<dnn::Layer> createDeformConv2dLayer(dnn::LayerParams& params)
{
    return createOwner<DeformConv2dLayer>(params);
}

}  // namespace d2det
}  // namespace cv
