// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* prepareInput and Detector.

   The detector runs on the network of synthetic_model.hpp, whose every number is known. */

#include "test_precomp.hpp"
#include "synthetic_model.hpp"

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
using onnx::CAPACITY;
using onnx::ModelOptions;
using onnx::modelWithMasks;
using onnx::node;
using onnx::syntheticGraph;
using onnx::syntheticModel;

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

    // The same masks in the memory of their boxes.
    std::vector<cv::d2det::BoxMask> parts;
    std::vector<std::vector<cv::d2det::BoxMask>> allParts;
    std::vector<Mat> batchRows;
    Mat partRows;
    detector->segmentInBoxes(first, partRows, parts);
    detector->segmentInBoxesBatch(std::vector<Mat>{first, second}, batchRows, allParts);
    EXPECT_EQ(0, cv::norm(rows, partRows, NORM_INF));
    ASSERT_EQ(masks.size(), parts.size());
    ASSERT_EQ(2u, allParts.size());
    for (int b = 0; b < 2; b++)
    {
        std::vector<Mat> entire(allParts[b].size());
        for (size_t i = 0; i < entire.size(); i++)
            cv::d2det::pasteMask(allParts[b][i], entire[i]);
        expectMasks(batchRows[b], entire, b);
    }
}

//! An image beyond the size of entire masks still has its boxes, and masks inside them.
TEST(D2Det_Detector, f13_masks_of_an_image_beyond_the_limit)
{
    const Ptr<Detector> detector = Detector::create(modelWithMasks());
    const Mat huge(1, (1 << 28) + 1, CV_8UC1, Scalar(0));
    Mat rows;
    std::vector<Mat> masks;
    EXPECT_THROW(detector->segment(huge, rows, masks), cv::Exception);
    std::vector<std::vector<Mat>> allMasks;
    std::vector<Mat> allRows;
    EXPECT_THROW(detector->segmentBatch(std::vector<Mat>{huge}, allRows, allMasks), cv::Exception);
    std::vector<cv::d2det::BoxMask> parts;
    EXPECT_NO_THROW(detector->segmentInBoxes(huge, rows, parts));
}

TEST(D2Det_Tiles, cover_the_image)
{
    using cv::d2det::TileParams;
    RNG rng(3);
    for (int round = 0; round < 300; round++)
    {
        const Size image(rng.uniform(1, 900), rng.uniform(1, 900));
        TileParams params;
        params.size = rng.uniform(32, 400);
        params.overlap = rng.uniform(0., 0.9);
        const std::vector<Rect> tiles = cv::d2det::calculateTiles(image, params);
        Mat seen = Mat::zeros(image, CV_8UC1);
        for (const Rect& tile : tiles)
        {
            ASSERT_EQ(tile, tile & Rect(Point(), image));
            EXPECT_EQ(std::min(params.size, image.width), tile.width);
            EXPECT_EQ(std::min(params.size, image.height), tile.height);
            seen(tile).setTo(1);
        }
        EXPECT_EQ(image.area(), cv::countNonZero(seen)) << image << params.size;
        for (size_t i = 1; i < tiles.size(); i++)
        {
            if (tiles[i].y != tiles[i - 1].y)
                continue;
            EXPECT_GE(tiles[i - 1].br().x - tiles[i].x, params.overlap * params.size - 1) << image << params.size;
        }
    }
    EXPECT_EQ(std::vector<Rect>{Rect(0, 0, 500, 40)}, cv::d2det::calculateTiles(Size(500, 40), TileParams()));
    EXPECT_EQ(std::vector<Rect>{Rect(0, 0, 7, 40)}, cv::d2det::calculateTiles(Size(7, 40),
                                                                              []
                                                                              {
                                                                                  TileParams p;
                                                                                  p.size = 40;
                                                                                  return p;
                                                                              }()));
    const Ptr<Detector> detector = syntheticDetector();
    const auto expectRefused = [&](int side, double overlap, double threshold)
    {
        TileParams wrong;
        wrong.size = side;
        wrong.overlap = overlap;
        wrong.mergeThreshold = threshold;
        EXPECT_THROW(detector->setTiles(wrong), cv::Exception);
        EXPECT_THROW(cv::d2det::calculateTiles(Size(9, 9), wrong), cv::Exception);
    };
    expectRefused(31, 0.2, 0.5);
    expectRefused(16385, 0.2, 0.5);
    expectRefused(64, -0.1, 0.5);
    expectRefused(64, 0.91, 0.5);
    expectRefused(64, std::numeric_limits<double>::quiet_NaN(), 0.5);
    expectRefused(64, 0.2, 0);
}

