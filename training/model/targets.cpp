// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Targets of both stages: assignment, sampling, overlap labels, box coding. Contract: operators.md 5; model.md 1.4,
   1.5, 2.3.

   Plain arithmetic on the CPU without gradients, for a model on any device. Boxes are [n, 4], float32 or float64; the
   result has the type of the first argument. Box arithmetic is shared with the detector (kernels/box.hpp of the
   module). assignAnchors processes all anchors (20 000 to 60 000) of every image in every step, hence the block-wise
   loops for compiler vectorization: about 0.5 ms for 20 000 anchors and 10 ground truths. */

#include "model/targets.hpp"

#include "kernels/box.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace d2det
{

namespace kernels = cv::d2det::kernels;

namespace
{

//! Rows [n, columns] as a dense tensor on the CPU, detached from the graph; copied only if necessary.
Tensor checked(const char* function, const char* name, const Tensor& tensor, int64_t columns = 4)
{
    TORCH_CHECK(tensor.defined(), function, ": ", name, " is undefined");
    TORCH_CHECK(tensor.dim() == 2 && tensor.size(1) == columns, function, ": ", name, " has shape ", tensor.sizes(),
                ", expected [n, ", columns, "]");
    TORCH_CHECK(tensor.scalar_type() == torch::kFloat || tensor.scalar_type() == torch::kDouble, function, ": ", name,
                " has type ", tensor.scalar_type(), "; float32 and float64 are supported, convert it with .to()");
    TORCH_CHECK(tensor.device().is_cpu(), function, ": ", name, " is on ", tensor.device(),
                "; targets are computed on the CPU, move it there with .cpu()");
    return tensor.detach().contiguous();
}

//! Second argument, converted to the type of the first; `sameRows`: with equal numbers of rows.
Tensor checkedLike(const char* function, const char* name, const Tensor& tensor, const Tensor& first, bool sameRows,
                   int64_t columns = 4)
{
    const Tensor result = checked(function, name, tensor, columns).to(first.scalar_type());
    TORCH_CHECK(!sameRows || result.size(0) == first.size(0), function, ": ", name, " has ", result.size(0),
                " rows, but there are ", first.size(0), " boxes");
    return result;
}

//! Calls body(T()) with the scalar type of the tensor; other types were rejected by `checked`.
template <typename Body>
auto dispatch(const Tensor& tensor, Body body)
{
    if (tensor.scalar_type() == torch::kDouble)
        return body(double());
    return body(float());
}

/** A block of boxes as a structure of arrays: the IoU of the entire block with another box is a vectorizable loop with
    a result that fits in the cache. Operations and their order equal those of kernels::boxIoU for every box, so that
    equal boxes give equal results. */
template <typename T>
class BoxBlock
{
public:
    static constexpr int64_t SIZE = 512;

    //! Rows rows[0 .. count - 1] of boxes [n, 4].
    BoxBlock(const T* boxes, const int64_t* rows, int64_t count, bool legacy) : o_(legacy ? T(1) : T(0)), count_(count)
    {
        for (int64_t i = 0; i < count; i++)
        {
            const T* box = boxes + 4 * rows[i];
            x1_[i] = box[0];
            y1_[i] = box[1];
            x2_[i] = box[2];
            y2_[i] = box[3];
            area_[i] = areaOf(box);
        }
    }

    //! Computes iou [count]; returns the maximum.
    T iou(const T* other, T* iou) const
    {
        const T ox1 = other[0], oy1 = other[1], ox2 = other[2], oy2 = other[3], area = areaOf(other);
        for (int64_t i = 0; i < count_; i++)
        {
            const T iw = std::max(std::min(x2_[i], ox2) - std::max(x1_[i], ox1) + o_, T(0));
            const T ih = std::max(std::min(y2_[i], oy2) - std::max(y1_[i], oy1) + o_, T(0));
            const T inter = iw * ih, uni = area_[i] + area - inter;
            // A non-positive union implies an empty intersection: 0 / min = 0. Written as a maximum, because compilers
            // do not vectorize a conditional division (possible trap); eight times faster.
            iou[i] = inter / std::max(uni, std::numeric_limits<T>::min());
        }
        return largest(iou);
    }

private:
    T areaOf(const T* box) const { return std::max(box[2] - box[0] + o_, T(0)) * std::max(box[3] - box[1] + o_, T(0)); }

    //! Eight running maxima instead of one, which would be a chain of dependent comparisons.
    T largest(const T* values) const
    {
        T lanes[8];
        std::fill_n(lanes, 8, T(-1));
        int64_t i = 0;
        for (; i + 8 <= count_; i += 8)
            for (int lane = 0; lane < 8; lane++)
                lanes[lane] = std::max(lanes[lane], values[i + lane]);
        for (; i < count_; i++)
            lanes[0] = std::max(lanes[0], values[i]);
        return *std::max_element(lanes, lanes + 8);
    }

    T o_;
    int64_t count_;
    T x1_[SIZE], y1_[SIZE], x2_[SIZE], y2_[SIZE], area_[SIZE];
};

//! Thresholds of an assignment; `rescue`: the best boxes of every gt with IoU >= `minPositive` are positive, too, for
//! that gt or (`toBest`) for the one with which they have the highest IoU.
struct AssignRule
{
    double positive;
    double negative;
    bool rescue;
    double minPositive;
    bool toBest = false;
};

//! The ground truth with the highest IoU; the lowest one wins ties.
template <typename T>
int64_t bestGroundTruth(const T* box, const T* gts, int64_t count, bool legacy)
{
    int64_t best = 0;
    T top = T(-1);
    for (int64_t g = 0; g < count; g++)
    {
        const T iou = kernels::boxIoU(box, gts + 4 * g, legacy);
        if (iou > top)
        {
            top = iou;
            best = g;
        }
    }
    return best;
}

/** max_iou_assign of operators.md 5: -1 ignored, 0 negative, i + 1 positive for gt i. Boxes whose row is not in `rows`
    stay -1. Comparisons use the type of the boxes, so that an IoU of exactly 7/10 reaches the threshold 0.7 in float32
    and float64. The IoU matrix is never stored: the last step recomputes the few blocks with the best box of a gt. */
template <typename T>
Tensor assignByMaxIoU(const Tensor& boxes, const Tensor& gts, bool legacy, const AssignRule& rule,
                      const std::vector<int64_t>& rows)
{
    constexpr int64_t SIZE = BoxBlock<T>::SIZE;
    const int64_t numRows = static_cast<int64_t>(rows.size()), m = gts.size(0), blocks = (numRows + SIZE - 1) / SIZE;
    const auto countOf = [&](int64_t b) { return std::min(SIZE, numRows - b * SIZE); };
    const auto block = [&](int64_t b)
    { return BoxBlock<T>(boxes.data_ptr<T>(), rows.data() + b * SIZE, countOf(b), legacy); };
    const T* gt = gts.data_ptr<T>();
    const T positive = static_cast<T>(rule.positive), negative = static_cast<T>(rule.negative);
    Tensor assigned = torch::full({boxes.size(0)}, -1, torch::kLong);
    int64_t* out = assigned.data_ptr<int64_t>();

    std::vector<T> tops(blocks * m);  // best IoU of every gt in every block
    T iou[SIZE] = {}, best[SIZE];
    int32_t winner[SIZE];  // gt + 1; the lowest gt wins ties
    for (int64_t b = 0; b < blocks; b++)
    {
        const BoxBlock<T> boxBlock = block(b);
        std::fill_n(best, SIZE, T(-1));
        std::fill_n(winner, SIZE, 0);
        for (int64_t g = 0; g < m; g++)
        {
            tops[b * m + g] = boxBlock.iou(gt + 4 * g, iou);
            for (int64_t i = 0; i < SIZE; i++)
            {
                const bool better = iou[i] > best[i];
                best[i] = better ? iou[i] : best[i];
                winner[i] = better ? static_cast<int32_t>(g + 1) : winner[i];
            }
        }
        for (int64_t i = 0; i < countOf(b); i++)
            out[rows[b * SIZE + i]] = best[i] >= positive ? winner[i] : best[i] < negative ? 0 : -1;
    }
    for (int64_t g = 0; rule.rescue && g < m; g++)
    {
        T top = T(-1);
        for (int64_t b = 0; b < blocks; b++)
            top = std::max(top, tops[b * m + g]);
        for (int64_t b = 0; b < blocks && top > 0 && top >= static_cast<T>(rule.minPositive); b++)
        {
            if (tops[b * m + g] != top)
                continue;
            block(b).iou(gt + 4 * g, iou);
            for (int64_t i = 0; i < countOf(b); i++)
                if (iou[i] == top)
                {
                    const int64_t row = rows[b * SIZE + i];
                    out[row] = 1 + (rule.toBest ? bestGroundTruth(boxes.data_ptr<T>() + 4 * row, gt, m, legacy) : g);
                }
        }
    }
    return assigned;
}

//! Rows of the anchors to assign: all of them, or (legacy) only those inside the image.
template <typename T>
std::vector<int64_t> anchorsInside(const Tensor& anchors, double height, double width, bool onlyInside)
{
    std::vector<int64_t> rows;
    rows.reserve(anchors.size(0));
    const T* a = anchors.data_ptr<T>();
    for (int64_t i = 0; i < anchors.size(0); i++, a += 4)
        if (!onlyInside || (a[0] >= 0 && a[1] >= 0 && a[2] < width && a[3] < height))
            rows.push_back(i);
    return rows;
}

//! The `count` candidates with the smallest keys (tie: lower index), ascending.
template <typename T>
Tensor smallestKeys(std::vector<int64_t> candidates, const T* keys, int64_t count)
{
    count = std::max<int64_t>(count, 0);
    if (count < static_cast<int64_t>(candidates.size()))
    {
        std::nth_element(candidates.begin(), candidates.begin() + count, candidates.end(),
                         [keys](int64_t a, int64_t b) { return keys[a] != keys[b] ? keys[a] < keys[b] : a < b; });
        candidates.resize(count);
        std::sort(candidates.begin(), candidates.end());
    }
    Tensor out = torch::empty({static_cast<int64_t>(candidates.size())}, torch::kLong);
    std::copy(candidates.begin(), candidates.end(), out.data_ptr<int64_t>());
    return out;
}

//! Column of boxes, kept as [n, 1] for broadcasting.
Tensor column(const Tensor& boxes, int64_t index)
{
    return boxes.slice(1, index, index + 1);
}

void checkGridSize(const char* function, int64_t k)
{
    TORCH_CHECK(k >= 1, function, ": a grid of ", k, " x ", k, " cells, k must be at least 1");
}

}  // namespace

Tensor encodeDeltas(const Tensor& boxes, const Tensor& gts, bool legacy)
{
    const Tensor from = checked("encodeDeltas", "boxes", boxes),
                 to = checkedLike("encodeDeltas", "gts", gts, from, true);
    Tensor out = torch::empty_like(from);
    dispatch(from,
             [&](auto zero)
             {
                 using T = decltype(zero);
                 for (int64_t i = 0; i < from.size(0); i++)
                     kernels::encodeDeltas(from.data_ptr<T>() + 4 * i, to.data_ptr<T>() + 4 * i, legacy,
                                           out.data_ptr<T>() + 4 * i);
             });
    return out;
}

Tensor decodeRoIs(const Tensor& rois, const Tensor& deltas, const Tensor& imInfo, const std::vector<float>& stds,
                  bool legacy)
{
    const Tensor from = rois.detach().to(torch::kCPU, torch::kFloat).contiguous();
    const Tensor d = (deltas.detach().view({deltas.size(0), -1, 4}) * torch::tensor(stds, deltas.device()))
                         .to(torch::kCPU, torch::kFloat)
                         .contiguous();
    const Tensor info = imInfo.to(torch::kCPU, torch::kFloat).contiguous();
    Tensor out = torch::zeros({from.size(0), 1 + 4 * d.size(1)});
    for (int64_t r = 0; r < from.size(0); r++)
    {
        const float* roi = from.data_ptr<float>() + 5 * r;
        const float* size = info.data_ptr<float>() + 3 * static_cast<int64_t>(roi[0]);
        float* row = out.data_ptr<float>() + r * out.size(1);
        row[0] = roi[0];
        if (roi[1] == 0 && roi[2] == 0 && roi[3] == 0 && roi[4] == 0)
            continue;  // padding row
        for (int64_t n = 0; n < d.size(1); n++)
        {
            kernels::decodeDeltas(roi + 1, d.data_ptr<float>() + 4 * (r * d.size(1) + n), legacy, row + 1 + 4 * n);
            kernels::clipBox(row + 1 + 4 * n, size[0], size[1], legacy);
        }
    }
    return out.to(deltas.device());
}

Tensor gridAnchors(int64_t height, int64_t width, float stride, const std::vector<float>& scales,
                   const std::vector<float>& ratios, bool legacy)
{
    TORCH_CHECK(height >= 0 && width >= 0, "gridAnchors: a map of ", height, " x ", width, " cells");
    TORCH_CHECK(stride > 0, "gridAnchors: stride ", stride, " must be positive");
    for (const float scale : scales)
        TORCH_CHECK(scale > 0, "gridAnchors: scale ", scale, " must be positive");
    std::vector<float> base;
    for (const float ratio : ratios)
        for (const float scale : scales)
        {
            const std::vector<float> one = kernels::baseAnchors(stride, scale, {ratio}, legacy);
            base.insert(base.end(), one.begin(), one.end());
        }
    Tensor anchors = torch::empty({height * width * static_cast<int64_t>(base.size() / 4), 4}, torch::kFloat);
    float* out = anchors.data_ptr<float>();
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (size_t i = 0; i < base.size(); i++)
                *out++ = base[i] + static_cast<float>(i & 1 ? y : x) * stride;
    return anchors;
}

Tensor assignAnchors(const Tensor& anchors, const Tensor& gts, double height, double width, bool legacy,
                     const AnchorRule& anchorRule)
{
    const Tensor boxes = checked("assignAnchors", "anchors", anchors),
                 objects = checkedLike("assignAnchors", "gts", gts, boxes, false);
    TORCH_CHECK(anchorRule.positiveIou >= anchorRule.negativeIou && anchorRule.negativeIou >= 0,
                "assignAnchors: positiveIou ", anchorRule.positiveIou, " must not be below negativeIou ",
                anchorRule.negativeIou, ", nor that below 0");
    const AssignRule rule{anchorRule.positiveIou, anchorRule.negativeIou, true, anchorRule.rescueIou,
                          anchorRule.rescueToBest};
    return dispatch(boxes,
                    [&](auto zero)
                    {
                        using T = decltype(zero);
                        return assignByMaxIoU<T>(boxes, objects, legacy, rule,
                                                 anchorsInside<T>(boxes, height, width, legacy));
                    });
}

std::pair<Tensor, Tensor> assignRoIs(const Tensor& proposals, const Tensor& gts, bool legacy, double positiveIou)
{
    const Tensor boxes = checked("assignRoIs", "proposals", proposals),
                 objects = checkedLike("assignRoIs", "gts", gts, boxes, false);
    const Tensor rows = torch::cat({objects, boxes});
    const AssignRule rule{positiveIou, positiveIou, legacy, positiveIou};
    const auto assign = [&](const Tensor& candidates)
    {
        return dispatch(candidates,
                        [&](auto zero)
                        {
                            using T = decltype(zero);
                            return assignByMaxIoU<T>(candidates, objects, legacy, rule,
                                                     anchorsInside<T>(candidates, 0, 0, false));
                        });
    };
    if (!legacy)
        return {rows, assign(rows)};
    return {rows, torch::cat({torch::arange(1, objects.size(0) + 1, torch::kLong), assign(boxes)})};
}

std::pair<Tensor, Tensor> sampleBalanced(const Tensor& assigned, const Tensor& keys, int64_t total, double fraction)
{
    TORCH_CHECK(assigned.dim() == 1 && assigned.scalar_type() == torch::kLong, "sampleBalanced: assigned has shape ",
                assigned.sizes(), " and type ", assigned.scalar_type(), ", expected int64 [n]");
    TORCH_CHECK(keys.sizes() == assigned.sizes(), "sampleBalanced: keys has shape ", keys.sizes(), ", expected ",
                assigned.sizes());
    TORCH_CHECK(total >= 0 && fraction >= 0 && fraction <= 1, "sampleBalanced: total ", total, " and fraction ",
                fraction, "; expected total >= 0 and 0 <= fraction <= 1");
    const Tensor dense = assigned.contiguous(), order = keys.detach().to(torch::kDouble).contiguous();
    std::vector<int64_t> positives, negatives;
    for (int64_t i = 0; i < dense.size(0); i++)
    {
        const int64_t a = dense.data_ptr<int64_t>()[i];
        if (a >= 0)
            (a > 0 ? positives : negatives).push_back(i);
    }
    const double* k = order.data_ptr<double>();
    const int64_t quota = static_cast<int64_t>(std::floor(static_cast<double>(total) * fraction));
    const Tensor pos = smallestKeys(std::move(positives), k, quota);
    return {pos, smallestKeys(std::move(negatives), k, total - pos.size(0))};
}

std::pair<Tensor, Tensor> gridPoints(const Tensor& boxes, int64_t k)
{
    checkGridSize("gridPoints", k);
    const Tensor share = (torch::arange(k, boxes.options()) + 0.5) / static_cast<double>(k);
    const Tensor w = column(boxes, 2) - column(boxes, 0), h = column(boxes, 3) - column(boxes, 1);
    return {column(boxes, 0) + w * share, column(boxes, 1) + h * share};
}

Tensor overlapLabels(const Tensor& rois, const Tensor& gts, int64_t k, OverlapRule rule)
{
    const Tensor p = checked("overlapLabels", "rois", rois), g = checkedLike("overlapLabels", "gts", gts, p, true);
    const double share = rule == OverlapRule::SHRUNK ? 1.0 / 6 : 0.0;
    const auto [x, y] = gridPoints(p, k);
    const auto inside = [&](const Tensor& points, int64_t axis)
    {
        const Tensor margin = (column(p, axis + 2) - column(p, axis)) * share;
        return (points - column(g, axis)).ge(margin).logical_and((column(g, axis + 2) - points).ge(margin));
    };
    return inside(y, 1).unsqueeze(2).logical_and(inside(x, 0).unsqueeze(1)).to(p.scalar_type()).unsqueeze(1);
}

Tensor maskOverlapLabels(const Tensor& masks)
{
    const Tensor m = masks.dim() == 4 && masks.size(1) == 1 ? masks.squeeze(1) : masks;
    TORCH_CHECK(m.dim() == 3 && m.size(1) == 28 && m.size(2) == 28, "maskOverlapLabels: masks has shape ",
                masks.sizes(), ", expected [n, 28, 28] or [n, 1, 28, 28]");
    const auto type = m.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat;
    const Tensor blocks = m.detach().to(type).reshape({m.size(0), 7, 4, 7, 4}).slice(2, 1, 3).slice(4, 1, 3);
    return blocks.mean({2, 4}).gt(0.5).to(type).unsqueeze(1);
}

Tensor maskIoUTargets(const Tensor& logits, const MaskTargets& targets)
{
    const Tensor predicted = logits.detach().gt(0.5).to(torch::kFloat);
    const Tensor masks = targets.masks.to(predicted.device(), /*non_blocking=*/true),
                 fraction = targets.fraction.to(predicted.device(), /*non_blocking=*/true);
    const Tensor inter = (predicted * masks).sum({1, 2, 3}), inside = masks.sum({1, 2, 3});
    const Tensor full = inside / (fraction + 1e-7);  // area of the entire object in cells of this RoI
    return inter / ((predicted.sum({1, 2, 3}) + full - inter).abs() + 1e-7);
}

Tensor denseTargets(const Tensor& rois, const Tensor& gts, int64_t k)
{
    const Tensor p = checked("denseTargets", "rois", rois), g = checkedLike("denseTargets", "gts", gts, p, true);
    const auto [x, y] = gridPoints(p, k);
    // Offsets in units of the size of an empty RoI are undefined: 0 keeps infinities out of the loss.
    const auto inUnits = [&](const Tensor& distance, int64_t axis)
    {
        const Tensor size = column(p, axis + 2) - column(p, axis);
        return torch::where(size > 0, distance / torch::where(size > 0, size, torch::ones_like(size)),
                            torch::zeros_like(distance));
    };
    const auto alongX = [&](const Tensor& distance) { return inUnits(distance, 0).unsqueeze(1).expand({-1, k, k}); };
    const auto alongY = [&](const Tensor& distance) { return inUnits(distance, 1).unsqueeze(2).expand({-1, k, k}); };
    return torch::stack(
        {alongX(x - column(g, 0)), alongX(column(g, 2) - x), alongY(y - column(g, 1)), alongY(column(g, 3) - y)}, 1);
}

Tensor jitterBoxes(const Tensor& boxes, const Tensor& limits, double amount, bool legacy, torch::Generator generator)
{
    const Tensor from = checked("jitterBoxes", "boxes", boxes),
                 limit = checkedLike("jitterBoxes", "limits", limits, from, true, 2);
    TORCH_CHECK(amount >= 0 && amount < 1, "jitterBoxes: amount is ", amount, ", expected 0 <= amount < 1");
    // Drawn in double for every box type: equal seeds give equal jitter for float32 and float64 boxes.
    const Tensor draws = torch::rand({from.size(0), 4}, generator, torch::TensorOptions().dtype(torch::kDouble));
    const Tensor u = ((draws * 2 - 1) * amount).to(from.scalar_type());
    const Tensor low = from.slice(1, 0, 2), high = from.slice(1, 2, 4);
    const Tensor size = (high - low).abs();
    const Tensor center = (low + high) * 0.5 + u.slice(1, 0, 2) * size, half = size * (u.slice(1, 2, 4) + 1) * 0.5;
    Tensor out = torch::cat({center - half, center + half}, 1);
    dispatch(out,
             [&](auto zero)
             {
                 using T = decltype(zero);
                 for (int64_t i = 0; i < out.size(0); i++)
                     kernels::clipBox(out.data_ptr<T>() + 4 * i, limit.data_ptr<T>()[2 * i],
                                      limit.data_ptr<T>()[2 * i + 1], legacy);
             });
    return out;
}

MaskTargetRule maskTargetRule(const RoIConfig& config, bool legacy)
{
    return {legacy, config.aligned, config.maskHead.binaryTargets};
}

}  // namespace d2det
