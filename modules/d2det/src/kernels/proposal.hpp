// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Proposal: region proposals from the raw RPN maps. Contract: operators.md 3.1. */

#ifndef OPENCV_D2DET_KERNELS_PROPOSAL_HPP
#define OPENCV_D2DET_KERNELS_PROPOSAL_HPP

#include "common.hpp"
#include "launcher.hpp"

#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

struct ProposalParams
{
    float anchorScale = 8.f;                          //!< anchor size = anchorScale * stride
    std::vector<float> anchorRatios{0.5f, 1.f, 2.f};  //!< h / w
    std::vector<float> anchorScales;                  //!< of each ratio, in place of anchorScale; may be empty
    int preNmsTopN = 1000;                            //!< per level; <= 0: no limit
    int postNmsTopN = 1000;                           //!< per level; <= 0: no limit
    int maxProposals = 1000;                          //!< K rows per image
    int limit = 0;                                    //!< > 0: maximum number of used rows, the others are padding
    float nmsThreshold = 0.7f;
    float minSize = 0.f;  //!< network-input pixels
    bool legacy = false;

    float scaleOf(size_t anchor) const { return anchorScales.empty() ? anchorScale : anchorScales.at(anchor); }
};

//! Raw RPN maps, finest first. Level i: cls [batch, A, h, w] logits, box [batch, 4A, h, w] deltas.
struct RpnMaps
{
    int levels = 0;
    int batch = 0;
    const float* cls[MAX_LEVELS] = {};
    const float* box[MAX_LEVELS] = {};
    int height[MAX_LEVELS] = {};
    int width[MAX_LEVELS] = {};
    float stride[MAX_LEVELS] = {};
};

struct ProposalOutput
{
    float* rois;    //!< [batch * K, 5], K = maxProposals; unused rows (b, 0, 0, 0, 0)
    float* scores;  //!< [batch * K] = sigmoid(logit), 0 in unused rows
};

//! imInfo [batch, 3] = (valid height, valid width, scale)
void proposalRef(const ProposalParams& p, const RpnMaps& maps, const float* imInfo, const ProposalOutput& out);
void proposalCpu(const ProposalParams& p, const RpnMaps& maps, const float* imInfo, const ProposalOutput& out);

}  // namespace kernels

namespace cuda
{

constexpr int MAX_ANCHOR_RATIOS = 64;  //!< more are INVALID

/** Bytes of workspace of proposal(): about 48 bytes per anchor of the batch. Only the shapes in `maps` are used.
    0 if the parameters are out of range (more than 2^31 - 1 anchors in the batch) or there is no device. */
size_t proposalWorkspace(const kernels::ProposalParams& p, const kernels::RpnMaps& maps);

Status proposal(const kernels::ProposalParams& p, const kernels::RpnMaps& maps, const float* imInfo,
                const kernels::ProposalOutput& out, const Workspace& workspace, Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
