// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Targets: assignment against a second, slow formulation, sampling, overlap labels, box coding, anchors, jitter, golden
   vectors. */

#define BOOST_TEST_MODULE targets
#include <boost/test/unit_test.hpp>

#include "golden.hpp"
#include "errors.hpp"
#include "gradient_check.hpp"
#include "kernels/box.hpp"
#include "model/targets.hpp"

#include <opencv2/d2det/metrics.hpp>

#include <algorithm>
#include <cmath>

using namespace d2det;
using namespace d2det::test;
using torch::Tensor;

namespace
{

//! Boxes with integer corners, so that float32 and float64 find the same ties.
Tensor integerBoxes(Random& random, int64_t n, int size, int largest)
{
    Tensor boxes = torch::zeros({n, 4}, torch::kDouble);
    for (int64_t i = 0; i < n; i++)
    {
        double* b = boxes.data_ptr<double>() + 4 * i;
        b[0] = random.integer(-4, size);
        b[1] = random.integer(-4, size);
        b[2] = b[0] + random.integer(0, largest);
        b[3] = b[1] + random.integer(0, largest);
    }
    return boxes;
}

//! IoU matrix by the function of the kernels.
Tensor boxIoU(const Tensor& a, const Tensor& b, bool legacy)
{
    Tensor out = torch::empty({a.size(0), b.size(0)}, a.options());
    AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "boxIoU",
                               [&]
                               {
                                   for (int64_t i = 0; i < a.size(0); i++)
                                       for (int64_t j = 0; j < b.size(0); j++)
                                           out[i][j] = cv::d2det::kernels::boxIoU(
                                               a.data_ptr<scalar_t>() + 4 * i, b.data_ptr<scalar_t>() + 4 * j, legacy);
                               });
    return out;
}

//! COCO's IoU matrix of (x, y, w, h) boxes by the public function.
Tensor boxIoUXywh(const Tensor& a, const Tensor& b, const Tensor& crowd)
{
    const int depth = a.scalar_type() == torch::kDouble ? CV_64F : CV_32F;
    const Tensor flags = crowd.to(torch::kByte).contiguous();
    const auto rows = [depth](const Tensor& t) { return cv::Mat(static_cast<int>(t.size(0)), 4, depth, t.data_ptr()); };
    Tensor out = torch::empty({a.size(0), b.size(0)}, a.options());
    cv::Mat iou(static_cast<int>(a.size(0)), static_cast<int>(b.size(0)), depth, out.data_ptr());
    cv::d2det::calculateIoU(rows(a), rows(b), iou, cv::d2det::BOX_XYWH,
                            cv::Mat(static_cast<int>(flags.numel()), 1, CV_8U, flags.data_ptr()));
    BOOST_REQUIRE(iou.data == static_cast<uchar*>(out.data_ptr()));
    return out;
}

//! Boxes that deltas [n, 4] lead to, by the function of the kernels.
Tensor decodeDeltas(const Tensor& boxes, const Tensor& deltas, bool legacy)
{
    Tensor out = torch::empty_like(boxes);
    AT_DISPATCH_FLOATING_TYPES(boxes.scalar_type(), "decodeDeltas",
                               [&]
                               {
                                   for (int64_t i = 0; i < boxes.size(0); i++)
                                       cv::d2det::kernels::decodeDeltas(boxes.data_ptr<scalar_t>() + 4 * i,
                                                                        deltas.data_ptr<scalar_t>() + 4 * i, legacy,
                                                                        out.data_ptr<scalar_t>() + 4 * i);
                               });
    return out;
}

//! IoU by the text of operators.md 2.
double slowIoU(const double* a, const double* b, bool legacy)
{
    const double o = legacy ? 1 : 0;
    const auto side = [&](double low, double high) { return std::max(high - low + o, 0.0); };
    const double inter =
        side(std::max(a[0], b[0]), std::min(a[2], b[2])) * side(std::max(a[1], b[1]), std::min(a[3], b[3]));
    const double uni = side(a[0], a[2]) * side(a[1], a[3]) + side(b[0], b[2]) * side(b[1], b[3]) - inter;
    return uni > 0 ? inter / uni : 0;
}

