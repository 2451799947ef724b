// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Detections: properties and numbers worked out by hand. Against the naive kernel: test_operators.cpp. Contract:
   operators.md 3.7 and E1. */

#include "layer_cases.hpp"
#include "operator_tests.hpp"

#include "kernels/detections.hpp"
#include "kernels/sort_key.hpp"

#include <set>

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

struct DetectionsProblem
{
    DetectionsParams p;
    std::vector<float> rois, probs;
    int rows = 0, roiColumns = 5, probColumns = 0;

    DetectionsProblem() = default;
    explicit DetectionsProblem(const Detections::Problem& problem)
        : p(problem.params()),
          rois(problem.inputs[0].values),
          probs(problem.inputs[1].values),
          rows(problem.rows()),
          roiColumns(problem.roiColumns()),
          probColumns(problem.probColumns())
    {
    }

    //! Rows of `classes` scored classes, one image.
    static DetectionsProblem random(uint64_t seed, const DetectionsParams& p, int rows, int classes, int kind)
    {
        Detections::Case c;
        c.p = p;
        c.rows = rows;
        c.classes = classes;
        c.kind = kind;
        return DetectionsProblem(Detections::Problem(c, seed));
    }

    //! @param sources the rows that the detections come from
    template <typename Function>
    std::vector<float> run(Function function, std::vector<float>* sources = nullptr) const
    {
        std::vector<float> detections(static_cast<size_t>(7) * p.batchSize * p.maxDetections, UNWRITTEN);
        if (sources)
            sources->assign(detections.size() / 7, UNWRITTEN);
        function(p, DetectionsInput{rois.data(), roiColumns, probs.data(), probColumns, rows},
                 DetectionsOutput{detections.data(), sources ? sources->data() : nullptr});
        return detections;
    }

    //! Does every detection name a row of its image and class with its box, a score of at least its own, and each once?
    void checkSources(const std::vector<float>& detections, const std::vector<float>& sources) const
    {
        std::set<std::pair<int, int>> seen;
        for (size_t i = 0; i < sources.size(); i++)
        {
            const float* d = &detections[7 * i];
            if (d[1] < 0)
            {
                ASSERT_EQ(-1.f, sources[i]);
                continue;
            }
            const int row = static_cast<int>(sources[i]), cls = static_cast<int>(d[1]);
            ASSERT_EQ(sources[i], static_cast<float>(row));
            ASSERT_TRUE(row >= 0 && row < rows);
            ASSERT_TRUE(seen.insert({row, cls}).second);
            const float* roi = &rois[static_cast<size_t>(row) * roiColumns];
            ASSERT_EQ(static_cast<int>(d[0]), static_cast<int>(roi[0]));
            const int column = p.classAgnosticBoxes || p.labelled ? 1 : 1 + 4 * cls;
            ASSERT_EQ(0, std::memcmp(d + 3, roi + column, 4 * sizeof(float)));
            const float* probability = &probs[static_cast<size_t>(row) * probColumns];
            const float score = probability[p.labelled ? 1 : cls];
            ASSERT_TRUE(!p.labelled || cls == static_cast<int>(probability[0]));
            const bool decays = p.nmsMode != NMSMode::HARD;
            ASSERT_TRUE(decays || d[2] == score);
            ASSERT_TRUE(!decays || d[2] <= score || d[2] < 0 || p.softSigma < 0);
        }
    }
};

TEST(D2Det_Detections, source_rows_are_true_and_change_nothing)
{
    expectAllRuns(
        "detections", [](const CaseInfo& c) { return c.name == "drawn"; },
        [](const Problem& problem, uint64_t)
        {
            const DetectionsProblem input(static_cast<const Detections::Problem&>(problem));
            const std::vector<float> expected = input.run(detectionsRef);
            std::vector<float> expectedSources, sources;
            EXPECT_TRUE(sameBits(expected, input.run(detectionsRef, &expectedSources)));
            input.checkSources(expected, expectedSources);
            withThreads(
                [&]
                {
                    ASSERT_TRUE(sameBits(expected, input.run(detectionsCpu)));
                    ASSERT_TRUE(sameBits(expected, input.run(detectionsCpu, &sources)));
                    ASSERT_TRUE(sameBits(expectedSources, sources));
                });
            return std::string(testing::Test::HasFailure() ? "see above" : "");
        });
}

TEST(D2Det_Detections, rows_that_never_become_detections)
{
    DetectionsProblem input;
    input.p.maxDetections = 3;
    input.probColumns = 2;
    input.rois = {0,
                  0,
                  0,
                  0,
                  0,  // padding
                  1,
                  1,
                  1,
                  5,
                  5,  // foreign image
                  NOT_A_NUMBER,
                  1,
                  1,
                  5,
                  5,  //
                  0,
                  1,
                  1,
                  INFINITE,
                  5,  //
                  0,
                  1,
                  1,
                  5,
                  5,  // score at the threshold, which is strict
                  0,
                  20,
                  20,
                  20,
                  20,  // empty, but a box
                  0,
                  1,
                  1,
                  5,
                  5};  // score NaN
    input.probs = {0.9f, 0, 0.9f, 0, 0.9f, 0, 0.9f, 0, 0.05f, 0, 0.6f, NOT_A_NUMBER, NOT_A_NUMBER, 0};
    input.rows = 7;
    const std::vector<float> expected = {0, 0, 0.6f, 20, 20, 20, 20, 0, -1, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0};
    EXPECT_EQ(expected, input.run(detectionsRef));
    EXPECT_EQ(expected, input.run(detectionsCpu));
}

