// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeltaBoxDecode. */

#ifndef D2DET_TEST_OPERATORS_DELTA_BOX_DECODE_HPP
#define D2DET_TEST_OPERATORS_DELTA_BOX_DECODE_HPP

#include "pooling.hpp"

#include "kernels/delta_box_decode.hpp"

namespace d2det_test
{

struct DeltaBoxDecode
{
    enum Kind
    {
        PLAIN,     //!< no overflow: double gives the same boxes
        ANYTHING,  //!< RoIs and deltas of every kind, many not usable
        LAYER,
        BENCHMARK
    };
    struct Case : CaseInfo
    {
        int numRois, classes;
        Kind kind = PLAIN;
        kernels::DeltaBoxDecodeParams p{};
    };

    static std::vector<Case> cases()
    {
        std::vector<Case> cases;
        for (const int classes : {1, 3, 80})
            for (const bool cascade : {false, true})
                for (const bool legacy : {false, true})
                {
                    Case c{std::to_string(classes) + " classes" + (cascade ? ", cascade" : "") +
                               (legacy ? ", legacy" : ""),
                           classes == 80 ? 150 : 67, classes, ANYTHING};  // 150 x 80: on several threads
                    c.p.legacy = legacy;
                    if (cascade)
                        secondStage(c.p);
                    c.rounds = 4;
                    cases.push_back(c);
                    c.name += ", plain";
                    c.kind = PLAIN;
                    c.trainer = classes == 3;
                    cases.push_back(c);
                }
        cases.push_back({std::string("no rois"), 0, 2, PLAIN});
        for (const int classes : {1, 80})
        {
            cases.push_back({"1000 rois, " + std::to_string(classes) + " classes", 1000, classes, BENCHMARK});
            cases.back().large = true;
        }
        return cases;
    }

    static std::vector<Case> layerCases(int size)
    {
        Case one{std::string("a box for all classes"), 4 * size, 1, LAYER}, each = one;
        each.name = "a box per class";
        each.classes = 3;
        secondStage(each.p);
        each.p.maxLogScale = 0.25f;
        each.p.legacy = true;
        return {one, each};
    }

    class Problem : public d2det_test::Problem
    {
    public:
        Problem(const Case& c, uint64_t seed) : case_(c)
        {
            Random random(seed);
            const Shape deltas{c.numRois, 4 * c.classes};
            inputs.push_back({"rois", {c.numRois, 5}, rois(random)});
            inputs.push_back({"deltas", deltas, random.reals(elements(deltas), -4.f, 4.f)});
            inputs.push_back({"im_info", {BATCH, 3}, {80.f, 100.f, 1.f, 64.f, 70.f, 2.f}});
            if (c.kind == LAYER)
                inputs.back().values = {64.f, 64.f, 1.f, 64.f, 64.f, 1.f};
            else if (c.kind == BENCHMARK)
                inputs.back().values = {800.f, 1344.f, 1.f, 800.f, 1344.f, 1.f};
            else
                for (float& delta : inputs[1].values)  // beyond the limit of growth, of other units, not finite
                    if (random.once(20))
                        delta = c.kind == PLAIN ? random.real(-100.f, 100.f) : malformedNumber(random);
            inDouble = c.kind == PLAIN;
            outputs.push_back({"boxes", {c.numRois, 1 + 4 * c.classes}, c.kind == PLAIN ? 1e-5 : SAME_BITS, 1e-4});
            layer.attributes = {Attribute::reals("stds", {c.p.stds, c.p.stds + 4}),
                                {"max_log_scale", double(c.p.maxLogScale)},
                                {"legacy", int(c.p.legacy)}};
            layer.freeLengths = {{2, 0}};
            layer.rois = 0;
            layer.batchIndex = true;
        }

        const kernels::DeltaBoxDecodeParams& params() const { return case_.p; }

        void reference(const Arguments<float>& a) const override { naive<float>(a); }
        void referenceInDouble(const Arguments<double>& a) const override { naive<double>(a); }
        void fast(const Arguments<float>& a) const override
        {
            kernels::deltaBoxDecodeCpu(case_.p, view<float>(a), a.out[0]);
        }
#ifdef D2DET_TEST_CUDA
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace&) const override
        {
            return cuda::deltaBoxDecode(case_.p, view<float>(a), a.out[0], nullptr);
        }
#endif

    private:
        static constexpr int BATCH = 2;

        template <typename T>
        kernels::DeltaBoxDecodeInput<T> view(const Arguments<T>& a) const
        {
            return {a.in[0], a.in[1], a.in[2], case_.numRois, case_.classes, BATCH};
        }
        template <typename T>
        void naive(const Arguments<T>& a) const
        {
            kernels::deltaBoxDecodeRef<T>(case_.p, view<T>(a), a.out[0]);
        }
        Floats rois(Random& random) const
        {
            const Case& c = case_;
            if (c.kind == LAYER)
                return layerRoIs(c.numRois, BATCH, random);
            if (c.kind == BENCHMARK)
                return benchmarkRoIs(c.numRois, BATCH, 1344.f, 800.f, random);
            const bool plain = c.kind == PLAIN;
            const std::vector<Floats> malformed = malformedRoIs();
            Floats rois;
            for (int r = 0; r < c.numRois; r++)
            {
                const float image = static_cast<float>(plain ? r % 2 : r % 3 - (r % 7 == 0));
                const float x = random.real(-20.f, 90.f), y = random.real(-20.f, 90.f);
                Floats roi = {image, x, y, x + random.real(-5.f, 60.f), y + random.real(-5.f, 60.f)};
                if (!plain && r < static_cast<int>(malformed.size()))
                    roi = malformed[size_t(r)];
                if (r == c.numRois - 1)  // padding
                    roi = {1, 0, 0, 0, 0};
                rois.insert(rois.end(), roi.begin(), roi.end());
            }
            return rois;
        }
        Case case_;
    };

private:
    //! Attributes of a later stage of a cascade, with a lower limit of growth.
    static void secondStage(kernels::DeltaBoxDecodeParams& p)
    {
        const float stds[4] = {0.05f, 0.06f, 0.1f, 0.12f};
        std::copy(stds, stds + 4, p.stds);
        p.maxLogScale = 1.5f;
    }
};

}  // namespace d2det_test

#endif
