// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Anchors, NMS, proposals, dense box decoding and detections: the fast kernels against the naive ones bit for bit, on
   random and on hostile input, and both against properties and numbers worked out by hand. Contract: operators.md 2, 3. */

#include "test_precomp.hpp"

#include "../src/kernels/box.hpp"
#include "../src/kernels/dense_box_decode.hpp"
#include "../src/kernels/detections.hpp"
#include "../src/kernels/nms.hpp"
#include "../src/kernels/proposal.hpp"
#include "../src/kernels/ref_rules.hpp"
#include "../src/kernels/sort_key.hpp"

#include <cstring>
#include <limits>
#include <map>
#include <set>

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;

const float NOT_A_NUMBER = std::numeric_limits<float>::quiet_NaN();
const float INFINITE = std::numeric_limits<float>::infinity();
const float HUGE_NUMBER = std::numeric_limits<float>::max();
const float UNWRITTEN = -12345.f;

//! Equal bit for bit; tells the first element that is not.
testing::AssertionResult sameBits(const std::vector<float>& expected, const std::vector<float>& actual)
{
    if (expected.size() != actual.size())
        return testing::AssertionFailure() << "sizes " << expected.size() << " and " << actual.size();
    for (size_t i = 0; i < expected.size(); i++)
        if (std::memcmp(&expected[i], &actual[i], sizeof(float)) != 0)
            return testing::AssertionFailure() << "element " << i << ": " << expected[i] << " and " << actual[i];
    return testing::AssertionSuccess();
}

//! Runs `work` with 1, 2 and 4 threads and restores the number of threads.
template <typename Work>
void withThreads(Work work)
{
    const int before = cv::getNumThreads();
    for (const int threads : {1, 2, 4})
    {
        SCOPED_TRACE(cv::format("%d threads", threads));
        cv::setNumThreads(threads);
        work();
    }
    cv::setNumThreads(before);
}

//! A number that breaks careless code, or a harmless one.
float hostileNumber(cv::RNG& rng)
{
    const float values[] = {0.f,         -0.f,   1.f,  -1.f, 0.5f,     1e-30f,    1e9f,         -1e9f,
                            HUGE_NUMBER, -3e38f, 3e9f, 16.f, INFINITE, -INFINITE, NOT_A_NUMBER, 1e20f};
    return values[rng.uniform(0, 16)];
}

enum BoxKind
{
    SCATTERED,   //!< real coordinates
    ON_GRID,     //!< small integers: many equal boxes and exact IoUs
    DEGENERATE,  //!< empty and inverted boxes among others
    HOSTILE,
    BOX_KINDS
};

void randomBox(cv::RNG& rng, int kind, float* box)
{
    if (kind == HOSTILE && rng.uniform(0, 2))
    {
        for (int i = 0; i < 4; i++)
            box[i] = hostileNumber(rng);
        return;
    }
    const bool grid = kind == ON_GRID;
    const float low = kind == DEGENERATE ? -4.f : 1.f;
    for (int i = 0; i < 2; i++)
    {
        box[i] = grid ? static_cast<float>(rng.uniform(0, 6)) : rng.uniform(0.f, 60.f);
        box[i + 2] =
            box[i] + (grid ? static_cast<float>(rng.uniform(1, 5)) : std::max(rng.uniform(low, 30.f), low / 2));
        if (kind == DEGENERATE && rng.uniform(0, 4) == 0)
            box[i + 2] = box[i];
    }
}

std::vector<float> randomBoxes(cv::RNG& rng, int n, int kind)
{
    std::vector<float> boxes(4 * n);
    for (int i = 0; i < n; i++)
        randomBox(rng, kind, &boxes[4 * i]);
    return boxes;
}

// ------------------------------------------------------------------ anchors

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
    cv::RNG rng(1);
    for (int i = 0; i < 200; i++)
        for (const bool legacy : {false, true})
        {
            double anchor[4] = {3, 5, 3 + rng.uniform(2., 50.), 5 + rng.uniform(2., 50.)}, delta[4], decoded[4];
            const double gt[4] = {1, 2, 1 + rng.uniform(2., 90.), 2 + rng.uniform(2., 90.)};
            encodeDeltas(anchor, gt, legacy, delta);
            decodeDeltas(anchor, delta, legacy, decoded);
            for (int j = 0; j < 4; j++)
                EXPECT_NEAR(gt[j], decoded[j], 1e-9);
        }
}

// ------------------------------------------------------------------ sorting

TEST(D2Det_SortDescending, ties_zeros_and_nan)
{
    const std::vector<float> keys = {0.f, NOT_A_NUMBER, -0.f, 2.f, -INFINITE, 2.f, INFINITE, -NOT_A_NUMBER, 0.f};
    EXPECT_EQ((std::vector<int>{6, 3, 5, 0, 2, 8, 4, 1, 7}),
              sortDescending(keys.data(), static_cast<int>(keys.size())));
    EXPECT_TRUE(sortDescending(keys.data(), 0).empty());
}

