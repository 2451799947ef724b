// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Decisions of NMS, proposals and detections about single boxes and rows. Host and device. Contract: operators.md 2,
   3.1, 3.7. Expressions are those of the CPU kernels, so that decisions agree (compiled without fused multiply-add). */

#ifndef OPENCV_D2DET_CUDA_NMS_MATH_HPP
#define OPENCV_D2DET_CUDA_NMS_MATH_HPP

#include "../kernels/box.hpp"
#include "../kernels/detection_rows.hpp"
#include "../kernels/proposal.hpp"
#include "../kernels/sort_key.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

constexpr uint32_t NO_VALUE = 0xFFFFFFFFu;  //!< upper half of descendingKey(NaN): after every value

//! boxIoU(a, b) > threshold, without a division for disjoint boxes (the majority).
D2DET_HOST_DEVICE inline bool overlapExceeds(const float* a, const float* b, bool legacy, float threshold)
{
    const float o = legacy ? 1.f : 0.f;
    const float iw = kernels::min2(a[2], b[2]) - kernels::max2(a[0], b[0]) + o;
    const float ih = kernels::min2(a[3], b[3]) - kernels::max2(a[1], b[1]) + o;
    if (!(iw > 0 && ih > 0))  // also NaN: the IoU is 0
        return 0.f > threshold;
    return kernels::boxIoU(a, b, legacy) > threshold;
}

//! Levels of all images in a single list of anchors: image by image, finest level first.
struct AnchorRow
{
    int levels, batch, anchors;
    int64_t perImage;
    int64_t start[kernels::MAX_LEVELS + 1];  //!< first anchor of each level within the image

    D2DET_HOST_DEVICE int segments() const { return batch * levels; }
    D2DET_HOST_DEVICE int64_t total() const { return perImage * batch; }
    D2DET_HOST_DEVICE int64_t first(int segment) const { return segment / levels * perImage + start[segment % levels]; }
    D2DET_HOST_DEVICE int64_t size(int segment) const { return start[segment % levels + 1] - start[segment % levels]; }
    //! Segment of an anchor of the list.
    D2DET_HOST_DEVICE int segment(int64_t anchor) const
    {
        const int64_t image = anchor / perImage, rest = anchor - image * perImage;
        int level = 0;
        while (rest >= start[level + 1])
            level++;
        return static_cast<int>(image) * levels + level;
    }
};

inline AnchorRow makeAnchorRow(const kernels::RpnMaps& maps, int anchors)
{
    AnchorRow row{maps.levels, maps.batch, anchors, 0, {}};
    for (int i = 0; i < maps.levels; i++)
        row.start[i + 1] = row.start[i] + static_cast<int64_t>(maps.height[i]) * maps.width[i] * anchors;
    row.perImage = row.start[maps.levels];
    return row;
}

//! Parameters of D2Proposal, passed to kernels by value.
struct ProposalRule
{
    kernels::RpnMaps maps;
    AnchorRow row;
    const float* imInfo;  //!< [batch, 3]
    float ratios[MAX_ANCHOR_RATIOS], scales[MAX_ANCHOR_RATIOS];
    float minSize;
    bool legacy;

    //! Upper half of the sort key of anchor `index` of a segment; NO_VALUE: logit or a delta is not finite.
    D2DET_HOST_DEVICE uint32_t key(int segment, int64_t index) const
    {
        const int level = segment % row.levels, image = segment / row.levels, a = static_cast<int>(index % row.anchors);
        const size_t cells = static_cast<size_t>(maps.height[level]) * maps.width[level];
        const size_t cell = static_cast<size_t>(index / row.anchors);
        const float logit = maps.cls[level][(static_cast<size_t>(image) * row.anchors + a) * cells + cell];
        float deltas[4];
        loadDeltas(level, image, a, cell, deltas);
        if (!std::isfinite(logit) || !std::isfinite(deltas[0]) || !std::isfinite(deltas[1]) ||
            !std::isfinite(deltas[2]) || !std::isfinite(deltas[3]))
            return NO_VALUE;
        return static_cast<uint32_t>(kernels::descendingKey(logit, 0) >> 32);
    }

