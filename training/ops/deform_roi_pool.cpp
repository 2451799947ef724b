// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Deformable RoI pooling over a feature pyramid, differentiable with respect to the maps and the offsets.
   Contract: operators.md 3.3, 5.

     features[i] [B, C, h_i, w_i], rois [R, 5], offsets [R, 2, k, k] (plane 0 = x, 1 = y) or none -> pooled [R, C, K, K] */

#include "ops/common.hpp"
#include "ops/deform_roi_pool.hpp"

namespace d2det
{
namespace ops
{

namespace
{

const char* const OP = "deformRoIPool";

//! What backward needs besides tensors.
struct Settings
{
    kernels::DeformRoIPoolParams params;
    std::vector<float> strides;

    //! The context keeps lists of numbers, not structs: strides last, because their number varies.
    std::vector<double> pack() const
    {
        std::vector<double> list{double(params.pooledSize),    double(params.offsetSize),
                                 double(params.samplingRatio), params.gamma,
                                 params.finestScale,           double(params.legacy)};
        list.insert(list.end(), strides.begin(), strides.end());
        return list;
    }

    static Settings unpack(const std::vector<double>& list)
    {
        Settings s;
        s.params.pooledSize = static_cast<int>(list[0]);
        s.params.offsetSize = static_cast<int>(list[1]);
        s.params.samplingRatio = static_cast<int>(list[2]);
        s.params.gamma = static_cast<float>(list[3]);
        s.params.finestScale = static_cast<float>(list[4]);
        s.params.legacy = list[5] != 0;
        s.strides.assign(list.begin() + 6, list.end());
        return s;
    }
};

//! Offsets are optional: an undefined tensor means zeros, for which the kernels take a null pointer.
template <typename T>
T* dataOrNull(const Tensor& tensor)
{
    return tensor.defined() ? tensor.data_ptr<T>() : nullptr;
}

void forwardKernel(const Settings& s, const PyramidView<float>& maps, const Tensor& rois, const Tensor& offsets,
                   Tensor& output)
{
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(rois))
            return launchCuda(OP, rois.device(),
                              [&](cuda::Stream stream)
                              {
                                  return cuda::deformRoIPool(s.params, maps.view, rois.data_ptr<float>(),
                                                             static_cast<int>(rois.size(0)), dataOrNull<float>(offsets),
                                                             output.data_ptr<float>(), stream);
                              });
    kernels::deformRoIPoolCpu(s.params, maps.view, rois.data_ptr<float>(), static_cast<int>(rois.size(0)),
                              dataOrNull<float>(offsets), output.data_ptr<float>());
}

void forwardKernel(const Settings& s, const PyramidView<double>& maps, const Tensor& rois, const Tensor& offsets,
                   Tensor& output)
{
    kernels::deformRoIPoolRef<double>(s.params, maps.view, rois.data_ptr<double>(), static_cast<int>(rois.size(0)),
                                      dataOrNull<double>(offsets), output.data_ptr<double>());
}

void backwardKernel(const Settings& s, const PyramidView<float>& maps, const Tensor& rois, const Tensor& offsets,
                    const Tensor& gradOutput, PyramidGradients<float>& grads, const Tensor& gradOffsets)
{
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(rois))
            return launchCuda(OP, rois.device(),
                              [&](cuda::Stream stream)
                              {
                                  return cuda::deformRoIPoolBackward(
                                      s.params, maps.view, rois.data_ptr<float>(), static_cast<int>(rois.size(0)),
                                      dataOrNull<float>(offsets), gradOutput.data_ptr<float>(), grads.data,
                                      dataOrNull<float>(gradOffsets), stream);
                              });
    kernels::deformRoIPoolBackwardCpu(s.params, maps.view, rois.data_ptr<float>(), static_cast<int>(rois.size(0)),
                                      dataOrNull<float>(offsets), gradOutput.data_ptr<float>(), grads.data,
                                      dataOrNull<float>(gradOffsets));
}

void backwardKernel(const Settings& s, const PyramidView<double>& maps, const Tensor& rois, const Tensor& offsets,
                    const Tensor& gradOutput, PyramidGradients<double>& grads, const Tensor& gradOffsets)
{
    kernels::deformRoIPoolBackwardRef<double>(
        s.params, maps.view, rois.data_ptr<double>(), static_cast<int>(rois.size(0)), dataOrNull<double>(offsets),
        gradOutput.data_ptr<double>(), grads.data, dataOrNull<double>(gradOffsets));
}

class DeformRoIPoolFunction : public torch::autograd::Function<DeformRoIPoolFunction>
{
public:
    //! inputs = the feature maps, and behind them the offsets if there are any. They come as a TensorList: `apply` looks
    //! for graph inputs in that type only, not in a std::vector.
    static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& rois, at::TensorList inputsList,
                          const Settings& settings)
    {
        const std::vector<Tensor> inputs = inputsList.vec();
        std::vector<Tensor> saved{rois};
        saved.insert(saved.end(), inputs.begin(), inputs.end());
        ctx->save_for_backward(saved);
        ctx->saved_data["settings"] = settings.pack();
        const auto [features, offsets] = split(inputs, settings);
        const int64_t size = settings.params.pooledSize;
        Tensor output = torch::empty({rois.size(0), features[0].size(1), size, size}, rois.options());
        if (rois.scalar_type() == torch::kFloat)
            forwardKernel(settings, PyramidView<float>(features, settings.strides), rois, offsets, output);
        else
            forwardKernel(settings, PyramidView<double>(features, settings.strides), rois, offsets, output);
        return output;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                   const torch::autograd::variable_list& gradOutputs)
    {
        checkFirstOrder(OP, gradOutputs[0]);
        const std::vector<Tensor> saved = ctx->get_saved_variables();
        const std::vector<Tensor> inputs(saved.begin() + 1, saved.end());
        const Settings settings = Settings::unpack(ctx->saved_data["settings"].toDoubleVector());
        std::vector<Tensor> grads = saved[0].scalar_type() == torch::kFloat
                                        ? inputGradients<float>(settings, inputs, saved[0], gradOutputs[0])
                                        : inputGradients<double>(settings, inputs, saved[0], gradOutputs[0]);
        grads.insert(grads.begin(), Tensor());  // rois
        grads.push_back(Tensor());              // settings
        return grads;
    }

private:
    //! (maps, dense offsets or an undefined tensor)
    static std::pair<std::vector<Tensor>, Tensor> split(const std::vector<Tensor>& inputs, const Settings& settings)
    {
        const size_t levels = settings.strides.size();
        return {std::vector<Tensor>(inputs.begin(), inputs.begin() + levels),
                inputs.size() > levels ? inputs[levels].contiguous() : Tensor()};
    }

