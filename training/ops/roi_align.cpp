// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* RoIAlign over a feature pyramid, differentiable with respect to the maps. Contract: operators.md 3.2, 5.

     features[i] [B, C, h_i, w_i], rois [R, 5] -> pooled [R, C, pooledHeight, pooledWidth] */

#include "ops/pooled_function.hpp"
#include "ops/roi_align.hpp"

namespace d2det
{
namespace ops
{

namespace
{

struct RoIAlign
{
    static constexpr const char* NAME = "roiAlign";
    using Params = kernels::RoIAlignParams;

    static std::pair<int64_t, int64_t> outputSize(const Params& p) { return {p.pooledHeight, p.pooledWidth}; }

    static void forward(const Params& p, const kernels::RoIPoolInput<float>& in, float* output)
    {
        kernels::roiAlignCpu(p, in, output);
    }
    static void forward(const Params& p, const kernels::RoIPoolInput<double>& in, double* output)
    {
        kernels::roiAlignRef(p, in, output);
    }
    static void backward(const Params& p, const kernels::RoIPoolInput<float>& in, const float* gradOutput,
                         float* const* gradFeatures, float*)
    {
        kernels::roiAlignBackwardCpu(p, in, gradOutput, gradFeatures);
    }
    static void backward(const Params& p, const kernels::RoIPoolInput<double>& in, const double* gradOutput,
                         double* const* gradFeatures, double*)
    {
        kernels::roiAlignBackwardRef(p, in, gradOutput, gradFeatures);
    }
    static cuda::Status launch(const Params& p, const kernels::RoIPoolInput<float>& in, float* output,
                               cuda::Stream stream)
    {
        return cuda::roiAlign(p, in, output, stream);
    }
    static cuda::Status launchBackward(const Params& p, const kernels::RoIPoolInput<float>& in, const float* gradOutput,
                                       float* const* gradFeatures, float*, cuda::Stream stream)
    {
        return cuda::roiAlignBackward(p, in, gradOutput, gradFeatures, stream);
    }
};

}  // namespace

Tensor roiAlign(const std::vector<Tensor>& maps, const std::vector<float>& strides, const Tensor& rois,
                const kernels::RoIAlignParams& params)
{
    const char* const OP = RoIAlign::NAME;
    const std::vector<Tensor> features = fullPrecision(maps);
    checkPyramid(OP, features, strides);
    TORCH_CHECK(params.pooledHeight >= 1 && params.pooledWidth >= 1, OP, ": output of ", params.pooledHeight, " x ",
                params.pooledWidth, " bins, both must be at least 1");
    TORCH_CHECK(params.finestScale > 0, OP, ": finestScale is ", params.finestScale, ", it must be positive");
    return PooledFunction<RoIAlign>::apply(prepareRoIs(OP, fullPrecision(rois), features[0]), at::TensorList(features),
                                           PooledFunction<RoIAlign>::Settings{params, strides});
}

}  // namespace ops
}  // namespace d2det
