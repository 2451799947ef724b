// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Proposal: numbers worked out by hand. Against the naive kernel: test_operators.cpp. Contract: operators.md 3.1. */

#include "operator_tests.hpp"

#include "kernels/proposal.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

TEST(D2Det_Proposal, zero_deltas_give_clipped_anchors_then_padding)
{
    const float cls[] = {1.f}, box[] = {0, 0, 0, 0}, imInfo[] = {100, 10, 1};
    RpnMaps maps;
    maps.levels = maps.batch = maps.height[0] = maps.width[0] = 1;
    maps.cls[0] = cls;
    maps.box[0] = box;
    maps.stride[0] = 4;
    ProposalParams p;
    p.anchorRatios = {1.f};
    p.maxProposals = 2;
    std::vector<float> rois(10, UNWRITTEN), scores(2, UNWRITTEN);
    proposalCpu(p, maps, imInfo, {rois.data(), scores.data()});
    EXPECT_EQ((std::vector<float>{0, 0, 0, 10, 16, 0, 0, 0, 0, 0}), rois);
    EXPECT_FLOAT_EQ(1 / (1 + std::exp(-1.f)), scores[0]);
    EXPECT_EQ(0.f, scores[1]);
}

TEST(D2Det_Proposal, order_is_by_logit_where_sigmoids_are_equal)
{
    // Two cells far apart, logits 40 and 50: both sigmoids are 1 in float.
    const float cls[] = {40.f, 50.f}, box[8] = {}, imInfo[] = {1000, 1000, 1};
    RpnMaps maps;
    maps.levels = maps.batch = maps.height[0] = 1;
    maps.width[0] = 2;
    maps.cls[0] = cls;
    maps.box[0] = box;
    maps.stride[0] = 64;
    ProposalParams p;
    p.anchorRatios = {1.f};
    p.anchorScale = 0.5f;
    p.maxProposals = 2;
    std::vector<float> rois(10), scores(2);
    proposalCpu(p, maps, imInfo, {rois.data(), scores.data()});
    EXPECT_EQ(48.f, rois[1]);
    EXPECT_EQ(0.f, rois[6]);
    EXPECT_EQ(scores[0], scores[1]);
}

}  // namespace
}  // namespace opencv_test
