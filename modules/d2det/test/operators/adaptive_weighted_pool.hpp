// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2AdaptiveWeightedPool. The reference is in double: the exponent gain * sigmoid carries a rounding error of |gain| *
   6e-8, and the weights that relative to themselves. */

#ifndef D2DET_TEST_OPERATORS_ADAPTIVE_WEIGHTED_POOL_HPP
#define D2DET_TEST_OPERATORS_ADAPTIVE_WEIGHTED_POOL_HPP

#include "problem.hpp"

#include "kernels/adaptive_weighted_pool.hpp"

namespace d2det_test
{

struct AdaptiveWeightedPool
{
    struct Case : CaseInfo
    {
        float gain;
        int rows, channels, height, width;
        bool infiniteN = false;  //!< some cells of N are +-Inf
    };

    static std::vector<Case> cases()
    {
        struct Maps
        {
            int rows, channels, height, width;
        };
        const std::vector<Maps> shapes = {{1, 1, 1, 1},    {1, 5, 1, 1},  {2, 8, 2, 2},  {1, 17, 14, 14},
                                          {37, 1, 14, 14}, {40, 1, 7, 7}, {3, 1, 7, 9},  {5, 1, 1, 6},
                                          {3, 1, 9, 1},    {11, 3, 5, 4}, {9, 1, 1, 20}, {2, 1, 28, 28},
                                          {2, 1, 30, 41},  {2, 1, 41, 40}};
        std::vector<Case> cases;
        const auto add = [&cases](float gain, const Maps& s, const std::string& what) -> Case&
        {
            const std::string name = std::to_string(s.rows * s.channels) + " planes of " + std::to_string(s.height) +
                                     "x" + std::to_string(s.width) + what;
            cases.push_back({name, gain, s.rows, s.channels, s.height, s.width});
            return cases.back();
        };
        for (const float gain : {12.f, 3.f, 0.f, -5.f, 79.f, 80.f, 81.f, 200.f, -200.f, -300.f, LARGEST})
            for (const Maps& s : shapes)
            {
                const std::string what =
                    ", gain " + (gain == LARGEST ? std::string("FLT_MAX") : std::to_string(int(gain)));
                add(gain, s, what);
                if (gain != LARGEST)
                    add(gain, s, what + ", infinite weights").infiniteN = true;
            }
        // The first gain is also one of many planes, which threads share.
        for (const float gain : {12.f, 100.f})
            add(gain, {20, 10, 14, 14}, ", gain " + std::to_string(int(gain)));
        for (const float gain : {12.f, 3.f, -3.f})
            for (const Maps& s :
                 {Maps{1, 3, 6, 6}, {2, 1, 5, 7}, {2, 1, 1, 1}, {2, 3, 4, 6}, {2, 3, 5, 7}, {2, 3, 1, 3}})
                add(gain, s, ", gain " + std::to_string(int(gain)) + ", differences").gradient = s.height * s.width > 1;
        add(6.f, {9, 5, 14, 13}, ", trainer").trainer = true;
        cases.push_back({"7x7", 12.f, 1000, 256, 7, 7});
        cases.push_back({"14x14", 12.f, 1000, 256, 14, 14});
        cases.push_back({"training", 12.f, 512, 96, 14, 14});
        for (size_t i = cases.size() - 3; i < cases.size(); i++)
            cases[i].large = true;
        return cases;
    }

    static std::vector<Case> layerCases(int size) { return {{std::string("6x5"), 12.f, 4 * size, 3, 6, 5}}; }

    class Problem : public d2det_test::Problem
    {
    public:
        Problem(const Case& c, uint64_t seed) : case_(c)
        {
            Random random(seed);
            const Shape shape{c.rows, c.channels, c.height, c.width};
            Floats N = random.reals(elements(shape), -4.f, 4.f);
            for (size_t i = 0; c.infiniteN && i < N.size(); i += 11)
                N[i] = i % 2 ? INFINITE : -INFINITE;
            if (c.gain == LARGEST)  // weights are 0 or 1 then: ties only where sigmoid(N) is the same in any precision
                for (float& n : N)
                    n = n < 0 ? -INFINITE : INFINITE;
            inputs.push_back({"F", shape, random.reals(elements(shape), -1.f, 1.f), true});
            inputs.push_back({"N", shape, N, true});
            inDouble = true;
            const double size = std::abs(double(c.gain));
            const double fast = c.gain == LARGEST ? 1e-6 : 5e-7 * std::max(2., size / 6);
            const double cuda = c.gain == LARGEST ? 1e-6 : 2e-5 * std::max(1., size / 12);
            outputs.push_back({"pooled", {c.rows, c.channels, (c.height + 1) / 2, (c.width + 1) / 2}, fast, cuda});
            gradients.push_back({0, 4 * fast, 5 * cuda});
            // With the largest gain the weights are steps, which have no gradient: any finite number will do.
            const bool step = c.gain == LARGEST;
            gradients.push_back({1, step ? HUGE_VAL : 4 * fast * std::max(1., size), step ? HUGE_VAL : 5 * cuda});
            makeUpstream(random);
            layer.attributes = {{"gain", double(c.gain)}};
        }

        kernels::AdaptiveWeightedPoolParams params() const
        {
            return {case_.gain, case_.rows * case_.channels, case_.height, case_.width};
        }

        void reference(const Arguments<float>& a) const override { naive<float>(a); }
        void referenceInDouble(const Arguments<double>& a) const override { naive<double>(a); }
        void referenceBackward(const Arguments<float>& a) const override { naiveBackward<float>(a); }
        void referenceBackwardInDouble(const Arguments<double>& a) const override { naiveBackward<double>(a); }
        void fast(const Arguments<float>& a) const override
        {
            kernels::adaptiveWeightedPoolCpu(params(), a.in[0], a.in[1], a.out[0]);
        }
        void fastBackward(const Arguments<float>& a) const override
        {
            kernels::adaptiveWeightedPoolBackwardCpu(params(), a.in[0], a.in[1], a.in.back(), {a.out[0], a.out[1]});
        }
#ifdef D2DET_TEST_CUDA
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace&) const override
        {
            return cuda::adaptiveWeightedPool(params(), a.in[0], a.in[1], a.out[0], nullptr);
        }
        cuda::Status onDeviceBackward(const Arguments<float>& a, const cuda::Workspace&) const override
        {
            return cuda::adaptiveWeightedPoolBackward(params(), a.in[0], a.in[1], a.in.back(), {a.out[0], a.out[1]},
                                                      nullptr);
        }
#endif

    private:
        template <typename T>
        void naive(const Arguments<T>& a) const
        {
            kernels::adaptiveWeightedPoolRef<T>(params(), a.in[0], a.in[1], a.out[0]);
        }
        template <typename T>
        void naiveBackward(const Arguments<T>& a) const
        {
            kernels::adaptiveWeightedPoolBackwardRef<T>(params(), a.in[0], a.in[1], a.in.back(), {a.out[0], a.out[1]});
        }
        Case case_;
    };
};

}  // namespace d2det_test

#endif
