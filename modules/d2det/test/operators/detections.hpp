// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Detections. Boxes are copied, so all must be the same bits; scores go through an exponential only in the gaussian
   mode. */

#ifndef D2DET_TEST_OPERATORS_DETECTIONS_HPP
#define D2DET_TEST_OPERATORS_DETECTIONS_HPP

#include "boxes.hpp"
#include "pooling.hpp"

#include "kernels/detections.hpp"

namespace d2det_test
{

struct Detections
{
    enum Source
    {
        BOXES,      //!< of `kind`
        ON_HALVES,  //!< ties, exact borders, labels of any size
        LAYER,
        BENCHMARK
    };
    struct Case : CaseInfo
    {
        kernels::DetectionsParams p;
        int rows = 0, classes = 0;
        Source source = BOXES;
        int kind = SCATTERED;
        bool malformed = false;  //!< scores and boxes that are not finite (source ON_HALVES)
        bool drawn = false;      //!< all of the above is drawn with the inputs
        bool sourceRows = true;  //!< also the rows that detections come from

        Case(const std::string& n = "") : CaseInfo(n) {}
    };

    static std::string nameOf(kernels::NMSMode mode)
    {
        return mode == kernels::NMSMode::HARD          ? "hard"
               : mode == kernels::NMSMode::SOFT_LINEAR ? "soft_linear"
                                                       : "soft_gaussian";
    }

    static std::vector<Case> cases()
    {
        using kernels::NMSMode;
        std::vector<Case> cases;
        Case drawn("drawn");
        drawn.drawn = true;
        drawn.rounds = 240;
        drawn.cpuOnly = true;
        cases.push_back(drawn);
        const NMSMode modes[] = {NMSMode::HARD, NMSMode::SOFT_LINEAR, NMSMode::SOFT_GAUSSIAN};
        for (const NMSMode mode : modes)
        {
            for (int variant = 0; variant < 8; variant++)
            {
                Case c(nameOf(mode));
                c.p.nmsMode = mode;
                c.p.batchSize = 1 + variant % 2 * 2;
                c.p.classAgnosticBoxes = variant / 2 % 2 == 0;
                c.p.labelled = variant / 4 == 1;
                c.p.legacy = variant % 3 == 0;
                c.p.maxDetections = 20;
                c.p.limit = variant == 3 ? 7 : 0;
                c.p.scoreThreshold = 0.3f;
                c.rows = variant == 5 ? 0 : 61;
                c.classes = 4;
                c.source = ON_HALVES;
                c.malformed = variant % 2 == 1;
                c.name += std::string(c.p.batchSize > 1 ? ", three images" : "") +
                          (c.p.classAgnosticBoxes ? "" : ", boxes by class") + (c.p.labelled ? ", labelled" : "") +
                          (c.p.legacy ? ", legacy" : "") + (c.p.limit ? ", limit" : "") + (c.rows ? "" : ", no rows") +
                          (c.malformed ? ", malformed" : "");
                c.cudaOnly = c.rows == 0;
                cases.push_back(c);
            }
            Case trainer(nameOf(mode) + ", trainer");
            trainer.p.nmsMode = mode;
            trainer.p.batchSize = 2;
            trainer.p.maxDetections = 40;
            trainer.rows = 160;
            trainer.classes = 5;
            trainer.trainer = true;
            cases.push_back(trainer);
        }
        Case many("many rows of one class");
        many.rows = 1500;
        many.classes = 1;
        many.source = ON_HALVES;
        cases.push_back(many);
        Case two("many rows of two classes, soft_linear");
        two.p.nmsMode = NMSMode::SOFT_LINEAR;
        two.p.maxDetections = 10;
        two.rows = 700;
        two.classes = 2;
        two.source = ON_HALVES;
        cases.push_back(two);
        for (const int classes : {1, 80})
            for (const NMSMode mode : modes)
            {
                Case c(nameOf(mode) + " 1000 x " + std::to_string(classes));
                c.p.nmsMode = mode;
                c.rows = 1000;
                c.classes = classes;
                c.source = BENCHMARK;
                c.sourceRows = false;
                c.large = true;
                cases.push_back(c);
            }
        return cases;
    }

