// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformConv2d. The first cases are those of deform_conv2d_vectors.py, which draws the same inputs. */

#ifndef D2DET_TEST_OPERATORS_DEFORM_CONV2D_HPP
#define D2DET_TEST_OPERATORS_DEFORM_CONV2D_HPP

#include "problem.hpp"

#include "kernels/deform_conv2d.hpp"

namespace d2det_test
{

struct DeformConv2d
{
    struct Case : CaseInfo
    {
        int batch, channels, height, width;
        kernels::DeformConv2dParams p;
        int padBottom, padRight;
        bool mask = true, bias = true;
        float reach = 2.f;       //!< offsets are between -reach and reach
        bool smooth = false;     //!< no offset is near an integer, where the interpolation has a kink
        bool malformed = false;  //!< some offsets are not finite, some enormous
        bool integers = false;   //!< small ones in X, weight and bias, offsets and mask too: sums are exact

        Case(const char* n, int N, int C, int h, int w, int O, int kh = 3, int kw = 3, int stride = 1, int pad = 1)
            : CaseInfo(n), batch(N), channels(C), height(h), width(w), padBottom(pad), padRight(pad)
        {
            p.inChannels = C;
            p.outChannels = O;
            p.kernelHeight = kh;
            p.kernelWidth = kw;
            p.strideY = p.strideX = stride;
            p.padTop = p.padLeft = pad;
        }
        Case& inGroups(int groups, int offsetGroups)
        {
            p.groups = groups;
            p.offsetGroups = offsetGroups;
            return *this;
        }
        Case& withoutMask()
        {
            mask = false;
            return *this;
        }
        Case& withReach(float cells)
        {
            reach = cells;
            return *this;
        }
    };

    //! "groups, sizes that differ" of the vectors.
    static Case differing()
    {
        Case c = Case("groups, sizes that differ", 1, 6, 7, 9, 4, 2, 3).inGroups(2, 3).withReach(3);
        c.p.strideX = 3;
        c.p.strideY = c.p.dilationY = 2;
        c.p.padLeft = c.padRight = 2;
        return c;
    }

    static std::vector<Case> cases()
    {
        std::vector<Case> cases = {
            Case("modulated", 1, 3, 4, 5, 2),
            Case("stride 2, two groups of offsets", 2, 4, 4, 5, 3, 3, 3, 2).inGroups(1, 2).withoutMask(),
            differing(),
            Case("offsets of zero", 1, 2, 3, 4, 2).withReach(0),
            // Others.
            Case("one value", 1, 1, 1, 1, 1, 1, 1, 1, 0),
            Case("1x1", 2, 19, 6, 7, 30, 1, 1, 1, 0),
            Case("17 channels", 1, 17, 9, 14, 13).withReach(1),
            Case("32 channels, two groups of offsets", 1, 32, 6, 11, 14).inGroups(1, 2),
            Case("groups of offsets across groups", 1, 24, 5, 6, 12).inGroups(4, 2),
            Case("groups across groups of offsets", 1, 40, 5, 6, 6).inGroups(2, 4).withoutMask(),
            Case("each channel alone", 2, 6, 7, 9, 12, 3, 2, 1, 1).inGroups(6, 6),
            Case("deep", 1, 70, 5, 7, 25),
            Case("far offsets", 1, 5, 8, 9, 6).withReach(12),
            Case("more than one task", 1, 8, 20, 27, 60).withReach(1),
        };
        cases[7].bias = cases[8].bias = false;
        Case end("pad at the end only", 1, 5, 8, 10, 6, 3, 3, 2, 0);
        end.padBottom = end.padRight = 1;
        cases.push_back(end);
        Case dilated("dilated", 1, 4, 9, 8, 6, 3, 3, 1, 2);
        dilated.p.dilationX = dilated.p.dilationY = 2;
        cases.push_back(dilated);
        Case malformed("malformed offsets", 2, 5, 6, 7, 8);
        malformed.malformed = true;
        cases.push_back(malformed);
        Case smooth("smooth, two groups", 1, 4, 3, 4, 2);
        smooth.inGroups(2, 2).smooth = true;
        Case smoothPlain("smooth, no mask, stride 2", 2, 3, 4, 3, 2, 3, 3, 2);
        smoothPlain.withoutMask().smooth = true;
        for (const Case& c : {smooth, smoothPlain})
        {
            cases.push_back(c);
            cases.back().gradient = true;
        }
        for (const size_t i : {0, 1, 2, 7})
            cases[i].trainer = true;
        // Bottlenecks of ResNet-50 at 800 x 1344.
        Case c3("3x3 of 100x168, 128 channels", 1, 128, 100, 168, 128), c4("3x3 of 50x84", 1, 256, 50, 84, 256);
        Case c5("3x3 of 25x42, 512 channels", 1, 512, 25, 42, 512);
        for (Case c : {c3, c4, c5})
        {
            c.large = true;
            cases.push_back(c);
        }
        return cases;
    }

    static std::vector<Case> layerCases(int size)
    {
        Case modulated = Case("groups, pads that differ", 2, 6, 5, 4 * size, 4).inGroups(2, 3);
        modulated.p.kernelWidth = 2;
        modulated.p.padTop = 0;
        modulated.padBottom = 2;
        modulated.padRight = 0;
        Case plain = Case("no mask, no bias, stride 2", 1, 3, 6, 4 * size, 5, 3, 3, 2).withoutMask();
        plain.bias = false;
        return {modulated, plain};
    }

