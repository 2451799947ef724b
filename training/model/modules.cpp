// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Building blocks of the networks: ConvUnit, RoIGroups, RoIConv, RoIPool (modules.hpp). */

#include "model/modules.hpp"

#include "kernels/common.hpp"
#include "ops/ops.hpp"

#include <cmath>
#include <variant>

namespace d2det
{

namespace init = torch::nn::init;

namespace
{

/** min(max(x, 0), 6) in place. Its gradient needs only the output, which the next layer keeps anyway; LibTorch's
    hardtanh_ copies its input for it. */
class ReLU6Function : public torch::autograd::Function<ReLU6Function>
{
public:
    static Tensor forward(torch::autograd::AutogradContext* ctx, Tensor x)
    {
        x.clamp_(0, 6);
        ctx->mark_dirty({x});
        ctx->save_for_backward({x});
        return x;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                   const torch::autograd::variable_list& gradOutputs)
    {
        return {at::hardtanh_backward(gradOutputs[0], ctx->get_saved_variables()[0], 0, 6)};
    }
};

}  // namespace

Tensor ConvUnit::forward(const Tensor& input) const
{
    Tensor x = offset.is_empty() ? torch::nn::Conv2d(conv)->forward(input) : deformed(input);
    if (!batchNorm.is_empty())
        x = torch::nn::BatchNorm2d(batchNorm)->forward(x);
    if (!groupNorm.is_empty())
        x = torch::nn::GroupNorm(groupNorm)->forward(ops::fullPrecision(x));
    if (relu6)
        return ReLU6Function::apply(x);
    return relu ? torch::relu_(x) : x;
}

Tensor ConvUnit::deformed(const Tensor& input) const
{
    const auto& options = conv->options;
    const Tensor all = torch::nn::Conv2d(offset)->forward(input);
    const Tensor mask = torch::sigmoid(all.slice(1, 2 * cells()));
    ops::kernels::DeformConv2dParams p;
    const auto stride = *options.stride(), dilation = *options.dilation();
    using Padding = torch::ExpandingArray<2>;
    using std::get_if;  // the variant is c10's in old LibTorch and std's in new
    const Padding* const size = get_if<Padding>(&options.padding());
    TORCH_CHECK(size, "a deformable convolution needs a padding in pixels");
    const auto padding = **size;
    p.groups = static_cast<int>(options.groups());
    p.strideY = static_cast<int>(stride[0]);
    p.strideX = static_cast<int>(stride[1]);
    p.dilationY = static_cast<int>(dilation[0]);
    p.dilationX = static_cast<int>(dilation[1]);
    p.padTop = static_cast<int>(padding[0]);
    p.padLeft = static_cast<int>(padding[1]);
    return ops::deformConv2d(input, all.slice(1, 0, 2 * cells()), mask, conv->weight, conv->bias, p);
}

ConvUnit plainConv(torch::nn::Module& owner, const std::string& name, int64_t in, int64_t out, int64_t kernel,
                   int64_t stride)
{
    ConvUnit unit;
    unit.conv = owner.register_module(
        name, torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2)));
    init::zeros_(unit.conv->bias);
    return unit;
}

std::pair<Tensor, Tensor> ConvUnit::folded() const
{
    torch::NoGradGuard noGrad;
    const Tensor weight = conv->weight.detach();
    const Tensor bias = conv->bias.defined() ? conv->bias.detach() : torch::zeros({weight.size(0)}, weight.options());
    if (batchNorm.is_empty())
        return {weight.contiguous().clone(), bias.clone()};
    // y = (w x + b - mean) / sqrt(var + eps) * gamma + beta
    const Tensor factor = batchNorm->weight.detach() / torch::sqrt(batchNorm->running_var + batchNorm->options.eps());
    return {(weight * factor.view({-1, 1, 1, 1})).contiguous(),
            (bias - batchNorm->running_mean) * factor + batchNorm->bias.detach()};
}

RoIGroups::RoIGroups(const Tensor& rois, float finestScale, int levels, bool legacy, const torch::Device& device)
{
    const Tensor onCpu = rois.detach().to(torch::kCPU, torch::kFloat).contiguous();
    std::vector<std::vector<int64_t>> indices(levels);
    const float* roi = onCpu.data_ptr<float>();
    for (int64_t r = 0; r < onCpu.size(0); r++, roi += 5)
        indices[cv::d2det::kernels::roiLevel(roi, finestScale, levels, legacy)].push_back(r);
    for (const auto& level : indices)
        rows.push_back(torch::tensor(level, torch::kLong).to(device, /*non_blocking=*/true));
}

RoIGroups RoIGroups::byClass(const Tensor& classes, int64_t numClasses, const torch::Device& device)
{
    RoIGroups groups;
    const Tensor flat = classes.detach().to(torch::kCPU).flatten();
    for (int64_t c = 0; c < numClasses; c++)
        groups.rows.push_back(flat.eq(c).nonzero().squeeze(1).to(device, /*non_blocking=*/true));
    return groups;
}

