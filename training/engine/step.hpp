// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* One training step: losses, gradients, update. Used by the trainer and the benchmark.

   On a CUDA device the host waits for the device twice per step; all other work is only enqueued:
   - in DetectorImpl::roiLosses for the proposals, which are sampled on the CPU;
   - at the end for the losses and the gradient norm, which decide whether the step is taken. */

#ifndef D2DET_TRAINING_STEP_HPP
#define D2DET_TRAINING_STEP_HPP

#include "engine/precision.hpp"
#include "engine/solver.hpp"
#include "model/detector.hpp"

#include <functional>
#include <map>

namespace d2det
{

struct StepResult
{
    bool taken = true;  //!< false: a loss or gradient was not finite; weights are unchanged
    bool scaledDown =
        false;  //!< not taken because the scaled gradients exceed the float16 range; the next scale is smaller
    double loss = 0;
    double norm = 0;                       //!< norm of all gradients before clipping
    std::map<std::string, double> losses;  //!< by name
};

//! Parameters of a step.
struct StepOptions
{
    torch::ScalarType type = torch::kFloat;  //!< type of convolutions and matrix products
    double rate = 0;
    LossConfig losses;
    std::function<void()> whileBusy = [] {};  //!< called after the device work is enqueued
};

//! @param batch images on the device of the model. @param generator on the CPU.
StepResult takeStep(Detector& model, Solver& solver, LossScaler& scaler, const Batch& batch, torch::Generator generator,
                    const StepOptions& options);

}  // namespace d2det

#endif
