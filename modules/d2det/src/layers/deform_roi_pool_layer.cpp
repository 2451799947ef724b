// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2DeformRoIPool: deformable RoI pooling over a feature pyramid. Contract: operators.md 3.3.

     inputs   rois [R, 5], feat_0 .. feat_{L-1} [B, C, h, w], finest first, offsets [R, 2, k, k] (optional,
              default: zeros)
     output   pooled [R, C, K, K], K a multiple of k */

#include "base_layer.hpp"
#include "kernels/deform_roi_pool.hpp"
#include "kernels/taps.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

class DeformRoIPoolLayer CV_FINAL : public BaseLayer
{
public:
    explicit DeformRoIPoolLayer(const dnn::LayerParams& layerParams) : BaseLayer(layerParams)
    {
        const Attributes attributes(layerParams);
        strides_ = attributes.featureStrides();
        const Size size = attributes.pooledSize();
        if (size.width != size.height)
            layerError(*this, Error::StsBadArg,
                       format("attribute output_size is %d x %d, it must be square", size.height, size.width));
        params_.pooledSize = size.width;
        params_.samplingRatio = attributes.getInt("sampling_ratio", 2, 1, MAX_SAMPLING_RATIO);
        params_.gamma = attributes.getFloat("gamma", 0.1f, -FLT_MAX, FLT_MAX);
        params_.finestScale = attributes.getPositive("finest_scale", 56.f, MAX_SCALE);
        params_.legacy = attributes.getFlag("legacy", false);
    }

protected:
    std::vector<MatShape> outputShapes(const std::vector<MatShape>& inputs) const CV_OVERRIDE
    {
        const size_t levels = strides_.size();
        checkInputCount(*this, inputs.size(), 1 + levels, 2 + levels);
        checkShape(*this, "rois", inputs[0], {ANY, 5});
        const int rows = dimension(inputs[0], 0), channels = checkPyramid(*this, inputs, 1, levels).second;
        int k = 1;
        if (inputs.size() == 2 + levels)
        {
            const MatShape& offsets = inputs[1 + levels];
            k = dimension(offsets, 2);
            checkShape(*this, "offsets", offsets, {rows, 2, ANY, k});
            if (k > 0 && params_.pooledSize % k != 0)
                layerError(*this, Error::StsBadSize,
                           format("output_size %d is not a multiple of the %d x %d offsets", params_.pooledSize, k, k));
        }
        checkSamples(*this, rows, 2. * std::max(k, 1) * params_.pooledSize * params_.samplingRatio);
        return {outputShape(*this, {rows, channels, params_.pooledSize, params_.pooledSize})};
    }

    double operations(const std::vector<MatShape>& inputs, const std::vector<MatShape>& outputs) const CV_OVERRIDE
    {
        return poolingOperations(outputs[0], inputs, 1, strides_.size(), params_.samplingRatio);
    }

    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE
    {
        kernels::deformRoIPoolCpu(
            paramsFor(inputs),
            {makePyramid(inputs, 1, strides_), inputs[0].ptr<float>(), inputs[0].size[0], offsetsOf(inputs)},
            outputs[0].ptr<float>());
    }

    /** Where bins sample the image, with offsets only: [R, K, K, S, S, 2] (x, y),
   * pixels of the network's input. */
    void record(const std::vector<Mat>& inputs, const std::vector<Mat>&, std::vector<Mat>& recorded) const CV_OVERRIDE
    {
        if (!hasOffsets(inputs))
            return;
        const kernels::DeformRoIPoolParams p = paramsFor(inputs);
        const kernels::FeaturePyramid<float> maps = makePyramid(inputs, 1, strides_);
        const int rows = inputs[0].size[0], K = p.pooledSize, k = p.offsetSize, S = p.samplingRatio;
        const int shape[6] = {rows, K, K, S, S, 2};
        Mat points(6, shape, CV_32F);
        float* out = points.ptr<float>();
        for (int r = 0; r < rows; r++)
        {
            const float* roi = inputs[0].ptr<float>(r);
            const float* offsets = inputs.back().ptr<float>(r);
            const int level = kernels::roiLevel(roi, p.finestScale, maps.levels, p.legacy);
            const float stride = maps.stride[level];
            const kernels::DeformAxis x = kernels::makeDeformAxis(p, roi[1], roi[3], stride, maps.width[level]);
            const kernels::DeformAxis y = kernels::makeDeformAxis(p, roi[2], roi[4], stride, maps.height[level]);
            for (int i = 0; i < K * K * S * S; i++)
            {
                const int bin = i / (S * S), row = bin / K, column = bin % K;
                const float* offset = offsets + (row / (K / k)) * k + column / (K / k);
                *out++ = (kernels::sampleCoord(p, x, column, offset[0], i % S) + 0.5f) * stride;
                *out++ = (kernels::sampleCoord(p, y, row, offset[k * k], i / S % S) + 0.5f) * stride;
            }
        }
        recorded.push_back(points);
    }

#ifdef D2DET_HAVE_CUDA
    cuda::Status runCuda(CudaPass& pass) CV_OVERRIDE
    {
        return cuda::deformRoIPool(
            paramsFor(pass.inputs),
            {makePyramid(pass.inputs, 1, strides_), pass.input(0), pass.inputs[0].size[0], offsetsOf(pass.inputs)},
            pass.output(0), pass.stream);
    }
#endif

private:
    bool hasOffsets(const std::vector<Mat>& inputs) const
    {
        return inputs.size() == 2 + strides_.size();
    }
    const float* offsetsOf(const std::vector<Mat>& inputs) const
    {
        return hasOffsets(inputs) ? inputs.back().ptr<float>() : nullptr;
    }
    kernels::DeformRoIPoolParams paramsFor(const std::vector<Mat>& inputs) const
    {
        kernels::DeformRoIPoolParams params = params_;
        params.offsetSize = hasOffsets(inputs) ? inputs.back().size[2] : 1;
        return params;
    }

    kernels::DeformRoIPoolParams params_;
    std::vector<float> strides_;
};

}  // namespace

Ptr<dnn::Layer> createDeformRoIPoolLayer(dnn::LayerParams& params)
{
    return makePtr<DeformRoIPoolLayer>(params);
}

}  // namespace d2det
}  // namespace cv
