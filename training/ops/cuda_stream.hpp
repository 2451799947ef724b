// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Calls of the CUDA launchers of the module (modules/d2det/src/kernels/launcher.hpp) on the device of the tensors and
   on LibTorch's current stream of that device, which preserves the order of operators.

   D2DET_WITH_CUDA is set by CMake if the launchers are linked. The native handle of a stream requires LibTorch's CUDA
   headers. A LibTorch without CUDA may contain c10/cuda/CUDAStream.h as well (Debian's does), but not the generated
   header included by CUDAStream.h; hence __has_include tests for the latter. */

#ifndef D2DET_TRAINING_CUDA_STREAM_HPP
#define D2DET_TRAINING_CUDA_STREAM_HPP

#include "kernels/launcher.hpp"

#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/types.h>

#if defined(D2DET_WITH_CUDA) && !defined(D2DET_CUDA_EMULATED) && __has_include(<c10/cuda/impl/cuda_cmake_macros.h>)
#include <c10/cuda/CUDAStream.h>
#define D2DET_TORCH_HAS_CUDA_STREAM 1
#endif

namespace d2det
{
namespace ops
{

namespace cuda = cv::d2det::cuda;

#ifdef D2DET_WITH_CUDA
constexpr bool BUILT_WITH_CUDA = true;
#else
constexpr bool BUILT_WITH_CUDA = false;
#endif

#ifdef D2DET_CUDA_EMULATED
//! For test builds with launchers emulated on the CPU (test/cuda/emulation): set by the test to use the launchers.
inline bool emulateCuda = false;
#endif

//! Whether an operator on this tensor calls a CUDA launcher.
inline bool usesCuda(const torch::Tensor& tensor)
{
#ifdef D2DET_CUDA_EMULATED
    return emulateCuda && tensor.scalar_type() == torch::kFloat;
#else
    return tensor.is_cuda();
#endif
}

//! LibTorch's current stream of a CUDA device.
inline cuda::Stream currentStream(const torch::Device& device)
{
#if defined(D2DET_CUDA_EMULATED)
    (void)device;
    return nullptr;
#elif defined(D2DET_TORCH_HAS_CUDA_STREAM)
    return c10::cuda::getCurrentCUDAStream(device.index()).stream();
#else
    // Without LibTorch's CUDA headers only the handle of the default stream is known: the null pointer. A launch there
    // would not be ordered with work on another stream, hence other streams are rejected.
    const c10::Stream stream = c10::impl::VirtualGuardImpl(device.type()).getStream(device);
    TORCH_CHECK(stream.id() == 0, "built without LibTorch's CUDA headers: only the default stream of ", device,
                " can be used");
    return nullptr;
#endif
}

//! Calls launch(stream) on the given device; a launch error throws with the name of the operator.
template <typename Launch>
void launchCuda(const char* op, const torch::Device& device, Launch launch)
{
    const c10::DeviceGuard guard(device);
    const cuda::Status status = launch(currentStream(device));
    TORCH_CHECK(status == cuda::Status::SUCCESS, op, " on ", device, ": ", cuda::statusString(status));
}

}  // namespace ops
}  // namespace d2det

#endif
