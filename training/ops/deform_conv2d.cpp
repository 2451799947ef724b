// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Deformable convolution, differentiable with respect to all inputs. Contract: operators.md 3.14, 5.

   The columns are sampled again in the backward pass: kept, they would take kh kw times the memory of the map. */

#include "ops/deform_conv2d.hpp"
#include "ops/common.hpp"

namespace d2det
{
namespace ops
{

namespace
{

const char* const OP = "deformConv2d";

//! What the function keeps beside the tensors.
struct Settings
{
    kernels::DeformConv2dParams params;
    bool hasMask, hasBias;
};

//! Dense tensors of a call, and kernel views of them.
template <typename T>
struct Input
{
    //! @param all X, offset, mask where there is one, weight, bias where there is one
    Input(const Settings& settings, const std::vector<Tensor>& all) : params(settings.params)
    {
        for (const Tensor& tensor : all)
            dense.push_back(tensor.contiguous());
        const size_t weight = settings.hasMask ? 3 : 2;
        args = {data(0), data(1), settings.hasMask ? data(2) : nullptr, data(weight),
                settings.hasBias ? data(weight + 1) : nullptr};
        const auto length = [](const Tensor& tensor, int64_t d) { return static_cast<int>(tensor.size(d)); };
        shape = {length(dense[0], 0), length(dense[0], 2), length(dense[0], 3), length(dense[1], 2),
                 length(dense[1], 3)};
    }

    std::vector<Tensor> dense;
    const kernels::DeformConv2dParams params;
    kernels::DeformConv2dArgs<T> args;
    kernels::Conv2dShape shape;

private:
    const T* data(size_t i) const { return dense[i].template data_ptr<T>(); }
};

void forwardKernel(const Input<double>& in, Tensor& output)
{
    kernels::deformConv2dRef(in.params, in.shape, in.args, output.data_ptr<double>());
}

void forwardKernel(const Input<float>& in, Tensor& output)
{
    float* const out = output.data_ptr<float>();
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(output))
        {
            const DeviceWorkspace workspace(cuda::deformConv2dWorkspace(in.params, in.shape), output);
            return launchCuda(OP, output.device(),
                              [&](cuda::Stream stream) {
                                  return cuda::deformConv2d(in.params, in.shape, in.args, out, workspace.view, stream);
                              });
        }
    kernels::deformConv2dCpu(in.params, in.shape, in.args, kernels::packDeformFilters(in.params, in.args.weight), out);
}

void backwardKernel(const Input<double>& in, const Tensor& gradOutput,
                    const kernels::DeformConv2dGradients<double>& grad)
{
    kernels::deformConv2dBackwardRef(in.params, in.shape, in.args, gradOutput.data_ptr<double>(), grad);
}

void backwardKernel(const Input<float>& in, const Tensor& gradOutput, const kernels::DeformConv2dGradients<float>& grad)
{
    const float* const g = gradOutput.data_ptr<float>();
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(gradOutput))
        {
            const DeviceWorkspace workspace(cuda::deformConv2dBackwardWorkspace(in.params, in.shape), gradOutput);
            return launchCuda(
                OP, gradOutput.device(),
                [&](cuda::Stream stream)
                { return cuda::deformConv2dBackward(in.params, in.shape, in.args, g, grad, workspace.view, stream); });
        }
    kernels::deformConv2dBackwardCpu(in.params, in.shape, in.args, g, grad);
}

class DeformConv2dFunction : public torch::autograd::Function<DeformConv2dFunction>
{
public:
    //! @param inputs TensorList, because `apply` searches graph inputs only in this type, not in a std::vector.
    static Tensor forward(torch::autograd::AutogradContext* ctx, at::TensorList inputs, const Settings& settings)
    {
        ctx->save_for_backward(inputs.vec());
        ctx->saved_data["settings"] = packParams(settings);
        const Tensor &X = inputs[0], &offset = inputs[1];
        Tensor output = torch::empty({X.size(0), settings.params.outChannels, offset.size(2), offset.size(3)},
                                     X.options(), at::MemoryFormat::Contiguous);
        if (X.scalar_type() == torch::kDouble)
            forwardKernel(Input<double>(settings, inputs.vec()), output);
        else
            forwardKernel(Input<float>(settings, inputs.vec()), output);
        return output;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                   const torch::autograd::variable_list& gradOutputs)
    {
        checkFirstOrder(OP, gradOutputs[0]);
        const std::vector<Tensor> saved = ctx->get_saved_variables();
        const Settings settings = unpackParams<Settings>(ctx->saved_data["settings"].toIntVector());
        std::vector<Tensor> grads = saved[0].scalar_type() == torch::kDouble
                                        ? gradients<double>(settings, saved, gradOutputs[0].contiguous())
                                        : gradients<float>(settings, saved, gradOutputs[0].contiguous());
        grads.push_back(Tensor());  // settings
        return grads;
    }

private:
    //! Of those inputs that want one.
    template <typename T>
    static std::vector<Tensor> gradients(const Settings& settings, const std::vector<Tensor>& saved,
                                         const Tensor& gradOutput)
    {
        std::vector<Tensor> grads;
        for (const Tensor& tensor : saved)
            grads.push_back(tensor.requires_grad() ? torch::empty(tensor.sizes(), tensor.options().requires_grad(false),
                                                                  at::MemoryFormat::Contiguous)
                                                   : Tensor());
        const auto data = [&](bool there, size_t i)
        { return there && grads[i].defined() ? grads[i].template data_ptr<T>() : nullptr; };
        const size_t weight = settings.hasMask ? 3 : 2;
        backwardKernel(Input<T>(settings, saved), gradOutput,
                       {data(true, 0), data(true, 1), data(settings.hasMask, 2), data(true, weight),
                        data(settings.hasBias, weight + 1)});
        return grads;
    }
};

//! Outputs along an axis must be as many as some padding at its end gives.
void checkLength(const char* axis, int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation,
                 int64_t pad)
{
    TORCH_CHECK(stride >= 1 && dilation >= 1 && pad >= 0, OP, ": stride ", stride, ", dilation ", dilation, " and pad ",
                pad, " of the ", axis, " must be at least 1, 1 and 0");
    const int64_t extent = dilation * (kernel - 1) + 1, least = in + pad - extent;
    const int64_t most = least + std::max(pad, extent - 1);
    TORCH_CHECK(most >= 0 && out >= 1 && out <= most / stride + 1 && (least < 0 || out >= least / stride + 1), OP,
                ": offset has ", out, " pixels along the ", axis, ", which ", in, " pixels of X, a kernel of ", kernel,
                ", stride ", stride, ", dilation ", dilation, " and pad ", pad, " do not give");
}

}  // namespace

