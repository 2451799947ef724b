// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Which kernel runs an operator, by device and type of its tensors. */

#ifndef D2DET_TRAINING_OPS_KERNEL_CHOICE_HPP
#define D2DET_TRAINING_OPS_KERNEL_CHOICE_HPP

#include <torch/torch.h>

#include <vector>

namespace d2det
{
namespace ops
{

using torch::Tensor;

//! What runs an operator: the module's fast or reference kernels, or its CUDA launchers.
enum class Kernel
{
    FAST,
    REFERENCE,
    CUDA
};

//! The kernel for a tensor of this device and type; throws c10::Error that begins with `what` if there is none.
Kernel chooseKernel(const char* what, torch::DeviceType device, torch::ScalarType type, bool builtWithCuda);

//! float16 and bfloat16 as float32, inside the graph; every other tensor, also an undefined one, as it is.
Tensor fullPrecision(const Tensor& tensor);
std::vector<Tensor> fullPrecision(const std::vector<Tensor>& tensors);

}  // namespace ops
}  // namespace d2det

#endif