    class Problem : public d2det_test::Problem
    {
    public:
        Problem(const Case& c, uint64_t seed) : p(c.p), hasMask(c.mask), hasBias(c.bias)
        {
            Random random(seed);
            const auto length = [](int in, int pads, int dilation, int kernel, int stride)
            { return (in + pads - dilation * (kernel - 1) - 1) / stride + 1; };
            s = {c.batch, c.height, c.width,
                 length(c.height, p.padTop + c.padBottom, p.dilationY, p.kernelHeight, p.strideY),
                 length(c.width, p.padLeft + c.padRight, p.dilationX, p.kernelWidth, p.strideX)};
            const auto add = [&](const char* name, const Shape& shape, float low, float high)
            {
                const size_t n = elements(shape);
                const Floats values = c.integers ? random.wholes(n, int(low), int(high)) : random.reals(n, low, high);
                inputs.push_back({name, shape, values, true});
                gradients.push_back({inputs.size() - 1, 1e-4, 1e-4, inputs.size() == 1});
            };
            const int points = p.offsetGroups * p.cells();
            add("X", {c.batch, c.channels, c.height, c.width}, -1, 1);
            add("offset", {c.batch, 2 * points, s.outHeight, s.outWidth}, -c.reach, c.reach);
            if (hasMask)
                add("mask", {c.batch, points, s.outHeight, s.outWidth}, 0, 1);
            add("weight", {p.outChannels, c.channels / p.groups, p.kernelHeight, p.kernelWidth}, -1, 1);
            if (hasBias)
                add("bias", {p.outChannels}, -1, 1);
            outputs.push_back({"Y", {c.batch, p.outChannels, s.outHeight, s.outWidth}, 5e-5, 1e-4});
            makeUpstream(random);
            for (float& offset : inputs[1].values)
                if (c.smooth)
                    offset = std::floor(offset) + random.real(0.1f, 0.9f);
            const Floats bad{NOT_A_NUMBER, INFINITE, -INFINITE, 1e30f, -1e30f, 3e9f};
            for (size_t i = 0; c.malformed && i < inputs[1].values.size(); i += 7)
                inputs[1].values[i] = bad[i / 7 % bad.size()];
            layer.numConstants = hasBias ? 2 : 1;
            layer.attributes = {{"conv_strides", std::vector<int>{p.strideY, p.strideX}},
                                {"conv_dilations", std::vector<int>{p.dilationY, p.dilationX}},
                                {"conv_pads", std::vector<int>{p.padTop, p.padLeft, c.padBottom, c.padRight}},
                                {"groups", p.groups},
                                {"offset_groups", p.offsetGroups},
                                {"has_mask", int(hasMask)},
                                {"has_bias", int(hasBias)}};
        }

        kernels::DeformConv2dParams p;
        kernels::Conv2dShape s;
        bool hasMask, hasBias;

        void reference(const Arguments<float>& a) const override { naive<float>(a); }
        void referenceInDouble(const Arguments<double>& a) const override { naive<double>(a); }
        void referenceBackward(const Arguments<float>& a) const override { naiveBackward<float>(a); }
        void referenceBackwardInDouble(const Arguments<double>& a) const override { naiveBackward<double>(a); }
        void fast(const Arguments<float>& a) const override { fast(a, kernels::gemmKernel()); }
        void fast(const Arguments<float>& a, const kernels::GemmKernel& kernel) const
        {
            run(a, kernels::packDeformFilters(p, args(a).weight, kernel));
        }
        void fastBackward(const Arguments<float>& a) const override
        {
            kernels::deformConv2dBackwardCpu(p, s, args(a), a.in.back(), gradientsOf(a));
        }
        std::function<void()> prepared(const Arguments<float>& a) const override
        {
            const auto filters =
                std::make_shared<std::vector<kernels::PackedMatrix>>(kernels::packDeformFilters(p, args(a).weight));
            return [this, a, filters] { run(a, *filters); };
        }
        double flop() const override
        {
            return 2. * double(elements(outputs[0].shape)) * (p.inChannels / p.groups) * p.cells();
        }
#ifdef D2DET_TEST_CUDA
        size_t workspace() const override
        {
            return cuda::deformConv2dWorkspace(p, s);
        }
        size_t backwardWorkspace() const override
        {
            return cuda::deformConv2dBackwardWorkspace(p, s);
        }
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace& workspace) const override
        {
            return cuda::deformConv2d(p, s, args(a), a.out[0], workspace, nullptr);
        }
        cuda::Status onDeviceBackward(const Arguments<float>& a, const cuda::Workspace& workspace) const override
        {
            return cuda::deformConv2dBackward(p, s, args(a), a.in.back(), gradientsOf(a), workspace, nullptr);
        }
#endif

        template <typename T>
        kernels::DeformConv2dArgs<T> args(const Arguments<T>& a) const
        {
            const size_t weight = hasMask ? 3 : 2;
            return {a.in[0], a.in[1], hasMask ? a.in[2] : nullptr, a.in[weight], hasBias ? a.in[weight + 1] : nullptr};
        }
        template <typename T>
        kernels::DeformConv2dGradients<T> gradientsOf(const Arguments<T>& a) const
        {
            const size_t weight = hasMask ? 3 : 2;
            return {a.out[0], a.out[1], hasMask ? a.out[2] : nullptr, a.out[weight],
                    hasBias ? a.out[weight + 1] : nullptr};
        }

    private:
        void run(const Arguments<float>& a, const std::vector<kernels::PackedMatrix>& filters) const
        {
            kernels::deformConv2dCpu(p, s, args(a), filters, a.out[0]);
        }
        template <typename T>
        void naive(const Arguments<T>& a) const
        {
            kernels::deformConv2dRef<T>(p, s, args(a), a.out[0]);
        }
        template <typename T>
        void naiveBackward(const Arguments<T>& a) const
        {
            kernels::deformConv2dBackwardRef<T>(p, s, args(a), a.in.back(), gradientsOf(a));
        }
    };
};

}  // namespace d2det_test

#endif
