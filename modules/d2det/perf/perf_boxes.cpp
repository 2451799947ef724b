// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What is done with boxes: non-maximum suppression, proposals, dense box decoding, detections; and COCO's metrics. Sizes
   are those of the paper's model at 1333 x 800 and of the bundled model at 640 x 480. */

#include "perf_precomp.hpp"

#include "kernels/dense_box_decode.hpp"
#include "kernels/detections.hpp"
#include "kernels/nms.hpp"
#include "kernels/proposal.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;

typedef TestBaseWithParam<int> BoxCount;

PERF_TEST_P(BoxCount, HardNMS, testing::Values(1000, 10000))
{
    const int count = GetParam();
    RNG rng(1);
    const std::vector<float> boxes = crowdedBoxes(count, 1344.f, 800.f, rng);
    size_t kept = 0;
    TEST_CYCLE() kept += hardNmsCpu({0.7f, false, 0}, boxes.data(), count).size();
    ASSERT_GT(kept, 0u);
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(BoxCount, SoftNMS, testing::Values(200, 1000))
{
    const int count = GetParam();
    RNG rng(1);
    const std::vector<float> boxes = crowdedBoxes(count, 1344.f, 800.f, rng);
    const std::vector<float> scores = randomFloats(count, 0.f, 1.f, rng);
    std::vector<float> decayed;
    size_t kept = 0;
    TEST_CYCLE()
    {
        decayed = scores;
        kept +=
            softNmsCpu({0.5f, 0.5f, 0.001f, NMSMode::SOFT_GAUSSIAN, false}, boxes.data(), decayed.data(), count).size();
    }
    ASSERT_GT(kept, 0u);
    SANITY_CHECK_NOTHING();
}

typedef TestBaseWithParam<Size> InputSize;

PERF_TEST_P(InputSize, Proposal, testing::Values(Size(640, 480), Size(1344, 800)))
{
    const Size input = GetParam();
    RNG rng(1);
    RpnMaps maps;
    maps.levels = 5;
    maps.batch = 1;
    const int anchors = 3;
    std::vector<std::vector<float>> memory;
    for (int i = 0; i < maps.levels; i++)
    {
        const int stride = 4 << i;
        maps.height[i] = (input.height + stride - 1) / stride;
        maps.width[i] = (input.width + stride - 1) / stride;
        maps.stride[i] = static_cast<float>(stride);
        const size_t cells = size_t(anchors) * maps.height[i] * maps.width[i];
        memory.push_back(randomFloats(cells, -8.f, 2.f, rng));
        maps.cls[i] = memory.back().data();
        memory.push_back(randomFloats(4 * cells, -0.4f, 0.4f, rng));
        maps.box[i] = memory.back().data();
    }
    const float imInfo[] = {static_cast<float>(input.height), static_cast<float>(input.width), 1.f};
    const ProposalParams p;
    std::vector<float> rois(size_t(p.maxProposals) * 5), scores(p.maxProposals);
    TEST_CYCLE() proposalCpu(p, maps, imInfo, {rois.data(), scores.data()});
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(BoxCount, DenseBoxDecode, testing::Values(125, 1000))
{
    const int count = GetParam(), k = 7;
    RNG rng(1);
    const std::vector<float> boxes = crowdedBoxes(count, 1344.f, 800.f, rng);
    std::vector<float> rois;
    for (int r = 0; r < count; r++)
    {
        rois.push_back(0.f);
        rois.insert(rois.end(), boxes.begin() + r * 4, boxes.begin() + r * 4 + 4);
    }
    const std::vector<float> offsets = randomFloats(size_t(count) * 4 * k * k, -0.5f, 1.5f, rng);
    const std::vector<float> overlap = randomFloats(size_t(count) * k * k, -3.f, 3.f, rng);
    const float imInfo[] = {800.f, 1344.f, 1.f};
    std::vector<float> decoded(size_t(count) * 4);
    const DenseBoxDecodeParams p;
    TEST_CYCLE()
    denseBoxDecodeCpu(p, {rois.data(), offsets.data(), overlap.data(), imInfo, count, k, 1}, decoded.data());
    SANITY_CHECK_NOTHING();
}

CV_ENUM(Suppression, cv::d2det::NMS_HARD, cv::d2det::NMS_SOFT_LINEAR, cv::d2det::NMS_SOFT_GAUSSIAN)
typedef TestBaseWithParam<std::tuple<int, Suppression>> ClassesAndMode;

PERF_TEST_P(ClassesAndMode, Detections, testing::Combine(testing::Values(1, 80), Suppression::all()))
{
    const int classes = std::get<0>(GetParam()), count = 1000;
    RNG rng(1);
    const std::vector<float> boxes = crowdedBoxes(count, 1344.f, 800.f, rng);
    std::vector<float> rois;
    for (int r = 0; r < count; r++)
    {
        rois.push_back(0.f);
        rois.insert(rois.end(), boxes.begin() + r * 4, boxes.begin() + r * 4 + 4);
    }
    std::vector<float> probs = randomFloats(size_t(count) * (classes + 1), 0.f, 1.f, rng);
    for (float& p : probs)
        p *= p * p;  // most candidates are poor
    DetectionsParams p;
    p.nmsMode = static_cast<NMSMode>(static_cast<int>(std::get<1>(GetParam())));
    std::vector<float> detections(size_t(p.maxDetections) * 7);
    TEST_CYCLE() detectionsCpu(p, {rois.data(), 5, probs.data(), classes + 1, count}, {detections.data()});
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(BoxCount, CocoMetrics, testing::Values(500))
{
    const int images = GetParam();
    RNG rng(1);
    cv::d2det::CocoEvaluator evaluator;
    std::vector<int64> ids(images);
    for (int i = 0; i < images; i++)
    {
        ids[i] = i;
        const std::vector<float> boxes = crowdedBoxes(60, 640.f, 480.f, rng);
        for (int b = 0; b < 60; b++)
        {
            const float* box = &boxes[size_t(b) * 4];
            const Rect2d rect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
            if (b < 10)
                evaluator.addGroundTruth({i, b % 5, rect, rect.area(), false});
            evaluator.addDetection({i, b % 5, rect, rng.uniform(0., 1.)});
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
