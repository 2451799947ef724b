// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2InstanceNorm. The reference is in double: with a mean of 1000 a float reference would have the larger error. */

#ifndef D2DET_TEST_OPERATORS_INSTANCE_NORM_HPP
#define D2DET_TEST_OPERATORS_INSTANCE_NORM_HPP

#include "problem.hpp"

#include "kernels/instance_norm.hpp"

namespace d2det_test
{

struct InstanceNorm
{
    struct Case : CaseInfo
    {
        int rows, channels, height, width;
        float mean;
    };

    static std::vector<Case> cases()
    {
        std::vector<Case> cases;
        for (const float mean : {0.f, 1000.f})
            for (const int area : {1, 2, 15, 16, 31, 49, 196, 1000, 2048, 2049, 5000, 5003})
                cases.push_back({"area " + std::to_string(area) + ", mean " + std::to_string(int(mean)),
                                 area > 2000 ? 3 : 7, 5, 1, area, mean});
        cases.push_back({"7x7", 1000, 256, 7, 7, 0.f});
        cases.push_back({"14x14", 1000, 256, 14, 14, 0.f});
        cases.push_back({"training", 512, 96, 14, 14, 0.f});
        for (size_t i = cases.size() - 3; i < cases.size(); i++)
            cases[i].large = true;
        return cases;
    }

    static std::vector<Case> layerCases(int size) { return {{std::string("6x5"), 4 * size, 3, 6, 5, 0.f}}; }

    class Problem : public d2det_test::Problem
    {
    public:
        Problem(const Case& c, uint64_t seed) : case_(c)
        {
            Random random(seed);
            const Shape shape{c.rows, c.channels, c.height, c.width};
            inputs.push_back({"X", shape, random.reals(elements(shape), c.mean - 1, c.mean + 1)});
            inputs.push_back({"scale", {c.channels, 1}, random.reals(c.channels, -2.f, 2.f)});
            inputs.push_back({"bias", {c.channels, 1}, random.reals(c.channels, -2.f, 2.f)});
            outputs.push_back({"Y", shape, 5e-6, 2e-5});
            inDouble = true;
            layer.numConstants = 2;
            layer.freeLengths = {{0, 0}, {0, 2}, {0, 3}};
        }

        void reference(const Arguments<float>& a) const override { naive<float>(a); }
        void referenceInDouble(const Arguments<double>& a) const override { naive<double>(a); }
        void fast(const Arguments<float>& a) const override
        {
            kernels::instanceNormCpu(params(), a.in[0], a.in[1], a.in[2], a.out[0]);
        }
#ifdef D2DET_TEST_CUDA
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace&) const override
        {
            return cuda::instanceNorm(params(), a.in[0], a.in[1], a.in[2], a.out[0], nullptr);
        }
#endif

    private:
        kernels::InstanceNormParams params() const
        {
            return {1e-5f, case_.rows, case_.channels, case_.height * case_.width};
        }
        template <typename T>
        void naive(const Arguments<T>& a) const
        {
            kernels::instanceNormRef<T>(params(), a.in[0], a.in[1], a.in[2], a.out[0]);
        }
        Case case_;
    };
};

}  // namespace d2det_test

#endif