//! Tiles of 64 pixels go through the network unscaled, so that every box is known.
TEST(D2Det_Tiles, an_object_is_found_once)
{
    const Ptr<Detector> detector = Detector::create(modelWithMasks());
    cv::d2det::TileParams tiles;
    tiles.size = 64;
    tiles.overlap = 0.5;
    tiles.wholeImage = false;
    detector->setTiles(tiles);
    EXPECT_EQ(64, detector->getTiles().size);

    // Tiles at 0, 32, 64, 96. The first thing is seen whole by one tile and cut by the next, the second just reaches
    // the borders of two, the third that of the image.
    const Size size(160, 64);
    const Thing cut{4, 2, 200, 0}, twice{7, 2, 0, 150}, corner{9, 3, 120, 0};
    const Mat image = sceneOf(size, {cut, twice, corner});
    const std::vector<Mat> rows{rowOf(cut, 0, 200 / 256.f), rowOf(twice, 1, 150 / 256.f),
                                rowOf(corner, 0, 120 / 256.f)};
    expectRows(detect(*detector, image), rows);

    // In a batch with an image that needs no tiles, boxes and masks.
    const Mat small = sceneOf(Size(64, 64), {Thing{2, 2, 100, 0}});
    std::vector<Mat> found;
    std::vector<std::vector<Mat>> masks;
    detector->segmentBatch(std::vector<Mat>{image, small}, found, masks);
    ASSERT_EQ(2u, found.size());
    expectRows(found[0], rows);
    expectRows(found[1], {rowOf(Thing{2, 2, 100, 0}, 0, 100 / 256.f)});
    ASSERT_EQ(3u, masks[0].size());
    EXPECT_EQ(size, masks[0][0].size());

    detector->setTiles(cv::d2det::TileParams());
    EXPECT_NE(3, detect(*detector, image).rows) << "without tiles the image is scaled and nothing fits";
}

//! What every tile cuts is put together; neighbors that do not agree in the common area are not.
TEST(D2Det_Tiles, pieces_of_an_object)
{
    const Ptr<Detector> detector = syntheticDetector();
    cv::d2det::TileParams tiles;
    tiles.size = 64;
    tiles.overlap = 0.25;
    tiles.wholeImage = false;
    detector->setTiles(tiles);
    // Tiles at 0 and 48: both see 48 to 64. The left one finds 32 to 64, the right one 48 to 80.
    const Size size(112, 64);
    const Mat both = detect(*detector, sceneOf(size, {{3, 2, 200, 0}, {4, 2, 180, 0}}));
    ASSERT_EQ(1, both.rows);
    EXPECT_EQ(0, cv::norm(both, Mat(Matx<float, 1, 6>(32, 16, 80, 48, 200 / 256.f, 0)), NORM_INF)) << both;
    // Of two classes they are several objects (the cut one has a share in both).
    EXPECT_LT(1, detect(*detector, sceneOf(size, {{3, 2, 200, 0}, {4, 2, 0, 180}})).rows);
    // So they are if their boxes do not agree: 0 to 32 and 16 to 48 in height, IoU 1/3.
    EXPECT_EQ(2, detect(*detector, sceneOf(size, {{3, 1, 200, 0}, {4, 2, 180, 0}})).rows);
}

