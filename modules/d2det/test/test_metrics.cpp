// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* calculateIoU and CocoEvaluator: the stored vectors (where they are at hand), numbers worked out by hand, properties.
   Contract: operators.md 5 (box_iou) and 6.

   The stored vectors are shared data (test_precomp.hpp). */

#include "test_precomp.hpp"

#include "opencv2/d2det/metrics.hpp"
#include "opencv2/dnn.hpp"

#include "../src/kernels/box.hpp"

#include <limits>
#include <map>
#include <numeric>

namespace opencv_test
{
namespace
{

using cv::d2det::calculateIoU;
using cv::d2det::CocoEvaluator;

// ------------------------------------------------------------------ calculateIoU

cv::Mat goldenTensor(const std::string& vector, const std::string& name)
{
    return cv::dnn::readTensorFromONNX(sharedPath("golden/train/" + vector + "/" + name + ".pb"));
}

//! Compares with the stored matrix of a vector by its tolerance.
void compareWithGolden(const std::string& vector, const cv::Mat& iou)
{
    const cv::FileStorage file(sharedPath("golden/train/" + vector + "/case.json"), cv::FileStorage::READ);
    const double atol = file["tolerance"]["iou"]["atol"], rtol = file["tolerance"]["iou"]["rtol"];
    const cv::Mat expected = goldenTensor(vector, "out_iou");
    ASSERT_EQ(expected.rows, iou.rows);
    ASSERT_EQ(expected.cols, iou.cols);
    for (int i = 0; i < iou.rows; i++)
        for (int j = 0; j < iou.cols; j++)
            ASSERT_NEAR(expected.at<float>(i, j), iou.at<float>(i, j), atol + rtol * expected.at<float>(i, j));
}

TEST(D2Det_IoU_Shared, corners)
{
    SKIP_WITHOUT_SHARED();
    const std::string vector = "box_iou_xyxy_modern";
    cv::Mat iou;
    calculateIoU(goldenTensor(vector, "in_a"), goldenTensor(vector, "in_b"), iou, cv::d2det::BOX_XYXY);
    compareWithGolden(vector, iou);
}

TEST(D2Det_IoU_Shared, width_and_height_with_crowds)
{
    SKIP_WITHOUT_SHARED();
    const std::string vector = "box_iou_xywh";
    cv::Mat iou, crowd;
    goldenTensor(vector, "in_crowd").convertTo(crowd, CV_8U);
    calculateIoU(goldenTensor(vector, "in_a"), goldenTensor(vector, "in_b"), iou, cv::d2det::BOX_XYWH, crowd);
    compareWithGolden(vector, iou);
}

TEST(D2Det_IoU_Shared, legacy_kernel)
{
    SKIP_WITHOUT_SHARED();
    const std::string vector = "box_iou_xyxy_legacy";
    const cv::Mat a = goldenTensor(vector, "in_a"), b = goldenTensor(vector, "in_b");
    cv::Mat iou(a.rows, b.rows, CV_32F);
    for (int i = 0; i < a.rows; i++)
        for (int j = 0; j < b.rows; j++)
            iou.at<float>(i, j) = cv::d2det::kernels::boxIoU(a.ptr<float>(i), b.ptr<float>(j), true);
    compareWithGolden(vector, iou);
}

TEST(D2Det_IoU, by_hand_in_both_formats_and_types)
{
    const cv::Mat corners = cv::Mat(cv::Matx<double, 3, 4>(0, 0, 4, 4, 2, 0, 6, 4, 9, 9, 9, 9));
    const cv::Mat sizes = cv::Mat(cv::Matx<double, 3, 4>(0, 0, 4, 4, 2, 0, 4, 4, 9, 9, 0, 0));
    const double expected[3][3] = {{1, 8. / 24, 0}, {8. / 24, 1, 0}, {0, 0, 0}};
    for (const int depth : {CV_32F, CV_64F})
        for (const int format : {cv::d2det::BOX_XYXY, cv::d2det::BOX_XYWH})
        {
            cv::Mat boxes, iou;
            (format == cv::d2det::BOX_XYXY ? corners : sizes).convertTo(boxes, depth);
            calculateIoU(boxes, boxes, iou, format);
            ASSERT_EQ(depth, iou.type());
            iou.convertTo(iou, CV_64F);
            for (int i = 0; i < 9; i++)
                EXPECT_NEAR(expected[i / 3][i % 3], iou.at<double>(i / 3, i % 3), 1e-6);
        }
}

TEST(D2Det_IoU, crowd_divides_by_the_area_of_a_alone)
{
    const std::vector<cv::Rect2d> a = {{0, 0, 2, 2}}, b = {{0, 0, 10, 10}, {0, 0, 10, 10}};
    cv::Mat iou;
    calculateIoU(a, b, iou, cv::d2det::BOX_XYWH, std::vector<uchar>{0, 1});
    EXPECT_DOUBLE_EQ(0.04, iou.at<double>(0, 0));
    EXPECT_DOUBLE_EQ(1.0, iou.at<double>(0, 1));
    const cv::Mat c = cv::Mat(cv::Matx<float, 1, 4>(0, 0, 2, 2)), d = cv::Mat(cv::Matx<float, 1, 4>(1, 0, 9, 9));
    calculateIoU(c, d, iou, cv::d2det::BOX_XYXY, std::vector<uchar>{1});
    EXPECT_FLOAT_EQ(0.5f, iou.at<float>(0, 0));
}

TEST(D2Det_IoU, symmetric_bounded_and_blind_to_shifts)
{
    cv::RNG rng(21);
    cv::Mat a(300, 4, CV_64F), b(400, 4, CV_64F), ab, ba, moved;
    for (cv::Mat* boxes : {&a, &b})
        for (int i = 0; i < boxes->rows; i++)
            for (int j = 0; j < 2; j++)
            {
                boxes->at<double>(i, j) = rng.uniform(0, 50);
                boxes->at<double>(i, j + 2) = boxes->at<double>(i, j) + rng.uniform(0, 30);
            }
    calculateIoU(a, b, ab);
    calculateIoU(b, a, ba);
    EXPECT_EQ(0, cv::norm(ab, ba.t(), cv::NORM_INF));
    calculateIoU(a + 1024, b + 1024, moved);
    EXPECT_EQ(0, cv::norm(ab, moved, cv::NORM_INF));
    double low, high;
    cv::minMaxLoc(ab, &low, &high);
    EXPECT_GE(low, 0);
    EXPECT_LE(high, 1);
    EXPECT_GT(high, 0.5);
}

TEST(D2Det_IoU, part_of_a_matrix_and_nothing_at_all)
{
    cv::Mat wide(5, 9, CV_32F), iou, expected;
    cv::randu(wide, 0, 10);
    calculateIoU(wide.colRange(2, 6), wide.colRange(2, 6), iou);
    calculateIoU(wide.colRange(2, 6).clone(), wide.colRange(2, 6).clone(), expected);
    EXPECT_EQ(0, cv::norm(iou, expected, cv::NORM_INF));
    calculateIoU(cv::Mat(), wide.colRange(0, 4), iou);
    EXPECT_TRUE(iou.empty());
    calculateIoU(wide.colRange(0, 4), cv::Mat(0, 4, CV_32F), iou);
    EXPECT_TRUE(iou.empty());
    calculateIoU(cv::noArray(), cv::noArray(), iou);
    EXPECT_TRUE(iou.empty());
}

TEST(D2Det_IoU, wrong_input_is_refused)
{
    cv::Mat iou;
    const cv::Mat boxes = cv::Mat::zeros(3, 4, CV_32F);
    EXPECT_THROW(calculateIoU(cv::Mat::zeros(3, 5, CV_32F), boxes, iou), cv::Exception);
    EXPECT_THROW(calculateIoU(cv::Mat::zeros(3, 4, CV_32S), boxes, iou), cv::Exception);
    EXPECT_THROW(calculateIoU(boxes, cv::Mat::zeros(3, 4, CV_64F), iou), cv::Exception);
    EXPECT_THROW(calculateIoU(boxes, cv::Mat::zeros(3, 4, CV_32FC2), iou), cv::Exception);
    EXPECT_THROW(calculateIoU(boxes, boxes, iou, 2), cv::Exception);
    EXPECT_THROW(calculateIoU(boxes, boxes, iou, cv::d2det::BOX_XYXY, std::vector<uchar>(2)), cv::Exception);
    EXPECT_THROW(calculateIoU(boxes, boxes, iou, cv::d2det::BOX_XYXY, std::vector<float>(3)), cv::Exception);
    const int sizes[] = {2, 3, 4};
    EXPECT_THROW(calculateIoU(cv::Mat(3, sizes, CV_32F), boxes, iou), cv::Exception);
}

// ------------------------------------------------------------------ CocoEvaluator

enum Number
{
    AP,
    AP50,
    AP75,
    AP_SMALL,
    AP_MEDIUM,
    AP_LARGE,
    AR1,
    AR10,
    AR100,
    AR_SMALL,
    AR_MEDIUM,
    AR_LARGE,
    NUMBERS
};

//! The input of an evaluation, so that it can be shuffled before it is evaluated.
struct Dataset
{
    std::vector<int64> images, categories;
    std::vector<CocoEvaluator::GroundTruth> gts;
    std::vector<CocoEvaluator::Detection> detections;