    static std::vector<Case> layerCases(int size)
    {
        Case plain("hard"), byClass("boxes by class"), labelled("labelled");
        for (Case* c : {&plain, &byClass, &labelled})
        {
            c->rows = 4 * size;
            c->source = LAYER;
            c->sourceRows = false;
        }
        plain.p.batchSize = 2;
        plain.p.maxDetections = 7;
        plain.classes = 3;
        byClass.p.classAgnosticBoxes = false;
        byClass.p.nmsMode = kernels::NMSMode::SOFT_GAUSSIAN;
        byClass.classes = 3;
        labelled.p.batchSize = 2;
        labelled.p.maxDetections = 9;
        labelled.p.labelled = true;
        labelled.p.nmsMode = kernels::NMSMode::SOFT_LINEAR;
        labelled.classes = 2;
        labelled.sourceRows = true;
        return {plain, byClass, labelled};
    }

    class Problem : public d2det_test::Problem
    {
    public:
        Problem(const Case& c, uint64_t seed) : case_(c)
        {
            Random random(seed);
            if (c.drawn)
                draw(random);
            const kernels::DetectionsParams& p = case_.p;
            inputs.push_back({"rois", {case_.rows, roiColumns()}, {}});
            inputs.push_back({"probs", {case_.rows, probColumns()}, {}});
            switch (case_.source)
            {
                case BOXES:
                    fillBoxes(random);
                    break;
                case ON_HALVES:
                    fillOnHalves(random);
                    break;
                case LAYER:
                    fillLayer(random);
                    break;
                case BENCHMARK:
                    fillBenchmark(random);
                    break;
            }
            const int rows = p.batchSize * p.maxDetections;
            const double cuda = p.nmsMode == kernels::NMSMode::SOFT_GAUSSIAN ? 1e-6 : SAME_BITS;
            outputs.push_back({"detections", {rows, 7}, SAME_BITS, cuda});
            if (case_.sourceRows)
                outputs.push_back({"rows", {rows, 1}, SAME_BITS, SAME_BITS});
            layer.attributes = {{"batch_size", p.batchSize},
                                {"max_detections", p.maxDetections},
                                {"class_agnostic_boxes", int(p.classAgnosticBoxes)},
                                {"labelled", int(p.labelled)},
                                {"legacy", int(p.legacy)},
                                {"output_rows", int(case_.sourceRows)},
                                {"nms_mode", nameOf(p.nmsMode).c_str()}};
            if (p.classAgnosticBoxes && !p.labelled)
                layer.freeLengths = {{1, 1}};
        }

        const kernels::DetectionsParams& params() const { return case_.p; }
        int rows() const { return case_.rows; }
        int roiColumns() const { return case_.p.classAgnosticBoxes || case_.p.labelled ? 5 : 1 + 4 * case_.classes; }
        int probColumns() const { return case_.p.labelled ? 2 : case_.classes + 1; }

        void reference(const Arguments<float>& a) const override
        {
            kernels::detectionsRef(case_.p, inputOf(a), outputOf(a));
        }
        void fast(const Arguments<float>& a) const override
        {
            kernels::detectionsCpu(case_.p, inputOf(a), outputOf(a));
        }
#ifdef D2DET_TEST_CUDA
        size_t workspace() const override
        {
            return cuda::detectionsWorkspace(case_.p, {nullptr, roiColumns(), nullptr, probColumns(), case_.rows});
        }
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace& workspace) const override
        {
            return cuda::detections(case_.p, inputOf(a), outputOf(a), workspace, nullptr);
        }
#endif

