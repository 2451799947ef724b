// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Where a model is trained and in which precision.

   Device: "cpu", "cuda" (the first one) or "cuda:N". A CUDA device needs three things, and the message says which is
   missing: kernels in this build, a LibTorch with CUDA, a device.

   Precision: convolutions and matrix products run in float32, bfloat16 or float16 (autocast: weights stay float32,
   LibTorch casts what each operator reads); norms, RoI pooling, adaptive weighting and losses run in float32, which the
   model itself sees to (ops::fullPrecision). float16 needs the loss to be scaled, because small gradients would become
   0:
     gradients of scale * loss, divided by scale; if one is infinite or NaN the step is left out and scale halved; after
     2000 good steps in a row scale is doubled (Micikevicius et al. 2018). */

#ifndef D2DET_TRAINING_PRECISION_HPP
#define D2DET_TRAINING_PRECISION_HPP

#include "engine/checkpoint.hpp"

#include <torch/types.h>

#include <string>

namespace d2det
{

//! What this program and this machine offer.
struct CudaSupport
{
    bool kernels = false;     //!< the module's CUDA kernels are linked
    bool torch = false;       //!< LibTorch was built with CUDA
    int devices = 0;          //!< usable ones
    std::string reason = "";  //!< why there is none
};

CudaSupport cudaSupport();

//! The device of that name; throws Error with one line if it cannot be used.
torch::Device chooseDevice(const std::string& name, const CudaSupport& support = cudaSupport());

//! LibTorch's name of a precision; throws Error for float16 on the CPU.
torch::ScalarType chooseType(Precision precision, const torch::Device& device);

//! Autocast for the lifetime of the object; with float32 it does nothing. Not to be nested.
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

//! Scale of the loss for float16; 1 for ever when it is off.
class LossScaler
{
public:
    explicit LossScaler(bool on, double initial = 65536, int growthInterval = 2000);

    double scale() const { return scale_; }

    /** What became of a step. @param finite all of its gradients were numbers.
        @return false: the step failed and a smaller scale cannot help, the fault lies elsewhere */
    bool update(bool finite);

    void save(TensorFile& file) const;  //!< metadata loss_scale and loss_scale_steps, if it is on
    void load(const TensorFile& file);  //!< keeps the start if the checkpoint was trained without

private:
    bool on_;
    double scale_;
    int growthInterval_;
    int goodSteps_ = 0;
};

}  // namespace d2det

#endif
