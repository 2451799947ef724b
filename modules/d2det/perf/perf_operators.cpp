// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Every operator over the large cases of its list (../test/operators/<stem>.hpp), weights packed before as in a
   layer. */

#include "perf_precomp.hpp"

namespace opencv_test
{
namespace
{

using namespace d2det_test;

//! "operator:case" of every large case.
std::vector<std::string> largeCases(bool backward)
{
    std::vector<std::string> names;
    for (const Operator* op : allOperators())
    {
        const std::vector<CaseInfo> cases = op->cases();
        for (size_t i = 0; i < cases.size(); i++)
            if (cases[i].large && (!backward || op->differentiable()))
                names.push_back(op->name() + ":" + cases[i].name);
    }
    return names;
}

std::unique_ptr<Problem> makeProblem(const std::string& name)
{
    const size_t colon = name.find(':');
    const Operator& op = operatorOf(name.substr(0, colon));
    const std::vector<CaseInfo> cases = op.cases();
    for (size_t i = 0; i < cases.size(); i++)
        if (cases[i].name == name.substr(colon + 1))
            return op.make(i, 1);
    throw std::invalid_argument("no case " + name);
}

typedef TestBaseWithParam<std::string> Operators;

PERF_TEST_P(Operators, forward, testing::ValuesIn(largeCases(false)))
{
    const std::unique_ptr<Problem> problem = makeProblem(GetParam());
    Arrays<float> arrays(*problem, 0.f);
    const std::function<void()> run = problem->prepared(arrays.forward());
    TEST_CYCLE() run();
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(Operators, backward, testing::ValuesIn(largeCases(true)))
{
    const std::unique_ptr<Problem> problem = makeProblem(GetParam());
    Arrays<float> arrays(*problem, 0.f);
    const Arguments<float> a = arrays.backward();
    TEST_CYCLE() problem->fastBackward(a);
    SANITY_CHECK_NOTHING();
}

}  // namespace
}  // namespace opencv_test
