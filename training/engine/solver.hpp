// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Optimizer, learning-rate schedule and moving average of the weights.

   SGD:   v = momentum v + (g + decay w),  w -= rate v                                       (model.md 5)
   AdamW: w -= rate decay w;  m = b1 m + (1 - b1) g;  s = b2 s + (1 - b2) g^2;
          w -= rate (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + 1e-8)
          b1 = 0.9, b2 = 0.999 (Loshchilov & Hutter 2019)
   EMA:   a = d a + (1 - d) w,  d = min(decay, (1 + t) / (10 + t)): the start is forgotten quickly
   State is kept by parameter name, so that a checkpoint can be read by a person. */

#ifndef D2DET_TRAINING_SOLVER_HPP
#define D2DET_TRAINING_SOLVER_HPP

#include "engine/checkpoint.hpp"

namespace d2det
{

//! Rate at an iteration counted from 0: warm-up (linear from warmupFactor) times step or cosine decay.
double learningRate(const SolverConfig& config, int64_t iteration, int64_t iterationsPerEpoch);

class Solver
{
public:
    //! Trains every parameter of the module that requires a gradient.
    Solver(const SolverConfig& config, const torch::nn::Module& module);

    void zeroGrad();

    /** Multiplies the gradients by a factor (1 / scale of the loss), then scales them down if the config says so.
        @return norm of all of them together before the latter, a float64 scalar on their device, infinite or NaN if one
        of them is: nothing has waited for it yet. */
    torch::Tensor clipGradients(double factor = 1);

    //! One step with the gradients of the parameters; those without a gradient stay.
    void step(double rate);

    int64_t steps() const { return steps_; }
    bool averages() const { return !average_.empty(); }

    //! Exchanges the model's trained weights and their averages; call twice to get back.
    void swapAverage();

    void save(TensorFile& file) const;  //!< optimizer.* and ema.*, solver_steps
    void load(const TensorFile& file);  //!< throws unless all of it is there

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