TEST(D2Det_Detections, fractions_of_batch_index_and_label_are_cut_off)
{
    DetectionsProblem input;
    input.p.labelled = true;
    input.p.batchSize = 2;
    input.p.maxDetections = 2;
    input.probColumns = 2;
    input.rois = {-0.5f, 0, 0, 9, 9, 1.9f, 0, 0, 8, 8, 2.f, 0, 0, 7, 7, -1.f, 0, 0, 6, 6};
    input.probs = {-0.5f, 0.9f, 3.7f, 0.8f, 1.f, 0.7f, 1.f, 0.7f};
    input.rows = 4;
    const std::vector<float> expected = {0, 0, 0.9f, 0, 0, 9, 9, 0, -1, 0, 0, 0, 0, 0,
                                         1, 3, 0.8f, 0, 0, 8, 8, 0, -1, 0, 0, 0, 0, 0};
    EXPECT_EQ(expected, input.run(detectionsRef));
    EXPECT_EQ(expected, input.run(detectionsCpu));
}

TEST(D2Det_Detections, ties_go_to_the_lower_class_then_row)
{
    DetectionsProblem input;
    input.p.maxDetections = 4;
    input.probColumns = 3;
    input.rois = {0, 50, 50, 60, 60, 0, 0, 0, 10, 10};
    input.probs = {0.5f, 0.5f, 0, 0.5f, 0.5f, 0};
    input.rows = 2;
    const std::vector<float> out = input.run(detectionsCpu);
    const float expected[4][2] = {{0, 50}, {0, 0}, {1, 50}, {1, 0}};  // class, x1
    for (int i = 0; i < 4; i++)
    {
        EXPECT_EQ(expected[i][0], out[7 * i + 1]);
        EXPECT_EQ(expected[i][1], out[7 * i + 3]);
    }
}

TEST(D2Det_Detections, labels_of_any_size_cost_nothing)
{
    DetectionsProblem input;
    input.p.labelled = true;
    input.p.maxDetections = 8;
    input.probColumns = 2;
    const std::vector<float> labels = {1e9f, 3e38f, NOT_A_NUMBER, INFINITE, -1.f, -1e9f, 2147483648.f, 2.f};
    for (size_t i = 0; i < labels.size(); i++)
    {
        const float x = 100.f * i;
        for (const float v : {0.f, x, 0.f, x + 10, 10.f})
            input.rois.push_back(v);
        input.probs.push_back(labels[i]);
        input.probs.push_back(0.5f);
    }
    input.rows = static_cast<int>(labels.size());
    const std::vector<float> out = input.run(detectionsCpu);
    EXPECT_EQ(2.f, out[1]);
    EXPECT_EQ(1e9f, out[8]);
    EXPECT_EQ(-1.f, out[15]);
    EXPECT_TRUE(sameBits(input.run(detectionsRef), out));
}

TEST(D2Det_Detections, limit_is_a_prefix)
{
    for (const NMSMode mode : {NMSMode::HARD, NMSMode::SOFT_LINEAR, NMSMode::SOFT_GAUSSIAN})
    {
        DetectionsParams p;
        p.nmsMode = mode;
        p.maxDetections = 50;
        DetectionsProblem input = DetectionsProblem::random(12, p, 200, 5, SCATTERED);
        const std::vector<float> all = input.run(detectionsCpu);
        input.p.limit = 7;
        const std::vector<float> some = input.run(detectionsCpu);
        EXPECT_TRUE(std::equal(all.begin(), all.begin() + 49, some.begin()));
        EXPECT_EQ(-1.f, some[50]);
    }
}

