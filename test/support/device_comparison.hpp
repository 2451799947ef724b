// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Comparison of the trainer on a device with the trainer on the CPU: operators with gradients, and one entire training
   step. Independent of Boost and OpenCV, for use on GPU servers without these libraries (perf/gpu/train);
   test_precision.cpp runs the same comparisons on the CPU, test_cuda_ops.cpp on a CUDA device. */

#ifndef D2DET_TEST_DEVICE_COMPARISON_HPP
#define D2DET_TEST_DEVICE_COMPARISON_HPP

#include "engine/step.hpp"
#include "operators_in_trainer.hpp"
#include "ops/ops.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace d2det
{
namespace test
{

struct Comparison
{
    std::string name;
    double error;  //!< largest difference relative to the largest expected value
    double bound;
    std::string repeat;                             //!< command that runs the case alone
    bool passed() const { return error <= bound; }  //!< false for NaN
    std::string message() const
    {
        return name + ": error " + std::to_string(error) + ", at most " + std::to_string(bound) + " allowed" +
               (repeat.empty() ? "" : "\n" + repeat);
    }
};

inline double relativeError(const torch::Tensor& got, const torch::Tensor& expected)
{
    const torch::Tensor a = got.detach().to(torch::kCPU, torch::kDouble), b = expected.detach().to(torch::kDouble);
    if (a.sizes() != b.sizes())
        return INFINITY;
    if (a.numel() == 0)
        return 0;
    return ((a - b).abs().max() / b.abs().max().clamp_min(1e-12)).item<double>();
}

//! Called with true before and with false after all work on the device; selects the emulated launchers in tests on the
//! CPU.
using Switch = std::function<void(bool)>;

class Switched
{
public:
    explicit Switched(const Switch& change) : change_(change) { change_(true); }
    ~Switched() { change_(false); }

private:
    const Switch& change_;
};

//! Output and gradients of all leaves, for the upstream gradient of the case.
inline Tensors outputAndGradients(const d2det_test::Problem& p, const Tensors& inputs)
{
    Tensors result{runInTrainer(p, inputs).at(0)}, leaves;
    for (const torch::Tensor& input : inputs)
        if (input.requires_grad())
            leaves.push_back(input);
    const std::vector<int64_t> sizes(p.outputs[0].shape.begin(), p.outputs[0].shape.end());
    const torch::Tensor upstream = torch::from_blob(const_cast<float*>(p.upstream.data()), sizes, torch::kFloat)
                                       .to(result[0].device(), result[0].scalar_type(), false, true);
    for (const torch::Tensor& grad : torch::autograd::grad({result[0]}, leaves, {upstream}))
        result.push_back(grad);
    return result;
}

//! Equal maps in channels-last memory format, as computed by convolutions.
inline Tensors channelsLast(const Tensors& inputs)
{
    Tensors result;
    for (const torch::Tensor& input : inputs)
        result.push_back(
            input.dim() == 4
                ? input.detach().contiguous(torch::MemoryFormat::ChannelsLast).requires_grad_(input.requires_grad())
                : input);
    return result;
}

//! Device against the float64 reference kernels of the CPU. Half types: both use the rounded inputs.
inline void compareOperator(const d2det_test::Problem& p, const std::string& name, const std::string& repeat,
                            const torch::Device& device, torch::ScalarType type, double bound, const Switch& change,
                            std::vector<Comparison>& out, bool last = false)
{
    Tensors inputs = trainerInputs(p, device, type), exact;
    for (const torch::Tensor& input : inputs)
        exact.push_back(input.detach().to(torch::kCPU, torch::kDouble).requires_grad_(input.requires_grad()));
    const Tensors expected = outputAndGradients(p, exact);
    if (last)
        inputs = channelsLast(inputs);
    Tensors got;
    {
        const Switched on(change);
        got = outputAndGradients(p, inputs);
    }
    for (size_t i = 0; i < got.size(); i++)
        out.push_back({name + " " + c10::toString(type) + (last ? ", channels last" : "") +
                           (i == 0 ? ", output" : ", gradient of " + p.inputs[p.gradients[i - 1].input].name),
                       relativeError(got[i], expected[i]), i == 0 ? 1e-4 : bound, repeat});
}

/** Calls compare(problem, name, repeat) for every case of the lists that the trainer's operators take, with gradients
    or without. */
template <typename Compare>
void forTrainerCases(bool differentiable, Compare compare)
{
    using namespace d2det_test;
    const Selection selection;
    for (const Operator* op : allOperators())
    {
        const std::vector<CaseInfo> cases = op->cases();
        for (size_t i = 0; i < cases.size(); i++)
            if (cases[i].trainer && op->differentiable() == differentiable &&
                selection.takes(op->name(), cases[i].name))
                compare(*op->make(i, selection.seed), op->name() + ", " + cases[i].name,
                        repeatLine(op->name(), cases[i].name, selection.seed, ""));
    }
}

inline std::vector<Comparison> compareOperators(
    const torch::Device& device, const Switch& change = [](bool) {})
{
    std::vector<Comparison> out;
    bool first = true;
    forTrainerCases(true,
                    [&](const d2det_test::Problem& p, const std::string& name, const std::string& repeat)
                    {
                        const auto compare =
                            [&](const std::string& what, torch::ScalarType type, double bound, bool last)
                        { compareOperator(p, what, repeat, device, type, bound, change, out, last); };
                        compare(name, torch::kFloat, 1e-3, false);
                        compare(name, torch::kFloat, 1e-3, true);
                        compare(name, torch::kBFloat16, 1e-2, false);  // gradients are rounded to bfloat16
                        if (!device.is_cuda())
                            return;
                        compare(name, torch::kHalf, 2e-3, false);
                        if (first)
                        {
                            const c10::StreamGuard other(
                                c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device));
                            compare(name + " on another stream", torch::kFloat, 1e-3, false);
                        }
                        first = false;
                    });
    return out;
}

//! Operators without a gradient, against the float32 kernels of the CPU.
inline std::vector<Comparison> compareInference(
    const torch::Device& device, const Switch& change = [](bool) {})
{
    std::vector<Comparison> out;
    forTrainerCases(
        false,
        [&](const d2det_test::Problem& p, const std::string& name, const std::string& repeat)
        {
            const Tensors expected = runInTrainer(p, trainerInputs(p, torch::kCPU, torch::kFloat));
            const Tensors moved = trainerInputs(p, device, torch::kFloat);
            const Switched on(change);
            const Tensors got = runInTrainer(p, moved);
            for (size_t i = 0; i < expected.size(); i++)
                out.push_back({name + ", " + p.outputs[i].name, relativeError(got.at(i), expected[i]), 1e-5, repeat});
        });
    return out;
}

inline ModelConfig smallModel()
{
    ModelConfig c;
    c.classNames = {"a", "b", "c"};
    c.backbone.type = BackboneType::RESNET18;
    c.backbone.levels = {2, 3, 4};
    c.fpn.channels = 16;
    c.rpn.channels = 16;
    c.rpn.anchorScale = 4;
    c.rpn.batchPerImage = 64;
    c.rpn.preNmsTopNTrain = c.rpn.postNmsTopNTrain = c.rpn.proposalsTrain = 200;
    c.roi.levels = 3;
    c.roi.finestScale = 28;
    c.roi.classHead.offsetChannels = 16;
    c.roi.classHead.fcChannels = 32;
    c.roi.boxHead.convs = 2;
    c.roi.boxHead.channels = 16;
    c.roi.boxHead.normGroups = 4;
    c.roi.boxHead.jitter = 0;  // a proposal more or less must not change the random numbers of the others
    return c;
}

//! Two noise images with one bright object each.
inline Batch smallBatch()
{
    torch::Generator generator = at::detail::createCPUGenerator(8);
    torch::Tensor images = torch::randn({2, 3, 96, 128}, generator) * 0.2;
    Batch batch;
    for (int64_t b = 0; b < 2; b++)
    {
        const int64_t x = 20 + 30 * b, y = 16 + 8 * b;
        images[b].slice(1, y, y + 50).slice(2, x, x + 40).add_(2);
        const torch::Tensor box = torch::tensor(
            {{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + 40), static_cast<float>(y + 50)}});
        batch.targets.emplace_back(Boxes(box), torch::full({1}, b, torch::kLong));
        batch.imageIds.push_back(b);
    }
    batch.images = ImageBatch(images, {{96, 128, 1}, {90, 120, 1}});
    return batch;
}

