// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Proposal on the CPU. Contract: operators.md 3.1; steps: proposal_ref.cpp.

   Layouts: cls [batch, A, h, w], box [batch, 4 A, h, w] with channel 4 a + {dx, dy, dw, dh}; an anchor's index in its
   level is (y w + x) A + a. The key is the logit everywhere: float sigmoids saturate and would create false ties.

   No level is sorted entirely: one vectorized pass over the logits keeps only candidates for the best preNmsTopN, and
   deltas are checked for the selected anchors only. Images and levels run in parallel. */

#include "proposal.hpp"
#include "box.hpp"
#include "nms.hpp"
#include "simd.hpp"
#include "sort_key.hpp"
#include "error.hpp"
#include "parallel.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! One level of one image.
struct LevelView
{
    const float* cls;
    const float* box;
    int anchors, height, width;
    float stride;
    std::vector<float> base;  //!< [anchors, 4]

    LevelView(const ProposalParams& p, const RpnMaps& maps, int image, int level)
        : anchors(static_cast<int>(p.anchorRatios.size())),
          height(maps.height[level]),
          width(maps.width[level]),
          stride(maps.stride[level]),
          base(p.anchorScales.empty() ? baseAnchors(stride, p.anchorScale, p.anchorRatios, p.legacy)
                                      : baseAnchors(stride, p.anchorScales, p.anchorRatios, p.legacy))
    {
        cls = maps.cls[level] + image * size();
        box = maps.box[level] + image * size() * 4;
        if (size() > std::numeric_limits<uint32_t>::max())
            raise(Failure::OUT_OF_RANGE,
                  "D2Proposal: a level of %d x %d cells with %d anchors has more anchors "
                  "than 32 bits count",
                  height, width, anchors);
    }

    size_t cells() const { return static_cast<size_t>(height) * width; }
    size_t size() const { return cells() * anchors; }

    float delta(size_t cell, int anchor, int i) const { return box[(4 * anchor + i) * cells() + cell]; }

    bool deltasFinite(size_t cell, int anchor) const
    {
        return std::isfinite(delta(cell, anchor, 0)) && std::isfinite(delta(cell, anchor, 1)) &&
               std::isfinite(delta(cell, anchor, 2)) && std::isfinite(delta(cell, anchor, 3));
    }

    //! Decoded and clipped box of an anchor.
    void decode(size_t index, const float* imInfo, bool legacy, float* decoded) const
    {
        const int a = static_cast<int>(index % anchors);
        const size_t cell = index / anchors;
        const float shiftX = static_cast<float>(cell % width) * stride,
                    shiftY = static_cast<float>(cell / width) * stride;
        const float* b = base.data() + 4 * a;
        const float anchor[4] = {shiftX + b[0], shiftY + b[1], shiftX + b[2], shiftY + b[3]};
        const float deltas[4] = {delta(cell, a, 0), delta(cell, a, 1), delta(cell, a, 2), delta(cell, a, 3)};
        decodeDeltas(anchor, deltas, legacy, decoded);
        clipBox(decoded, imInfo[0], imInfo[1], legacy);
    }
};

//! Proposals in descending order of logit.
struct Proposals
{
    std::vector<float> boxes;   //!< [n, 4]
    std::vector<float> logits;  //!< [n]

    void push(const float* box, float logit)
    {
        boxes.insert(boxes.end(), box, box + 4);
        logits.push_back(logit);
    }
};

bool largeEnough(const float* box, const ProposalParams& p)
{
    const float o = p.legacy ? 1.f : 0.f;
    return std::max(box[2] - box[0] + o, 0.f) >= p.minSize && std::max(box[3] - box[1] + o, 0.f) >= p.minSize;
}

//! Steps 3 to 5 for the anchors of `keys`, in this order.
Proposals decodeAndSuppress(const ProposalParams& p, const LevelView& level, const float* imInfo,
                            const std::vector<uint64_t>& keys)
{
    Proposals candidates, result;
    for (const uint64_t key : keys)
    {
        float box[4];
        level.decode(keyIndex(key), imInfo, p.legacy, box);
        if (largeEnough(box, p))
            candidates.push(box, keyValue(key));
    }
    const int n = static_cast<int>(candidates.logits.size());
    for (const int i : hardNMSCpu({p.nmsThreshold, p.legacy, p.postNmsTopN}, candidates.boxes.data(), n))
        result.push(&candidates.boxes[4 * static_cast<size_t>(i)], candidates.logits[i]);
    return result;
}

