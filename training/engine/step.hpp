// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* One training step: losses, gradients, update. Used by the trainer and the benchmark.

   On a CUDA device the host waits for the device twice per step of one batch; all other work is only enqueued:
   - in DetectorImpl::roiLosses for the proposals of a batch, which are sampled on the CPU;
   - at the end for the losses and the gradient norm, which decide whether the step is taken.

   Gradient accumulation: a step may take several batches, one after the other. Its loss is the mean of their losses,
   its gradient the mean of their gradients. Each batch divides its losses by what it has itself: the number of its
   sampled anchors, sampled RoIs, cells or masks (training.md 1). Clipping, loss scale, update, moving average and the
   decision whether the step is taken see the entire step.

   Several processes share the batches of a step and add up losses and gradients before that, so all of them decide and
   update alike. Who computed a batch makes no difference but for the order of the sums. */

#ifndef D2DET_TRAINING_STEP_HPP
#define D2DET_TRAINING_STEP_HPP

#include "engine/precision.hpp"
#include "engine/solver.hpp"
#include "model/detector.hpp"

#include <functional>
#include <map>
#include <utility>

namespace d2det
{

struct StepResult
{
    bool taken = true;  //!< false: a loss or gradient was not finite; weights are unchanged
    bool scaledDown =
        false;  //!< not taken because the scaled gradients exceed the float16 range; the next scale is smaller
    double loss = 0;
    double norm = 0;                       //!< norm of all gradients before clipping
    std::map<std::string, double> losses;  //!< by name, mean over the batches of the step
};

//! Parameters of a step.
struct StepOptions
{
    torch::ScalarType type = torch::kFloat;  //!< type of convolutions and matrix products
    double rate = 0;
    LossConfig losses;
    int batches = 1;                          //!< per step, of all processes together
    ProcessGroup* group = nullptr;            //!< null: a single process
    int ownBatches = 1;                       //!< with a group: of the step, those of this process, at least 1
    std::function<void()> whileBusy = [] {};  //!< called after the device work of a batch is enqueued
};

/** @param next called for each batch that this process has of the step, with its number from 0; images on the device of
    the model. May seed the generator.
    @param generator on the CPU. */
StepResult takeStep(Detector& model, Solver& solver, LossScaler& scaler, const std::function<Batch(int)>& next,
                    torch::Generator generator, const StepOptions& options);

//! A step of one batch.
inline StepResult takeStep(Detector& model, Solver& solver, LossScaler& scaler, const Batch& batch,
                           torch::Generator generator, const StepOptions& options)
{
    return takeStep(
        model, solver, scaler, [&](int) { return batch; }, std::move(generator), options);
}

}  // namespace d2det

#endif
