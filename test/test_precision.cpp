// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Devices and precisions of the trainer: which kernel a tensor gets, what the names of devices say, scaling of the
   loss, autocast on the CPU, and the comparisons that test_cuda_ops.cpp makes on a CUDA device, here on the CPU. */

#define BOOST_TEST_MODULE precision
#include <boost/test/unit_test.hpp>

#include "device_comparison.hpp"
#include "engine/batch_feeder.hpp"
#include "errors.hpp"
#include "gradient_check.hpp"

#include <limits>

using namespace d2det;
using namespace d2det::test;

namespace
{

void check(const std::vector<Comparison>& comparisons)
{
    for (const Comparison& c : comparisons)
        BOOST_CHECK_MESSAGE(c.passed(), c.message());
}

}  // namespace

BOOST_AUTO_TEST_CASE(kernel_of_a_tensor)
{
    using ops::chooseKernel;
    for (const bool cuda : {false, true})
    {
        BOOST_TEST((chooseKernel("x", torch::kCPU, torch::kFloat, cuda) == ops::Kernel::FAST));
        BOOST_TEST((chooseKernel("x", torch::kCPU, torch::kDouble, cuda) == ops::Kernel::REFERENCE));
    }
    BOOST_TEST((chooseKernel("x", torch::kCUDA, torch::kFloat, true) == ops::Kernel::CUDA));
    checkError("roiAlign: rois is on a CUDA device, but this build has no CUDA kernels",
               [] { ops::chooseKernel("roiAlign: rois", torch::kCUDA, torch::kFloat, false); });
    checkError("x has type Double; the CUDA kernels are float32",
               [] { ops::chooseKernel("x", torch::kCUDA, torch::kDouble, true); });
    checkError("x has type Int", [] { ops::chooseKernel("x", torch::kCPU, torch::kInt, true); });
    checkError("the operators run on the CPU and on CUDA devices",
               [] { ops::chooseKernel("x", torch::kMeta, torch::kFloat, true); });
}

