// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIConv over the shapes of shapes.hpp, weights packed before as in a layer. */

#include "perf_precomp.hpp"

#include "kernels/roi_conv.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;

typedef TestBaseWithParam<RoIConvShape> RoIConv;

PERF_TEST_P(RoIConv, Convolution, testing::ValuesIn(roiConvShapes()))
{
    const RoIConvShape s = GetParam();
    RNG rng(1);
    RoIConvParams p;
    p.weightSets = s.levels;
    p.inChannels = s.channels;
    p.outChannels = s.outChannels;
    p.kernelHeight = p.kernelWidth = s.kernel;
    p.pad = s.pad;
    p.normGroups = s.normGroups;
    p.relu = true;
    const int outSize = s.size + 2 * s.pad - s.kernel + 1;
    const std::vector<float> X = randomFloats(size_t(s.numRois) * s.channels * s.size * s.size, -1.f, 1.f, rng);
    const std::vector<float> weight =
        randomFloats(size_t(s.levels) * s.outChannels * s.channels * s.kernel * s.kernel, -1.f, 1.f, rng);
    const std::vector<float> bias = randomFloats(size_t(s.levels) * s.outChannels, -1.f, 1.f, rng);
    std::vector<float> rois;
    for (int r = 0; r < s.numRois; r++)
    {
        const float side = std::exp2(rng.uniform(4.f, 9.5f));  // all levels
        for (const float v : {0.f, 10.f, 10.f, 10.f + side, 10.f + side})
            rois.push_back(v);
    }
    std::vector<float> Y(size_t(s.numRois) * s.outChannels * outSize * outSize);
    const RoIConvPacked packed = packRoIConv(p, weight.data());
    TEST_CYCLE()
    roiConvCpu(p, {X.data(), rois.data(), s.numRois, s.size, s.size, nullptr, bias.data(), nullptr, nullptr}, packed,
               Y.data());
    SANITY_CHECK_NOTHING();
}

}  // namespace
}  // namespace opencv_test
