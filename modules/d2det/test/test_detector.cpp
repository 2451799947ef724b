// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* prepareInput and Detector.

   The detector runs on a network written here whose every number is known. At stride 16 and scale 1 it sees single
   pixels: the pixel at (16 x, 16 y) says what is at cell (x, y): blue = objectness (logit 0.25 B - 16), green / 256 =
   score of class 0, red / 256 = score of class 1. Anchors are 32 x 32 pixels around that pixel, nothing is regressed.
   The rest is as in an exported model: D2Proposal, D2RoIAlign, two D2Detections, the description on the second. */

#include "test_precomp.hpp"
#include "test_onnx_builder.hpp"

#include "opencv2/d2det.hpp"
#include "opencv2/dnn.hpp"
#include "opencv2/imgproc.hpp"

#include <cstdio>
#include <fstream>

namespace opencv_test
{
namespace
{

using cv::d2det::Detector;
using cv::d2det::InputParams;
using cv::d2det::prepareInput;
using onnx::attribute;
using onnx::node;

//////////////////////////////////////////// prepareInput ////////////////////////////////////////////

Mat randomImage(Size size, int type, int seed = 1)
{
    Mat image(size, type);
    RNG rng(seed);
    rng.fill(image, RNG::UNIFORM, 0, 256);
    return image;
}

struct Prepared
{
    Mat blob, info;

