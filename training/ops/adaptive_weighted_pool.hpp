// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Adaptive weighted pooling. Contract: operators.md 3.4, 5. */

#ifndef D2DET_TRAINING_OPS_ADAPTIVE_WEIGHTED_POOL_HPP
#define D2DET_TRAINING_OPS_ADAPTIVE_WEIGHTED_POOL_HPP

#include "kernels/adaptive_weighted_pool.hpp"

#include <torch/types.h>

#include <vector>

namespace d2det
{
namespace ops
{

namespace kernels = cv::d2det::kernels;
using torch::Tensor;

//! F, N [R, C, h, w] -> [R, C, ceil(h/2), ceil(w/2)]; gradients to both
Tensor adaptiveWeightedPool(const Tensor& F, const Tensor& N, double gain);

}  // namespace ops
}  // namespace d2det

#endif
