// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Autograd function of the RoI pooling operators. An operator is a struct `Op` with

     NAME                                       name of the operator for messages
     Params                                     kernel parameters; a plain struct, saved in the context for backward
     Size outputSize(params)                    rows and columns of bins
     forward(params, input, output), backward(params, input, gradOutput, gradFeatures, gradOffsets)
                                                for float and double, on the CPU
     launch(params, input, output, stream), launchBackward(params, input, gradOutput, gradFeatures, gradOffsets, stream)
                                                on a CUDA device */

#ifndef D2DET_TRAINING_OPS_POOLED_FUNCTION_HPP
#define D2DET_TRAINING_OPS_POOLED_FUNCTION_HPP

#include "ops/common.hpp"

#include <type_traits>
#include <utility>

namespace d2det
{
namespace ops
{

template <typename Op>
class PooledFunction : public torch::autograd::Function<PooledFunction<Op>>
{
public:
    using Params = typename Op::Params;

    struct Settings
    {
        Params params;
        std::vector<float> strides;
    };

    /** @param inputsList feature maps, followed by the offsets if present. The type is TensorList because `apply`
        searches graph inputs only in this type, not in a std::vector. */
    static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& rois, at::TensorList inputsList,
                          const Settings& settings)
    {
        const std::vector<Tensor> inputs = inputsList.vec();
        std::vector<Tensor> saved{rois};
        saved.insert(saved.end(), inputs.begin(), inputs.end());
        ctx->save_for_backward(saved);
        ctx->saved_data["params"] = packParams(settings.params);
        ctx->saved_data["strides"] = std::vector<double>(settings.strides.begin(), settings.strides.end());
        const std::pair<int64_t, int64_t> size = Op::outputSize(settings.params);
        Tensor output = torch::empty({rois.size(0), inputs[0].size(1), size.first, size.second}, rois.options());
        if (rois.scalar_type() == torch::kFloat)
            run<float>(settings, inputs, rois, output);
        else
            run<double>(settings, inputs, rois, output);
        return output;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                   const torch::autograd::variable_list& gradOutputs)
    {
        checkFirstOrder(Op::NAME, gradOutputs[0]);
        const std::vector<Tensor> saved = ctx->get_saved_variables();
        const std::vector<Tensor> inputs(saved.begin() + 1, saved.end());
        Settings settings{unpackParams<Params>(ctx->saved_data["params"].toIntVector()), {}};
        for (const double stride : ctx->saved_data["strides"].toDoubleVector())
            settings.strides.push_back(static_cast<float>(stride));
        std::vector<Tensor> grads = saved[0].scalar_type() == torch::kFloat
                                        ? gradients<float>(settings, inputs, saved[0], gradOutputs[0].contiguous())
                                        : gradients<double>(settings, inputs, saved[0], gradOutputs[0].contiguous());
        grads.insert(grads.begin(), Tensor());  // rois
        grads.push_back(Tensor());              // settings
        return grads;
    }

private:
    //! Kernel view of all inputs; owns the dense copies.
    template <typename T>
    struct Input
    {
        Input(const Settings& settings, const std::vector<Tensor>& inputs, const Tensor& rois)
            : features(inputs.begin(), inputs.begin() + settings.strides.size()),
              offsets(inputs.size() > features.size() ? inputs.back().contiguous() : Tensor()),
              maps(features, settings.strides),
              view{maps.view, rois.data_ptr<T>(), static_cast<int>(rois.size(0)),
                   offsets.defined() ? offsets.data_ptr<T>() : nullptr}
        {
        }
        Input(const Input&) = delete;
        Input& operator=(const Input&) = delete;

        const std::vector<Tensor> features;
        const Tensor offsets;  //!< undefined: zeros
        const PyramidView<T> maps;
        const kernels::RoIPoolInput<T> view;
    };

    template <typename T>
    static void run(const Settings& settings, const std::vector<Tensor>& inputs, const Tensor& rois, Tensor& output)
    {
        const Input<T> in(settings, inputs, rois);
        T* const out = output.data_ptr<T>();
        if constexpr (BUILT_WITH_CUDA && std::is_same<T, float>::value)
            if (usesCuda(rois))
                return launchCuda(Op::NAME, rois.device(),
                                  [&](cuda::Stream stream)
                                  { return Op::launch(settings.params, in.view, out, stream); });
        Op::forward(settings.params, in.view, out);
    }

    //! Gradients of the maps and, if present, of the offsets.
    template <typename T>
    static std::vector<Tensor> gradients(const Settings& settings, const std::vector<Tensor>& inputs,
                                         const Tensor& rois, const Tensor& gradOutput)
    {
        const Input<T> in(settings, inputs, rois);
        PyramidGradients<T> grads(in.features);
        const Tensor gradOffsets =
            in.offsets.defined() ? torch::empty(in.offsets.sizes(), in.offsets.options()) : Tensor();
        const T* const out = gradOutput.data_ptr<T>();
        T* const offsets = gradOffsets.defined() ? gradOffsets.data_ptr<T>() : nullptr;
        if (gradOffsets.defined())
            grads.tensors.push_back(gradOffsets);
        if constexpr (BUILT_WITH_CUDA && std::is_same<T, float>::value)
            if (usesCuda(rois))
            {
                launchCuda(Op::NAME, rois.device(),
                           [&](cuda::Stream stream)
                           { return Op::launchBackward(settings.params, in.view, out, grads.data, offsets, stream); });
                return grads.tensors;
            }
        Op::backward(settings.params, in.view, out, grads.data, offsets);
        return grads.tensors;
    }
};

}  // namespace ops
}  // namespace d2det

#endif