Tensor deformConv2d(const Tensor& map, const Tensor& offsets, const Tensor& masks, const Tensor& filters,
                    const Tensor& biases, const kernels::DeformConv2dParams& params)
{
    const std::vector<Tensor> all = fullPrecision(std::vector<Tensor>{map, offsets, masks, filters, biases});
    const Tensor &X = all[0], &offset = all[1], &mask = all[2], &weight = all[3], &bias = all[4];
    const char* const names[] = {"X", "offset", "mask", "weight", "bias"};
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < all.size(); i++)
    {
        if (!all[i].defined() && (i == 2 || i == 4))
            continue;
        checkTensor(OP, names[i], all[i]);
        checkSameDevice(OP, names[i], all[i], X);
        TORCH_CHECK(all[i].scalar_type() == X.scalar_type(), OP, ": ", names[i], " has type ", all[i].scalar_type(),
                    ", but X has ", X.scalar_type());
        TORCH_CHECK(all[i].dim() == (i == 4 ? 1 : 4), OP, ": ", names[i], " has shape ", all[i].sizes(), ", expected ",
                    i == 4 ? 1 : 4, " dimensions");
        inputs.push_back(all[i]);
    }
    kernels::DeformConv2dParams p = params;
    p.outChannels = static_cast<int>(weight.size(0));
    p.inChannels = static_cast<int>(X.size(1));
    p.kernelHeight = static_cast<int>(weight.size(2));
    p.kernelWidth = static_cast<int>(weight.size(3));
    TORCH_CHECK(
        p.groups >= 1 && weight.size(1) * p.groups == X.size(1) && weight.size(0) % p.groups == 0 && weight.numel() > 0,
        OP, ": weight has shape ", weight.sizes(), ", which does not fit the ", X.size(1), " channels of X in ",
        p.groups, " groups");
    TORCH_CHECK(p.offsetGroups >= 1 && X.size(1) % p.offsetGroups == 0, OP, ": offsetGroups is ", p.offsetGroups,
                ", it must divide the ", X.size(1), " channels of X");
    const int64_t points = p.offsetGroups * weight.size(2) * weight.size(3);
    TORCH_CHECK(offset.size(0) == X.size(0) && offset.size(1) == 2 * points, OP, ": offset has shape ", offset.sizes(),
                ", expected [", X.size(0), ", ", 2 * points, ", oh, ow]");
    checkLength("height", X.size(2), offset.size(2), p.kernelHeight, p.strideY, p.dilationY, p.padTop);
    checkLength("width", X.size(3), offset.size(3), p.kernelWidth, p.strideX, p.dilationX, p.padLeft);
    if (mask.defined())
        TORCH_CHECK(mask.sizes() == at::IntArrayRef({X.size(0), points, offset.size(2), offset.size(3)}), OP,
                    ": mask has shape ", mask.sizes(), ", expected [", X.size(0), ", ", points, ", ", offset.size(2),
                    ", ", offset.size(3), "]");
    if (bias.defined())
        TORCH_CHECK(bias.size(0) == weight.size(0), OP, ": bias has ", bias.size(0), " values, weight has ",
                    weight.size(0), " rows");
    TORCH_CHECK(X.size(2) * X.size(3) <= std::numeric_limits<int>::max() &&
                    offset.size(2) * offset.size(3) <= std::numeric_limits<int>::max(),
                OP, ": X has shape ", X.sizes(), ", more pixels than 2^31 - 1");
    return DeformConv2dFunction::apply(at::TensorList(inputs), Settings{p, mask.defined(), bias.defined()});
}

}  // namespace ops
}  // namespace d2det
