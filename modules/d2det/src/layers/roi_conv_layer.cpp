// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2RoIConv: convolution, norm and activation of the rows that hold a RoI (kernels/roi_conv.hpp).

   Inputs: `X` [R, C, h, w], `rois` [R, 5] and, with by_class = 1, `classes` [R, 1]. Constants in this order: `weight`
   [levels * O, C, kh, kw], then, where the attributes say so, `bias` [levels * O], `gamma` [levels * O], `beta`
   [levels * O]; the O values of the finest level first. Output: `Y` [R, O / u / u, u oh, u ow], oh = (h + 2 conv_pad -
   kh) / conv_stride + 1, u = upsample.

   | attribute    | type  | default |                                                                              |
   |--------------|-------|---------|------------------------------------------------------------------------------|
   | levels       | int   | 1       | weight sets, one per pyramid level (or class); 1: one for all                |
   | by_class     | int   | 0       | the weight set of a row is its class, not its level; another class: zeros    |
   | conv_stride  | int   | 1       | both axes                                                                    |
   | conv_pad     | int   | 1       | zeros at all four sides, fewer than the kernel's cells                       |
   | has_bias     | int   | 0       | constant `bias` follows `weight`                                             |
   | norm_groups  | int   | 0       | group norm over the row in that many groups; 0: none; O: instance norm       |
   | norm_affine  | int   | 1       | with norm_groups > 0: constants `gamma` and `beta` follow                    |
   | epsilon      | float | 1e-5    | of the norm                                                                  |
   | relu         | int   | 0       | max(Y, 0) behind the norm                                                    |
   | sigmoid      | int   | 0       | 1 / (1 + exp(-Y)) behind it                                                  |
   | upsample     | int   | 1       | u: at the end u u channels become u x u pixels (kernels/roi_conv.hpp)        |
   | finest_scale | float | 56      | level rule of operators.md 2, used if levels > 1                             |
   | legacy       | int   | 0       | +1 in the level rule                                                         |

     Y[r] = relu(norm(conv(X[r], weight[level(r)]) + bias[level(r)]))

   Rows with an all-zero box (padding) or a value that is not finite are zeros and are not computed. The names
   `strides`, `pads` and `kernel_shape` are avoided because OpenCV's importer rewrites these attributes. */

#include "base_layer.hpp"
#include "kernels/roi_conv.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

constexpr int MAX_KERNEL = 256;
constexpr int MAX_CHANNELS = 1 << 20;
constexpr int MAX_CLASSES = 1 << 16;
constexpr int MAX_UPSAMPLE = 16;

class RoIConvLayer CV_FINAL : public BaseLayer
{
public:
    explicit RoIConvLayer(const dnn::LayerParams& layerParams) : BaseLayer(layerParams)
    {
        const Attributes attributes(layerParams);
        params_.byClass = attributes.getFlag("by_class", false);
        params_.weightSets = attributes.getInt("levels", 1, 1, params_.byClass ? MAX_CLASSES : kernels::MAX_LEVELS);
        params_.stride = attributes.getInt("conv_stride", 1, 1, MAX_KERNEL);
        params_.pad = attributes.getInt("conv_pad", 1, 0, MAX_KERNEL);
        params_.normGroups = attributes.getInt("norm_groups", 0, 0, MAX_CHANNELS);
        params_.epsilon = attributes.getPositive("epsilon", 1e-5f, FLT_MAX);
        params_.relu = attributes.getFlag("relu", false);
        params_.sigmoid = attributes.getFlag("sigmoid", false);
        params_.upsample = attributes.getInt("upsample", 1, 1, MAX_UPSAMPLE);
        params_.finestScale = attributes.getPositive("finest_scale", 56.f, MAX_SCALE);
        params_.legacy = attributes.getFlag("legacy", false);
        hasBias_ = attributes.getFlag("has_bias", false);
        hasAffine_ = attributes.getFlag("norm_affine", true) && params_.normGroups > 0;
        if (!blobs.empty())
        {
            checkConstants(blobs);
            weightShape_ = dnn::shape(blobs[0]);
        }
    }

protected:
    std::vector<MatShape> outputShapes(const std::vector<MatShape>& inputs) const CV_OVERRIDE
    {
        const size_t count = numInputs() + (blobs.empty() ? numConstants() : 0);
        checkInputCount(*this, inputs.size(), count, count);
        const MatShape weight = blobs.empty()      ? inputs[numInputs()]
                                : blobs[0].empty() ? weightShape_
                                                   : dnn::shape(blobs[0]);
        checkShape(*this, "weight", weight, {ANY, ANY, ANY, ANY});
        const MatShape& X = inputs[0];
        checkShape(*this, "X", X, {ANY, dimension(weight, 1), ANY, ANY});
        checkShape(*this, "rois", inputs[1], {dimension(X, 0), 5});
        const int rows = std::max(dimension(X, 0), dimension(inputs[1], 0)), u = params_.upsample;
        if (params_.byClass)
            checkShape(*this, "classes", inputs[2], {rows, 1});
        return {outputShape(*this, {rows, dimension(weight, 0) / params_.weightSets / (u * u),
                                    u * outputLength(dimension(X, 2), dimension(weight, 2)),
                                    u * outputLength(dimension(X, 3), dimension(weight, 3))})};
    }

