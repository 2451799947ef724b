// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det.D2Conv2d: convolution of entire maps, in float32 and in 8-bit integers, for the CPU only. */

#ifndef D2DET_TEST_OPERATORS_CONV2D_HPP
#define D2DET_TEST_OPERATORS_CONV2D_HPP

#include "problem.hpp"

#include "kernels/conv2d.hpp"
#include "kernels/quantized_conv2d.hpp"

namespace d2det_test
{

struct Conv2d
{
    struct Case : CaseInfo
    {
        int batch, channels, height, width, outChannels;
        int kernelHeight, kernelWidth, stride, dilation, pad, padEnd;
        int groups = 1;
        bool integers = false;  //!< small ones: sums are exact in any order
        bool relu = false, bias = true;
        float ceiling = 0;
        bool quantized = false;
        int zero = 0;  //!< of the input

        Case(const char* n, int N, int C, int h, int w, int O, int kh, int kw, int s, int d, int p, int end)
            : CaseInfo(n),
              batch(N),
              channels(C),
              height(h),
              width(w),
              outChannels(O),
              kernelHeight(kh),
              kernelWidth(kw),
              stride(s),
              dilation(d),
              pad(p),
              padEnd(end)
        {
            cpuOnly = true;
        }
        //! Whether WINOGRAD means something else than DIRECT.
        bool winogradFits() const
        {
            return groups == 1 && kernelHeight == 3 && kernelWidth == 3 && stride == 1 && dilation == 1;
        }
        Case inGroups(int number) const
        {
            Case c = *this;
            c.groups = number;
            return c;
        }
        //! In integers; the input, from -1 to 1, is cut off where 0 is at an end of the range.
        Case inInt8(int zeroPoint) const
        {
            Case c = *this;
            c.name += ", int8";
            c.quantized = true;
            c.zero = zeroPoint;
            return c;
        }
    };

    static std::vector<Case> smallCases()
    {
        return {
            // name                           N   C   h   w   O  kh kw s  d  p  p'
            {"one value", 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0},
            {"1x1", 2, 19, 9, 13, 30, 1, 1, 1, 1, 0, 0},
            {"1x1, stride 2", 1, 8, 12, 11, 25, 1, 1, 2, 1, 0, 0},
            {"3x3", 2, 7, 10, 70, 13, 3, 3, 1, 1, 1, 1},
            {"3x3, wide", 1, 3, 4, 300, 12, 3, 3, 1, 1, 1, 1},
            {"3x3, stride 2", 1, 5, 33, 47, 24, 3, 3, 2, 1, 1, 1},
            {"pad at the end only", 1, 5, 32, 46, 24, 3, 3, 2, 1, 0, 1},
            {"7x7, stride 2", 1, 3, 40, 52, 64, 7, 7, 2, 1, 3, 3},
            {"dilated", 1, 4, 17, 19, 6, 3, 3, 1, 2, 2, 2},
            {"1x5", 1, 4, 6, 40, 9, 1, 5, 1, 1, 0, 0},
            {"deep", 1, 300, 5, 7, 50, 3, 3, 1, 1, 1, 1},
            {"3x3, no border", 1, 40, 23, 30, 61, 3, 3, 1, 1, 0, 0},
            {"3x3, a border at the end only", 2, 20, 9, 10, 14, 3, 3, 1, 1, 0, 2},
            {"3x3, border of two", 1, 9, 5, 6, 50, 3, 3, 1, 1, 2, 2},
            {"3x3, one row", 1, 6, 1, 37, 3, 3, 3, 1, 1, 1, 1},
            {"3x3, more than one task", 1, 32, 70, 64, 100, 3, 3, 1, 1, 1, 1},
            {"many channels", 1, 16, 6, 5, 500, 1, 1, 1, 1, 0, 0},
            Case("3x3 in 4 groups", 2, 20, 9, 11, 28, 3, 3, 1, 1, 1, 1).inGroups(4),
            Case("3x3 in 32 groups, stride 2", 1, 128, 12, 70, 128, 3, 3, 2, 1, 1, 1).inGroups(32),
            Case("each channel alone", 1, 13, 7, 9, 26, 5, 3, 1, 2, 2, 2).inGroups(13),
            Case("1x1 in large groups", 1, 60, 6, 7, 120, 1, 1, 1, 1, 0, 0).inGroups(2),
        };
    }