TEST(D2Det_Detector, classes_compete)
{
    const Ptr<Detector> detector = syntheticDetector();
    EXPECT_FALSE(detector->getClassAgnosticNMS());
    const Mat image = sceneOf(SCENE, {{2, 2, 200, 150}});
    EXPECT_EQ(2, detect(*detector, image).rows);
    detector->setClassAgnosticNMS(true);
    EXPECT_TRUE(detector->getClassAgnosticNMS());
    expectRows(detect(*detector, image), {rowOf({2, 2, 200, 150}, 0, 200 / 256.f)});
    expectRows(detect(*detector, sceneOf(SCENE, {LEFT, RIGHT})),
               {rowOf(LEFT, 0, 200 / 256.f), rowOf(RIGHT, 1, 128 / 256.f)});
}

TEST(D2Det_Detector, says_that_its_capacity_was_reached)
{
    const Ptr<Detector> detector = syntheticDetector();
    EXPECT_FALSE(detector->reachedMaxDetections());
    const Mat image = sceneOf(SCENE, {LEFT, RIGHT});
    detect(*detector, image);
    EXPECT_FALSE(detector->reachedMaxDetections());
    detector->setMaxDetections(2);
    detect(*detector, image);
    EXPECT_TRUE(detector->reachedMaxDetections());
    detect(*detector, sceneOf(SCENE, {LEFT}));
    EXPECT_FALSE(detector->reachedMaxDetections());
}

TEST(D2Det_Detector, scores_of_classes)
{
    using cv::d2det::storeOperatingScore;
    using cv::d2det::storeOperatingScores;
    const std::vector<uchar> model = storeOperatingScore(syntheticModel(), 0.375f);
    const std::vector<float> scores{0.25f, 0.625f};
    const Ptr<Detector> plain = Detector::create(model);
    EXPECT_TRUE(plain->getOperatingScores().empty());
    EXPECT_TRUE(plain->getClassScoreThresholds().empty());
    const std::vector<uchar> scored = storeOperatingScores(model, scores);
    const Ptr<Detector> detector = Detector::create(scored);
    EXPECT_EQ(scores, detector->getOperatingScores());
    EXPECT_EQ(scores, detector->getClassScoreThresholds());
    EXPECT_EQ(0.375f, detector->getOperatingScore()) << "that of all classes stays";
    EXPECT_EQ(plain->getScoreThreshold(), detector->getScoreThreshold());

    const Mat image = sceneOf(SCENE, {LEFT, RIGHT});  // classes 0 and 1, scores 200 / 256 and 128 / 256
    expectRows(detect(*detector, image), {rowOf(LEFT, 0, 200 / 256.f)});
    detector->setClassScoreThresholds({0.9f, 0.4f});
    expectRows(detect(*detector, image), {rowOf(RIGHT, 1, 128 / 256.f)});
    detector->setClassScoreThresholds({0.f, 0.5f});  // at least
    EXPECT_EQ(2, detect(*detector, image).rows);
    detector->setScoreThreshold(0.7f);  // for all
    EXPECT_TRUE(detector->getClassScoreThresholds().empty());
    expectRows(detect(*detector, image), {rowOf(LEFT, 0, 200 / 256.f)});
    detector->setClassScoreThresholds({});
    EXPECT_EQ(0.7f, detector->getScoreThreshold());
    for (const std::vector<float>& wrong : {std::vector<float>{0.5f}, std::vector<float>{0.5f, 1.5f},
                                            std::vector<float>{0.5f, std::numeric_limits<float>::quiet_NaN()}})
    {
        EXPECT_THROW(detector->setClassScoreThresholds(wrong), cv::Exception);
        EXPECT_THROW(storeOperatingScores(model, wrong), cv::Exception);
    }

    EXPECT_EQ(model, storeOperatingScores(scored, {}));
    EXPECT_EQ(scored.size(), storeOperatingScores(scored, {0.5f, 0.5f}).size()) << "earlier ones are replaced";
    const Ptr<Detector> newer = Detector::create(storeOperatingScore(scored, 0.5f));
    EXPECT_TRUE(newer->getOperatingScores().empty()) << "of an earlier measurement";
    EXPECT_EQ(0.5f, newer->getOperatingScore());
    ModelOptions options;
    options.described = false;
    EXPECT_THROW(storeOperatingScores(syntheticModel(options), scores), cv::Exception);
}

