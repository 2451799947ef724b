// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Hard and soft non-maximum suppression: properties and numbers worked out by hand. Against the naive kernels:
   test_operators.cpp. Contract: operators.md 2, 3.7. */

#include "operator_tests.hpp"

#include "kernels/box.hpp"
#include "kernels/nms.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

TEST(D2Det_NMS, threshold_is_strict)
{
    const float boxes[] = {0, 0, 4, 2, 0, 0, 4, 4, 0, 0, 4, 4.1f};  // IoU of the first two: exactly 0.5
    EXPECT_EQ((std::vector<int>{0, 1}), hardNMSRef({0.5f, false, 0}, boxes, 2));
    EXPECT_EQ((std::vector<int>{0, 1}), hardNMSCpu({0.5f, false, 0}, boxes, 2));
    EXPECT_EQ((std::vector<int>{0}), hardNMSCpu({0.4999f, false, 0}, boxes, 2));
    EXPECT_EQ((std::vector<int>{0, 1}), hardNMSCpu({0.5f, false, 0}, boxes, 3));
}

TEST(D2Det_NMS, empty_boxes_never_suppress)
{
    const float boxes[] = {5, 5, 5, 5, 5, 5, 5, 5, 0, 0, 9, 9, 5, 5, 5, 5};
    EXPECT_EQ((std::vector<int>{0, 1, 2, 3}), hardNMSCpu({0.f, false, 0}, boxes, 4));
    EXPECT_EQ((std::vector<int>{0, 2}), hardNMSCpu({0.5f, true, 0}, boxes, 4));  // one pixel each by the old convention
}

TEST(D2Det_NMS, kept_boxes_are_apart_and_removed_ones_have_a_reason)
{
    Random random(6);
    for (int round = 0; round < 60; round++)
    {
        const int n = 150;
        const float threshold = random.real(0.1f, 0.9f);
        const bool legacy = round & 1;
        const std::vector<float> boxes =
            randomBoxes(random, n, round % MALFORMED);  // MALFORMED itself has no IoU to speak of
        const std::vector<int> kept = hardNMSCpu({threshold, legacy, 0}, boxes.data(), n);
        ASSERT_TRUE(std::is_sorted(kept.begin(), kept.end()));
        for (int i = 0; i < n; i++)
        {
            bool overlapsEarlier = false;
            for (const int k : kept)
                overlapsEarlier |= k < i && boxIoU(&boxes[4 * k], &boxes[4 * i], legacy) > threshold;
            ASSERT_NE(overlapsEarlier, std::binary_search(kept.begin(), kept.end(), i)) << "box " << i;
        }
    }
}

TEST(D2Det_NMS, scale_and_shift_change_nothing)
{
    Random random(7);
    const std::vector<float> boxes = randomBoxes(random, 200, ON_GRID);
    std::vector<float> moved(boxes);
    for (float& v : moved)
        v = (v + 64) * 8;  // exact
    EXPECT_EQ(hardNMSCpu({0.4f, false, 0}, boxes.data(), 200), hardNMSCpu({0.4f, false, 0}, moved.data(), 200));
}

TEST(D2Det_SoftNMS, by_hand)
{
    const float boxes[] = {0, 0, 4, 4, 0, 0, 4, 2, 10, 10, 12, 12};  // IoU of 0 and 1: 0.5
    const float initial[] = {0.8f, 0.7f, 0.5f};
    std::vector<float> scores(initial, initial + 3);
    EXPECT_EQ((std::vector<int>{0, 2, 1}),
              softNMSCpu({0.3f, 0.5f, 0.001f, NMSMode::SOFT_LINEAR, false}, boxes, scores.data(), 3));
    EXPECT_FLOAT_EQ(0.35f, scores[1]);
    EXPECT_EQ(0.5f, scores[2]);
    scores.assign(initial, initial + 3);
    EXPECT_EQ((std::vector<int>{0, 1, 2}),
              softNMSCpu({0.5f, 0.5f, 0.f, NMSMode::SOFT_LINEAR, false}, boxes, scores.data(), 3));  // not > 0.5
    scores.assign(initial, initial + 3);
    EXPECT_EQ((std::vector<int>{0, 2, 1}),
              softNMSCpu({0.3f, 0.5f, 0.001f, NMSMode::SOFT_GAUSSIAN, false}, boxes, scores.data(), 3));
    EXPECT_FLOAT_EQ(0.7f * std::exp(-0.25f / 0.5f), scores[1]);
    scores.assign(initial, initial + 3);
    EXPECT_EQ((std::vector<int>{0, 2}),
              softNMSCpu({0.3f, 0.5f, 0.4f, NMSMode::SOFT_LINEAR, false}, boxes, scores.data(), 3));  // 0.35 < 0.4
}

TEST(D2Det_SoftNMS, order_limit_and_nan)
{
    Random random(8);
    for (int round = 0; round < 100; round++)
    {
        const int n = random.integer(1, 59);
        const std::vector<float> boxes = randomBoxes(random, n, round % BOX_KINDS);
        std::vector<float> scores(n);
        for (float& s : scores)
            s = round % 7 == 0 ? malformedNumber(random) : random.whole(1, 8) / 8;
        std::vector<float> all(scores), some(scores);
        const NMSMode mode = round & 1 ? NMSMode::SOFT_GAUSSIAN : NMSMode::SOFT_LINEAR;
        const std::vector<int> order = softNMSCpu({0.3f, 0.5f, 0.01f, mode, false}, boxes.data(), all.data(), n);
        const std::vector<int> prefix = softNMSCpu({0.3f, 0.5f, 0.01f, mode, false, 5}, boxes.data(), some.data(), n);
        ASSERT_EQ(std::vector<int>(order.begin(), order.begin() + std::min<size_t>(5, order.size())), prefix);
        for (size_t i = 0; i < order.size(); i++)
        {
            ASSERT_GE(all[order[i]], 0.01f);
            const float before = i > 0 ? all[order[i - 1]] : INFINITE;
            ASSERT_TRUE(before > all[order[i]] || i == 0 || (before == all[order[i]] && order[i - 1] < order[i]));
        }
    }
}

}  // namespace
}  // namespace opencv_test