    template <typename T>
    static std::vector<Tensor> inputGradients(const Settings& settings, const std::vector<Tensor>& inputs,
                                              const Tensor& rois, const Tensor& gradOutput)
    {
        const auto [features, offsets] = split(inputs, settings);
        const PyramidView<T> maps(features, settings.strides);
        PyramidGradients<T> grads(features);
        const Tensor gradOffsets = offsets.defined() ? torch::empty(offsets.sizes(), offsets.options()) : Tensor();
        backwardKernel(settings, maps, rois, offsets, gradOutput.contiguous(), grads, gradOffsets);
        if (offsets.defined())
            grads.tensors.push_back(gradOffsets);
        return grads.tensors;
    }
};

}  // namespace

Tensor deformRoIPool(const std::vector<Tensor>& maps, const std::vector<float>& strides, const Tensor& rois,
                     const Tensor& cellOffsets, const kernels::DeformRoIPoolParams& params)
{
    const std::vector<Tensor> features = fullPrecision(maps);
    const Tensor offsets = fullPrecision(cellOffsets);
    checkPyramid(OP, features, strides);
    const Tensor preparedRois = prepareRois(OP, fullPrecision(rois), features[0]);
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
    return DeformRoIPoolFunction::apply(preparedRois, at::TensorList(inputs), Settings{params, strides});
}

}  // namespace ops
}  // namespace d2det