RoIConvImpl::RoIConvImpl(const RoIConvOptions& options_) : options(options_)
{
    const RoIConvOptions& o = options;
    TORCH_CHECK(o.levels >= 1 && o.in >= 1 && o.out >= 1 && o.kernel >= 1 && o.upsample >= 1,
                "RoIConv: empty dimension");
    TORCH_CHECK(o.normGroups == 0 || o.out % o.normGroups == 0, "RoIConv: ", o.out, " channels do not divide into ",
                o.normGroups, " groups");
    weight = register_parameter("weight",
                                torch::zeros({o.levels, o.out * o.upsample * o.upsample, o.in, o.kernel, o.kernel}));
    if (o.bias)
        bias = register_parameter("bias", torch::zeros({o.levels, o.out}));
    if (o.normGroups > 0)
    {
        normWeight = register_parameter("norm_weight", torch::ones({o.levels, o.out}));
        normBias = register_parameter("norm_bias", torch::zeros({o.levels, o.out}));
    }
}

Tensor RoIConvImpl::perMap(const Tensor& perChannel) const
{
    const int64_t copies = options.upsample * options.upsample;
    return copies == 1 ? perChannel : perChannel.repeat_interleave(copies, 1);
}

Tensor RoIConvImpl::forwardLevel(const Tensor& input, int64_t level) const
{
    const RoIConvOptions& o = options;
    const Tensor levelBias = o.bias ? perMap(bias)[level] : Tensor();
    Tensor x;
    if (o.pad == 0 && input.size(2) == o.kernel && input.size(3) == o.kernel)
        x = torch::linear(input.flatten(1), weight[level].flatten(1), levelBias).view({input.size(0), o.out, 1, 1});
    else
        x = torch::conv2d(input, weight[level], levelBias, o.stride, o.pad);
    if (o.normGroups > 0)
        x = torch::group_norm(ops::fullPrecision(x), o.normGroups, perMap(normWeight)[level], perMap(normBias)[level],
                              1e-5);
    if (o.relu)
        x = torch::relu_(x);
    return o.upsample > 1 ? torch::pixel_shuffle(x, o.upsample) : x;
}

Tensor RoIConvImpl::forward(const Tensor& input, const RoIGroups& levels)
{
    if (options.levels == 1 && !options.byClass)
        return forwardLevel(input, 0);
    TORCH_CHECK(static_cast<int64_t>(levels.rows.size()) == options.levels, "RoIConv: ", levels.rows.size(),
                " row groups for ", options.levels, " weight sets");
    std::vector<Tensor> parts, rows;
    for (int64_t level = 0; level < options.levels; level++)
        if (levels.rows[level].size(0) > 0)
        {
            parts.push_back(forwardLevel(input.index_select(0, levels.rows[level]), level));
            rows.push_back(levels.rows[level]);
        }
    if (parts.empty())  // no row is in a group: zeros in the output shape
        return forwardLevel(input, 0) * 0;
    const Tensor order = torch::cat(rows), values = torch::cat(parts);
    if (order.size(0) < input.size(0))
    {
        std::vector<int64_t> shape = values.sizes().vec();
        shape[0] = input.size(0);
        return torch::zeros(shape, values.options()).index_copy(0, order, values);
    }
    // Row i of the concatenation belongs to RoI order[i]; argsort inverts the permutation.
    return values.index_select(0, order.argsort());
}

void uniformInit(RoIConv& conv, double limit)
{
    init::uniform_(conv->weight, -limit, limit);
}

void xavierInit(RoIConv& conv)
{
    const RoIConvOptions& o = conv->options;
    const double area = static_cast<double>(o.kernel * o.kernel);
    uniformInit(conv, std::sqrt(6.0 / (area * static_cast<double>(o.in + o.out))));
}

void linearInit(RoIConv& conv)
{
    const RoIConvOptions& o = conv->options;
    const double limit = 1.0 / std::sqrt(static_cast<double>(o.in * o.kernel * o.kernel));
    uniformInit(conv, limit);
    init::uniform_(conv->bias, -limit, limit);
}

Tensor RoIPool::operator()(const std::vector<Tensor>& pyramid, const Tensor& rois, int size, int samplingRatio) const
{
    ops::kernels::RoIAlignParams pool;
    pool.pooledHeight = pool.pooledWidth = size;
    pool.samplingRatio = samplingRatio;
    pool.finestScale = finestScale;
    pool.aligned = aligned;
    pool.legacy = legacy;
    return ops::roiAlign(pyramid, strides, rois.to(pyramid[0].device(), /*non_blocking=*/true), pool);
}

Tensor RoIPool::fromLevel(const std::vector<Tensor>& pyramid, size_t level, const Tensor& rois, int size,
                          int samplingRatio) const
{
    RoIPool one = *this;
    one.strides = {strides.at(level)};
    return one({pyramid.at(level)}, rois, size, samplingRatio);
}

}  // namespace d2det
