// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DenseBoxDecode. */

#ifndef D2DET_TEST_OPERATORS_DENSE_BOX_DECODE_HPP
#define D2DET_TEST_OPERATORS_DENSE_BOX_DECODE_HPP

#include "boxes.hpp"
#include "pooling.hpp"

#include "kernels/dense_box_decode.hpp"

namespace d2det_test
{

struct DenseBoxDecode
{
    enum Kind
    {
        PLAIN,     //!< nothing near a limit: double gives the same cells
        ANYTHING,  //!< RoIs, offsets and logits of every kind, many not usable
        LAYER,
        BENCHMARK
    };
    struct Case : CaseInfo
    {
        int numRois, k;
        Kind kind = PLAIN;
        kernels::DenseBoxDecodeParams p{};
    };

    static std::vector<Case> cases()
    {
        std::vector<Case> cases;
        for (const int k : {1, 3, 7, 14})
            for (const bool weighted : {false, true})
                for (const bool legacy : {false, true})
                {
                    Case c{"k " + std::to_string(k) + (weighted ? ", weighted" : ", mean") + (legacy ? ", legacy" : ""),
                           67, k, ANYTHING};
                    c.p.weighted = weighted;
                    c.p.legacy = legacy;
                    c.rounds = 4;
                    cases.push_back(c);
                    c.name += ", plain";
                    c.kind = PLAIN;
                    c.trainer = k == 7;
                    cases.push_back(c);
                }
        for (const int count : {125, 1000})
        {
            cases.push_back({std::to_string(count) + " rois", count, 7, BENCHMARK});
            cases.back().large = true;
        }
        return cases;
    }

    static std::vector<Case> layerCases(int size) { return {{std::string("two images"), 4 * size, 3, LAYER}}; }

    class Problem : public d2det_test::Problem
    {
    public:
        Problem(const Case& c, uint64_t seed) : case_(c)
        {
            Random random(seed);
            const Shape offsets{c.numRois, 4, c.k, c.k}, overlap{c.numRois, 1, c.k, c.k};
            inputs.push_back({"rois", {c.numRois, 5}, rois(random)});
            inputs.push_back({"offsets", offsets, random.reals(elements(offsets), 0.f, 1.5f)});
            inputs.push_back({"overlap", overlap, random.reals(elements(overlap), -2.f, 2.f)});
            inputs.push_back({"im_info", {BATCH, 3}, {80.f, 100.f, 1.f, 64.f, 70.f, 2.f}});
            if (c.kind == LAYER)
                inputs.back().values = {64.f, 64.f, 1.f, 64.f, 64.f, 1.f};
            else if (c.kind == BENCHMARK)
                inputs.back().values = {800.f, 1344.f, 1.f, 800.f, 1344.f, 1.f};
            else if (c.kind == ANYTHING)
                spoil();
            else
                for (float& v : inputs[2].values)
                    v = v < 0 ? -1.5f : 1.5f;
            inDouble = c.kind == PLAIN;
            outputs.push_back({"boxes", {c.numRois, 4}, c.kind == PLAIN ? 1e-5 : SAME_BITS, 1e-4});
            layer.attributes = {{"mode", c.p.weighted ? "weighted" : "mean"}, {"legacy", int(c.p.legacy)}};
            layer.freeLengths = {{3, 0}};
            layer.rois = 0;
            layer.batchIndex = true;
        }

        const kernels::DenseBoxDecodeParams& params() const { return case_.p; }

        void reference(const Arguments<float>& a) const override { naive<float>(a); }
        void referenceInDouble(const Arguments<double>& a) const override { naive<double>(a); }
        void fast(const Arguments<float>& a) const override
        {
            kernels::denseBoxDecodeCpu(case_.p, {a.in[0], a.in[1], a.in[2], a.in[3], case_.numRois, case_.k, BATCH},
                                       a.out[0]);
        }
#ifdef D2DET_TEST_CUDA
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace&) const override
        {
            return cuda::denseBoxDecode(case_.p, {a.in[0], a.in[1], a.in[2], a.in[3], case_.numRois, case_.k, BATCH},
                                        a.out[0], nullptr);
        }
#endif

    private:
        static constexpr int BATCH = 2;

        Floats rois(Random& random) const
        {
            const Case& c = case_;
            if (c.kind == LAYER)
                return layerRoIs(c.numRois, BATCH, random);
            if (c.kind == BENCHMARK)
                return benchmarkRoIs(c.numRois, BATCH, 1344.f, 800.f, random);
            const bool plain = c.kind == PLAIN;
            Floats rois;
            for (int r = 0; r < c.numRois; r++)
            {
                const float image = static_cast<float>(plain ? r % 2 : r % 3 - (r % 7 == 0));
                const float x = random.real(-20.f, 90.f), y = random.real(-20.f, 90.f);
                for (const float v : {image, x, y, x + random.real(-5.f, 60.f), y + random.real(-5.f, 60.f)})
                    rois.push_back(v);
            }
            return rois;
        }
        void spoil()
        {
            Floats &rois = inputs[0].values, &offsets = inputs[1].values, &overlap = inputs[2].values;
            const int cells = case_.k * case_.k;
            std::fill(rois.begin() + 5, rois.begin() + 10, 0.f);
            rois[2 * 5 + 3] = NOT_A_NUMBER;
            for (size_t i = 0; i < offsets.size(); i += 13)
                offsets[i] = i % 2 ? NOT_A_NUMBER : INFINITE;
            for (size_t i = 0; i < overlap.size(); i += 17)
                overlap[i] = i % 2 ? INFINITE : 0.f;
            for (int i = 0; i < cells; i++)
                overlap[3 * size_t(cells) + i] = -1.f;  // an empty set
        }
        template <typename T>
        void naive(const Arguments<T>& a) const
        {
            kernels::denseBoxDecodeRef<T>(case_.p, {a.in[0], a.in[1], a.in[2], a.in[3], case_.numRois, case_.k, BATCH},
                                          a.out[0]);
        }
        Case case_;
    };
};

}  // namespace d2det_test

#endif
