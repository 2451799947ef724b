// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Selection of the kernel of an operator. Error messages contain the given and the supported devices and types. */

#include "ops/kernel_choice.hpp"

namespace d2det
{
namespace ops
{

Kernel chooseKernel(const char* what, torch::DeviceType device, torch::ScalarType type, bool builtWithCuda)
{
    if (device == torch::kCUDA)
    {
        TORCH_CHECK(builtWithCuda, what,
                    " is on a CUDA device, but this build has no CUDA kernels; build with nvcc and "
                    "-DD2DET_WITH_CUDA=ON, or move it with .cpu()");
        TORCH_CHECK(type == torch::kFloat, what, " has type ", type,
                    "; the CUDA kernels are float32, convert it with .to()");
        return Kernel::CUDA;
    }
    TORCH_CHECK(device == torch::kCPU, what, " is on ", device, "; the operators run on the CPU and on CUDA devices");
    TORCH_CHECK(type == torch::kFloat || type == torch::kDouble, what, " has type ", type,
                "; float32 and float64 are supported, convert it with .to()");
    return type == torch::kFloat ? Kernel::FAST : Kernel::REFERENCE;
}

Tensor fullPrecision(const Tensor& tensor)
{
    const bool half =
        tensor.defined() && (tensor.scalar_type() == torch::kHalf || tensor.scalar_type() == torch::kBFloat16);
    return half ? tensor.to(torch::kFloat) : tensor;
}

std::vector<Tensor> fullPrecision(const std::vector<Tensor>& tensors)
{
    std::vector<Tensor> result;
    for (const Tensor& tensor : tensors)
        result.push_back(fullPrecision(tensor));
    return result;
}

}  // namespace ops
}  // namespace d2det
