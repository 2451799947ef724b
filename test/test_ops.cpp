// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Differentiable operators: gradients against central differences, fast kernels against the reference, memory formats,
   empty inputs, refusals, golden vectors. */

#define BOOST_TEST_MODULE ops
#include <boost/test/unit_test.hpp>

#include "deform_conv2d_vectors.hpp"
#include "golden.hpp"
#include "errors.hpp"
#include "gradient_check.hpp"
#include "operators_in_trainer.hpp"
#include "ops/ops.hpp"

#include <algorithm>
#include <cmath>
#include <set>

using namespace d2det;
using namespace d2det::test;
using d2det::test::Random;
using torch::Tensor;

namespace
{

struct Scene
{
    std::vector<Tensor> features;
    std::vector<float> strides{2, 4};
    Tensor rois;
};

//! Two levels, two images, RoIs of all sizes, partly outside; the last two rows are unusable.
Scene makeScene(uint32_t seed, int numRois = 6, int64_t channels = 2)
{
    Random random(seed);
    Scene s;
    s.features = {random.tensor({2, channels, 9, 12}, -1, 1), random.tensor({2, channels, 5, 6}, -1, 1)};
    s.rois = torch::zeros({numRois, 5}, torch::kDouble);
    for (int r = 0; r < numRois; r++)
    {
        double* roi = s.rois.data_ptr<double>() + 5 * r;
        roi[0] = r % 2;
        roi[1] = random.uniform(-4, 12);
        roi[2] = random.uniform(-4, 8);
        roi[3] = roi[1] + random.uniform(2, 18);
        roi[4] = roi[2] + random.uniform(2, 16);
    }
    if (numRois >= 4)
    {
        s.rois[numRois - 1][0] = 2;             // no such image
        s.rois[numRois - 2][3] = std::nan("");  // not a box
    }
    return s;
}

void requireGrad(std::vector<Tensor>& tensors)
{
    for (Tensor& t : tensors)
        t.requires_grad_();
}

std::vector<Tensor> toFloat(const std::vector<Tensor>& tensors)
{
    std::vector<Tensor> out;
    for (const Tensor& t : tensors)
        out.push_back(t.detach().to(torch::kFloat).requires_grad_());
    return out;
}

ops::kernels::RoIAlignParams alignParams(bool legacy, bool aligned, int samplingRatio)
{
    ops::kernels::RoIAlignParams p;
    p.pooledHeight = 3;
    p.pooledWidth = 2;
    p.samplingRatio = samplingRatio;
    p.finestScale = 7;
    p.aligned = aligned;
    p.legacy = legacy;
    return p;
}

ops::kernels::DeformRoIPoolParams deformParams(bool legacy, int samplingRatio = 2)
{
    ops::kernels::DeformRoIPoolParams p;
    p.pooledSize = 4;
    p.offsetSize = 2;
    p.samplingRatio = samplingRatio;
    p.gamma = 0.3f;
    p.finestScale = 7;
    p.legacy = legacy;
    return p;
}

//! Offsets [R, 2, k, k] whose samples all keep away from kinks, so that differences of small steps are exact.
Tensor smoothOffsets(const ops::kernels::DeformRoIPoolParams& p, const Scene& scene, uint32_t seed)
{
    Random random(seed);
    const int64_t k = p.offsetSize, numRois = scene.rois.size(0);
    Tensor offsets = torch::zeros({numRois, 2, k, k}, torch::kDouble);
    for (int64_t r = 0; r < numRois; r++)
    {
        const double* roi = scene.rois.data_ptr<double>() + 5 * r;
        const int level = ops::kernels::roiLevel(roi, p.finestScale, static_cast<int>(scene.strides.size()), p.legacy);
        for (int axis = 0; axis < 2; axis++)
            for (int64_t i = 0; i < k * k; i++)
            {
                double& o = offsets.data_ptr<double>()[((r * 2 + axis) * k * k) + i];
                const int cell = static_cast<int>(axis == 0 ? i % k : i / k);
                do
                    o = random.uniform(-0.5, 0.5);
                while (d2det_test::DeformRoIPool::Problem::distanceToKinks(p, roi[1 + axis], roi[3 + axis],
                                                                           1.0 / scene.strides[level], o, cell) < 1e-3);
            }
    }
    return offsets;
}

double largestDifference(const Tensor& a, const Tensor& b)
{
    return (a.detach().to(torch::kDouble) - b.detach().to(torch::kDouble)).abs().max().item<double>();
}

//! Gradients of `function` with respect to `inputs` for the upstream gradient `upstream`.
std::vector<Tensor> gradients(const Tensor& output, const std::vector<Tensor>& inputs, const Tensor& upstream)
{
    return torch::autograd::grad({output}, inputs, {upstream.to(output.scalar_type())});
}

}  // namespace

