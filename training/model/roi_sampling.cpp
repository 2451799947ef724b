// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Sampling of RoIs (roi_sampling.hpp). */

#include "model/roi_sampling.hpp"

namespace d2det
{

namespace
{

//! (batch, x1, y1, x2, y2) from boxes [n, 4] of one image.
Tensor withBatchIndex(const Tensor& boxes, int64_t index)
{
    return torch::cat({torch::full({boxes.size(0), 1}, static_cast<double>(index), boxes.options()), boxes}, 1);
}

}  // namespace

PositiveRoIs PositiveRoIs::select(const Tensor& index) const
{
    return {rois.index_select(0, index), gts.index_select(0, index), limits.index_select(0, index),
            gtIndex.index_select(0, index), labels.index_select(0, index)};
}

SampledRoIs sampleRoIs(const Batch& batch, const Tensor& proposals, int64_t numClasses, const SamplingRule& rule,
                       torch::Generator& generator)
{
    std::vector<Tensor> rois, labels, rows, gts, limits, gtIndices;
    int64_t first = 0;  // row of the image's first RoI
    for (int64_t b = 0; b < batch.images.size(); b++)
    {
        const Instances& target = batch.targets[b];
        const Tensor objects = target.boxes.tensor();
        Tensor mine = proposals.index({proposals.select(1, 0) == static_cast<double>(b)}).slice(1, 1, 5);
        mine = mine.index({(mine != 0).any(1)});  // without padding rows
        const auto [candidates, assigned] = assignRoIs(mine, objects, rule.legacy, rule.positiveIou);
        const Tensor keys = torch::rand({candidates.size(0)}, generator);
        const auto [pos, neg] = sampleBalanced(assigned, keys, rule.batchPerImage, rule.positiveFraction);
        const Tensor gtIndex = assigned.index_select(0, pos) - 1;
        rois.push_back(withBatchIndex(candidates.index_select(0, torch::cat({pos, neg})), b));
        labels.push_back(
            torch::cat({target.labels.index_select(0, gtIndex), torch::full({neg.size(0)}, numClasses, torch::kLong)}));
        rows.push_back(torch::arange(first, first + pos.size(0), torch::kLong));
        gts.push_back(objects.index_select(0, gtIndex));
        const ImageInfo& info = batch.images.infos[b];
        const Tensor limit = torch::tensor({{static_cast<float>(info.height), static_cast<float>(info.width)}});
        limits.push_back(limit.expand({pos.size(0), 2}));
        gtIndices.push_back(gtIndex);
        first += pos.size(0) + neg.size(0);
    }
    SampledRoIs out;
    out.rois = torch::cat(rois).contiguous();
    out.labels = torch::cat(labels);
    out.positiveRows = torch::cat(rows);
    out.positives = {out.rois.index_select(0, out.positiveRows), torch::cat(gts), torch::cat(limits),
                     torch::cat(gtIndices), out.labels.index_select(0, out.positiveRows)};
    return out;
}

MaskTargets batchMaskTargets(const Batch& batch, const PositiveRoIs& positives, const MaskTargetRule& rule)
{
    std::vector<Tensor> present, masks, fraction, rows;
    for (int64_t b = 0; b < batch.images.size(); b++)
    {
        const Tensor mine = positives.rois.select(1, 0).eq(static_cast<double>(b)).nonzero().squeeze(1);
        const MaskTargets t = maskTargets(batch.targets[b].masks, batch.targets[b].hasMask,
                                          positives.rois.index_select(0, mine).slice(1, 1, 5).contiguous(),
                                          positives.gtIndex.index_select(0, mine), rule);
        present.push_back(t.present);
        masks.push_back(t.masks);
        fraction.push_back(t.fraction);
        rows.push_back(mine);
    }
    const Tensor order = torch::cat(rows).argsort();
    const auto joined = [&](const std::vector<Tensor>& parts) { return torch::cat(parts).index_select(0, order); };
    return {joined(present), joined(masks), joined(fraction)};
}

}  // namespace d2det
