// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Many images in one process: two threads with a detector each, results that never change, memory that does not grow.
   Images change their size, so the networks allocate again and again. */

#include "synthetic_model.hpp"
#include "test_precomp.hpp"

#include <atomic>
#include <fstream>
#include <thread>
#ifdef __linux__
#include <unistd.h>
#endif

namespace opencv_test
{
namespace
{

using cv::d2det::BoxMask;
using cv::d2det::Detector;

constexpr int SCENES = 16;

//! One to three objects for the synthetic model, in images of two sizes.
Mat sceneOf(int seed)
{
    RNG rng(seed + 1);
    Mat image(64, seed % 2 ? 96 : 64, CV_8UC3, Scalar::all(0));
    const int objects = 1 + seed % 3;
    for (int i = 0; i < objects; i++)
        image.at<Vec3b>(32, 16 * (1 + 2 * i % (image.cols / 16))) =
            Vec3b(saturate_cast<uchar>(250 - i), saturate_cast<uchar>(rng.uniform(100, 250)),
                  saturate_cast<uchar>(rng.uniform(0, 100)));
    return image;
}

//! All that a detector says of an image, as one row of numbers.
Mat answerOf(Detector& detector, const Mat& image)
{
    Mat detections;
    std::vector<BoxMask> masks;
    detector.segmentInBoxes(image, detections, masks);
    std::vector<float> all(detections.begin<float>(), detections.end<float>());
    for (const BoxMask& mask : masks)
        all.push_back(static_cast<float>(cv::countNonZero(mask.mask)));
    return Mat(all, true).reshape(1, 1);
}

bool same(const Mat& a, const Mat& b)
{
    return a.size() == b.size() && cv::norm(a, b, NORM_INF) == 0;
}

double residentMegabytes()
{
#ifdef __linux__
    std::ifstream file("/proc/self/statm");
    double total = 0, resident = 0;
    file >> total >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
#else
    return 0;
#endif
}

TEST(D2Det_Load, two_threads_with_a_detector_each)
{
    constexpr int IMAGES = 5000, WARMUP = 500;
    constexpr double GROWTH = 4;  // MB; 420 bytes kept per image are more
    const std::vector<uchar> model = onnx::modelWithMasks();
    std::vector<Mat> scenes, expected;
    {
        const Ptr<Detector> detector = Detector::create(model);
        detector->setScoreThreshold(0.3f);
        for (int i = 0; i < SCENES; i++)
        {
            scenes.push_back(sceneOf(i));
            expected.push_back(answerOf(*detector, scenes.back()));
            ASSERT_GE(expected.back().cols, 7) << "a detection and its mask in scene " << i;
        }
        ASSERT_FALSE(same(expected[0], expected[6]));
    }
    std::atomic<int> wrong{0};
    const auto detectAll = [&](int count, int first, Detector* detector)
    {
        for (int i = 0; i < count; i++)
        {
            const size_t at = static_cast<size_t>(i * 7 + first) % SCENES;
            const Mat answer = answerOf(*detector, scenes[at]);
            wrong += !same(answer, expected[at]);
        }
    };
    std::vector<Ptr<Detector>> detectors{Detector::create(model), Detector::create(model)};
    for (const Ptr<Detector>& detector : detectors)
        detector->setScoreThreshold(0.3f);
    const auto inTwoThreads = [&](int count)
    {
        std::thread second(detectAll, count, 5, detectors[1].get());
        detectAll(count, 0, detectors[0].get());
        second.join();
    };
    inTwoThreads(WARMUP);
    const double before = residentMegabytes();
    inTwoThreads(IMAGES);
    const double after = residentMegabytes();
    EXPECT_EQ(0, wrong) << "of " << 2 * (WARMUP + IMAGES) << " answers";
    EXPECT_LT(after - before, GROWTH) << "MB, from " << before << " to " << after;
}

}  // namespace
}  // namespace opencv_test
