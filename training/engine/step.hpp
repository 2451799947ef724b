// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* One step of the training: losses, gradients, update. Used by the trainer and by the benchmark.

   On a CUDA device the host waits for it twice in a step, all the rest is only enqueued:
   - in DetectorImpl::roiLosses for the proposals, which the CPU samples;
   - at the end for the losses and the norm of the gradients, which decide whether the step is taken. */

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
    bool taken = true;  //!< false: a loss or gradient was no finite number, nothing has changed
    bool scaledDown =
        false;  //!< not taken because float16 could not hold the scaled gradients; the next scale is smaller
    double loss = 0;
    double norm = 0;                       //!< of all gradients, before clipping
    std::map<std::string, double> losses;  //!< by name
};

//! How a step is computed.
struct StepOptions
{
    torch::ScalarType type = torch::kFloat;  //!< of convolutions and matrix products
    double rate = 0;
    LossConfig losses;
    std::function<void()> whileBusy = [] {};  //!< called when the work of the device is enqueued
};

//! @param batch images on the device of the model. @param generator on the CPU.
StepResult takeStep(Detector& model, Solver& solver, LossScaler& scaler, const Batch& batch, torch::Generator generator,
                    const StepOptions& options);

}  // namespace d2det

#endif
