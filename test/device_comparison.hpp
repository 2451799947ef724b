// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The trainer on a device against the trainer on the CPU: operators with their gradients, and one whole step. Needs neither
   Boost nor OpenCV, so that a GPU server without them can run it (perf/gpu/train); test_precision.cpp runs the same
   comparisons on the CPU, test_cuda_ops.cpp on a CUDA device. */

#ifndef D2DET_TEST_DEVICE_COMPARISON_HPP
#define D2DET_TEST_DEVICE_COMPARISON_HPP

#include "engine/step.hpp"
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
    double error;  //!< largest difference, as a share of the largest number expected
    double bound;
    bool passed() const { return error <= bound; }  //!< false for NaN
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

using Tensors = std::vector<torch::Tensor>;

//! Called with true before and with false behind all that runs on the device; a test of the launchers on the CPU switches by it.
using Switch = std::function<void(bool)>;

class Switched
{
public:
    explicit Switched(const Switch& change) : change_(change) { change_(true); }
    ~Switched() { change_(false); }

private:
    const Switch& change_;
};

//! An operator of differentiable inputs; the rest of its arguments come through the closure and the device.
struct OperatorCase
{
    std::string name;
    std::function<torch::Tensor(const Tensors& inputs, const torch::Device& device)> call;
    Tensors inputs;  //!< float64 on the CPU
};

//! Output and gradients of all inputs, for the gradient of a fixed random weighting of the output.
inline Tensors outputAndGradients(const OperatorCase& c, const torch::Device& device, torch::ScalarType type)
{
    Tensors leaves;
    for (const torch::Tensor& input : c.inputs)
        leaves.push_back(input.to(device, type).detach().requires_grad_());
    const torch::Tensor output = c.call(leaves, device);
    const torch::Tensor weights =
        torch::rand(output.sizes(), at::detail::createCPUGenerator(5), torch::kDouble).to(device, output.scalar_type());
    (output * weights).sum().backward();
    Tensors result{output};
    for (const torch::Tensor& leaf : leaves)
        result.push_back(leaf.grad());
    return result;
}

//! Device against the float64 reference kernels of the CPU. Half types: both start from the rounded inputs.
inline void compareOperator(OperatorCase c, const torch::Device& device, torch::ScalarType type, double bound,
                            const Switch& change, std::vector<Comparison>& out)
{
    for (torch::Tensor& input : c.inputs)
        input = input.to(type).to(torch::kDouble);
    const Tensors expected = outputAndGradients(c, torch::kCPU, torch::kDouble);
    Tensors got;
    {
        const Switched on(change);
        got = outputAndGradients(c, device, type);
    }
    for (size_t i = 0; i < got.size(); i++)
        out.push_back({c.name + " " + c10::toString(type) + (i == 0 ? " output" : " gradient " + std::to_string(i - 1)),
                       relativeError(got[i], expected[i]), i == 0 ? 1e-4 : bound});
}

//! RoIs [n, 5] of all sizes over two images, some partly outside, the last one of an image that does not exist.
inline torch::Tensor randomRois(int64_t n, double height, double width, torch::Generator generator)
{
    const torch::Tensor u = torch::rand({n, 4}, generator, torch::kDouble);
    const torch::Tensor x1 = u.select(1, 0) * width * 1.1 - 0.1 * width,
                        y1 = u.select(1, 1) * height * 1.1 - 0.1 * height;
    const torch::Tensor w = u.select(1, 2).square() * width + 4, h = u.select(1, 3).square() * height + 4;
    torch::Tensor image = torch::arange(n, torch::kDouble).remainder(2);
    image[n - 1] = 7;
    return torch::stack({image, x1, y1, x1 + w, y1 + h}, 1);
}

inline std::vector<OperatorCase> operatorCases()
{
    torch::Generator generator = at::detail::createCPUGenerator(3);
    const auto random = [&](at::IntArrayRef sizes) { return torch::rand(sizes, generator, torch::kDouble) * 2 - 1; };
    const std::vector<float> strides{4, 8};
    const Tensors maps{random({2, 12, 24, 32}), random({2, 12, 12, 16})};
    const torch::Tensor rois = randomRois(40, 96, 128, generator);
    const auto at = [rois](const torch::Tensor& like, const torch::Device& device)
    { return rois.to(device, like.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat); };

    std::vector<OperatorCase> cases;
    for (const bool legacy : {false, true})
    {
        const std::string suffix = legacy ? " legacy" : "";
        ops::kernels::RoIAlignParams align;
        align.pooledHeight = 7;
        align.pooledWidth = 5;
        align.samplingRatio = legacy ? 2 : 0;
        align.finestScale = 24;
        align.legacy = legacy;
        cases.push_back({"roiAlign" + suffix,
                         [=](const Tensors& in, const torch::Device& device) {
                             return ops::roiAlign({in[0], in[1]}, strides, at(in[0], device), align);
                         },
                         maps});
        ops::kernels::DeformRoIPoolParams deform;
        deform.pooledSize = 6;
        deform.offsetSize = 3;
        deform.gamma = 0.1f;
        deform.finestScale = 24;
        deform.legacy = legacy;
        cases.push_back({"deformRoIPool" + suffix,
                         [=](const Tensors& in, const torch::Device& device) {
                             return ops::deformRoIPool({in[0], in[1]}, strides, at(in[0], device), in[2], deform);
                         },
                         {maps[0], maps[1], random({40, 2, 3, 3})}});
    }
    // Maps as convolutions leave them, and a pooling without offsets.
    ops::kernels::DeformRoIPoolParams plain;
    plain.pooledSize = 3;
    plain.offsetSize = 1;
    plain.finestScale = 24;
    cases.push_back({"deformRoIPool channels last, no offsets",
                     [=](const Tensors& in, const torch::Device& device)
                     {
                         const auto last = torch::MemoryFormat::ChannelsLast;
                         return ops::deformRoIPool({in[0].contiguous(last), in[1].contiguous(last)}, strides,
                                                   at(in[0], device), {}, plain);
                     },
                     maps});
    cases.push_back({"adaptiveWeightedPool",
                     [](const Tensors& in, const torch::Device&) { return ops::adaptiveWeightedPool(in[0], in[1], 6); },
                     {random({9, 5, 14, 13}), random({9, 5, 14, 13})}});
    return cases;
}

