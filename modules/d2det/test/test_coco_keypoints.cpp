// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* CocoEvaluator for keypoints: vectors of COCO's own code, numbers worked out by hand, errors. Contract:
   operators.md 6. */

#include "test_precomp.hpp"

#include "opencv2/d2det/metrics.hpp"

#include "coco_keypoints_vectors.hpp"

#include <limits>

namespace opencv_test
{
namespace
{

using cv::d2det::CocoEvaluator;
using cv::d2det::IOU_KEYPOINTS;
using Vector = d2det_test::CocoKeypointsVector;

enum Change
{
    NOTHING,
    NO_COUNTS,  //!< num_keypoints of the file are not used
    NO_BOXES    //!< of results
};

std::vector<cv::Vec3d> pointsOf(const std::vector<double>& row, size_t first, size_t step)
{
    std::vector<cv::Vec3d> points;
    for (size_t i = first; i < row.size(); i += step)
        points.emplace_back(row[i], row[i + 1], step == 3 ? row[i + 2] : 1);
    return points;
}

CocoEvaluator evaluatorOf(const Vector& vector, Change change = NOTHING)
{
    CocoEvaluator evaluator;
    evaluator.setImages({vector.images.begin(), vector.images.end()});
    evaluator.setCategories({vector.categories.begin(), vector.categories.end()});
    evaluator.setKeypointSigmas(vector.sigmas);
    for (const std::vector<double>& row : vector.objects)
    {
        CocoEvaluator::GroundTruth object;
        object.imageId = static_cast<int64>(row[0]);
        object.categoryId = static_cast<int64>(row[1]);
        object.box = cv::Rect2d(row[2], row[3], row[4], row[5]);
        object.area = row[6];
        object.crowd = row[7] != 0;
        object.numKeypoints = change == NO_COUNTS ? -1 : static_cast<int>(row[8]);
        object.keypoints = pointsOf(row, 9, 3);
        evaluator.addGroundTruth(object);
    }
    for (const std::vector<double>& row : vector.detections)
    {
        CocoEvaluator::Detection detection;
        detection.imageId = static_cast<int64>(row[0]);
        detection.categoryId = static_cast<int64>(row[1]);
        detection.score = row[2];
        if (change != NO_BOXES)
            detection.box = cv::Rect2d(row[3], row[4], row[5], row[6]);
        detection.keypoints = pointsOf(row, 7, 2);
        evaluator.addDetection(detection);
    }
    return evaluator;
}

double difference(const std::vector<double>& a, const std::vector<double>& b)
{
    return cv::norm(a, b, cv::NORM_INF);
}

TEST(D2Det_CocoKeypoints, numbers_of_cocos_own_code)
{
    for (const Vector& vector : d2det_test::cocoKeypointsVectors())
    {
        SCOPED_TRACE(vector.name);
        const CocoEvaluator evaluator = evaluatorOf(vector);
        const std::vector<double> numbers = evaluator.summarize(IOU_KEYPOINTS);
        ASSERT_EQ(vector.summary.size(), numbers.size());
        for (size_t i = 0; i < numbers.size(); i++)
            EXPECT_NEAR(vector.summary[i], numbers[i], 1e-9) << i;
        const std::vector<double> byCategory = evaluator.perCategoryAP(IOU_KEYPOINTS);
        ASSERT_EQ(vector.categoryAP.size(), byCategory.size());
        for (size_t i = 0; i < byCategory.size(); i++)
            EXPECT_NEAR(vector.categoryAP[i], byCategory[i], 1e-9) << i;
        EXPECT_NEAR(vector.summary[1], evaluator.averagePrecision(0.5, IOU_KEYPOINTS), 1e-9);
    }
}

//! Without the rules for them, the numbers of these vectors would be others.
TEST(D2Det_CocoKeypoints, vectors_reach_the_rules)
{
    const std::vector<Vector> vectors = d2det_test::cocoKeypointsVectors();
    ASSERT_EQ(3u, vectors.size());
    EXPECT_GT(difference(vectors[1].summary, evaluatorOf(vectors[1], NO_COUNTS).summarize(IOU_KEYPOINTS)), 0.001);
    EXPECT_GT(difference(vectors[2].summary, evaluatorOf(vectors[2], NO_BOXES).summarize(IOU_KEYPOINTS)), 0.001);
    // 24 detections of one image and class have one score, and the only right one has a lower score.
    const std::vector<CocoEvaluator::Match> matches = evaluatorOf(vectors[1]).matches(0.5, IOU_KEYPOINTS);
    EXPECT_EQ(20, std::count_if(matches.begin(), matches.end(),
                                [](const CocoEvaluator::Match& match)
                                { return match.imageId == 2 && match.categoryId == 6; }));
}

//! An object of 50 x 40 at (100, 100) with two points, one of them labeled, and a detection of it.
struct Pair
{
    CocoEvaluator::GroundTruth object{1, 1, {100, 100, 50, 40}, 900, false, {}, {{110, 120, 2}, {0, 0, 0}}, -1};
    CocoEvaluator::Detection detection{1, 1, {}, 0.5, {}, {{110, 120, 1}, {500, 500, 1}}};
    std::vector<double> sigmas{0.1, 0.2};