//! assign_anchors by the text of operators.md 5, one anchor and one ground truth at a time.
std::vector<int64_t> slowAssign(const Tensor& anchors, const Tensor& gts, double height, double width, bool legacy,
                                const AnchorRule& rule)
{
    const int64_t n = anchors.size(0), m = gts.size(0);
    const auto box = [](const Tensor& t, int64_t i) { return t.data_ptr<double>() + 4 * i; };
    std::vector<char> takesPart(n, 1);
    std::vector<int64_t> out(n, -1), winners(n, 0);
    for (int64_t i = 0; i < n; i++)
    {
        const double* a = box(anchors, i);
        takesPart[i] = !legacy || (a[0] >= 0 && a[1] >= 0 && a[2] < width && a[3] < height);
        if (!takesPart[i])
            continue;
        double best = -1;
        int64_t& winner = winners[i];
        for (int64_t g = 0; g < m; g++)
            if (slowIoU(a, box(gts, g), legacy) > best)
            {
                best = slowIoU(a, box(gts, g), legacy);
                winner = g + 1;
            }
        out[i] = best < rule.negativeIou ? 0 : best >= rule.positiveIou ? winner : -1;
    }
    for (int64_t g = 0; g < m; g++)
    {
        double top = -1;
        for (int64_t i = 0; i < n; i++)
            if (takesPart[i])
                top = std::max(top, slowIoU(box(anchors, i), box(gts, g), legacy));
        for (int64_t i = 0; i < n && top > 0 && top >= rule.rescueIou; i++)
            if (takesPart[i] && slowIoU(box(anchors, i), box(gts, g), legacy) == top)
                out[i] = rule.rescueToBest ? winners[i] : g + 1;
    }
    return out;
}

std::vector<int64_t> list(const Tensor& t)
{
    const Tensor dense = t.to(torch::kLong).contiguous();
    return std::vector<int64_t>(dense.data_ptr<int64_t>(), dense.data_ptr<int64_t>() + dense.numel());
}

double largestDifference(const Tensor& a, const Tensor& b)
{
    BOOST_REQUIRE(a.sizes() == b.sizes());
    return a.numel() == 0 ? 0 : (a.to(torch::kDouble) - b.to(torch::kDouble)).abs().max().item<double>();
}

