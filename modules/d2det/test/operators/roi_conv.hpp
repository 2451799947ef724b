// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIConv. Of the rows every fifth is padding and two are not finite. The reference is in double. */

#ifndef D2DET_TEST_OPERATORS_ROI_CONV_HPP
#define D2DET_TEST_OPERATORS_ROI_CONV_HPP

#include "pooling.hpp"

#include "kernels/roi_conv.hpp"

namespace d2det_test
{

struct RoIConv
{
    struct Case : CaseInfo
    {
        int numRois = 1, height = 1, width = 1;
        bool bias = false, affine = false;  //!< constants that the model has
        bool integers = false;              //!< small ones: sums are exact in any order
        kernels::RoIConvParams p;

        Case(const std::string& n) : CaseInfo(n) {}
        int outHeight() const { return kernels::outputLength(height, p.pad, p.kernelHeight, p.stride) * p.upsample; }
        int outWidth() const { return kernels::outputLength(width, p.pad, p.kernelWidth, p.stride) * p.upsample; }
    };

    //! name, rows, channels in and out, height, width, kernel, stride, pad, weight sets, groups of the norm, constants
    static Case make(const char* name, int numRois, int in, int out, int height, int width, int kernelHeight,
                     int kernelWidth, int stride, int pad, int levels, int groups, bool bias, bool affine)
    {
        Case c(name);
        c.numRois = numRois;
        c.height = height;
        c.width = width;
        c.bias = bias;
        c.affine = affine;
        c.p.weightSets = levels;
        c.p.inChannels = in;
        c.p.outChannels = out;
        c.p.kernelHeight = kernelHeight;
        c.p.kernelWidth = kernelWidth;
        c.p.stride = stride;
        c.p.pad = pad;
        c.p.normGroups = groups;
        return c;
    }

    //! Without a norm.
    static std::vector<Case> plainCases()
    {
        return {
            //    name               rois in  out  h   w  kh kw  s  p  sets g  bias   affine
            make("one value", 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, false, false),
            make("3x3", 3, 2, 5, 4, 5, 3, 3, 1, 1, 1, 0, true, false),
            make("3x3, 40 rows", 40, 3, 13, 7, 7, 3, 3, 1, 1, 1, 0, true, false),
            make("3x3, four sets", 9, 30, 24, 7, 7, 3, 3, 1, 1, 4, 0, true, false),
            make("fully connected", 33, 8, 100, 7, 7, 7, 7, 1, 0, 1, 0, true, false),
            make("1x1 of one value", 50, 70, 40, 1, 1, 1, 1, 1, 0, 1, 0, false, false),
            make("1x1, two sets", 5, 300, 12, 2, 3, 1, 1, 1, 0, 2, 0, true, false),
            make("3x3, stride 2", 7, 4, 9, 9, 14, 3, 3, 2, 1, 1, 0, true, false),
            make("2x3, stride 3", 6, 3, 6, 5, 8, 2, 3, 3, 0, 3, 0, false, false),
            make("5x5", 11, 5, 7, 6, 6, 5, 5, 1, 2, 1, 0, true, false),
            make("3x3 of 14x14", 4, 33, 49, 14, 14, 3, 3, 1, 1, 1, 0, true, false),
        };
    }

    static std::vector<Case> normCases()
    {
        return {
            make("group norm", 9, 30, 24, 7, 7, 3, 3, 1, 1, 1, 8, false, false),
            make("instance norm, four sets", 9, 8, 24, 7, 7, 3, 3, 1, 1, 4, 24, true, true),
            make("layer norm, two sets", 13, 16, 12, 3, 3, 3, 3, 1, 1, 2, 1, true, true),
            make("group norm, 7x7", 5, 6, 8, 7, 7, 7, 7, 1, 0, 1, 4, true, true),
        };
    }

