// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2AdaptiveWeightedPool: numbers worked out by hand. Against the naive kernel: test_operators.cpp. Contract:
   operators.md 3.4, 5. */

#include "operator_tests.hpp"

#include "kernels/adaptive_weighted_pool.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

TEST(D2Det_AdaptiveWeightedPool, infinite_N_is_one_or_zero)
{
    const Floats F = {1, 2, 3, 4}, N = {INFINITE, INFINITE, -INFINITE, -INFINITE};
    Floats out(1, NOT_A_NUMBER);
    adaptiveWeightedPoolCpu({12.f, 1, 2, 2}, F.data(), N.data(), out.data());
    EXPECT_NEAR(1.5, out[0], 4e-5);  // A = e^12 twice and 1 twice
    adaptiveWeightedPoolCpu({-200.f, 1, 2, 2}, F.data(), N.data(), out.data());
    EXPECT_FLOAT_EQ(3.5f, out[0]);
    adaptiveWeightedPoolCpu({0.f, 1, 2, 2}, F.data(), N.data(), out.data());
    EXPECT_FLOAT_EQ(2.5f, out[0]);
}

TEST(D2Det_AdaptiveWeightedPool, equal_N_is_the_mean_of_the_cells)
{
    const int height = 5, width = 6;
    Floats F(height * width), N(F.size(), 0.7f), out(9, NOT_A_NUMBER);
    for (size_t i = 0; i < F.size(); i++)
        F[i] = static_cast<float>(i);
    adaptiveWeightedPoolCpu({12.f, 1, height, width}, F.data(), N.data(), out.data());
    EXPECT_FLOAT_EQ((0 + 1 + 6 + 7) / 4.f, out[0]);                // corner: 2 x 2 cells
    EXPECT_FLOAT_EQ((1 + 2 + 3 + 7 + 8 + 9) / 6.f, out[1]);        // edge: 2 x 3
    EXPECT_FLOAT_EQ(14.f, out[4]);                                 // inside: 3 x 3 around (2, 2)
    EXPECT_FLOAT_EQ((21 + 22 + 23 + 27 + 28 + 29) / 6.f, out[8]);  // odd height: rows 3 and 4
}

//! Weights of a single cell cancel out.
TEST(D2Det_AdaptiveWeightedPool, one_cell_is_itself)
{
    for (const float gain : {12.f, -3.f})
    {
        const double F[] = {0.25, -0.5}, N[] = {1., -2.}, grad[] = {0.75, -1.5};
        double out[2], gradF[2], gradN[2];
        adaptiveWeightedPoolRef({gain, 2, 1, 1}, F, N, out);
        adaptiveWeightedPoolBackwardRef<double>({gain, 2, 1, 1}, F, N, grad, {gradF, gradN});
        for (int i = 0; i < 2; i++)
        {
            EXPECT_EQ(F[i], out[i]);
            EXPECT_EQ(grad[i], gradF[i]);
            EXPECT_EQ(0., gradN[i]);
        }
    }
}

}  // namespace
}  // namespace opencv_test
