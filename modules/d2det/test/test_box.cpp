// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Anchors and deltas: numbers worked out by hand and properties. Contract: operators.md 3.1. */

#include "operator_tests.hpp"

#include "kernels/box.hpp"

#include <map>

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

TEST(D2Det_Anchors, table_of_the_specification)
{
    const std::vector<float> ratios = {0.5f, 1.f, 2.f};
    const std::map<int, std::vector<float>> expected = {
        {4, {-23, -11, 23, 11, -16, -16, 16, 16, -11, -23, 11, 23}},
        {8, {-45, -23, 45, 23, -32, -32, 32, 32, -23, -45, 23, 45}},
        {16, {-91, -45, 91, 45, -64, -64, 64, 64, -45, -91, 45, 91}},
        {32, {-181, -91, 181, 91, -128, -128, 128, 128, -91, -181, 91, 181}},
        {64, {-362, -181, 362, 181, -256, -256, 256, 256, -181, -362, 181, 362}}};
    for (const auto& row : expected)
        EXPECT_EQ(row.second, baseAnchors(static_cast<float>(row.first), 8.f, ratios, false)) << "stride " << row.first;
}

TEST(D2Det_Anchors, halves_go_to_even)
{
    EXPECT_EQ((std::vector<float>{-2, -2, 2, 2}), baseAnchors(1.f, 5.f, {1.f}, false));  // 2.5
    EXPECT_EQ((std::vector<float>{-4, -4, 4, 4}), baseAnchors(1.f, 7.f, {1.f}, false));  // 3.5
    EXPECT_EQ((std::vector<float>{-14, -14, 18, 18}),
              baseAnchors(4.f, 8.25f, {1.f}, true));  // 1.5 -/+ 16 = -14.5, 17.5
}

TEST(D2Det_Anchors, decode_inverts_encode)
{
    Random random(1);
    for (int i = 0; i < 200; i++)
        for (const bool legacy : {false, true})
        {
            double anchor[4] = {3, 5, 3 + random.uniform(2, 50), 5 + random.uniform(2, 50)}, delta[4], decoded[4];
            const double gt[4] = {1, 2, 1 + random.uniform(2, 90), 2 + random.uniform(2, 90)};
            encodeDeltas(anchor, gt, legacy, delta);
            decodeDeltas(anchor, delta, legacy, decoded);
            for (int j = 0; j < 4; j++)
                EXPECT_NEAR(gt[j], decoded[j], 1e-9);
        }
}

}  // namespace
}  // namespace opencv_test