inline std::vector<Comparison> compareOperators(
    const torch::Device& device, const Switch& change = [](bool) {})
{
    std::vector<Comparison> out;
    for (const OperatorCase& c : operatorCases())
    {
        compareOperator(c, device, torch::kFloat, 1e-3, change, out);
        compareOperator(c, device, torch::kBFloat16, 1e-2, change, out);  // gradients are rounded to bfloat16
        if (device.is_cuda())
            compareOperator(c, device, torch::kHalf, 2e-3, change, out);
    }
    if (device.is_cuda())
    {
        const c10::StreamGuard other(c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device));
        OperatorCase c = operatorCases()[0];
        c.name += " on another stream";
        compareOperator(c, device, torch::kFloat, 1e-3, change, out);
    }
    return out;
}

//! Operators without a gradient, against the CPU's float32 kernels.
inline std::vector<Comparison> compareInference(
    const torch::Device& device, const Switch& change = [](bool) {})
{
    torch::Generator generator = at::detail::createCPUGenerator(4);
    const auto random = [&](at::IntArrayRef sizes) { return torch::rand(sizes, generator) * 2 - 1; };
    std::vector<Comparison> out;
    using Operator = std::function<torch::Tensor(const Tensors&)>;
    const auto compare = [&](const std::string& name, const Operator& call, const Tensors& inputs)
    {
        const torch::Tensor expected = call(inputs);
        Tensors moved;
        for (const torch::Tensor& input : inputs)
            moved.push_back(input.to(device));
        const Switched on(change);
        out.push_back({name, relativeError(call(moved), expected), 1e-5});
    };
    const torch::Tensor imInfo = torch::tensor({{96.f, 128.f, 1.f}, {90.f, 100.f, 0.5f}});

    ops::kernels::ProposalParams p;
    p.preNmsTopN = 300;
    p.postNmsTopN = p.maxProposals = 80;
    const Tensors maps{random({2, 3, 24, 32}), random({2, 3, 12, 16}), random({2, 12, 24, 32}) * 0.3,
                       random({2, 12, 12, 16}) * 0.3};
    const auto propose = [&](const Tensors& in) {
        return ops::proposal({in[0], in[1]}, {in[2], in[3]}, {4, 8}, imInfo, p);
    };
    compare(
        "proposals", [&](const Tensors& in) { return propose(in).first; }, maps);
    compare(
        "proposals scores", [&](const Tensors& in) { return propose(in).second; }, maps);

    const torch::Tensor rois = propose(maps).first;
    const int64_t n = rois.size(0);
    ops::kernels::DenseBoxDecodeParams decode;
    compare("denseBoxDecode",
            [&](const Tensors& in) { return ops::denseBoxDecode(in[0], in[1], in[2], imInfo, decode); },
            {rois, random({n, 4, 7, 7}).abs(), random({n, 1, 7, 7}) * 3});

    const torch::Tensor probs = torch::softmax(random({n, 6}) * 4, 1);
    ops::kernels::DetectionsParams d;
    d.batchSize = 2;
    d.maxDetections = 40;
    const auto detect = [&](const Tensors& in) { return ops::detections(in[0], in[1], d); };
    compare("detections hard", detect, {rois, probs});
    d.nmsMode = ops::kernels::NMSMode::SOFT_LINEAR;
    compare("detections soft", detect, {rois, probs});
    const auto sources = [&](const Tensors& in)
    {
        torch::Tensor rows;
        ops::detections(in[0], in[1], d, &rows);
        return rows;
    };
    compare("detections rows", sources, {rois, probs});
    compare("gatherRows", [](const Tensors& in) { return ops::gatherRows(in[0], in[1]); },
            {random({n, 3, 5, 4}), sources({rois, probs})});
    return out;
}

inline ModelConfig smallModel()
{
    ModelConfig c;
    c.classNames = {"a", "b", "c"};
    c.backbone.type = "resnet18";
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

//! Two images of noise with a bright object each.
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

//! A model on a device whose weights depend on the seed only; none of them is zero.
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
    StepOutcome outcome{takeStep(model, solver, scaler, batch, at::detail::createCPUGenerator(9), options), {}};
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
        return Comparison{prefix + name, std::abs(a - b) / std::max(std::abs(b), 0.05), bound};
    };
    std::vector<Comparison> out{number("loss", got.result.loss, expected.result.loss),
                                number("gradient norm", got.result.norm, expected.result.norm)};
    for (const auto& item : expected.result.losses)
        out.push_back(number("loss " + item.first, got.result.losses.at(item.first), item.second));
    double largest = 0;
    for (const auto& item : expected.weights)
        largest = std::max(largest, (got.weights.at(item.first) - item.second).abs().max().item<double>());
    // The clipped step moves no weight by more than rate * 1.
    out.push_back({prefix + "weights, share of the step", largest / 0.1, bound});
    return out;
}

}  // namespace test
}  // namespace d2det

#endif
