// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Deformable RoI pooling over a feature pyramid, differentiable with respect to the maps and the offsets.
   Contract: operators.md 3.3, 5.

     features[i] [B, C, h_i, w_i], rois [R, 5], offsets [R, 2, k, k] (plane 0 = x, 1 = y) or none -> pooled
     [R, C, K, K] */

#include "ops/deform_roi_pool.hpp"
#include "ops/pooled_function.hpp"

namespace d2det
{
namespace ops
{

namespace
{

struct DeformRoIPool
{
    static constexpr const char* NAME = "deformRoIPool";
    using Params = kernels::DeformRoIPoolParams;

    static std::pair<int64_t, int64_t> outputSize(const Params& p) { return {p.pooledSize, p.pooledSize}; }

    static void forward(const Params& p, const kernels::RoIPoolInput<float>& in, float* output)
    {
        kernels::deformRoIPoolCpu(p, in, output);
    }
    static void forward(const Params& p, const kernels::RoIPoolInput<double>& in, double* output)
    {
        kernels::deformRoIPoolRef(p, in, output);
    }
    static void backward(const Params& p, const kernels::RoIPoolInput<float>& in, const float* gradOutput,
                         float* const* gradFeatures, float* gradOffsets)
    {
        kernels::deformRoIPoolBackwardCpu(p, in, gradOutput, gradFeatures, gradOffsets);
    }
    static void backward(const Params& p, const kernels::RoIPoolInput<double>& in, const double* gradOutput,
                         double* const* gradFeatures, double* gradOffsets)
    {
        kernels::deformRoIPoolBackwardRef(p, in, gradOutput, gradFeatures, gradOffsets);
    }
    static cuda::Status launch(const Params& p, const kernels::RoIPoolInput<float>& in, float* output,
                               cuda::Stream stream)
    {
        return cuda::deformRoIPool(p, in, output, stream);
    }
    static cuda::Status launchBackward(const Params& p, const kernels::RoIPoolInput<float>& in, const float* gradOutput,
                                       float* const* gradFeatures, float* gradOffsets, cuda::Stream stream)
    {
        return cuda::deformRoIPoolBackward(p, in, gradOutput, gradFeatures, gradOffsets, stream);
    }
};

}  // namespace

Tensor deformRoIPool(const std::vector<Tensor>& maps, const std::vector<float>& strides, const Tensor& rois,
                     const Tensor& cellOffsets, const kernels::DeformRoIPoolParams& params)
{
    const char* const OP = DeformRoIPool::NAME;
    const std::vector<Tensor> features = fullPrecision(maps);
    const Tensor offsets = fullPrecision(cellOffsets);
    checkPyramid(OP, features, strides);
    const Tensor preparedRois = prepareRoIs(OP, fullPrecision(rois), features[0]);
    const int K = params.pooledSize, k = params.offsetSize;
    TORCH_CHECK(params.samplingRatio >= 1, OP, ": samplingRatio is ", params.samplingRatio, ", it must be at least 1");
    TORCH_CHECK(params.finestScale > 0, OP, ": finestScale is ", params.finestScale, ", it must be positive");
    TORCH_CHECK(K >= 1 && k >= 1 && K % k == 0, OP, ": pooledSize ", K, " must be a multiple of offsetSize ", k);
    std::vector<Tensor> inputs = features;
    if (offsets.defined())
    {
        checkTensor(OP, "offsets", offsets);
        checkSameDevice(OP, "offsets", offsets, features[0]);
        TORCH_CHECK(offsets.scalar_type() == features[0].scalar_type(), OP, ": offsets has type ",
                    offsets.scalar_type(), ", but the maps have ", features[0].scalar_type());
        TORCH_CHECK(offsets.sizes() == at::IntArrayRef({rois.size(0), 2, k, k}), OP, ": offsets has shape ",
                    offsets.sizes(), ", expected [", rois.size(0), ", 2, ", k, ", ", k, "]");
        inputs.push_back(offsets);
    }
    return PooledFunction<DeformRoIPool>::apply(preparedRois, at::TensorList(inputs),
                                                PooledFunction<DeformRoIPool>::Settings{params, strides});
}

}  // namespace ops
}  // namespace d2det
