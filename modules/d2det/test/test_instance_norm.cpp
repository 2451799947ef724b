// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2InstanceNorm: in place, and a constant plane. Against the naive kernel: test_operators.cpp. Contract: operators.md
   3.5. */

#include "operator_tests.hpp"

#include "kernels/instance_norm.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

TEST(D2Det_InstanceNorm, in_place)
{
    expectAllRuns(
        "instance_norm", [](const CaseInfo& c) { return !c.large; },
        [](const Problem& p, uint64_t)
        {
            std::string error;
            withThreads(
                [&]
                {
                    const Results expected = runFast(p);
                    Arrays<float> arrays(p, NOT_A_NUMBER);
                    Arguments<float> a = arrays.forward();
                    a.out[0] = arrays.in[0].data();
                    p.fast(a);
                    error += difference(expected.outputs[0], arrays.in[0], SAME_BITS);
                });
            return error;
        });
}

TEST(D2Det_InstanceNorm, constant_plane_gives_bias)
{
    const Floats X(2 * 50, 12345.678f), scale = {3.f, -1.f}, bias = {0.25f, 7.f};
    Floats Y(X.size(), NOT_A_NUMBER);
    instanceNormCpu({1e-5f, 1, 2, 50}, X.data(), scale.data(), bias.data(), Y.data());
    for (int i = 0; i < 100; i++)
        EXPECT_FLOAT_EQ(bias[i / 50], Y[i]);
}

}  // namespace
}  // namespace opencv_test