//! A model on a device; weights are nonzero and depend on the seed only.
inline Detector makeModel(const torch::Device& device)
{
    torch::manual_seed(6);
    Detector model(smallModel());
    {
        const torch::NoGradGuard noGrad;
        for (torch::Tensor& parameter : model->parameters())
            parameter.add_(torch::randn(parameter.sizes()) * 0.02);
    }
    model->to(device);
    model->train();
    return model;
}

struct StepOutcome
{
    StepResult result;
    std::map<std::string, torch::Tensor> weights;  //!< after the step
};

inline StepOutcome stepOnce(const torch::Device& device, torch::ScalarType type, LossScaler& scaler)
{
    Detector model = makeModel(device);
    SolverConfig config;
    config.clipGradNorm = 1;
    Solver solver(config, *model);
    Batch batch = smallBatch();
    batch.images.images = batch.images.images.to(device);
    StepOptions options;
    options.type = type;
    options.rate = 0.1;
    // The first scales of float16 may be too large for the gradients: such a step leaves the weights as they are.
    StepOutcome outcome;
    for (int attempt = 0; attempt < 16; attempt++)
    {
        outcome.result = takeStep(model, solver, scaler, batch, at::detail::createCPUGenerator(9), options);
        if (!outcome.result.scaledDown)
            break;
    }
    for (const auto& item : model->named_parameters())
        outcome.weights[item.key()] = item.value().detach().to(torch::kCPU);
    return outcome;
}

//! One step against the same step on the CPU in float32: losses, norm of the gradients, changed weights.
inline std::vector<Comparison> compareStep(const torch::Device& device, torch::ScalarType type, double bound)
{
    LossScaler none(false), scaler(type == torch::kHalf);
    const StepOutcome expected = stepOnce(torch::kCPU, torch::kFloat, none), got = stepOnce(device, type, scaler);
    const std::string prefix = std::string("step ") + c10::toString(type) + " ";
    const auto number = [&](const std::string& name, double a, double b) {
        return Comparison{prefix + name, std::abs(a - b) / std::max(std::abs(b), 0.05), bound, ""};
    };
    std::vector<Comparison> out{number("loss", got.result.loss, expected.result.loss),
                                number("gradient norm", got.result.norm, expected.result.norm)};
    for (const auto& item : expected.result.losses)
        out.push_back(number("loss " + item.first, got.result.losses.at(item.first), item.second));
    double largest = 0;
    for (const auto& item : expected.weights)
        largest = std::max(largest, (got.weights.at(item.first) - item.second).abs().max().item<double>());
    // The clipped step changes no weight by more than rate * 1.
    out.push_back({prefix + "weights, share of the step", largest / 0.1, bound, ""});
    return out;
}

}  // namespace test
}  // namespace d2det

#endif
