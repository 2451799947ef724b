// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Device selection, autocast and loss scaling. */

#include "engine/precision.hpp"

#include "base/error.hpp"
#include "ops/cuda_stream.hpp"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace d2det
{

namespace
{

constexpr double LEAST_SCALE = 1, LARGEST_SCALE = 16777216;  // 2^24: no gain from larger ones, float16 maximum 65504

/* LibTorch >= 2.4 has autocast functions with a device argument, earlier versions one function per device type.
   Dependent calls are resolved at instantiation: the overload for `int` is viable only with LibTorch >= 2.4 and is the
   better match if both are viable. */
namespace compat
{

using namespace at::autocast;

template <typename Device, typename Flag>
auto setEnabled(Device device, Flag on, int) -> decltype(set_autocast_enabled(device, on))
{
    return set_autocast_enabled(device, on);
}
template <typename Device, typename Flag>
void setEnabled(Device device, Flag on, long)
{
    device == torch::kCUDA ? set_enabled(on) : set_cpu_enabled(on);
}

template <typename Device, typename Type>
auto setType(Device device, Type type, int) -> decltype(set_autocast_dtype(device, type))
{
    return set_autocast_dtype(device, type);
}
template <typename Device, typename Type>
void setType(Device device, Type type, long)
{
    device == torch::kCUDA ? set_autocast_gpu_dtype(type) : set_autocast_cpu_dtype(type);
}

}  // namespace compat

//! N of "cuda:N", 0 for "cuda", -1 for anything else.
int cudaIndex(const std::string& name)
{
    if (name == "cuda")
        return 0;
    const std::string prefix = "cuda:";
    const std::string digits = name.rfind(prefix, 0) == 0 ? name.substr(prefix.size()) : "";
    const bool number =
        !digits.empty() && digits.size() <= 3 && digits.find_first_not_of("0123456789") == std::string::npos;
    return number ? std::atoi(digits.c_str()) : -1;
}

}  // namespace

CudaSupport cudaSupport()
{
    CudaSupport support;
    support.kernels = ops::BUILT_WITH_CUDA;
    support.torch = at::Context::hasCUDART();
    if (support.torch)
        support.devices = static_cast<int>(torch::cuda::device_count());
    if constexpr (ops::BUILT_WITH_CUDA)
    {
        const char* reason = "";
        ops::cuda::deviceCount(&reason);
        support.reason = reason;
    }
    return support;
}

torch::Device chooseDevice(const std::string& name, const CudaSupport& support)
{
    if (name == "cpu")
        return torch::Device(torch::kCPU);
    const auto refuse = [&](const std::string& reason) { fail("device " + name + ": " + reason); };
    const int index = cudaIndex(name);
    if (index < 0)
        refuse("unknown, expected cpu, cuda or cuda:N");
    if (!support.kernels)
        refuse("this build has no CUDA kernels; configure with nvcc and -DD2DET_WITH_CUDA=ON, or use cpu");
    if (!support.torch)
        refuse("LibTorch " TORCH_VERSION " here was built without CUDA; name another by CMAKE_PREFIX_PATH, or use cpu");
    if (support.devices == 0)
        refuse("no CUDA device can be used" + (support.reason.empty() ? "" : ": " + support.reason));
    if (index >= support.devices)
        refuse("there is no such device, the highest is cuda:" + std::to_string(support.devices - 1));
    return torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(index));
}

torch::ScalarType chooseType(Precision precision, const torch::Device& device)
{
    if (precision == Precision::FLOAT32)
        return torch::kFloat;
    if (precision == Precision::BFLOAT16)
        return torch::kBFloat16;
    if (device.is_cpu())
        fail("solver.precision float16 needs a CUDA device; on the CPU use bfloat16 or float32");
    return torch::kHalf;
}

Autocast::Autocast(torch::DeviceType device, torch::ScalarType type) : device_(device), on_(type != torch::kFloat)
{
    if (!on_)
        return;
    at::autocast::increment_nesting();
    compat::setType(device_, type, 0);
    compat::setEnabled(device_, true, 0);
}

Autocast::~Autocast()
{
    if (!on_)
        return;
    compat::setEnabled(device_, false, 0);
    // The cache of cast weights is valid for one step only: the update changes the weights.
    if (at::autocast::decrement_nesting() == 0)
        at::autocast::clear_cache();
}

LossScaler::LossScaler(bool on, double initial, int growthInterval)
    : on_(on), scale_(on ? initial : 1), growthInterval_(growthInterval)
{
}

bool LossScaler::update(bool finite)
{
    if (!on_)
        return finite;
    if (!finite)
    {
        const bool least = scale_ <= LEAST_SCALE;
        scale_ = std::max(scale_ / 2, LEAST_SCALE);
        goodSteps_ = 0;
        return !least;
    }
    if (++goodSteps_ >= growthInterval_)
    {
        scale_ = std::min(scale_ * 2, LARGEST_SCALE);
        goodSteps_ = 0;
    }
    return true;
}

void LossScaler::save(TensorFile& file) const
{
    if (!on_)
        return;
    file.metadata["loss_scale"] = std::to_string(scale_);
    file.metadata["loss_scale_steps"] = std::to_string(goodSteps_);
}

void LossScaler::load(const TensorFile& file)
{
    if (!on_)
        return;
    const auto found = file.metadata.find("loss_scale");
    const double scale = found == file.metadata.end() ? scale_ : std::strtod(found->second.c_str(), nullptr);
    const int64_t steps = file.metadata.count("loss_scale_steps") ? metadataCount(file, "loss_scale_steps") : 0;
    if (!(scale >= LEAST_SCALE && scale <= LARGEST_SCALE && steps <= 1000000))
        fail("the metadata's loss_scale or loss_scale_steps is out of range");
    scale_ = scale;
    goodSteps_ = static_cast<int>(steps);
}

}  // namespace d2det
