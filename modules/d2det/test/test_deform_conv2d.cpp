// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformConv2d: numbers worked out by hand, values and gradients of torchvision, properties. Against the naive
   kernel: test_operators.cpp. Contract: operators.md 3.14. */

#include "operator_tests.hpp"

#include "deform_conv2d_vectors.hpp"
#include "kernels/conv2d.hpp"
#include "kernels/deform_conv2d.hpp"
#include "layer_cases.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

DeformConv2d::Case caseNamed(const std::string& name)
{
    for (const DeformConv2d::Case& c : DeformConv2d::cases())
        if (c.name == name)
            return c;
    throw std::invalid_argument("no case " + name);
}

Floats fast(const DeformConv2d::Problem& p)
{
    Arrays<float> arrays(p, NOT_A_NUMBER);
    p.fast(arrays.forward());
    return arrays.out[0];
}

//! One sample of a map of 2 x 3 by a 1x1 kernel, by naive and fast kernel.
float sampleAt(float v, float u, float mask = 1.f)
{
    DeformConv2d::Problem p(DeformConv2d::Case("", 1, 1, 2, 3, 1, 1, 1, 1, 0), 1);
    p.input("X").values = {1, 2, 4, 8, 16, 32};
    p.input("weight").values = {1};
    p.input("bias").values = {0};
    std::fill(p.input("offset").values.begin(), p.input("offset").values.end(), 0.f);
    std::fill(p.input("mask").values.begin(), p.input("mask").values.end(), mask);
    p.input("offset").values[0] = v;  // y comes first
    p.input("offset").values[6] = u;
    const Floats naive = runReference(p).outputs[0], quick = fast(p);
    EXPECT_TRUE(near(naive, quick, 1e-6)) << v << ", " << u;
    EXPECT_EQ(mask * 32.f, quick[5]) << "the last pixel has no offset";
    return quick[0];
}

TEST(D2Det_DeformConv2d, by_hand)
{
    EXPECT_EQ(1.f, sampleAt(0, 0));
    EXPECT_EQ(8.f, sampleAt(1, 0)) << "y before x";
    EXPECT_EQ(4.f, sampleAt(0, 2));
    EXPECT_EQ(1.5f, sampleAt(0, 0.5f));
    EXPECT_EQ(6.75f, sampleAt(0.5f, 0.5f));
    EXPECT_EQ(0.25f * 6.75f, sampleAt(0.5f, 0.5f, 0.25f));
    // Half of it lies outside, then all.
    EXPECT_EQ(0.5f, sampleAt(-0.5f, 0));
    EXPECT_EQ(0.25f, sampleAt(-0.5f, -0.5f));
    EXPECT_EQ(16.f, sampleAt(1, 2.5f));
    EXPECT_EQ(8.f, sampleAt(1.5f, 2.5f));
    for (const float far : {-1.f, -1.5f, 3.f, 1e9f, -1e30f, NOT_A_NUMBER, INFINITE, -INFINITE})
    {
        EXPECT_EQ(0.f, sampleAt(far, 0)) << far;
        EXPECT_EQ(0.f, sampleAt(0, far)) << far;
    }
}

//! Values, and gradients also at offsets of zero, where the derivative has two sides.
TEST(D2Det_DeformConv2d, values_and_gradients_of_torchvision)
{
    for (const DeformConv2dVector& v : deformConv2dVectors())
    {
        SCOPED_TRACE(v.name);
        const DeformConv2d::Problem p(caseNamed(v.name), v.seed);
        const auto flat = [](const Results& r)
        {
            Floats all = r.outputs[0];
            for (const Floats& gradient : r.gradients)
                all.insert(all.end(), gradient.begin(), gradient.end());
            return all;
        };
        EXPECT_TRUE(near(v.values, flat(runReference(p)), 1e-5));  // six digits are stored
        EXPECT_TRUE(near(v.values, flat(runFast(p)), 1e-5));
        double square = 0;
        for (const double value : v.values)
            square += value * value;
        EXPECT_GT(square, 10.) << "the vectors say nothing";
    }
    EXPECT_EQ(4u, deformConv2dVectors().size());
}

//! Small integers everywhere: exact in any order of additions, for every instruction set.
TEST(D2Det_DeformConv2d, exact_on_integers)
{
    for (DeformConv2d::Case c : DeformConv2d::cases())
    {
        if (c.large || c.malformed)
            continue;
        c.integers = true;
        c.smooth = false;
        const DeformConv2d::Problem p(c, 5);
        const Floats expected = runReference(p).outputs[0];
        for (const GemmKernel* kernel : allGemmKernels())
        {
            SCOPED_TRACE(c.name + ", " + kernel->name);
            Arrays<float> arrays(p, NOT_A_NUMBER);
            p.fast(arrays.forward(), *kernel);
            EXPECT_TRUE(sameBits(expected, arrays.out[0]));
        }
    }
}

