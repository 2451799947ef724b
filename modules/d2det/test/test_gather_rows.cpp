// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows: the fast kernel against the naive one bit for bit, and both against numbers worked out by hand. */

#include "test_precomp.hpp"

#include "../src/kernels/gather_rows.hpp"

#include <cstring>
#include <limits>

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;

const float NOT_A_NUMBER = std::numeric_limits<float>::quiet_NaN();
const float INFINITE = std::numeric_limits<float>::infinity();
const float UNWRITTEN = -12345.f;

typedef void (*Gather)(const GatherRowsInput<float>&, float*);
const Gather BOTH[] = {gatherRowsRef<float>, gatherRowsCpu};

TEST(D2Det_GatherRows, by_hand)
{
    const float X[] = {1, 2, 3, 4, 5, 6}, rows[] = {2, -1, 0, -0.f, 2.9f, -0.5f};
    const std::vector<float> expected = {5, 6, 0, 0, 1, 2, 1, 2, 5, 6, 1, 2};
    for (const Gather gather : BOTH)
    {
        std::vector<float> Y(expected.size(), UNWRITTEN);
        gather({X, 3, 2, rows, 6}, Y.data());
        EXPECT_EQ(expected, Y);
        gather({X, 3, 2, rows, 0}, nullptr);
    }
    const double rows64[] = {1, -1}, X64[] = {0.1, 0.2};
    double Y64[2];
    gatherRowsRef({X64, 2, 1, rows64, 2}, Y64);
    EXPECT_EQ(0.2, Y64[0]);
    EXPECT_EQ(0., Y64[1]);
}

//! Sizes on both sides of the one that wakes threads; every bit of a value is kept, NaN too.
TEST(D2Det_GatherRows, fast_equals_reference_for_any_number_of_threads)
{
    cv::RNG rng(4);
    const int before = cv::getNumThreads();
    for (int round = 0; round < 60; round++)
    {
        const int numRows = rng.uniform(1, 90), count = rng.uniform(1, 120);
        const size_t rowSize = round % 3 ? rng.uniform(1, 40) : rng.uniform(300, 3000);
        std::vector<float> X(numRows * rowSize), rows(count);
        for (float& x : X)
            x = rng.uniform(0, 20) ? rng.uniform(-9.f, 9.f) : NOT_A_NUMBER;
        for (float& row : rows)
            row = rng.uniform(0, 4) ? static_cast<float>(rng.uniform(0, numRows)) : -1.f;
        std::vector<float> expected(count * rowSize, UNWRITTEN);
        gatherRowsRef({X.data(), numRows, rowSize, rows.data(), count}, expected.data());
        for (const int threads : {1, 2, 4})
        {
            cv::setNumThreads(threads);
            std::vector<float> Y(count * rowSize, UNWRITTEN);
            gatherRowsCpu({X.data(), numRows, rowSize, rows.data(), count}, Y.data());
            ASSERT_EQ(0, std::memcmp(expected.data(), Y.data(), Y.size() * sizeof(float)))
                << "round " << round << ", " << threads << " threads";
        }
    }
    cv::setNumThreads(before);
}

TEST(D2Det_GatherRows, bad_rows_are_refused_before_anything_is_written)
{
    const std::vector<float> X(12, 1.f);
    for (const float bad : {4.f, 1e9f, 3e38f, -2.f, -1.001f, -INFINITE, INFINITE, NOT_A_NUMBER})
        for (const Gather gather : BOTH)
        {
            const std::vector<float> rows = {0, 1, -1, bad};
            std::vector<float> Y(12, UNWRITTEN);
            try
            {
                gather({X.data(), 4, 3, rows.data(), 4}, Y.data());
                ADD_FAILURE() << bad << " is accepted";
            }
            catch (const cv::Exception& e)
            {
                EXPECT_EQ(cv::Error::StsOutOfRange, e.code);
                EXPECT_NE(std::string::npos, e.err.find("rows[3]")) << e.err;
                EXPECT_NE(std::string::npos, e.err.find("4 rows")) << e.err;
            }
            EXPECT_EQ(std::vector<float>(12, UNWRITTEN), Y);
        }
}

}  // namespace
}  // namespace opencv_test
