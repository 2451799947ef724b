// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2RoIAlign: RoIAlign over a feature pyramid. Contract: operators.md 3.2.

     inputs   rois [R, 5], feat_0 .. feat_{L-1} [B, C, h, w], finest first
     output   pooled [R, C, output_size] */

#include "base_layer.hpp"
#include "kernels/roi_align.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

class RoIAlignLayer CV_FINAL : public BaseLayer
{
public:
    explicit RoIAlignLayer(const dnn::LayerParams& layerParams) : BaseLayer(layerParams)
    {
        const Attributes attributes(layerParams);
        strides_ = attributes.featureStrides();
        const Size size = attributes.pooledSize();
        params_.pooledHeight = size.height;
        params_.pooledWidth = size.width;
        params_.samplingRatio = attributes.getInt("sampling_ratio", 0, 0, MAX_SAMPLING_RATIO);
        params_.finestScale = attributes.getPositive("finest_scale", 56.f, MAX_SCALE);
        params_.aligned = attributes.getFlag("aligned", true);
        params_.legacy = attributes.getFlag("legacy", false);
    }

protected:
    std::vector<MatShape> outputShapes(const std::vector<MatShape>& inputs) const CV_OVERRIDE
    {
        checkInputCount(*this, inputs.size(), 1 + strides_.size(), 1 + strides_.size());
        checkShape(*this, "rois", inputs[0], {ANY, 5});
        const int channels = checkPyramid(*this, inputs, 1, strides_.size()).second;
        const size_t levels = strides_.size();
        checkSamples(*this, dimension(inputs[0], 0),
                     samplesAlong(2, params_.pooledHeight, inputs, 1, levels, params_.samplingRatio) +
                         samplesAlong(3, params_.pooledWidth, inputs, 1, levels, params_.samplingRatio));
        return {outputShape(*this, {dimension(inputs[0], 0), channels, params_.pooledHeight, params_.pooledWidth})};
    }

    double operations(const std::vector<MatShape>& inputs, const std::vector<MatShape>& outputs) const CV_OVERRIDE
    {
        return poolingOperations(outputs[0], inputs, 1, strides_.size(), params_.samplingRatio);
    }

    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE
    {
        kernels::roiAlignCpu(params_, {makePyramid(inputs, 1, strides_), inputs[0].ptr<float>(), inputs[0].size[0]},
                             outputs[0].ptr<float>());
    }

#ifdef D2DET_HAVE_CUDA
    cuda::Status runCuda(CudaPass& pass) CV_OVERRIDE
    {
        return cuda::roiAlign(params_, {makePyramid(pass.inputs, 1, strides_), pass.input(0), pass.inputs[0].size[0]},
                              pass.output(0), pass.stream);
    }
#endif

private:
    kernels::RoIAlignParams params_;
    std::vector<float> strides_;
};

}  // namespace

Ptr<dnn::Layer> createRoIAlignLayer(dnn::LayerParams& params)
{
    return makePtr<RoIAlignLayer>(params);
}

}  // namespace d2det
}  // namespace cv
