// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* RoIAlign, deformable RoI pooling, adaptive weighted pooling and instance norm over the large shapes of shapes.hpp. */

#include "perf_precomp.hpp"

#include "kernels/adaptive_weighted_pool.hpp"
#include "kernels/deform_roi_pool.hpp"
#include "kernels/instance_norm.hpp"
#include "kernels/roi_align.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;

struct Pooling : public TestBaseWithParam<PoolingShape>
{
    RNG rng{1};
    std::vector<std::vector<float>> maps;
    FeaturePyramid<float> pyramid;
    std::vector<float> rois, output;

    void makeMaps(const PoolingShape& s)
    {
        pyramid = makePyramid<float>(s);
        for (int i = 0; i < s.levels; i++)
        {
            maps.push_back(randomFloats(s.mapCount(i), -1.f, 1.f, rng));
            pyramid.data[i] = maps[i].data();
        }
        rois = randomRois(s, rng);
        output.resize(pooledCount(s));
    }
    static size_t pooledCount(const PoolingShape& s)
    {
        return size_t(s.numRois) * s.channels * s.pooledSize * s.pooledSize;
    }
};

PERF_TEST_P(Pooling, RoIAlign, testing::ValuesIn(poolingShapes(true)))
{
    const PoolingShape s = GetParam();
    makeMaps(s);
    RoIAlignParams p;
    p.pooledHeight = p.pooledWidth = s.pooledSize;
    p.samplingRatio = s.samplingRatio;
    TEST_CYCLE() roiAlignCpu(p, {pyramid, rois.data(), s.numRois}, output.data());
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(Pooling, DeformRoIPool, testing::ValuesIn(poolingShapes(true)))
{
    const PoolingShape s = GetParam();
    makeMaps(s);
    const std::vector<float> offsets =
        randomFloats(size_t(s.numRois) * 2 * s.offsetSize * s.offsetSize, -1.f, 1.f, rng);
    DeformRoIPoolParams p;
    p.pooledSize = s.pooledSize;
    p.offsetSize = s.offsetSize;
    p.samplingRatio = s.samplingRatio;
    TEST_CYCLE() deformRoIPoolCpu(p, {pyramid, rois.data(), s.numRois, offsets.data()}, output.data());
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(Pooling, AdaptiveWeightedPool, testing::ValuesIn(poolingShapes(true)))
{
    const PoolingShape s = GetParam();
    const std::vector<float> F = randomFloats(pooledCount(s), -1.f, 1.f, rng);
    const std::vector<float> N = randomFloats(pooledCount(s), -2.f, 2.f, rng);
    const int half = (s.pooledSize + 1) / 2, planes = s.numRois * s.channels;
    output.resize(size_t(planes) * half * half);
    TEST_CYCLE() adaptiveWeightedPoolCpu({2.f, planes, s.pooledSize, s.pooledSize}, F.data(), N.data(), output.data());
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(Pooling, InstanceNorm, testing::ValuesIn(poolingShapes(true)))
{
    const PoolingShape s = GetParam();
    const std::vector<float> X = randomFloats(pooledCount(s), -1.f, 1.f, rng);
    const std::vector<float> scale = randomFloats(s.channels, 0.5f, 2.f, rng);
    const std::vector<float> bias = randomFloats(s.channels, -1.f, 1.f, rng);
    output.resize(X.size());
    const int area = s.pooledSize * s.pooledSize;
    TEST_CYCLE()
    instanceNormCpu({1e-5f, s.numRois, s.channels, area}, X.data(), scale.data(), bias.data(), output.data());
    SANITY_CHECK_NOTHING();
}

}  // namespace
}  // namespace opencv_test
