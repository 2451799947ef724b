// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeltaBoxDecode: numbers worked out by hand, boxes of torchvision, properties. Against the naive kernel:
   test_operators.cpp. Contract: operators.md 3.12. */

#include "operator_tests.hpp"

#include "delta_box_vectors.hpp"
#include "kernels/box.hpp"
#include "kernels/delta_box_decode.hpp"
#include "layer_cases.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

const float LN_2 = 0.69314718f;

//! Boxes [R, 1 + 4 C] of the fast kernel.
Floats decode(const DeltaBoxDecodeParams& p, const Floats& rois, const Floats& deltas, const Floats& imInfo)
{
    const int count = static_cast<int>(rois.size() / 5), classes = static_cast<int>(deltas.size() / 4) / count;
    Floats boxes(size_t(count) * (1 + 4 * size_t(classes)), UNWRITTEN);
    deltaBoxDecodeCpu(p,
                      {rois.data(), deltas.data(), imInfo.data(), count, classes, static_cast<int>(imInfo.size() / 3)},
                      boxes.data());
    return boxes;
}

DeltaBoxDecodeParams legacyParams()
{
    DeltaBoxDecodeParams p;
    p.legacy = true;
    return p;
}

//! w = 40, h = 80, center (30, 60): moved by (0.1 w, -0.1 h) and twice as wide; the same box beyond the image.
TEST(D2Det_DeltaBoxDecode, by_hand)
{
    const Floats rois = {0, 10, 20, 50, 100, 1.5f, 10, 20, 50, 100}, imInfo = {90, 70, 1, 200, 200, 1};
    const Floats deltas = {1, -1, 5 * LN_2, 0, 0, 0, 0, -5 * LN_2, 1, -1, 5 * LN_2, 0, 0, 0, 0, -5 * LN_2};
    EXPECT_TRUE(near<float>({0, 0, 12, 70, 90, 10, 40, 50, 80,  //
                             1.5f, 0, 12, 74, 92, 10, 40, 50, 80},
                            decode(DeltaBoxDecodeParams(), rois, deltas, imInfo), 1e-6));
}

//! Both end pixels count: w = 49 - 10 + 1 = 40, h = 80, center (29.5, 59.5); limits of clipping W - 1 and H - 1.
TEST(D2Det_DeltaBoxDecode, legacy_by_hand)
{
    const Floats rois = {0, 10, 20, 49, 99}, imInfo = {90, 70, 1};
    EXPECT_TRUE(near<float>({0, 0, 12, 69, 89,         // center (33.5, 51.5), 80 x 80: (-6, 12, 73, 91)
                             10, 20, 49, 89,           // the RoI
                             29.68f, 20, 29.32f, 89},  // w = 40 * 16 / 1000 = 0.64, a limit of legacy alone
                            decode(legacyParams(), rois, {1, -1, 5 * LN_2, 0, 0, 0, 0, 0, 0, 0, -500, 0}, imInfo),
                            1e-6));
}

TEST(D2Det_DeltaBoxDecode, growth_is_limited)
{
    const Floats rois = {0, 1000, 2000, 1016, 2032}, imInfo = {1e5f, 1e5f, 1};
    for (const float delta : {20.7f, 1e3f, LARGEST})  // * 0.2 > ln(1000 / 16)
        EXPECT_TRUE(near<float>({0, 508, 1016, 1508, 3016},
                                decode(DeltaBoxDecodeParams(), rois, {0, 0, delta, delta}, imInfo), 1e-6))
            << delta;
    DeltaBoxDecodeParams p;
    p.maxLogScale = LN_2;
    EXPECT_TRUE(near<float>({0, 1000, 1984, 1016, 2048}, decode(p, rois, {0, 0, 0, 20}, imInfo), 1e-6));
    p.legacy = true;  // 17 x 33 pixels: limited to half of it too
    EXPECT_TRUE(near<float>({0, 1000 + 4.25f, 2000 - 16.5f, 1016 - 4.25f, 2032 + 16.5f},
                            decode(p, rois, {0, 0, -20, 20}, imInfo), 1e-6));
}

