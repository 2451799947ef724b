// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Optimizer, learning-rate schedule and moving average of the weights.

   SGD:   v = momentum v + (g + decay w),  w -= rate v                                       (model.md 5)
   AdamW: w -= rate decay w;  m = b1 m + (1 - b1) g;  s = b2 s + (1 - b2) g^2;
          w -= rate (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + 1e-8)
          b1 = 0.9, b2 = 0.999 (Loshchilov & Hutter 2019)
   EMA:   a = d a + (1 - d) w,  d = min(decay, (1 + t) / (10 + t)): small influence of the initial weights
   State is stored by parameter name, which keeps checkpoints human-readable. */

#ifndef D2DET_TRAINING_SOLVER_HPP
#define D2DET_TRAINING_SOLVER_HPP

#include "distributed/process_group.hpp"
#include "engine/checkpoint.hpp"

namespace d2det
{

//! Learning rate at an iteration (from 0): warm-up (linear from warmupFactor) times step or cosine decay.
double learningRate(const SolverConfig& config, int64_t iteration, int64_t iterationsPerEpoch);

class Solver
{
public:
    //! @param module every parameter that requires a gradient is trained.
    Solver(const SolverConfig& config, const torch::nn::Module& module);

    void zeroGrad();

    /** Gradients become their sums over the processes. One that is undefined in some processes counts as zeros there,
        one that is undefined in all stays so. @param numbers are summed in the same exchange. */
    void sumGradients(ProcessGroup& group, const torch::Tensor& numbers);

    /** Multiplies the gradients by `factor` (1 / loss scale), then limits their norm to clip_grad_norm if configured.
        @return norm of all gradients before clipping, a float64 scalar on their device, infinite or NaN if a gradient
        is. The host does not wait for the device. */
    torch::Tensor clipGradients(double factor = 1);

    //! One optimizer step; parameters without a gradient stay unchanged.
    void step(double rate);

    int64_t steps() const { return steps_; }
    bool averages() const { return !average_.empty(); }

    //! Swaps the trained weights of the model and their moving averages; a second call restores them.
    void swapAverage();

    void save(TensorFile& file) const;  //!< optimizer.* and ema.*, solver_steps
    void load(const TensorFile& file);  //!< throws if any part is missing

private:
    void stepSgd(double rate);
    void stepAdam(const std::string& name, torch::Tensor& parameter, double rate);
    void updateAverage();
    torch::Tensor& state(const std::string& name, const torch::Tensor& parameter, const char* what);

    SolverConfig config_;
    TensorMap parameters_;
    TensorMap state_;    // "<parameter>.momentum", "<parameter>.mean", "<parameter>.square"
    TensorMap average_;  // empty if off
    int64_t steps_ = 0;
};

}  // namespace d2det

#endif