//! Every differentiable operator over the gradient cases of its list.
BOOST_AUTO_TEST_CASE(operator_gradients)
{
    using namespace d2det_test;
    const Selection selection;
    BOOST_REQUIRE(selectionExists(allOperators()));
    int count = 0;
    for (const Operator* op : allOperators())
    {
        const std::vector<CaseInfo> cases = op->cases();
        for (size_t i = 0; i < cases.size(); i++)
        {
            if (!cases[i].gradient || !selection.takes(op->name(), cases[i].name))
                continue;
            BOOST_TEST_CONTEXT(repeatLine(op->name(), cases[i].name, selection.seed, "--run_test=operator_gradients"))
            {
                const std::unique_ptr<Problem> p = op->make(i, selection.seed);
                checkGradient([&](const std::vector<torch::Tensor>& in) { return runInTrainer(*p, in).at(0); },
                              trainerInputs(*p, torch::kCPU, torch::kDouble));
            }
            count++;
        }
    }
    BOOST_TEST((count > 0 || !selection.name.empty()));
}

//! An operator of the trainer has cases for it in its list, and no other operator has any.
BOOST_AUTO_TEST_CASE(operators_of_the_trainer_have_cases)
{
    using namespace d2det_test;
    std::set<std::string> ofTrainer;
#define D2DET_OPERATOR(name, stem) \
    if (IS_IN_TRAINER<name>)       \
        ofTrainer.insert(#stem);
#include "kernels/operators.inc"
    for (const Operator* op : allOperators())
    {
        const std::vector<CaseInfo> cases = op->cases();
        const bool any = std::any_of(cases.begin(), cases.end(), [](const CaseInfo& c) { return c.trainer; });
        BOOST_TEST(any == (ofTrainer.count(op->name()) > 0), op->name());
    }
}

//! Output and gradients of all inputs, one behind the other: values that are stored, at offsets of zero too.
BOOST_AUTO_TEST_CASE(deformable_convolution_of_torchvision)
{
    using d2det_test::DeformConv2d;
    size_t count = 0;
    for (const d2det_test::DeformConv2dVector& v : d2det_test::deformConv2dVectors())
        for (const DeformConv2d::Case& c : DeformConv2d::cases())
        {
            if (c.name != v.name)
                continue;
            BOOST_TEST_CONTEXT(v.name)
            {
                const DeformConv2d::Problem p(c, v.seed);
                const std::vector<Tensor> inputs = trainerInputs(p, torch::kCPU, torch::kDouble);
                const Tensor output = runInTrainer(p, inputs).at(0);
                const Tensor upstream =
                    torch::from_blob(const_cast<float*>(p.upstream.data()), output.sizes(), torch::kFloat);
                std::vector<Tensor> all{output.flatten()};
                for (const Tensor& gradient : gradients(output, inputs, upstream))
                    all.push_back(gradient.flatten());
                const Tensor got = torch::cat(all), expected = torch::tensor(v.values, torch::kDouble);
                BOOST_REQUIRE(got.sizes() == expected.sizes());
                const Tensor error = (got - expected).abs() / expected.abs().clamp_min(1);
                BOOST_TEST(error.max().item<double>() < 1e-5);  // six digits are stored
            }
            count++;
        }
    BOOST_TEST(count == 4u);
}

//! Inputs that want no gradient get none, and change no other one.
BOOST_AUTO_TEST_CASE(deformable_convolution_with_a_frozen_weight)
{
    const d2det_test::DeformConv2d::Problem p(d2det_test::DeformConv2d::cases()[0], 3);
    std::vector<Tensor> inputs = trainerInputs(p, torch::kCPU, torch::kFloat);
    runInTrainer(p, inputs).at(0).sum().backward();
    const Tensor offset = inputs[1].grad().clone();
    for (Tensor& input : inputs)
        input = input.detach();
    inputs[1].requires_grad_();
    runInTrainer(p, inputs).at(0).sum().backward();
    BOOST_TEST(torch::equal(offset, inputs[1].grad()));
    BOOST_TEST(!inputs[3].grad().defined());
}

BOOST_AUTO_TEST_CASE(wrong_arguments_of_a_deformable_convolution)
{
    const Tensor X = torch::rand({1, 3, 4, 5}), offset = torch::zeros({1, 18, 4, 5}), mask = torch::rand({1, 9, 4, 5});
    const Tensor weight = torch::rand({2, 3, 3, 3}), bias = torch::rand({2});
    ops::kernels::DeformConv2dParams p;
    p.padTop = p.padLeft = 1;
    BOOST_CHECK_NO_THROW(ops::deformConv2d(X, offset, mask, weight, bias, p));
    BOOST_CHECK_NO_THROW(ops::deformConv2d(X, offset, Tensor(), weight, Tensor(), p));
    checkError("deformConv2d: offset has shape [1, 9, 4, 5], expected [1, 18, oh, ow]",
               [&] { ops::deformConv2d(X, mask, mask, weight, bias, p); });
    checkError("mask has shape", [&] { ops::deformConv2d(X, offset, offset, weight, bias, p); });
    checkError("offset has 9 pixels along the height",
               [&] {
                   ops::deformConv2d(X, torch::zeros({1, 18, 9, 5}), mask, weight, bias, p);
               });
    checkError("weight has shape", [&] { ops::deformConv2d(X, offset, mask, torch::rand({2, 4, 3, 3}), bias, p); });
    checkError("bias has 3 values", [&] { ops::deformConv2d(X, offset, mask, weight, torch::rand({3}), p); });
    checkError("has type", [&] { ops::deformConv2d(X.to(torch::kDouble), offset, mask, weight, bias, p); });
    checkError("bias has shape", [&] { ops::deformConv2d(X, offset, mask, weight, torch::rand({2, 1}), p); });
    p.offsetGroups = 2;
    checkError("offsetGroups is 2", [&] { ops::deformConv2d(X, offset, mask, weight, bias, p); });
}

//! The whole block of the classifier: weights from a convolution and an instance norm of the features themselves.
BOOST_AUTO_TEST_CASE(adaptive_weighted_block_gradient)
{
    Random random(5);
    std::vector<Tensor> inputs{random.tensor({2, 2, 6, 6}, -1, 1), random.tensor({2, 2, 3, 3}, -0.5, 0.5),
                               random.tensor({2}, 0.5, 1.5), random.tensor({2}, -0.5, 0.5)};
    requireGrad(inputs);
    checkGradient(
        [](const std::vector<Tensor>& in)
        {
            const Tensor conv = torch::conv2d(in[0], in[1], {}, 1, 1);
            return ops::adaptiveWeightedPool(
                in[0], torch::instance_norm(conv, in[2], in[3], {}, {}, true, 0, 1e-5, false), 12);
        },
        inputs);
}

BOOST_AUTO_TEST_CASE(float_agrees_with_double)
{
    const Scene s = makeScene(6, 12, 19);  // 19 channels: no multiple of any vector width
    const std::vector<Tensor> single = toFloat(s.features);
    std::vector<Tensor> exact;
    for (const Tensor& f : single)
        exact.push_back(f.detach().to(torch::kDouble).requires_grad_());
    const Tensor rois = s.rois.to(torch::kFloat);
    const auto compare =
        [](const Tensor& a, const Tensor& b, const std::vector<Tensor>& in, const std::vector<Tensor>& in64)
    {
        BOOST_TEST(a.scalar_type() == torch::kFloat);
        BOOST_TEST(b.scalar_type() == torch::kDouble);
        BOOST_TEST(largestDifference(a, b) < 1e-4);
        const Tensor upstream = Random(7).tensor(a.sizes(), -1, 1);
        const auto ga = gradients(a, in, upstream), gb = gradients(b, in64, upstream);
        for (size_t i = 0; i < ga.size(); i++)
        {
            BOOST_TEST(ga[i].sizes() == in[i].sizes());
            BOOST_TEST(gb[i].abs().max().item<double>() > 0.01);
            BOOST_TEST(largestDifference(ga[i], gb[i]) < 1e-3);
        }
    };
    for (const bool legacy : {false, true})
    {
        const auto align = alignParams(legacy, true, 2);
        compare(ops::roiAlign(single, s.strides, rois, align), ops::roiAlign(exact, s.strides, rois, align), single,
                exact);
        const auto deform = deformParams(legacy);
        const Tensor offsets = smoothOffsets(deform, s, 8).to(torch::kFloat).requires_grad_();
        const Tensor offsets64 = offsets.detach().to(torch::kDouble).requires_grad_();
        compare(ops::deformRoIPool(single, s.strides, rois, offsets, deform),
                ops::deformRoIPool(exact, s.strides, rois, offsets64, deform), {single[0], single[1], offsets},
                {exact[0], exact[1], offsets64});
    }
    const std::vector<Tensor> fn =
        toFloat({Random(9).tensor({3, 5, 7, 7}, -1, 1), Random(10).tensor({3, 5, 7, 7}, -2, 2)});
    const std::vector<Tensor> fn64{fn[0].detach().to(torch::kDouble).requires_grad_(),
                                   fn[1].detach().to(torch::kDouble).requires_grad_()};
    compare(ops::adaptiveWeightedPool(fn[0], fn[1], 12), ops::adaptiveWeightedPool(fn64[0], fn64[1], 12), fn, fn64);
}

BOOST_AUTO_TEST_CASE(any_memory_format)
{
    const Scene s = makeScene(11, 6, 8);
    const std::vector<Tensor> plain = toFloat(s.features);
    std::vector<Tensor> last;
    for (const Tensor& t : plain)
        last.push_back(t.detach().contiguous(at::MemoryFormat::ChannelsLast).requires_grad_());
    BOOST_REQUIRE(!last[0].is_contiguous());
    const Tensor rois = s.rois.to(torch::kFloat);
    const Tensor strided = torch::cat({rois, rois}, 1).slice(1, 0, 5);  // rows are not dense
    BOOST_REQUIRE(!strided.is_contiguous());

    const auto same =
        [](const Tensor& a, const Tensor& b, const std::vector<Tensor>& inA, const std::vector<Tensor>& inB)
    {
        BOOST_TEST(a.is_contiguous());
        BOOST_TEST(b.is_contiguous());
        BOOST_TEST(torch::equal(a, b));
        const Tensor upstream = Random(12).tensor(a.sizes(), -1, 1).to(torch::kFloat);
        const auto ga = torch::autograd::grad({a}, inA, {upstream});
        // A gradient that is a broadcast view or channels_last must be read as what it means.
        const auto gb = torch::autograd::grad({b}, inB, {upstream.contiguous(at::MemoryFormat::ChannelsLast)});
        for (size_t i = 0; i < ga.size(); i++)
            BOOST_TEST(torch::equal(ga[i], gb[i]));
    };
    const auto align = alignParams(false, true, 2);
    same(ops::roiAlign(plain, s.strides, rois, align), ops::roiAlign(last, s.strides, strided, align), plain, last);
    const auto deform = deformParams(false);
    const Tensor offsets = smoothOffsets(deform, s, 13).to(torch::kFloat).requires_grad_();
    const Tensor offsetsLast = offsets.detach().contiguous(at::MemoryFormat::ChannelsLast).requires_grad_();
    same(ops::deformRoIPool(plain, s.strides, rois, offsets, deform),
         ops::deformRoIPool(last, s.strides, strided, offsetsLast, deform), {plain[0], plain[1], offsets},
         {last[0], last[1], offsetsLast});
    const Tensor N = Random(14).tensor(plain[0].sizes(), -2, 2).to(torch::kFloat).requires_grad_();
    const Tensor nLast = N.detach().contiguous(at::MemoryFormat::ChannelsLast).requires_grad_();
    same(ops::adaptiveWeightedPool(plain[0], N, 12), ops::adaptiveWeightedPool(last[0], nLast, 12), {plain[0], N},
         {last[0], nLast});

    // sum() sends back one number expanded to the output's shape.
    const Tensor expanded = torch::autograd::grad({ops::roiAlign(plain, s.strides, rois, align).sum()}, {plain[0]})[0];
    const Tensor output = ops::roiAlign(plain, s.strides, rois, align);
    BOOST_TEST(torch::equal(expanded, torch::autograd::grad({output}, {plain[0]}, {torch::ones_like(output)})[0]));
}

BOOST_AUTO_TEST_CASE(no_offsets_means_zeros)
{
    Scene s = makeScene(15);
    requireGrad(s.features);
    const auto p = deformParams(false);
    const Tensor zeros = torch::zeros({s.rois.size(0), 2, 2, 2}, torch::kDouble).requires_grad_();
    const Tensor with = ops::deformRoIPool(s.features, s.strides, s.rois, zeros, p);
    const Tensor without = ops::deformRoIPool(s.features, s.strides, s.rois, Tensor(), p);
    BOOST_TEST(torch::equal(with, without));
    const Tensor upstream = Random(16).tensor(with.sizes(), -1, 1);
    const auto a = gradients(with, s.features, upstream), b = gradients(without, s.features, upstream);
    BOOST_TEST(torch::equal(a[0], b[0]));
    BOOST_TEST(torch::equal(a[1], b[1]));

    // ... and is RoIAlign with as many samples (operators.md 3.3).
    ops::kernels::RoIAlignParams align = alignParams(false, true, 2);
    align.pooledHeight = align.pooledWidth = p.pooledSize;
    BOOST_TEST(largestDifference(without, ops::roiAlign(s.features, s.strides, s.rois, align)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(maps_no_roi_uses_get_zero)
{
    Scene s = makeScene(17, 1);
    requireGrad(s.features);
    s.rois = torch::tensor({{0.0, 2.0, 2.0, 5.0, 5.0}}, torch::kDouble);  // small: level 0, image 0
    const auto grads = torch::autograd::grad(
        {ops::roiAlign(s.features, s.strides, s.rois, alignParams(false, true, 2)).sum()}, s.features);
    BOOST_TEST(grads[0][0].abs().sum().item<double>() > 0);
    BOOST_TEST(grads[0][1].abs().sum().item<double>() == 0);
    BOOST_TEST(grads[1].abs().sum().item<double>() == 0);
    // The bins' averages have weight 1 in all where no sample lies outside.
    BOOST_TEST(std::abs(grads[0].sum().item<double>() - 2 * 3 * 2) < 1e-9);
}

BOOST_AUTO_TEST_CASE(unusable_rois_give_zeros)
{
    const Scene s = makeScene(18);
    const Tensor aligned = ops::roiAlign(s.features, s.strides, s.rois, alignParams(false, true, 2));
    const Tensor deformed = ops::deformRoIPool(s.features, s.strides, s.rois, Tensor(), deformParams(true));
    for (const Tensor& out : {aligned, deformed})
    {
        BOOST_TEST(out.slice(0, 4, 6).abs().max().item<double>() == 0);
        BOOST_TEST(out[0].abs().max().item<double>() > 0);
    }
}

BOOST_AUTO_TEST_CASE(no_rois)
{
    for (const auto type : {torch::kFloat, torch::kDouble})
    {
        std::vector<Tensor> features{torch::ones({1, 3, 4, 5}, type).requires_grad_(),
                                     torch::ones({1, 3, 2, 3}, type).requires_grad_()};
        const Tensor rois = torch::zeros({0, 5}, type);
        const Tensor aligned = ops::roiAlign(features, {4, 8}, rois, alignParams(false, true, 2));
        BOOST_TEST(aligned.sizes() == at::IntArrayRef({0, 3, 3, 2}));
        const Tensor offsets = torch::zeros({0, 2, 2, 2}, type).requires_grad_();
        const Tensor deformed = ops::deformRoIPool(features, {4, 8}, rois, offsets, deformParams(false));
        BOOST_TEST(deformed.sizes() == at::IntArrayRef({0, 3, 4, 4}));
        const Tensor pooled = ops::adaptiveWeightedPool(deformed, deformed, 12);
        BOOST_TEST(pooled.sizes() == at::IntArrayRef({0, 3, 2, 2}));
        (aligned.sum() + pooled.sum()).backward();
        for (const Tensor& f : features)
        {
            BOOST_REQUIRE(f.grad().defined());
            BOOST_TEST(f.grad().abs().sum().item<double>() == 0);
        }
        BOOST_TEST(offsets.grad().sizes() == offsets.sizes());
    }
}

BOOST_AUTO_TEST_CASE(graph_only_where_wanted)
{
    Scene s = makeScene(19);
    const auto p = alignParams(false, true, 2);
    BOOST_TEST(!ops::roiAlign(s.features, s.strides, s.rois, p).requires_grad());
    // One of two maps in the graph, RoIs that require a gradient: they get none.
    s.features[1].requires_grad_();
    const Tensor rois = s.rois.clone().requires_grad_();
    const Tensor output = ops::roiAlign(s.features, s.strides, rois, p);
    BOOST_TEST(output.requires_grad());
    output.sum().backward();
    BOOST_TEST(s.features[1].grad().defined());
    BOOST_TEST(!s.features[0].grad().defined());
    BOOST_TEST(!rois.grad().defined());
    // Two uses add up.
    const Tensor once = s.features[1].grad().clone();
    s.features[1].mutable_grad() = Tensor();
    (ops::roiAlign(s.features, s.strides, rois, p).sum() * 2 + ops::roiAlign(s.features, s.strides, rois, p).sum())
        .backward();
    BOOST_TEST(largestDifference(s.features[1].grad(), once * 3) < 1e-12);
}

BOOST_AUTO_TEST_CASE(second_derivatives_are_refused)
{
    Scene s = makeScene(20);
    requireGrad(s.features);
    const Tensor output = ops::roiAlign(s.features, s.strides, s.rois, alignParams(false, true, 2));
    checkError("second derivatives",
               [&] { torch::autograd::grad({output.square().sum()}, s.features, {}, true, true); });
}

BOOST_AUTO_TEST_CASE(maps_changed_before_backward_are_noticed)
{
    Scene s = makeScene(21);
    const Tensor leaf = s.features[0].requires_grad_();
    s.features[0] = leaf * 2;
    const auto p = deformParams(false);
    const Tensor offsets = smoothOffsets(p, s, 22).requires_grad_();
    const Tensor output = ops::deformRoIPool(s.features, s.strides, s.rois, offsets, p);
    s.features[0].add_(1);
    checkError("modified by an inplace operation", [&] { output.sum().backward(); });
}

BOOST_AUTO_TEST_CASE(wrong_arguments)
{
    const Scene s = makeScene(23);
    const auto p = alignParams(false, true, 2);
    const auto& f = s.features;
    checkError("0 feature maps given, 1 to 8", [&] { ops::roiAlign({}, {}, s.rois, p); });
    checkError("1 strides given for 2 feature maps", [&] { ops::roiAlign(f, {4}, s.rois, p); });
    checkError("stride 1 is -8", [&] { ops::roiAlign(f, {4, -8}, s.rois, p); });
    checkError("feature map 0 has shape [2, 9]", [&] { ops::roiAlign({torch::zeros({2, 9})}, {4}, s.rois, p); });
    checkError("batch and channels must be the same",
               [&] {
                   ops::roiAlign({f[0], torch::zeros({2, 3, 5, 6}, torch::kDouble)}, s.strides, s.rois, p);
               });
    checkError("but map 0 has Double", [&] { ops::roiAlign({f[0], f[1].to(torch::kFloat)}, s.strides, s.rois, p); });
    checkError("float32 and float64 are supported", [&] { ops::roiAlign({f[0].to(torch::kInt)}, {4}, s.rois, p); });
    checkError("feature map 0 is undefined", [&] { ops::roiAlign({Tensor()}, {4}, s.rois, p); });
    checkError("every size must be between", [&] { ops::roiAlign({torch::zeros({1, 2, 0, 4})}, {4}, s.rois, p); });
    checkError("rois has shape [6, 4]", [&] { ops::roiAlign(f, s.strides, s.rois.slice(1, 0, 4), p); });
    auto bad = p;
    bad.pooledWidth = 0;
    checkError("output of 3 x 0 bins", [&] { ops::roiAlign(f, s.strides, s.rois, bad); });
    bad = p;
    bad.finestScale = 0;
    checkError("finestScale is 0", [&] { ops::roiAlign(f, s.strides, s.rois, bad); });

    auto d = deformParams(false);
    checkError("offsets has shape [6, 2, 3, 3], expected [6, 2, 2, 2]",
               [&] {
                   ops::deformRoIPool(f, s.strides, s.rois, torch::zeros({6, 2, 3, 3}, torch::kDouble), d);
               });
    checkError("offsets has type Float",
               [&] {
                   ops::deformRoIPool(f, s.strides, s.rois, torch::zeros({6, 2, 2, 2}), d);
               });
    d.offsetSize = 3;
    checkError("pooledSize 4 must be a multiple of offsetSize 3",
               [&] { ops::deformRoIPool(f, s.strides, s.rois, Tensor(), d); });
    d = deformParams(false, 0);
    checkError("samplingRatio is 0", [&] { ops::deformRoIPool(f, s.strides, s.rois, Tensor(), d); });

    checkError("N has shape [2, 2, 5, 6], but F has [2, 2, 9, 12]", [&] { ops::adaptiveWeightedPool(f[0], f[1], 12); });
    checkError("N has type Float, but F has Double",
               [&] { ops::adaptiveWeightedPool(f[0], f[0].to(torch::kFloat), 12); });
    checkError("gain is inf", [&] { ops::adaptiveWeightedPool(f[0], f[0], INFINITY); });
}

//! Without suppression and limits, proposals are the decoded anchors in the order of their logits.
BOOST_AUTO_TEST_CASE(proposals_of_a_batch)
{
    Random random(24);
    ops::kernels::ProposalParams p;
    p.anchorScale = 2;
    p.nmsThreshold = 1;
    p.maxProposals = 40;
    const Tensor cls = random.tensor({2, 3, 2, 3}, -3, 3).requires_grad_();
    const Tensor box = torch::zeros({2, 12, 2, 3}, torch::kDouble);
    const Tensor imInfo = torch::tensor({{100., 100., 1.}, {8., 9., 1.}});
    const auto [rois, scores] = ops::proposal({cls}, {box}, {8}, imInfo, p);
    BOOST_TEST(rois.sizes() == at::IntArrayRef({80, 5}));
    BOOST_TEST(scores.sizes() == at::IntArrayRef({80, 1}));
    BOOST_TEST(rois.scalar_type() == torch::kDouble);
    BOOST_TEST(!rois.requires_grad());
    for (int64_t b = 0; b < 2; b++)
    {
        const Tensor order = cls[b].detach().permute({1, 2, 0}).reshape(-1).argsort(0, true);
        const Tensor mine = scores.slice(0, 40 * b, 40 * b + 40).squeeze(1);
        BOOST_TEST(rois.slice(0, 40 * b, 40 * b + 40).select(1, 0).eq(double(b)).all().item<bool>());
        BOOST_TEST(largestDifference(mine.slice(0, 0, 18),
                                     cls[b].permute({1, 2, 0}).reshape(-1).index_select(0, order).sigmoid()) < 1e-6);
        BOOST_TEST(mine.slice(0, 18, 40).abs().max().item<double>() == 0);
        BOOST_TEST(rois.slice(0, 40 * b, 40 * b + 40).slice(1, 1, 5).ge(0).all().item<bool>());
    }
    BOOST_TEST(rois.slice(0, 40, 58).select(1, 3).max().item<double>() == 9);
    BOOST_TEST(rois.slice(0, 40, 58).select(1, 4).max().item<double>() == 8);

    checkError("logit map 0 has shape", [&] { ops::proposal({cls.slice(1, 0, 2)}, {box}, {8}, imInfo, p); });
    checkError("delta map 0 has shape", [&] { ops::proposal({cls}, {box.slice(1, 0, 8)}, {8}, imInfo, p); });
    checkError("imInfo has shape [1, 3], expected [2, 3]",
               [&] { ops::proposal({cls}, {box}, {8}, imInfo.slice(0, 0, 1), p); });
    p.maxProposals = 0;
    checkError("maxProposals is 0", [&] { ops::proposal({cls}, {box}, {8}, imInfo, p); });
}

BOOST_AUTO_TEST_SUITE(shared, *boost::unit_test::precondition(sharedPresent))

namespace
{

std::map<std::string, Tensor> featureLeaves(const GoldenCase& c, std::vector<Tensor>& features)
{
    std::map<std::string, Tensor> leaves;
    for (size_t i = 0; i < c.attributes.at("feat_strides").size(); i++)
    {
        const std::string name = "feat_" + std::to_string(i);
        features.push_back(c.leaf(name));
        leaves[name] = features.back();
    }
    return leaves;
}

void finish(const GoldenCase& c, const Tensor& output, const std::map<std::string, Tensor>& leaves)
{
    c.check("pooled", output);
    output.backward(c.input("upstream"));
    c.checkGradients(leaves);
}

void runRoIAlign(const GoldenCase& c)
{
    ops::kernels::RoIAlignParams p;
    p.pooledHeight = c.attributes.at("output_size")[0];
    p.pooledWidth = c.attributes.at("output_size")[1];
    p.samplingRatio = c.attribute("sampling_ratio", p.samplingRatio);
    p.finestScale = c.attribute("finest_scale", p.finestScale);
    p.aligned = c.flag("aligned", p.aligned);
    p.legacy = c.flag("legacy", p.legacy);
    std::vector<Tensor> features;
    const auto leaves = featureLeaves(c, features);
    finish(c, ops::roiAlign(features, c.attributes.at("feat_strides"), c.input("rois"), p), leaves);
}

void runDeform(const GoldenCase& c)
{
    const Tensor offsets = c.leaf("offsets");
    ops::kernels::DeformRoIPoolParams p;
    p.pooledSize = c.attributes.at("output_size")[0];
    p.offsetSize = static_cast<int>(offsets.size(2));
    p.samplingRatio = c.attribute("sampling_ratio", p.samplingRatio);
    p.gamma = c.attribute("gamma", p.gamma);
    p.finestScale = c.attribute("finest_scale", p.finestScale);
    p.legacy = c.flag("legacy", p.legacy);
    std::vector<Tensor> features;
    auto leaves = featureLeaves(c, features);
    leaves["offsets"] = offsets;
    finish(c, ops::deformRoIPool(features, c.attributes.at("feat_strides"), c.input("rois"), offsets, p), leaves);
}

void runWeightedPool(const GoldenCase& c)
{
    const Tensor F = c.leaf("F"), N = c.leaf("N");
    finish(c, ops::adaptiveWeightedPool(F, N, c.attribute("gain", 12.0)), {{"F", F}, {"N", N}});
}

void runWeightedBlock(const GoldenCase& c)
{
    const Tensor F = c.leaf("F"), weight = c.leaf("weight"), scale = c.leaf("scale"), bias = c.leaf("bias");
    const Tensor N = torch::instance_norm(torch::conv2d(F, weight, {}, 1, 1), scale.reshape(-1), bias.reshape(-1), {},
                                          {}, true, 0, c.attribute("epsilon", 1e-5), false);
    finish(c, ops::adaptiveWeightedPool(F, N, c.attribute("gain", 12.0)),
           {{"F", F}, {"weight", weight}, {"scale", scale}, {"bias", bias}});
}

}  // namespace

BOOST_AUTO_TEST_CASE(golden_vectors)
{
    runGolden("ops", {{"roi_align_backward", runRoIAlign},
                      {"deform_backward", runDeform},
                      {"awp_backward", runWeightedPool},
                      {"awp_block_backward", runWeightedBlock}});
}

//! Every training vector of the collection is run by one of the test programs.
BOOST_AUTO_TEST_CASE(no_training_vector_is_left_out)
{
    std::set<std::string> run;
    for (const char* program : {"ops", "targets", "losses"})
        run.insert(functionsOf(program).begin(), functionsOf(program).end());
    int vectors = 0;
    const nlohmann::json index = readJson(sharedFolder() / "golden" / "index.json");
    for (const nlohmann::json& vector : index.at("vectors"))
        if (vector.at("kind") == "train")
        {
            vectors++;
            BOOST_CHECK_MESSAGE(run.count(vector.at("op")), vector.at("path") << " is run by no test program");
        }
    BOOST_TEST(vectors > 0);
}

BOOST_AUTO_TEST_SUITE_END()