TEST(D2Det_DeltaBoxDecode, boxes_of_torchvision)
{
    int beyond = 0, empty = 0;
    for (const DeltaBoxVector& v : deltaBoxVectors())
    {
        SCOPED_TRACE(v.name);
        DeltaBoxDecodeParams p;
        std::copy(v.stds.begin(), v.stds.end(), p.stds);
        const Floats fast = decode(p, v.rois, v.deltas, v.imInfo);
        ASSERT_EQ(v.boxes.size(), fast.size());
        const Doubles rois(v.rois.begin(), v.rois.end()), deltas(v.deltas.begin(), v.deltas.end());
        const Doubles imInfo(v.imInfo.begin(), v.imInfo.end());
        const int count = static_cast<int>(v.rois.size() / 5);
        Doubles boxes(v.boxes.size());
        deltaBoxDecodeRef<double>(p, {rois.data(), deltas.data(), imInfo.data(), count, v.classes, 2}, boxes.data());
        for (size_t i = 0; i < boxes.size(); i++)
        {
            EXPECT_NEAR(v.boxes[i], fast[i], 1e-4) << i;
            EXPECT_NEAR(v.boxes[i], boxes[i], 1e-5) << i;  // stds are float32, torchvision divides by weights
        }
        for (size_t i = 0; i < v.deltas.size(); i++)
            beyond += i % 4 >= 2 && v.deltas[i] * v.stds[i % 4] > MAX_LOG_SCALE;
        const size_t columns = 1 + 4 * size_t(v.classes);
        for (size_t i = 0; i < boxes.size(); i++)
            empty += i % columns % 4 == 3 && boxes[i] == boxes[i - 2];
    }
    EXPECT_GT(beyond, 6) << "no vectors of the limit of growth";
    EXPECT_GT(empty, 0) << "no vectors of a box outside of its image";
}

TEST(D2Det_DeltaBoxDecode, inverse_of_the_targets_of_training)
{
    Random random(3);
    for (int i = 0; i < 200; i++)
        for (const bool legacy : {false, true})
        {
            const double x = random.real(0, 50), y = random.real(0, 50), w = random.real(5, 60), h = random.real(5, 60);
            const double roi[5] = {0, x, y, x + w, y + h}, imInfo[3] = {200, 200, 1};
            const double gt[4] = {1, 2, 1 + random.uniform(5, 90), 2 + random.uniform(5, 90)};
            double deltas[4], box[5];
            DeltaBoxDecodeParams p;
            p.legacy = legacy;
            encodeDeltas(roi + 1, gt, legacy, deltas);
            for (int k = 0; k < 4; k++)
                deltas[k] /= double(p.stds[k]);
            deltaBoxDecodeRef<double>(p, {roi, deltas, imInfo, 1, 1, 1}, box);
            for (int k = 0; k < 4; k++)
                EXPECT_NEAR(gt[k], box[1 + k], 1e-9);
        }
}

TEST(D2Det_DeltaBoxDecode, padding_and_unusable_rois)
{
    const Floats rois = {0.5f,    0, 0, 0, 0,             // padding: its batch index stays
                         2,       1, 1, 5, 5,             // foreign image
                         0,       1, 1, 5, NOT_A_NUMBER,  // not finite
                         -1,      1, 1, 5, 5,             //
                         LARGEST, 1, 1, 5, 5,             //
                         -0.5f,   1, 1, 5, 5};            // image 0
    const Floats imInfo = {80, 100, 1, 80, 100, 1};
    for (const bool legacy : {false, true})
    {
        DeltaBoxDecodeParams p;
        p.legacy = legacy;
        Floats expected(6 * 5, 0.f);
        expected[0] = 0.5f;
        expected[25] = -0.5f;
        std::fill(expected.begin() + 26, expected.begin() + 28, 1.f);
        std::fill(expected.begin() + 28, expected.end(), 5.f);
        Floats deltas(6 * 4, 3.f);
        std::fill(deltas.begin() + 20, deltas.end(), 0.f);
        EXPECT_EQ(expected, decode(p, rois, deltas, imInfo));
    }
}

//! The class alone becomes padding.
TEST(D2Det_DeltaBoxDecode, classes_that_are_not_finite)
{
    const Floats rois = {1, 10, 20, 50, 100}, imInfo = {1, 1, 1, 200, 200, 1};
    for (const float value : {NOT_A_NUMBER, INFINITE, -INFINITE})
        for (size_t i = 4; i < 8; i++)
        {
            Floats deltas(3 * 4, 0.f);
            deltas[i] = value;
            EXPECT_EQ((Floats{1, 10, 20, 50, 100, 0, 0, 0, 0, 10, 20, 50, 100}),
                      decode(DeltaBoxDecodeParams(), rois, deltas, imInfo));
        }
    // products that overflow: x = Inf - Inf of the second class
    EXPECT_EQ((Floats{1, 0, 20, 200, 100, 0, 0, 0, 0}),
              decode(DeltaBoxDecodeParams(), {1, -3e37f, 20, 3e37f, 100}, {0, 0, 0, 0, 100, 0, 20, 0}, imInfo));
}