//! Offsets of zero and a mask of one make it the plain convolution.
TEST(D2Det_DeformConv2d, no_offsets_make_a_convolution)
{
    for (DeformConv2d::Case c : DeformConv2d::cases())
    {
        if (c.large || c.malformed)
            continue;
        SCOPED_TRACE(c.name);
        c.reach = 0;
        c.smooth = false;
        DeformConv2d::Problem p(c, 6);
        if (p.hasMask)
            std::fill(p.input("mask").values.begin(), p.input("mask").values.end(), 1.f);
        Conv2dParams plain;
        plain.inChannels = p.p.inChannels;
        plain.outChannels = p.p.outChannels;
        plain.groups = p.p.groups;
        plain.kernelHeight = p.p.kernelHeight;
        plain.kernelWidth = p.p.kernelWidth;
        plain.strideY = p.p.strideY;
        plain.strideX = p.p.strideX;
        plain.dilationY = p.p.dilationY;
        plain.dilationX = p.p.dilationX;
        plain.padTop = p.p.padTop;
        plain.padLeft = p.p.padLeft;
        Floats expected(elements(p.outputs[0].shape));
        conv2dRef(plain, p.s, p.input("X").values.data(), p.input("weight").values.data(),
                  p.hasBias ? p.input("bias").values.data() : nullptr, expected.data());
        EXPECT_TRUE(near(expected, fast(p), 2e-5));
    }
}

//! A shift of all offsets by entire cells is a shift of the map.
TEST(D2Det_DeformConv2d, entire_offsets_shift_the_map)
{
    DeformConv2d::Problem p(caseNamed("17 channels"), 7), moved = p;
    Tensor& X = moved.input("X");
    const int h = p.s.height, w = p.s.width;
    for (int i = 0; i < p.p.inChannels * h * w; i++)
    {
        const int y = i / w % h - 2, x = i % w + 1;  // what was there is at (y + 2, x - 1) now
        X.values[i] = y >= 0 && x < w ? p.input("X").values[i - 2 * w + 1] : 0.f;
    }
    // The reach of all samples stays on the map, so that nothing is lost at its border.
    std::fill(p.input("offset").values.begin(), p.input("offset").values.end(), 0.f);
    std::fill(moved.input("offset").values.begin(), moved.input("offset").values.end(), 0.f);
    const size_t area = size_t(p.s.outHeight) * p.s.outWidth;
    for (size_t i = 0; i < moved.input("offset").values.size(); i++)
        moved.input("offset").values[i] = i / area % 2 == 0 ? 2.f : -1.f;
    const Floats a = fast(p), b = fast(moved);
    for (int o = 0; o < p.p.outChannels; o++)
        for (int y = 1; y < h - 3; y++)
            for (int x = 2; x < w - 1; x++)
            {
                const size_t at = (size_t(o) * h + y) * w + x;
                ASSERT_NEAR(a[at], b[at], 1e-5f) << o << ", " << y << ", " << x;
            }
}

//! Gradients that are not wanted are not computed, and change no other one.
TEST(D2Det_DeformConv2d, gradients_alone)
{
    const DeformConv2d::Problem p(caseNamed("modulated"), 8);
    const Results all = runFast(p);
    for (size_t only = 0; only < p.gradients.size(); only++)
    {
        Arrays<float> arrays(p, NOT_A_NUMBER);
        Arguments<float> a = arrays.backward();
        for (size_t i = 0; i < a.out.size(); i++)
            if (i != only)
                a.out[i] = nullptr;
        p.fastBackward(a);
        EXPECT_TRUE(sameBits(all.gradients[only], arrays.grad[only])) << p.inputs[only].name;
    }
}

//! An infinite cell reaches those outputs alone that touch it.
TEST(D2Det_DeformConv2d, infinity_stays_where_it_belongs)
{
    DeformConv2d::Problem p(DeformConv2d::Case("", 1, 20, 8, 9, 3), 9);
    p.input("X").values[0] = INFINITE;  // channel 0, the first cell: what padding must not read
    std::fill(p.input("offset").values.begin(), p.input("offset").values.end(), 0.25f);
    const Floats Y = fast(p);
    for (size_t i = 0; i < Y.size(); i++)
    {
        const int y = static_cast<int>(i) / 9 % 8, x = static_cast<int>(i) % 9;
        if (y > 1 || x > 1)
        {
            EXPECT_TRUE(std::isfinite(Y[i])) << y << ", " << x;
        }
    }
    EXPECT_FALSE(std::isfinite(Y[0]));
}

