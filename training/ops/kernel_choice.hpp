// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Selection of the kernel of an operator by device and type of the tensors. */

#ifndef D2DET_TRAINING_OPS_KERNEL_CHOICE_HPP
#define D2DET_TRAINING_OPS_KERNEL_CHOICE_HPP

#include <torch/torch.h>

#include <vector>

namespace d2det
{
namespace ops
{

using torch::Tensor;

//! Implementation of an operator: fast or reference CPU kernels, or CUDA launchers of the module.
enum class Kernel
{
    FAST,
    REFERENCE,
    CUDA
};

//! Kernel for tensors of the given device and type; throws c10::Error with a message starting with `what` if none
//! exists.
Kernel chooseKernel(const char* what, torch::DeviceType device, torch::ScalarType type, bool builtWithCuda);

//! Differentiable conversion of float16 and bfloat16 to float32; other tensors, including undefined ones, are returned
//! unchanged.
Tensor fullPrecision(const Tensor& tensor);
std::vector<Tensor> fullPrecision(const std::vector<Tensor>& tensors);

}  // namespace ops
}  // namespace d2det

#endif