Tensor boxes(std::initializer_list<std::array<double, 4>> rows)
{
    Tensor out = torch::empty({static_cast<int64_t>(rows.size()), 4}, torch::kDouble);
    double* p = out.data_ptr<double>();
    for (const auto& row : rows)
        p = std::copy(row.begin(), row.end(), p);
    return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(assignment_agrees_with_the_slow_one)
{
    int positives = 0, negatives = 0, ignored = 0;
    for (uint32_t seed = 0; seed < 200; seed++)
    {
        Random random(seed);
        // Every tenth case is large: the function works on blocks of boxes, and ties must be found across them.
        const int64_t n = seed % 10 == 0 ? random.integer(1000, 1600) : random.integer(0, 60);
        const Tensor anchors = integerBoxes(random, n, 20, 16);
        Tensor gts = integerBoxes(random, random.integer(0, 6), 20, 16);
        if (gts.size(0) > 3)
            gts[3].copy_(gts[0]);  // equal ground truths: ties
        for (const bool legacy : {false, true})
            for (const AnchorRule& rule : {AnchorRule{}, {0.5, 0.3}, {0.7, 0.3, 0}, {0.7, 0.3, 0, true}})
            {
                const auto expected = slowAssign(anchors, gts, 30, 26, legacy, rule);
                const auto single =
                    assignAnchors(anchors.to(torch::kFloat), gts.to(torch::kFloat), 30, 26, legacy, rule);
                BOOST_TEST(single.scalar_type() == torch::kLong);
                BOOST_TEST(list(single) == expected, "float32, seed " << seed);
                BOOST_TEST(list(assignAnchors(anchors, gts, 30, 26, legacy, rule)) == expected,
                           "float64, seed " << seed);
                for (const int64_t a : expected)
                    (a > 0 ? positives : a == 0 ? negatives : ignored)++;
            }
    }
    // The drawn cases contain all three outcomes.
    BOOST_TEST(positives > 1000);
    BOOST_TEST(negatives > 1000);
    BOOST_TEST(ignored > 1000);
}

BOOST_AUTO_TEST_CASE(an_iou_on_the_threshold_counts)
{
    // 7 of 10 columns: IoU exactly 0.7; 3 of 10: exactly 0.3, not below it.
    const Tensor gts = boxes({{0, 0, 10, 10}});
    const Tensor anchors = boxes({{0, 0, 10, 10}, {0, 0, 7, 10}, {0, 0, 3, 10}, {0, 0, 2, 10}});
    for (const auto type : {torch::kFloat, torch::kDouble})
        BOOST_TEST(list(assignAnchors(anchors.to(type), gts.to(type), 20, 20, false, {})) ==
                   (std::vector<int64_t>{1, 1, -1, 0}));
}

BOOST_AUTO_TEST_CASE(nothing_to_assign)
{
    const Tensor none = torch::zeros({0, 4}), some = boxes({{0, 0, 9, 9}, {50, 50, 90, 90}}).to(torch::kFloat);
    BOOST_TEST(list(assignAnchors(some, none, 60, 60, false, {})) == (std::vector<int64_t>{0, 0}));
    BOOST_TEST(list(assignAnchors(some, none, 60, 60, true, {})) == (std::vector<int64_t>{0, -1}));
    BOOST_TEST(assignAnchors(none, some, 60, 60, false, {}).size(0) == 0);
    for (const bool legacy : {false, true})
    {
        BOOST_TEST(list(assignRoIs(some, none, legacy, 0.5).second) == (std::vector<int64_t>{0, 0}));
        const auto onlyGts = assignRoIs(none, some, legacy, 0.5);
        BOOST_TEST(torch::equal(onlyGts.first, some));
        BOOST_TEST(list(onlyGts.second) == (std::vector<int64_t>{1, 2}));
        const auto neither = assignRoIs(none, none, legacy, 0.5);
        BOOST_TEST(neither.first.sizes() == at::IntArrayRef({0, 4}));
        BOOST_TEST(neither.second.numel() == 0);
        const auto [pos, neg] = sampleBalanced(neither.second, torch::zeros({0}), 64, 0.25);
        BOOST_TEST(pos.numel() + neg.numel() == 0);
    }
    BOOST_TEST(encodeDeltas(none, none, false).sizes() == at::IntArrayRef({0, 4}));
    BOOST_TEST(overlapLabels(none, none, 7, OverlapRule::SHRUNK).sizes() == at::IntArrayRef({0, 1, 7, 7}));
    BOOST_TEST(denseTargets(none, none, 7).sizes() == at::IntArrayRef({0, 4, 7, 7}));
    BOOST_TEST(maskOverlapLabels(torch::zeros({0, 28, 28})).sizes() == at::IntArrayRef({0, 1, 7, 7}));
    BOOST_TEST(gridAnchors(0, 5, 4, {8}, {1}, false).sizes() == at::IntArrayRef({0, 4}));
    const torch::Generator generator = torch::make_generator<at::CPUGeneratorImpl>(1);
    BOOST_TEST(jitterBoxes(none, torch::zeros({0, 2}), 0.1, false, generator).sizes() == at::IntArrayRef({0, 4}));
}

//! The only difference between the conventions for RoIs: legacy gts claim their best proposal, and their own row.
BOOST_AUTO_TEST_CASE(rois_modern_and_legacy)
{
    const Tensor gts = boxes({{0, 0, 9, 9}, {0, 0, 9, 9}});
    const Tensor proposals = boxes({{0, 0, 9, 9}, {0, 0, 9, 6}, {40, 40, 50, 50}});
    const auto modern = assignRoIs(proposals, gts, false, 0.5);
    BOOST_TEST(torch::equal(modern.first, torch::cat({gts, proposals})));
    BOOST_TEST(list(modern.second) == (std::vector<int64_t>{1, 1, 1, 1, 0}));
    const auto legacy = assignRoIs(proposals, gts, true, 0.5);
    BOOST_TEST(list(legacy.second) == (std::vector<int64_t>{1, 2, 2, 1, 0}));
}

BOOST_AUTO_TEST_CASE(sampling)
{
    const Tensor assigned = torch::tensor({1, 0, 3, -1, 2, 0, 0, 0, 1, 0}, torch::kLong);
    const Tensor keys = torch::tensor({0.5, 0.9, 0.1, 0.0, 0.2, 0.3, 0.3, 0.1, 0.4, 0.8});
    const auto sample = [&](int64_t total, double fraction)
    {
        const auto [pos, neg] = sampleBalanced(assigned, keys, total, fraction);
        return std::make_pair(list(pos), list(neg));
    };
    using Lists = std::pair<std::vector<int64_t>, std::vector<int64_t>>;
    BOOST_CHECK(sample(4, 0.5) == Lists({2, 4}, {5, 7}));     // of equal keys the lower index
    BOOST_CHECK(sample(5, 0.5) == Lists({2, 4}, {5, 6, 7}));  // floor(2.5) positives
    BOOST_CHECK(sample(100, 0.25) == Lists({0, 2, 4, 8}, {1, 5, 6, 7, 9}));
    BOOST_CHECK(sample(3, 0) == Lists({}, {5, 6, 7}));
    BOOST_CHECK(sample(2, 1) == Lists({2, 4}, {}));
    BOOST_CHECK(sample(0, 0.5) == Lists({}, {}));
}

//! Every candidate is as likely as any other when the keys are uniform.
BOOST_AUTO_TEST_CASE(sampling_is_uniform)
{
    const Tensor assigned = torch::zeros({10}, torch::kLong);
    std::vector<int> count(10);
    Random random(1);
    for (int round = 0; round < 3000; round++)
        for (const int64_t i : list(sampleBalanced(assigned, random.tensor({10}, 0, 1), 3, 0.5).second))
            count[i]++;
    for (const int c : count)
        BOOST_TEST(std::abs(c - 900) < 5 * 25);  // standard deviation sqrt(3000 * 0.3 * 0.7) = 25
}

BOOST_AUTO_TEST_CASE(iou_of_known_boxes)
{
    const Tensor a = boxes({{0, 0, 10, 10}, {5, 5, 5, 5}, {8, 8, 2, 2}}),
                 b = boxes({{0, 0, 10, 10}, {5, 0, 15, 10}, {5, 5, 5, 5}, {20, 20, 30, 30}});
    const Tensor modern = boxIoU(a, b, false);
    BOOST_TEST(largestDifference(modern[0], torch::tensor({1., 1. / 3, 0., 0.}, torch::kDouble)) < 1e-12);
    BOOST_TEST(modern.slice(0, 1, 3).abs().max().item<double>() == 0);  // empty and inverted boxes overlap nothing
    const Tensor legacy = boxIoU(a, b, true);
    BOOST_TEST(largestDifference(legacy[0], torch::tensor({1., 66. / 176, 1. / 121, 0.}, torch::kDouble)) < 1e-12);
    BOOST_TEST(legacy[1][2].item<double>() == 1);  // one pixel each, the same

    const Tensor x = boxes({{0, 0, 10, 10}, {0, 0, 0, 0}}), y = boxes({{5, 0, 10, 10}, {0, 0, 100, 100}});
    const Tensor crowd = torch::tensor({0, 1});
    BOOST_TEST(largestDifference(boxIoUXywh(x, y, crowd), boxes({{1. / 3, 1, 0, 0}}).reshape({2, 2})) < 1e-12);
    BOOST_TEST(std::abs(boxIoUXywh(x, y, torch::zeros({2}))[0][1].item<double>() - 0.01) < 1e-12);
}

BOOST_AUTO_TEST_CASE(deltas_go_there_and_back)
{
    Random random(3);
    Tensor from = random.tensor({50, 4}, 0, 40), to = random.tensor({50, 4}, 0, 40);
    for (Tensor& t : {std::ref(from), std::ref(to)})
        t.slice(1, 2, 4).add_(t.slice(1, 0, 2) + 1);
    for (const bool legacy : {false, true})
    {
        BOOST_TEST(largestDifference(decodeDeltas(from, encodeDeltas(from, to, legacy), legacy), to) < 1e-9);
        BOOST_TEST(encodeDeltas(from, from, legacy).abs().max().item<double>() < 1e-12);
        BOOST_TEST(largestDifference(encodeDeltas(from.to(torch::kFloat), to.to(torch::kFloat), legacy),
                                     encodeDeltas(from, to, legacy)) < 1e-3);
    }
    // One size to the right, twice as wide.
    const Tensor deltas = encodeDeltas(boxes({{0, 0, 10, 10}}), boxes({{5, 0, 25, 10}}), false);
    BOOST_TEST(largestDifference(deltas, boxes({{1, 0, std::log(2.0), 0}})) < 1e-12);
}

BOOST_AUTO_TEST_CASE(anchors_of_a_level)
{
    // Table of operators.md 3.1, stride 16, ratios 0.5, 1, 2.
    const Tensor anchors = gridAnchors(2, 3, 16, {8}, {0.5f, 1.f, 2.f}, false);
    BOOST_REQUIRE(anchors.sizes() == at::IntArrayRef({18, 4}));
    const Tensor first = boxes({{-91, -45, 91, 45}, {-64, -64, 64, 64}, {-45, -91, 45, 91}});
    BOOST_TEST(torch::equal(anchors.slice(0, 0, 3).to(torch::kDouble), first));
    const Tensor last = first + torch::tensor({32., 16., 32., 16.}, torch::kDouble);  // cell (y 1, x 2) is index 5
    BOOST_TEST(torch::equal(anchors.slice(0, 15, 18).to(torch::kDouble), last));
    BOOST_TEST(torch::equal(gridAnchors(1, 1, 4, {8}, {1.f}, true).to(torch::kDouble), boxes({{-14, -14, 17, 17}})));
}

BOOST_AUTO_TEST_CASE(overlap_labels_of_an_aligned_roi)
{
    const Tensor roi = boxes({{10, 20, 80, 55}});
    const Tensor central = torch::zeros({1, 1, 7, 7}, torch::kDouble);
    central.slice(2, 1, 6).slice(3, 1, 6).fill_(1);
    BOOST_TEST(torch::equal(overlapLabels(roi, roi, 7, OverlapRule::SHRUNK), central));  // model.md 2.3
    BOOST_TEST(overlapLabels(roi, roi, 7, OverlapRule::PAPER).eq(1).all().item<bool>());
    // Ground truth in the left half: of the cell centers 15, 25, ..., 75 (width 70) those up to 45.
    const Tensor half = overlapLabels(roi, boxes({{10, 20, 45, 55}}), 7, OverlapRule::PAPER);
    BOOST_TEST(half.slice(3, 0, 4).eq(1).all().item<bool>());
    BOOST_TEST(half.slice(3, 4, 7).eq(0).all().item<bool>());
    BOOST_TEST(overlapLabels(roi.to(torch::kFloat), roi, 7, OverlapRule::PAPER).scalar_type() == torch::kFloat);
}

BOOST_AUTO_TEST_CASE(overlap_labels_of_masks)
{
    const Tensor masks = torch::zeros({2, 28, 28}, torch::kUInt8);
    masks[0].slice(0, 5, 7).slice(1, 9, 11).fill_(1);  // the four central pixels of block (1, 2)
    masks[0][6][10] = 0;                               // three of them are enough
    masks[1].slice(0, 5, 6).slice(1, 9, 11).fill_(1);  // two are not
    masks[1].slice(0, 8, 9).fill_(1);                  // border pixels of blocks do not count
    Tensor expected = torch::zeros({2, 1, 7, 7});
    expected[0][0][1][2] = 1;
    BOOST_TEST(torch::equal(maskOverlapLabels(masks), expected));
    BOOST_TEST(torch::equal(maskOverlapLabels(masks.unsqueeze(1).to(torch::kDouble)), expected.to(torch::kDouble)));
}

BOOST_AUTO_TEST_CASE(dense_targets_measure_the_ground_truth)
{
    // Grid of 2 x 2 points at x = 12.5, 17.5, y = 5, 15 of a RoI 10 wide and 20 high.
    const Tensor t = denseTargets(boxes({{10, 0, 20, 20}}), boxes({{10, 5, 30, 15}}), 2);
    const Tensor expected = torch::tensor({{{{0.25, 0.75}, {0.25, 0.75}},
                                            {{1.75, 1.25}, {1.75, 1.25}},
                                            {{0.0, 0.0}, {0.5, 0.5}},
                                            {{0.5, 0.5}, {0.0, 0.0}}}},
                                          torch::kDouble);
    BOOST_TEST(largestDifference(t, expected) < 1e-12);
    const auto [x, y] = gridPoints(boxes({{10, 0, 20, 20}}), 2);
    BOOST_TEST(torch::equal(x, torch::tensor({{12.5, 17.5}}, torch::kDouble)));
    BOOST_TEST(torch::equal(y, torch::tensor({{5., 15.}}, torch::kDouble)));
    // Nothing infinite from a RoI without width.
    BOOST_TEST(torch::isfinite(denseTargets(boxes({{5, 5, 5, 9}}), boxes({{0, 0, 9, 9}}), 7)).all().item<bool>());
}

BOOST_AUTO_TEST_CASE(jitter)
{
    const int64_t n = 4000;
    const Tensor from = boxes({{20, 30, 60, 50}}).repeat({n, 1});
    const Tensor limits = torch::tensor({{100., 200.}}, torch::kDouble).repeat({n, 1});
    const auto run = [&](const Tensor& in, double amount, uint64_t seed)
    { return jitterBoxes(in, limits, amount, false, torch::make_generator<at::CPUGeneratorImpl>(seed)); };
    BOOST_TEST(largestDifference(run(from, 0, 1), from) < 1e-12);
    const Tensor moved = run(from, 0.15, 1);
    BOOST_TEST(torch::equal(moved, run(from, 0.15, 1)));
    BOOST_TEST(!torch::equal(moved, run(from, 0.15, 2)));
    BOOST_TEST(largestDifference(moved, run(from.to(torch::kFloat), 0.15, 1)) < 1e-4);

    const Tensor w = moved.select(1, 2) - moved.select(1, 0), h = moved.select(1, 3) - moved.select(1, 1);
    const Tensor cx = (moved.select(1, 2) + moved.select(1, 0)) / 2, cy = (moved.select(1, 3) + moved.select(1, 1)) / 2;
    const auto spans = [](const Tensor& t, double low, double high)
    {
        // All inside, both ends nearly reached, mean in the middle: uniform.
        const double reach = 0.01 * (high - low);
        BOOST_TEST(t.min().item<double>() >= low - 1e-9);
        BOOST_TEST(t.max().item<double>() <= high + 1e-9);
        BOOST_TEST(t.min().item<double>() < low + reach);
        BOOST_TEST(t.max().item<double>() > high - reach);
        BOOST_TEST(std::abs(t.mean().item<double>() - (low + high) / 2) < 0.02 * (high - low));
    };
    spans(w, 40 * 0.85, 40 * 1.15);
    spans(h, 20 * 0.85, 20 * 1.15);
    spans(cx, 40 - 40 * 0.15, 40 + 40 * 0.15);
    spans(cy, 40 - 20 * 0.15, 40 + 20 * 0.15);

    // Clipped to each box's own image; in legacy boxes the last pixel is W - 1, H - 1.
    const Tensor big = boxes({{-50, -50, 300, 300}, {-50, -50, 300, 300}});
    const Tensor own = torch::tensor({{100., 200.}, {50., 60.}}, torch::kDouble);
    for (const bool legacy : {false, true})
    {
        const double o = legacy ? 1 : 0;
        BOOST_TEST(torch::equal(jitterBoxes(big, own, 0.1, legacy, torch::make_generator<at::CPUGeneratorImpl>(3)),
                                boxes({{0, 0, 200 - o, 100 - o}, {0, 0, 60 - o, 50 - o}})));
    }
}

BOOST_AUTO_TEST_CASE(views_are_read_as_what_they_mean)
{
    Random random(5);
    const Tensor wide = random.tensor({30, 6}, 0, 20);
    const Tensor view = wide.slice(1, 1, 5), gts = wide.slice(1, 2, 6).slice(0, 0, 4);
    BOOST_REQUIRE(!view.is_contiguous());
    const Tensor sums = wide.cumsum(1);  // corners in order: finite logarithms of sizes
    const Tensor from = sums.slice(1, 1, 5), to = sums.slice(1, 2, 6);
    BOOST_TEST(torch::equal(encodeDeltas(from, to, false), encodeDeltas(from.clone(), to.clone(), false)));
    BOOST_TEST(torch::equal(assignAnchors(view, gts, 20, 20, true, {0.5, 0.1, 0.1}),
                            assignAnchors(view.clone(), gts.clone(), 20, 20, true, {0.5, 0.1, 0.1})));
    const Tensor graph = view.clone().requires_grad_();
    BOOST_TEST(!assignRoIs(graph, gts, false, 0.5).first.requires_grad());
    BOOST_TEST(!encodeDeltas(graph, graph, false).requires_grad());
}

BOOST_AUTO_TEST_CASE(wrong_arguments)
{
    const Tensor b = torch::zeros({3, 4}), two = torch::zeros({2, 4}), five = torch::zeros({3, 5});
    const torch::Generator generator = torch::make_generator<at::CPUGeneratorImpl>(1);
    checkError("encodeDeltas: boxes has shape [3, 5], expected [n, 4]", [&] { encodeDeltas(five, b, false); });
    checkError("encodeDeltas: gts is undefined", [&] { encodeDeltas(b, Tensor(), false); });
    checkError("encodeDeltas: boxes has type Long", [&] { encodeDeltas(b.to(torch::kLong), b, false); });
    checkError("gts has 2 rows, but there are 3", [&] { encodeDeltas(b, two, false); });
    checkError("positiveIou 0.2 must not be below negativeIou 0.3",
               [&] {
                   assignAnchors(b, b, 5, 5, false, {0.2, 0.3});
               });
    checkError("assignRoIs: gts has shape", [&] { assignRoIs(b, five, false, 0.5); });
    checkError("expected int64 [n]", [&] { sampleBalanced(torch::zeros({3}), torch::zeros({3}), 3, 0.5); });
    checkError("keys has shape [2]",
               [&] { sampleBalanced(torch::zeros({3}, torch::kLong), torch::zeros({2}), 3, 0.5); });
    checkError("fraction 1.5", [&] { sampleBalanced(torch::zeros({3}, torch::kLong), torch::zeros({3}), 3, 1.5); });
    checkError("k must be at least 1", [&] { overlapLabels(b, b, 0, OverlapRule::PAPER); });
    checkError("masks has shape [3, 4]", [&] { maskOverlapLabels(b); });
    checkError("limits has shape [3, 4], expected [n, 2]", [&] { jitterBoxes(b, b, 0.1, false, generator); });
    checkError("amount is -0.1", [&] { jitterBoxes(b, torch::zeros({3, 2}), -0.1, false, generator); });
    checkError("stride 0", [&] { gridAnchors(2, 2, 0, {8}, {1}, false); });
}

//! Two masks of a 40 x 60 image: a rectangle, and one that says nothing because the object has none.
BOOST_AUTO_TEST_CASE(mask_targets_by_hand)
{
    Tensor masks = torch::zeros({2, 40, 60}, torch::kByte);
    masks[0].slice(0, 5, 33).slice(1, 10, 38).fill_(1);  // rows 5 to 32, columns 10 to 37: 28 x 28 pixels
    const Tensor present = torch::tensor({1, 0}).to(torch::kBool), gts = torch::tensor({0, 0, 0, 1, 0}, torch::kLong);
    const Tensor rois = torch::tensor({{10.f, 5.f, 38.f, 33.f},     // the mask
                                       {24.f, 5.f, 52.f, 33.f},     // its right half lies in the RoI's left half
                                       {12.f, 7.f, 19.f, 14.f},     // a quarter of its sides: all inside
                                       {10.f, 5.f, 38.f, 33.f},     // an object without mask
                                       {40.f, 35.f, 50.f, 39.f}});  // beside it
    const MaskTargets t = maskTargets(masks, present, rois, gts, {});
    BOOST_TEST(t.masks.sizes() == at::IntArrayRef({5, 1, 28, 28}));
    BOOST_TEST(t.masks[0].sum().item<double>() == 28 * 28);
    BOOST_TEST(t.masks[1][0].slice(1, 0, 14).sum().item<double>() == 28 * 14);
    BOOST_TEST(t.masks[1][0].slice(1, 14, 28).sum().item<double>() == 0);
    BOOST_TEST(t.masks[2].sum().item<double>() == 28 * 28);
    BOOST_TEST(t.masks[3].sum().item<double>() == 0);
    BOOST_TEST(t.masks[4].sum().item<double>() == 0);
    BOOST_TEST(t.present[0].item<bool>());
    BOOST_TEST(!t.present[3].item<bool>());
    BOOST_TEST(t.fraction[0].item<double>() == 1);
    BOOST_TEST(std::abs(t.fraction[1].item<double>() - 0.5) < 1e-6);
    BOOST_TEST(std::abs(t.fraction[2].item<double>() - 64. / 784) < 1e-6);  // pixels 12 to 19 take part, both ends
    BOOST_TEST(t.fraction[4].item<double>() == 0);

    // The released code takes the pixels from int(x1) to int(x2), both included.
    const Tensor inclusive = rois.slice(0, 0, 1) - torch::tensor({0.f, 0.f, 0.5f, 0.5f});
    const MaskTargets legacy = maskTargets(masks, present, inclusive, gts.slice(0, 0, 1), {true});
    BOOST_TEST(legacy.masks.sum().item<double>() == 28 * 28);
    const Tensor shifted = torch::tensor({{11.9f, 5.f, 38.9f, 32.f}});
    const MaskTargets moved = maskTargets(masks, present, shifted, gts.slice(0, 0, 1), {true});  // columns 11 to 38
    BOOST_TEST(moved.masks[0][0].slice(1, 0, 27).sum().item<double>() == 28 * 27);
    BOOST_TEST(moved.masks[0][0].select(1, 27).sum().item<double>() == 0);

    const MaskTargets none = maskTargets(Tensor(), Tensor(), rois, gts, {});
    BOOST_TEST(!none.present.any().item<bool>());
    BOOST_TEST(none.masks.sum().item<double>() == 0);
}

BOOST_AUTO_TEST_CASE(mask_iou_by_hand)
{
    MaskTargets t;
    t.present = torch::ones({3}, torch::kBool);
    t.masks = torch::zeros({3, 1, 28, 28});
    t.masks.slice(2, 0, 14).fill_(1);  // 392 cells
    t.fraction = torch::tensor({1.f, 0.5f, 1.f});
    Tensor logits = torch::full({3, 1, 28, 28}, 0.4f);  // below 0.5, though a probability above one half: not predicted
    logits.slice(2, 0, 7).fill_(0.6f);                  // 196 cells, all inside
    logits[2].fill_(-1.f);
    const Tensor iou = maskIoUTargets(logits, t);
    BOOST_TEST(std::abs(iou[0].item<double>() - 196. / 392) < 1e-5);
    BOOST_TEST(std::abs(iou[1].item<double>() - 196. / 784) < 1e-5);  // half of the object lies outside
    BOOST_TEST(iou[2].item<double>() == 0);
}

BOOST_AUTO_TEST_SUITE(shared, *boost::unit_test::precondition(sharedPresent))

namespace
{

//! The vectors' `sampled`: 1 positive, -1 negative, 0 not sampled.
Tensor sampledSigns(const GoldenCase& c, const Tensor& assigned)
{
    const auto [pos, neg] = sampleBalanced(assigned, c.input("keys").reshape(-1), c.attributes.at("total"),
                                           c.attributes.at("pos_fraction"));
    Tensor signs = torch::zeros({assigned.size(0)});
    signs.index_fill_(0, pos, 1);
    signs.index_fill_(0, neg, -1);
    return signs;
}

void runAnchors(const GoldenCase& c)
{
    const Tensor anchors = c.input("anchors");
    const Tensor gts = c.input("gts").reshape({-1, 4}).slice(0, 0, c.attributes.at("num_gts").get<int64_t>());
    const bool legacy = c.flag("legacy", false);
    const Tensor assigned =
        assignAnchors(anchors, gts, c.attributes.at("height"), c.attributes.at("width"), legacy, {});
    c.check("assigned", assigned);
    Tensor targets = torch::zeros_like(anchors);
    const Tensor rows = assigned.gt(0).nonzero().squeeze(1);
    if (rows.numel() > 0)
        targets.index_copy_(0, rows,
                            encodeDeltas(anchors.index_select(0, rows),
                                         gts.index_select(0, assigned.index_select(0, rows) - 1), legacy));
    c.check("targets", targets);
    c.check("sampled", sampledSigns(c, assigned));
}

void runRoIs(const GoldenCase& c)
{
    const auto [rows, assigned] = assignRoIs(c.input("proposals"), c.input("gts"), c.flag("legacy", false), 0.5);
    c.check("rows", rows);
    c.check("assigned", assigned);
    c.check("sampled", sampledSigns(c, assigned));
}

void runIoU(const GoldenCase& c)
{
    if (c.attributes.at("format") == "xywh")
        c.check("iou", boxIoUXywh(c.input("a"), c.input("b"), c.input("crowd")));
    else
        c.check("iou", boxIoU(c.input("a"), c.input("b"), c.flag("legacy", false)));
}

void runDeltas(const GoldenCase& c)
{
    const bool legacy = c.flag("legacy", false);
    const Tensor from = c.input("boxes"), deltas = encodeDeltas(from, c.input("gts"), legacy);
    c.check("deltas", deltas);
    c.check("decoded", decodeDeltas(from, deltas, legacy));
}

void runLabels(const GoldenCase& c)
{
    c.check("labels", overlapLabels(c.input("rois"), c.input("gts"), c.attributes.at("k"),
                                    c.attributes.at("rule") == "paper" ? OverlapRule::PAPER : OverlapRule::SHRUNK));
}

void runMaskLabels(const GoldenCase& c)
{
    c.check("labels", maskOverlapLabels(c.input("masks")));
}

}  // namespace

BOOST_AUTO_TEST_CASE(golden_vectors)
{
    runGolden("targets", {{"assign_anchors", runAnchors},
                          {"sample_rois", runRoIs},
                          {"box_iou", runIoU},
                          {"encode_deltas", runDeltas},
                          {"overlap_labels", runLabels},
                          {"mask_overlap_labels", runMaskLabels}});
}

BOOST_AUTO_TEST_SUITE_END()
