// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Losses, gradients and update of one training step. */

#include "engine/step.hpp"

#include <cmath>

namespace d2det
{

namespace
{

//! Sums over the batches of a step, on the device.
struct LossSums
{
    std::map<std::string, torch::Tensor> parts;
    torch::Tensor total;

    static void add(torch::Tensor& sum, const torch::Tensor& value)
    {
        sum = sum.defined() ? sum + value.detach() : value.detach();
    }
};

//! Adds the gradients of one batch, times `factor`, to those of the parameters.
void addGradients(Detector& model, const Batch& batch, torch::Generator& generator, const StepOptions& options,
                  double factor, LossSums& sums)
{
    Batch input = batch;
    input.images.images = input.images.images.contiguous(torch::MemoryFormat::ChannelsLast);
    std::map<std::string, torch::Tensor> losses;
    {
        const Autocast autocast(input.images.images.device().type(), options.type);
        losses = model->losses(input, generator, options.losses);
    }
    torch::Tensor total;
    for (const auto& item : losses)
    {
        total = total.defined() ? total + item.second : item.second;
        LossSums::add(sums.parts[item.first], item.second);
    }
    LossSums::add(sums.total, total);
    if (!total.requires_grad())
        return;  // all parameters that the losses of this batch depend on are frozen
    (factor != 1 ? total * factor : total).backward();
}

}  // namespace

StepResult takeStep(Detector& model, Solver& solver, LossScaler& scaler, const std::function<Batch(int)>& next,
                    torch::Generator generator, const StepOptions& options)
{
    solver.zeroGrad();
    LossSums sums;
    const int own = options.group ? options.ownBatches : options.batches;
    for (int i = 0; i < own; i++)
    {
        addGradients(model, next(i), generator, options, scaler.scale() / options.batches, sums);
        if (i + 1 < own)
            options.whileBusy();
    }
    std::vector<torch::Tensor> parts;
    for (const auto& item : sums.parts)
        parts.push_back(item.second);
    parts.push_back(sums.total);
    const torch::Tensor numbers = torch::stack(parts).to(torch::kFloat);
    if (options.group && options.group->size() > 1)
    {
        options.whileBusy();
        solver.sumGradients(*options.group, numbers);
    }
    const torch::Tensor norm = solver.clipGradients(1 / scaler.scale());
    options.whileBusy();
    // One copy for all numbers of the step.
    const torch::Tensor read =
        torch::cat({numbers.to(torch::kDouble), norm.to(numbers.device()).view(1)}).to(torch::kCPU);

    StepResult result;
    const double* value = read.data_ptr<double>();
    for (const auto& item : sums.parts)
        result.losses[item.first] = *value++ / options.batches;
    result.loss = *value++ / options.batches;
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
