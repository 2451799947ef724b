// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Device and numeric precision of training.

   Device: "cpu", "cuda" (the first CUDA device) or "cuda:N". CUDA requires kernels in this build, a LibTorch with CUDA
   and a device; the error message names the missing part.

   Precision: convolutions and matrix products run in float32, bfloat16 or float16 (autocast: weights stay float32,
   LibTorch casts the operands of each operator); norms, RoI pooling, adaptive weighting and losses run in float32 by
   explicit conversion in the model (ops::fullPrecision). float16 requires loss scaling, because small gradients would
   underflow to 0 (Micikevicius et al. 2018):
     the gradients of scale * loss are divided by scale; if one is infinite or NaN, the step is skipped and scale is
     halved; after 2000 consecutive finite steps scale is doubled. */

#ifndef D2DET_TRAINING_PRECISION_HPP
#define D2DET_TRAINING_PRECISION_HPP

#include "engine/checkpoint.hpp"

#include <torch/types.h>

#include <string>

namespace d2det
{

//! CUDA support of this program and this machine.
struct CudaSupport
{
    bool kernels = false;     //!< the module's CUDA kernels are linked
    bool torch = false;       //!< LibTorch was built with CUDA
    int devices = 0;          //!< number of usable devices
    std::string reason = "";  //!< reason for devices == 0
};

CudaSupport cudaSupport();

//! Device by name; throws Error with one line if the device is not usable.
torch::Device chooseDevice(const std::string& name, const CudaSupport& support = cudaSupport());

//! LibTorch type of a precision; throws Error for float16 on the CPU.
torch::ScalarType chooseType(Precision precision, const torch::Device& device);

//! Enables autocast for the lifetime of the object; no effect for float32. Must not be nested.
class Autocast
{
public:
    Autocast(torch::DeviceType device, torch::ScalarType type);
    ~Autocast();
    Autocast(const Autocast&) = delete;
    Autocast& operator=(const Autocast&) = delete;

private:
    torch::DeviceType device_;
    bool on_;
};

//! Dynamic loss scale for float16; constant 1 if off.
class LossScaler
{
public:
    explicit LossScaler(bool on, double initial = 65536, int growthInterval = 2000);

    double scale() const { return scale_; }

    /** Adapts the scale after a step. @param finite true if all gradients of the step are finite.
        @return false: the step failed although the scale is off or minimal, so the cause is not the scale. */
    bool update(bool finite);

    void save(TensorFile& file) const;  //!< metadata loss_scale and loss_scale_steps, if on
    void load(const TensorFile& file);  //!< keeps the initial scale if the checkpoint contains none

private:
    bool on_;
    double scale_;
    int growthInterval_;
    int goodSteps_ = 0;
};

}  // namespace d2det

#endif
