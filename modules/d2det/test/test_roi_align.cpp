// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIAlign: properties and numbers worked out by hand. Against the naive kernel: test_operators.cpp. Contract:
   operators.md 3.2, 5. */

#include "pooling_properties.hpp"

namespace opencv_test
{
namespace
{

using namespace pooling_properties;

TEST(D2Det_RoIAlign, rows_are_independent)
{
    testRowsAreIndependent<RoIAlign>();
}
TEST(D2Det_RoIAlign, unusable_rois_give_zeros)
{
    testUnusableRois<RoIAlign>();
}
TEST(D2Det_RoIAlign, exact_on_integers)
{
    testIntegers<RoIAlign>();
}
TEST(D2Det_RoIAlign, backward_is_adjoint)
{
    testAdjoint<RoIAlign>();
}
TEST(D2Det_RoIAlign, moves_with_the_image)
{
    testTranslation<RoIAlign>();
}

//! A ramp is reproduced: pooling f(y, x) = 2 y + 3 x inside the map gives the ramp at the bin's center.
TEST(D2Det_RoIAlign, reproduces_a_ramp)
{
    const PoolingShape s = {"ramp", false, 1, 1, 1, 30, 30, 1, 3, 3, 2};
    auto problem = makeProblem<RoIAlign>(s, 8);
    for (int y = 0; y < 30; y++)
        for (int x = 0; x < 30; x++)
            problem.map(0)[y * 30 + x] = static_cast<float>(2 * y + 3 * x);
    problem.rois() = {0, 20, 32, 44, 80};  // 5 .. 11 and 8 .. 20 cells: bins of 2 x 4 cells
    const Floats pooled = runFast(problem).outputs[0];
    for (int p = 0; p < 3; p++)
        for (int q = 0; q < 3; q++)
            EXPECT_FLOAT_EQ(2 * (8 + 4 * p + 2 - 0.5f) + 3 * (5 + 2 * q + 1 - 0.5f), pooled[p * 3 + q]);
}

//! At most 256 samples per bin and axis: the cost of a RoI of any length is bounded, and the average stays one.
TEST(D2Det_RoIAlign, adaptive_sampling_is_capped)
{
    const PoolingShape s = {"cap", false, 1, 1, 1, 4, 600, 1, 1, 1, 0};
    auto problem = makeProblem<RoIAlign>(s, 9);
    std::fill(problem.map(0).begin(), problem.map(0).end(), 0.f);
    for (int y = 0; y < 4; y++)
        problem.map(0)[y * 600] = 1.f;
    // 512 cells in one bin: 256 samples at 0.5, 2.5, .. (the first after the shift by half a cell); one touches column
    // 0.
    problem.rois() = {0, 0, 0, 2048, 16};
    EXPECT_FLOAT_EQ(0.5f / 256, runReference(problem).outputs[0][0]);
    EXPECT_FLOAT_EQ(0.5f / 256, runFast(problem).outputs[0][0]);
}

}  // namespace
}  // namespace opencv_test
