// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Adaptive weighted pooling, differentiable with respect to features and weights. Contract: operators.md 3.4, 5.

     A = exp(gain * sigmoid(N));  out = sum(F A) / sum(A) over 3x3 windows, stride 2, padding 1
     F, N [R, C, h, w] -> [R, C, ceil(h / 2), ceil(w / 2)] */

#include "ops/common.hpp"
#include "ops/adaptive_weighted_pool.hpp"

namespace d2det
{
namespace ops
{

namespace
{

const char* const OP = "adaptiveWeightedPool";

kernels::AdaptiveWeightedPoolParams paramsFor(double gain, const Tensor& F)
{
    return {static_cast<float>(gain), static_cast<int>(F.size(0) * F.size(1)), static_cast<int>(F.size(2)),
            static_cast<int>(F.size(3))};
}

void forwardKernel(const kernels::AdaptiveWeightedPoolParams& p, const Tensor& F, const Tensor& N, Tensor& output)
{
    if (F.scalar_type() == torch::kDouble)
        return kernels::adaptiveWeightedPoolRef(p, F.data_ptr<double>(), N.data_ptr<double>(),
                                                output.data_ptr<double>());
    const float *f = F.data_ptr<float>(), *n = N.data_ptr<float>();
    float* const out = output.data_ptr<float>();
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(F))
            return launchCuda(OP, F.device(),
                              [&](cuda::Stream stream) { return cuda::adaptiveWeightedPool(p, f, n, out, stream); });
    kernels::adaptiveWeightedPoolCpu(p, f, n, out);
}

void backwardKernel(const kernels::AdaptiveWeightedPoolParams& p, const Tensor& F, const Tensor& N,
                    const Tensor& gradOutput, Tensor& gradF, Tensor& gradN)
{
    if (F.scalar_type() == torch::kDouble)
        return kernels::adaptiveWeightedPoolBackwardRef<double>(p, F.data_ptr<double>(), N.data_ptr<double>(),
                                                                gradOutput.data_ptr<double>(),
                                                                {gradF.data_ptr<double>(), gradN.data_ptr<double>()});
    const float *f = F.data_ptr<float>(), *n = N.data_ptr<float>(), *g = gradOutput.data_ptr<float>();
    const kernels::AdaptiveWeightedPoolGradients<float> grad{gradF.data_ptr<float>(), gradN.data_ptr<float>()};
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(F))
            return launchCuda(OP, F.device(),
                              [&](cuda::Stream stream)
                              { return cuda::adaptiveWeightedPoolBackward(p, f, n, g, grad, stream); });
    kernels::adaptiveWeightedPoolBackwardCpu(p, f, n, g, grad);
}

class AdaptiveWeightedPoolFunction : public torch::autograd::Function<AdaptiveWeightedPoolFunction>
{
public:
    static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& F, const Tensor& N, double gain)
    {
        ctx->save_for_backward({F, N});
        ctx->saved_data["gain"] = gain;
        Tensor output = torch::empty({F.size(0), F.size(1), (F.size(2) + 1) / 2, (F.size(3) + 1) / 2}, F.options(),
                                     at::MemoryFormat::Contiguous);
        forwardKernel(paramsFor(gain, F), F.contiguous(), N.contiguous(), output);
        return output;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                   const torch::autograd::variable_list& gradOutputs)
    {
        checkFirstOrder(OP, gradOutputs[0]);
        const std::vector<Tensor> saved = ctx->get_saved_variables();
        const Tensor F = saved[0].contiguous(), N = saved[1].contiguous();
        Tensor gradF = torch::empty(F.sizes(), F.options()), gradN = torch::empty(N.sizes(), N.options());
        backwardKernel(paramsFor(ctx->saved_data["gain"].toDouble(), F), F, N, gradOutputs[0].contiguous(), gradF,
                       gradN);
        return {gradF, gradN, Tensor()};
    }
};

}  // namespace

Tensor adaptiveWeightedPool(const Tensor& features, const Tensor& weights, double gain)
{
    const Tensor F = fullPrecision(features), N = fullPrecision(weights);
    checkTensor(OP, "F", F);
    checkTensor(OP, "N", N);
    checkSameDevice(OP, "N", N, F);
    TORCH_CHECK(F.dim() == 4 && F.size(2) >= 1 && F.size(3) >= 1, OP, ": F has shape ", F.sizes(),
                ", expected [R, C, h, w] with h, w >= 1");
    TORCH_CHECK(N.sizes() == F.sizes(), OP, ": N has shape ", N.sizes(), ", but F has ", F.sizes());
    TORCH_CHECK(N.scalar_type() == F.scalar_type(), OP, ": N has type ", N.scalar_type(), ", but F has ",
                F.scalar_type());
    TORCH_CHECK(F.size(0) * F.size(1) <= std::numeric_limits<int>::max(), OP, ": F has shape ", F.sizes(),
                ", more planes than 2^31 - 1");
    TORCH_CHECK(std::isfinite(gain), OP, ": gain is ", gain, ", it must be finite");
    return AdaptiveWeightedPoolFunction::apply(F, N, gain);
}

}  // namespace ops
}  // namespace d2det