//! All rows of image b: the proposals all[order[i]], at most p.limit, then padding (b, 0, 0, 0, 0) of score 0.
void writeImage(const ProposalParams& p, int b, const Proposals& all, const std::vector<int>& order,
                const ProposalOutput& out)
{
    const int rows = p.maxProposals, count = std::min(static_cast<int>(order.size()), p.limit > 0 ? p.limit : rows);
    float* rois = out.rois + static_cast<size_t>(b) * rows * 5;
    float* scores = out.scores + static_cast<size_t>(b) * rows;
    for (int i = 0; i < rows; i++, rois += 5)
    {
        const bool used = i < count;
        rois[0] = static_cast<float>(b);
        for (int j = 0; j < 4; j++)
            rois[j + 1] = used ? all.boxes[4 * static_cast<size_t>(order[i]) + j] : 0.f;
        scores[i] = used ? sigmoid(all.logits[order[i]]) : 0.f;
    }
}

void append(Proposals& all, const Proposals& part)
{
    all.boxes.insert(all.boxes.end(), part.boxes.begin(), part.boxes.end());
    all.logits.insert(all.logits.end(), part.logits.begin(), part.logits.end());
}

struct Comparison
{
    const float* x;
    int n;
    float bound;
};

//! Whether any of x[0..n) is >= bound (false for NaN).
template <int BYTES>
D2DET_INLINE bool anyAtLeastBody(const Comparison& c)
{
    const float* x = c.x;
    const float bound = c.bound;
    const int n = c.n;
    int found = 0;
    for (int i = 0; i < n; i++)
        found |= x[i] >= bound;
    return found != 0;
}
D2DET_DISPATCH(anyAtLeast, anyAtLeastBody, Comparison)

//! Keys of the best preNmsTopN anchors of a level with a finite logit and optionally finite deltas, in order.
std::vector<uint64_t> bestKeys(const LevelView& level, int preNmsTopN, bool checkDeltas)
{
    constexpr size_t BLOCK = 128;
    BestKeys best(preNmsTopN);
    const size_t cells = level.cells();
    for (int a = 0; a < level.anchors; a++)
    {
        const float* logits = level.cls + a * cells;
        for (size_t begin = 0; begin < cells; begin += BLOCK)
        {
            const size_t end = std::min(begin + BLOCK, cells);
            if (!anyAtLeast({logits + begin, static_cast<int>(end - begin), best.minValue()}))
                continue;
            for (size_t cell = begin; cell < end; cell++)
                if (logits[cell] >= best.minValue() && std::isfinite(logits[cell]) &&
                    (!checkDeltas || level.deltasFinite(cell, a)))
                    best.push(descendingKey(logits[cell], static_cast<uint32_t>(cell * level.anchors + a)));
        }
    }
    return best.take();
}

//! Keys of the best preNmsTopN valid anchors of a level, in order.
std::vector<uint64_t> bestAnchors(const LevelView& level, int preNmsTopN)
{
    // Deltas are four distant planes: checked for the selected anchors only; if a delta is not finite, the selection
    // is repeated with a check of all anchors.
    std::vector<uint64_t> keys = bestKeys(level, preNmsTopN, false);
    const bool valid = std::all_of(
        keys.begin(), keys.end(),
        [&level](uint64_t key)
        { return level.deltasFinite(keyIndex(key) / level.anchors, static_cast<int>(keyIndex(key) % level.anchors)); });
    return valid ? keys : bestKeys(level, preNmsTopN, true);
}

//! Order of the best `rows` of all levels' proposals.
std::vector<int> bestOfAll(const std::vector<float>& logits, int rows)
{
    std::vector<uint64_t> keys(logits.size());
    for (size_t i = 0; i < keys.size(); i++)
        keys[i] = descendingKey(logits[i], static_cast<uint32_t>(i));
    keepFirst(keys, rows);
    std::vector<int> order(keys.size());
    std::transform(keys.begin(), keys.end(), order.begin(),
                   [](uint64_t key) { return static_cast<int>(keyIndex(key)); });
    return order;
}

}  // namespace

void proposalCpu(const ProposalParams& p, const RpnMaps& maps, const float* imInfo, const ProposalOutput& out)
{
    const int rows = std::max(p.maxProposals, 0), tasks = maps.batch * maps.levels;
    if (rows == 0 || tasks <= 0)
        return;
    std::vector<Proposals> parts(tasks);
    parallelFor(
        tasks,
        [&](int begin, int end)
        {
            for (int task = begin; task < end; task++)
            {
                const int b = task / maps.levels;
                const LevelView level(p, maps, b, task % maps.levels);
                parts[task] = decodeAndSuppress(p, level, imInfo + 3 * b, bestAnchors(level, p.preNmsTopN));
            }
        },
        tasks);
    for (int b = 0; b < maps.batch; b++)
    {
        Proposals all;
        for (int level = 0; level < maps.levels; level++)
            append(all, parts[b * maps.levels + level]);
        writeImage(p, b, all, bestOfAll(all.logits, rows), out);
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