TEST(D2Det_SortDescending, integer_keys_order_alike)
{
    cv::RNG rng(2);
    for (int round = 0; round < 50; round++)
    {
        const int n = rng.uniform(0, 300);
        std::vector<float> values(n);
        std::vector<uint64_t> keys(n);
        for (int i = 0; i < n; i++)
        {
            values[i] = round % 2 ? hostileNumber(rng) : static_cast<float>(rng.uniform(-3, 4));
            keys[i] = descendingKey(values[i], i);
            if (!std::isnan(values[i]))
            {
                EXPECT_EQ(values[i], keyValue(keys[i]));
            }
        }
        const std::vector<int> order = ref::sortDescending(values);
        EXPECT_EQ(order, sortDescending(values.data(), n));
        for (const int best : {0, 1, n / 3, n, n + 7})
        {
            std::vector<uint64_t> chosen = keys;
            keepFirst(chosen, best);
            ASSERT_EQ(best > 0 ? std::min(best, n) : n, static_cast<int>(chosen.size()));
            for (size_t i = 0; i < chosen.size(); i++)
                ASSERT_EQ(order[i], static_cast<int>(keyIndex(chosen[i])));
        }
    }
}

TEST(D2Det_SortDescending, best_of_a_stream)
{
    cv::RNG rng(3);
    for (const int best : {0, 1, 7, 200, 5000})
        for (const int pattern : {0, 1, 2, 3})
        {
            const int n = 2000;
            BestKeys selector(best);
            std::vector<float> values(n);
            for (int i = 0; i < n; i++)  // random, ascending, descending, all equal
                values[i] = pattern == 0   ? static_cast<float>(rng.uniform(0, 100))
                            : pattern == 1 ? static_cast<float>(i)
                            : pattern == 2 ? static_cast<float>(-i)
                                           : 1.f;
            for (int i = n - 1; i >= 0; i--)
                if (values[i] >= selector.minValue())
                    selector.push(descendingKey(values[i], i));
            const std::vector<uint64_t> chosen = selector.take();
            const std::vector<int> order = ref::sortDescending(values);
            ASSERT_EQ(best > 0 ? std::min(best, n) : n, static_cast<int>(chosen.size()));
            for (size_t i = 0; i < chosen.size(); i++)
                ASSERT_EQ(order[i], static_cast<int>(keyIndex(chosen[i]))) << best << " of pattern " << pattern;
        }
}

// ------------------------------------------------------------------ NMS

TEST(D2Det_NMS, threshold_is_strict)
{
    const float boxes[] = {0, 0, 4, 2, 0, 0, 4, 4, 0, 0, 4, 4.1f};  // IoU of the first two: exactly 0.5
    EXPECT_EQ((std::vector<int>{0, 1}), hardNmsRef({0.5f, false, 0}, boxes, 2));
    EXPECT_EQ((std::vector<int>{0, 1}), hardNmsCpu({0.5f, false, 0}, boxes, 2));
    EXPECT_EQ((std::vector<int>{0}), hardNmsCpu({0.4999f, false, 0}, boxes, 2));
    EXPECT_EQ((std::vector<int>{0, 1}), hardNmsCpu({0.5f, false, 0}, boxes, 3));
}

TEST(D2Det_NMS, empty_boxes_never_suppress)
{
    const float boxes[] = {5, 5, 5, 5, 5, 5, 5, 5, 0, 0, 9, 9, 5, 5, 5, 5};
    EXPECT_EQ((std::vector<int>{0, 1, 2, 3}), hardNmsCpu({0.f, false, 0}, boxes, 4));
    EXPECT_EQ((std::vector<int>{0, 2}), hardNmsCpu({0.5f, true, 0}, boxes, 4));  // one pixel each by the old convention
}

TEST(D2Det_NMS, fast_equals_reference)
{
    cv::RNG rng(4);
    for (int round = 0; round < 400; round++)
    {
        const int n = rng.uniform(0, round % 10 == 0 ? 700 : 90), kind = round % BOX_KINDS;
        const std::vector<float> boxes = randomBoxes(rng, n, kind);
        for (const float threshold : {0.f, 0.3f, 0.5f, 1.f, -1.f, NOT_A_NUMBER, INFINITE})
            for (const int limit : {0, 1, 5, 1000})
            {
                const bool legacy = round / BOX_KINDS & 1;
                ASSERT_EQ(hardNmsRef({threshold, legacy, limit}, boxes.data(), n),
                          hardNmsCpu({threshold, legacy, limit}, boxes.data(), n))
                    << "round " << round << ", threshold " << threshold << ", limit " << limit;
            }
    }
}

TEST(D2Det_NMS, decisions_at_the_threshold_are_those_of_the_reference)
{
    // The threshold is the IoU of a pair itself: the last bit decides.
    cv::RNG rng(5);
    for (int round = 0; round < 500; round++)
    {
        const int n = 40;
        const std::vector<float> boxes = randomBoxes(rng, n, SCATTERED);
        const float u = boxIoU(&boxes[0], &boxes[4 * rng.uniform(1, n)], false);
        for (const float threshold : {u, std::nextafter(u, 0.f), std::nextafter(u, 1.f)})
            ASSERT_EQ(hardNmsRef({threshold, false, 0}, boxes.data(), n),
                      hardNmsCpu({threshold, false, 0}, boxes.data(), n));
    }
}

