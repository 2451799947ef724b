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
    const cv::Mat corners = (cv::Mat_<double>(3, 4) << 0, 0, 4, 4, 2, 0, 6, 4, 9, 9, 9, 9);
    const cv::Mat sizes = (cv::Mat_<double>(3, 4) << 0, 0, 4, 4, 2, 0, 4, 4, 9, 9, 0, 0);
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
    const cv::Mat c = (cv::Mat_<float>(1, 4) << 0, 0, 2, 2), d = (cv::Mat_<float>(1, 4) << 1, 0, 9, 9);
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

    std::vector<double> summarize() const { return evaluator().summarize(); }

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

Dataset readDataset(const std::string& folder)
{
    Dataset data;
    const cv::FileStorage file(folder + "/dataset.json", cv::FileStorage::READ);
    for (const cv::FileNode& image : file["images"])
        data.images.push_back(static_cast<int>(image["id"]));
    for (const cv::FileNode& category : file["categories"])
        data.categories.push_back(static_cast<int>(category["id"]));
    for (const cv::FileNode& a : file["annotations"])
        data.gts.push_back({static_cast<int>(a["image_id"]), static_cast<int>(a["category_id"]), readBox(a["bbox"]),
                            static_cast<double>(a["area"]), static_cast<int>(a["iscrowd"]) != 0});
    const cv::FileStorage results(folder + "/results.json", cv::FileStorage::READ);
    for (const cv::FileNode& d : results["bbox"])
        data.detections.push_back({static_cast<int>(d["image_id"]), static_cast<int>(d["category_id"]),
                                   readBox(d["bbox"]), static_cast<double>(d["score"])});
    return data;
}

TEST(D2Det_Coco_Shared, twelve_numbers)
{
    SKIP_WITHOUT_SHARED();
    const cv::FileStorage index(sharedPath("golden/index.json"), cv::FileStorage::READ);
    int sets = 0;
    for (const cv::FileNode& vector : index["vectors"])
    {
        if (static_cast<std::string>(vector["kind"]) != "eval")
            continue;
        const std::string folder = sharedPath("golden/" + static_cast<std::string>(vector["path"]));
        SCOPED_TRACE(folder);
        const cv::FileStorage file(folder + "/case.json", cv::FileStorage::READ);
        const CocoEvaluator evaluator = readDataset(folder).evaluator();
        const std::vector<double> numbers = evaluator.summarize();
        ASSERT_EQ(static_cast<size_t>(NUMBERS), numbers.size());
        for (int i = 0; i < NUMBERS; i++)
            EXPECT_NEAR(static_cast<double>(file["bbox"][i]), numbers[i], 1e-9)
                << static_cast<std::string>(file["metrics"][i]);
        EXPECT_NEAR(numbers[AP50], evaluator.averagePrecision(0.5), 1e-12);
        EXPECT_NEAR(numbers[AP75], evaluator.averagePrecision(0.75), 1e-12);
        sets++;
    }
    EXPECT_GE(sets, 5);
}

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

}  // namespace
}  // namespace opencv_test
