// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Rows of a tensor by index. Contract: kernels/gather_rows.hpp. */

#ifndef D2DET_TRAINING_OPS_GATHER_ROWS_HPP
#define D2DET_TRAINING_OPS_GATHER_ROWS_HPP

#include "kernels/gather_rows.hpp"

#include <torch/types.h>

#include <vector>

namespace d2det
{
namespace ops
{

namespace kernels = cv::d2det::kernels;
using torch::Tensor;

//! X [D, ...], rows [K, 1] -> float32 [K, ...] (no gradient); zeros for index -1. Other indices outside 0 .. D - 1:
//! cv::Exception on the CPU, zeros on a CUDA device.
Tensor gatherRows(const Tensor& X, const Tensor& rows);

}  // namespace ops
}  // namespace d2det

#endif
