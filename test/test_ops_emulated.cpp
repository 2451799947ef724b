// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The trainer's operators with the CUDA launchers behind them, compiled as C++ and run on the CPU
   (test/cuda/emulation): shapes, order of arguments, workspaces and gradients of the CUDA branch are tested on machines
   without a device. */

#define BOOST_TEST_MODULE ops_emulated
#include <boost/test/unit_test.hpp>

#include "device_comparison.hpp"
#include "ops/cuda_stream.hpp"

using namespace d2det;
using namespace d2det::test;

namespace
{

int launches = 0;

void emulate(bool on)
{
    ops::emulateCuda = on;
    launches += on;
}

void check(const std::vector<Comparison>& comparisons)
{
    for (const Comparison& c : comparisons)
        BOOST_CHECK_MESSAGE(c.passed(), c.message());
    if (d2det_test::Selection().name.empty())
        BOOST_TEST(comparisons.size() >= 5u);
    else  // whichever of the two tests the chosen case belongs to
        BOOST_TEST(d2det_test::selectionExists(d2det_test::allOperators()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(with_gradients)
{
    check(compareOperators(torch::kCPU, emulate));
    if (d2det_test::Selection().name.empty())
        BOOST_TEST(launches > 0);
}

BOOST_AUTO_TEST_CASE(without_gradients)
{
    check(compareInference(torch::kCPU, emulate));
}

//! A launcher that refuses its parameters becomes an exception that names operator and reason.
BOOST_AUTO_TEST_CASE(refusals)
{
    ops::kernels::RoIAlignParams p;
    p.samplingRatio = ops::cuda::MAX_SAMPLES + 1;
    const torch::Tensor map = torch::rand({1, 2, 8, 8}), rois = torch::tensor({{0.f, 1.f, 1.f, 6.f, 6.f}});
    BOOST_CHECK_NO_THROW(ops::roiAlign({map}, {4}, rois, p));
    ops::emulateCuda = true;
    BOOST_CHECK_EXCEPTION(ops::roiAlign({map}, {4}, rois, p), c10::Error,
                          [](const c10::Error& error)
                          { return std::string(error.what()).find("roiAlign on cpu: ") == 0; });
    ops::emulateCuda = false;
}