    static std::vector<Case> cases()
    {
        std::vector<Case> cases;
        for (const Case& c : smallCases())
        {
            cases.push_back(c);
            cases.push_back(c);
            cases.back().name += ", no bias, ReLU6";
            cases.back().bias = false;
            cases.back().relu = true;
            cases.back().ceiling = 6.f;
        }
        const std::vector<Case> all = cases;
        const int zeros[] = {128, 0, 255, 93};
        for (size_t i = 0; i < all.size(); i++)
            cases.push_back(all[i].inInt8(zeros[i / 2 % 4]));
        // Layers of ResNet-50 with its pyramid at 800 x 1344.
        cases.emplace_back("7x7, stride 2, of the image", 1, 3, 800, 1344, 64, 7, 7, 2, 1, 3, 3);
        cases.emplace_back("1x1 of 50x84", 1, 1024, 50, 84, 256, 1, 1, 1, 1, 0, 0);
        cases.emplace_back("3x3 of 50x84", 1, 256, 50, 84, 256, 3, 3, 1, 1, 1, 1);
        // Of ResNeXt-50 32x4d.
        cases.push_back(Case("3x3 of 200x336 in 32 groups of 4", 1, 128, 200, 336, 128, 3, 3, 1, 1, 1, 1).inGroups(32));
        cases.push_back(Case("3x3 of 50x84 in 32 groups of 16", 1, 512, 50, 84, 512, 3, 3, 1, 1, 1, 1).inGroups(32));
        const size_t large = cases.size() - 5;
        for (size_t i = 0; i < 5; i++)
        {
            cases[large + i].large = true;
            cases.push_back(cases[large + i].inInt8(i == 0 ? 128 : 0));
        }
        return cases;
    }

    static std::vector<Case> layerCases(int size)
    {
        Case plain("pads that differ", 2 * size, 3, 7, 4 * size, 5, 3, 2, 2, 1, 1, 2), activated = plain;
        activated.name = "no bias, ReLU6, dilated";
        activated.bias = false;
        activated.relu = true;
        activated.ceiling = 0.5f;  // reached
        activated.stride = 1;
        activated.dilation = 2;
        Case grouped("in groups", 2, 6, 7, 4 * size, 9, 3, 3, 1, 1, 1, 1);
        grouped.groups = 3;
        return {plain, activated, grouped, plain.inInt8(100), activated.inInt8(0), grouped.inInt8(255)};
    }

