// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The lists of cases of operators/ inside GoogleTest: assertions, and the line that repeats a failure. */

#ifndef OPENCV_D2DET_TEST_OPERATOR_TESTS_HPP
#define OPENCV_D2DET_TEST_OPERATOR_TESTS_HPP

#include "test_precomp.hpp"

#include "operators/all.hpp"

namespace opencv_test
{

//! The option that chooses the running test.
inline std::string filterOption()
{
    const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
    return std::string("--gtest_filter=") + test->test_case_name() + "." + test->name();
}

/** Runs check(problem, seed) on every case of an operator that is `wanted`; it returns what is wrong, "" if nothing. */
template <typename Wanted, typename Check>
void expectAllRuns(const std::string& op, Wanted wanted, Check check)
{
    using namespace d2det_test;
    ASSERT_TRUE(selectionExists(allOperators())) << "D2DET_TEST_CASE names no case: " << Selection().name;
    int runs = 0;
    const std::string errors =
        forEachRun(operatorOf(op), filterOption(), &runs, wanted,
                   [&check](const Problem& p, const CaseInfo&, uint64_t seed) { return check(p, seed); });
    EXPECT_EQ("", errors) << "\n" << errors;
    if (Selection().name.empty())
    {
        EXPECT_GT(runs, 0) << op << " has no such case";
    }
}

//! The kernels of the matrix multiplication that this processor can run.
inline std::vector<const cv::d2det::kernels::GemmKernel*> allGemmKernels()
{
    const cv::d2det::kernels::GemmKernel* kernels[3];
    const int count = cv::d2det::kernels::gemmKernels(kernels);
    return std::vector<const cv::d2det::kernels::GemmKernel*>(kernels, kernels + count);
}

//! Equal bit for bit; tells the first element that is not.
inline testing::AssertionResult sameBits(const std::vector<float>& expected, const std::vector<float>& actual)
{
    const std::string error = d2det_test::difference(expected, actual, d2det_test::SAME_BITS);
    return error.empty() ? testing::AssertionSuccess() : testing::AssertionFailure() << error;
}

//! |expected - actual| <= tolerance * max(1, |expected|), and no NaN.
template <typename T>
testing::AssertionResult near(const std::vector<T>& expected, const std::vector<float>& actual, double tolerance)
{
    if (expected.size() != actual.size())
        return testing::AssertionFailure() << "sizes " << expected.size() << " and " << actual.size();
    for (size_t i = 0; i < expected.size(); i++)
        if (!(std::abs(expected[i] - T(actual[i])) <= tolerance * std::max(1., std::abs(double(expected[i])))))
            return testing::AssertionFailure()
                   << "element " << i << ": expected " << expected[i] << ", got " << actual[i];
    return testing::AssertionSuccess();
}

//! Runs `work` with 1, 2 and 4 threads and restores the number of threads.
template <typename Work>
void withThreads(Work work)
{
    const int before = cv::getNumThreads();
    for (const int threads : {1, 2, 4})
    {
        SCOPED_TRACE(cv::format("%d threads", threads));
        cv::setNumThreads(threads);
        work();
    }
    cv::setNumThreads(before);
}

}  // namespace opencv_test

#endif
