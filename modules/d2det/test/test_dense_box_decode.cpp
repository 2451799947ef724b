// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DenseBoxDecode: numbers worked out by hand. Against the naive kernel: test_operators.cpp. Contract: operators.md
   3.6. */

#include "operator_tests.hpp"

#include "kernels/dense_box_decode.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

TEST(D2Det_DenseBoxDecode, cells_that_agree_give_their_box)
{
    const int k = 7;
    const double roi[5] = {0, 10, 20, 40, 60}, box[4] = {5, 30, 50, 62}, imInfo[3] = {100, 100, 1};
    std::vector<double> offsets(4 * k * k), overlap(k * k, 2.0);
    for (int j = 0; j < k; j++)
        for (int i = 0; i < k; i++)
        {
            const double x = 10 + 30 * (i + 0.5) / k, y = 20 + 40 * (j + 0.5) / k;
            const double distances[4] = {(x - box[0]) / 30, (box[2] - x) / 30, (y - box[1]) / 40, (box[3] - y) / 40};
            for (int plane = 0; plane < 4; plane++)
                offsets[(plane * k + j) * k + i] = distances[plane];
        }
    overlap[3] = 0.;  // sigmoid 0.5 is not above 0.5
    offsets[3] = 1e3;
    offsets[k * k + 4] = std::numeric_limits<double>::infinity();
    overlap[5] = std::numeric_limits<double>::quiet_NaN();
    for (const bool weighted : {false, true})
    {
        DenseBoxDecodeParams p;
        p.weighted = weighted;
        double decoded[4];
        denseBoxDecodeRef(p, {roi, offsets.data(), overlap.data(), imInfo, 1, k, 1}, decoded);
        for (int i = 0; i < 4; i++)
            EXPECT_NEAR(box[i], decoded[i], 1e-9);
    }
}

TEST(D2Det_DenseBoxDecode, fallback_padding_and_unusable_rois)
{
    const std::vector<float> rois = {0,       -5, 3, 200, 90,            // falls back, clipped
                                     0,       0,  0, 0,   0,             // padding
                                     1,       1,  1, 5,   5,             // foreign image
                                     0,       1,  1, 5,   NOT_A_NUMBER,  // not finite
                                     -1,      1,  1, 5,   5,             //
                                     LARGEST, 1,  1, 5,   5};
    const int n = static_cast<int>(rois.size() / 5), k = 2;
    const std::vector<float> offsets(n * 4 * k * k, 0.5f), overlap(n * k * k, -1.f), imInfo = {80, 100, 1};
    std::vector<float> boxes(4 * n, UNWRITTEN), expected(4 * n, 0.f);
    expected[1] = 3;
    expected[2] = 100;
    expected[3] = 80;
    denseBoxDecodeCpu(DenseBoxDecodeParams(), {rois.data(), offsets.data(), overlap.data(), imInfo.data(), n, k, 1},
                      boxes.data());
    EXPECT_EQ(expected, boxes);
    DenseBoxDecodeParams legacy;
    legacy.legacy = true;
    denseBoxDecodeCpu(legacy, {rois.data(), offsets.data(), overlap.data(), imInfo.data(), n, k, 1}, boxes.data());
    EXPECT_EQ(99.f, boxes[2]);
    EXPECT_EQ(79.f, boxes[3]);
}

TEST(D2Det_DenseBoxDecode, float_agrees_with_double)
{
    Random random(10);
    const int n = 50, k = 7;
    std::vector<double> rois, offsets(n * 4 * k * k), overlap(n * k * k), imInfo = {70, 80, 1, 60, 90, 1};
    for (int r = 0; r < n; r++)
        for (const double v : {double(r % 2), random.uniform(0, 30), random.uniform(0, 30), random.uniform(40, 70),
                               random.uniform(40, 70)})
            rois.push_back(static_cast<float>(v));
    for (double& v : offsets)
        v = random.real(0.f, 1.5f);
    for (double& v : overlap)
        v = random.once(2) ? 1.5f : -1.5f;
    const std::vector<float> roisF(rois.begin(), rois.end()), offsetsF(offsets.begin(), offsets.end());
    const std::vector<float> overlapF(overlap.begin(), overlap.end()), imInfoF(imInfo.begin(), imInfo.end());
    std::vector<double> expected(4 * n);
    std::vector<float> actual(4 * n);
    DenseBoxDecodeParams p;
    denseBoxDecodeRef(p, {rois.data(), offsets.data(), overlap.data(), imInfo.data(), n, k, 2}, expected.data());
    denseBoxDecodeCpu(p, {roisF.data(), offsetsF.data(), overlapF.data(), imInfoF.data(), n, k, 2}, actual.data());
    for (int i = 0; i < 4 * n; i++)
        EXPECT_NEAR(expected[i], actual[i], 1e-4);
}

}  // namespace
}  // namespace opencv_test