    static std::vector<Case> cases()
    {
        std::vector<Case> cases;
        const auto add = [&cases](const Case& c, const std::string& what) -> Case&
        {
            cases.push_back(c);
            cases.back().name += what;
            return cases.back();
        };
        for (const Case& c : plainCases())
        {
            add(c, "");
            add(c, ", ReLU").p.relu = true;
        }
        for (const Case& c : normCases())
        {
            add(c, "");
            add(c, ", ReLU").p.relu = true;
        }
        // With all constants, and with none.
        for (const bool constants : {true, false})
        {
            const std::string what = constants ? ", constants" : "";
            const auto variant = [&](const char* name, int rois, int in, int out, int h, int w, int k, int s, int pad,
                                     int sets, int groups) -> Case& {
                return add(
                    make(name, rois, in, out, h, w, k, k, s, pad, sets, groups, constants, constants && groups > 0),
                    what);
            };
            variant("3x3, odd channels", 9, 5, 7, 7, 7, 3, 1, 1, 1, 0);
            variant("3x3, stride 2, ReLU, odd channels", 9, 5, 7, 8, 5, 3, 2, 1, 1, 0).p.relu = true;
            variant("3x3, a set per level, group norm", 20, 5, 12, 6, 7, 3, 1, 1, 3, 4).p.relu = true;
            variant("3x3, instance norm, sigmoid", 20, 5, 12, 6, 7, 3, 1, 1, 3, 12).p.sigmoid = true;
            variant("fully connected, 130 rows", 130, 9, 70, 7, 7, 7, 1, 0, 1, 0);
            Case& transposed = variant("transposed 2x2", 11, 9, 12, 5, 6, 1, 1, 0, 1, 0);
            transposed.p.upsample = 2;
            transposed.p.relu = true;
            Case& grouped = variant("transposed 2x2, group norm", 11, 9, 12, 5, 6, 1, 1, 0, 1, 3);
            grouped.p.upsample = 2;
            grouped.p.relu = true;
            Case& byClass = variant("a set per class", 40, 6, 1, 9, 9, 1, 1, 0, 6, 0);
            byClass.p.byClass = true;
            byClass.p.sigmoid = true;
            variant("large tiles", 120, 2, 130, 14, 14, 3, 1, 1, 2, 0);
        }
        // The heads of the paper's model, and of a small one.
        const auto large = [&](const Case& c) -> Case&
        {
            Case& added = add(c, "");
            added.large = added.p.relu = true;
            return added;
        };
        large(make("fully connected 12544 -> 1024", 1000, 256, 1024, 7, 7, 7, 7, 1, 0, 1, 0, true, false));
        large(make("1x1, a set per level, 7x7", 1000, 256, 256, 7, 7, 1, 1, 1, 0, 4, 0, true, false));
        large(make("3x3 256 -> 256, 14x14, a set per level", 1000, 256, 256, 14, 14, 3, 3, 1, 1, 4, 0, true, false));
        large(make("3x3 with instance norm, 14x14", 1000, 256, 256, 14, 14, 3, 3, 1, 1, 4, 256, true, false));
        large(make("regression head", 125, 256, 256, 14, 14, 3, 3, 1, 1, 1, 32, true, false));
        large(make("small model", 300, 64, 64, 7, 7, 3, 3, 1, 1, 1, 8, true, false));
        return cases;
    }

    static std::vector<Case> layerCases(int size)
    {
        Case c = make("group norm", 4 * size, 3, 4, 5, 6, 3, 3, 1, 1, 2, 2, true, true);
        c.p.relu = true;
        c.p.finestScale = 14.f;
        return {c};
    }

    //! Whether row r of a problem that is no benchmark holds a RoI.
    static bool holdsRoI(int r) { return r % 5 != 4 && r != 6 && r != 10; }

    class Problem : public d2det_test::Problem
    {
    public:
        Problem(const Case& c, uint64_t seed) : p(c.p), numRois(c.numRois), height(c.height), width(c.width), case_(c)
        {
            Random random(seed);
            const int sets = p.weightSets * p.outChannels;
            const auto fill = [&](size_t count)
            { return c.integers ? random.wholes(count, -4, 4) : random.reals(count, -1.f, 1.f); };
            const auto add = [&](const char* name, const Shape& shape, const Floats& values) {
                inputs.push_back({name, shape, values});
            };
            const Shape X{numRois, p.inChannels, height, width};
            const Shape weight{sets, p.inChannels, p.kernelHeight, p.kernelWidth};
            add("X", X, fill(elements(X)));
            add("rois", {numRois, 5}, c.large ? benchmarkRoIs(numRois, 1, 1344.f, 800.f, random) : rois());
            if (p.byClass)
                add("classes", {numRois, 1}, someClasses());
            add("weight", weight, fill(elements(weight)));
            if (c.bias)
                add("bias", {sets, 1}, fill(sets));
            if (c.affine)
            {
                add("gamma", {sets, 1}, random.reals(sets, -2.f, 2.f));
                add("beta", {sets, 1}, random.reals(sets, -1.f, 1.f));
            }
            const int u = p.upsample;
            outputs.push_back({"Y",
                               {numRois, p.outChannels / (u * u), c.outHeight(), c.outWidth()},
                               p.normGroups > 0 || c.large ? 1e-4 : 2e-5,
                               1e-4});
            inDouble = true;
            layer.numConstants = size_t(1) + c.bias + 2 * c.affine;
            layer.rois = 1;
            layer.freeLengths = {{0, 2}, {0, 3}};
            layer.attributes = {{"levels", p.weightSets},
                                {"by_class", int(p.byClass)},
                                {"conv_stride", p.stride},
                                {"conv_pad", p.pad},
                                {"has_bias", int(c.bias)},
                                {"norm_groups", p.normGroups},
                                {"norm_affine", int(c.affine)},
                                {"relu", int(p.relu)},
                                {"sigmoid", int(p.sigmoid)},
                                {"upsample", u},
                                {"finest_scale", double(p.finestScale)}};
        }