    //! Decoded and clipped box of an anchor; false if it is too small.
    D2DET_HOST_DEVICE bool decode(int segment, int64_t index, float* box) const
    {
        const int level = segment % row.levels, image = segment / row.levels, a = static_cast<int>(index % row.anchors);
        const size_t cell = static_cast<size_t>(index / row.anchors);
        const float stride = maps.stride[level];
        const float shift[2] = {static_cast<float>(cell % maps.width[level]) * stride,
                                static_cast<float>(cell / maps.width[level]) * stride};
        float anchor[4], deltas[4];
        kernels::baseAnchor(stride, scales[a], ratios[a], legacy, anchor);
        for (int i = 0; i < 4; i++)
            anchor[i] = shift[i % 2] + anchor[i];
        loadDeltas(level, image, a, cell, deltas);
        kernels::decodeDeltas(anchor, deltas, legacy, box);
        kernels::clipBox(box, imInfo[3 * image], imInfo[3 * image + 1], legacy);
        const float o = legacy ? 1.f : 0.f;
        return kernels::max2(box[2] - box[0] + o, 0.f) >= minSize && kernels::max2(box[3] - box[1] + o, 0.f) >= minSize;
    }

private:
    D2DET_HOST_DEVICE void loadDeltas(int level, int image, int a, size_t cell, float* deltas) const
    {
        const size_t cells = static_cast<size_t>(maps.height[level]) * maps.width[level];
        const float* planes = maps.box[level] + (static_cast<size_t>(image) * row.anchors + a) * 4 * cells;
        for (int i = 0; i < 4; i++)
            deltas[i] = planes[i * cells + cell];
    }
};

//! Sort key of 128 bits, ascending order.
struct WideKey
{
    uint64_t high, low;
};
struct WideKeyLess
{
    D2DET_HOST_DEVICE bool operator()(const WideKey& a, const WideKey& b) const
    {
        return a.high != b.high ? a.high < b.high : a.low < b.low;
    }
};

constexpr uint64_t NO_GROUP = ~static_cast<uint64_t>(0);

/** Key of element e of D2Detections: (image, class, score descending if HARD, row), high = NO_GROUP if it is no
    candidate. Elements are (row, class), or rows if labelled. */
D2DET_HOST_DEVICE inline WideKey candidateKey(const kernels::DetectionRows& rows, int64_t e)
{
    const int classes = rows.p.labelled ? 1 : rows.classes();
    const int row = static_cast<int>(e / classes);
    const int cls = rows.p.labelled ? rows.label(row) : static_cast<int>(e % classes);
    const int image = rows.image(row);
    const WideKey none{NO_GROUP, static_cast<uint64_t>(e)};
    if (image < 0 || cls < 0)
        return none;
    const float* box = rows.box(row, cls);
    const float score = rows.score(row, cls);
    if (!box || !kernels::boxUsable(box) || !std::isfinite(score) || !(score > rows.p.scoreThreshold))
        return none;
    const uint64_t group = static_cast<uint64_t>(image) << 32 | static_cast<uint32_t>(cls);
    const uint32_t index = static_cast<uint32_t>(row);
    return {group, rows.p.nmsMode == kernels::NMSMode::HARD ? kernels::descendingKey(score, index) : index};
}

//! Parts of a candidate's key.
D2DET_HOST_DEVICE inline int keyImage(const WideKey& key)
{
    return static_cast<int>(key.high >> 32);
}
D2DET_HOST_DEVICE inline int keyClass(const WideKey& key)
{
    return static_cast<int>(static_cast<uint32_t>(key.high));
}
D2DET_HOST_DEVICE inline int keyRow(const WideKey& key)
{
    return static_cast<int>(static_cast<uint32_t>(key.low));
}

//! First of n sorted keys with high >= bound.
D2DET_HOST_DEVICE inline int lowerBound(const WideKey* keys, int n, uint64_t bound)
{
    int begin = 0, count = n;
    while (count > 0)
    {
        const int half = count / 2;
        if (keys[begin + half].high < bound)
        {
            begin += half + 1;
            count -= half + 1;
        }
        else
            count = half;
    }
    return begin;
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
