// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Proposal. Boxes and scores go through an exponential: on CUDA 1e-4 and 1e-5, in the same order. */

#ifndef D2DET_TEST_OPERATORS_PROPOSAL_HPP
#define D2DET_TEST_OPERATORS_PROPOSAL_HPP

#include "boxes.hpp"

#include "kernels/proposal.hpp"

namespace d2det_test
{

struct Proposal
{
    enum Kind
    {
        SMOOTH,
        TIES,
        ALL_EQUAL,
        WITH_NAN,
        WILD,
        KINDS
    };
    struct Case : CaseInfo
    {
        int batch;
        std::vector<Shape> maps;  //!< height and width of every level
        int firstStride = 4;
        int kind = SMOOTH;
        bool deadLevel = false;  //!< level 1 has no finite logit
        bool drawn = false;      //!< kind and parameters are drawn with the inputs
        kernels::ProposalParams p{};
    };

    static std::vector<Case> cases()
    {
        std::vector<Case> cases;
        // name, batch, before and behind NMS of a level, rows, smallest side, legacy
        const auto add =
            [&cases](const char* name, int batch, int pre, int post, int rows, float minSize, bool legacy, int kind)
        {
            Case c{std::string(name), batch, {{20, 28}, {10, 14}, {5, 7}}};
            c.p.anchorScale = 4.f;
            c.p.preNmsTopN = pre;
            c.p.postNmsTopN = post;
            c.p.maxProposals = rows;
            c.p.minSize = minSize;
            c.p.legacy = legacy;
            c.kind = kind;
            c.deadLevel = kind == WITH_NAN;
            cases.push_back(c);
        };
        add("plain", 1, 200, 60, 100, 0.f, false, SMOOTH);
        add("two images", 2, 300, 0, 150, 0.f, false, SMOOTH);
        add("no limits", 2, 0, 0, 2000, 0.f, false, SMOOTH);
        add("legacy", 1, 300, 100, 100, 4.f, true, SMOOTH);
        add("ties", 2, 100, 50, 80, 0.f, false, TIES);
        add("all equal", 2, 100, 50, 80, 0.f, false, ALL_EQUAL);
        add("malformed", 2, 150, 100, 300, 6.f, false, WITH_NAN);
        add("malformed, no limits", 3, 0, 0, 700, 0.f, true, WITH_NAN);
        add("malformed, wild", 2, 150, 100, 300, 0.f, false, WILD);
        add("one row", 1, 1, 1, 1, 0.f, false, SMOOTH);
        add("two scales", 2, 300, 100, 150, 0.f, false, SMOOTH);
        cases.back().p.anchorRatios = {0.5f, 0.5f, 1.f, 1.f};
        cases.back().p.anchorScales = {3.f, 6.f, 3.f, 6.f};
        Case drawn{std::string("drawn"), 1, {{13, 17}, {7, 9}, {1, 5}}};
        drawn.drawn = true;
        drawn.rounds = 60;
        drawn.p.anchorScale = 4.f;
        cases.push_back(drawn);
        Case trainer{std::string("trainer"), 2, {{24, 32}, {12, 16}}};
        trainer.p.preNmsTopN = 300;
        trainer.p.postNmsTopN = trainer.p.maxProposals = 80;
        trainer.trainer = true;
        cases.push_back(trainer);
        for (const auto& size : {std::make_pair(480, 640), std::make_pair(800, 1344)})
        {
            Case c{std::to_string(size.first) + "x" + std::to_string(size.second), 1, {}};
            for (int stride = 4; stride <= 64; stride *= 2)
                c.maps.push_back({(size.first + stride - 1) / stride, (size.second + stride - 1) / stride});
            c.large = true;
            cases.push_back(c);
        }
        return cases;
    }

    static std::vector<Case> layerCases(int size)
    {
        Case c{std::string("two levels"), 2, {{4 * size, 3 * size}, {2 * size, 2 * size}}, 8};
        c.p.maxProposals = 20;
        c.p.anchorScale = 2.f;
        return {c};
    }