TEST(D2Det_Detections, agrees_with_one_nms_over_boxes_moved_apart_by_class)
{
    // The second formulation: one class-agnostic NMS in which boxes of different classes cannot meet. Exact on a grid.
    for (int round = 0; round < 30; round++)
    {
        const int classes = 4;
        DetectionsParams p;
        p.maxDetections = 1000;
        p.scoreThreshold = 0.3f;
        DetectionsProblem input = DetectionsProblem::random(uint64_t(round), p, 80, classes, ON_GRID);
        for (int r = 0; r < input.rows; r++)
            input.rois[5 * r] = 0;
        std::vector<float> boxes, scores, sorted;
        for (int c = 0; c < classes; c++)
            for (int r = 0; r < input.rows; r++)
            {
                const float s = input.probs[r * input.probColumns + c];
                const float* box = &input.rois[5 * r + 1];
                if (!(s > 0.3f) || std::all_of(box, box + 4, [](float v) { return v == 0; }))
                    continue;
                scores.push_back(s);
                for (int i = 0; i < 4; i++)
                    boxes.push_back(box[i] + 64 * c);
            }
        const std::vector<int> order = sortDescending(scores.data(), static_cast<int>(scores.size()));
        for (const int i : order)
            sorted.insert(sorted.end(), &boxes[4 * i], &boxes[4 * i] + 4);
        const std::vector<int> kept = hardNMSRef({0.5f, false, 0}, sorted.data(), static_cast<int>(order.size()));
        const std::vector<float> out = input.run(detectionsCpu);
        for (size_t i = 0; i < kept.size(); i++)
        {
            ASSERT_EQ(scores[order[kept[i]]], out[7 * i + 2]);
            for (int j = 0; j < 4; j++)
                ASSERT_EQ(sorted[4 * kept[i] + j], out[7 * i + 3 + j] + 64 * out[7 * i + 1]);
        }
        ASSERT_EQ(-1.f, out[7 * kept.size() + 1]);
    }
}

TEST(D2Det_Detections, wrong_shapes_are_refused)
{
    DetectionsProblem input;
    input.rois.resize(50);
    input.probs.resize(50);
    input.rows = 2;
    input.roiColumns = 4;
    input.probColumns = 3;
    EXPECT_THROW(input.run(detectionsCpu), cv::Exception);
    input.roiColumns = 5;
    input.probColumns = 1;
    EXPECT_THROW(input.run(detectionsCpu), cv::Exception);
    input.p.labelled = true;
    input.probColumns = 3;
    EXPECT_THROW(input.run(detectionsCpu), cv::Exception);
    input.p.labelled = input.p.classAgnosticBoxes = false;
    EXPECT_THROW(input.run(detectionsCpu), cv::Exception);  // two classes, one box
}

//////////////////////////////////////////// the layer ////////////////////////////////////////////

using namespace layer_cases;

//! The second output is there if it is asked for, and the first is the same with and without it.
TEST(D2Det_DetectionsLayer, detections_name_their_rows)
{
    int used = 0;
    for (const Case& c : casesOf("D2Detections"))
    {
        const std::vector<Mat> inputs = c.inputs(3);
        Case with = c, without = c;
        with.params.set("output_rows", 1);
        without.params.erase("output_rows");
        const std::vector<Mat> named = runOnce(with, inputs), plain = runOnce(without, inputs);
        ASSERT_EQ(2u, named.size());
        ASSERT_EQ(1u, plain.size());
        EXPECT_EQ(0, cv::norm(named[0], plain[0], NORM_INF));
        const Mat &found = named[0], &rows = named[1];
        ASSERT_EQ(Size(1, found.rows), rows.size());
        for (int r = 0; r < found.rows; r++)
        {
            const int cls = static_cast<int>(found.at<float>(r, 1)), row = static_cast<int>(rows.at<float>(r));
            ASSERT_EQ(cls < 0, row == -1);
            if (cls < 0)
                continue;
            ASSERT_LT(row, inputs[0].rows);
            const int column = inputs[0].cols > 5 ? 1 + 4 * cls : 1;
            EXPECT_EQ(0, cv::norm(found.row(r).colRange(3, 7), inputs[0].row(row).colRange(column, column + 4)));
            used++;
        }
    }
    EXPECT_GT(used, 20);
}

TEST(D2Det_DetectionsLayer, more_rows_than_float_counts_are_refused)
{
    LayerParams p;
    std::vector<MatShape> outputs, internals;
    const std::vector<MatShape> shapes{MatShape{(1 << 24) + 1, 5}, MatShape{(1 << 24) + 1, 2}};
    EXPECT_NO_THROW(createLayer("d2det.D2Detections", p)->getMemoryShapes(shapes, 0, outputs, internals));
    p.set("output_rows", 1);
    EXPECT_THROW(createLayer("d2det.D2Detections", p)->getMemoryShapes(shapes, 0, outputs, internals), cv::Exception);
}

//! What a good description means is tested with Detector.
TEST(D2Det_DetectionsLayer, bad_descriptions_are_refused)
{
    LayerParams p;
    p.set("format_version", 1);
    p.set("class_names", String("cat\ndog\n"));
    p.set("mean", reals({1, 2, 3}));
    p.set("std", reals({4, 5, 6}));
    p.set("channel_order", String("bgr"));
    p.set("short_side", 320);
    EXPECT_NO_THROW(createLayer("d2det.D2Detections", p));

    const std::vector<std::pair<const char*, DictValue>> bad = {
        {"mean", reals({1, 2})},      {"std", reals({1, 0, 1})},       {"channel_order", DictValue("gbr")},
        {"short_side", DictValue(0)}, {"divisor", DictValue(1 << 20)}, {"class_names", DictValue(3)}};
    for (const auto& b : bad)
    {
        LayerParams wrong = p;
        wrong.set(b.first, b.second);
        EXPECT_NE(std::string::npos, messageOf([&] { createLayer("d2det.D2Detections", wrong); }).find(b.first));
    }
}

}  // namespace
}  // namespace opencv_test
