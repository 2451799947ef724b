// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Losses: gradients against central differences, values by hand, the floors of the IoU loss, empty inputs, golden
   vectors. */

#define BOOST_TEST_MODULE losses
#include <boost/test/unit_test.hpp>

#include "golden.hpp"
#include "errors.hpp"
#include "gradient_check.hpp"
#include "model/losses.hpp"
#include "model/targets.hpp"

#include <cmath>

using namespace d2det;
using namespace d2det::test;
using torch::Tensor;

namespace
{

struct Scene
{
    Tensor rois, gts, offsets, labels;
};

//! RoIs with a ground truth nearby; the last one's ground truth is far away (IoU 0, below the floors).
Scene makeScene(uint32_t seed, int64_t n = 5, int64_t k = 3)
{
    Random random(seed);
    Scene s;
    s.rois = torch::zeros({n, 4}, torch::kDouble);
    s.gts = torch::zeros({n, 4}, torch::kDouble);
    for (int64_t i = 0; i < n; i++)
    {
        double *roi = s.rois.data_ptr<double>() + 4 * i, *gt = s.gts.data_ptr<double>() + 4 * i;
        for (int axis = 0; axis < 2; axis++)
        {
            roi[axis] = random.uniform(0, 40);
            roi[axis + 2] = roi[axis] + random.uniform(10, 40);
            gt[axis] = roi[axis] + random.uniform(-5, 5);
            gt[axis + 2] = roi[axis + 2] + random.uniform(-5, 5);
        }
    }
    if (n > 1)
        s.gts[n - 1].add_(1000);
    s.offsets = random.tensor({n, 4, k, k}, 0.02, 0.9);
    s.labels = random.tensor({n, 1, k, k}, 0, 1).gt(0.4).to(torch::kDouble);
    return s;
}

Tensor row(std::initializer_list<double> values)
{
    return torch::tensor(std::vector<double>(values), torch::kDouble).unsqueeze(0);
}

//! One RoI (0, 0, 10, 10) and one cell at (5, 5) that decodes to (5 - 10 l, 5 - 10 t, 5 + 10 r, 5 + 10 b).
Tensor oneCell(double l, double r, double t, double b)
{
    return row({l, r, t, b}).reshape({1, 4, 1, 1});
}

double cellLoss(const Tensor& offsets, const Tensor& gt, bool legacy = false)
{
    return iouLossMap(row({0, 0, 10, 10}), offsets, gt, legacy).item<double>();
}

}  // namespace

BOOST_AUTO_TEST_CASE(dense_iou_loss_gradient)
{
    for (const bool legacy : {false, true})
        for (const LossReduction reduction : {LossReduction::MASKED, LossReduction::BROADCAST})
        {
            const Scene s = makeScene(1);
            checkGradient([&](const std::vector<Tensor>& in)
                          { return denseIoULoss(s.rois, in[0], s.gts, s.labels, legacy, reduction, 2); },
                          {s.offsets.clone().requires_grad_()});
            checkGradient([&](const std::vector<Tensor>& in) { return iouLossMap(s.rois, in[0], s.gts, legacy); },
                          {s.offsets.clone().requires_grad_()});
        }
}

BOOST_AUTO_TEST_CASE(smooth_l1_gradient)
{
    const Scene s = makeScene(2);
    for (const double beta : {1.0 / 9, 1.0})
    {
        checkGradient([&](const std::vector<Tensor>& in)
                      { return denseSmoothL1Loss(s.rois, in[0], s.gts, s.labels, beta, 2); },
                      {s.offsets.clone().requires_grad_()}, 1e-6, 1e-6);
        const Tensor target = Random(3).tensor({6, 4}, -1, 1);
        checkGradient([&](const std::vector<Tensor>& in) { return smoothL1Sum(in[0], target, beta); },
                      {Random(4).tensor({6, 4}, -1, 1).requires_grad_()}, 1e-6, 1e-6);
    }
}

