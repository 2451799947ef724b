// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Every operator over its list of cases (operators/<stem>.hpp): the fast kernel against the naive one, the same bits
   for any number of threads, naive gradients against differences. What is special about an operator is in
   test_<stem>.cpp. */

#include "operator_tests.hpp"

#include <set>

namespace opencv_test
{
namespace
{

using namespace d2det_test;

typedef bool (*Wanted)(const CaseInfo&);

bool runsOnCpu(const CaseInfo& c)
{
    return !c.large && !c.cudaOnly;
}
bool hasDifferences(const CaseInfo& c)
{
    return c.gradient;
}

std::vector<const char*> operatorsWith(Wanted wanted)
{
    static std::set<std::string> names;  // what the parameters point to
    std::vector<const char*> result;
    for (const Operator* op : allOperators())
    {
        const std::vector<CaseInfo> cases = op->cases();
        if (std::any_of(cases.begin(), cases.end(), wanted))
            result.push_back(names.insert(op->name()).first->c_str());
    }
    return result;
}

//! The parameter is the operator's name.
class D2Det_Operators : public testing::TestWithParam<const char*>
{
};
class D2Det_Gradients : public testing::TestWithParam<const char*>
{
};

TEST_P(D2Det_Operators, fast_equals_reference)
{
    expectAllRuns(GetParam(), runsOnCpu,
                  [](const Problem& p, uint64_t)
                  { return compareResults(p, runReference(p), runFast(p), Against::FAST); });
}

TEST_P(D2Det_Operators, same_bits_for_any_number_of_threads)
{
    const int before = cv::getNumThreads();
    expectAllRuns(GetParam(), runsOnCpu,
                  [](const Problem& p, uint64_t)
                  {
                      cv::setNumThreads(1);
                      const Results one = runFast(p);
                      for (const int threads : {2, 4, 7})
                      {
                          cv::setNumThreads(threads);
                          const std::string error = compareResults(p, one, runFast(p), Against::BITS);
                          if (!error.empty())
                              return std::to_string(threads) + " threads: " + error;
                      }
                      return std::string();
                  });
    cv::setNumThreads(before);
}

TEST_P(D2Det_Gradients, reference_equals_differences)
{
    expectAllRuns(GetParam(), hasDifferences, [](const Problem& p, uint64_t seed) { return checkGradients(p, seed); });
}

INSTANTIATE_TEST_CASE_P(operators, D2Det_Operators, testing::ValuesIn(operatorsWith(runsOnCpu)));
INSTANTIATE_TEST_CASE_P(operators, D2Det_Gradients, testing::ValuesIn(operatorsWith(hasDifferences)));

//! Of two cases with one name only the first could be repeated.
TEST(D2Det_OperatorCases, have_names_of_their_own)
{
    for (const Operator* op : allOperators())
    {
        std::set<std::string> names;
        for (const CaseInfo& info : op->cases())
            EXPECT_TRUE(names.insert(info.name).second) << op->name() << ": two cases are named '" << info.name << "'";
        EXPECT_FALSE(names.empty()) << op->name();
    }
}

//! The same seed gives the same inputs, another seed others.
TEST(D2Det_OperatorCases, depend_on_the_seed_alone)
{
    for (const Operator* op : allOperators())
    {
        const std::vector<CaseInfo> cases = op->cases();
        bool differ = false;
        for (size_t i = 0; i < cases.size(); i++)
        {
            if (cases[i].large)
                continue;
            const std::unique_ptr<Problem> a = op->make(i, 7), b = op->make(i, 7), c = op->make(i, 8);
            ASSERT_EQ(a->inputs.size(), b->inputs.size());
            for (size_t k = 0; k < a->inputs.size(); k++)
            {
                EXPECT_EQ("", difference(a->inputs[k].values, b->inputs[k].values, SAME_BITS)) << cases[i].name;
                differ = differ || !difference(a->inputs[k].values, c->inputs[k].values, SAME_BITS).empty();
            }
        }
        EXPECT_TRUE(differ) << op->name();
    }
}

}  // namespace
}  // namespace opencv_test
