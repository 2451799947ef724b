// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Final detections; no gradient, float32. Contract: operators.md 3.7 and E1.

     rois [R, 5] or [R, 1 + 4 C], probs [R, C + 1] or [R, 2] -> [B K, 7] = (batch, class, score, x1, y1, x2, y2) */

#include "ops/common.hpp"
#include "ops/detections.hpp"

namespace d2det
{
namespace ops
{

namespace
{

const char* const OP = "detections";

}  // namespace

Tensor detections(const Tensor& rois, const Tensor& probs, const kernels::DetectionsParams& params, Tensor* sourceRows)
{
    TORCH_CHECK(rois.defined() && rois.dim() == 2, OP, ": rois must have two dimensions");
    const Tensor r = prepareFloat(OP, "rois", rois, rois, 2, -1),
                 s = prepareFloat(OP, "probs", probs, rois, 2, rois.size(0));
    TORCH_CHECK(s.size(1) >= 2, OP, ": probs has shape ", s.sizes(), ", expected at least 2 columns");
    const int64_t columns = params.classAgnosticBoxes ? 5 : 1 + 4 * (s.size(1) - 1);
    TORCH_CHECK(r.size(1) == columns, OP, ": rois has shape ", r.sizes(), ", expected [R, ", columns, "]");
    const kernels::DetectionsInput in{r.data_ptr<float>(), static_cast<int>(r.size(1)), s.data_ptr<float>(),
                                      static_cast<int>(s.size(1)), static_cast<int>(r.size(0))};
    Tensor rows = torch::empty({int64_t(params.batchSize) * params.maxDetections, 7}, r.options());
    if (sourceRows)
        *sourceRows = torch::empty({rows.size(0), 1}, r.options());
    const kernels::DetectionsOutput out{rows.data_ptr<float>(), sourceRows ? sourceRows->data_ptr<float>() : nullptr};
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(r))
        {
            launchCuda(OP, r.device(),
                       [&](cuda::Stream stream)
                       {
                           const DeviceWorkspace workspace(cuda::detectionsWorkspace(params, in), r);
                           return cuda::detections(params, in, out, workspace.view, stream);
                       });
            return rows;
        }
    kernels::detectionsCpu(params, in, out);
    return rows;
}

}  // namespace ops
}  // namespace d2det
