// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Proposal, naive form: every level is sorted as a whole. The oracle of proposal_cpu.cpp. Contract: operators.md 3.1.

   Per image and level:
     1. drop anchors whose logit or any delta is not finite     4. keep boxes with both sides >= minSize
     2. sort by logit, keep the first preNmsTopN                5. hard NMS, keep the first postNmsTopN
     3. decode, clip to the image                               then sort all levels by logit, keep the first K

   Layouts: cls [batch, A, h, w], box [batch, 4 A, h, w] with channel 4 a + {dx, dy, dw, dh}; anchors in order of
   y, x, a. */

#include "nms.hpp"
#include "proposal.hpp"
#include "ref_rules.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

constexpr float MAX_GROWTH = 4.135166556742356f;  //!< of log(size): ln(1000 / 16)

struct Proposals
{
    std::vector<float> boxes;   //!< [n, 4]
    std::vector<float> logits;  //!< [n]

    void push(const float* box, float logit)
    {
        boxes.insert(boxes.end(), box, box + 4);
        logits.push_back(logit);
    }
    const float* box(int i) const { return &boxes[4 * static_cast<size_t>(i)]; }
};

//! Anchor of scale and ratio h / w around cell (x, y): round(-size / 2, size / 2); legacy: the inclusive box around the
//! cell's center.
void makeAnchor(const ProposalParams& p, float stride, size_t a, size_t x, size_t y, float* anchor)
{
    const float ratio = p.anchorRatios[a];
    const double side = static_cast<double>(p.scaleOf(a)) * stride, o = p.legacy ? 1 : 0;
    const double center = p.legacy ? (stride - 1.0) / 2 : 0;
    const double width = side / std::sqrt(static_cast<double>(ratio)),
                 height = side * std::sqrt(static_cast<double>(ratio));
    // nearbyint: halves to even, as in the contract
    const double corners[4] = {std::nearbyint(center - (width - o) / 2), std::nearbyint(center - (height - o) / 2),
                               std::nearbyint(center + (width - o) / 2), std::nearbyint(center + (height - o) / 2)};
    for (int i = 0; i < 4; i++)
        anchor[i] = static_cast<float>(i % 2 ? y : x) * stride + static_cast<float>(corners[i]);
}

//! Steps 1 to 3 for one level of one image, in order of logit; the boxes of all valid anchors, then the best.
Proposals bestOfLevel(const ProposalParams& p, const RpnMaps& maps, int image, int level, const float* imInfo)
{
    const size_t height = maps.height[level], width = maps.width[level], cells = height * width;
    const size_t anchors = p.anchorRatios.size();
    Proposals valid;
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            for (size_t a = 0; a < anchors; a++)
            {
                const size_t map = image * anchors + a, cell = y * width + x;
                const float logit = maps.cls[level][map * cells + cell];
                float deltas[4];
                for (int i = 0; i < 4; i++)
                    deltas[i] = maps.box[level][(4 * map + i) * cells + cell];
                if (!std::isfinite(logit) ||
                    !std::all_of(deltas, deltas + 4, [](float delta) { return std::isfinite(delta); }))
                    continue;
                float anchor[4], box[4];
                makeAnchor(p, maps.stride[level], a, x, y, anchor);
                ref::decodeDeltas(anchor, deltas, MAX_GROWTH, p.legacy, box);
                ref::clipBox(box, imInfo[0], imInfo[1], p.legacy);
                valid.push(box, logit);
            }
    Proposals best;
    for (const int i : ref::sortDescending(valid.logits))
        if (p.preNmsTopN <= 0 || static_cast<int>(best.logits.size()) < p.preNmsTopN)
            best.push(valid.box(i), valid.logits[i]);
    return best;
}

//! Steps 4 and 5, appended to `all`.
void suppress(const ProposalParams& p, const Proposals& best, Proposals& all)
{
    Proposals large;
    const float o = p.legacy ? 1.f : 0.f;
    for (int i = 0; i < static_cast<int>(best.logits.size()); i++)
    {
        const float* box = best.box(i);
        if (std::max(box[2] - box[0] + o, 0.f) >= p.minSize && std::max(box[3] - box[1] + o, 0.f) >= p.minSize)
            large.push(box, best.logits[i]);
    }
    const int n = static_cast<int>(large.logits.size());
    for (const int i : hardNMSRef({p.nmsThreshold, p.legacy, p.postNmsTopN}, large.boxes.data(), n))
        all.push(large.box(i), large.logits[i]);
}

}  // namespace

void proposalRef(const ProposalParams& p, const RpnMaps& maps, const float* imInfo, const ProposalOutput& out)
{
    const int rows = std::max(p.maxProposals, 0);
    float *rois = out.rois, *scores = out.scores;
    for (int image = 0; image < maps.batch; image++)
    {
        Proposals all;
        for (int level = 0; level < maps.levels; level++)
            suppress(p, bestOfLevel(p, maps, image, level, imInfo + 3 * image), all);
        const std::vector<int> order = ref::sortDescending(all.logits);
        for (int row = 0; row < rows; row++, rois += 5, scores++)
        {
            const bool used = row < static_cast<int>(order.size()) && (p.limit <= 0 || row < p.limit);
            rois[0] = static_cast<float>(image);
            std::fill_n(rois + 1, 4, 0.f);
            *scores = 0.f;
            if (!used)
                continue;
            std::copy_n(all.box(order[row]), 4, rois + 1);
            *scores = ref::sigmoid(all.logits[order[row]]);
        }
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
