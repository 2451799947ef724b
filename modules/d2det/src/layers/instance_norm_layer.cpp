// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2InstanceNorm: normalization of every (row, channel) plane. Contract: operators.md 3.5.

     input      X [R, C, h, w]
     constants  scale [C], bias [C]
     output     Y like X */

#include "base_layer.hpp"
#include "kernels/instance_norm.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

class InstanceNormLayer CV_FINAL : public BaseLayer
{
public:
    explicit InstanceNormLayer(const dnn::LayerParams& layerParams)
        : BaseLayer(layerParams), epsilon_(Attributes(layerParams).getPositive("epsilon", 1e-5f, FLT_MAX))
    {
        if (!blobs.empty() && blobs.size() != 2)
            layerError(*this, Error::StsBadArg,
                       format("has %d constants, it needs scale and bias", static_cast<int>(blobs.size())));
    }

protected:
    std::vector<MatShape> outputShapes(const std::vector<MatShape>& inputs) const CV_OVERRIDE
    {
        const size_t count = blobs.empty() ? 3 : 1;
        checkInputCount(*this, inputs.size(), count, count);
        const MatShape& X = inputs[0];
        checkShape(*this, "X", X, {ANY, ANY, ANY, ANY});
        return {outputShape(*this, {dimension(X, 0), dimension(X, 1), dimension(X, 2), dimension(X, 3)})};
    }

    double operations(const std::vector<MatShape>&, const std::vector<MatShape>& outputs) const CV_OVERRIDE
    {
        return 8 * numValues(outputs[0]);
    }

    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE
    {
        const std::vector<Mat> constants = checkedConstants(inputs);
        kernels::instanceNormCpu(paramsFor(inputs[0]), inputs[0].ptr<float>(), constants[0].ptr<float>(),
                                 constants[1].ptr<float>(), outputs[0].ptr<float>());
    }

#ifdef D2DET_HAVE_CUDA
    cuda::Status runCuda(CudaPass& pass) CV_OVERRIDE
    {
        checkedConstants(pass.inputs);
        return cuda::instanceNorm(paramsFor(pass.inputs[0]), pass.input(0), pass.constant(0, 1), pass.constant(1, 1),
                                  pass.output(0), pass.stream);
    }
#endif

    size_t numInputs() const CV_OVERRIDE
    {
        return 1;
    }

private:
    kernels::InstanceNormParams paramsFor(const Mat& X) const
    {
        return {epsilon_, X.size[0], X.size[1], X.size[2] * X.size[3]};
    }

    //! Scale and bias.
    std::vector<Mat> checkedConstants(const std::vector<Mat>& inputs) const
    {
        const int channels = inputs[0].size[1];
        const std::vector<Mat> constants = layerConstants(*this, inputs, numInputs());
        for (const Mat& constant : constants)
            if (constant.total() != static_cast<size_t>(channels))
                layerError(*this, Error::StsUnmatchedSizes,
                           format("scale or bias has %d values, X has %d channels", static_cast<int>(constant.total()),
                                  channels));
        return constants;
    }

    float epsilon_;
};

}  // namespace

Ptr<dnn::Layer> createInstanceNormLayer(dnn::LayerParams& params)
{
    return makePtr<InstanceNormLayer>(params);
}

}  // namespace d2det
}  // namespace cv
