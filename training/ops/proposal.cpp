// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Proposals of a batch from the raw RPN maps; no gradient. Contract: operators.md 3.1.

     cls[i] [B, A, h_i, w_i] logits, box[i] [B, 4A, h_i, w_i] deltas, imInfo [B, 3] -> rois [B K, 5], scores [B K, 1]

   The kernels support only float32, because sorting and suppression have no gradient to verify in float64: float64 maps
   are converted. The results have the type and device of the maps; imInfo may be on the CPU. */

#include "ops/common.hpp"
#include "ops/proposal.hpp"

namespace d2det
{
namespace ops
{

namespace
{

const char* const OP = "proposal";

void checkMaps(const std::vector<Tensor>& cls, const std::vector<Tensor>& box, int64_t anchors)
{
    TORCH_CHECK(box.size() == cls.size(), OP, ": ", cls.size(), " logit maps, but ", box.size(), " delta maps");
    for (size_t i = 0; i < cls.size(); i++)
    {
        TORCH_CHECK(cls[i].size(1) == anchors, OP, ": logit map ", i, " has shape ", cls[i].sizes(), ", but there are ",
                    anchors, " anchor ratios");
        TORCH_CHECK(box[i].sizes() == at::IntArrayRef({cls[i].size(0), 4 * anchors, cls[i].size(2), cls[i].size(3)}),
                    OP, ": delta map ", i, " has shape ", box[i].sizes(), ", the logits of its level have ",
                    cls[i].sizes(), "; expected four times the channels");
    }
}

Tensor denseFloat(const Tensor& tensor, const torch::Device& device)
{
    return tensor.detach().to(device, torch::kFloat, /*non_blocking=*/true).contiguous();
}

void run(const kernels::ProposalParams& params, const kernels::RpnMaps& maps, const Tensor& imInfo, Tensor& rois,
         Tensor& scores)
{
    const kernels::ProposalOutput out{rois.data_ptr<float>(), scores.data_ptr<float>()};
    const float* info = imInfo.data_ptr<float>();
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(rois))
            return launchCuda(OP, rois.device(),
                              [&](cuda::Stream stream)
                              {
                                  const DeviceWorkspace workspace(cuda::proposalWorkspace(params, maps), rois);
                                  return cuda::proposal(params, maps, info, out, workspace.view, stream);
                              });
    kernels::proposalCpu(params, maps, info, out);
}

}  // namespace

std::pair<Tensor, Tensor> proposal(const std::vector<Tensor>& logits, const std::vector<Tensor>& deltas,
                                   const std::vector<float>& strides, const Tensor& imInfo,
                                   const kernels::ProposalParams& params)
{
    const std::vector<Tensor> cls = fullPrecision(logits), box = fullPrecision(deltas);
    const torch::Device device = cls.empty() || !cls[0].defined() ? torch::kCPU : cls[0].device();
    checkPyramid(OP, cls, strides);
    checkPyramid(OP, box, strides);
    checkMaps(cls, box, static_cast<int64_t>(params.anchorRatios.size()));
    checkTensor(OP, "imInfo", imInfo);
    TORCH_CHECK(imInfo.sizes() == at::IntArrayRef({cls[0].size(0), 3}), OP, ": imInfo has shape ", imInfo.sizes(),
                ", expected [", cls[0].size(0), ", 3] = (valid height, valid width, scale)");
    TORCH_CHECK(params.maxProposals >= 1, OP, ": maxProposals is ", params.maxProposals, ", it must be at least 1");

    std::vector<Tensor> dense;
    kernels::RpnMaps maps;
    maps.levels = static_cast<int>(cls.size());
    maps.batch = static_cast<int>(cls[0].size(0));
    for (size_t i = 0; i < cls.size(); i++)
    {
        dense.push_back(denseFloat(cls[i], device));
        maps.cls[i] = dense.back().data_ptr<float>();
        dense.push_back(denseFloat(box[i], device));
        maps.box[i] = dense.back().data_ptr<float>();
        maps.height[i] = static_cast<int>(cls[i].size(2));
        maps.width[i] = static_cast<int>(cls[i].size(3));
        maps.stride[i] = strides[i];
    }
    const Tensor info = denseFloat(imInfo, device);
    const int64_t rows = int64_t(maps.batch) * params.maxProposals;
    const auto options = torch::TensorOptions(torch::kFloat).device(device);
    Tensor rois = torch::empty({rows, 5}, options), scores = torch::empty({rows, 1}, options);
    run(params, maps, info, rois, scores);
    return {rois.to(cls[0].scalar_type()), scores.to(cls[0].scalar_type())};
}

}  // namespace ops
}  // namespace d2det
