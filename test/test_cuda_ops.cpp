// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The trainer's operators and a training step on a CUDA device, against the CPU. Without a device the suite is skipped
   and CTest says so. */

#define BOOST_TEST_MODULE cuda_ops
#include <boost/test/unit_test.hpp>

#include "device_comparison.hpp"
#include "engine/batch_feeder.hpp"

#include <ATen/Context.h>

#include <iostream>

using namespace d2det;
using namespace d2det::test;
namespace utf = boost::unit_test;

namespace
{

boost::test_tools::assertion_result haveDevice(utf::test_unit_id)
{
    try
    {
        chooseDevice("cuda");
        return true;
    }
    catch (const std::exception& error)
    {
        std::cout << "SKIPPED: no CUDA device: " << error.what() << std::endl;
        return false;
    }
}

void check(const std::vector<Comparison>& comparisons)
{
    for (const Comparison& c : comparisons)
        BOOST_CHECK_MESSAGE(c.passed(), c.message());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(device, *utf::precondition(haveDevice))

BOOST_AUTO_TEST_CASE(operators)
{
    check(compareOperators(torch::Device(torch::kCUDA, 0)));
    check(compareInference(torch::Device(torch::kCUDA, 0)));
}

BOOST_AUTO_TEST_CASE(step)
{
    at::globalContext().setAllowTF32CuDNN(false);
    check(compareStep(torch::Device(torch::kCUDA, 0), torch::kFloat, 1e-3));
    // The bound of one sum rounded once (compareStepInBFloat16 in test_precision.cpp): products on the device add up in
    // float32. Half rounds eight times finer, but small gradients lose digits below its range.
    check(compareStep(torch::Device(torch::kCUDA, 0), torch::kBFloat16, 0.03));
    check(compareStep(torch::Device(torch::kCUDA, 0), torch::kHalf, 0.03));
}

//! Every batch arrives whole and in order, with the copy of the next one under way.
BOOST_AUTO_TEST_CASE(batches)
{
    int made = 0;
    const auto source = [&]
    {
        Batch batch = smallBatch();
        batch.images.images = torch::full({2, 3, 96, 128}, made++, torch::kFloat).pin_memory();
        return batch;
    };
    BatchFeeder feeder(source, torch::Device(torch::kCUDA, 0));
    for (int i = 0; i < 20; i++)
    {
        const Batch batch = feeder.next();
        feeder.prefetch();
        BOOST_TEST(batch.images.images.is_cuda());
        BOOST_TEST(batch.images.images.eq(i).all().item<bool>());
        BOOST_TEST(made == i + 2);
    }
}

BOOST_AUTO_TEST_SUITE_END()