BOOST_AUTO_TEST_CASE(bce_gradient)
{
    const Tensor labels = Random(5).tensor({2, 1, 3, 3}, 0, 1).gt(0.5).to(torch::kDouble);
    checkGradient([&](const std::vector<Tensor>& in) { return bceLoss(in[0], labels); },
                  {Random(6).tensor({2, 1, 3, 3}, -3, 3).requires_grad_()});
}

BOOST_AUTO_TEST_CASE(targets_decode_to_the_ground_truth)
{
    const Scene s = makeScene(7, 4, 7);
    const Tensor decoded = decodeDense(s.rois, denseTargets(s.rois, s.gts, 7));
    BOOST_TEST(decoded.sizes() == at::IntArrayRef({4, 7, 7, 4}));
    BOOST_TEST((decoded - s.gts.reshape({4, 1, 1, 4})).abs().max().item<double>() < 1e-9);
    const Tensor perfect = iouLossMap(s.rois, denseTargets(s.rois, s.gts, 7), s.gts, false);
    BOOST_TEST(perfect.abs().max().item<double>() < 1e-9);
    const Tensor ones = torch::ones({4, 1, 7, 7}, torch::kDouble);
    BOOST_TEST(denseSmoothL1Loss(s.rois, denseTargets(s.rois, s.gts, 7), s.gts, ones, 1, 1).item<double>() < 1e-12);
}

//! model.md 2.4: u = max(IoU, 1e-6), u' = u if u > 0.1 else u + 0.1, loss = -ln u'.
BOOST_AUTO_TEST_CASE(iou_loss_by_hand)
{
    const auto near = [](double a, double b) { return std::abs(a - b) < 1e-9; };
    BOOST_TEST(near(cellLoss(oneCell(.5, .5, .5, .5), row({0, 0, 10, 10})), 0));
    BOOST_TEST(near(cellLoss(oneCell(.5, .5, .5, .5), row({0, 0, 10, 20})), std::log(2.0)));
    BOOST_TEST(near(cellLoss(oneCell(.5, .5, .5, .5), row({0, 0, 20, 100})), -std::log(0.05 + 0.1)));
    BOOST_TEST(near(cellLoss(oneCell(.5, .5, .5, .5), row({50, 50, 60, 60})), -std::log(1e-6 + 0.1)));
    BOOST_TEST(near(cellLoss(oneCell(0, 0, 0, 0), row({0, 0, 10, 10})), -std::log(1e-6 + 0.1)));   // an empty box
    BOOST_TEST(near(cellLoss(oneCell(.5, .4, .5, .4), row({0, 0, 9, 19}), true), std::log(2.0)));  // 10 x 10 in 10 x 20

    const Tensor offsets = torch::cat({oneCell(.5, .5, .5, .5), oneCell(.5, .5, .5, .5)});
    const Tensor rois = row({0, 0, 10, 10}).repeat({2, 1}),
                 gts = torch::cat({row({0, 0, 10, 20}), row({0, 0, 10, 40})});
    const Tensor labels = torch::tensor({1., 0.}, torch::kDouble).reshape({2, 1, 1, 1});
    BOOST_TEST(near(denseIoULoss(rois, offsets, gts, labels, false, LossReduction::MASKED, 3).item<double>(),
                    1.5 * std::log(2.0)));
    BOOST_TEST(near(denseIoULoss(rois, offsets, gts, labels, false, LossReduction::BROADCAST, 3).item<double>(),
                    3 * 1.5 * std::log(2.0) * 0.5));
}

