// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* All operators of the trainer, one header each: autograd functions based on the kernels of the module
   (modules/d2det/src/kernels, .../cuda), and operators without a gradient. On the CPU, float32 uses the fast and
   float64 the reference kernels; on a CUDA device all operators run in float32. float16 and bfloat16 inputs (autocast)
   are converted to float32, gradients are converted back. All tensors of a call must be on one device. Feature maps may
   have any memory format; outputs are contiguous. Contracts: operators.md 3.1 - 3.7, 3.12, 3.14, 5. */

#ifndef D2DET_TRAINING_OPS_HPP
#define D2DET_TRAINING_OPS_HPP

#include "ops/adaptive_weighted_pool.hpp"
#include "ops/deform_conv2d.hpp"
#include "ops/deform_roi_pool.hpp"
#include "ops/delta_box_decode.hpp"
#include "ops/dense_box_decode.hpp"
#include "ops/detections.hpp"
#include "ops/gather_rows.hpp"
#include "ops/kernel_choice.hpp"
#include "ops/proposal.hpp"
#include "ops/roi_align.hpp"

#endif