    explicit Prepared(InputArray image, const InputParams& params = InputParams())
    {
        prepareInput(image, params, blob, info);
    }
    Mat channel(int c) const
    {
        return Mat(blob.size[2], blob.size[3], CV_32F, const_cast<float*>(blob.ptr<float>(0, c)));
    }
};

void expectSameBlob(const Prepared& a, const Prepared& b)
{
    ASSERT_EQ(a.blob.total(), b.blob.total());
    EXPECT_EQ(0, std::memcmp(a.blob.data, b.blob.data, a.blob.total() * sizeof(float)));
    EXPECT_EQ(0, cv::norm(a.info, b.info, NORM_INF));
}

TEST(D2Det_PrepareInput, geometry)
{
    struct Case
    {
        Size image, valid, padded;
        double scale;
    };
    const Case cases[] = {
        {Size(640, 480), Size(1067, 800), Size(1088, 800), 800. / 480},     // short side decides
        {Size(1200, 300), Size(1333, 333), Size(1344, 352), 1333. / 1200},  // long side decides
        {Size(480, 640), Size(800, 1067), Size(800, 1088), 800. / 480},     // upright
        {Size(1, 1), Size(800, 800), Size(800, 800), 800.},                 // one pixel
        {Size(10000, 1), Size(1333, 1), Size(1344, 32), 1333. / 10000},     // a side that would round to 0
    };
    for (const Case& c : cases)
    {
        const Prepared p(randomImage(c.image, CV_8UC3));
        ASSERT_EQ(4, p.blob.dims);
        EXPECT_EQ(1, p.blob.size[0]);
        EXPECT_EQ(3, p.blob.size[1]);
        EXPECT_EQ(c.padded, Size(p.blob.size[3], p.blob.size[2])) << c.image;
        ASSERT_EQ(Size(3, 1), p.info.size());
        EXPECT_EQ(float(c.valid.height), p.info.at<float>(0)) << c.image;
        EXPECT_EQ(float(c.valid.width), p.info.at<float>(1)) << c.image;
        EXPECT_EQ(float(c.scale), p.info.at<float>(2)) << c.image;
    }
}

//! Without the ratio every image has the size longSide x shortSide, also one higher than wide.
TEST(D2Det_PrepareInput, fixed_size)
{
    InputParams params;
    params.keepRatio = false;
    params.shortSide = 50;
    params.longSide = 70;
    for (const Size size : {Size(640, 480), Size(30, 200), Size(70, 50)})
    {
        const Mat image = randomImage(size, CV_8UC3);
        const Prepared p(image, params);
        EXPECT_EQ(Size(96, 64), Size(p.blob.size[3], p.blob.size[2])) << size;
        EXPECT_EQ(50.f, p.info.at<float>(0));
        EXPECT_EQ(70.f, p.info.at<float>(1));
        EXPECT_EQ(float(70. / size.width), p.info.at<float>(2));
        Mat resized, expected;
        cv::resize(image, resized, Size(70, 50), 0, 0, INTER_LINEAR);
        std::vector<Mat> planes;
        cv::split(resized, planes);
        planes[2].convertTo(expected, CV_32F, 1 / params.std[0], -params.mean[0] / params.std[0]);
        EXPECT_LE(cv::norm(p.channel(0)(Rect(Point(), resized.size())), expected, NORM_INF), 1e-6);
    }
}

TEST(D2Det_PrepareInput, values)
{
    InputParams params;
    params.shortSide = 50;
    const Mat image = randomImage(Size(70, 50), CV_8UC3);  // scale 1: no interpolation
    for (const bool swapRB : {true, false})
    {
        params.swapRB = swapRB;
        const Prepared p(image, params);
        for (int c = 0; c < 3; c++)
        {
            const Mat channel = p.channel(c);
            ASSERT_EQ(Size(96, 64), channel.size());
            for (int y = 0; y < channel.rows; y++)
                for (int x = 0; x < channel.cols; x++)
                {
                    float expected = 0;
                    if (y < image.rows && x < image.cols)
                        expected = float((image.at<Vec3b>(y, x)[swapRB ? 2 - c : c] - params.mean[c]) / params.std[c]);
                    ASSERT_EQ(expected, channel.at<float>(y, x)) << "channel " << c << " at " << Point(x, y);
                }
        }
    }
}

TEST(D2Det_PrepareInput, interpolates_before_it_normalizes)
{
    const Mat image = randomImage(Size(61, 47), CV_8UC3);
    const Prepared p(image);
    Mat resized;
    cv::resize(image, resized, Size(cvRound(p.info.at<float>(1)), cvRound(p.info.at<float>(0))), 0, 0, INTER_LINEAR);
    std::vector<Mat> planes;
    cv::split(resized, planes);
    const InputParams params;
    for (int c = 0; c < 3; c++)
    {
        Mat expected;
        planes[2 - c].convertTo(expected, CV_32F, 1 / params.std[c], -params.mean[c] / params.std[c]);
        EXPECT_LE(cv::norm(p.channel(c)(Rect(Point(), resized.size())), expected, NORM_INF), 1e-6);
    }
}

TEST(D2Det_PrepareInput, gray_BGRA_ROI_UMat)
{
    InputParams params;
    params.shortSide = 90;
    const Mat bgr = randomImage(Size(120, 80), CV_8UC3), gray = randomImage(Size(120, 80), CV_8UC1, 2);
    Mat grayAsBgr, bgra;
    cv::cvtColor(gray, grayAsBgr, COLOR_GRAY2BGR);
    cv::cvtColor(bgr, bgra, COLOR_BGR2BGRA);
    expectSameBlob(Prepared(gray, params), Prepared(grayAsBgr, params));
    expectSameBlob(Prepared(bgra, params), Prepared(bgr, params));
    expectSameBlob(Prepared(bgr.getUMat(ACCESS_READ), params), Prepared(bgr, params));

    const Rect part(13, 7, 60, 50);
    ASSERT_FALSE(bgr(part).isContinuous());
    expectSameBlob(Prepared(bgr(part), params), Prepared(bgr(part).clone(), params));
}

TEST(D2Det_PrepareInput, refuses_bad_images_and_parameters)
{
    const InputParams good;
    EXPECT_THROW(Prepared(Mat(), good), cv::Exception);
    EXPECT_THROW(Prepared(Mat(4, 4, CV_16UC3), good), cv::Exception);
    EXPECT_THROW(Prepared(Mat(4, 4, CV_32FC3), good), cv::Exception);
    EXPECT_THROW(Prepared(Mat(4, 4, CV_8UC2), good), cv::Exception);
    const int volume[3] = {4, 4, 4};
    EXPECT_THROW(Prepared(Mat(3, volume, CV_8U), good), cv::Exception);

    const Mat image = randomImage(Size(8, 8), CV_8UC3);
    const auto expectRefused = [&](void (*change)(InputParams&))
    {
        InputParams params;
        change(params);
        EXPECT_THROW(Prepared(image, params), cv::Exception);
    };
    expectRefused([](InputParams& p) { p.shortSide = 0; });
    expectRefused([](InputParams& p) { p.longSide = -5; });
    expectRefused([](InputParams& p) { p.longSide = 1 << 20; });
    expectRefused([](InputParams& p) { p.divisor = 0; });
    expectRefused([](InputParams& p) { p.std[1] = 0; });
    expectRefused([](InputParams& p) { p.mean[2] = std::numeric_limits<double>::quiet_NaN(); });
}

//////////////////////////////////////////// the network ////////////////////////////////////////////

constexpr int CAPACITY = 8;  //!< detections per image

struct ModelOptions
{
    bool described = true;
    bool named = true;
    bool keepRatio = true;
    int shortSide = 64;
    std::string output = "detections";
};

onnx::Graph syntheticGraph(const ModelOptions& options = ModelOptions())
{
    onnx::Graph g;
    g.inputs = {onnx::value("image", {1, 3, 64, 96}), onnx::value("im_info", {1, 3})};
    g.outputs = {onnx::value(options.output, {CAPACITY, 7})};
    g.initializers = {
        onnx::tensor("cls_w", {1, 3, 1, 1}, {0.25f, 0, 0}),
        onnx::tensor("cls_b", {1}, {-16.f}),
        onnx::tensor("box_w", {4, 3, 1, 1}, std::vector<float>(12, 0.f)),
        onnx::tensor("box_b", {4}, std::vector<float>(4, 0.f)),
        onnx::tensor("feat_w", {3, 3, 1, 1}, {0, 1 / 256.f, 0, 0, 0, 1 / 256.f, 1 / 256.f, 0, 0}),  // green, red, blue
        onnx::tensor("feat_b", {3}, {0, 0, 0}),
        onnx::tensor("s0", {0}),
        onnx::tensor("s1", {1}),
        onnx::tensor("s3", {3}),
        onnx::tensor("s7", {7}),
        onnx::tensor("axis1", {1})};
    const auto conv = [&](const std::string& name)
    {
        g.nodes.push_back(
            node("Conv", "", {"image", name + "_w", name + "_b"}, {name},
                 {attribute("kernel_shape", std::vector<int>{1, 1}), attribute("strides", std::vector<int>{16, 16})}));
    };
    const auto slice = [&](const char* from, const char* to, const char* name) {
        g.nodes.push_back(node("Slice", "", {"kept", from, to, "axis1"}, {name}, {}));
    };
    conv("cls");
    conv("box");
    conv("feat");
    g.nodes.push_back(
        node("D2Proposal", "d2det", {"cls", "box", "im_info"}, {"rois", "roi_scores"},
             {attribute("feat_strides", std::vector<int>{16}), attribute("anchor_scale", 2.f),
              attribute("anchor_ratios", std::vector<float>{1.f}), attribute("max_proposals", CAPACITY)}));
    g.nodes.push_back(
        node("D2RoIAlign", "d2det", {"rois", "feat"}, {"pooled"},
             {attribute("feat_strides", std::vector<int>{16}), attribute("output_size", std::vector<int>{1, 1}),
              attribute("sampling_ratio", 1), attribute("aligned", 0)}));
    g.nodes.push_back(node("Flatten", "", {"pooled"}, {"probs"}, {attribute("axis", 1)}));
    g.nodes.push_back(node("D2Detections", "d2det", {"rois", "probs"}, {"kept"},
                           {attribute("score_threshold", 0.05f), attribute("max_detections", CAPACITY)}));
    slice("s0", "s1", "kept_batch");
    slice("s1", "s3", "labels");
    slice("s3", "s7", "kept_boxes");
    g.nodes.push_back(node("Concat", "", {"kept_batch", "kept_boxes"}, {"refined"}, {attribute("axis", 1)}));
    std::vector<onnx::Message> attributes{attribute("labelled", 1), attribute("score_threshold", 0.f),
                                          attribute("nms_mode", "soft_linear"), attribute("max_detections", CAPACITY)};
    if (options.described)
    {
        const std::vector<onnx::Message> description{attribute("format_version", 1),
                                                     attribute("model_name", "synthetic"),
                                                     attribute("mean", std::vector<float>(3, 0.f)),
                                                     attribute("std", std::vector<float>(3, 1.f)),
                                                     attribute("channel_order", "bgr"),
                                                     attribute("short_side", options.shortSide),
                                                     attribute("long_side", 96),
                                                     attribute("divisor", 32),
                                                     attribute("keep_ratio", options.keepRatio ? 1 : 0)};
        attributes.insert(attributes.end(), description.begin(), description.end());
        if (options.named)
            attributes.push_back(attribute("class_names", "cat\ndog"));
    }
    g.nodes.push_back(node("D2Detections", "d2det", {"refined", "labels"}, {options.output}, attributes));
    return g;
}

/** The synthetic model with masks of ones, each in the odd but different box (image of the batch, x1, y1, x2) of its
    candidate.
    @param boxColumns 4; another number breaks the model
    @param candidates rows that masks are gathered from; fewer than the detections name break the model */
std::vector<uchar> modelWithMasks(int boxColumns = 4, int candidates = CAPACITY)
{
    onnx::Graph g = syntheticGraph();
    g.nodes.pop_back();
    g.nodes.push_back(
        node("D2Detections", "d2det", {"refined", "labels"}, {"detections", "detection_rows"},
             {attribute("labelled", 1), attribute("score_threshold", 0.f), attribute("max_detections", CAPACITY),
              attribute("output_rows", 1), attribute("format_version", 1), attribute("channel_order", "bgr"),
              attribute("std", std::vector<float>(3, 1.f)), attribute("mean", std::vector<float>(3, 0.f)),
              attribute("short_side", 64), attribute("long_side", 96), attribute("divisor", 32)}));
    g.initializers.push_back(onnx::tensor("ones_w", {1, 3, 1, 1}, {0, 0, 0}));
    g.initializers.push_back(onnx::tensor("ones_b", {1}, {1.f}));
    g.initializers.push_back(onnx::tensor("columns", {boxColumns}));
    g.initializers.push_back(onnx::tensor("axis0", {0}));
    g.initializers.push_back(onnx::tensor("candidates", {candidates}));
    g.nodes.push_back(
        node("Conv", "", {"image", "ones_w", "ones_b"}, {"ones"},
             {attribute("kernel_shape", std::vector<int>{1, 1}), attribute("strides", std::vector<int>{16, 16})}));
    const bool all = candidates == CAPACITY;
    if (!all)
        g.nodes.push_back(node("Slice", "", {"refined", "s0", "candidates", "axis0"}, {"few"}, {}));
    g.nodes.push_back(node("D2GatherRows", "d2det", {all ? "refined" : "few", "detection_rows"}, {"mask_rois"}, {}));
    g.nodes.push_back(
        node("D2RoIAlign", "d2det", {"mask_rois", "ones"}, {"masks"},
             {attribute("feat_strides", std::vector<int>{16}), attribute("output_size", std::vector<int>{2, 2}),
              attribute("sampling_ratio", 1), attribute("aligned", 0)}));
    g.nodes.push_back(node("Slice", "", {"mask_rois", "s0", "columns", "axis1"}, {"mask_boxes"}, {}));
    g.outputs.push_back(onnx::value("masks", {CAPACITY, 1, 2, 2}));
    g.outputs.push_back(onnx::value("mask_boxes", {CAPACITY, boxColumns}));
    return onnx::model(g.message());
}

std::vector<uchar> syntheticModel(const ModelOptions& options = ModelOptions())
{
    return onnx::model(syntheticGraph(options).message());
}

Ptr<Detector> syntheticDetector()
{
    return Detector::create(syntheticModel());
}

//! Something at cell (x, y): scores of class 0 and 1 in 1/256.
struct Thing
{
    int x, y, cat, dog;
};

Mat sceneOf(Size size, const std::vector<Thing>& things)
{
    Mat image(size, CV_8UC3, Scalar::all(0));
    int blue = 250;
    for (const Thing& t : things)
        image.at<Vec3b>(t.y * 16, t.x * 16) =
            Vec3b(saturate_cast<uchar>(blue--), saturate_cast<uchar>(t.cat), saturate_cast<uchar>(t.dog));
    return image;
}

Mat detect(Detector& detector, const Mat& image)
{
    Mat detections;
    detector.detect(image, detections);
    return detections;
}

//! Row of a thing; `factor`: image pixels per network-input pixel.
Mat rowOf(const Thing& t, int classId, float score, float factor = 1)
{
    return Mat(Matx<float, 1, 6>((t.x * 16 - 16) * factor, (t.y * 16 - 16) * factor, (t.x * 16 + 16) * factor,
                                 (t.y * 16 + 16) * factor, score, static_cast<float>(classId)));
}

void expectRows(const Mat& got, const std::vector<Mat>& rows, double tolerance = 0)
{
    ASSERT_EQ(CV_32F, got.type());
    ASSERT_EQ(6, got.cols);
    ASSERT_EQ(static_cast<int>(rows.size()), got.rows) << got;
    for (int i = 0; i < got.rows; i++)
        EXPECT_LE(cv::norm(got.row(i), rows[i], NORM_INF), tolerance) << "row " << i << ": " << got.row(i) << rows[i];
}

const Size SCENE(96, 64);
const Thing LEFT{2, 2, 200, 0}, RIGHT{4, 2, 0, 128}, NEXT{3, 2, 160, 0};  // NEXT overlaps LEFT and RIGHT by IoU 1/3

//////////////////////////////////////////// Detector ////////////////////////////////////////////

TEST(D2Det_Detector, finds_what_is_there)
{
    const Ptr<Detector> detector = syntheticDetector();
    const Thing both{2, 2, 100, 220};
    expectRows(detect(*detector, sceneOf(SCENE, {both, RIGHT})),
               {rowOf(both, 1, 220 / 256.f), rowOf(RIGHT, 1, 128 / 256.f), rowOf(both, 0, 100 / 256.f)});
    expectRows(detect(*detector, sceneOf(SCENE, {})), {});
}

TEST(D2Det_Detector, vectors_and_matrix_agree)
{
    const Ptr<Detector> detector = syntheticDetector();
    std::vector<int> classIds{7};
    std::vector<float> confidences{7};
    std::vector<Rect2d> boxes(1);
    detector->detect(sceneOf(SCENE, {LEFT, RIGHT}), classIds, confidences, boxes);
    EXPECT_EQ((std::vector<int>{0, 1}), classIds);
    EXPECT_EQ((std::vector<float>{200 / 256.f, 128 / 256.f}), confidences);
    EXPECT_EQ((std::vector<Rect2d>{Rect2d(16, 16, 32, 32), Rect2d(48, 16, 32, 32)}), boxes);

    detector->detect(sceneOf(SCENE, {}), classIds, confidences, boxes);
    EXPECT_TRUE(classIds.empty() && confidences.empty() && boxes.empty());
}

//! Masks go into the boxes that the model names; the boxes of the detections stay what they are.
TEST(D2Det_Detector, masks_fill_their_own_boxes)
{
    const Ptr<Detector> detector = Detector::create(modelWithMasks());
    ASSERT_TRUE(detector->hasMasks());
    const Mat ones(2, 2, CV_32F, Scalar(1));
    const auto expectMasks = [&](const Mat& rows, const std::vector<Mat>& masks, double batchIndex)
    {
        ASSERT_EQ(static_cast<int>(masks.size()), rows.rows);
        for (int r = 0; r < rows.rows; r++)
        {
            const float* box = rows.ptr<float>(r);
            Mat expected;
            cv::d2det::pasteMask(ones, Vec4d(batchIndex, box[0], box[1], box[2]), SCENE, expected);
            EXPECT_EQ(0, cv::norm(expected, masks[r], NORM_INF)) << "mask " << r << " of image " << batchIndex;
            EXPECT_GT(cv::countNonZero(expected), 100);
        }
    };
    Mat rows;
    std::vector<Mat> masks;
    const Mat first = sceneOf(SCENE, {LEFT, RIGHT}), second = sceneOf(SCENE, {RIGHT, NEXT});
    detector->segment(first, rows, masks);
    expectRows(rows, {rowOf(LEFT, 0, 200 / 256.f), rowOf(RIGHT, 1, 128 / 256.f)});
    expectMasks(rows, masks, 0);

    std::vector<Mat> allRows;
    std::vector<std::vector<Mat>> allMasks;
    detector->segmentBatch(std::vector<Mat>{first, second}, allRows, allMasks);
    ASSERT_EQ(2u, allMasks.size());
    ASSERT_EQ(2, allRows[1].rows);
    for (int b = 0; b < 2; b++)
        expectMasks(allRows[b], allMasks[b], b);
}

//! Mask boxes of another shape and rows that do not exist are errors that name them, and the detector can go on.
TEST(D2Det_Detector, broken_masks_are_refused)
{
    const std::pair<std::vector<uchar>, const char*> broken[] = {{modelWithMasks(3), "'mask_boxes'"},
                                                                 {modelWithMasks(4, 1), "D2GatherRows: rows["}};
    for (const auto& b : broken)
    {
        const Ptr<Detector> detector = Detector::create(b.first);
        Mat rows;
        std::vector<Mat> masks;
        try
        {
            detector->segment(sceneOf(SCENE, {LEFT, RIGHT}), rows, masks);
            ADD_FAILURE() << "accepted, expected an error about " << b.second;
        }
        catch (const cv::Exception& e)
        {
            EXPECT_NE(std::string::npos, e.err.find(b.second)) << e.err;
        }
        expectRows(detect(*detector, sceneOf(SCENE, {LEFT})), {rowOf(LEFT, 0, 200 / 256.f)});
    }
}

TEST(D2Det_Detector, description_of_the_model)
{
    const Ptr<Detector> detector = syntheticDetector();
    EXPECT_EQ((std::vector<String>{"cat", "dog"}), detector->getClassNames());
    const InputParams params = detector->getInputParams();
    EXPECT_EQ(64, params.shortSide);
    EXPECT_EQ(96, params.longSide);
    EXPECT_EQ(32, params.divisor);
    EXPECT_EQ(0, params.mean[0]);
    EXPECT_EQ(1, params.std[2]);
    EXPECT_FALSE(params.swapRB);
    EXPECT_EQ(0.05f, detector->getScoreThreshold());
    EXPECT_EQ(0.5f, detector->getNMSThreshold());
    EXPECT_EQ(cv::d2det::NMS_SOFT_LINEAR, detector->getNMSMode());
    EXPECT_EQ(0.5f, detector->getSoftNMSSigma());
    EXPECT_EQ(CAPACITY, detector->getMaxDetections());

    ModelOptions unnamed;
    unnamed.named = false;
    EXPECT_EQ((std::vector<String>{"class 0", "class 1"}), Detector::create(syntheticModel(unnamed))->getClassNames());
}

TEST(D2Det_Detector, boxes_are_in_image_pixels)
{
    const Ptr<Detector> detector = syntheticDetector();
    Mat large;  // twice the size: the network sees the same pixels as before
    cv::resize(sceneOf(SCENE, {LEFT, RIGHT}), large, Size(), 2, 2, INTER_NEAREST);
    expectRows(detect(*detector, large), {rowOf(LEFT, 0, 200 / 256.f, 2), rowOf(RIGHT, 1, 128 / 256.f, 2)});

    InputParams params = detector->getInputParams();  // larger input: the same image at scale 1
    params.shortSide = 128;
    params.longSide = 192;
    detector->setInputParams(params);
    const Thing far{10, 6, 0, 64};
    expectRows(detect(*detector, sceneOf(Size(192, 128), {LEFT, far})),
               {rowOf(LEFT, 0, 200 / 256.f), rowOf(far, 1, 64 / 256.f)});
}

//! A fixed input size: boxes go back by the factors of both axes, and the model file says so.
TEST(D2Det_Detector, boxes_of_a_fixed_input_size)
{
    ModelOptions options;
    options.keepRatio = false;
    const Ptr<Detector> detector = Detector::create(syntheticModel(options));
    EXPECT_FALSE(detector->getInputParams().keepRatio);
    EXPECT_TRUE(syntheticDetector()->getInputParams().keepRatio);
    Mat stretched, expected = rowOf(LEFT, 0, 200 / 256.f);  // the network sees 96 x 64 pixels
    cv::resize(sceneOf(SCENE, {LEFT}), stretched, Size(96 * 3, 64 * 2), 0, 0, INTER_NEAREST);
    for (const int column : {0, 1, 2, 3})
        expected.at<float>(0, column) *= column % 2 == 0 ? 3.f : 2.f;
    expectRows(detect(*detector, stretched), {expected});
}

TEST(D2Det_Detector, boxes_are_clipped_to_the_image)
{
    const Ptr<Detector> detector = syntheticDetector();
    // Valid input is 64 x 70 of 64 x 96; the anchor at cell (4, 2) ends at x = 80. Its center moves to 59 / 16 =
    // 3.6875.
    const Mat detections = detect(*detector, sceneOf(Size(70, 64), {{4, 2, 0, 128}}));
    const float score = 0.6875f * 128 / 256;
    Mat expected = Mat(Matx<float, 1, 6>(48, 16, 70, 48, score, 1));
    ASSERT_EQ(1, detections.rows) << detections;
    EXPECT_LE(cv::norm(detections, expected, NORM_INF), 1e-6) << detections;
}

TEST(D2Det_Detector, score_threshold)
{
    const Ptr<Detector> detector = syntheticDetector();
    const Thing faint{2, 2, 8, 0};  // 0.031: below the model's own threshold of 0.05
    const Mat image = sceneOf(SCENE, {faint, RIGHT});
    const Mat faintRow = rowOf(faint, 0, 8 / 256.f), rightRow = rowOf(RIGHT, 1, 0.5f);
    expectRows(detect(*detector, image), {rightRow});
    detector->setScoreThreshold(0.01f);
    EXPECT_EQ(0.01f, detector->getScoreThreshold());
    expectRows(detect(*detector, image), {rightRow, faintRow});
    detector->setScoreThreshold(0.6f);
    expectRows(detect(*detector, image), {});
    for (const float bad : {-0.1f, 1.5f, std::numeric_limits<float>::quiet_NaN()})
        EXPECT_THROW(detector->setScoreThreshold(bad), cv::Exception);
    EXPECT_EQ(0.6f, detector->getScoreThreshold());
}

TEST(D2Det_Detector, NMS_settings)
{
    const Ptr<Detector> detector = syntheticDetector();
    const Mat image = sceneOf(SCENE, {LEFT, NEXT});
    const Mat best = rowOf(LEFT, 0, 200 / 256.f);
    const float second = 160 / 256.f;
    expectRows(detect(*detector, image), {best, rowOf(NEXT, 0, second)});  // IoU 1/3 is below 0.5

    detector->setNMSThreshold(0.3f);
    expectRows(detect(*detector, image), {best, rowOf(NEXT, 0, second * 2 / 3)}, 1e-6);
    detector->setNMSMode(cv::d2det::NMS_HARD);
    expectRows(detect(*detector, image), {best});
    detector->setNMSMode(cv::d2det::NMS_SOFT_GAUSSIAN);
    detector->setSoftNMSSigma(0.25f);
    expectRows(detect(*detector, image), {best, rowOf(NEXT, 0, second * std::exp(-1 / 9.f / 0.25f))}, 1e-6);
    // The last filter works on the final score.
    detector->setScoreThreshold(0.5f);
    expectRows(detect(*detector, image), {best});

    EXPECT_THROW(detector->setNMSThreshold(-1), cv::Exception);
    EXPECT_THROW(detector->setNMSMode(3), cv::Exception);
    EXPECT_THROW(detector->setSoftNMSSigma(0), cv::Exception);
}

TEST(D2Det_Detector, max_detections)
{
    const Ptr<Detector> detector = syntheticDetector();
    const Mat image = sceneOf(SCENE, {LEFT, RIGHT});
    detector->setMaxDetections(1);
    expectRows(detect(*detector, image), {rowOf(LEFT, 0, 200 / 256.f)});
    detector->setMaxDetections(1000);
    EXPECT_EQ(CAPACITY, detector->getMaxDetections());
    EXPECT_EQ(2, detect(*detector, image).rows);
    EXPECT_THROW(detector->setMaxDetections(0), cv::Exception);
}

TEST(D2Det_Detector, max_proposals)
{
    const Ptr<Detector> detector = syntheticDetector();
    const Mat image = sceneOf(SCENE, {LEFT, RIGHT});
    EXPECT_EQ(CAPACITY, detector->getMaxProposals());
    // Objectness follows the blue channel: LEFT has one more.
    detector->setMaxProposals(1);
    expectRows(detect(*detector, image), {rowOf(LEFT, 0, 200 / 256.f)});
    detector->setMaxProposals(1000);
    EXPECT_EQ(CAPACITY, detector->getMaxProposals());
    EXPECT_EQ(2, detect(*detector, image).rows);
    EXPECT_THROW(detector->setMaxProposals(0), cv::Exception);
}

TEST(D2Det_Detector, batch_equals_single_images)
{
    const Ptr<Detector> detector = syntheticDetector();
    std::vector<Mat> images{sceneOf(SCENE, {LEFT, RIGHT}), sceneOf(Size(96, 32), {{2, 1, 77, 0}}),
                            sceneOf(Size(80, 64), {NEXT}), sceneOf(SCENE, {})};
    for (int i = 0; i < 9; i++)  // more than go through at once
        images.push_back(sceneOf(SCENE, {{2 + i % 3, 2, 60 + 10 * i, 40}}));
    std::vector<Mat> batch;
    detector->detectBatch(images, batch);
    ASSERT_EQ(images.size(), batch.size());
    int found = 0;
    for (size_t i = 0; i < images.size(); i++)
    {
        const Mat single = detect(*detector, images[i]);
        found += single.rows;
        ASSERT_EQ(single.size(), batch[i].size()) << "image " << i;
        if (!single.empty())
        {
            EXPECT_EQ(0, cv::norm(single, batch[i], NORM_INF)) << "image " << i;
        }
    }
    EXPECT_EQ(0, batch[3].rows);
    EXPECT_EQ(2 + 2 + 1 + 9 * 2, found);  // in the low image the clipped anchor above also sees half of the thing

    std::vector<UMat> onDevice;
    detector->detectBatch(images, onDevice);
    ASSERT_EQ(images.size(), onDevice.size());
    EXPECT_EQ(0, cv::norm(onDevice[0], batch[0], NORM_INF));

    detector->detectBatch(std::vector<Mat>(), batch);
    EXPECT_TRUE(batch.empty());
    EXPECT_THROW(detector->detectBatch(images[0], batch), cv::Exception);
}

TEST(D2Det_Detector, works_after_an_error)
{
    const Ptr<Detector> detector = syntheticDetector();
    const Mat good = sceneOf(SCENE, {LEFT});
    Mat detections;
    EXPECT_THROW(detector->detect(Mat(), detections), cv::Exception);
    EXPECT_THROW(detector->detect(Mat(8, 8, CV_32FC3), detections), cv::Exception);
    std::vector<Mat> batch;
    EXPECT_THROW(detector->detectBatch(std::vector<Mat>{good, good, Mat()}, batch), cv::Exception);
    InputParams bad = detector->getInputParams();
    bad.shortSide = -1;
    EXPECT_THROW(detector->setInputParams(bad), cv::Exception);
    expectRows(detect(*detector, good), {rowOf(LEFT, 0, 200 / 256.f)});
}

TEST(D2Det_Detector, from_file_and_from_net)
{
    const std::vector<uchar> model = syntheticModel();
    const Mat image = sceneOf(SCENE, {LEFT}), expected = rowOf(LEFT, 0, 200 / 256.f);
    const String path = cv::tempfile(".onnx");
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(model.data()), model.size());
    expectRows(detect(*Detector::create(path), image), {expected});
    std::remove(path.c_str());
    EXPECT_THROW(Detector::create(path), cv::Exception);
    EXPECT_THROW(Detector::create(String(".")), cv::Exception);  // a folder

