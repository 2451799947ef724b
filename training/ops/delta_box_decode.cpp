// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Boxes from the deltas of a box head; no gradient, float32. Contract: operators.md 3.12.

     rois [R, 5], deltas [R, 4 C], imInfo [B, 3] -> boxes [R, 1 + 4 C] */

#include "ops/common.hpp"
#include "ops/delta_box_decode.hpp"

namespace d2det
{
namespace ops
{

namespace
{

const char* const OP = "deltaBoxDecode";

}  // namespace

Tensor deltaBoxDecode(const Tensor& rois, const Tensor& deltas, const Tensor& imInfo,
                      const kernels::DeltaBoxDecodeParams& params)
{
    const Tensor r = prepareFloatRoIs(OP, rois), d = prepareFloat(OP, "deltas", deltas, rois, 2, rois.size(0)),
                 info = prepareFloat(OP, "imInfo", imInfo, rois, 2, -1);
    TORCH_CHECK(d.size(1) > 0 && d.size(1) % 4 == 0, OP, ": deltas has shape ", d.sizes(), ", expected [R, 4 C]");
    TORCH_CHECK(info.size(1) == 3, OP, ": imInfo has shape ", info.sizes(), ", expected [B, 3]");
    const kernels::DeltaBoxDecodeInput<float> in{r.data_ptr<float>(),
                                                 d.data_ptr<float>(),
                                                 info.data_ptr<float>(),
                                                 static_cast<int>(r.size(0)),
                                                 static_cast<int>(d.size(1) / 4),
                                                 static_cast<int>(info.size(0))};
    Tensor boxes = torch::empty({r.size(0), 1 + d.size(1)}, r.options());
    float* const out = boxes.data_ptr<float>();
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(r))
        {
            launchCuda(OP, r.device(),
                       [&](cuda::Stream stream) { return cuda::deltaBoxDecode(params, in, out, stream); });
            return boxes;
        }
    kernels::deltaBoxDecodeCpu(params, in, out);
    return boxes;
}

}  // namespace ops
}  // namespace d2det
