// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Mask head (mask_head.hpp). */

#include "model/mask_head.hpp"

#include "ops/ops.hpp"

#include <cmath>

namespace d2det
{

namespace init = torch::nn::init;

MaskHeadImpl::MaskHeadImpl(const RoIConfig& config, int64_t inChannels, int64_t numClasses,
                           const std::vector<float>& strides, bool legacy)
    : config_(config.maskHead), pool_(config, strides, legacy)
{
    const MaskHeadConfig& c = config.maskHead;
    const auto add = [&](const std::string& name, const RoIConvOptions& o)
    { return register_module(name, RoIConv(o)); };
    const auto addUpsample = [&](const std::string& name, int64_t in, int64_t groups)
    {
        RoIConvOptions o;
        o.in = in;
        o.out = c.channels;
        o.kernel = 1;
        o.pad = 0;
        o.upsample = 2;
        o.normGroups = groups;
        o.relu = true;
        upsamples.push_back(add(name, o));
        // Kaiming with the fan of PyTorch's transposed convolution: in channels by kernel cells.
        init::normal_(upsamples.back()->weight, 0, std::sqrt(2.0 / (4.0 * static_cast<double>(in))));
    };
    const auto addConv = [&](std::vector<RoIConv>& list, const std::string& name, bool first)
    {
        RoIConvOptions o;
        o.in = first ? inChannels : c.channels;
        o.out = c.channels;
        o.bias = c.normGroups == 0;
        o.normGroups = c.normGroups;
        o.relu = true;
        list.push_back(add(name, o));
        init::normal_(list.back()->weight, 0, std::sqrt(2.0 / (9.0 * c.channels)));
    };
    for (int level = 0; c.allLevels && level < config.levels; level++)
        addConv(levelConvs, "conv0_level" + std::to_string(level), true);
    for (int i = c.allLevels ? 1 : 0; !usesTrunk() && i < c.convs; i++)
        addConv(convs, "conv" + std::to_string(i), i == 0);
    addUpsample("upsample0", usesTrunk() ? config.boxHead.channels : c.channels, usesTrunk() ? c.normGroups : 0);
    if (usesTrunk())
        addUpsample("upsample1", c.channels, 0);

    RoIConvOptions o;
    o.levels = numClasses;
    o.byClass = true;
    o.in = c.channels;
    o.out = 1;
    o.kernel = usesTrunk() ? 3 : 1;
    o.pad = o.kernel / 2;
    classifier = add("classifier", o);
    init::normal_(classifier->weight, 0, std::sqrt(2.0 / static_cast<double>(o.kernel * o.kernel * c.channels)));
    if (!c.scoring)
        return;

    RoIConvOptions fc;
    fc.in = config.boxHead.channels + 1;
    fc.out = c.scoreChannels;
    fc.kernel = config.boxHead.pooledSize / 2;
    fc.pad = 0;
    fc.relu = true;
    score1 = add("score1", fc);
    fc.in = c.scoreChannels;
    fc.kernel = 1;
    score2 = add("score2", fc);
    for (RoIConv* conv : {&score1, &score2})  // model.md 4.1: U(+-sqrt(3 / fan_in))
        uniformInit(*conv, std::sqrt(3.0 / static_cast<double>((*conv)->weight[0][0].numel())));
    fc.levels = numClasses;
    fc.byClass = true;
    fc.out = 1;
    fc.relu = false;
    score3 = add("score3", fc);
    init::normal_(score3->weight, 0, 0.01);
}

//! Input of `convs`.
Tensor MaskHeadImpl::pooled(const std::vector<Tensor>& pyramid, const Tensor& rois)
{
    const int size = config_.pooledSize, ratio = config_.samplingRatio;
    if (levelConvs.empty())
        return pool_(pyramid, rois, size, ratio);
    Tensor largest;
    for (size_t level = 0; level < levelConvs.size(); level++)
    {
        const Tensor x = levelConvs[level](pool_.fromLevel(pyramid, level, rois, size, ratio), RoIGroups());
        largest = level == 0 ? x : torch::maximum(largest, x);
    }
    return largest;
}

Tensor MaskHeadImpl::forward(const std::vector<Tensor>& pyramid, const Tensor& trunk, const Tensor& rois,
                             const RoIGroups& classes)
{
    const RoIGroups shared;
    Tensor x = usesTrunk() ? trunk : pooled(pyramid, rois);
    for (auto* list : {&convs, &upsamples})
        for (RoIConv& conv : *list)
            x = conv(x, shared);
    return ops::fullPrecision(classifier(x, classes));
}

Tensor MaskHeadImpl::score(const Tensor& trunk, const Tensor& logits, const RoIGroups& classes)
{
    // Padding is never the maximum, so pooling before and after the sigmoid are equivalent.
    const Tensor mask = torch::max_pool2d(torch::sigmoid(logits.detach()), 4, 4, 1);
    const RoIGroups shared;
    return ops::fullPrecision(score3(score2(score1(torch::cat({trunk, mask}, 1), shared), shared), classes).flatten(1));
}

}  // namespace d2det