    CocoEvaluator evaluator() const
    {
        CocoEvaluator evaluator;
        evaluator.setImages({1});
        evaluator.setCategories({1});
        evaluator.setKeypointSigmas(sigmas);
        evaluator.addGroundTruth(object);
        evaluator.addDetection(detection);
        return evaluator;
    }

    //! Asserts that the similarity is this one.
    void expect(double similarity) const
    {
        const CocoEvaluator e = evaluator();
        EXPECT_NEAR(1, e.averagePrecision(similarity - 1e-9, IOU_KEYPOINTS), 1e-9) << similarity;
        EXPECT_EQ(0, e.averagePrecision(similarity + 1e-9, IOU_KEYPOINTS)) << similarity;
    }
};

TEST(D2Det_CocoKeypoints, similarity_by_hand)
{
    Pair pair;
    EXPECT_NEAR(1, pair.evaluator().averagePrecision(1, IOU_KEYPOINTS), 1e-9);  // the second point is not labeled
    pair.detection.keypoints[0] = {113, 124, 1};                                // 5 pixels away
    const double first = std::exp(-25 / (2 * 900 * 0.2 * 0.2));
    pair.expect(first);
    pair.object.keypoints[1] = {500, 510, 1};  // labeled, hidden: counts, too
    pair.expect((first + std::exp(-100 / (2 * 900 * 0.4 * 0.4))) / 2);
    // The score of a point is not used.
    pair.detection.keypoints[1][2] = 0;
    pair.expect((first + std::exp(-100 / (2 * 900 * 0.4 * 0.4))) / 2);

    // No labeled point: distances from the box of threefold sides, [50, 200] x [60, 180].
    pair.object.keypoints = {{0, 0, 0}, {0, 0, 0}};
    pair.object.numKeypoints = 1;
    pair.detection.keypoints = {{47, 184, 1}, {200, 60, 1}};
    pair.expect((first + 1) / 2);
    pair.object.keypoints = {};
    pair.expect((first + 1) / 2);
    // Nothing counts where num_keypoints is 0: neither true nor false positive.
    pair.object.numKeypoints = -1;
    EXPECT_EQ(-1, pair.evaluator().averagePrecision(0.5, IOU_KEYPOINTS));
    pair.object.keypoints = {{110, 120, 2}, {120, 130, 2}};
    pair.object.numKeypoints = 0;
    EXPECT_EQ(-1, pair.evaluator().averagePrecision(0.5, IOU_KEYPOINTS));
}

TEST(D2Det_CocoKeypoints, sigmas_by_default)
{
    // One point of a person at a time, moved until the similarity is 1/2.
    const double tenths[17] = {.26, .25, .25, .35, .35, .79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87, .89, .89};
    for (const int points : {17, 4})
        for (int i = 0; i < points; i++)
        {
            Pair pair;
            pair.sigmas.clear();
            pair.object.keypoints.assign(points, {0, 0, 0});
            pair.object.keypoints[i] = {120, 120, 2};
            pair.detection.keypoints.assign(points, {5, 5, 1});
            const double sigma = points == 17 ? tenths[i] / 10 : 0.05;
            pair.detection.keypoints[i] = {120 + 2 * sigma * std::sqrt(2 * 900 * std::log(2.)), 120, 1};
            pair.expect(0.5);
        }
}

TEST(D2Det_CocoKeypoints, exact_points_give_one)
{
    CocoEvaluator evaluator;
    evaluator.setImages({1, 2});
    evaluator.setCategories({1});
    cv::RNG rng(5);
    for (int i = 0; i < 10; i++)
    {
        CocoEvaluator::GroundTruth object{1 + i % 2, 1, cv::Rect2d(100 * i, 0, 80, 90), 80. * 90, false};
        CocoEvaluator::Detection detection{object.imageId, 1, object.box, 0.5};
        for (int k = 0; k < 4; k++)
            object.keypoints.emplace_back(100 * i + rng.uniform(0., 80.), rng.uniform(0., 90.), 1 + k % 2);
        detection.keypoints = object.keypoints;
        evaluator.addGroundTruth(object);
        evaluator.addDetection(detection);
    }
    const std::vector<double> expected{1, 1, 1, 1, -1, 1, 1, 1, 1, -1};  // there is no large object
    EXPECT_LT(difference(expected, evaluator.summarize(IOU_KEYPOINTS)), 1e-12);
    evaluator.setKeypointSigmas(std::vector<double>(4, 1e-3));
    EXPECT_LT(difference(expected, evaluator.summarize(IOU_KEYPOINTS)), 1e-12);
}

TEST(D2Det_CocoKeypoints, rows_of_numbers)
{
    const Vector vector = d2det_test::cocoKeypointsVectors()[2];  // num_keypoints are the labeled ones
    CocoEvaluator evaluator;
    evaluator.setImageIds({vector.images.begin(), vector.images.end()});
    evaluator.setCategoryIds({vector.categories.begin(), vector.categories.end()});
    cv::Mat objects, points, found, foundPoints;
    for (const std::vector<double>& row : vector.objects)
    {
        objects.push_back(cv::Mat(row).reshape(1, 1).colRange(0, 8));
        points.push_back(cv::Mat(pointsOf(row, 9, 3)).reshape(1, 1));
    }
    for (const std::vector<double>& row : vector.detections)
    {
        found.push_back(cv::Mat(cv::Matx<double, 1, 7>(row[0], row[1], row[3], row[4], row[5], row[6], row[2])));
        foundPoints.push_back(cv::Mat(pointsOf(row, 7, 2)).reshape(1, 1));
    }
    evaluator.addGroundTruths(objects, {}, points);
    evaluator.addDetections(found, {}, foundPoints);
    EXPECT_LT(difference(vector.summary, evaluator.summarize(IOU_KEYPOINTS)), 1e-9);
    EXPECT_THROW(evaluator.addDetections(found, {}, foundPoints.rowRange(1, foundPoints.rows)), cv::Exception);
    EXPECT_THROW(evaluator.addDetections(found, {}, foundPoints.colRange(0, 8)), cv::Exception);
    EXPECT_THROW(evaluator.addGroundTruths(objects, {}, points.reshape(3)), cv::Exception);
}

TEST(D2Det_CocoKeypoints, nothing_there)
{
    CocoEvaluator evaluator;
    evaluator.setImages({1});
    evaluator.setCategories({1});
    EXPECT_EQ(std::vector<double>(10, -1), evaluator.summarize(IOU_KEYPOINTS));
    const Pair pair;
    evaluator.addDetection(pair.detection);
    EXPECT_EQ(std::vector<double>(10, -1), evaluator.summarize(IOU_KEYPOINTS));
    evaluator.addGroundTruth(pair.object);
    EXPECT_EQ(12u, evaluator.summarize().size());  // boxes as before
}

void expectError(const Pair& pair, const std::string& part)
{
    try
    {
        pair.evaluator().summarize(IOU_KEYPOINTS);
        ADD_FAILURE() << "no error: " << part;
    }
    catch (const cv::Exception& error)
    {
        EXPECT_NE(std::string::npos, std::string(error.what()).find(part)) << error.what();
    }
}

TEST(D2Det_CocoKeypoints, errors_name_the_value)
{
    Pair pair;
    pair.detection.keypoints.clear();
    expectError(pair, "a detection of image 1 has no keypoints");
    pair.detection.keypoints.assign(3, {1, 1, 1});
    expectError(pair, "a detection of image 1 has 3 keypoints, expected 2 as there are sigmas");
    pair.sigmas.clear();
    expectError(pair, "a detection of image 1 has 3 keypoints, expected 2 as the others of its category");
    for (const double sigma :
         {0., -0.1, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
        EXPECT_THROW(CocoEvaluator().setKeypointSigmas({0.1, sigma}), cv::Exception) << sigma;
    Pair bad;
    bad.detection.keypoints[1][0] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THROW(CocoEvaluator().addDetection(bad.detection), cv::Exception);
    bad.object.keypoints[0][1] = std::numeric_limits<double>::infinity();
    EXPECT_THROW(CocoEvaluator().addGroundTruth(bad.object), cv::Exception);
    EXPECT_THROW(Pair().evaluator().vocAveragePrecision(0.5, cv::d2det::VOC_2010, -1, IOU_KEYPOINTS), cv::Exception);
    EXPECT_THROW(Pair().evaluator().summarize(3), cv::Exception);
}

}  // namespace
}  // namespace opencv_test