//! Below 1e-6 there is no gradient, and nowhere one that is not finite - also not from degenerate boxes.
BOOST_AUTO_TEST_CASE(iou_loss_gradient_is_zero_without_overlap)
{
    const auto gradient = [](const Tensor& roi, const Tensor& offsets, const Tensor& gt, bool legacy)
    {
        const Tensor leaf = offsets.clone().requires_grad_();
        return torch::autograd::grad({iouLossMap(roi, leaf, gt, legacy).sum()}, {leaf})[0];
    };
    const Tensor unit = row({0, 0, 10, 10});
    BOOST_TEST(gradient(unit, oneCell(.5, .5, .5, .5), row({50, 50, 60, 60}), false).abs().max().item<double>() == 0);
    BOOST_TEST(gradient(unit, oneCell(.5, .5, .5, .5), row({0, 0, 9, 9}), false).abs().max().item<double>() > 0);
    // Exact zeros of a ReLU, a RoI and a ground truth without area, sides that coincide.
    for (const bool legacy : {false, true})
        for (const Tensor& roi : {unit, row({5, 5, 5, 5}), row({5, 5, 5, 9})})
            for (const Tensor& gt : {unit, row({5, 5, 5, 5}), row({9, 9, 1, 1})})
                for (const Tensor& offsets : {oneCell(0, 0, 0, 0), oneCell(.5, .5, .5, .5), oneCell(0, 1, 0, 1)})
                {
                    BOOST_TEST(torch::isfinite(iouLossMap(roi, offsets, gt, legacy)).all().item<bool>());
                    BOOST_TEST(torch::isfinite(gradient(roi, offsets, gt, legacy)).all().item<bool>());
                }
}

BOOST_AUTO_TEST_CASE(smooth_l1_by_hand)
{
    // |d| = 0.5 below beta 1: 0.125; |d| = 3 above: 2.5.
    const Tensor prediction = row({0.5, 3, 0, -3}), target = row({0, 0, 0, 0});
    BOOST_TEST(std::abs(smoothL1Sum(prediction, target, 1).item<double>() - 5.125) < 1e-12);
    // Targets of RoI = gt at its center: 0.5 each. Two cells, one counts: sum over its sides.
    const Tensor rois = row({0, 0, 10, 10}).repeat({2, 1});
    const Tensor offsets = torch::cat({oneCell(1, .5, .5, 3.5), oneCell(9, 9, 9, 9)});
    const Tensor labels = torch::tensor({1., 0.}, torch::kDouble).reshape({2, 1, 1, 1});
    BOOST_TEST(std::abs(denseSmoothL1Loss(rois, offsets, rois, labels, 1, 2).item<double>() - 2 * 2.625) < 1e-12);
    // No cell with label 1: 0, not 0 / 0.
    BOOST_TEST(denseSmoothL1Loss(rois, offsets, rois, labels * 0, 1, 2).item<double>() == 0);
}

BOOST_AUTO_TEST_CASE(bce_by_hand)
{
    const Tensor logits = row({0, 100, -100, 100}), labels = row({1, 1, 1, 0});
    BOOST_TEST(std::abs(bceLoss(logits, labels).item<double>() - (std::log(2.0) + 0 + 100 + 100) / 4) < 1e-12);
}

BOOST_AUTO_TEST_CASE(nothing_gives_a_zero_with_a_graph)
{
    for (const auto type : {torch::kFloat, torch::kDouble})
    {
        const Tensor rois = torch::zeros({0, 4}, type), labels = torch::zeros({0, 1, 7, 7}, type);
        const Tensor source = torch::ones({3}, type).requires_grad_();
        const Tensor offsets = source.sum() * torch::zeros({0, 4, 7, 7}, type);
        const Tensor logits = source.sum() * labels, deltas = source.sum() * rois;
        for (const Tensor& loss : {denseIoULoss(rois, offsets, rois, labels, false, LossReduction::MASKED, 1),
                                   denseIoULoss(rois, offsets, rois, labels, true, LossReduction::BROADCAST, 1),
                                   denseSmoothL1Loss(rois, offsets, rois, labels, 1, 1), bceLoss(logits, labels),
                                   smoothL1Sum(deltas, rois, 1)})
        {
            BOOST_TEST(loss.dim() == 0);
            BOOST_TEST(loss.item<double>() == 0);
            BOOST_REQUIRE(loss.requires_grad());
            source.mutable_grad() = Tensor();
            loss.backward({}, true);
            BOOST_TEST(source.grad().abs().max().item<double>() == 0);
        }
        BOOST_TEST(iouLossMap(rois, offsets, rois, false).sizes() == at::IntArrayRef({0, 7, 7}));
    }
}

