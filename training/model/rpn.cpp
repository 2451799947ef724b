// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Region proposal network (rpn.hpp). */

#include "model/rpn.hpp"

#include "model/losses.hpp"
#include "model/targets.hpp"
#include "ops/ops.hpp"

namespace d2det
{

RpnImpl::RpnImpl(const RpnConfig& config, int64_t inChannels)
{
    for (int i = 0; i < config.convs; i++)
    {
        const std::string name = i == 0 ? "conv" : "conv" + std::to_string(i + 1);
        convs.push_back(plainConv(*this, name, i == 0 ? inChannels : config.channels, config.channels, 3));
        convs.back().relu = true;
        torch::nn::init::normal_(convs.back().conv->weight, 0, 0.01);
    }
    logit = plainConv(*this, "logit", config.channels, config.anchorsPerCell(), 1);
    delta = plainConv(*this, "delta", config.channels, 4 * int64_t(config.anchorsPerCell()), 1);
    for (ConvUnit* unit : {&logit, &delta})
        torch::nn::init::normal_(unit->conv->weight, 0, 0.01);
}

Tensor RpnImpl::hidden(const Tensor& map) const
{
    Tensor x = map;
    for (const ConvUnit& conv : convs)
        x = conv.forward(x);
    return x;
}

void RpnImpl::forward(const std::vector<Tensor>& pyramid, std::vector<Tensor>& logits, std::vector<Tensor>& deltas)
{
    for (const Tensor& map : pyramid)
    {
        const Tensor x = hidden(map);
        logits.push_back(ops::fullPrecision(logit.forward(x)));
        deltas.push_back(ops::fullPrecision(delta.forward(x)));
    }
}

namespace
{

//! [B, A, h, w] maps of all levels -> [B, sum(h w A), n] with n = 1 (logits) or 4 (deltas), anchor order of
//! gridAnchors.
Tensor flattenMaps(const std::vector<Tensor>& maps, int64_t n)
{
    std::vector<Tensor> parts;
    for (const Tensor& map : maps)
        parts.push_back(map.unflatten(1, {map.size(1) / n, n}).permute({0, 3, 4, 1, 2}).reshape({map.size(0), -1, n}));
    return torch::cat(parts, 1);
}

//! Asynchronous copy to the device of the model.
Tensor toDevice(const Tensor& tensor, const torch::Device& device)
{
    return tensor.to(device, /*non_blocking=*/true);
}

}  // namespace

void rpnLosses(const RpnConfig& config, bool legacy, const Batch& batch, const std::vector<float>& strides,
               const std::vector<Tensor>& logits, const std::vector<Tensor>& deltas, torch::Generator& generator,
               LossMap& out)
{
    std::vector<Tensor> levelAnchors;
    const AnchorShapes shapes = config.anchorShapes();
    for (size_t i = 0; i < logits.size(); i++)
        levelAnchors.push_back(
            gridAnchors(logits[i].size(2), logits[i].size(3), strides[i], shapes.scales, shapes.ratios, legacy));
    const Tensor anchors = torch::cat(levelAnchors);
    const Tensor flatLogits = flattenMaps(logits, 1), flatDeltas = flattenMaps(deltas, 4);
    const AnchorRule rule{config.positiveIou, config.negativeIou, config.rescueIou,
                          config.rescueTarget == RescueTarget::BEST};

    Tensor classLoss = flatLogits.sum() * 0, boxLoss = flatDeltas.sum() * 0;
    int64_t sampled = 0;
    for (int64_t b = 0; b < batch.images.size(); b++)
    {
        const Tensor gts = batch.targets[b].boxes.tensor();
        const ImageInfo& info = batch.images.infos[b];
        const Tensor assigned = assignAnchors(anchors, gts, info.height, info.width, legacy, rule);
        const Tensor keys = torch::rand({anchors.size(0)}, generator);
        const auto [pos, neg] = sampleBalanced(assigned, keys, config.batchPerImage, config.positiveFraction);
        sampled += pos.size(0) + neg.size(0);
        const Tensor chosen = toDevice(torch::cat({pos, neg}), flatLogits.device());
        const Tensor target =
            toDevice(torch::cat({torch::ones({pos.size(0)}), torch::zeros({neg.size(0)})}), chosen.device());
        classLoss =
            classLoss + torch::binary_cross_entropy_with_logits(flatLogits[b].index_select(0, chosen).squeeze(1),
                                                                target, {}, {}, at::Reduction::Sum);
        if (pos.size(0) > 0)
        {
            const Tensor goal = encodeDeltas(anchors.index_select(0, pos),
                                             gts.index_select(0, assigned.index_select(0, pos) - 1), legacy);
            boxLoss = boxLoss + smoothL1Sum(flatDeltas[b].index_select(0, toDevice(pos, chosen.device())), goal,
                                            config.smoothL1Beta);
        }
    }
    const double scale = 1.0 / static_cast<double>(std::max<int64_t>(sampled, 1));
    out["rpn_cls"] = classLoss * (scale * config.lossWeight);
    out["rpn_box"] = boxLoss * (scale * config.boxLossWeight);
}

}  // namespace d2det