BOOST_AUTO_TEST_CASE(names_of_devices)
{
    CudaSupport all;
    all.kernels = all.torch = true;
    all.devices = 2;
    BOOST_TEST(chooseDevice("cpu", CudaSupport()).is_cpu());
    BOOST_TEST((chooseDevice("cuda", all) == torch::Device(torch::kCUDA, 0)));
    BOOST_TEST((chooseDevice("cuda:1", all) == torch::Device(torch::kCUDA, 1)));
    checkError("device cuda:2: there is no such device, the highest is cuda:1", [&] { chooseDevice("cuda:2", all); });
    for (const char* name : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1000", "CPU", "cuda:1 "})
        checkError("unknown, expected cpu, cuda or cuda:N", [&] { chooseDevice(name, all); });

    CudaSupport lacking = all;
    lacking.kernels = false;
    checkError("device cuda: this build has no CUDA kernels", [&] { chooseDevice("cuda", lacking); });
    lacking = all;
    lacking.torch = false;
    checkError("was built without CUDA", [&] { chooseDevice("cuda", lacking); });
    lacking = all;
    lacking.devices = 0;
    lacking.reason = "no driver";
    checkError("no CUDA device can be used: no driver", [&] { chooseDevice("cuda", lacking); });
}

BOOST_AUTO_TEST_CASE(types_of_precisions)
{
    const torch::Device cpu(torch::kCPU), cuda(torch::kCUDA, 0);
    BOOST_TEST((chooseType(Precision::FLOAT32, cpu) == torch::kFloat));
    BOOST_TEST((chooseType(Precision::BFLOAT16, cpu) == torch::kBFloat16));
    BOOST_TEST((chooseType(Precision::FLOAT16, cuda) == torch::kHalf));
    checkError("float16 needs a CUDA device", [&] { chooseType(Precision::FLOAT16, cpu); });
    checkError("solver.precision: 'half' is none of 'float32', 'bfloat16', 'float16'; did you mean",
               [] { checkConfig(parseConfig(R"({"solver": {"precision": "half"}})", "")); });
}

BOOST_AUTO_TEST_CASE(scale_of_the_loss)
{
    LossScaler scaler(true, 8, 3);
    for (int i = 0; i < 2; i++)
        BOOST_TEST(scaler.update(true));
    BOOST_TEST(scaler.scale() == 8);
    BOOST_TEST(scaler.update(true));
    BOOST_TEST(scaler.scale() == 16);
    BOOST_TEST(scaler.update(false));  // halved, and the count of good steps begins anew
    BOOST_TEST(scaler.scale() == 8);
    for (int i = 0; i < 2; i++)
        scaler.update(true);
    BOOST_TEST(scaler.scale() == 8);
    for (int i = 0; i < 3; i++)
        BOOST_TEST(scaler.update(false));
    BOOST_TEST(scaler.scale() == 1);
    BOOST_TEST(!scaler.update(false));  // nothing left to halve
    BOOST_TEST(scaler.scale() == 1);

    LossScaler upwards(true, 8388608, 1);
    for (int i = 0; i < 5; i++)
        upwards.update(true);
    BOOST_TEST(upwards.scale() == 16777216);

    LossScaler off(false);
    BOOST_TEST(off.scale() == 1);
    BOOST_TEST(off.update(true));
    BOOST_TEST(!off.update(false));
    BOOST_TEST(off.scale() == 1);
}

BOOST_AUTO_TEST_CASE(scale_in_a_checkpoint)
{
    LossScaler scaler(true, 512, 4);
    for (int i = 0; i < 3; i++)
        scaler.update(true);
    TensorFile file;
    scaler.save(file);
    LossScaler other(true, 65536, 4);
    other.load(file);
    BOOST_TEST(other.scale() == 512);
    other.update(true);  // the fourth good step
    BOOST_TEST(other.scale() == 1024);

    TensorFile without;
    LossScaler(false).save(without);
    BOOST_TEST(without.metadata.empty());
    other.load(without);
    BOOST_TEST(other.scale() == 1024);
    LossScaler off(false);
    off.load(file);
    BOOST_TEST(off.scale() == 1);
    for (const char* bad : {"0", "nan", "-4", "1e30", "x"})
    {
        file.metadata["loss_scale"] = bad;
        checkError("out of range", [&] { other.load(file); });
    }
    file.metadata["loss_scale"] = "512";
    file.metadata["loss_scale_steps"] = "1000001";
    checkError("out of range", [&] { other.load(file); });
    file.metadata["loss_scale_steps"] = "x";
    checkError("'loss_scale_steps'", [&] { other.load(file); });
    BOOST_TEST(other.scale() == 1024);
}

//! Scaling by a power of two changes no bit of a step in float32.
BOOST_AUTO_TEST_CASE(scaled_step_equals_plain_step)
{
    LossScaler off(false), on(true, 1024);
    const StepOutcome plain = stepOnce(torch::kCPU, torch::kFloat, off),
                      scaled = stepOnce(torch::kCPU, torch::kFloat, on);
    BOOST_TEST(plain.result.taken);
    BOOST_TEST(plain.result.loss == scaled.result.loss);
    BOOST_TEST(plain.result.norm == scaled.result.norm, boost::test_tools::tolerance(1e-6));
    for (const auto& item : plain.weights)
        BOOST_TEST(torch::allclose(item.second, scaled.weights.at(item.first), 1e-5, 1e-7), item.first);
}

//! Gradients that overflow: nothing changes but the scale, and that counts as scaled down only while it can be lowered.
BOOST_AUTO_TEST_CASE(overflow_skips_the_step)
{
    Detector model = makeModel(torch::kCPU);
    Solver solver(SolverConfig(), *model);
    const auto hook = [](const torch::Tensor& gradient) { return gradient * std::numeric_limits<float>::infinity(); };
    model->stages[0].classHead->classifier->weight.register_hook(hook);
    std::vector<torch::Tensor> before;
    for (const torch::Tensor& parameter : model->parameters())
        before.push_back(parameter.detach().clone());
    LossScaler scaler(true, 4);
    StepOptions options;
    options.rate = 0.1;
    for (const bool scaledDown : {true, true, false})
    {
        const StepResult result =
            takeStep(model, solver, scaler, smallBatch(), at::detail::createCPUGenerator(9), options);
        BOOST_TEST(!result.taken);
        BOOST_TEST(result.scaledDown == scaledDown);
        BOOST_TEST(std::isfinite(result.loss));
    }
    BOOST_TEST(scaler.scale() == 1);
    BOOST_TEST(solver.steps() == 0);
    for (size_t i = 0; i < before.size(); i++)
        BOOST_TEST(torch::equal(before[i], model->parameters()[i].detach()));
}

BOOST_AUTO_TEST_CASE(autocast_is_scoped)
{
    const torch::Tensor a = torch::rand({4, 4}), b = torch::rand({4, 4});
    {
        const Autocast on(torch::kCPU, torch::kBFloat16);
        BOOST_TEST((torch::matmul(a, b).scalar_type() == torch::kBFloat16));
    }
    BOOST_TEST((torch::matmul(a, b).scalar_type() == torch::kFloat));
    const Autocast off(torch::kCPU, torch::kFloat);
    BOOST_TEST((torch::matmul(a, b).scalar_type() == torch::kFloat));
}

//! Convolutions run in bfloat16, everything that must not does not.
BOOST_AUTO_TEST_CASE(what_stays_in_full_precision)
{
    Detector model = makeModel(torch::kCPU);
    Batch batch = smallBatch();
    const Autocast on(torch::kCPU, torch::kBFloat16);
    const std::vector<torch::Tensor> pyramid = model->fpn(model->backbone(batch.images.images));
    BOOST_TEST((pyramid[0].scalar_type() == torch::kBFloat16));
    for (const auto& item : model->losses(batch, at::detail::createCPUGenerator(9)))
        BOOST_TEST((item.second.scalar_type() == torch::kFloat), item.first);
    for (const torch::Tensor& parameter : model->parameters())
        BOOST_TEST((parameter.scalar_type() == torch::kFloat));
}

BOOST_AUTO_TEST_CASE(operators_in_all_types)
{
    check(compareOperators(torch::kCPU));
    check(compareInference(torch::kCPU));
}

constexpr int ROIS = 400;  //!< of smallModel() and smallBatch(): 200 proposals of each of two images

/** Relative error (root mean square) of the gradient of a classifier's weight [4, 32], a 1x1 convolution of ROIS RoIs,
    in bfloat16 on this machine. oneDNN, which LibTorch uses on processors with AVX-512, adds up in float32 and rounds
    once: 2^-9. LibTorch's own kernels, for all other processors, round the running sum to bfloat16 after every RoI. */
double errorOfOneSum()
{
    constexpr int CHANNELS = 32, CLASSES = 4;
    torch::Generator generator = at::detail::createCPUGenerator(3);
    const torch::Tensor features = torch::randn({ROIS, CHANNELS, 1, 1}, generator).relu();
    torch::Tensor gradient = (torch::randn({ROIS, CLASSES, 1, 1}, generator) * 0.1).softmax(1);
    gradient.slice(0, 0, ROIS / 4).select(1, 1).sub_(1);  // objects come first
    gradient.slice(0, ROIS / 4).select(1, 0).sub_(1);
    const auto weightGradient = [&](torch::ScalarType type)
    {
        const torch::Tensor weight = torch::zeros({CLASSES, CHANNELS, 1, 1}, type).requires_grad_();
        torch::conv2d(features.to(type), weight).backward(gradient.to(type));
        return weight.grad().to(torch::kDouble);
    };
    const torch::Tensor expected = weightGradient(torch::kFloat);
    return ((weightGradient(torch::kBFloat16) - expected).norm() / expected.norm()).item<double>();
}

//! The largest change of a weight by the step in float32, as a share of the step: at most 1, gradients are clipped.
double largestShare()
{
    LossScaler none(false);
    const StepOutcome after = stepOnce(torch::kCPU, torch::kFloat, none);
    double largest = 0;
    for (const auto& item : makeModel(torch::kCPU)->named_parameters())
        largest = std::max(largest, (after.weights.at(item.key()) - item.value()).abs().max().item<double>());
    return largest / 0.1;
}

void compareStepInBFloat16()
{
    // A rounding to bfloat16 is off by at most U. Losses, the norm and, if sums are in float32, weights suffer a few of
    // them one after the other: less than 8.
    constexpr double U = 1. / 256, BOUND = 0.03;
    // Where the sum over the RoIs is rounded after each of them, their errors are a random walk of ROIS steps, each at
    // most U of the sum so far. That may exceed the final one, terms have both signs, but not the norm of all
    // gradients, which is 1 in the clipped step: a weight may be off by sqrt(ROIS) U, whatever the order of the sum.
    const double running = std::sqrt(double(ROIS)) * U, oneSum = errorOfOneSum();
    const bool roundedOnce = oneSum < U;
    BOOST_TEST(oneSum < running / 2);
    const double forWeights = roundedOnce ? BOUND : running;
    BOOST_TEST(largestShare() / 4 > forWeights);  // a step a quarter too long is noticed
    std::vector<Comparison> comparisons = compareStep(torch::kCPU, torch::kBFloat16, BOUND);
    BOOST_TEST_REQUIRE(comparisons.back().name == "step BFloat16 weights, share of the step");
    comparisons.back().bound = forWeights;
    BOOST_TEST_MESSAGE("error of one sum " << oneSum << "; " << comparisons.back().message());
    check(comparisons);
    double largest = 0;
    for (const Comparison& c : comparisons)
        largest = std::max(largest, c.error);
    BOOST_TEST(largest > 1e-5);  // it was another arithmetic
}

BOOST_AUTO_TEST_CASE(step_in_bfloat16)
{
    check(compareStep(torch::kCPU, torch::kFloat, 1e-12));
    compareStepInBFloat16();
}

//! The kernels that LibTorch uses on processors without AVX-512.
BOOST_AUTO_TEST_CASE(step_in_bfloat16_without_oneDNN)
{
    const bool before = at::globalContext().userEnabledMkldnn();
    at::globalContext().setUserEnabledMkldnn(false);
    compareStepInBFloat16();
    at::globalContext().setUserEnabledMkldnn(before);
}

//! On the CPU nothing is fetched ahead: a run that is killed has consumed what it trained on.
BOOST_AUTO_TEST_CASE(feeder_on_the_cpu)
{
    int made = 0;
    BatchFeeder feeder(
        [&]
        {
            ++made;
            return smallBatch();
        },
        torch::kCPU);
    feeder.prefetch();
    BOOST_TEST(made == 0);
    BOOST_TEST(feeder.next().images.size() == 2);
    BOOST_TEST(made == 1);
}