//! A class neither reads nor changes another one.
TEST(D2Det_DeltaBoxDecode, classes_are_independent)
{
    Random random(4);
    const int count = 40, classes = 6;
    const Floats imInfo = {100, 120, 1, 90, 80, 1}, deltas = random.reals(count * 4 * classes, -5.f, 5.f);
    Floats rois;
    for (int r = 0; r < count; r++)
        for (const float v :
             {random.whole(0, 1), random.real(0, 40), random.real(0, 40), random.real(40, 90), random.real(40, 90)})
            rois.push_back(v);
    const Floats all = decode(DeltaBoxDecodeParams(), rois, deltas, imInfo);
    for (int c = 0; c < classes; c++)
    {
        Floats own, expected;
        for (int r = 0; r < count; r++)
        {
            own.insert(own.end(), &deltas[4 * (r * classes + c)], &deltas[4 * (r * classes + c)] + 4);
            const float* row = &all[r * (1 + 4 * classes)];
            expected.push_back(row[0]);
            expected.insert(expected.end(), row + 1 + 4 * c, row + 5 + 4 * c);
        }
        EXPECT_TRUE(sameBits(expected, decode(DeltaBoxDecodeParams(), rois, own, imInfo))) << "class " << c;
    }
}

//////////////////////////////////////////// layer ////////////////////////////////////////////

using namespace layer_cases;

Mat matrix(const std::vector<std::vector<float>>& rows)
{
    Mat m(static_cast<int>(rows.size()), static_cast<int>(rows[0].size()), CV_32F);
    for (int r = 0; r < m.rows; r++)
        std::copy(rows[size_t(r)].begin(), rows[size_t(r)].end(), m.ptr<float>(r));
    return m;
}

const Mat IMAGE = matrix({{100, 100, 1}});

//! (class, score, box) of the detections of a box head.
std::vector<std::vector<float>> detect(const Mat& rois, const Mat& deltas, const Mat& probs)
{
    cv::d2det::registerLayers();
    const bool perClass = deltas.cols > 4;
    Net decoder = makeNet("d2det.D2DeltaBoxDecode", LayerParams(), 3);
    LayerParams params;
    params.set("class_agnostic_boxes", perClass ? 0 : 1);
    params.set("max_detections", 5);
    Net selector = makeNet("d2det.D2Detections", params, 2);
    const Mat found = forward(selector, {forward(decoder, {rois, deltas, IMAGE})[0], probs})[0];
    std::vector<std::vector<float>> result;
    for (int i = 0; i < found.rows && found.at<float>(i, 1) >= 0; i++)
        result.emplace_back(found.ptr<float>(i) + 1, found.ptr<float>(i) + 7);
    return result;
}

//! The output is what D2Detections takes; boxes that are not finite and padding rows are never detected.
TEST(D2Det_DeltaBoxDecodeLayer, detections_of_its_boxes)
{
    const Mat rois = matrix({{0, 10, 10, 30, 30}, {0, 50, 50, 70, 70}, {0, 0, 0, 0, 0}, {-1, 10, 10, 30, 30}});
    const Mat probs = matrix({{.6f, .3f, .1f}, {.7f, .2f, .1f}, {.5f, .4f, .1f}, {.5f, .4f, .1f}});
    const Mat one = matrix({{5, 0, 0, 0}, {NOT_A_NUMBER, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}});
    const std::vector<std::vector<float>> all = {{0, .6f, 20, 10, 40, 30}, {1, .3f, 20, 10, 40, 30}};
    EXPECT_EQ(all, detect(rois, one, probs));
    const Mat each = matrix({{5, 0, 0, 0, 0, 5, 0, 0},
                             {NOT_A_NUMBER, 0, 0, 0, 0, -5, 0, 0},
                             std::vector<float>(8, 0.f),
                             std::vector<float>(8, 0.f)});
    const std::vector<std::vector<float>> perClass = {
        {0, .6f, 20, 10, 40, 30}, {1, .3f, 10, 20, 30, 40}, {1, .2f, 50, 40, 70, 60}};
    EXPECT_EQ(perClass, detect(rois, each, probs));
}

TEST(D2Det_DeltaBoxDecodeLayer, columns_are_four_for_each_class)
{
    const Ptr<Layer> layer = createLayer("d2det.D2DeltaBoxDecode", LayerParams());
    std::vector<MatShape> outputs, internals;
    for (const int columns : {4, 8, 320})
    {
        layer->getMemoryShapes({MatShape{7, 5}, MatShape{7, columns}, MatShape{2, 3}}, 0, outputs, internals);
        EXPECT_TRUE((MatShape{7, 1 + columns}) == outputs.at(0)) << columns;
    }
    for (const int columns : {1, 5, 7, 18})
        EXPECT_NE(std::string::npos, messageOf(
                                         [&] {
                                             layer->getMemoryShapes(
                                                 {MatShape{7, 5}, MatShape{7, columns}, MatShape{2, 3}}, 0, outputs,
                                                 internals);
                                         })
                                         .find(cv::format("%d columns", columns)));
}

}  // namespace
}  // namespace opencv_test
