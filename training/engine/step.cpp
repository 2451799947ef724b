// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Losses, gradients and update of one training step. */

#include "engine/step.hpp"

#include <cmath>

namespace d2det
{

StepResult takeStep(Detector& model, Solver& solver, LossScaler& scaler, const Batch& batch, torch::Generator generator,
                    const StepOptions& options)
{
    Batch input = batch;
    input.images.images = input.images.images.contiguous(torch::MemoryFormat::ChannelsLast);
    solver.zeroGrad();
    std::map<std::string, torch::Tensor> losses;
    {
        const Autocast autocast(input.images.images.device().type(), options.type);
        losses = model->losses(input, generator, options.losses);
    }
    std::vector<torch::Tensor> numbers;
    torch::Tensor total;
    for (const auto& item : losses)
    {
        total = total.defined() ? total + item.second : item.second;
        numbers.push_back(item.second.detach());
    }
    numbers.push_back(total.detach());
    (scaler.scale() != 1 ? total * scaler.scale() : total).backward();
    const torch::Tensor norm = solver.clipGradients(1 / scaler.scale());
    options.whileBusy();
    // One copy for all numbers of the step.
    const torch::Tensor read = torch::cat({torch::stack(numbers).to(torch::kDouble), norm.view(1)}).to(torch::kCPU);

    StepResult result;
    const double* value = read.data_ptr<double>();
    for (const auto& item : losses)
        result.losses[item.first] = *value++;
    result.loss = *value++;
    result.norm = *value;
    result.taken = std::isfinite(result.loss) && std::isfinite(result.norm);
    if (result.taken)
        solver.step(options.rate);
    const bool scaled = scaler.scale() > 1;
    const bool helped = scaler.update(result.taken);
    result.scaledDown = !result.taken && scaled && helped && std::isfinite(result.loss);
    return result;
}

}  // namespace d2det
