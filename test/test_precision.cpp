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
    model->classHead->classifier->weight.register_hook(hook);
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

BOOST_AUTO_TEST_CASE(step_in_bfloat16)
{
    check(compareStep(torch::kCPU, torch::kFloat, 1e-12));
    const std::vector<Comparison> comparisons = compareStep(torch::kCPU, torch::kBFloat16, 0.03);
    check(comparisons);
    double largest = 0;
    for (const Comparison& c : comparisons)
        largest = std::max(largest, c.error);
    BOOST_TEST(largest > 1e-5);  // it was another arithmetic
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