TEST(D2Det_Detector, explains_its_boxes)
{
    for (const float offset : {0.f, 1.5f})
    {
        const Ptr<Detector> detector =
            Detector::create(onnx::modelWithDenseBoxes({0.25f, 0.5f, 0.125f, 0.375f}, offset));
        detector->setScoreThreshold(
            0.1f);  // that of class 0 is 0.15 at least, the red pixel gives class 1 at most 0.07
        Mat image = sceneOf(SCENE, {LEFT});
        image.at<Vec3b>(32, 48) = Vec3b(0, 0, 200);  // beside LEFT: the overlap of the right cells ends there
        const Mat rows = detect(*detector, image);
        ASSERT_EQ(1, rows.rows);
        Mat same;
        std::vector<cv::d2det::DetectionExplanation> explanations;
        detector->explain(image, same, explanations);
        EXPECT_EQ(0, cv::norm(rows, same, NORM_INF));
        ASSERT_EQ(1u, explanations.size());
        const cv::d2det::DetectionExplanation& e = explanations[0];
        EXPECT_EQ(0, e.classId);
        EXPECT_EQ(rows.at<float>(0, 4), e.score);
        EXPECT_EQ(Rect2d(16, 16, 32, 32), e.proposal);
        const Mat points = (Mat_<float>(4, 2) << 24, 24, 40, 24, 24, 40, 40, 40);
        EXPECT_LE(cv::norm(points, e.cellPoints, NORM_INF), 1e-4);
        const float on = 1 / (1 + std::exp(-8.f)), off = 1 / (1 + std::exp(4.5f));
        const Mat probabilities = (Mat_<float>(2, 2) << on, off, on, off);
        const Mat shares = (Mat_<float>(2, 2) << 0.5f, 0, 0.5f, 0);
        EXPECT_LE(cv::norm(probabilities, e.overlap, NORM_INF), 1e-4);
        EXPECT_EQ(0, cv::norm(shares, e.cellWeights, NORM_INF));
        for (int i = 0; i < 4; i++)
        {
            const float x = points.at<float>(i, 0), y = points.at<float>(i, 1);
            const Mat box = (Mat_<float>(1, 4) << x - 8, y - 4, x + 16, y + 12);
            EXPECT_LE(cv::norm(box, e.cellBoxes.row(i), NORM_INF), 1e-4) << i;
        }
        Mat mean = e.cellWeights.reshape(1, 1) * e.cellBoxes;
        EXPECT_LE(cv::norm(mean, rows.colRange(0, 4), NORM_INF), 1e-4);
        EXPECT_EQ(Rect2d(rows.at<float>(0, 0), rows.at<float>(0, 1), rows.at<float>(0, 2) - rows.at<float>(0, 0),
                         rows.at<float>(0, 3) - rows.at<float>(0, 1)),
                  e.box);
        EXPECT_LE(cv::norm(points + 0.1 * 32 * offset, e.samplingPoints, NORM_INF), 1e-4);
        ASSERT_EQ(Size(2, 2), e.samplingWeights.size());
        EXPECT_NEAR(4, cv::sum(e.samplingWeights)[0], 1e-4) << "one window, shares of 1/4 in a plain average";
        EXPECT_GT(e.samplingWeights.at<float>(1, 1), e.samplingWeights.at<float>(0, 0));
        EXPECT_EQ(0, cv::norm(rows, detect(*detector, image), NORM_INF));
        detector->explain(sceneOf(SCENE, {}), same, explanations);
        EXPECT_TRUE(explanations.empty());
    }
    // Without dense regression there is nothing to show; the detector works on.
    const Ptr<Detector> other = Detector::create(syntheticModel());
    Mat rows;
    std::vector<cv::d2det::DetectionExplanation> explanations;
    EXPECT_THROW(other->explain(sceneOf(SCENE, {LEFT}), rows, explanations), cv::Exception);
    expectRows(detect(*other, sceneOf(SCENE, {LEFT})), {rowOf(LEFT, 0, 200 / 256.f)});
}

