// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Operators of the test-time graph behind the heads; no gradients, float32. Contracts: operators.md 3.6 and 3.7.

     detections      rois [R, 5], probs [R, C + 1] or [R, 2] -> [B K, 7] = (batch, class, score, x1, y1, x2, y2)
     gatherRows      X [D, ...], rows [K, 1] -> [K, ...] (kernels/gather_rows.hpp)
     denseBoxDecode  rois [R, 5], offsets [R, 4, k, k], overlap [R, 1, k, k], imInfo [B, 3] -> boxes [R, 4] */

#include "ops/common.hpp"

#include "kernels/gather_rows.hpp"

namespace d2det
{
namespace ops
{

namespace
{

//! Dense float32 [rows, ...] outside the graph, on the device of the RoIs.
Tensor prepare(const char* op, const char* name, const Tensor& tensor, const Tensor& rois, int64_t dims, int64_t rows)
{
    TORCH_CHECK(tensor.defined(), op, ": ", name, " is undefined");
    TORCH_CHECK(tensor.dim() == dims && (rows < 0 || tensor.size(0) == rows), op, ": ", name, " has shape ",
                tensor.sizes(), ", expected ", dims, " dimensions and one row per RoI of ", rois.sizes());
    const Tensor dense = tensor.detach().to(rois.device(), torch::kFloat, /*non_blocking=*/true).contiguous();
    checkTensor(op, name, dense);
    return dense;
}

Tensor prepareBoxes(const char* op, const Tensor& rois)
{
    TORCH_CHECK(rois.defined() && rois.dim() == 2 && rois.size(1) == 5, op, ": rois must be [R, 5]");
    return prepare(op, "rois", rois, rois, 2, rois.size(0));
}

}  // namespace

Tensor detections(const Tensor& rois, const Tensor& probs, const kernels::DetectionsParams& params, Tensor* sourceRows)
{
    const char* const OP = "detections";
    const Tensor r = prepareBoxes(OP, rois), s = prepare(OP, "probs", probs, rois, 2, rois.size(0));
    TORCH_CHECK(s.size(1) >= 2, OP, ": probs has shape ", s.sizes(), ", expected at least 2 columns");
    const int columns = static_cast<int>(r.size(1)), classes = static_cast<int>(s.size(1)),
              rows = static_cast<int>(r.size(0));
    Tensor out = torch::empty({int64_t(params.batchSize) * params.maxDetections, 7}, r.options());
    if (sourceRows)
        *sourceRows = torch::empty({out.size(0), 1}, r.options());
    float* const sources = sourceRows ? sourceRows->data_ptr<float>() : nullptr;
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(r))
        {
            launchCuda(
                OP, r.device(),
                [&](cuda::Stream stream)
                {
                    const size_t bytes = cuda::detectionsWorkspace(params, columns, classes, rows);
                    Tensor workspace = torch::empty({static_cast<int64_t>(bytes)}, r.options().dtype(torch::kByte));
                    return cuda::detections(params, r.data_ptr<float>(), columns, s.data_ptr<float>(), classes, rows,
                                            out.data_ptr<float>(), workspace.data_ptr(), bytes, stream, sources);
                });
            return out;
        }
    kernels::detectionsCpu(params, r.data_ptr<float>(), columns, s.data_ptr<float>(), classes, rows,
                           out.data_ptr<float>(), sources);
    return out;
}

Tensor gatherRows(const Tensor& X, const Tensor& rows)
{
    const char* const OP = "gatherRows";
    TORCH_CHECK(X.defined() && X.dim() >= 1, OP, ": X must be [D, ...]");
    const Tensor x = prepare(OP, "X", X, X, X.dim(), X.size(0)), indices = prepare(OP, "rows", rows, X, 2, -1);
    TORCH_CHECK(indices.size(1) == 1, OP, ": rows has shape ", indices.sizes(), ", expected [K, 1]");
    const int numRows = static_cast<int>(x.size(0)), count = static_cast<int>(indices.size(0));
    std::vector<int64_t> shape = x.sizes().vec();
    shape[0] = count;
    Tensor out = torch::empty(shape, x.options());
    const size_t rowSize = count > 0 ? static_cast<size_t>(out.numel()) / static_cast<size_t>(count) : 0;
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(x))
        {
            launchCuda(OP, x.device(),
                       [&](cuda::Stream stream)
                       {
                           return cuda::gatherRows(x.data_ptr<float>(), numRows, rowSize, indices.data_ptr<float>(),
                                                   count, out.data_ptr<float>(), stream);
                       });
            return out;
        }
    kernels::gatherRowsCpu(x.data_ptr<float>(), numRows, rowSize, indices.data_ptr<float>(), count,
                           out.data_ptr<float>());
    return out;
}

Tensor denseBoxDecode(const Tensor& rois, const Tensor& offsets, const Tensor& overlap, const Tensor& imInfo,
                      const kernels::DenseBoxDecodeParams& params)
{
    const char* const OP = "denseBoxDecode";
    const Tensor r = prepareBoxes(OP, rois), o = prepare(OP, "offsets", offsets, rois, 4, rois.size(0)),
                 v = prepare(OP, "overlap", overlap, rois, 4, rois.size(0)),
                 info = prepare(OP, "imInfo", imInfo, rois, 2, -1);
    const int64_t k = o.size(3);
    TORCH_CHECK(o.size(1) == 4 && o.size(2) == k && v.size(1) == 1 && v.size(2) == k && v.size(3) == k, OP,
                ": offsets has shape ", o.sizes(), " and overlap ", v.sizes(),
                ", expected [R, 4, k, k] and [R, 1, k, k]");
    TORCH_CHECK(info.size(1) == 3, OP, ": imInfo has shape ", info.sizes(), ", expected [B, 3]");
    const int rows = static_cast<int>(r.size(0)), side = static_cast<int>(k), batch = static_cast<int>(info.size(0));
    Tensor boxes = torch::empty({r.size(0), 4}, r.options());
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(r))
        {
            launchCuda(OP, r.device(),
                       [&](cuda::Stream stream)
                       {
                           return cuda::denseBoxDecode(params, r.data_ptr<float>(), o.data_ptr<float>(),
                                                       v.data_ptr<float>(), info.data_ptr<float>(), rows, side, batch,
                                                       boxes.data_ptr<float>(), stream);
                       });
            return boxes;
        }
    kernels::denseBoxDecode<float>(params, r.data_ptr<float>(), o.data_ptr<float>(), v.data_ptr<float>(),
                                   info.data_ptr<float>(), rows, side, batch, boxes.data_ptr<float>());
    return boxes;
}

}  // namespace ops
}  // namespace d2det