TEST(D2Det_DeformConv2d, packed_filters_can_be_unpacked)
{
    for (const char* name : {"modulated", "groups, sizes that differ", "deep"})
    {
        const DeformConv2d::Problem p(caseNamed(name), 10);
        const Floats& weight = p.input("weight").values;
        Floats copy(weight.size(), NOT_A_NUMBER);
        unpackDeformFilters(p.p, packDeformFilters(p.p, weight.data()), copy.data());
        EXPECT_EQ(weight, copy) << name;
    }
}

//////////////////////////////////////////// layer ////////////////////////////////////////////

using namespace layer_cases;

//! What the layer says about shapes; "" if it accepts them.
std::string refusal(const LayerParams& params, const std::vector<MatShape>& inputs)
{
    const Ptr<Layer> layer = createLayer("d2det.D2DeformConv2d", params);
    std::vector<MatShape> outputs, internals;
    return messageOf([&] { layer->getMemoryShapes(inputs, 0, outputs, internals); });
}

LayerParams masked(int groups = 1, int offsetGroups = 1)
{
    cv::d2det::registerLayers();
    LayerParams params;
    params.set("conv_pads", ints({1, 1, 1, 1}));
    params.set("has_mask", 1);
    params.set("groups", groups);
    params.set("offset_groups", offsetGroups);
    return params;
}

//! Without constants of its own, as a model's check and OpenCV 5 ask: they are inputs.
TEST(D2Det_DeformConv2dLayer, shapes_that_do_not_fit)
{
    const MatShape X{2, 6, 5, 7}, offset{2, 18, 5, 7}, mask{2, 9, 5, 7}, weight{4, 6, 3, 3};
    EXPECT_EQ("", refusal(masked(), {X, offset, mask, weight}));
    const auto expectRefused = [](const LayerParams& params, const std::vector<MatShape>& inputs, const char* text)
    {
        const std::string message = refusal(params, inputs);
        EXPECT_NE(std::string::npos, message.find(text)) << message;
        EXPECT_NE(std::string::npos, message.find("D2DeformConv2d")) << message;
    };
    expectRefused(masked(), {X, offset, weight}, "it needs 4");
    expectRefused(masked(), {X, MatShape{2, 9, 5, 7}, mask, weight},
                  "input offset has shape [2, 9, 5, 7], expected "
                  "[2, 18, 5, 7]");
    expectRefused(masked(), {X, MatShape{1, 18, 5, 7}, mask, weight}, "input offset");
    expectRefused(masked(), {X, MatShape{2, 18, 4, 7}, mask, weight}, "input offset");
    expectRefused(masked(), {X, offset, MatShape{2, 18, 5, 7}, weight}, "input mask has shape");
    expectRefused(masked(), {MatShape{2, 5, 5, 7}, offset, mask, weight}, "input X has shape");
    expectRefused(masked(1, 4), {X, MatShape{2, 72, 5, 7}, MatShape{2, 36, 5, 7}, weight},
                  "offset_groups is 4, it must divide the 6 input channels");
    expectRefused(masked(3), {X, offset, mask, MatShape{4, 2, 3, 3}}, "do not make 3 groups");
    expectRefused(masked(1 << 20), {X, offset, mask, weight}, "groups");
    expectRefused(masked(), {MatShape{2, 6, 5, 1}, offset, mask, MatShape{4, 6, 3, 4}}, "the kernel is larger");
    expectRefused(masked(1, 1 << 20), {X, offset, mask, weight}, "offset_groups");
    LayerParams huge = masked(1, 1 << 10);
    huge.set("conv_pads", ints({4096, 4096, 4096, 4096}));
    expectRefused(huge, {MatShape{1, 1 << 10, 5, 7}, offset, mask, MatShape{1, 1 << 10, 4096, 4096}}, "limit");
    expectRefused(huge, {MatShape{1, 1 << 10, 5, 7}, offset, mask, MatShape{0, 1 << 10, 4096, 4096}}, "2^31 maps");
}

TEST(D2Det_DeformConv2dLayer, work_counts_samples_too)
{
    const Ptr<Layer> layer = createLayer("d2det.D2DeformConv2d", masked());
    const int64 flop =
        layer->getFLOPS({MatShape{1, 1000, 5, 7}, MatShape{1, 18, 5, 7}, MatShape{1, 9, 5, 7}, MatShape{1, 1000, 3, 3}},
                        {MatShape{1, 1, 5, 7}});
    EXPECT_GT(flop, int64(5) * 7 * 9 * 1000 * 10) << "two for the product, eight for the sample";
}

}  // namespace
}  // namespace opencv_test