    double operations(const std::vector<MatShape>& inputs, const std::vector<MatShape>& outputs) const CV_OVERRIDE
    {
        const MatShape weight = blobs.empty() ? inputs[numInputs()] : weightShape_;
        return numValues(outputs[0]) * (2. * weight[1] * weight[2] * weight[3] + 8);
    }

    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE
    {
        if (blobs.empty() ? watch_.changed(layerConstants(*this, inputs, numInputs())) : !blobs[0].empty())
            packWeight(inputs);
        std::vector<Mat> rest;  // bias, gamma, beta
        for (size_t i = 1; i < numConstants(); i++)
            rest.push_back(blobs.empty() ? inputs[numInputs() + i] : denseConstant(*this, i));
        kernels::RoIConvArgs<float> args = makeArgs(inputs);
        args.bias = hasBias_ ? rest[0].ptr<float>() : nullptr;
        args.gamma = hasAffine_ ? rest[hasBias_].ptr<float>() : nullptr;
        args.beta = hasAffine_ ? rest[hasBias_ + 1].ptr<float>() : nullptr;
        kernels::roiConvCpu(paramsFor(weightShape_), args, packed_, outputs[0].ptr<float>());
    }

#ifdef D2DET_HAVE_CUDA
    size_t cudaWorkspace(const std::vector<Mat>& inputs) const CV_OVERRIDE
    {
        const Mat& X = inputs[0];
        return cuda::roiConvWorkspace(paramsFor(weightShape(inputs)), X.size[0], X.size[2], X.size[3]);
    }

    cuda::Status runCuda(CudaPass& pass) CV_OVERRIDE
    {
        if (blobs.empty())
            checkConstants(layerConstants(*this, pass.inputs, numInputs()));
        const size_t first = numInputs(), gamma = hasBias_ ? 2 : 1;
        kernels::RoIConvArgs<float> args = makeArgs(pass.inputs);
        args.weight = pass.constant(0, first);
        args.bias = hasBias_ ? pass.constant(1, first) : nullptr;
        args.gamma = hasAffine_ ? pass.constant(gamma, first) : nullptr;
        args.beta = hasAffine_ ? pass.constant(gamma + 1, first) : nullptr;
        return cuda::roiConv(paramsFor(weightShape(pass.inputs)), args, pass.output(0), pass.workspace, pass.stream);
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
        return params_.byClass ? 3 : 2;
    }

private:
    size_t numConstants() const
    {
        return 1 + (hasBias_ ? 1 : 0) + (hasAffine_ ? 2 : 0);
    }

    //! Arguments without the constants of the model.
    kernels::RoIConvArgs<float> makeArgs(const std::vector<Mat>& inputs) const
    {
        const Mat& X = inputs[0];
        kernels::RoIConvArgs<float> args{X.ptr<float>(), inputs[1].ptr<float>(), X.size[0], X.size[2], X.size[3],
                                         nullptr};
        args.classes = params_.byClass ? inputs[2].ptr<float>() : nullptr;
        return args;
    }

    kernels::RoIConvParams paramsFor(const MatShape& weight) const
    {
        kernels::RoIConvParams params = params_;
        params.outChannels = weight[0] / params.weightSets;
        params.inChannels = weight[1];
        params.kernelHeight = weight[2];
        params.kernelWidth = weight[3];
        return params;
    }