BOOST_AUTO_TEST_CASE(float_agrees_with_double)
{
    const Scene s = makeScene(8, 20, 7);
    const auto single = [](const Tensor& t) { return t.to(torch::kFloat); };
    const Tensor a = single(s.offsets).requires_grad_(), b = single(s.offsets).to(torch::kDouble).requires_grad_();
    const auto loss = [&](const Tensor& offsets)
    {
        // RoIs, ground truths and labels follow the type of the prediction.
        return denseIoULoss(single(s.rois), offsets, single(s.gts), s.labels, false, LossReduction::MASKED, 1) +
               denseSmoothL1Loss(single(s.rois), offsets, single(s.gts), s.labels, 0.1, 1);
    };
    const Tensor lossA = loss(a), lossB = loss(b);
    BOOST_TEST(lossA.scalar_type() == torch::kFloat);
    BOOST_TEST(lossB.scalar_type() == torch::kDouble);
    BOOST_TEST(std::abs(lossA.item<double>() - lossB.item<double>()) < 1e-5 * lossB.item<double>());
    lossA.backward();
    lossB.backward();
    BOOST_TEST((a.grad().to(torch::kDouble) - b.grad()).abs().max().item<double>() < 1e-5);
}

BOOST_AUTO_TEST_CASE(wrong_arguments)
{
    const Scene s = makeScene(9);
    checkError("rois has shape [4, 4], expected [5, 4]",
               [&] { iouLossMap(s.rois.slice(0, 0, 4), s.offsets, s.gts, false); });
    checkError("gts has shape [4, 4], expected [5, 4]",
               [&] { iouLossMap(s.rois, s.offsets, s.gts.slice(0, 0, 4), false); });
    checkError("labels has shape [5, 3, 3], expected [5, 1, 3, 3]",
               [&] { denseSmoothL1Loss(s.rois, s.offsets, s.gts, s.labels.squeeze(1), 1, 1); });
    checkError("offsets has shape [5, 4, 2, 3]", [&] { decodeDense(s.rois, s.offsets.slice(2, 0, 2)); });
    checkError("targets has shape [5, 1, 3], but logits has [5, 1, 3, 3]",
               [&] { bceLoss(s.labels, s.labels.select(3, 0)); });
    checkError("beta is 0", [&] { smoothL1Sum(s.rois, s.gts, 0); });
    checkError("beta is -1", [&] { denseSmoothL1Loss(s.rois, s.offsets, s.gts, s.labels, -1, 1); });
    checkError("target has shape [4, 4]", [&] { smoothL1Sum(s.rois, s.gts.slice(0, 0, 4), 1); });
}

BOOST_AUTO_TEST_SUITE(shared, *boost::unit_test::precondition(sharedPresent))

namespace
{

void finish(const GoldenCase& c, const Tensor& loss, const std::string& name, const Tensor& leaf)
{
    c.check("loss", loss);
    loss.backward();
    c.checkGradients({{name, leaf}});
}

void runDense(const GoldenCase& c)
{
    const Tensor rois = c.input("rois"), gts = c.input("gts"), offsets = c.leaf("offsets");
    const bool legacy = c.flag("legacy", false);
    c.check("loss_map", iouLossMap(rois, offsets, gts, legacy));
    finish(c,
           denseIoULoss(rois, offsets, gts, c.input("labels"), legacy,
                        c.attributes.at("reduction") == "masked" ? LossReduction::MASKED : LossReduction::BROADCAST,
                        c.attributes.at("weight")),
           "offsets", offsets);
}

void runBce(const GoldenCase& c)
{
    const Tensor logits = c.leaf("logits");
    finish(c, bceLoss(logits, c.input("labels")), "logits", logits);
}

void runSmoothL1(const GoldenCase& c)
{
    const Tensor prediction = c.leaf("pred");
    finish(c, smoothL1Sum(prediction, c.input("target"), c.attributes.at("beta")), "pred", prediction);
}

}  // namespace

BOOST_AUTO_TEST_CASE(golden_vectors)
{
    runGolden("losses", {{"dlr_loss", runDense}, {"bce_loss", runBce}, {"smooth_l1", runSmoothL1}});
}

BOOST_AUTO_TEST_SUITE_END()
