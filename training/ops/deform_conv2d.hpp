// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Deformable convolution of entire maps, with a mask (version 2) or without. Contract: operators.md 3.14, 5. */

#ifndef D2DET_TRAINING_OPS_DEFORM_CONV2D_HPP
#define D2DET_TRAINING_OPS_DEFORM_CONV2D_HPP

#include "kernels/deform_conv2d.hpp"

#include <torch/types.h>

#include <vector>

namespace d2det
{
namespace ops
{

namespace kernels = cv::d2det::kernels;
using torch::Tensor;

/** X [N, C, h, w], offset [N, 2 G kh kw, oh, ow] (y before x), mask [N, G kh kw, oh, ow] or undefined, weight
    [O, C / groups, kh, kw], bias [O] or undefined -> [N, O, oh, ow]; gradients to all of them
    @param params channels and sides of the kernel are those of the tensors, whatever is set */
Tensor deformConv2d(const Tensor& X, const Tensor& offset, const Tensor& mask, const Tensor& weight, const Tensor& bias,
                    const kernels::DeformConv2dParams& params);

}  // namespace ops
}  // namespace d2det

#endif