    CocoEvaluator evaluator() const
    {
        CocoEvaluator result;
        result.setImages(images);
        result.setCategories(categories);
        for (const CocoEvaluator::GroundTruth& gt : gts)
            result.addGroundTruth(gt);
        for (const CocoEvaluator::Detection& detection : detections)
            result.addDetection(detection);
        return result;
    }

    std::vector<double> summarize(int iouType = cv::d2det::IOU_BOX) const { return evaluator().summarize(iouType); }

    void addGt(int64 image, int64 category, const cv::Rect2d& box, bool crowd = false)
    {
        gts.push_back({image, category, box, box.area(), crowd});
    }
};

//! Objects of all sizes, detections around them, false ones, some crowds; all scores distinct.
Dataset randomDataset(uint64 seed)
{
    cv::RNG rng(seed);
    Dataset data;
    data.images = {30, 4, 17, 9, 22};
    data.categories = {7, 3, 5};
    for (const int64 image : data.images)
        for (int i = 0; i < 12; i++)
        {
            const int64 category = data.categories[rng.uniform(0, 3)];
            const double side = rng.uniform(5., 150.);
            const cv::Rect2d box(rng.uniform(0., 300.), rng.uniform(0., 300.), side, side * rng.uniform(0.5, 2.));
            data.addGt(image, category, box, rng.uniform(0, 10) == 0);
            for (int copy = rng.uniform(0, 3); copy > 0; copy--)
            {
                const double noise = 0.2 * side;
                const cv::Rect2d found(box.x + rng.gaussian(noise), box.y + rng.gaussian(noise), box.width, box.height);
                data.detections.push_back({image, category, found, rng.uniform(0., 1.)});
            }
        }
    return data;
}

template <typename T>
void shuffle(std::vector<T>& values, cv::RNG& rng)
{
    for (size_t i = values.size(); i > 1; i--)
        std::swap(values[i - 1], values[rng.uniform(0, static_cast<int>(i))]);
}

cv::Rect2d readBox(const cv::FileNode& node)
{
    return cv::Rect2d(node[0], node[1], node[2], node[3]);
}

//! A "segmentation" of a COCO file: polygons, run lengths or a compressed string.
cv::d2det::Rle readMask(const cv::FileNode& node, const cv::Size& size)
{
    if (node.isSeq())
    {
        std::vector<std::vector<double>> polygons(node.size());
        for (size_t i = 0; i < polygons.size(); i++)
            node[static_cast<int>(i)] >> polygons[i];
        return cv::d2det::rleFromPolygons(polygons, size.height, size.width);
    }
    const cv::FileNode counts = node["counts"];
    EXPECT_EQ(size.height, static_cast<int>(node["size"][0]));
    EXPECT_EQ(size.width, static_cast<int>(node["size"][1]));
    if (counts.isString())
        return cv::d2det::rleFromString(static_cast<std::string>(counts), size.height, size.width);
    cv::d2det::Rle rle;
    rle.height = size.height;
    rle.width = size.width;
    for (const cv::FileNode& count : counts)
        rle.counts.push_back(static_cast<unsigned>(static_cast<int>(count)));
    return rle;
}

//! With masks everywhere. @param results "bbox" or "segm".
Dataset readDataset(const std::string& folder, const std::string& results)
{
    Dataset data;
    std::map<int64, cv::Size> sizes;
    const cv::FileStorage file(folder + "/dataset.json", cv::FileStorage::READ);
    for (const cv::FileNode& image : file["images"])
    {
        data.images.push_back(static_cast<int>(image["id"]));
        sizes[data.images.back()] = cv::Size(image["width"], image["height"]);
    }
    for (const cv::FileNode& category : file["categories"])
        data.categories.push_back(static_cast<int>(category["id"]));
    for (const cv::FileNode& a : file["annotations"])
    {
        const int64 image = static_cast<int>(a["image_id"]);
        data.gts.push_back({image, static_cast<int>(a["category_id"]), readBox(a["bbox"]),
                            static_cast<double>(a["area"]), static_cast<int>(a["iscrowd"]) != 0,
                            readMask(a["segmentation"], sizes.at(image))});
    }
    const cv::FileStorage resultFile(folder + "/results.json", cv::FileStorage::READ);
    for (const cv::FileNode& d : resultFile[results])
    {
        const int64 image = static_cast<int>(d["image_id"]), category = static_cast<int>(d["category_id"]);
        const double score = d["score"];
        if (results == "segm")
            data.detections.push_back({image, category, {}, score, readMask(d["segmentation"], sizes.at(image))});
        else
            data.detections.push_back({image, category, readBox(d["bbox"]), score});
    }
    return data;
}

class D2Det_Coco_Shared : public testing::TestWithParam<std::string>
{
};

TEST_P(D2Det_Coco_Shared, twelve_numbers)
{
    SKIP_WITHOUT_SHARED();
    const int iouType = GetParam() == "segm" ? cv::d2det::IOU_MASK : cv::d2det::IOU_BOX;
    const cv::FileStorage index(sharedPath("golden/index.json"), cv::FileStorage::READ);
    int sets = 0;
    for (const cv::FileNode& vector : index["vectors"])
    {
        if (static_cast<std::string>(vector["kind"]) != "eval")
            continue;
        const std::string folder = sharedPath("golden/" + static_cast<std::string>(vector["path"]));
        SCOPED_TRACE(folder);
        const cv::FileStorage file(folder + "/case.json", cv::FileStorage::READ);
        const CocoEvaluator evaluator = readDataset(folder, GetParam()).evaluator();
        const std::vector<double> numbers = evaluator.summarize(iouType);
        ASSERT_EQ(static_cast<size_t>(NUMBERS), numbers.size());
        for (int i = 0; i < NUMBERS; i++)
            EXPECT_NEAR(static_cast<double>(file[GetParam()][i]), numbers[i], 1e-9)
                << static_cast<std::string>(file["metrics"][i]);
        EXPECT_NEAR(numbers[AP50], evaluator.averagePrecision(0.5, iouType), 1e-12);
        EXPECT_NEAR(numbers[AP75], evaluator.averagePrecision(0.75, iouType), 1e-12);
        sets++;
    }
    EXPECT_GE(sets, 5);
}

INSTANTIATE_TEST_CASE_P(boxes_and_masks, D2Det_Coco_Shared, testing::Values("bbox", "segm"));

TEST(D2Det_Coco, one_hit_and_one_miss_by_hand)
{
    // Two objects; the best detection misses, the second finds one: precision 1/2 up to recall 1/2 = point 50.
    Dataset data;
    data.images = {1};
    data.categories = {1};
    data.addGt(1, 1, {0, 0, 10, 10});
    data.addGt(1, 1, {50, 50, 100, 100});
    data.detections = {{1, 1, {200, 0, 10, 10}, 0.9}, {1, 1, {0, 0, 10, 10}, 0.8}};
    const std::vector<double> numbers = data.summarize();
    const double half = 1. / (2 + std::numeric_limits<double>::epsilon());
    EXPECT_NEAR(half * 51 / 101, numbers[AP], 1e-12);
    EXPECT_NEAR(0.5, numbers[AR100], 1e-12);
    EXPECT_NEAR(0., numbers[AR1], 1e-12);
    EXPECT_NEAR(half, numbers[AP_SMALL], 1e-12);  // the miss is small too and counts
    EXPECT_EQ(-1., numbers[AP_MEDIUM]);
    EXPECT_EQ(0., numbers[AP_LARGE]);
    const std::vector<double> curve = data.evaluator().precisionCurve(1, 0.5);
    ASSERT_EQ(101u, curve.size());
    EXPECT_NEAR(half, curve[50], 1e-12);
    EXPECT_EQ(0., curve[51]);
    EXPECT_TRUE(data.evaluator().precisionCurve(2, 0.5).empty());
}

TEST(D2Det_Coco, recall_points_are_products_not_quotients)
{
    // 35 of 100 objects found: recall 35/100 = 0.35 is below the point 35 * 0.01 = 0.35000000000000003.
    Dataset data;
    data.images = {1};
    data.categories = {1};
    for (int i = 0; i < 100; i++)
        data.addGt(1, 1, cv::Rect2d(20 * i, 0, 10, 10));
    for (int i = 0; i < 35; i++)
        data.detections.push_back({1, 1, cv::Rect2d(20 * i, 0, 10, 10), 0.5});
    const std::vector<double> curve = data.evaluator().precisionCurve(1, 0.5);
    ASSERT_EQ(101u, curve.size());
    EXPECT_NEAR(1., curve[34], 1e-12);
    EXPECT_EQ(0., curve[35]);
}

TEST(D2Det_Coco, perfect_predictions_give_one)
{
    Dataset data = randomDataset(1);
    data.detections.clear();
    for (const CocoEvaluator::GroundTruth& gt : data.gts)
        data.detections.push_back({gt.imageId, gt.categoryId, gt.box, 0.5});
    const std::vector<double> numbers = data.summarize();
    for (const int i : {AP, AP50, AP75, AP_SMALL, AP_MEDIUM, AP_LARGE, AR100, AR_SMALL, AR_MEDIUM, AR_LARGE})
        EXPECT_NEAR(1., numbers[i], 1e-12) << i;
    for (const double ap : data.evaluator().perCategoryAP())
        EXPECT_NEAR(1., ap, 1e-12);
    EXPECT_NEAR(1., data.evaluator().averagePrecision(1.), 1e-12);
}

TEST(D2Det_Coco, nothing_found_and_nothing_to_find)
{
    Dataset data = randomDataset(2);
    Dataset nothingFound = data, nothingToFind = data;
    nothingFound.detections.clear();
    nothingToFind.gts.clear();
    EXPECT_EQ(std::vector<double>(NUMBERS, 0.), nothingFound.summarize());
    EXPECT_EQ(std::vector<double>(NUMBERS, -1.), nothingToFind.summarize());
    EXPECT_EQ(std::vector<double>(3, -1.), nothingToFind.evaluator().perCategoryAP());
    EXPECT_EQ(std::vector<double>(NUMBERS, -1.), CocoEvaluator().summarize());
    EXPECT_EQ(-1., CocoEvaluator().averagePrecision(0.5));
}

TEST(D2Det_Coco, order_of_input_and_threads_change_nothing)
{
    const int threads = cv::getNumThreads();
    for (int seed = 0; seed < 20; seed++)
    {
        Dataset data = randomDataset(seed);
        const std::vector<double> numbers = data.summarize(), byCategory = data.evaluator().perCategoryAP();
        cv::RNG rng(seed);
        shuffle(data.detections, rng);
        shuffle(data.images, rng);
        data.images.push_back(data.images[0]);  // twice is once
        cv::setNumThreads(1 + seed % 4);
        EXPECT_EQ(numbers, data.summarize());
        EXPECT_EQ(byCategory, data.evaluator().perCategoryAP());
        std::swap(data.categories[0], data.categories[2]);
        EXPECT_EQ(numbers, data.summarize());
        EXPECT_EQ((std::vector<double>{byCategory[2], byCategory[1], byCategory[0]}), data.evaluator().perCategoryAP());
    }
    cv::setNumThreads(threads);
}

TEST(D2Det_Coco, ap_is_the_mean_over_categories_and_thresholds)
{
    const CocoEvaluator evaluator = randomDataset(3).evaluator();
    const std::vector<double> byCategory = evaluator.perCategoryAP();
    const double ap = evaluator.summarize()[AP];
    EXPECT_GT(ap, 0.05);
    EXPECT_LT(ap, 0.95);
    EXPECT_NEAR(ap, std::accumulate(byCategory.begin(), byCategory.end(), 0.) / 3, 1e-12);
    double sum = 0;
    for (int i = 0; i < 10; i++)
        sum += evaluator.averagePrecision(i < 9 ? 0.5 + i * ((0.95 - 0.5) / 9) : 0.95);
    EXPECT_NEAR(ap, sum / 10, 1e-12);
}

TEST(D2Det_Coco, foreign_images_and_categories_are_left_out)
{
    Dataset data = randomDataset(4);
    const std::vector<double> numbers = data.summarize();
    data.addGt(1000, 7, {0, 0, 50, 50});
    data.addGt(30, 1000, {0, 0, 50, 50});
    data.detections.push_back({1000, 7, {0, 0, 50, 50}, 0.99});
    data.detections.push_back({30, 1000, {0, 0, 50, 50}, 0.99});
    EXPECT_EQ(numbers, data.summarize());
}

TEST(D2Det_Coco, crowds_forgive_any_number_of_detections_but_are_not_missed)
{
    Dataset data;
    data.images = {1};
    data.categories = {1};
    data.addGt(1, 1, {0, 0, 10, 10});
    data.addGt(1, 1, {100, 100, 200, 200}, true);
    data.detections = {{1, 1, {110, 110, 20, 20}, 0.95}, {1, 1, {150, 150, 20, 20}, 0.9}, {1, 1, {0, 0, 10, 10}, 0.5}};
    EXPECT_NEAR(1., data.summarize()[AP], 1e-12);
    data.gts.pop_back();
    EXPECT_NEAR(1. / 3, data.summarize()[AP], 1e-12);
    data.gts[0].crowd = true;
    EXPECT_EQ(-1., data.summarize()[AP]);
}

TEST(D2Det_Coco, ties_of_scores_go_by_image_id_then_input)
{
    Dataset data;
    data.images = {2, 1};
    data.categories = {1};
    data.addGt(2, 1, {0, 0, 10, 10});
    data.detections = {{2, 1, {0, 0, 10, 10}, 0.5}, {1, 1, {0, 0, 10, 10}, 0.5}};
    EXPECT_NEAR(0.5, data.summarize()[AP], 1e-12);  // image 1, where it is false, comes first
    data.gts[0].imageId = 1;
    EXPECT_NEAR(1., data.summarize()[AP], 1e-12);
    data.detections = {{1, 1, {50, 0, 10, 10}, 0.5}, {1, 1, {0, 0, 10, 10}, 0.5}};
    EXPECT_NEAR(0.5, data.summarize()[AP], 1e-12);
    EXPECT_EQ(0., data.summarize()[AR1]);
}

TEST(D2Det_Coco, only_a_hundred_detections_count)
{
    Dataset data;
    data.images = {1};
    data.categories = {1};
    data.addGt(1, 1, {0, 0, 10, 10});
    for (int i = 0; i < 99; i++)
        data.detections.push_back({1, 1, {500, 500, 10, 10}, 0.9});
    data.detections.push_back({1, 1, {0, 0, 10, 10}, 0.5});
    EXPECT_NEAR(1., data.summarize()[AR100], 1e-12);
    data.detections.push_back({1, 1, {500, 500, 10, 10}, 0.6});
    EXPECT_EQ(0., data.summarize()[AR100]);
}

TEST(D2Det_Coco, counting_objects_are_preferred_to_ignored_ones)
{
    // A crowd of higher IoU lies over the object: the detection still takes the object.
    Dataset data;
    data.images = {1};
    data.categories = {1};
    data.addGt(1, 1, {0, 0, 10, 6});
    data.addGt(1, 1, {0, 0, 10, 10}, true);
    data.detections = {{1, 1, {0, 0, 10, 10}, 0.5}};
    const CocoEvaluator evaluator = data.evaluator();
    EXPECT_NEAR(1., evaluator.averagePrecision(0.6), 1e-12);
    EXPECT_EQ(0., evaluator.averagePrecision(0.65));
}

TEST(D2Det_Coco, rows_of_numbers_are_the_same)
{
    const Dataset data = randomDataset(31);
    CocoEvaluator byRows;
    byRows.setImageIds(std::vector<double>(data.images.begin(), data.images.end()));
    byRows.setCategoryIds(std::vector<double>(data.categories.begin(), data.categories.end()));
    cv::Mat truth, found;
    for (const CocoEvaluator::GroundTruth& g : data.gts)
        truth.push_back(cv::Mat(cv::Matx<double, 1, 8>(double(g.imageId), double(g.categoryId), g.box.x, g.box.y,
                                                       g.box.width, g.box.height, g.area, g.crowd)));
    for (const CocoEvaluator::Detection& d : data.detections)
        found.push_back(cv::Mat(cv::Matx<double, 1, 7>(double(d.imageId), double(d.categoryId), d.box.x, d.box.y,
                                                       d.box.width, d.box.height, d.score)));
    byRows.addGroundTruths(truth);
    byRows.addDetections(found);
    EXPECT_EQ(data.summarize(), byRows.summarize());
    EXPECT_EQ(data.evaluator().vocAveragePrecision(), byRows.vocMeanAveragePrecision());
    byRows.addDetections(cv::Mat());  // nothing found
    EXPECT_EQ(data.detections.size(), byRows.detections().size());
}

TEST(D2Det_Coco, rows_carry_masks)
{
    cv::Mat pixels(20, 30, CV_8U, cv::Scalar(0));
    pixels(cv::Rect(3, 4, 10, 10)).setTo(1);
    const cv::d2det::Rle mask = cv::d2det::rleEncode(pixels);
    CocoEvaluator evaluator;
    evaluator.setImageIds({1});
    evaluator.setCategoryIds({2});
    evaluator.addGroundTruths(cv::Mat(cv::Matx<float, 1, 8>(1, 2, 0, 0, 1, 1, 100, 0)), {mask});
    evaluator.addDetections(cv::Mat(cv::Matx<float, 1, 7>(1, 2, 8, 8, 1, 1, 0.5f)), {mask});
    EXPECT_NEAR(1., evaluator.averagePrecision(0.5, cv::d2det::IOU_MASK), 1e-12);
    EXPECT_EQ(0., evaluator.averagePrecision(0.5, cv::d2det::IOU_BOX));
}

TEST(D2Det_Coco, wrong_rows_are_refused)
{
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CocoEvaluator evaluator;
    for (const double id : {0.5, 1e17, nan})
    {
        EXPECT_THROW(evaluator.setImageIds({id}), cv::Exception);
        EXPECT_THROW(evaluator.setCategoryIds({id}), cv::Exception);
        EXPECT_THROW(evaluator.addGroundTruths(cv::Mat(cv::Matx<double, 1, 8>(id, 1, 0, 0, 1, 1, 1, 0))),
                     cv::Exception);
        EXPECT_THROW(evaluator.addDetections(cv::Mat(cv::Matx<double, 1, 7>(1, id, 0, 0, 1, 1, 1))), cv::Exception);
    }
    EXPECT_THROW(evaluator.addGroundTruths(cv::Mat(cv::Matx<double, 1, 8>(1, 1, 0, 0, 1, 1, 1, 2))), cv::Exception);
    EXPECT_THROW(evaluator.addGroundTruths(cv::Mat(3, 7, CV_64F, cv::Scalar(1))), cv::Exception);
    EXPECT_THROW(evaluator.addDetections(cv::Mat(3, 7, CV_64FC2, cv::Scalar(1))), cv::Exception);
    EXPECT_THROW(evaluator.addDetections(cv::Mat(3, 7, CV_64F, cv::Scalar(1)), std::vector<cv::d2det::Rle>(2)),
                 cv::Exception);
}

TEST(D2Det_Coco, wrong_input_is_refused)
{
    CocoEvaluator evaluator;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THROW(evaluator.addGroundTruth({1, 1, {0, 0, nan, 1}, 1, false}), cv::Exception);
    EXPECT_THROW(evaluator.addGroundTruth({1, 1, {0, 0, 1, 1}, nan, false}), cv::Exception);
    EXPECT_THROW(evaluator.addDetection({1, 1, {0, nan, 1, 1}, 0.5}), cv::Exception);
    EXPECT_THROW(evaluator.addDetection({1, 1, {0, 0, 1, 1}, nan}), cv::Exception);
    EXPECT_THROW(evaluator.averagePrecision(0.), cv::Exception);
    EXPECT_THROW(evaluator.averagePrecision(1.5), cv::Exception);
    EXPECT_THROW(evaluator.precisionCurve(1, nan), cv::Exception);
}

TEST(D2Det_Coco, thousands_of_images)
{
    cv::RNG rng(5);
    Dataset data;
    data.categories.resize(80);
    std::iota(data.categories.begin(), data.categories.end(), 1);
    for (int64 image = 0; image < 5000; image++)
    {
        data.images.push_back(image);
        for (int i = 0; i < 35; i++)
        {
            const int64 category = rng.uniform(1, 81);
            const cv::Rect2d box(rng.uniform(0, 500), rng.uniform(0, 500), rng.uniform(5, 200), rng.uniform(5, 200));
            data.addGt(image, category, box);
            data.detections.push_back({image, category, box, rng.uniform(0., 1.)});
        }
        for (int i = 0; i < 20; i++)
            data.detections.push_back({image, rng.uniform(1, 81), {0, 0, 30, 30}, rng.uniform(0., 0.5)});
    }
    const std::vector<double> numbers = data.summarize();
    EXPECT_NEAR(1., numbers[AR100], 0.01);
    EXPECT_GT(numbers[AP], 0.5);
    EXPECT_LT(numbers[AP], 1.);
}

// ------------------------------------------------------------------ masks

using cv::d2det::IOU_BOX;
using cv::d2det::IOU_MASK;

constexpr int CANVAS = 480;  //!< side of the images of the sets below

//! Mask of a rectangle on whole pixels.
cv::d2det::Rle rectangleMask(const cv::Rect& rect, int side = CANVAS)
{
    cv::Mat mask = cv::Mat::zeros(side, side, CV_8UC1);
    mask(rect & cv::Rect(0, 0, side, side)).setTo(1);
    return cv::d2det::rleEncode(mask);
}

//! Rounds all boxes to whole pixels inside the image and gives everything the mask of its box.
Dataset withRectangleMasks(Dataset data)
{
    const auto snap = [](cv::Rect2d& box, cv::d2det::Rle& mask)
    {
        const cv::Rect pixels =
            cv::Rect(cv::Point(cvRound(box.x), cvRound(box.y)), cv::Size(cvRound(box.width), cvRound(box.height))) &
            cv::Rect(0, 0, CANVAS, CANVAS);
        box = pixels;
        mask = rectangleMask(pixels);
    };
    for (CocoEvaluator::GroundTruth& gt : data.gts)
        snap(gt.box, gt.mask);
    for (CocoEvaluator::Detection& detection : data.detections)
        snap(detection.box, detection.mask);
    return data;
}

TEST(D2Det_CocoMasks, masks_of_rectangles_are_judged_like_boxes)
{
    for (int seed = 0; seed < 5; seed++)
    {
        const CocoEvaluator evaluator = withRectangleMasks(randomDataset(seed)).evaluator();
        const std::vector<double> boxes = evaluator.summarize();
        EXPECT_GT(boxes[AP], 0.05);
        EXPECT_EQ(boxes, evaluator.summarize(IOU_MASK));
        EXPECT_EQ(evaluator.perCategoryAP(), evaluator.perCategoryAP(IOU_MASK));
        EXPECT_EQ(evaluator.averagePrecision(0.6), evaluator.averagePrecision(0.6, IOU_MASK));
        EXPECT_EQ(evaluator.precisionCurve(3, 0.7), evaluator.precisionCurve(3, 0.7, IOU_MASK));
        EXPECT_EQ(evaluator.vocAveragePrecision(),
                  evaluator.vocAveragePrecision(0.5, cv::d2det::VOC_2010, -1, IOU_MASK));
    }
}

TEST(D2Det_CocoMasks, masks_count_and_not_boxes)
{
    Dataset data;
    data.images = {1};
    data.categories = {1};
    data.gts = {{1, 1, {0, 0, 10, 10}, 50, false, rectangleMask({0, 0, 10, 5})}};
    data.detections = {{1, 1, {0, 0, 10, 10}, 0.5, rectangleMask({0, 5, 10, 5})}};
    EXPECT_NEAR(1., data.summarize()[AP], 1e-12);
    EXPECT_EQ(0., data.summarize(IOU_MASK)[AP]);
    data.detections[0].mask = rectangleMask({0, 0, 10, 4});
    data.detections[0].box = {300, 300, 1, 1};
    const CocoEvaluator evaluator = data.evaluator();
    EXPECT_NEAR(1., evaluator.averagePrecision(0.8, IOU_MASK), 1e-12);
    EXPECT_EQ(0., evaluator.averagePrecision(0.81, IOU_MASK));
    EXPECT_EQ(0., evaluator.averagePrecision(0.5));
}

TEST(D2Det_CocoMasks, areas_of_detections_are_pixels_of_ground_truth_the_given_number)
{
    // An unmatched detection with a large box and a small mask counts only among small objects.
    Dataset data;
    data.images = {1};
    data.categories = {1};
    data.gts = {{1, 1, {0, 0, 20, 20}, 400, false, rectangleMask({0, 0, 20, 20})},
                {1, 1, {100, 100, 40, 40}, 20000, false, rectangleMask({100, 100, 40, 40})}};
    data.detections = {{1, 1, {200, 200, 200, 200}, 0.9, rectangleMask({200, 200, 10, 10})},
                       {1, 1, {0, 0, 20, 20}, 0.8, rectangleMask({0, 0, 20, 20})},
                       {1, 1, {100, 100, 40, 40}, 0.7, rectangleMask({100, 100, 40, 40})}};
    const std::vector<double> numbers = data.summarize(IOU_MASK);
    EXPECT_NEAR(0.5, numbers[AP_SMALL], 1e-12);
    EXPECT_EQ(-1., numbers[AP_MEDIUM]);
    EXPECT_NEAR(1., numbers[AP_LARGE], 1e-12);
    EXPECT_NEAR(0.5, data.summarize()[AP_LARGE], 1e-12);
}

TEST(D2Det_CocoMasks, crowds_ties_and_the_limit_of_a_hundred)
{
    Dataset data;
    data.images = {2, 1};
    data.categories = {1};
    data.gts = {{1, 1, {}, 100, false, rectangleMask({0, 0, 10, 10})},
                {1, 1, {}, 40000, true, rectangleMask({100, 100, 200, 200})},
                {2, 1, {}, 100, false, rectangleMask({50, 50, 10, 10})}};
    data.detections = {{1, 1, {}, 0.9, rectangleMask({110, 110, 20, 20})},
                       {1, 1, {}, 0.9, rectangleMask({150, 150, 20, 20})},
                       {2, 1, {}, 0.5, rectangleMask({300, 300, 10, 10})},
                       {2, 1, {}, 0.5, rectangleMask({50, 50, 10, 10})},
                       {1, 1, {}, 0.5, rectangleMask({0, 0, 10, 10})}};
    // Image 1 first; then the false one of image 2, which was added first: precision 1 up to recall 1/2, then 2/3.
    EXPECT_NEAR((51 + 50 * 2. / 3) / 101, data.summarize(IOU_MASK)[AP], 1e-9);
    for (int i = 0; i < 99; i++)
        data.detections.push_back({1, 1, {}, 0.6, rectangleMask({400, 400, 10, 10})});
    EXPECT_NEAR(0.5, data.summarize(IOU_MASK)[AR100], 1e-12) << "the detection of the object is number 102";
}

TEST(D2Det_CocoMasks, nothing_found_and_nothing_to_find)
{
    Dataset nothingFound = withRectangleMasks(randomDataset(2)), nothingToFind = nothingFound;
    nothingFound.detections.clear();
    nothingToFind.gts.clear();
    EXPECT_EQ(std::vector<double>(NUMBERS, 0.), nothingFound.summarize(IOU_MASK));
    EXPECT_EQ(std::vector<double>(NUMBERS, -1.), nothingToFind.summarize(IOU_MASK));
    EXPECT_EQ(-1., CocoEvaluator().averagePrecision(0.5, IOU_MASK));

    // A mask without a pixel meets nothing, not even its like.
    Dataset empty;
    empty.images = {1};
    empty.categories = {1};
    empty.gts = {{1, 1, {}, 0, false, rectangleMask({})}};
    empty.detections = {{1, 1, {}, 0.5, rectangleMask({})}};
    EXPECT_EQ(0., empty.summarize(IOU_MASK)[AP]);
}

TEST(D2Det_CocoMasks, wrong_input_is_refused)
{
    Dataset data;
    data.images = {1};
    data.categories = {1};
    data.gts = {{1, 1, {0, 0, 10, 10}, 100, false, rectangleMask({0, 0, 10, 10})}};
    data.detections = {{1, 1, {0, 0, 10, 10}, 0.5}};
    EXPECT_NEAR(1., data.summarize()[AP], 1e-12);
    EXPECT_THROW(data.summarize(IOU_MASK), cv::Exception) << "no mask";
    EXPECT_THROW(data.summarize(2), cv::Exception);
    EXPECT_THROW(data.evaluator().matches(0.5, -1), cv::Exception);
    data.detections[0].mask = rectangleMask({0, 0, 10, 10}, CANVAS / 2);
    EXPECT_THROW(data.summarize(IOU_MASK), cv::Exception) << "another size";
    data.detections[0].mask.counts.push_back(1);
    EXPECT_THROW(data.evaluator(), cv::Exception) << "runs that do not add up";
    data.gts[0].mask.counts.clear();
    EXPECT_THROW(CocoEvaluator().addGroundTruth(data.gts[0]), cv::Exception);
}

// ------------------------------------------------------------------ properties

//! Ground truths of a set as detections, each moved by up to `jitter` of its size, with distinct random scores.
std::vector<CocoEvaluator::Detection> jittered(const Dataset& data, double jitter, cv::RNG& rng)
{
    std::vector<CocoEvaluator::Detection> detections;
    for (const CocoEvaluator::GroundTruth& gt : data.gts)
    {
        const double dx = rng.uniform(-1., 1.) * jitter * gt.box.width;
        const double dy = rng.uniform(-1., 1.) * jitter * gt.box.height;
        const cv::Rect2d box(gt.box.x + dx, gt.box.y + dy, gt.box.width, gt.box.height);
        detections.push_back({gt.imageId, gt.categoryId, box, rng.uniform(0., 1.)});
    }
    return detections;
}

TEST(D2Det_CocoProperties, order_of_input_changes_nothing_with_masks)
{
    for (int seed = 0; seed < 5; seed++)
    {
        Dataset data = withRectangleMasks(randomDataset(seed));
        const std::vector<double> numbers = data.summarize(IOU_MASK);
        const double voc = data.evaluator().vocAveragePrecision();
        cv::RNG rng(seed + 100);
        shuffle(data.detections, rng);
        EXPECT_EQ(numbers, data.summarize(IOU_MASK));
        EXPECT_EQ(voc, data.evaluator().vocAveragePrecision());
    }
}

TEST(D2Det_CocoProperties, perfect_detections_give_one)
{
    for (int seed = 0; seed < 5; seed++)
    {
        cv::RNG rng(seed);
        Dataset data = randomDataset(seed);
        data.detections = jittered(data, 0, rng);
        data = withRectangleMasks(data);
        for (const int iouType : {IOU_BOX, IOU_MASK})
        {
            const CocoEvaluator evaluator = data.evaluator();
            const std::vector<double> numbers = evaluator.summarize(iouType);
            for (const int number : {AP, AP50, AP75, AR100})
                EXPECT_NEAR(1., numbers[number], 1e-12);
            for (const int rule : {cv::d2det::VOC_2007, cv::d2det::VOC_2010})
                EXPECT_NEAR(1., evaluator.vocAveragePrecision(0.95, rule, -1, iouType), 1e-12);
        }
    }
}

double rectIoU(const cv::Rect2d& a, const cv::Rect2d& b)
{
    const double both = (a & b).area();
    return both / (a.area() + b.area() - both);
}

TEST(D2Det_CocoProperties, without_a_true_positive_ap_never_rises)
{
    int dropped = 0, droppedOfVoc = 0;
    for (int seed = 0; seed < 40; seed++)
    {
        const Dataset data = randomDataset(seed);
        const CocoEvaluator evaluator = data.evaluator();
        const double coco = evaluator.averagePrecision(0.5), voc = evaluator.vocAveragePrecision();
        for (const CocoEvaluator::Match& match : evaluator.matches(0.5))
        {
            if (match.groundTruthIndex < 0 || match.ignored)
                continue;
            // A wrong detection that takes over the object would make AP rise: left out.
            Dataset less = data;
            const int64 image = match.imageId, category = match.categoryId;
            const auto rival = [&](const CocoEvaluator::Detection& d)
            { return d.imageId == image && d.categoryId == category && d.score < match.score; };
            less.detections.erase(less.detections.begin() + match.detectionIndex);
            if (std::any_of(less.detections.begin(), less.detections.end(), rival))
                continue;
            EXPECT_LE(less.evaluator().averagePrecision(0.5), coco + 1e-12);
            dropped++;
            // By VOC's rule it is right only if the object is the one that it overlaps most, and taken by no other.
            const cv::Rect2d& object = data.gts[match.groundTruthIndex].box;
            const auto overlapsMost = [&](const CocoEvaluator::Detection& d)
            {
                return d.imageId == image && d.categoryId == category &&
                       std::none_of(data.gts.begin(), data.gts.end(),
                                    [&](const CocoEvaluator::GroundTruth& gt)
                                    {
                                        return gt.imageId == image && gt.categoryId == category &&
                                               (gt.crowd || rectIoU(d.box, gt.box) > rectIoU(d.box, object));
                                    });
            };
            if (!overlapsMost(data.detections[match.detectionIndex]) ||
                std::any_of(less.detections.begin(), less.detections.end(), overlapsMost))
                continue;
            EXPECT_LE(less.evaluator().vocAveragePrecision(), voc + 1e-12);
            droppedOfVoc++;
        }
    }
    EXPECT_GT(dropped, 100);
    EXPECT_GT(droppedOfVoc, 10);
}

TEST(D2Det_CocoProperties, ap_falls_as_boxes_move_away)
{
    double lastCoco = 2, lastVoc = 2;
    for (const double jitter : {0., 0.05, 0.1, 0.2, 0.4})
    {
        double coco = 0, voc = 0;
        for (int seed = 0; seed < 10; seed++)
        {
            cv::RNG rng(seed);
            Dataset data = randomDataset(seed);
            data.detections = jittered(data, jitter, rng);
            coco += data.summarize()[AP] / 10;
            voc += data.evaluator().vocAveragePrecision(0.7) / 10;
        }
        EXPECT_LT(coco, lastCoco - 0.02) << jitter;
        EXPECT_LE(voc, lastVoc) << jitter;  // the smallest jitter leaves every IoU above 0.7
        lastCoco = coco;
        lastVoc = voc;
    }
    EXPECT_LT(lastCoco, 0.2);
    EXPECT_LT(lastVoc, 0.2);
}

// ------------------------------------------------------------------ Pascal VOC

using cv::d2det::VOC_2007;
using cv::d2det::VOC_2010;

//! Three objects, detections right, wrong, right, wrong in order of score.
Dataset vocExample()
{
    Dataset data;
    data.images = {1, 2};
    data.categories = {1};
    data.addGt(1, 1, {0, 0, 10, 10});
    data.addGt(1, 1, {100, 0, 10, 10});
    data.addGt(2, 1, {0, 0, 10, 10});
    data.detections = {{1, 1, {0, 0, 10, 10}, 0.9},
                       {2, 1, {50, 50, 10, 10}, 0.8},
                       {2, 1, {0, 0, 10, 10}, 0.7},
                       {1, 1, {200, 0, 10, 10}, 0.6}};
    return data;
}

TEST(D2Det_Voc, by_hand)
{
    // Recall 1/3 2/3 2/3.. at precision 1, 2/3: of the eleven points 4 lie up to 1/3 and 3 more (0.4 0.5 0.6) up to
    // 2/3.
    const CocoEvaluator evaluator = vocExample().evaluator();
    EXPECT_NEAR((1 + 2. / 3) / 3, evaluator.vocAveragePrecision(0.5, VOC_2010), 1e-12);
    EXPECT_NEAR((4 + 3 * 2. / 3) / 11, evaluator.vocAveragePrecision(0.5, VOC_2007), 1e-12);
    EXPECT_EQ(evaluator.vocAveragePrecision(), evaluator.vocAveragePrecision(0.5, VOC_2010, 1));
}

TEST(D2Det_Voc, recall_on_a_tenth_counts)
{
    // 3 of 10 found without a mistake: recall 0.3 reaches the points 0, 0.1, 0.2 and 0.3.
    Dataset data;
    data.images = {1};
    data.categories = {1};
    for (int i = 0; i < 10; i++)
        data.addGt(1, 1, {20. * i, 0, 10, 10});
    for (int i = 0; i < 3; i++)
        data.detections.push_back({1, 1, {20. * i, 0, 10, 10}, 0.5});
    EXPECT_NEAR(4. / 11, data.evaluator().vocAveragePrecision(0.5, VOC_2007), 1e-12);
    EXPECT_NEAR(3. / 10, data.evaluator().vocAveragePrecision(0.5, VOC_2010), 1e-12);
}

TEST(D2Det_Voc, the_second_detection_of_an_object_is_wrong)
{
    // Also where another object could be had: each detection belongs to the one of the highest IoU.
    Dataset data;
    data.images = {1};
    data.categories = {1};
    data.addGt(1, 1, {0, 0, 10, 10});
    data.addGt(1, 1, {2, 0, 10, 10});
    data.detections = {{1, 1, {0, 0, 10, 10}, 0.9}, {1, 1, {0.5, 0, 10, 10}, 0.8}};
    const CocoEvaluator evaluator = data.evaluator();
    EXPECT_NEAR(0.5, evaluator.vocAveragePrecision(0.5), 1e-12);
    EXPECT_NEAR(1., evaluator.averagePrecision(0.5), 1e-12) << "COCO gives it the other one";
}

TEST(D2Det_Voc, difficult_objects_do_not_count)
{
    Dataset data = vocExample();
    data.gts[2].crowd =
        true;  // the third detection is neither right nor wrong: right, wrong, wrong; one of two objects
    EXPECT_NEAR(0.5, data.evaluator().vocAveragePrecision(), 1e-12);
    EXPECT_NEAR(6. / 11, data.evaluator().vocAveragePrecision(0.5, VOC_2007), 1e-12);
    // The IoU of a difficult object is the plain one: a small box inside it is wrong.
    data.gts[2].box = {0, 0, 100, 100};
    data.detections = {{2, 1, {10, 10, 10, 10}, 0.9}, {1, 1, {0, 0, 10, 10}, 0.8}};
    EXPECT_NEAR(0.25, data.evaluator().vocAveragePrecision(), 1e-12);
    for (CocoEvaluator::GroundTruth& gt : data.gts)
        gt.crowd = true;
    EXPECT_EQ(-1., data.evaluator().vocAveragePrecision());
}

TEST(D2Det_Voc, threshold_is_reached_by_equality_and_no_detection_is_cut_off)
{
    Dataset data;
    data.images = {1};
    data.categories = {1, 2, 3};
    data.addGt(1, 1, {0, 0, 10, 10});
    for (int i = 0; i < 150; i++)
        data.detections.push_back({1, 1, {500, 500, 10, 10}, 0.9});
    data.detections.push_back({1, 1, {0, 0, 10, 5}, 0.5});
    const CocoEvaluator evaluator = data.evaluator();
    EXPECT_NEAR(1. / 151, evaluator.vocAveragePrecision(0.5), 1e-12);
    EXPECT_EQ(0., evaluator.vocAveragePrecision(0.5001));
    data.addGt(1, 2, {0, 0, 10, 10});
    EXPECT_NEAR(0.5 / 151, data.evaluator().vocAveragePrecision(0.5), 1e-12) << "mean over categories with objects";
    EXPECT_EQ(0., data.evaluator().vocAveragePrecision(0.5, VOC_2010, 2));
    EXPECT_EQ(-1., data.evaluator().vocAveragePrecision(0.5, VOC_2010, 3));
    EXPECT_THROW(evaluator.vocAveragePrecision(0.), cv::Exception);
    EXPECT_THROW(evaluator.vocAveragePrecision(0.5, 2), cv::Exception);
    EXPECT_THROW(evaluator.vocAveragePrecision(0.5, VOC_2010, -1, 7), cv::Exception);
}

// ------------------------------------------------------------------ matches

TEST(D2Det_Matches, by_hand)
{
    Dataset data;
    data.images = {7, 5};
    data.categories = {2, 1};
    data.addGt(7, 1, {0, 0, 10, 10});
    data.addGt(5, 1, {0, 0, 10, 10});
    data.addGt(5, 1, {100, 100, 100, 100}, true);
    data.detections = {{7, 2, {0, 0, 5, 5}, 0.3},       // category without an object
                       {5, 1, {0, 0, 10, 8}, 0.4},      // right, IoU 0.8
                       {5, 1, {0, 0, 10, 6}, 0.2},      // second one
                       {5, 1, {110, 110, 5, 5}, 0.9},   // in the crowd
                       {9, 1, {0, 0, 10, 10}, 1.0},     // foreign image
                       {7, 1, {50, 50, 10, 10}, 0.5}};  // meets nothing
    const CocoEvaluator evaluator = data.evaluator();
    const std::vector<CocoEvaluator::Match> matches = evaluator.matches(0.5);
    const CocoEvaluator::Match expected[] = {{5, 1, 0.9, 3, 2, 1.0, true},
                                             {5, 1, 0.4, 1, 1, 0.8, false},
                                             {5, 1, 0.2, 2, -1, 0.6, false},
                                             {7, 1, 0.5, 5, -1, 0.0, false},
                                             {7, 2, 0.3, 0, -1, 0.0, false}};
    ASSERT_EQ(5u, matches.size());
    for (size_t i = 0; i < matches.size(); i++)
    {
        SCOPED_TRACE(i);
        EXPECT_EQ(expected[i].imageId, matches[i].imageId);
        EXPECT_EQ(expected[i].categoryId, matches[i].categoryId);
        EXPECT_EQ(expected[i].score, matches[i].score);
        EXPECT_EQ(expected[i].detectionIndex, matches[i].detectionIndex);
        EXPECT_EQ(expected[i].groundTruthIndex, matches[i].groundTruthIndex);
        EXPECT_NEAR(expected[i].iou, matches[i].iou, 1e-12);
        EXPECT_EQ(expected[i].ignored, matches[i].ignored);
    }
    EXPECT_EQ(3u, evaluator.groundTruths().size());
    EXPECT_EQ(6u, evaluator.detections().size());
    EXPECT_EQ(1.0, evaluator.detections()[4].score);
    EXPECT_THROW(evaluator.matches(0.), cv::Exception);
}

TEST(D2Det_Matches, agree_with_recall_and_stop_at_a_hundred)
{
    for (int seed = 0; seed < 10; seed++)
    {
        const CocoEvaluator evaluator = withRectangleMasks(randomDataset(seed)).evaluator();
        for (const int iouType : {IOU_BOX, IOU_MASK})
        {
            std::map<int64, int> found, objects;
            for (const CocoEvaluator::Match& match : evaluator.matches(0.75, iouType))
                found[match.categoryId] += match.groundTruthIndex >= 0 && !match.ignored;
            for (const CocoEvaluator::GroundTruth& gt : evaluator.groundTruths())
                objects[gt.categoryId] += !gt.crowd;
            for (const auto& category : objects)
            {
                // The curve falls to 0 behind the highest recall.
                const std::vector<double> curve = evaluator.precisionCurve(category.first, 0.75, iouType);
                const double recall = double(found[category.first]) / category.second;
                for (int point = 0; point <= 100; point++)
                    EXPECT_EQ(point * 0.01 <= recall && recall > 0, curve[point] > 0) << point;
            }
        }
    }
    Dataset crowded;
    crowded.images = {1};
    crowded.categories = {1};
    for (int i = 0; i < 130; i++)
        crowded.detections.push_back({1, 1, {0, 0, 10, 10}, i / 200.});
    const std::vector<CocoEvaluator::Match> matches = crowded.evaluator().matches(0.5);
    ASSERT_EQ(100u, matches.size());
    EXPECT_EQ(129, matches.front().detectionIndex);
    EXPECT_EQ(30, matches.back().detectionIndex);
}

}  // namespace
}  // namespace opencv_test