TEST(D2Det_Detector, operating_score_of_the_model)
{
    using cv::d2det::storeOperatingScore;
    const std::vector<uchar> model = syntheticModel();
    EXPECT_LT(Detector::create(model)->getOperatingScore(), 0);
    const std::vector<uchar> scored = storeOperatingScore(model, 0.375f);
    const Ptr<Detector> detector = Detector::create(scored);
    EXPECT_EQ(0.375f, detector->getOperatingScore());
    EXPECT_EQ(Detector::create(model)->getScoreThreshold(), detector->getScoreThreshold());
    expectRows(detect(*detector, sceneOf(SCENE, {LEFT})), {rowOf(LEFT, 0, 200 / 256.f)});
    const std::vector<uchar> again = storeOperatingScore(scored, 1.f);
    EXPECT_EQ(scored.size(), again.size()) << "the earlier score is replaced";
    EXPECT_EQ(1.f, Detector::create(again)->getOperatingScore());
    EXPECT_EQ(0.25f, Detector::create(storeOperatingScore(modelWithMasks(), 0.25f))->getOperatingScore());
    for (const float wrong : {-0.1f, 1.1f, std::numeric_limits<float>::quiet_NaN()})
        EXPECT_THROW(storeOperatingScore(model, wrong), cv::Exception) << wrong;
    ModelOptions options;
    options.described = false;
    EXPECT_THROW(storeOperatingScore(syntheticModel(options), 0.5f), cv::Exception);
    EXPECT_THROW(storeOperatingScore({1, 2, 3}, 0.5f), cv::Exception);
}

//! Rows that do not exist are an error that names them, and the detector can go on.
TEST(D2Det_Detector, broken_masks_are_refused)
{
    const Ptr<Detector> detector = Detector::create(modelWithMasks(4, 1));
    Mat rows;
    std::vector<Mat> masks;
    try
    {
        detector->segment(sceneOf(SCENE, {LEFT, RIGHT}), rows, masks);
        ADD_FAILURE() << "accepted";
    }
    catch (const cv::Exception& e)
    {
        EXPECT_NE(std::string::npos, e.err.find("D2GatherRows: rows[")) << e.err;
    }
    expectRows(detect(*detector, sceneOf(SCENE, {LEFT})), {rowOf(LEFT, 0, 200 / 256.f)});
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
    ModelOptions options;
    options.described = false;
    expectRefused(syntheticModel(options), "not a D2Det model");
    options = ModelOptions();
    options.output = "boxes";
    expectRefused(syntheticModel(options), "does not make 'detections'");
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
    expectRefused(onnx::model(g.message()), "input 1 is [3], it must have 4 dimensions");
    g = syntheticGraph();
    g.initializers[1] = onnx::tensor("cls_b", {2}, std::vector<float>(2));
    expectRefused(onnx::model(g.message()), "input 2 is [2], expected [1]");
    g = syntheticGraph();
    g.initializers.back() = onnx::tensor("axis1", {1 << 20});
    expectRefused(onnx::model(g.message()), "axis 1048576 is not one of");
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
        onnx::Graph outer = i < 199 ? onnx::Graph() : syntheticGraph();
        outer.nodes.push_back(node("If", "", {}, {"c"}, {onnx::Message().bytes(1, "then_branch").add(6, graph)}));
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
