// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Run lengths, polygons and pasted masks: the stored vectors (where they are at hand), naive second formulations, bad
   input. Contract: operators.md 4. */

#include "test_precomp.hpp"

#include "opencv2/d2det/masks.hpp"
#include "opencv2/dnn.hpp"
#include "opencv2/imgproc.hpp"

#include <limits>

namespace opencv_test
{
namespace
{

using namespace cv::d2det;
using Polygons = std::vector<std::vector<double>>;

std::vector<unsigned> countsOf(const FileNode& node)
{
    std::vector<unsigned> counts;
    for (const FileNode& count : node)
        counts.push_back(static_cast<unsigned>(static_cast<int>(count)));
    return counts;
}

FileStorage openCase(const std::string& vector)
{
    return FileStorage(sharedPath("golden/host/" + vector + "/case.json"), FileStorage::READ);
}

Mat maskOf(const FileNode& node)
{
    Mat mask(static_cast<int>(node["height"]), static_cast<int>(node["width"]), CV_8UC1);
    for (int y = 0; y < mask.rows; y++)
    {
        const std::string row = node["rows"][y];
        for (int x = 0; x < mask.cols; x++)
            mask.at<uchar>(y, x) = row[x] == '1';
    }
    return mask;
}

bool same(const Mat& a, const Mat& b)
{
    return a.size() == b.size() && a.type() == b.type() && (a.empty() || cv::norm(a, b, NORM_INF) == 0);
}

Mat decoded(const Rle& rle)
{
    Mat mask;
    rleDecode(rle, mask);
    return mask;
}

//! Blobs, or for smoothness 0 noise; 0 or 1.
Mat randomMask(RNG& rng, Size size, double smoothness, double share = 0.5)
{
    Mat noise(size, CV_32F);
    rng.fill(noise, RNG::NORMAL, 0, 1);
    if (smoothness > 0)
        cv::GaussianBlur(noise, noise, Size(), smoothness);
    Mat sorted = noise.clone().reshape(1, 1);
    cv::sort(sorted, sorted, SORT_EVERY_ROW + SORT_DESCENDING);
    const int at = std::min(static_cast<int>(share * sorted.cols), sorted.cols - 1);
    return (noise > sorted.at<float>(0, at)) & 1;
}

//! Not cv::boundingRect, which is wrong for narrow masks in OpenCV 4.6.
Rect boundsOf(const Mat& mask)
{
    Rect bounds;
    for (int y = 0; y < mask.rows; y++)
        for (int x = 0; x < mask.cols; x++)
            if (mask.at<uchar>(y, x))
                bounds |= Rect(x, y, 1, 1);
    return bounds;
}

Size randomSize(RNG& rng, int limit)
{
    return Size(rng.uniform(1, limit), rng.uniform(1, limit));
}

// ------------------------------------------------------------------ stored vectors

TEST(D2Det_Masks_Shared, run_lengths)
{
    SKIP_WITHOUT_SHARED();
    const FileStorage file = openCase("rle");
    int count = 0;
    for (const FileNode& node : file["masks"])
    {
        SCOPED_TRACE(count++);
        const Mat mask = maskOf(node);
        const Rle rle = rleEncode(mask);
        EXPECT_EQ(countsOf(node["counts"]), rle.counts);
        EXPECT_TRUE(same(mask, decoded(rle)));
        const std::string text = node["string"];
        EXPECT_EQ(text, rleToString(rle));
        EXPECT_EQ(rle.counts, rleFromString(text, mask.rows, mask.cols).counts);
        EXPECT_EQ(static_cast<double>(node["area"]), rleArea(rle));
        const FileNode box = node["bbox"];
        EXPECT_EQ(Rect2d(box[0], box[1], box[2], box[3]), Rect2d(rleBoundingBox(rle)));
    }
    EXPECT_EQ(14, count);
}

TEST(D2Det_Masks_Shared, iou)
{
    SKIP_WITHOUT_SHARED();
    const FileStorage file = openCase("rle");
    const FileNode iou = file["iou"];
    int pairs = 0;
    for (int i = 0; i < static_cast<int>(iou["dt"].size()); i++)
        for (int j = 0; j < static_cast<int>(iou["gt"].size()); j++, pairs++)
        {
            const Rle a = rleEncode(maskOf(iou["dt"][i])), b = rleEncode(maskOf(iou["gt"][j]));
            const bool crowd = static_cast<int>(iou["crowd"][j]) != 0;
            EXPECT_NEAR(static_cast<double>(iou["iou"][i][j]), rleIoU(a, b, crowd), 1e-12) << i << " " << j;
        }
    EXPECT_EQ(20, pairs);
}

TEST(D2Det_Masks_Shared, polygons)
{
    SKIP_WITHOUT_SHARED();
    const FileStorage file = openCase("polygons");
    int count = 0;
    for (const FileNode& node : file["polygons"])
    {
        SCOPED_TRACE(count++);
        std::vector<double> polygon;
        node["polygon"] >> polygon;
        const Rle rle = rleFromPolygons({polygon}, static_cast<int>(node["height"]), static_cast<int>(node["width"]));
        EXPECT_EQ(countsOf(node["counts"]), rle.counts);
        EXPECT_EQ(static_cast<std::string>(node["string"]), rleToString(rle));
    }
    EXPECT_EQ(24, count);
}

class D2Det_Masks_Shared_Paste : public testing::TestWithParam<const char*>
{
};

TEST_P(D2Det_Masks_Shared_Paste, pasted)
{
    SKIP_WITHOUT_SHARED();
    const std::string name = std::string("mask_paste_") + GetParam(), folder = sharedPath("golden/host/" + name + "/");
    const FileStorage file = openCase(name);
    const Mat probability = dnn::readTensorFromONNX(folder + "in_probability.pb");
    const Mat boxes = dnn::readTensorFromONNX(folder + "in_boxes.pb");
    const FileNode attributes = file["attributes"];
    const Size size(attributes["width"], attributes["height"]);
    ASSERT_GT(boxes.rows, 0);
    for (int i = 0; i < boxes.rows; i++)
    {
        const float* box = boxes.ptr<float>(i);
        const Mat map(28, 28, CV_32F, const_cast<float*>(probability.ptr<float>()) + i * 28 * 28);
        Mat mask;
        pasteMask(map, Vec4d(box[0], box[1], box[2], box[3]), size, mask, attributes["threshold"]);
        ASSERT_EQ(size, mask.size());
        EXPECT_EQ(static_cast<std::string>(file["rle"][i]), rleToString(rleEncode(mask))) << "box " << i;
        EXPECT_EQ(static_cast<int>(file["area"][i]), cv::countNonZero(mask)) << "box " << i;
        EXPECT_EQ(cv::countNonZero(mask), cv::countNonZero(mask == 255));
    }
}

INSTANTIATE_TEST_CASE_P(vectors, D2Det_Masks_Shared_Paste,
                        testing::Values("exact", "degenerate", "random0", "random1"));

// ------------------------------------------------------------------ run lengths

TEST(D2Det_Rle, by_hand)
{
    const Mat mask = Mat(Matx<uchar, 2, 3>(0, 7, 0, 255, 1, 0));  // columns 01 11 00
    const Rle rle = rleEncode(mask);
    EXPECT_EQ((std::vector<unsigned>{1, 3, 2}), rle.counts);
    EXPECT_EQ("132", rleToString(rle));
    EXPECT_EQ(3, rleArea(rle));
    EXPECT_EQ(Rect(0, 0, 2, 2), rleBoundingBox(rle));
    EXPECT_EQ((std::vector<unsigned>{0, 6}), rleEncode(Mat(3, 2, CV_8UC1, Scalar(1))).counts);
    EXPECT_EQ((std::vector<unsigned>{6}), rleEncode(Mat(3, 2, CV_8UC1, Scalar(0))).counts);
}

TEST(D2Det_Rle, no_mask_at_all)
{
    EXPECT_TRUE(Rle().empty());
    EXPECT_TRUE(rleEncode(Mat()).empty());
    EXPECT_TRUE(decoded(Rle()).empty());
    EXPECT_EQ(0, rleArea(Rle()));
    EXPECT_EQ(Rect(), rleBoundingBox(Rle()));
    EXPECT_EQ(0, rleIoU(Rle(), Rle()));
    EXPECT_EQ("", rleToString(Rle()));
    EXPECT_TRUE(rleToPolygons(Rle()).empty());
    EXPECT_TRUE(rleFromString("", 0, 0).empty());
}

TEST(D2Det_Rle, random_masks_come_back)
{
    RNG rng(1);
    for (int round = 0; round < 300; round++)
    {
        const Mat wide = randomMask(rng, randomSize(rng, 70), round % 3, rng.uniform(0., 1.));
        const Mat mask = wide.colRange(wide.cols / 3, wide.cols);  // not continuous
        const Rle rle = rleEncode(mask);
        EXPECT_TRUE(same(mask, decoded(rle)));
        EXPECT_EQ(cv::countNonZero(mask), rleArea(rle));
        EXPECT_EQ(boundsOf(mask), rleBoundingBox(rle));
        const Rle again = rleFromString(rleToString(rle), rle.height, rle.width);
        EXPECT_EQ(rle.counts, again.counts);
        EXPECT_EQ(rle.width, again.width);
    }
}

TEST(D2Det_Rle, iou_counts_pixels)
{
    RNG rng(2);
    for (int round = 0; round < 300; round++)
    {
        const Size size = randomSize(rng, 40);
        const Mat a = randomMask(rng, size, round % 3, rng.uniform(0., 1.));
        const Mat b = randomMask(rng, size, round % 2, rng.uniform(0., 1.));
        const int both = cv::countNonZero(a & b), any = cv::countNonZero(a | b), first = cv::countNonZero(a);
        const Rle rleA = rleEncode(a), rleB = rleEncode(b);
        EXPECT_EQ(both ? double(both) / any : 0, rleIoU(rleA, rleB));
        EXPECT_EQ(both ? double(both) / first : 0, rleIoU(rleA, rleB, true));
        EXPECT_EQ(rleIoU(rleA, rleB), rleIoU(rleB, rleA));
    }
}

TEST(D2Det_Rle, runs_of_no_length_are_harmless)
{
    Rle rle;
    rle.height = 4;
    rle.width = 3;
    rle.counts = {0, 0, 5, 0, 0, 2, 0, 1, 4, 0};  // pixels 5, 6, 7
    EXPECT_EQ(3, rleArea(rle));
    EXPECT_EQ(Rect(1, 1, 1, 3), rleBoundingBox(rle));
    const Rle clean = rleEncode(decoded(rle));
    EXPECT_EQ((std::vector<unsigned>{5, 3, 4}), clean.counts);
    EXPECT_EQ(1, rleIoU(rle, clean));
    EXPECT_EQ(1, rleIoU(clean, rle));
    EXPECT_EQ(rle.counts, rleFromString(rleToString(rle), 4, 3).counts);
}

TEST(D2Det_Rle, the_largest_mask)
{
    Rle rle;
    rle.height = 1 << 14;
    rle.width = 1 << 14;
    rle.counts = {0, 1u << 28};
    EXPECT_EQ(double(1 << 28), rleArea(rle));
    EXPECT_EQ(Rect(0, 0, 1 << 14, 1 << 14), rleBoundingBox(rle));
    EXPECT_EQ(1, rleIoU(rle, rle));
    EXPECT_EQ(rle.counts, rleFromString(rleToString(rle), 1 << 14, 1 << 14).counts);
    rle.width++;
    rle.counts[1] += 1u << 14;
    EXPECT_THROW(rleArea(rle), cv::Exception);
}

//! What the message of the exception that is thrown says; "nothing" without one.
template <typename Work>
std::string errorOf(Work work)
{
    try
    {
        work();
    }
    catch (const cv::Exception& e)
    {
        return e.err;
    }
    return "nothing";
}

TEST(D2Det_Rle, wrong_runs_are_refused)
{
    const auto rle = [](int height, int width, const std::vector<unsigned>& counts)
    {
        Rle result;
        result.height = height;
        result.width = width;
        result.counts = counts;
        return result;
    };
    const Rle bad[] = {rle(2, 3, {}),       rle(2, 3, {5}),           rle(2, 3, {3, 4}),
                       rle(-2, -3, {6}),    rle(-1, 5, {}),           rle(0, 3, {1}),
                       rle(2, 3, {6, ~0u}), rle(65536, 65536, {~0u}), rle(2, 3, {3, ~0u, 4})};
    const Rle good = rle(2, 3, {3, 3});
    for (const Rle& r : bad)
    {
        Mat mask;
        EXPECT_THROW(rleDecode(r, mask), cv::Exception) << r.height << " x " << r.width;
        EXPECT_THROW(rleArea(r), cv::Exception);
        EXPECT_THROW(rleBoundingBox(r), cv::Exception);
        EXPECT_THROW(rleToString(r), cv::Exception);
        EXPECT_THROW(rleToPolygons(r), cv::Exception);
        EXPECT_THROW(rleIoU(r, good), cv::Exception);
        EXPECT_THROW(rleIoU(r, r), cv::Exception);
    }
    EXPECT_THROW(rleIoU(good, rle(3, 2, {3, 3})), cv::Exception);
    EXPECT_THROW(rleEncode(Mat(3, 3, CV_8UC3)), cv::Exception);
    EXPECT_THROW(rleEncode(Mat(3, 3, CV_32F)), cv::Exception);
    EXPECT_NE(std::string::npos, errorOf([&] { rleArea(bad[2]); }).find("add up to 7, expected 2 x 3 = 6"));
}

TEST(D2Det_Rle, wrong_strings_are_refused)
{
    const std::string bad[] = {"",
                               "5",
                               "7",
                               "3",
                               "33 ",
                               "3\n3",
                               "V",
                               "PPPPPPPP1",
                               "oooooooo",
                               "O",
                               "33O",
                               "1111111",
                               "\xff",
                               "p",
                               std::string("3\0"
                                           "3",
                                           3),
                               "oooooo?",
                               "`````````````````"};
    for (const std::string& text : bad)
        EXPECT_NE("nothing", errorOf([&] { rleFromString(text, 2, 3); })) << text;
    EXPECT_NE("nothing", errorOf([] { rleFromString("1", 1 << 15, 1 << 15); }));
    EXPECT_NE("nothing", errorOf([] { rleFromString("1", -1, 1); }));
    EXPECT_NE(std::string::npos, errorOf([] { rleFromString("3 3", 2, 3); }).find("character 1 has code 32"));

    // Random bytes: a mask of the right size or an exception.
    RNG rng(3);
    int accepted = 0;
    for (int round = 0; round < 100000; round++)
    {
        std::string text(rng.uniform(1, 6), ' ');
        for (char& c : text)
            c = static_cast<char>(rng.uniform(46, 62));
        Rle rle;
        if (errorOf([&] { rle = rleFromString(text, 3, 4); }) != "nothing")
            continue;
        accepted++;
        EXPECT_EQ(12, static_cast<int>(decoded(rle).total()));
    }
    EXPECT_GT(accepted, 100);
}

// ------------------------------------------------------------------ polygons

//! COCO's rasterisation as it is written down: the chain of an edge is walked point by point.
Mat walkedPolygon(const std::vector<double>& polygon, int height, int width)
{
    std::vector<Point> corners, chain;
    for (size_t i = 0; i < polygon.size(); i += 2)
        corners.emplace_back(int(5 * polygon[i] + 0.5), int(5 * polygon[i + 1] + 0.5));
    for (size_t i = 0; i < corners.size(); i++)
    {
        Point a = corners[i], b = corners[(i + 1) % corners.size()];
        const int dx = std::abs(b.x - a.x), dy = std::abs(b.y - a.y), steps = std::max(dx, dy);
        const bool flat = dx >= dy, flip = flat ? a.x > b.x : a.y > b.y;
        if (flip)
            std::swap(a, b);
        const double slope = steps == 0 ? 0 : flat ? double(b.y - a.y) / dx : double(b.x - a.x) / dy;
        for (int step = 0; step <= steps; step++)
        {
            const int t = flip ? steps - step : step;
            chain.push_back(flat ? Point(a.x + t, int(a.y + slope * t + 0.5))
                                 : Point(int(a.x + slope * t + 0.5), a.y + t));
        }
    }
    Mat columns = Mat::zeros(width, height, CV_8UC1);
    for (size_t i = 1; i < chain.size(); i++)
    {
        const double column = (std::min(chain[i].x, chain[i - 1].x) + 0.5) / 5 - 0.5;
        if (chain[i].x == chain[i - 1].x || column != std::floor(column) || column < 0 || column > width - 1)
            continue;
        const double row = (std::min(chain[i].y, chain[i - 1].y) + 0.5) / 5 - 0.5;
        const int from = int(column) * height + int(std::ceil(std::min(std::max(row, 0.), double(height))));
        for (int pixel = from; pixel < width * height; pixel++)  // a run begins or ends: all behind it change
            columns.data[pixel] ^= 1;
    }
    return columns.t();
}

std::vector<double> randomPolygon(RNG& rng, Size size, int round)
{
    std::vector<double> polygon;
    for (int corners = rng.uniform(3, 12); corners > 0; corners--)
        for (const int limit : {size.width, size.height})
        {
            const double value = rng.uniform(-0.5 * limit - 1, 1.5 * limit + 1);
            polygon.push_back(round % 3 == 0 ? value : round % 3 == 1 ? cvRound(value) : cvRound(2 * value) / 2.);
        }
    return polygon;
}

TEST(D2Det_Polygons, equal_the_walk_point_by_point)
{
    RNG rng(4);
    for (int round = 0; round < 500; round++)
    {
        const Size size = randomSize(rng, 40);
        const std::vector<double> polygon = randomPolygon(rng, size, round);
        const Rle rle = rleFromPolygons({polygon}, size.height, size.width);
        ASSERT_TRUE(same(walkedPolygon(polygon, size.height, size.width), decoded(rle))) << Mat(polygon).t();
        EXPECT_EQ(rleEncode(decoded(rle)).counts, rle.counts) << "runs without length";
    }
}

TEST(D2Det_Polygons, several_are_their_union)
{
    RNG rng(5);
    for (int round = 0; round < 200; round++)
    {
        const Size size = randomSize(rng, 40);
        Polygons polygons;
        Mat expected = Mat::zeros(size, CV_8UC1);
        for (int n = rng.uniform(0, 5); n > 0; n--)
        {
            polygons.push_back(randomPolygon(rng, size, round));
            expected |= walkedPolygon(polygons.back(), size.height, size.width);
        }
        const Rle rle = rleFromPolygons(polygons, size.height, size.width);
        EXPECT_TRUE(same(expected, decoded(rle)));
        EXPECT_EQ(rleEncode(expected).counts, rle.counts);
    }
}

TEST(D2Det_Polygons, rectangles_by_hand)
{
    const Rle rle = rleFromPolygons({{1, 2, 4, 2, 4, 5, 1, 5}}, 7, 6);
    EXPECT_EQ(Rect(1, 2, 3, 3), rleBoundingBox(rle));
    EXPECT_EQ(9, rleArea(rle));
    EXPECT_EQ(42, rleArea(rleFromPolygons({{-1e6, -1e6, 1e6, -1e6, 1e6, 1e6, -1e6, 1e6}}, 7, 6)));
    EXPECT_EQ(0, rleArea(rleFromPolygons({{100, 1, 200, 1, 200, 5}}, 7, 6)));
    EXPECT_EQ(0, rleArea(rleFromPolygons({{3, 3, 3, 3, 3, 3}}, 7, 6)));
    EXPECT_EQ((std::vector<unsigned>{42}), rleFromPolygons({}, 7, 6).counts);
}

//! The mask with its holes filled: all that cannot be reached from outside, also across corners.
Mat withoutHoles(const Mat& mask)
{
    Mat padded;
    cv::copyMakeBorder(mask, padded, 1, 1, 1, 1, BORDER_CONSTANT, Scalar(0));
    cv::floodFill(padded, Point(0, 0), Scalar(9), nullptr, Scalar(), Scalar(), 8);
    return (padded != 9)(Rect(1, 1, mask.cols, mask.rows)) & 1;
}

TEST(D2Det_Polygons, outlines_give_the_mask_back)
{
    RNG rng(6);
    int holes = 0;
    for (int round = 0; round < 300; round++)
    {
        const Mat mask = randomMask(rng, randomSize(rng, 50), round % 4, rng.uniform(0., 1.)),
                  filled = withoutHoles(mask);
        holes += !same(mask, filled);
        const Polygons polygons = rleToPolygons(rleEncode(mask));
        EXPECT_TRUE(same(filled, decoded(rleFromPolygons(polygons, mask.rows, mask.cols))));
        Mat labels;
        EXPECT_EQ(cv::connectedComponents(mask, labels, 4) - 1, static_cast<int>(polygons.size()));
    }
    EXPECT_GT(holes, 50);
}

TEST(D2Det_Polygons, outlines_by_hand)
{
    const Mat mask = Mat(Matx<uchar, 3, 4>(1, 1, 0, 0,  //
                                           1, 0, 0, 0,  //
                                           0, 0, 0, 1));
    const Polygons expected = {{2, 0, 2, 1, 1, 1, 1, 2, 0, 2, 0, 0}, {4, 2, 4, 3, 3, 3, 3, 2}};
    EXPECT_EQ(expected, rleToPolygons(rleEncode(mask)));
    EXPECT_TRUE(rleToPolygons(rleEncode(Mat::zeros(5, 5, CV_8UC1))).empty());
}

TEST(D2Det_Polygons, wrong_ones_are_refused)
{
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    const Polygons bad = {{},
                          {1},
                          {1, 1, 5, 5},
                          {1, 1, 5, 5, 1},
                          {1, 1, 5, 5, 1, 5, 3},
                          {1, 1, nan, 5, 1, 5},
                          {1, 1, 5, 5, 1, -inf},
                          {1, 1, 5, 5, 1, 1.0001e6},
                          {1, 1, 5, 5, -1e300, 1}};
    for (const std::vector<double>& polygon : bad)
        EXPECT_THROW(rleFromPolygons({{1, 1, 5, 1, 5, 5}, polygon}, 10, 10), cv::Exception) << polygon.size();
    EXPECT_THROW(rleFromPolygons({}, -1, 5), cv::Exception);
    EXPECT_THROW(rleFromPolygons({}, 1 << 20, 1 << 10), cv::Exception);
    EXPECT_NE(std::string::npos, errorOf([] { rleFromPolygons({{1, 1, 5, 5}}, 9, 9); }).find("4 numbers"));

    // A file of some megabytes must not cost gigabytes: a zigzag over the widest image.
    std::vector<double> zigzag;
    for (int i = 0; i < 10000; i++)
        zigzag.insert(zigzag.end(), {i % 2 ? 1e6 : 0., double(i % 7)});
    EXPECT_NE(std::string::npos, errorOf([&] { rleFromPolygons({zigzag}, 8, 1000000); }).find("cross more than"));
    const Polygons many(10000, {0, 0, 1e6, 0, 5e5, 0});
    EXPECT_NE(std::string::npos, errorOf([&] { rleFromPolygons(many, 8, 1000000); }).find("cross more than"));
}

// ------------------------------------------------------------------ pasteMask

//! The formula for every pixel of the image.
Mat pastedNaively(const Mat& map, const Vec4d& box, Size size, double threshold)
{
    Mat mask = Mat::zeros(size, CV_8UC1);
    for (int y = 0; y < size.height; y++)
        for (int x = 0; x < size.width; x++)
        {
            const double u = (x + 0.5 - box[0]) / (box[2] - box[0]) * map.cols - 0.5;
            const double v = (y + 0.5 - box[1]) / (box[3] - box[1]) * map.rows - 0.5;
            double value = 0;
            for (int j = 0; j < map.rows; j++)
                for (int i = 0; i < map.cols; i++)
                    value +=
                        std::max(1 - std::abs(u - i), 0.) * std::max(1 - std::abs(v - j), 0.) * map.at<float>(j, i);
            mask.at<uchar>(y, x) = value >= threshold ? 255 : 0;
        }
    return mask;
}

TEST(D2Det_PasteMask, equals_the_formula)
{
    RNG rng(7);
    for (int round = 0; round < 60; round++)
    {
        Mat map(rng.uniform(1, 9), rng.uniform(1, 9), CV_32F), mask;
        rng.fill(map, RNG::UNIFORM, 0, 1);
        const Size size = randomSize(rng, 50);
        const double x = rng.uniform(-30., 50.), y = rng.uniform(-30., 50.);
        const Vec4d box(x, y, x + rng.uniform(0.1, 80.), y + rng.uniform(0.1, 80.));
        const double threshold = rng.uniform(0.05, 0.95);
        pasteMask(map, box, size, mask, threshold);
        const Mat expected = pastedNaively(map, box, size, threshold);
        EXPECT_TRUE(same(expected, mask)) << map.size() << box << size;

        // The part that cropMask stores is all of it, and no larger than the box with half a cell around it.
        const BoxMask part = cropMask(map, box, size, threshold);
        pasteMask(part, mask);
        EXPECT_TRUE(same(expected, mask)) << map.size() << box << size;
        EXPECT_EQ(rleEncode(expected).counts, rleEncode(part).counts) << part.roi << size;
        EXPECT_LE(part.roi.width, (box[2] - box[0]) * (1 + 1. / map.cols) + 4);
        EXPECT_LE(part.roi.height, (box[3] - box[1]) * (1 + 1. / map.rows) + 4);
    }
}

//! Parts at every border, with set pixels at their own borders.
TEST(D2Det_BoxMask, run_lengths_are_those_of_the_entire_mask)
{
    RNG rng(9);
    for (int round = 0; round < 500; round++)
    {
        const Size size(rng.uniform(1, 9), rng.uniform(1, 9));
        BoxMask part;
        part.imageSize = size;
        const Point from(rng.uniform(0, size.width), rng.uniform(0, size.height));
        part.roi = Rect(from, Point(rng.uniform(from.x, size.width) + 1, rng.uniform(from.y, size.height) + 1));
        part.mask.create(part.roi.size(), CV_8UC1);
        rng.fill(part.mask, RNG::UNIFORM, 0, round % 3 == 0 ? 2 : 5);  // mostly set, or half of it
        Mat entire;
        pasteMask(part, entire);
        ASSERT_EQ(size, entire.size());
        const Rle rle = rleEncode(part);
        EXPECT_EQ(rleEncode(entire).counts, rle.counts) << part.roi << size;
        EXPECT_EQ(cv::countNonZero(part.mask), rleArea(rle));
        Mat decoded;
        rleDecode(rle, decoded);
        EXPECT_TRUE(same(Mat(entire != 0), Mat(decoded != 0)));
    }
}

TEST(D2Det_BoxMask, large_images_and_wrong_ones)
{
    // 40000 x 30000 pixels: more than an entire mask may have, and the part is small.
    const Mat map(28, 28, CV_32F, Scalar(1));
    const BoxMask part = cropMask(map, Vec4d(39000, 100, 39040, 130), Size(40000, 30000));
    EXPECT_LT(part.roi.area(), 50 * 40);
    EXPECT_EQ(40 * 30, cv::countNonZero(part.mask));
    Mat mask;
    EXPECT_THROW(pasteMask(part, mask), cv::Exception);
    EXPECT_THROW(rleEncode(part), cv::Exception);
    EXPECT_THROW(cropMask(map, Vec4d(0, 0, 40000, 30000), Size(40000, 30000)), cv::Exception);

    BoxMask empty;
    empty.imageSize = Size(6, 5);
    pasteMask(empty, mask);
    EXPECT_TRUE(same(Mat::zeros(5, 6, CV_8UC1), mask));
    EXPECT_EQ(std::vector<unsigned>{30}, rleEncode(empty).counts);
    EXPECT_TRUE(rleEncode(BoxMask()).empty());
    for (const Rect& roi : {Rect(0, 0, 3, 3), Rect(4, 0, 4, 3), Rect(-1, 0, 4, 3), Rect(0, 3, 4, 3)})
    {
        BoxMask wrong;
        wrong.imageSize = Size(6, 5);
        wrong.roi = roi;
        wrong.mask = Mat::ones(3, 4, CV_8UC1);
        EXPECT_THROW(pasteMask(wrong, mask), cv::Exception) << roi;
        EXPECT_THROW(rleEncode(wrong), cv::Exception) << roi;
    }
}

TEST(D2Det_PasteMask, a_full_map_fills_its_box)
{
    const Mat map(28, 28, CV_32F, Scalar(1)), used(50, 60, CV_8UC1, Scalar(77));
    Mat mask = used.clone();
    const uchar* memory = mask.data;
    pasteMask(map, Vec4d(10, 20, 40, 45), Size(60, 50), mask);
    EXPECT_EQ(memory, mask.data);
    Mat expected = Mat::zeros(50, 60, CV_8UC1);
    expected(Rect(10, 20, 30, 25)).setTo(255);
    EXPECT_TRUE(same(expected, mask));
    pasteMask(map, Vec4d(-1e300, -1e300, 1e300, 1e300), Size(60, 50), mask, 1);
    EXPECT_EQ(60 * 50, cv::countNonZero(mask));
}

TEST(D2Det_PasteMask, no_box_no_mask)
{
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    const Mat map(28, 28, CV_32F, Scalar(1));
    const Vec4d boxes[] = {{5, 5, 5, 9},           {5, 5, 9, 5},         {9, 5, 5, 9},      {nan, 5, 9, 9},
                           {5, 5, inf, 9},         {-inf, 5, 9, 9},      {500, 5, 900, 9},  {-9, -9, -5, -5},
                           {1e300, 0, 1.1e300, 9}, {3, 3, 3 + 1e-12, 9}, {0, 0, 5e-324, 1}, {-1e308, 0, -1e307, 9}};
    for (const Vec4d& box : boxes)
    {
        Mat mask(20, 20, CV_8UC1, Scalar(1));
        pasteMask(map, box, mask.size(), mask);
        EXPECT_EQ(0, cv::countNonZero(mask)) << box;
    }
    Mat mask, nans(28, 28, CV_32F, Scalar(nan));
    pasteMask(nans, Vec4d(0, 0, 20, 20), Size(20, 20), mask);
    EXPECT_EQ(0, cv::countNonZero(mask));
    pasteMask(map, Vec4d(0, 0, 20, 20), Size(0, 0), mask);
    EXPECT_TRUE(mask.empty());
}

TEST(D2Det_PasteMask, several_threads_at_once)
{
    RNG rng(8);
    Mat map(28, 28, CV_32F);
    rng.fill(map, RNG::UNIFORM, 0, 1);
    std::vector<Mat> masks(200);
    cv::parallel_for_(Range(0, 200),
                      [&](const Range& range)
                      {
                          for (int i = range.start; i < range.end; i++)
                              pasteMask(map, Vec4d(i, 3, i + 30.5, 50), Size(300, 60), masks[i]);
                      });
    for (int i = 0; i < 200; i++)
    {
        Mat expected;
        pasteMask(map, Vec4d(i, 3, i + 30.5, 50), Size(300, 60), expected);
        EXPECT_TRUE(same(expected, masks[i]));
    }
}

TEST(D2Det_PasteMask, wrong_input_is_refused)
{
    const Mat map(28, 28, CV_32F, Scalar(1));
    const Vec4d box(1, 1, 9, 9);
    const Size size(20, 20);
    Mat mask;
    EXPECT_THROW(pasteMask(Mat(), box, size, mask), cv::Exception);
    EXPECT_THROW(pasteMask(Mat(28, 28, CV_64F), box, size, mask), cv::Exception);
    EXPECT_THROW(pasteMask(Mat(28, 28, CV_32FC2), box, size, mask), cv::Exception);
    EXPECT_THROW(pasteMask(map, box, Size(-1, 5), mask), cv::Exception);
    EXPECT_THROW(pasteMask(map, box, Size(1 << 15, 1 << 15), mask), cv::Exception);
    for (const double threshold : {0., -1., 1.1, std::numeric_limits<double>::quiet_NaN()})
        EXPECT_THROW(pasteMask(map, box, size, mask, threshold), cv::Exception) << threshold;
}

}  // namespace
}  // namespace opencv_test