    cv::d2det::registerLayers();
    expectRows(detect(*Detector::create(dnn::readNetFromONNX(model)), image), {expected});
    EXPECT_THROW(Detector::create(dnn::Net()), cv::Exception);
    EXPECT_THROW(Detector::create(model, dnn::DNN_BACKEND_OPENCV, 12345), cv::Exception);
}

TEST(D2Det_Detector, timings)
{
    const Ptr<Detector> detector = syntheticDetector();
    std::vector<String> stages;
    const std::vector<double> before = detector->getTimings(stages);
    EXPECT_EQ((std::vector<String>{"prepare", "backbone", "proposals", "classification", "regression", "masks",
                                   "postprocess"}),
              stages);
    EXPECT_EQ(std::vector<double>(7, 0.), before);
    const int64 start = getTickCount();
    detect(*detector, sceneOf(SCENE, {LEFT}));
    const double wall = (getTickCount() - start) * 1000. / getTickFrequency();
    double sum = 0;
    const std::vector<double> times = detector->getTimings(stages);
    for (size_t i = 0; i < times.size(); i++)
    {
        if (stages[i] == "masks")
            EXPECT_EQ(0, times[i]);
        else
            EXPECT_GT(times[i], 0) << stages[i];
        sum += times[i];
    }
    EXPECT_LE(sum, wall * 1.001);
}

//////////////////////////////////////////// what is no model ////////////////////////////////////////////

//! Creation must fail with a message that contains a text.
void expectRefused(const std::vector<uchar>& bytes, const std::string& text)
{
    try
    {
        Detector::create(bytes);
        ADD_FAILURE() << "accepted, expected an error about '" << text << "'";
    }
    catch (const cv::Exception& e)
    {
        EXPECT_NE(std::string::npos, e.err.find(text)) << e.err;
    }
}

std::vector<uchar> modelWith(const onnx::Message& initializer)
{
    onnx::Graph g = syntheticGraph();
    g.initializers.push_back(initializer);
    return onnx::model(g.message());
}

TEST(D2Det_DetectorInput, garbage)
{
    expectRefused({}, "empty");
    expectRefused({0}, "not an ONNX model");
    const std::string text = "%PDF-1.7 this is no model";
    expectRefused(std::vector<uchar>(text.begin(), text.end()), "not an ONNX model");
    RNG rng(5);
    for (int i = 0; i < 2000; i++)
    {
        std::vector<uchar> bytes(rng.uniform(1, 200));
        for (uchar& b : bytes)
            b = static_cast<uchar>(rng.uniform(0, 256));
        EXPECT_THROW(Detector::create(bytes), cv::Exception);
    }
}

TEST(D2Det_DetectorInput, truncated)
{
    const std::vector<uchar> model = syntheticModel();
    for (size_t size = 0; size < model.size(); size++)
        EXPECT_THROW(Detector::create(std::vector<uchar>(model.begin(), model.begin() + size)), cv::Exception) << size;
}

TEST(D2Det_DetectorInput, other_models)
{
    onnx::Graph plain;
    plain.inputs = {onnx::value("image", {1, 3, 8, 8})};
    plain.outputs = {onnx::value("detections", {1, 3, 8, 8})};
    plain.nodes = {node("Relu", "", {"image"}, {"detections"}, {})};
    expectRefused(onnx::model(plain.message()), "not a D2Det model");

    ModelOptions options;
    options.described = false;
    expectRefused(syntheticModel(options), "not a D2Det model");
    options = ModelOptions();
    options.output = "boxes";
    expectRefused(syntheticModel(options), "not a D2Det model");
}

TEST(D2Det_DetectorInput, external_data)
{
    const onnx::Message location = onnx::Message().bytes(1, "location").bytes(2, "../secret.bin");
    const onnx::Message byLocation = onnx::tensorHead("w", {1}, 1).number(14, 1);
    const onnx::Message byEntry = onnx::tensor("w", {1}, std::vector<float>{1.f}).add(13, location);
    expectRefused(modelWith(byLocation), "external data");
    expectRefused(modelWith(byEntry), "external data");

    // In the attribute of a node, and in a graph in the attribute of a node.
    const onnx::Message inAttribute = onnx::Message().bytes(1, "value").add(5, byLocation).number(20, 4);
    onnx::Graph g = syntheticGraph();
    g.nodes.push_back(node("Constant", "", {}, {"c"}, {inAttribute}));
    expectRefused(onnx::model(g.message()), "external data");
    onnx::Graph inner;
    inner.initializers = {byEntry};
    g = syntheticGraph();
    g.nodes.push_back(node("If", "", {}, {"c"}, {onnx::Message().bytes(1, "then_branch").add(6, inner.message())}));
    expectRefused(onnx::model(g.message()), "external data");
}

TEST(D2Det_DetectorInput, tensors_must_be_complete)
{
    EXPECT_NO_THROW(Detector::create(modelWith(onnx::tensor("w", {2, 3}, std::vector<float>(6)))));
    const std::string length = "not as long as its shape says";
    expectRefused(modelWith(onnx::tensor("w", {1000, 1000}, std::vector<float>(6))), length);
    expectRefused(modelWith(onnx::tensor("w", {2}, std::vector<float>(3))), length);
    expectRefused(modelWith(onnx::tensorHead("w", {2}, 1)), length);
    expectRefused(modelWith(onnx::tensorHead("w", {2}, 1).bytes(5, std::string(2, '\1'))),
                  length);  // int32_data, float
    expectRefused(modelWith(onnx::tensor("w", {-1}, std::vector<float>(1))), "negative or huge dimension");
    expectRefused(modelWith(onnx::tensor("w", {1 << 20, 1 << 20}, std::vector<float>(1))), "too large");
    expectRefused(modelWith(onnx::tensorHead("w", {1}, 99).bytes(9, "abcd")), "unknown data type");
    // protobuf would join two raw_data or two graphs
    expectRefused(modelWith(onnx::tensor("w", {1}, std::vector<float>(1)).bytes(9, "abcd")), "occurs twice");
    std::vector<uchar> twice = syntheticModel();
    const onnx::Message second = onnx::Message().add(7, onnx::Graph().message());
    twice.insert(twice.end(), second.data.begin(), second.data.end());
    expectRefused(twice, "occurs twice");
}

TEST(D2Det_DetectorInput, nodes_must_fit_together)
{
    onnx::Graph g = syntheticGraph();
    g.initializers.erase(g.initializers.begin());  // cls_w: the importer would look for its size
    expectRefused(onnx::model(g.message()), "does not exist");
    g = syntheticGraph();
    g.initializers[0] = onnx::tensor("cls_w", {3}, std::vector<float>(3));
    expectRefused(onnx::model(g.message()), "no constant weights");
    g = syntheticGraph();
    g.initializers[1] = onnx::tensor("cls_b", {2}, std::vector<float>(2));
    expectRefused(onnx::model(g.message()), "does not fit its weights");
    g = syntheticGraph();
    g.initializers.back() = onnx::tensor("axis1", {1 << 20});
    expectRefused(onnx::model(g.message()), "impossible ranges");
    g.initializers.back() = onnx::tensor("axis1", {int64_t(1) << 40});
    expectRefused(onnx::model(g.message()), "beyond 2^24");
    g = syntheticGraph();
    g.initializers.push_back(g.initializers[0]);
    expectRefused(onnx::model(g.message()), "same name");
}

// Any damage either leaves a model that works or raises cv::Exception; another exception or a crash is a failure.
TEST(D2Det_DetectorInput, damaged)
{
    const std::vector<uchar> model = syntheticModel();
    const Mat image = sceneOf(SCENE, {LEFT});
    RNG rng(11);
    int refused = 0;
    for (int i = 0; i < 1000; i++)
    {
        std::vector<uchar> bytes = model;
        for (int k = rng.uniform(1, 4); k > 0; k--)
            bytes[rng.uniform(0, static_cast<int>(bytes.size()))] = static_cast<uchar>(rng.uniform(0, 256));
        try
        {
            const Ptr<Detector> detector = Detector::create(bytes);
            const InputParams params = detector->getInputParams();
            if (std::max(params.shortSide, params.longSide) <= 1000)
                detect(*detector, image);
        }
        catch (const cv::Exception&)
        {
            refused++;
        }
    }
    EXPECT_GT(refused, 500);
    EXPECT_LT(refused, 1000);
}

TEST(D2Det_DetectorInput, nested_too_deeply)
{
    onnx::Message graph = onnx::Graph().message();
    for (int i = 0; i < 200; i++)
    {
        onnx::Graph outer;
        outer.nodes = {node("If", "", {}, {"c"}, {onnx::Message().bytes(1, "then_branch").add(6, graph)})};
        graph = outer.message();
    }
    expectRefused(onnx::model(graph), "nested too deeply");
}

TEST(D2Det_DetectorInput, bad_description)
{
    ModelOptions options;
    options.shortSide = 0;
    EXPECT_THROW(Detector::create(syntheticModel(options)), cv::Exception);
    options.shortSide = 1 << 30;
    EXPECT_THROW(Detector::create(syntheticModel(options)), cv::Exception);
}

}  // namespace
}  // namespace opencv_test