    private:
        kernels::DetectionsInput inputOf(const Arguments<float>& a) const
        {
            return {a.in[0], roiColumns(), a.in[1], probColumns(), case_.rows};
        }
        kernels::DetectionsOutput outputOf(const Arguments<float>& a) const
        {
            return {a.out[0], case_.sourceRows ? a.out[1] : nullptr};
        }
        void draw(Random& random)
        {
            kernels::DetectionsParams& p = case_.p;
            const kernels::NMSMode modes[] = {kernels::NMSMode::HARD, kernels::NMSMode::SOFT_LINEAR,
                                              kernels::NMSMode::SOFT_GAUSSIAN};
            p.nmsMode = modes[random.integer(0, 2)];
            p.labelled = random.once(4);
            p.classAgnosticBoxes = !random.once(5);
            p.batchSize = random.integer(1, 3);
            p.legacy = random.once(2);
            p.scoreThreshold = random.once(3) ? -1.f : 0.2f;
            p.softSigma = random.once(11) ? -0.5f : 0.5f;
            p.maxDetections = random.once(4) ? 2000 : random.integer(1, 59);
            p.limit = random.once(3) ? random.integer(1, 69) : 0;
            case_.rows = random.integer(1, 119);
            case_.classes = random.integer(1, 11);
            case_.kind = random.integer(0, BOX_KINDS - 1);
        }
        static float score(Random& random, int kind)
        {
            if (kind == MALFORMED && random.once(4))
                return malformedNumber(random);
            return kind == ON_GRID ? random.whole(0, 4) / 4 : random.real(0.f, 1.f);
        }
        void fillBoxes(Random& random)
        {
            Floats &rois = inputs[0].values, &probs = inputs[1].values;
            rois.assign(elements(inputs[0].shape), 0.f);
            probs.assign(elements(inputs[1].shape), 0.f);
            for (int r = 0; r < case_.rows; r++)
            {
                float *roi = &rois[size_t(r) * roiColumns()], *prob = &probs[size_t(r) * probColumns()];
                const bool anyImage = case_.drawn && random.once(8);
                roi[0] = anyImage ? malformedNumber(random) : random.whole(0, case_.p.batchSize - 1);
                for (int c = 1; c < roiColumns(); c += 4)
                    if (!random.once(10))
                        randomBox(random, case_.kind, roi + c);  // else all zero: padding
                for (int c = 0; c < probColumns(); c++)
                    prob[c] = score(random, case_.kind);
                if (case_.p.labelled)
                    prob[0] = random.once(8) ? malformedNumber(random) : random.whole(-1, case_.classes - 1);
            }
        }
        void fillOnHalves(Random& random)
        {
            Floats &rois = inputs[0].values, &probs = inputs[1].values;
            const kernels::DetectionsParams& p = case_.p;
            probs = random.reals(elements(inputs[1].shape), 0.f, 1.f);
            for (int r = 0; r < case_.rows; r++)
            {
                rois.push_back(static_cast<float>(r % (p.batchSize + 1)));
                const Floats boxes = boxesOnHalves(random, (roiColumns() - 1) / 4, 50.f);
                rois.insert(rois.end(), boxes.begin(), boxes.end());
                if (r % 6 == 1)
                    std::fill(rois.end() - (roiColumns() - 1), rois.end(), 0.f);
                if (p.labelled)
                    probs[2 * size_t(r)] = r % 8 == 0   ? -1.f
                                           : r % 9 == 0 ? 1e9f
                                                        : static_cast<float>(r % case_.classes);
            }
            for (size_t i = 0; i < probs.size(); i++)  // ties
                if (!p.labelled || i % 2 == 1)
                    probs[i] = static_cast<float>(static_cast<int>(probs[i] * 64)) / 64;
            for (size_t i = 0; case_.malformed && i < probs.size(); i += 7)
                probs[i] = i % 2 ? NOT_A_NUMBER : i % 3 ? INFINITE : -INFINITE;
            for (size_t i = 3; case_.malformed && i < rois.size(); i += 37)
                rois[i] = i % 2 ? NOT_A_NUMBER : INFINITE;
        }
        void fillLayer(Random& random)
        {
            inputs[0].values = roiColumns() == 5 ? layerRoIs(case_.rows, case_.p.batchSize, random)
                                                 : random.reals(elements(inputs[0].shape), 0.f, 9.f);
            if (roiColumns() > 5)
                for (int r = 0; r < case_.rows; r++)
                    inputs[0].values[size_t(r) * roiColumns()] = 0.f;
            inputs[1].values = random.reals(elements(inputs[1].shape), 0.1f, 1.f);
            for (int r = 0; case_.p.labelled && r < case_.rows; r++)
                inputs[1].values[2 * size_t(r)] = static_cast<float>(r % case_.classes);
        }
        void fillBenchmark(Random& random)
        {
            const Floats boxes = detectorLikeBoxes(random, case_.rows);
            for (int r = 0; r < case_.rows; r++)
            {
                inputs[0].values.push_back(0.f);
                inputs[0].values.insert(inputs[0].values.end(), &boxes[4 * size_t(r)], &boxes[4 * size_t(r)] + 4);
            }
            // 7 % of the scores pass the threshold.
            inputs[1].values.resize(elements(inputs[1].shape));
            for (float& v : inputs[1].values)
                v = std::pow(random.real(0.f, 1.f), 40.f);
        }
        Case case_;
    };
};

}  // namespace d2det_test

#endif