    //! Output length along one axis; 0 if the input length is unknown.
    int64 outputLength(int length, int kernel) const
    {
        if (length == 0 || kernel == 0)
            return 0;
        const int64 room = int64(length) + 2 * params_.pad - kernel;
        if (room < 0)
            layerError(*this, Error::StsBadSize,
                       format("the kernel has length %d, more than the input's %d with %d zeros at both sides", kernel,
                              length, params_.pad));
        return room / params_.stride + 1;
    }

#ifdef D2DET_HAVE_CUDA
    MatShape weightShape(const std::vector<Mat>& inputs) const
    {
        return blobs.empty() ? dnn::shape(inputs[numInputs()]) : weightShape_;
    }

    //! Weight from packed_, the only copy after a pass on the CPU.
    Mat unpackedWeight() const
    {
        Mat weight(static_cast<int>(weightShape_.size()), weightShape_.data(), CV_32F);
        kernels::unpackRoIConv(packed_, weight.ptr<float>());
        return weight;
    }
#endif

    /** Packs the weight in the layout of the matrix product and frees the original: these layers contain 57 of the 80
        million parameters of the model in the paper. */
    void packWeight(const std::vector<Mat>& inputs)
    {
        const std::vector<Mat> constants = layerConstants(*this, inputs, numInputs());
        checkConstants(constants);
        const Mat& weight = constants[0];
        weightShape_ = dnn::shape(weight);
        packed_ = kernels::packRoIConv(paramsFor(weightShape_), weight.ptr<float>());
        if (!blobs.empty())
            blobs[0].release();
    }

    void checkConstants(const std::vector<Mat>& constants) const
    {
        if (constants.size() != numConstants())
            layerError(*this, Error::StsBadArg,
                       format("has %d constants, with has_bias = %d, norm_groups = %d and norm_affine = %d it needs %d",
                              static_cast<int>(constants.size()), hasBias_, params_.normGroups, hasAffine_,
                              static_cast<int>(numConstants())));
        const Mat& weight = constants[0];
        if (weight.dims != 4 || weight.total() == 0 || weight.size[0] % params_.weightSets != 0 ||
            weight.size[0] > MAX_CHANNELS || weight.size[1] > MAX_CHANNELS || weight.size[2] > MAX_KERNEL ||
            weight.size[3] > MAX_KERNEL)
            layerError(*this, Error::StsBadSize,
                       format("weight has %d dimensions and %g values, it must be [%d * O, C, kh, kw]", weight.dims,
                              static_cast<double>(weight.total()), params_.weightSets));
        if (params_.pad >= std::max(weight.size[2], weight.size[3]) && params_.pad > 0)
            layerError(*this, Error::StsOutOfRange,
                       format("attribute conv_pad is %d, it must be smaller than the %d x %d kernel", params_.pad,
                              weight.size[2], weight.size[3]));
        const int channels = weight.size[0] / params_.weightSets;
        if (params_.normGroups > 0 && channels % params_.normGroups != 0)
            layerError(*this, Error::StsBadSize,
                       format("attribute norm_groups is %d, it must divide the %d output channels", params_.normGroups,
                              channels));
        if (channels % (params_.upsample * params_.upsample) != 0)
            layerError(*this, Error::StsBadSize,
                       format("attribute upsample is %d, its square must divide the %d output channels",
                              params_.upsample, channels));
        for (size_t i = 1; i < constants.size(); i++)
            if (constants[i].total() != static_cast<size_t>(weight.size[0]))
                layerError(*this, Error::StsUnmatchedSizes,
                           format("constant %d has %d values, weight has %d rows", static_cast<int>(i),
                                  static_cast<int>(constants[i].total()), weight.size[0]));
    }

    kernels::RoIConvParams params_;
    bool hasBias_ = false, hasAffine_ = false;
    ConstantsWatch watch_;
    kernels::RoIConvPacked packed_;
    MatShape weightShape_;  //!< shape of the weight before packing
};

}  // namespace

Ptr<dnn::Layer> createRoIConvLayer(dnn::LayerParams& params)
{
    return createOwner<RoIConvLayer>(params);
}

}  // namespace d2det
}  // namespace cv