    class Problem : public d2det_test::Problem
    {
    public:
        Problem(const Case& c, uint64_t seed) : case_(c)
        {
            Random random(seed);
            if (c.drawn)
                draw(random);
            const int anchors = static_cast<int>(c.p.anchorRatios.size());
            for (size_t i = 0; i < c.maps.size(); i++)
                add("cls_" + std::to_string(i), anchors, c.maps[i], random, logit);
            for (size_t i = 0; i < c.maps.size(); i++)
                add("box_" + std::to_string(i), 4 * anchors, c.maps[i], random, delta);
            if (c.deadLevel)
                std::fill(inputs[1].values.begin(), inputs[1].values.end(), NOT_A_NUMBER);
            inputs.push_back({"im_info", {case_.batch, 3}, {}});
            const float stride = static_cast<float>(c.firstStride);
            for (int b = 0; b < case_.batch; b++)
                for (const float v : {stride * c.maps[0][0] - 3, stride * c.maps[0][1] - b, 1.f})
                    inputs.back().values.push_back(v);
            const int rows = case_.batch * case_.p.maxProposals;
            outputs.push_back({"rois", {rows, 5}, SAME_BITS, 1e-4});
            outputs.push_back({"scores", {rows, 1}, SAME_BITS, 1e-5});
            std::vector<int> strides;
            for (size_t i = 0; i < c.maps.size(); i++)
                strides.push_back(c.firstStride << i);
            layer.attributes = {{"feat_strides", strides},
                                {"max_proposals", c.p.maxProposals},
                                {"anchor_scale", double(c.p.anchorScale)}};
        }

        const kernels::ProposalParams& params() const { return case_.p; }
        //! Sizes and strides of the maps, without data.
        kernels::RpnMaps shapes() const
        {
            kernels::RpnMaps m;
            m.levels = static_cast<int>(case_.maps.size());
            m.batch = case_.batch;
            for (int i = 0; i < m.levels; i++)
            {
                m.height[i] = case_.maps[i][0];
                m.width[i] = case_.maps[i][1];
                m.stride[i] = static_cast<float>(case_.firstStride << i);
            }
            return m;
        }

        void reference(const Arguments<float>& a) const override
        {
            kernels::proposalRef(case_.p, maps(a), a.in.back(), {a.out[0], a.out[1]});
        }
        void fast(const Arguments<float>& a) const override
        {
            kernels::proposalCpu(case_.p, maps(a), a.in.back(), {a.out[0], a.out[1]});
        }
#ifdef D2DET_TEST_CUDA
        size_t workspace() const override
        {
            return cuda::proposalWorkspace(case_.p, shapes());
        }
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace& workspace) const override
        {
            return cuda::proposal(case_.p, maps(a), a.in.back(), {a.out[0], a.out[1]}, workspace, nullptr);
        }
#endif

    private:
        typedef float (*Fill)(Random&, int kind);

        void draw(Random& random)
        {
            const std::vector<int> limits{0, 1, 20, 150, 1000, -1}, rows{1, 20, 150, 1000};
            case_.kind = random.integer(0, KINDS - 1);
            case_.batch = random.integer(1, 3);
            case_.p.legacy = random.once(2);
            case_.p.preNmsTopN = random.pick(limits);
            case_.p.postNmsTopN = random.pick(limits);
            case_.p.maxProposals = random.pick(rows);
            case_.p.minSize = random.once(3) ? 12.f : 0.f;
            case_.p.nmsThreshold = random.real(0.2f, 0.9f);
        }
        void add(const std::string& name, int channels, const Shape& map, Random& random, Fill fill)
        {
            inputs.push_back({name, {case_.batch, channels, map[0], map[1]}, {}});
            inputs.back().values.resize(elements(inputs.back().shape));
            for (float& v : inputs.back().values)
                v = fill(random, case_.kind);
        }
        static float logit(Random& random, int kind)
        {
            if ((kind == WITH_NAN && random.once(5)) || (kind == WILD && random.once(2)))
                return malformedNumber(random);
            if (kind == TIES)  // 0 and -0 among them
                return random.once(9) ? -0.f : random.whole(-2, 2);
            return kind == ALL_EQUAL ? 0.25f : random.real(-5.f, 5.f);
        }
        static float delta(Random& random, int kind)
        {
            if ((kind == WITH_NAN && random.once(20)) || (kind == WILD && random.once(2)))
                return malformedNumber(random);
            return random.gaussian(0.3);
        }
        kernels::RpnMaps maps(const Arguments<float>& a) const
        {
            kernels::RpnMaps m = shapes();
            for (int i = 0; i < m.levels; i++)
            {
                m.cls[i] = a.in[i];
                m.box[i] = a.in[size_t(m.levels) + i];
            }
            return m;
        }
        Case case_;
    };
};

}  // namespace d2det_test

#endif
