// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Boxes from dense regression; no gradient, float32. Contract: operators.md 3.6.

     rois [R, 5], offsets [R, 4, k, k], overlap [R, 1, k, k], imInfo [B, 3] -> boxes [R, 4] */

#include "ops/common.hpp"
#include "ops/dense_box_decode.hpp"

namespace d2det
{
namespace ops
{

namespace
{

const char* const OP = "denseBoxDecode";

}  // namespace

Tensor denseBoxDecode(const Tensor& rois, const Tensor& offsets, const Tensor& overlap, const Tensor& imInfo,
                      const kernels::DenseBoxDecodeParams& params)
{
    const Tensor r = prepareFloatRoIs(OP, rois), o = prepareFloat(OP, "offsets", offsets, rois, 4, rois.size(0)),
                 v = prepareFloat(OP, "overlap", overlap, rois, 4, rois.size(0)),
                 info = prepareFloat(OP, "imInfo", imInfo, rois, 2, -1);
    const int64_t k = o.size(3);
    TORCH_CHECK(o.size(1) == 4 && o.size(2) == k && v.size(1) == 1 && v.size(2) == k && v.size(3) == k, OP,
                ": offsets has shape ", o.sizes(), " and overlap ", v.sizes(),
                ", expected [R, 4, k, k] and [R, 1, k, k]");
    TORCH_CHECK(info.size(1) == 3, OP, ": imInfo has shape ", info.sizes(), ", expected [B, 3]");
    const kernels::DenseBoxDecodeInput<float> in{
        r.data_ptr<float>(),         o.data_ptr<float>(), v.data_ptr<float>(),           info.data_ptr<float>(),
        static_cast<int>(r.size(0)), static_cast<int>(k), static_cast<int>(info.size(0))};
    Tensor boxes = torch::empty({r.size(0), 4}, r.options());
    float* const out = boxes.data_ptr<float>();
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(r))
        {
            launchCuda(OP, r.device(),
                       [&](cuda::Stream stream) { return cuda::denseBoxDecode(params, in, out, stream); });
            return boxes;
        }
    kernels::denseBoxDecodeCpu(params, in, out);
    return boxes;
}

}  // namespace ops
}  // namespace d2det