TEST(D2Det_NMS, kept_boxes_are_apart_and_removed_ones_have_a_reason)
{
    cv::RNG rng(6);
    for (int round = 0; round < 60; round++)
    {
        const int n = 150;
        const float threshold = rng.uniform(0.1f, 0.9f);
        const bool legacy = round & 1;
        const std::vector<float> boxes = randomBoxes(rng, n, round % HOSTILE);  // HOSTILE itself has no IoU to speak of
        const std::vector<int> kept = hardNmsCpu({threshold, legacy, 0}, boxes.data(), n);
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
    cv::RNG rng(7);
    const std::vector<float> boxes = randomBoxes(rng, 200, ON_GRID);
    std::vector<float> moved(boxes);
    for (float& v : moved)
        v = (v + 64) * 8;  // exact
    EXPECT_EQ(hardNmsCpu({0.4f, false, 0}, boxes.data(), 200), hardNmsCpu({0.4f, false, 0}, moved.data(), 200));
}

TEST(D2Det_SoftNMS, by_hand)
{
    const float boxes[] = {0, 0, 4, 4, 0, 0, 4, 2, 10, 10, 12, 12};  // IoU of 0 and 1: 0.5
    const float initial[] = {0.8f, 0.7f, 0.5f};
    std::vector<float> scores(initial, initial + 3);
    EXPECT_EQ((std::vector<int>{0, 2, 1}),
              softNmsCpu({0.3f, 0.5f, 0.001f, NMSMode::SOFT_LINEAR, false}, boxes, scores.data(), 3));
    EXPECT_FLOAT_EQ(0.35f, scores[1]);
    EXPECT_EQ(0.5f, scores[2]);
    scores.assign(initial, initial + 3);
    EXPECT_EQ((std::vector<int>{0, 1, 2}),
              softNmsCpu({0.5f, 0.5f, 0.f, NMSMode::SOFT_LINEAR, false}, boxes, scores.data(), 3));  // not > 0.5
    scores.assign(initial, initial + 3);
    EXPECT_EQ((std::vector<int>{0, 2, 1}),
              softNmsCpu({0.3f, 0.5f, 0.001f, NMSMode::SOFT_GAUSSIAN, false}, boxes, scores.data(), 3));
    EXPECT_FLOAT_EQ(0.7f * std::exp(-0.25f / 0.5f), scores[1]);
    scores.assign(initial, initial + 3);
    EXPECT_EQ((std::vector<int>{0, 2}),
              softNmsCpu({0.3f, 0.5f, 0.4f, NMSMode::SOFT_LINEAR, false}, boxes, scores.data(), 3));  // 0.35 < 0.4
}

TEST(D2Det_SoftNMS, fast_equals_reference)
{
    cv::RNG rng(14);
    for (int round = 0; round < 600; round++)
    {
        SCOPED_TRACE(cv::format("round %d", round));
        const int n = rng.uniform(0, 80);
        const std::vector<float> boxes = randomBoxes(rng, n, round % BOX_KINDS);
        std::vector<float> expected(n);
        for (float& s : expected)
            s = round % 7 == 0   ? hostileNumber(rng)
                : round % 7 == 1 ? 0.5f
                : round % 2      ? rng.uniform(0.f, 1.f)
                                 : static_cast<float>(rng.uniform(1, 9)) / 8;
        const float thresholds[] = {0.f, 0.3f, 1.f, 0.9f, NOT_A_NUMBER},
                    sigmas[] = {0.5f, 0.1f, 0.f, -1.f, NOT_A_NUMBER};
        const float threshold = thresholds[rng.uniform(0, 5)], sigma = sigmas[rng.uniform(0, 5)];
        const float minScore = rng.uniform(0, 2) ? 0.f : 0.05f;
        const bool gaussian = rng.uniform(0, 2) != 0, legacy = rng.uniform(0, 2) != 0;
        const int limit = rng.uniform(0, 2) ? 0 : rng.uniform(1, 20);
        std::vector<float> actual(expected);
        const std::vector<int> order = softNmsRef(
            {threshold, sigma, minScore, gaussian ? NMSMode::SOFT_GAUSSIAN : NMSMode::SOFT_LINEAR, legacy, limit},
            boxes.data(), expected.data(), n);
        ASSERT_EQ(order, softNmsCpu({threshold, sigma, minScore,
                                     gaussian ? NMSMode::SOFT_GAUSSIAN : NMSMode::SOFT_LINEAR, legacy, limit},
                                    boxes.data(), actual.data(), n));
        for (const int i : order)
            ASSERT_EQ(expected[i], actual[i]);
    }
}

TEST(D2Det_SoftNMS, order_limit_and_nan)
{
    cv::RNG rng(8);
    for (int round = 0; round < 100; round++)
    {
        const int n = rng.uniform(1, 60);
        const std::vector<float> boxes = randomBoxes(rng, n, round % BOX_KINDS);
        std::vector<float> scores(n);
        for (float& s : scores)
            s = round % 7 == 0 ? hostileNumber(rng) : static_cast<float>(rng.uniform(1, 9)) / 8;
        std::vector<float> all(scores), some(scores);
        const bool gaussian = round & 1;
        const std::vector<int> order =
            softNmsCpu({0.3f, 0.5f, 0.01f, gaussian ? NMSMode::SOFT_GAUSSIAN : NMSMode::SOFT_LINEAR, false},
                       boxes.data(), all.data(), n);
        const std::vector<int> prefix =
            softNmsCpu({0.3f, 0.5f, 0.01f, gaussian ? NMSMode::SOFT_GAUSSIAN : NMSMode::SOFT_LINEAR, false, 5},
                       boxes.data(), some.data(), n);
        ASSERT_EQ(std::vector<int>(order.begin(), order.begin() + std::min<size_t>(5, order.size())), prefix);
        for (size_t i = 0; i < order.size(); i++)
        {
            ASSERT_GE(all[order[i]], 0.01f);
            const float before = i > 0 ? all[order[i - 1]] : INFINITE;
            ASSERT_TRUE(before > all[order[i]] || i == 0 || (before == all[order[i]] && order[i - 1] < order[i]));
        }
    }
}

// ------------------------------------------------------------------ proposals

struct RandomMaps
{
    RpnMaps maps;
    std::vector<std::vector<float>> storage;
    std::vector<float> imInfo;

    enum Kind
    {
        SMOOTH,
        TIES,
        ALL_EQUAL,
        WITH_NAN,
        WILD,
        KINDS
    };

    RandomMaps(cv::RNG& rng, int batch, int anchors, const std::vector<cv::Size>& sizes, int kind)
    {
        maps.batch = batch;
        maps.levels = static_cast<int>(sizes.size());
        storage.reserve(2 * sizes.size());
        for (int i = 0; i < maps.levels; i++)
        {
            maps.height[i] = sizes[i].height;
            maps.width[i] = sizes[i].width;
            maps.stride[i] = static_cast<float>(4 << i);
            const int cells = batch * anchors * sizes[i].area();
            storage.emplace_back(cells);
            for (float& v : storage.back())
                v = logit(rng, kind);
            maps.cls[i] = storage.back().data();
            storage.emplace_back(4 * cells);
            for (float& v : storage.back())
                v = delta(rng, kind);
            maps.box[i] = storage.back().data();
        }
        for (int b = 0; b < batch; b++)
            for (const float v : {4.f * sizes[0].height - 3, 4.f * sizes[0].width - b, 1.f})
                imInfo.push_back(v);
    }

    static float logit(cv::RNG& rng, int kind)
    {
        if ((kind == WITH_NAN && rng.uniform(0, 5) == 0) || (kind == WILD && rng.uniform(0, 2)))
            return hostileNumber(rng);
        return kind == ALL_EQUAL ? 0.25f
               : kind == TIES    ? static_cast<float>(rng.uniform(-2, 3))
                                 : rng.uniform(-5.f, 5.f);
    }

    static float delta(cv::RNG& rng, int kind)
    {
        if ((kind == WITH_NAN && rng.uniform(0, 20) == 0) || (kind == WILD && rng.uniform(0, 2)))
            return hostileNumber(rng);
        return static_cast<float>(rng.gaussian(0.3));
    }
};

struct ProposalResult
{
    std::vector<float> rois, scores;

    template <typename Function>
    ProposalResult(Function function, const ProposalParams& p, const RandomMaps& input)
        : rois(5 * p.maxProposals * input.maps.batch, UNWRITTEN), scores(p.maxProposals * input.maps.batch, UNWRITTEN)
    {
        function(p, input.maps, input.imInfo.data(), ProposalOutput{rois.data(), scores.data()});
    }
};

TEST(D2Det_Proposal, fast_equals_reference_for_any_number_of_threads)
{
    cv::RNG rng(9);
    for (int round = 0; round < 60; round++)
    {
        SCOPED_TRACE(cv::format("round %d", round));
        ProposalParams p;
        p.legacy = round & 1;
        const int limits[] = {0, 1, 20, 150, 1000, -1};
        p.preNmsTopN = limits[rng.uniform(0, 6)];
        p.postNmsTopN = limits[rng.uniform(0, 6)];
        p.maxProposals = limits[rng.uniform(1, 5)];
        p.minSize = round % 3 ? 0.f : 12.f;
        p.nmsThreshold = rng.uniform(0.2f, 0.9f);
        p.anchorScale = 4.f;
        const std::vector<cv::Size> sizes = {{17, 13}, {9, 7}, {5, 1}};
        const RandomMaps input(rng, rng.uniform(1, 4), 3, sizes, round % RandomMaps::KINDS);
        const ProposalResult expected(proposalRef, p, input);
        withThreads(
            [&]
            {
                const ProposalResult actual(proposalCpu, p, input);
                ASSERT_TRUE(sameBits(expected.rois, actual.rois));
                ASSERT_TRUE(sameBits(expected.scores, actual.scores));
            });
    }
}

TEST(D2Det_Proposal, zero_deltas_give_clipped_anchors_then_padding)
{
    const float cls[] = {1.f}, box[] = {0, 0, 0, 0}, imInfo[] = {100, 10, 1};
    RpnMaps maps;
    maps.levels = maps.batch = maps.height[0] = maps.width[0] = 1;
    maps.cls[0] = cls;
    maps.box[0] = box;
    maps.stride[0] = 4;
    ProposalParams p;
    p.anchorRatios = {1.f};
    p.maxProposals = 2;
    std::vector<float> rois(10, UNWRITTEN), scores(2, UNWRITTEN);
    proposalCpu(p, maps, imInfo, {rois.data(), scores.data()});
    EXPECT_EQ((std::vector<float>{0, 0, 0, 10, 16, 0, 0, 0, 0, 0}), rois);
    EXPECT_FLOAT_EQ(1 / (1 + std::exp(-1.f)), scores[0]);
    EXPECT_EQ(0.f, scores[1]);
}

TEST(D2Det_Proposal, order_is_by_logit_where_sigmoids_are_equal)
{
    // Two cells far apart, logits 40 and 50: both sigmoids are 1 in float.
    const float cls[] = {40.f, 50.f}, box[8] = {}, imInfo[] = {1000, 1000, 1};
    RpnMaps maps;
    maps.levels = maps.batch = maps.height[0] = 1;
    maps.width[0] = 2;
    maps.cls[0] = cls;
    maps.box[0] = box;
    maps.stride[0] = 64;
    ProposalParams p;
    p.anchorRatios = {1.f};
    p.anchorScale = 0.5f;
    p.maxProposals = 2;
    std::vector<float> rois(10), scores(2);
    proposalCpu(p, maps, imInfo, {rois.data(), scores.data()});
    EXPECT_EQ(48.f, rois[1]);
    EXPECT_EQ(0.f, rois[6]);
    EXPECT_EQ(scores[0], scores[1]);
}

// ------------------------------------------------------------------ dense box decoding

TEST(D2Det_DenseBoxDecode, cells_that_agree_give_their_box)
{
    const int k = 7;
    const double roi[5] = {0, 10, 20, 40, 60}, box[4] = {5, 30, 50, 62}, imInfo[3] = {100, 100, 1};
    std::vector<double> offsets(4 * k * k), overlap(k * k, 2.0);
    for (int j = 0; j < k; j++)
        for (int i = 0; i < k; i++)
        {
            const double x = 10 + 30 * (i + 0.5) / k, y = 20 + 40 * (j + 0.5) / k;
            const double distances[4] = {(x - box[0]) / 30, (box[2] - x) / 30, (y - box[1]) / 40, (box[3] - y) / 40};
            for (int plane = 0; plane < 4; plane++)
                offsets[(plane * k + j) * k + i] = distances[plane];
        }
    overlap[3] = 0.;  // sigmoid 0.5 is not above 0.5
    offsets[3] = 1e3;
    offsets[k * k + 4] = std::numeric_limits<double>::infinity();
    overlap[5] = std::numeric_limits<double>::quiet_NaN();
    for (const bool weighted : {false, true})
    {
        DenseBoxDecodeParams p;
        p.weighted = weighted;
        double decoded[4];
        denseBoxDecodeRef(p, {roi, offsets.data(), overlap.data(), imInfo, 1, k, 1}, decoded);
        for (int i = 0; i < 4; i++)
            EXPECT_NEAR(box[i], decoded[i], 1e-9);
    }
}

TEST(D2Det_DenseBoxDecode, fallback_padding_and_unusable_rois)
{
    const std::vector<float> rois = {0,           -5, 3, 200, 90,            // falls back, clipped
                                     0,           0,  0, 0,   0,             // padding
                                     1,           1,  1, 5,   5,             // foreign image
                                     0,           1,  1, 5,   NOT_A_NUMBER,  // not finite
                                     -1,          1,  1, 5,   5,             //
                                     HUGE_NUMBER, 1,  1, 5,   5};
    const int n = static_cast<int>(rois.size() / 5), k = 2;
    const std::vector<float> offsets(n * 4 * k * k, 0.5f), overlap(n * k * k, -1.f), imInfo = {80, 100, 1};
    std::vector<float> boxes(4 * n, UNWRITTEN), expected(4 * n, 0.f);
    expected[1] = 3;
    expected[2] = 100;
    expected[3] = 80;
    denseBoxDecodeCpu(DenseBoxDecodeParams(), {rois.data(), offsets.data(), overlap.data(), imInfo.data(), n, k, 1},
                      boxes.data());
    EXPECT_EQ(expected, boxes);
    DenseBoxDecodeParams legacy;
    legacy.legacy = true;
    denseBoxDecodeCpu(legacy, {rois.data(), offsets.data(), overlap.data(), imInfo.data(), n, k, 1}, boxes.data());
    EXPECT_EQ(99.f, boxes[2]);
    EXPECT_EQ(79.f, boxes[3]);
}

TEST(D2Det_DenseBoxDecode, float_agrees_with_double)
{
    cv::RNG rng(10);
    const int n = 50, k = 7;
    std::vector<double> rois, offsets(n * 4 * k * k), overlap(n * k * k), imInfo = {70, 80, 1, 60, 90, 1};
    for (int r = 0; r < n; r++)
        for (const double v :
             {double(r % 2), rng.uniform(0., 30.), rng.uniform(0., 30.), rng.uniform(40., 70.), rng.uniform(40., 70.)})
            rois.push_back(static_cast<float>(v));
    for (double& v : offsets)
        v = rng.uniform(0.f, 1.5f);
    for (double& v : overlap)
        v = rng.uniform(0, 2) ? 1.5f : -1.5f;
    const std::vector<float> roisF(rois.begin(), rois.end()), offsetsF(offsets.begin(), offsets.end());
    const std::vector<float> overlapF(overlap.begin(), overlap.end()), imInfoF(imInfo.begin(), imInfo.end());
    std::vector<double> expected(4 * n);
    std::vector<float> actual(4 * n);
    DenseBoxDecodeParams p;
    denseBoxDecodeRef(p, {rois.data(), offsets.data(), overlap.data(), imInfo.data(), n, k, 2}, expected.data());
    denseBoxDecodeCpu(p, {roisF.data(), offsetsF.data(), overlapF.data(), imInfoF.data(), n, k, 2}, actual.data());
    for (int i = 0; i < 4 * n; i++)
        EXPECT_NEAR(expected[i], actual[i], 1e-4);
}

// ------------------------------------------------------------------ detections

struct DetectionsProblem
{
    DetectionsParams p;
    std::vector<float> rois, probs;
    int rows = 0, roiColumns = 5, probColumns = 0;

    void random(cv::RNG& rng, int count, int classes, int kind)
    {
        rows = count;
        probColumns = p.labelled ? 2 : classes + 1;
        roiColumns = p.classAgnosticBoxes || p.labelled ? 5 : 1 + 4 * classes;
        rois.resize(rows * roiColumns);
        probs.resize(rows * probColumns);
        for (int r = 0; r < rows; r++)
        {
            rois[r * roiColumns] =
                rng.uniform(0, 8) ? static_cast<float>(rng.uniform(0, p.batchSize)) : hostileNumber(rng);
            for (int c = 1; c < roiColumns; c += 4)
                if (rng.uniform(0, 10))
                    randomBox(rng, kind, &rois[r * roiColumns + c]);  // else all zero: padding
            for (int c = 0; c < probColumns; c++)
                probs[r * probColumns + c] = score(rng, kind);
            if (p.labelled)
                probs[r * 2] = rng.uniform(0, 8) ? static_cast<float>(rng.uniform(-1, classes)) : hostileNumber(rng);
        }
    }

    static float score(cv::RNG& rng, int kind)
    {
        if (kind == HOSTILE && rng.uniform(0, 4) == 0)
            return hostileNumber(rng);
        return kind == ON_GRID ? static_cast<float>(rng.uniform(0, 5)) / 4 : rng.uniform(0.f, 1.f);
    }

    //! @param sources the rows that the detections come from
    template <typename Function>
    std::vector<float> run(Function function, std::vector<float>* sources = nullptr) const
    {
        std::vector<float> detections(static_cast<size_t>(7) * p.batchSize * p.maxDetections, UNWRITTEN);
        if (sources)
            sources->assign(detections.size() / 7, UNWRITTEN);
        function(p, DetectionsInput{rois.data(), roiColumns, probs.data(), probColumns, rows},
                 DetectionsOutput{detections.data(), sources ? sources->data() : nullptr});
        return detections;
    }

    //! Does every detection name a row of its image and class with its box, a score of at least its own, and each once?
    void checkSources(const std::vector<float>& detections, const std::vector<float>& sources) const
    {
        std::set<std::pair<int, int>> seen;
        for (size_t i = 0; i < sources.size(); i++)
        {
            const float* d = &detections[7 * i];
            if (d[1] < 0)
            {
                ASSERT_EQ(-1.f, sources[i]);
                continue;
            }
            const int row = static_cast<int>(sources[i]), cls = static_cast<int>(d[1]);
            ASSERT_EQ(sources[i], static_cast<float>(row));
            ASSERT_TRUE(row >= 0 && row < rows);
            ASSERT_TRUE(seen.insert({row, cls}).second);
            const float* roi = &rois[static_cast<size_t>(row) * roiColumns];
            ASSERT_EQ(static_cast<int>(d[0]), static_cast<int>(roi[0]));
            const int column = p.classAgnosticBoxes || p.labelled ? 1 : 1 + 4 * cls;
            ASSERT_EQ(0, std::memcmp(d + 3, roi + column, 4 * sizeof(float)));
            const float* probability = &probs[static_cast<size_t>(row) * probColumns];
            const float score = probability[p.labelled ? 1 : cls];
            ASSERT_TRUE(!p.labelled || cls == static_cast<int>(probability[0]));
            const bool decays = p.nmsMode != NMSMode::HARD;
            ASSERT_TRUE(decays || d[2] == score);
            ASSERT_TRUE(!decays || d[2] <= score || d[2] < 0 || p.softSigma < 0);
        }
    }
};

TEST(D2Det_Detections, fast_equals_reference_for_any_number_of_threads)
{
    cv::RNG rng(11);
    const NMSMode modes[] = {NMSMode::HARD, NMSMode::SOFT_LINEAR, NMSMode::SOFT_GAUSSIAN};
    for (int round = 0; round < 240; round++)
    {
        SCOPED_TRACE(cv::format("round %d", round));
        DetectionsProblem input;
        input.p.nmsMode = modes[round % 3];
        input.p.labelled = round % 4 == 0;
        input.p.classAgnosticBoxes = round % 5 != 0;
        input.p.batchSize = rng.uniform(1, 4);
        input.p.legacy = rng.uniform(0, 2) != 0;
        input.p.scoreThreshold = rng.uniform(0, 3) ? 0.2f : -1.f;
        input.p.softSigma = round % 11 ? 0.5f : -0.5f;
        input.p.maxDetections = rng.uniform(0, 4) ? rng.uniform(1, 60) : 2000;
        input.p.limit = rng.uniform(0, 3) ? 0 : rng.uniform(1, 70);
        input.random(rng, rng.uniform(1, 120), rng.uniform(1, 12), rng.uniform(0, static_cast<int>(BOX_KINDS)));
        const std::vector<float> expected = input.run(detectionsRef);
        withThreads([&] { ASSERT_TRUE(sameBits(expected, input.run(detectionsCpu))); });

        std::vector<float> expectedSources, sources;
        ASSERT_TRUE(sameBits(expected, input.run(detectionsRef, &expectedSources)));
        input.checkSources(expected, expectedSources);
        withThreads(
            [&]
            {
                ASSERT_TRUE(sameBits(expected, input.run(detectionsCpu, &sources)));
                ASSERT_TRUE(sameBits(expectedSources, sources));
            });
    }
}

TEST(D2Det_Detections, rows_that_never_become_detections)
{
    DetectionsProblem input;
    input.p.maxDetections = 3;
    input.probColumns = 2;
    input.rois = {0,
                  0,
                  0,
                  0,
                  0,  // padding
                  1,
                  1,
                  1,
                  5,
                  5,  // foreign image
                  NOT_A_NUMBER,
                  1,
                  1,
                  5,
                  5,  //
                  0,
                  1,
                  1,
                  INFINITE,
                  5,  //
                  0,
                  1,
                  1,
                  5,
                  5,  // score at the threshold, which is strict
                  0,
                  20,
                  20,
                  20,
                  20,  // empty, but a box
                  0,
                  1,
                  1,
                  5,
                  5};  // score NaN
    input.probs = {0.9f, 0, 0.9f, 0, 0.9f, 0, 0.9f, 0, 0.05f, 0, 0.6f, NOT_A_NUMBER, NOT_A_NUMBER, 0};
    input.rows = 7;
    const std::vector<float> expected = {0, 0, 0.6f, 20, 20, 20, 20, 0, -1, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0};
    EXPECT_EQ(expected, input.run(detectionsRef));
    EXPECT_EQ(expected, input.run(detectionsCpu));
}

TEST(D2Det_Detections, fractions_of_batch_index_and_label_are_cut_off)
{
    DetectionsProblem input;
    input.p.labelled = true;
    input.p.batchSize = 2;
    input.p.maxDetections = 2;
    input.probColumns = 2;
    input.rois = {-0.5f, 0, 0, 9, 9, 1.9f, 0, 0, 8, 8, 2.f, 0, 0, 7, 7, -1.f, 0, 0, 6, 6};
    input.probs = {-0.5f, 0.9f, 3.7f, 0.8f, 1.f, 0.7f, 1.f, 0.7f};
    input.rows = 4;
    const std::vector<float> expected = {0, 0, 0.9f, 0, 0, 9, 9, 0, -1, 0, 0, 0, 0, 0,
                                         1, 3, 0.8f, 0, 0, 8, 8, 0, -1, 0, 0, 0, 0, 0};
    EXPECT_EQ(expected, input.run(detectionsRef));
    EXPECT_EQ(expected, input.run(detectionsCpu));
}

TEST(D2Det_Detections, ties_go_to_the_lower_class_then_row)
{
    DetectionsProblem input;
    input.p.maxDetections = 4;
    input.probColumns = 3;
    input.rois = {0, 50, 50, 60, 60, 0, 0, 0, 10, 10};
    input.probs = {0.5f, 0.5f, 0, 0.5f, 0.5f, 0};
    input.rows = 2;
    const std::vector<float> out = input.run(detectionsCpu);
    const float expected[4][2] = {{0, 50}, {0, 0}, {1, 50}, {1, 0}};  // class, x1
    for (int i = 0; i < 4; i++)
    {
        EXPECT_EQ(expected[i][0], out[7 * i + 1]);
        EXPECT_EQ(expected[i][1], out[7 * i + 3]);
    }
}

TEST(D2Det_Detections, labels_of_any_size_cost_nothing)
{
    DetectionsProblem input;
    input.p.labelled = true;
    input.p.maxDetections = 8;
    input.probColumns = 2;
    const std::vector<float> labels = {1e9f, 3e38f, NOT_A_NUMBER, INFINITE, -1.f, -1e9f, 2147483648.f, 2.f};
    for (size_t i = 0; i < labels.size(); i++)
    {
        const float x = 100.f * i;
        for (const float v : {0.f, x, 0.f, x + 10, 10.f})
            input.rois.push_back(v);
        input.probs.push_back(labels[i]);
        input.probs.push_back(0.5f);
    }
    input.rows = static_cast<int>(labels.size());
    const std::vector<float> out = input.run(detectionsCpu);
    EXPECT_EQ(2.f, out[1]);
    EXPECT_EQ(1e9f, out[8]);
    EXPECT_EQ(-1.f, out[15]);
    EXPECT_TRUE(sameBits(input.run(detectionsRef), out));
}

TEST(D2Det_Detections, limit_is_a_prefix)
{
    cv::RNG rng(12);
    for (const NMSMode mode : {NMSMode::HARD, NMSMode::SOFT_LINEAR, NMSMode::SOFT_GAUSSIAN})
    {
        DetectionsProblem input;
        input.p.nmsMode = mode;
        input.p.maxDetections = 50;
        input.random(rng, 200, 5, SCATTERED);
        const std::vector<float> all = input.run(detectionsCpu);
        input.p.limit = 7;
        const std::vector<float> some = input.run(detectionsCpu);
        EXPECT_TRUE(std::equal(all.begin(), all.begin() + 49, some.begin()));
        EXPECT_EQ(-1.f, some[50]);
    }
}

TEST(D2Det_Detections, agrees_with_one_nms_over_boxes_moved_apart_by_class)
{
    // The second formulation: one class-agnostic NMS in which boxes of different classes cannot meet. Exact on a grid.
    cv::RNG rng(13);
    for (int round = 0; round < 30; round++)
    {
        const int classes = 4;
        DetectionsProblem input;
        input.p.maxDetections = 1000;
        input.p.scoreThreshold = 0.3f;
        input.random(rng, 80, classes, ON_GRID);
        for (int r = 0; r < input.rows; r++)
            input.rois[5 * r] = 0;
        std::vector<float> boxes, scores, sorted;
        for (int c = 0; c < classes; c++)
            for (int r = 0; r < input.rows; r++)
            {
                const float s = input.probs[r * input.probColumns + c];
                const float* box = &input.rois[5 * r + 1];
                if (!(s > 0.3f) || std::all_of(box, box + 4, [](float v) { return v == 0; }))
                    continue;
                scores.push_back(s);
                for (int i = 0; i < 4; i++)
                    boxes.push_back(box[i] + 64 * c);
            }
        const std::vector<int> order = sortDescending(scores.data(), static_cast<int>(scores.size()));
        for (const int i : order)
            sorted.insert(sorted.end(), &boxes[4 * i], &boxes[4 * i] + 4);
        const std::vector<int> kept = hardNmsRef({0.5f, false, 0}, sorted.data(), static_cast<int>(order.size()));
        const std::vector<float> out = input.run(detectionsCpu);
        for (size_t i = 0; i < kept.size(); i++)
        {
            ASSERT_EQ(scores[order[kept[i]]], out[7 * i + 2]);
            for (int j = 0; j < 4; j++)
                ASSERT_EQ(sorted[4 * kept[i] + j], out[7 * i + 3 + j] + 64 * out[7 * i + 1]);
        }
        ASSERT_EQ(-1.f, out[7 * kept.size() + 1]);
    }
}

TEST(D2Det_Detections, wrong_shapes_are_refused)
{
    DetectionsProblem input;
    input.rois.resize(50);
    input.probs.resize(50);
    input.rows = 2;
    input.roiColumns = 4;
    input.probColumns = 3;
    EXPECT_THROW(input.run(detectionsCpu), cv::Exception);
    input.roiColumns = 5;
    input.probColumns = 1;
    EXPECT_THROW(input.run(detectionsCpu), cv::Exception);
    input.p.labelled = true;
    input.probColumns = 3;
    EXPECT_THROW(input.run(detectionsCpu), cv::Exception);
    input.p.labelled = input.p.classAgnosticBoxes = false;
    EXPECT_THROW(input.run(detectionsCpu), cv::Exception);  // two classes, one box
}

}  // namespace
}  // namespace opencv_test
