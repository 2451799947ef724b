// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows: numbers worked out by hand, and what is refused. The fast kernel against the naive one:
   test_operators.cpp. */

#include "layer_cases.hpp"
#include "operator_tests.hpp"

#include "kernels/gather_rows.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;

using namespace d2det_test;

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
    gatherRowsRef<double>({X64, 2, 1, rows64, 2}, Y64);
    EXPECT_EQ(0.2, Y64[0]);
    EXPECT_EQ(0., Y64[1]);
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

//////////////////////////////////////////// the layer ////////////////////////////////////////////

using namespace layer_cases;

//! Boxes and classes are taken from a matrix of other rank too.
TEST(D2Det_GatherRowsLayer, rows_of_any_rank_are_gathered)
{
    const Mat rows = Mat(Matx<float, 4, 1>(2, -1, 0, 2));
    for (const std::vector<int>& shape : {std::vector<int>{3, 5}, {3, 2, 4}, {3, 2, 3, 2, 2}})
    {
        const Mat X = tensor(shape);
        Net net = makeNet("d2det.D2GatherRows", LayerParams(), 2);
        const Mat Y = forward(net, {X, rows})[0];
        ASSERT_EQ(X.dims, Y.dims);
        const int length = static_cast<int>(X.total() / 3);
        for (int r = 0; r < rows.rows; r++)
        {
            const int from = static_cast<int>(rows.at<float>(r));
            for (int i = 0; i < length; i++)
                ASSERT_EQ(from < 0 ? 0.f : X.ptr<float>()[from * length + i], Y.ptr<float>()[r * length + i]);
        }
    }
}

}  // namespace
}  // namespace opencv_test
