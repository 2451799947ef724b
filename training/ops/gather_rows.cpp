// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Rows of a tensor by index; no gradient, float32. Contract: kernels/gather_rows.hpp.

     X [D, ...], rows [K, 1] -> [K, ...] */

#include "ops/common.hpp"
#include "ops/gather_rows.hpp"

namespace d2det
{
namespace ops
{

namespace
{

const char* const OP = "gatherRows";

}  // namespace

Tensor gatherRows(const Tensor& X, const Tensor& rows)
{
    TORCH_CHECK(X.defined() && X.dim() >= 1, OP, ": X must be [D, ...]");
    const Tensor x = prepareFloat(OP, "X", X, X, X.dim(), X.size(0)),
                 indices = prepareFloat(OP, "rows", rows, X, 2, -1);
    TORCH_CHECK(indices.size(1) == 1, OP, ": rows has shape ", indices.sizes(), ", expected [K, 1]");
    const int numRows = static_cast<int>(x.size(0)), count = static_cast<int>(indices.size(0));
    std::vector<int64_t> shape = x.sizes().vec();
    shape[0] = count;
    Tensor out = torch::empty(shape, x.options());
    const size_t rowSize = count > 0 ? static_cast<size_t>(out.numel()) / static_cast<size_t>(count) : 0;
    const kernels::GatherRowsInput<float> in{x.data_ptr<float>(), numRows, rowSize, indices.data_ptr<float>(), count};
    if constexpr (BUILT_WITH_CUDA)
        if (usesCuda(x))
        {
            launchCuda(OP, x.device(),
                       [&](cuda::Stream stream) { return cuda::gatherRows(in, out.data_ptr<float>(), stream); });
            return out;
        }
    kernels::gatherRowsCpu(in, out.data_ptr<float>());
    return out;
}

}  // namespace ops
}  // namespace d2det
