// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* SGD, AdamW, learning-rate schedule and moving average; formulas: solver.hpp. */

#include "engine/solver.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <cmath>

namespace d2det
{

namespace
{

constexpr double PI = 3.14159265358979323846;

double decayFactor(const SolverConfig& config, double epoch)
{
    if (config.schedule == Schedule::COSINE)
        return 0.5 * (1 + std::cos(PI * std::min(1.0, epoch / std::max(config.epochs, 1e-9))));
    const auto passed =
        std::count_if(config.steps.begin(), config.steps.end(), [&](double step) { return epoch >= step; });
    return std::pow(config.gamma, static_cast<double>(passed));
}

}  // namespace

double learningRate(const SolverConfig& config, int64_t iteration, int64_t iterationsPerEpoch)
{
    const double epoch = static_cast<double>(iteration) / static_cast<double>(std::max<int64_t>(iterationsPerEpoch, 1));
    const double rate = config.learningRate * decayFactor(config, epoch);
    // A short run on little data must not end inside its warm-up.
    const double warmup = std::min<double>(config.warmupIterations, config.epochs * iterationsPerEpoch / 5);
    if (iteration >= warmup)
        return rate;
    return rate * (config.warmupFactor + (1 - config.warmupFactor) * static_cast<double>(iteration) / warmup);
}

Solver::Solver(const SolverConfig& config, const torch::nn::Module& module) : config_(config)
{
    for (const auto& item : module.named_parameters())
        if (item.value().requires_grad())
            parameters_[item.key()] = item.value();
    if (config_.ema <= 0)
        return;
    for (const auto& item : parameters_)
        average_[item.first] = item.second.detach().clone();
}

void Solver::zeroGrad()
{
    for (auto& item : parameters_)
        item.second.mutable_grad() = torch::Tensor();
}

void Solver::sumGradients(ProcessGroup& group, const torch::Tensor& numbers)
{
    torch::Tensor present = torch::zeros({static_cast<int64_t>(parameters_.size())});
    std::vector<torch::Tensor> all{numbers};
    int64_t index = 0;
    for (auto& item : parameters_)
    {
        torch::Tensor& gradient = item.second.mutable_grad();
        present[index++] = gradient.defined() ? 1 : 0;
        if (!gradient.defined())
            gradient = torch::zeros_like(item.second);
        all.push_back(gradient);
    }
    present = present.to(numbers.device());
    all.push_back(present);
    group.sum(all);
    present = present.cpu();
    index = 0;
    for (auto& item : parameters_)
        if (present[index++].item<float>() == 0)
            item.second.mutable_grad() = torch::Tensor();
}

torch::Tensor Solver::clipGradients(double factor)
{
    const torch::NoGradGuard noGrad;
    std::vector<torch::Tensor> gradients;
    for (auto& item : parameters_)
        if (item.second.grad().defined())
            gradients.push_back(item.second.mutable_grad());
    if (gradients.empty())
        return torch::zeros({}, torch::kDouble);
    if (factor != 1)
        for (torch::Tensor& gradient : gradients)
            gradient.mul_(factor);
    const torch::Tensor total = torch::stack(at::_foreach_norm(gradients)).to(torch::kDouble).square().sum().sqrt();
    if (config_.clipGradNorm > 0)
    {
        // A NaN norm gives the factor 1: the caller skips the step.
        const torch::Tensor shrink = (config_.clipGradNorm / (total + 1e-6)).clamp_max(1);
        for (torch::Tensor& gradient : gradients)
            gradient.mul_(shrink);
    }
    return total;
}

void Solver::step(double rate)
{
    const torch::NoGradGuard noGrad;
    ++steps_;
    if (config_.optimizer == Optimizer::ADAM)
    {
        for (auto& item : parameters_)
            if (item.second.grad().defined())
                stepAdam(item.first, item.second, rate);
    }
    else
        stepSgd(rate);
    updateAverage();
}

torch::Tensor& Solver::state(const std::string& name, const torch::Tensor& parameter, const char* what)
{
    torch::Tensor& tensor = state_[name + "." + what];
    if (!tensor.defined())
        tensor = torch::zeros_like(parameter);
    return tensor;
}

//! All parameters together: on a CUDA device a few kernels instead of four for each.
void Solver::stepSgd(double rate)
{
    std::vector<torch::Tensor> parameters, gradients, velocities;
    for (auto& item : parameters_)
        if (item.second.grad().defined())
        {
            parameters.push_back(item.second);
            gradients.push_back(item.second.grad());
            velocities.push_back(state(item.first, item.second, "momentum"));
        }
    if (parameters.empty())
        return;
    at::_foreach_mul_(velocities, config_.momentum);
    at::_foreach_add_(velocities, gradients);
    if (config_.weightDecay > 0)
        at::_foreach_add_(velocities, parameters, config_.weightDecay);
    at::_foreach_add_(parameters, velocities, -rate);
}

void Solver::stepAdam(const std::string& name, torch::Tensor& parameter, double rate)
{
    constexpr double BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;
    torch::Tensor& mean = state(name, parameter, "mean");
    torch::Tensor& square = state(name, parameter, "square");
    const torch::Tensor& gradient = parameter.grad();
    parameter.mul_(1 - rate * config_.weightDecay);
    mean.mul_(BETA1).add_(gradient, 1 - BETA1);
    square.mul_(BETA2).addcmul_(gradient, gradient, 1 - BETA2);
    const double meanScale = 1 - std::pow(BETA1, static_cast<double>(steps_));
    const double squareScale = 1 - std::pow(BETA2, static_cast<double>(steps_));
    parameter.addcdiv_(mean, square.div(squareScale).sqrt_().add_(EPSILON), -rate / meanScale);
}

void Solver::updateAverage()
{
    const double t = static_cast<double>(steps_);
    const double decay = std::min(config_.ema, (1 + t) / (10 + t));
    for (auto& item : average_)
        item.second.lerp_(parameters_.at(item.first).detach(), 1 - decay);
}

void Solver::swapAverage()
{
    const torch::NoGradGuard noGrad;
    for (auto& item : average_)
    {
        torch::Tensor& parameter = parameters_.at(item.first);
        const torch::Tensor trained = parameter.detach().clone();
        parameter.copy_(item.second);
        item.second.copy_(trained);
    }
}

void Solver::save(TensorFile& file) const
{
    for (const auto& item : state_)
        file.tensors["optimizer." + item.first] = item.second;
    for (const auto& item : average_)
        file.tensors["ema." + item.first] = item.second;
    file.metadata["solver_steps"] = std::to_string(steps_);
}

void Solver::load(const TensorFile& file)
{
    const torch::NoGradGuard noGrad;
    const int64_t steps = metadataCount(file, "solver_steps");
    const std::vector<const char*> kinds = config_.optimizer == Optimizer::ADAM
                                               ? std::vector<const char*>{"mean", "square"}
                                               : std::vector<const char*>{"momentum"};
    for (auto& item : parameters_)
    {
        for (const char* kind : kinds)
        {
            const auto found = file.tensors.find("optimizer." + item.first + "." + kind);
            if (found == file.tensors.end())
                continue;  // parameter without any gradient so far
            if (found->second.sizes() != item.second.sizes())
                fail(found->first + " of the checkpoint has another shape than the parameter");
            state(item.first, item.second, kind).copy_(found->second);
        }
        if (!averages())
            continue;
        const auto found = file.tensors.find("ema." + item.first);
        if (found == file.tensors.end() || found->second.sizes() != item.second.sizes())
            fail("the checkpoint has no fitting ema." + item.first +
                 "; it was trained without a moving average (set solver.ema=0)");
        average_.at(item.first).copy_(found->second);
    }
    if (steps > 0 && state_.empty())
        fail("the checkpoint has no state of this optimizer; it was trained with another solver.optimizer");
    steps_ = steps;
}

}  // namespace d2det
