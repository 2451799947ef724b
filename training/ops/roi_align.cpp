// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* RoIAlign over a feature pyramid, differentiable with respect to the maps. Contract: operators.md 3.2, 5.

     features[i] [B, C, h_i, w_i], rois [R, 5] -> pooled [R, C, pooledHeight, pooledWidth] */

#include "ops/common.hpp"
#include "ops/roi_align.hpp"

namespace d2det
{
namespace ops
{

namespace
{

const char* const OP = "roiAlign";

//! What backward needs besides tensors.
struct Settings
{
    kernels::RoIAlignParams params;
    std::vector<float> strides;

    //! The context keeps lists of numbers, not structs: strides last, because their number varies.
    std::vector<double> pack() const
    {
        std::vector<double> list{double(params.pooledHeight), double(params.pooledWidth), double(params.samplingRatio),
                                 params.finestScale,          double(params.aligned),     double(params.legacy)};
        list.insert(list.end(), strides.begin(), strides.end());
        return list;
    }

    static Settings unpack(const std::vector<double>& list)
    {
        Settings s;
        s.params.pooledHeight = static_cast<int>(list[0]);
        s.params.pooledWidth = static_cast<int>(list[1]);
        s.params.samplingRatio = static_cast<int>(list[2]);
        s.params.finestScale = static_cast<float>(list[3]);
        s.params.aligned = list[4] != 0;
        s.params.legacy = list[5] != 0;
        s.strides.assign(list.begin() + 6, list.end());
        return s;
    }
};

void forwardKernel(const Settings& s, const PyramidView<float>& maps, const Tensor& rois, Tensor& output)
{
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(rois))
            return launchCuda(OP, rois.device(),
                              [&](cuda::Stream stream)
                              {
                                  return cuda::roiAlign(s.params, maps.view, rois.data_ptr<float>(),
                                                        static_cast<int>(rois.size(0)), output.data_ptr<float>(),
                                                        stream);
                              });
    kernels::roiAlignCpu(s.params, maps.view, rois.data_ptr<float>(), static_cast<int>(rois.size(0)),
                         output.data_ptr<float>());
}

void forwardKernel(const Settings& s, const PyramidView<double>& maps, const Tensor& rois, Tensor& output)
{
    kernels::roiAlignRef<double>(s.params, maps.view, rois.data_ptr<double>(), static_cast<int>(rois.size(0)),
                                 output.data_ptr<double>());
}

void backwardKernel(const Settings& s, const PyramidView<float>& maps, const Tensor& rois, const Tensor& gradOutput,
                    PyramidGradients<float>& grads)
{
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(rois))
            return launchCuda(OP, rois.device(),
                              [&](cuda::Stream stream)
                              {
                                  return cuda::roiAlignBackward(s.params, maps.view, rois.data_ptr<float>(),
                                                                static_cast<int>(rois.size(0)),
                                                                gradOutput.data_ptr<float>(), grads.data, stream);
                              });
    kernels::roiAlignBackwardCpu(s.params, maps.view, rois.data_ptr<float>(), static_cast<int>(rois.size(0)),
                                 gradOutput.data_ptr<float>(), grads.data);
}

void backwardKernel(const Settings& s, const PyramidView<double>& maps, const Tensor& rois, const Tensor& gradOutput,
                    PyramidGradients<double>& grads)
{
    kernels::roiAlignBackwardRef<double>(s.params, maps.view, rois.data_ptr<double>(), static_cast<int>(rois.size(0)),
                                         gradOutput.data_ptr<double>(), grads.data);
}

class RoIAlignFunction : public torch::autograd::Function<RoIAlignFunction>
{
public:
    //! The maps come as a TensorList: `apply` looks for graph inputs in that type only, not in a std::vector.
    static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& rois, at::TensorList featuresList,
                          const Settings& settings)
    {
        const std::vector<Tensor> features = featuresList.vec();
        std::vector<Tensor> saved{rois};
        saved.insert(saved.end(), features.begin(), features.end());
        ctx->save_for_backward(saved);
        ctx->saved_data["settings"] = settings.pack();
        Tensor output =
            torch::empty({rois.size(0), features[0].size(1), settings.params.pooledHeight, settings.params.pooledWidth},
                         rois.options());
        if (rois.scalar_type() == torch::kFloat)
            forwardKernel(settings, PyramidView<float>(features, settings.strides), rois, output);
        else
            forwardKernel(settings, PyramidView<double>(features, settings.strides), rois, output);
        return output;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                   const torch::autograd::variable_list& gradOutputs)
    {
        checkFirstOrder(OP, gradOutputs[0]);
        const std::vector<Tensor> saved = ctx->get_saved_variables();
        const std::vector<Tensor> features(saved.begin() + 1, saved.end());
        const Settings settings = Settings::unpack(ctx->saved_data["settings"].toDoubleVector());
        std::vector<Tensor> grads = saved[0].scalar_type() == torch::kFloat
                                        ? mapGradients<float>(settings, features, saved[0], gradOutputs[0])
                                        : mapGradients<double>(settings, features, saved[0], gradOutputs[0]);
        grads.insert(grads.begin(), Tensor());  // rois
        grads.push_back(Tensor());              // settings
        return grads;
    }

private:
    template <typename T>
    static std::vector<Tensor> mapGradients(const Settings& settings, const std::vector<Tensor>& features,
                                            const Tensor& rois, const Tensor& gradOutput)
    {
        const PyramidView<T> maps(features, settings.strides);
        PyramidGradients<T> grads(features);
        backwardKernel(settings, maps, rois, gradOutput.contiguous(), grads);
        return grads.tensors;
    }
};

}  // namespace

Tensor roiAlign(const std::vector<Tensor>& maps, const std::vector<float>& strides, const Tensor& rois,
                const kernels::RoIAlignParams& params)
{
    const std::vector<Tensor> features = fullPrecision(maps);
    checkPyramid(OP, features, strides);
    TORCH_CHECK(params.pooledHeight >= 1 && params.pooledWidth >= 1, OP, ": output of ", params.pooledHeight, " x ",
                params.pooledWidth, " bins, both must be at least 1");
    TORCH_CHECK(params.finestScale > 0, OP, ": finestScale is ", params.finestScale, ", it must be positive");
    return RoIAlignFunction::apply(prepareRois(OP, fullPrecision(rois), features[0]), at::TensorList(features),
                                   Settings{params, strides});
}

}  // namespace ops
}  // namespace d2det
