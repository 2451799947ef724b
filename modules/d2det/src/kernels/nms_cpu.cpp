// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Non-maximum suppression on the CPU. Contract: operators.md 2 (hard, IoU) and 3.7 (soft); formulas: nms_ref.cpp.

   Soft NMS is lazy: decay only lowers scores, so the score of a box is updated (factors in order of emission, as in the
   reference) only at the top of the heap; other boxes cost nothing.

   Hard NMS exchanges the loops: a box is compared with the boxes kept so far, which are contiguous in memory, until the
   first block with a suppressor. Operations and their order are those of boxIoU, so decisions equal those of the
   reference (compiled without contraction to fused multiply-add: cmake/exact_kernels.cmake). */

#include "nms.hpp"
#include "box.hpp"
#include "simd.hpp"
#include "sort_key.hpp"

#include <functional>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! n boxes as arrays.
struct BoxArrays
{
    const float *x1, *y1, *x2, *y2, *areas;
    int n;
};

//! One box against n others.
struct Overlaps
{
    BoxArrays boxes;
    const float* box;
    float area, o, threshold;
};

float boxArea(const float* box, float o)
{
    return std::max(box[2] - box[0] + o, 0.f) * std::max(box[3] - box[1] + o, 0.f);
}

/** Whether any of the boxes has IoU > threshold >= 0 with `box`.
    The union is 0 only if the intersection is (rounding is monotone), and 0 / 0 is not > threshold. */
template <int BYTES>
D2DET_INLINE bool anyOverlapBody(const Overlaps& a)
{
    const float *x1 = a.boxes.x1, *y1 = a.boxes.y1, *x2 = a.boxes.x2, *y2 = a.boxes.y2, *areas = a.boxes.areas;
    const float bx1 = a.box[0], by1 = a.box[1], bx2 = a.box[2], by2 = a.box[3];
    const float area = a.area, o = a.o, threshold = a.threshold;
    const int n = a.boxes.n;
    int found = 0;
    for (int i = 0; i < n; i++)
    {
        const float iw = std::max(std::min(x2[i], bx2) - std::max(x1[i], bx1) + o, 0.f);
        const float ih = std::max(std::min(y2[i], by2) - std::max(y1[i], by1) + o, 0.f);
        const float inter = iw * ih, uni = areas[i] + area - inter;
        found |= inter / uni > threshold;
    }
    return found != 0;
}
D2DET_DISPATCH(anyOverlap, anyOverlapBody, Overlaps)

//! Boxes as structure of arrays, for comparison of one box with all.
class KeptBoxes
{
public:
    explicit KeptBoxes(float o) : o_(o) {}

    void push(const float* box)
    {
        for (int i = 0; i < 4; i++)
            coordinates_[i].push_back(box[i]);
        areas_.push_back(boxArea(box, o_));
    }

    //! Whether a kept box has IoU > threshold; threshold >= 0.
    bool overlap(const float* box, float threshold) const
    {
        const int n = static_cast<int>(areas_.size());
        const float area = boxArea(box, o_);
        for (int begin = 0; begin < n; begin += BLOCK)
        {
            const BoxArrays block{&coordinates_[0][begin], &coordinates_[1][begin], &coordinates_[2][begin],
                                  &coordinates_[3][begin], &areas_[begin],          std::min(BLOCK, n - begin)};
            if (anyOverlap({block, box, area, o_, threshold}))
                return true;
        }
        return false;
    }

private:
    static constexpr int BLOCK = 64;  //!< comparisons per check of the result

    float o_;
    std::vector<float> coordinates_[4], areas_;
};

}  // namespace

std::vector<int> hardNMSCpu(const HardNMSParams& p, const float* boxes, int n)
{
    std::vector<int> kept;
    if (n > 0 && p.threshold < 0)  // every IoU is > threshold
        return std::vector<int>(1, 0);
    KeptBoxes keptBoxes(p.legacy ? 1.f : 0.f);
    for (int i = 0; i < n && (p.limit <= 0 || static_cast<int>(kept.size()) < p.limit); i++)
    {
        const float* box = boxes + 4 * static_cast<size_t>(i);
        if (keptBoxes.overlap(box, p.threshold))
            continue;
        keptBoxes.push(box);
        kept.push_back(i);
    }
    return kept;
}

std::vector<int> softNMSCpu(const SoftNMSParams& p, const float* boxes, float* scores, int n)
{
    // Lazy updates require that scores never increase, i.e. no factor above 1 and no score below 0.
    if ((p.mode == NMSMode::SOFT_GAUSSIAN && !(p.sigma > 0)) ||
        std::any_of(scores, scores + std::max(n, 0), [](float s) { return s < 0; }))
        return softNMSRef(p, boxes, scores, n);
    std::vector<uint64_t> heap;  // smallest key first = highest score, then lowest index
    for (int i = 0; i < n; i++)
        if (scores[i] >= p.minScore)
            heap.push_back(descendingKey(scores[i], static_cast<uint32_t>(i)));
    std::make_heap(heap.begin(), heap.end(), std::greater<uint64_t>());
    std::vector<size_t> applied(std::max(n, 0), 0);  // number of emitted boxes already applied to each score
    std::vector<int> emitted;
    while (!heap.empty() && (p.limit <= 0 || static_cast<int>(emitted.size()) < p.limit))
    {
        std::pop_heap(heap.begin(), heap.end(), std::greater<uint64_t>());
        const int i = static_cast<int>(keyIndex(heap.back()));
        heap.pop_back();
        const float* box = boxes + 4 * static_cast<size_t>(i);
        const float before = scores[i];
        // Stops at the first decay of the score: the box returns to the heap with the lower score.
        while (applied[i] < emitted.size() && scores[i] == before)
        {
            const float u = boxIoU(boxes + 4 * static_cast<size_t>(emitted[applied[i]++]), box, p.legacy);
            scores[i] *= decay(p, u);
        }
        if (scores[i] == before)
            emitted.push_back(i);
        else if (scores[i] >= p.minScore)
        {
            heap.push_back(descendingKey(scores[i], static_cast<uint32_t>(i)));
            std::push_heap(heap.begin(), heap.end(), std::greater<uint64_t>());
        }
    }
    return emitted;
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