    class Problem : public d2det_test::Problem
    {
    public:
        Problem(const Case& c, uint64_t seed)
        {
            Random random(seed);
            p.inChannels = c.channels;
            p.outChannels = c.outChannels;
            p.groups = c.groups;
            p.kernelHeight = c.kernelHeight;
            p.kernelWidth = c.kernelWidth;
            p.strideY = p.strideX = c.stride;
            p.dilationY = p.dilationX = c.dilation;
            p.padTop = p.padLeft = c.pad;
            p.relu = c.relu;
            p.ceiling = c.ceiling;
            const auto length = [&c](int in, int kernel)
            { return (in + c.pad + c.padEnd - c.dilation * (kernel - 1) - 1) / c.stride + 1; };
            s = {c.batch, c.height, c.width, length(c.height, c.kernelHeight), length(c.width, c.kernelWidth)};
            const auto add = [&](const char* name, const Shape& shape)
            {
                const size_t n = elements(shape);
                inputs.push_back({name, shape, c.integers ? random.wholes(n, -4, 4) : random.reals(n, -1.f, 1.f)});
            };
            add("X", {c.batch, c.channels, c.height, c.width});
            add("weight", {c.outChannels, c.channels / c.groups, c.kernelHeight, c.kernelWidth});
            bias = c.bias;
            if (bias)
                add("bias", {c.outChannels});
            isQuantized = c.quantized;
            quantization.scale =
                1.1f / static_cast<float>(std::max(c.zero, 255 - c.zero));  // reaches a little beyond 1
            quantization.zero = c.zero;
            Random scales(seed + 1);  // an attribute: the same for inputs of all sizes
            for (int o = 0; o < c.outChannels; o++)
                // Below 1 / 127 the largest weights are cut off; in benchmarks no pair saturates (int8_gemm.hpp).
                weightScales.push_back(c.large ? 1.f / 64 : scales.real(0.8f, 1.2f) / 127);
            layer.numConstants = bias ? 2 : 1;
            layer.freeLengths = {{0, 0}, {0, 2}, {0, 3}};
            layer.attributes = {{"conv_strides", std::vector<int>{c.stride, c.stride}},
                                {"conv_dilations", std::vector<int>{c.dilation, c.dilation}},
                                {"conv_pads", std::vector<int>{c.pad, c.pad, c.padEnd, c.padEnd}},
                                {"groups", c.groups},
                                {"has_bias", int(bias)},
                                {"relu", int(c.relu)},
                                {"ceiling", double(c.ceiling)}};
            if (isQuantized)
            {
                layer.attributes.emplace_back("input_scale", double(quantization.scale));
                layer.attributes.emplace_back("input_zero", quantization.zero);
                layer.attributes.push_back(Attribute::reals("weight_scales", weightScales));
            }
            const double tolerance = isQuantized ? SAME_BITS : 5e-5;
            outputs.push_back({"Y", {c.batch, c.outChannels, s.outHeight, s.outWidth}, tolerance, tolerance});
        }

        kernels::Conv2dParams p;
        kernels::Conv2dShape s;
        bool bias, isQuantized;
        kernels::InputQuantization quantization;  // of a quantized one
        Floats weightScales;

        void reference(const Arguments<float>& a) const override
        {
            if (isQuantized)
                kernels::quantizedConv2dRef(p, s, quantization, a.in[0], a.in[1], weightScales.data(),
                                            bias ? a.in[2] : nullptr, a.out[0]);
            else
                kernels::conv2dRef(p, s, a.in[0], a.in[1], bias ? a.in[2] : nullptr, a.out[0]);
        }
        void fast(const Arguments<float>& a) const override
        {
            if (isQuantized)
                fast(a, kernels::int8Kernel());
            else
                fast(a, kernels::gemmKernel());
        }
        void fast(const Arguments<float>& a, const kernels::GemmKernel& kernel) const
        {
            run(a, kernels::packFilters(p, a.in[1], kernel));
        }
        void fast(const Arguments<float>& a, const kernels::Int8Kernel& kernel) const
        {
            run(a, kernels::packQuantizedFilters(p, quantization, a.in[1], weightScales.data(), kernel));
        }
        std::function<void()> prepared(const Arguments<float>& a) const override
        {
            if (isQuantized)
            {
                const auto quantized = std::make_shared<kernels::QuantizedFilters>(
                    kernels::packQuantizedFilters(p, quantization, a.in[1], weightScales.data()));
                return [this, a, quantized] { run(a, *quantized); };
            }
            const auto filters = std::make_shared<std::vector<kernels::PackedMatrix>>(kernels::packFilters(p, a.in[1]));
            return [this, a, filters] { run(a, *filters); };
        }
        double flop() const override { return 2. * elements(outputs[0].shape) * depth(); }

    private:
        int depth() const { return p.inChannels / p.groups * p.kernelHeight * p.kernelWidth; }
        void run(const Arguments<float>& a, const std::vector<kernels::PackedMatrix>& filters) const
        {
            kernels::conv2dCpu(p, s, a.in[0], filters, bias ? a.in[2] : nullptr, a.out[0]);
        }
        void run(const Arguments<float>& a, const kernels::QuantizedFilters& filters) const
        {
            kernels::quantizedConv2dCpu(p, s, a.in[0], filters, bias ? a.in[2] : nullptr, a.out[0]);
        }
    };
};

}  // namespace d2det_test

#endif