        kernels::RoIConvParams p;
        int numRois, height, width;

        size_t inRow() const { return size_t(p.inChannels) * height * width; }
        size_t outRow() const { return elements(outputs[0].shape) / numRois; }
        const Floats& values(const char* name) const { return input(name).values; }

        void reference(const Arguments<float>& a) const override { naive<float>(a); }
        void referenceInDouble(const Arguments<double>& a) const override { naive<double>(a); }
        void fast(const Arguments<float>& a) const override { kernels::roiConvCpu(p, args(a), a.out[0]); }
        void fast(const Arguments<float>& a, const kernels::RoIConvPacked& packed) const
        {
            kernels::roiConvCpu(p, args(a), packed, a.out[0]);
        }
        std::function<void()> prepared(const Arguments<float>& a) const override
        {
            const auto packed = std::make_shared<kernels::RoIConvPacked>(kernels::packRoIConv(p, find(a, "weight")));
            return [this, a, packed] { fast(a, *packed); };
        }
        double flop() const override
        {
            const int u = p.upsample;
            const double products = double(numRois) * p.outChannels * (case_.outHeight() / u) * (case_.outWidth() / u);
            return 2 * products * p.inChannels * p.kernelHeight * p.kernelWidth;
        }
#ifdef D2DET_TEST_CUDA
        size_t workspace() const override
        {
            return cuda::roiConvWorkspace(p, numRois, height, width);
        }
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace& workspace) const override
        {
            return cuda::roiConv(p, args(a), a.out[0], workspace, nullptr);
        }
#endif

    private:
        Floats rois() const
        {
            Floats rois;
            for (int r = 0; r < numRois; r++)
            {
                const float side = 30.f * static_cast<float>(1 << (r % 5));  // levels 0 to 3
                for (const float v : {4.f, 5.f, 4.f + side, 5.f + side})
                {
                    if (rois.size() % 5 == 0)
                        rois.push_back(static_cast<float>(r % 3));
                    rois.push_back(r % 5 == 4 ? 0.f : v);
                }
            }
            if (numRois > 6)
                rois[5 * 6 + 2] = NOT_A_NUMBER;
            if (numRois > 10)
                rois[5 * 10] = INFINITE;
            return rois;
        }
        //! Each set in turn, some that are no set.
        Floats someClasses() const
        {
            Floats classes;
            for (int r = 0; r < numRois; r++)
                classes.push_back(static_cast<float>(r % (p.weightSets + 2)) - 1.f);
            classes[0] = NOT_A_NUMBER;
            return classes;
        }
        template <typename T>
        const T* find(const Arguments<T>& a, const std::string& name) const
        {
            for (size_t i = 0; i < inputs.size(); i++)
                if (inputs[i].name == name)
                    return a.in[i];
            return nullptr;
        }
        template <typename T>
        kernels::RoIConvArgs<T> args(const Arguments<T>& a) const
        {
            return {a.in[0],           a.in[1],         numRois,          height,          width,
                    find(a, "weight"), find(a, "bias"), find(a, "gamma"), find(a, "beta"), find(a, "classes")};
        }
        template <typename T>
        void naive(const Arguments<T>& a) const
        {
            kernels::roiConvRef<T>(p, args(a), a.out[0]);
        }
        Case case_;
    };
};

}  // namespace d2det_test

#endif
