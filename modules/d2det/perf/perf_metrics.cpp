// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO's metrics. */

#include "perf_precomp.hpp"

namespace opencv_test
{
namespace
{

typedef TestBaseWithParam<int> ImageCount;

PERF_TEST_P(ImageCount, CocoMetrics, testing::Values(500))
{
    const int images = GetParam();
    d2det_test::Random random(1);
    cv::d2det::CocoEvaluator evaluator;
    std::vector<int64> ids(images);
    for (int i = 0; i < images; i++)
    {
        ids[i] = i;
        const std::vector<float> boxes = d2det_test::detectorLikeBoxes(random, 60, 640.f, 480.f);
        for (int b = 0; b < 60; b++)
        {
            const float* box = &boxes[size_t(b) * 4];
            const Rect2d rect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
            if (b < 10)
                evaluator.addGroundTruth({i, b % 5, rect, rect.area(), false});
            evaluator.addDetection({i, b % 5, rect, random.uniform(0., 1.)});
        }
    }
    evaluator.setImages(ids);
    evaluator.setCategories({0, 1, 2, 3, 4});
    std::vector<double> numbers;
    TEST_CYCLE() numbers = evaluator.summarize();
    ASSERT_GT(numbers[0], 0.);
    SANITY_CHECK_NOTHING();
}

}  // namespace
}  // namespace opencv_test
