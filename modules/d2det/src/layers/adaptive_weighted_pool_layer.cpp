// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2AdaptiveWeightedPool: pooling weighted by exp(gain * sigmoid(N)). Contract: operators.md 3.4.

     inputs   F, N [R, C, h, w]
     output   pooled [R, C, ceil(h / 2), ceil(w / 2)] */

#include "base_layer.hpp"
#include "kernels/adaptive_weighted_pool.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

class AdaptiveWeightedPoolLayer CV_FINAL : public BaseLayer
{
public:
    explicit AdaptiveWeightedPoolLayer(const dnn::LayerParams& layerParams)
        : BaseLayer(layerParams), gain_(Attributes(layerParams).getFloat("gain", 12.f, -FLT_MAX, FLT_MAX))
    {
    }

protected:
    std::vector<MatShape> outputShapes(const std::vector<MatShape>& inputs) const CV_OVERRIDE
    {
        checkInputCount(*this, inputs.size(), 2, 2);
        checkShape(*this, "F", inputs[0], {ANY, ANY, ANY, ANY});
        int lengths[4];
        for (int i = 0; i < 4; i++)
            lengths[i] = dimension(inputs[0], i);
        checkShape(*this, "N", inputs[1], {lengths[0], lengths[1], lengths[2], lengths[3]});
        for (int i = 0; i < 4; i++)
            lengths[i] = std::max(lengths[i], dimension(inputs[1], i));
        return {outputShape(*this, {lengths[0], lengths[1], (int64(lengths[2]) + 1) / 2, (int64(lengths[3]) + 1) / 2})};
    }

    double operations(const std::vector<MatShape>& inputs, const std::vector<MatShape>& outputs) const CV_OVERRIDE
    {
        return 20 * numValues(inputs[0]) + 4 * 9 * numValues(outputs[0]);  // an exponential function counts as 20
    }

    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE
    {
        kernels::adaptiveWeightedPoolCpu(paramsFor(inputs[0]), inputs[0].ptr<float>(), inputs[1].ptr<float>(),
                                         outputs[0].ptr<float>());
    }

    /** How much each cell counts: [R, h, w], mean over the channels, 1 for the
     share that it has in plain averages. The pool is linear in F, so that the
     gradient of the sum of its outputs is the sum of the shares. */
    void record(const std::vector<Mat>& inputs, const std::vector<Mat>& outputs,
                std::vector<Mat>& recorded) const CV_OVERRIDE
    {
        kernels::AdaptiveWeightedPoolParams p = paramsFor(inputs[0]);
        const int rows = inputs[0].size[0], channels = inputs[0].size[1], cells = p.height * p.width;
        p.planes = channels;
        const int shape[3] = {rows, p.height, p.width};
        Mat weights = Mat::zeros(3, shape, CV_32F);
        const size_t size = static_cast<size_t>(channels) * cells,
                     pooled = static_cast<size_t>(channels) * outputs[0].size[2] * outputs[0].size[3];
        const std::vector<float> ones(pooled, 1.f), zeros(size, 0.f);
        std::vector<float> shares(size), unused(size), plain(size);
        kernels::adaptiveWeightedPoolBackwardCpu(p, zeros.data(), zeros.data(), ones.data(),
                                                 {plain.data(), unused.data()});
        for (int r = 0; r < rows; r++)
        {
            kernels::adaptiveWeightedPoolBackwardCpu(p, inputs[0].ptr<float>(r), inputs[1].ptr<float>(r), ones.data(),
                                                     {shares.data(), unused.data()});
            float* weight = weights.ptr<float>(r);
            for (size_t i = 0; i < size; i++)
                weight[i % cells] += shares[i] / (plain[i] * static_cast<float>(channels));
        }
        recorded.push_back(weights);
    }

#ifdef D2DET_HAVE_CUDA
    cuda::Status runCuda(CudaPass& pass) CV_OVERRIDE
    {
        return cuda::adaptiveWeightedPool(paramsFor(pass.inputs[0]), pass.input(0), pass.input(1), pass.output(0),
                                          pass.stream);
    }
#endif

private:
    kernels::AdaptiveWeightedPoolParams paramsFor(const Mat& F) const
    {
        return {gain_, F.size[0] * F.size[1], F.size[2], F.size[3]};
    }

    float gain_;
};

}  // namespace

Ptr<dnn::Layer> createAdaptiveWeightedPoolLayer(dnn::LayerParams& params)
{
    return makePtr<AdaptiveWeightedPoolLayer>(params);
}

}  // namespace d2det
}  // namespace cv
