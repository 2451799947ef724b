// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Argument checks of the operators. Error messages contain the operator, the given and the expected value. */

#include "ops/common.hpp"

namespace d2det
{
namespace ops
{

void checkTensor(const char* op, const char* name, const Tensor& tensor)
{
    TORCH_CHECK(tensor.defined(), op, ": ", name, " is undefined");
    chooseKernel((std::string(op) + ": " + name).c_str(), tensor.device().type(), tensor.scalar_type(),
                 BUILT_WITH_CUDA);
}

void checkSameDevice(const char* op, const char* name, const Tensor& tensor, const Tensor& first)
{
    TORCH_CHECK(tensor.device() == first.device(), op, ": ", name, " is on ", tensor.device(),
                ", but the first argument is on ", first.device(), "; move it there with .to()");
}

void checkPyramid(const char* op, const std::vector<Tensor>& features, const std::vector<float>& strides)
{
    TORCH_CHECK(!features.empty() && features.size() <= kernels::MAX_LEVELS, op, ": ", features.size(),
                " feature maps given, 1 to ", kernels::MAX_LEVELS, " are supported");
    TORCH_CHECK(strides.size() == features.size(), op, ": ", strides.size(), " strides given for ", features.size(),
                " feature maps, one each is needed");
    for (size_t i = 0; i < features.size(); i++)
    {
        const std::string name = "feature map " + std::to_string(i);
        checkTensor(op, name.c_str(), features[i]);
        const auto sizes = features[i].sizes();
        TORCH_CHECK(sizes.size() == 4, op, ": ", name, " has shape ", sizes, ", expected [B, C, h, w]");
        for (const int64_t size : sizes)
            TORCH_CHECK(size >= 1 && size <= std::numeric_limits<int>::max(), op, ": ", name, " has shape ", sizes,
                        ", every size must be between 1 and 2^31 - 1");
        TORCH_CHECK(sizes[0] == features[0].size(0) && sizes[1] == features[0].size(1), op, ": ", name, " has shape ",
                    sizes, ", but map 0 has ", features[0].sizes(), "; batch and channels must be the same");
        checkSameDevice(op, name.c_str(), features[i], features[0]);
        TORCH_CHECK(features[i].scalar_type() == features[0].scalar_type(), op, ": ", name, " has type ",
                    features[i].scalar_type(), ", but map 0 has ", features[0].scalar_type());
        TORCH_CHECK(std::isfinite(strides[i]) && strides[i] > 0, op, ": stride ", i, " is ", strides[i],
                    ", it must be positive");
    }
}

Tensor prepareRoIs(const char* op, const Tensor& rois, const Tensor& feature)
{
    checkTensor(op, "rois", rois);
    checkSameDevice(op, "rois", rois, feature);
    TORCH_CHECK(rois.dim() == 2 && rois.size(1) == 5, op, ": rois has shape ", rois.sizes(),
                ", expected [R, 5] = (batch index, x1, y1, x2, y2)");
    TORCH_CHECK(rois.size(0) <= std::numeric_limits<int>::max(), op, ": too many rois: ", rois.size(0));
    return rois.detach().to(feature.scalar_type()).contiguous();
}

Tensor prepareFloat(const char* op, const char* name, const Tensor& tensor, const Tensor& first, int64_t dims,
                    int64_t rows)
{
    TORCH_CHECK(tensor.defined(), op, ": ", name, " is undefined");
    TORCH_CHECK(tensor.dim() == dims && (rows < 0 || tensor.size(0) == rows), op, ": ", name, " has shape ",
                tensor.sizes(), ", expected ", dims, " dimensions and one row per RoI of ", first.sizes());
    const Tensor dense = tensor.detach().to(first.device(), torch::kFloat, /*non_blocking=*/true).contiguous();
    checkTensor(op, name, dense);
    return dense;
}

Tensor prepareFloatRoIs(const char* op, const Tensor& rois)
{
    TORCH_CHECK(rois.defined() && rois.dim() == 2 && rois.size(1) == 5, op, ": rois must be [R, 5]");
    return prepareFloat(op, "rois", rois, rois, 2, rois.size(0));
}

void checkFirstOrder(const char* op, const Tensor& gradOutput)
{
    TORCH_CHECK(!(at::GradMode::is_enabled() && gradOutput.requires_grad()), op,
                ": second derivatives are not available; call backward without create_graph");
}

}  // namespace ops
}  // namespace d2det
