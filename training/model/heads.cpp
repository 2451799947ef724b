// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Feature pyramid, region proposal head, classification head, box head and mask head (detector.hpp). */

#include "model/detector.hpp"

#include "ops/ops.hpp"

#include <cmath>

namespace d2det
{

namespace init = torch::nn::init;

namespace
{

ConvUnit plainConv(torch::nn::Module& owner, const std::string& name, int64_t in, int64_t out, int64_t kernel,
                   int64_t stride = 1)
{
    ConvUnit unit;
    unit.conv = owner.register_module(
        name, torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2)));
    init::zeros_(unit.conv->bias);
    return unit;
}

//! Weight [levels, out, in, k, k] ~ U(-limit, limit) with the limit from fan_in and fan_out of one set.
void uniformInit(RoIConv& conv, double limit)
{
    init::uniform_(conv->weight, -limit, limit);
}

void xavierInit(RoIConv& conv)
{
    const RoIConvOptions& o = conv->options;
    const double area = static_cast<double>(o.kernel * o.kernel);
    uniformInit(conv, std::sqrt(6.0 / (area * static_cast<double>(o.in + o.out))));
}

//! Default initialization of a fully connected layer in PyTorch: weight and bias U(+-1/sqrt(fan_in)).
void linearInit(RoIConv& conv)
{
    const RoIConvOptions& o = conv->options;
    const double limit = 1.0 / std::sqrt(static_cast<double>(o.in * o.kernel * o.kernel));
    uniformInit(conv, limit);
    init::uniform_(conv->bias, -limit, limit);
}

//! RoIAlign to size x size from the level of each RoI.
Tensor poolAligned(const std::vector<Tensor>& pyramid, const std::vector<float>& strides, const Tensor& rois,
                   const RoIConfig& config, int size, int samplingRatio, bool legacy)
{
    ops::kernels::RoIAlignParams pool;
    pool.pooledHeight = pool.pooledWidth = size;
    pool.samplingRatio = samplingRatio;
    pool.finestScale = config.finestScale;
    pool.legacy = legacy;
    return ops::roiAlign(pyramid, strides, rois.to(pyramid[0].device(), /*non_blocking=*/true), pool);
}

}  // namespace

// ------------------------------------------------------------------ FPN

FpnImpl::FpnImpl(const FpnConfig& config, const std::vector<int64_t>& inChannels)
{
    for (size_t i = 0; i < inChannels.size(); i++)
    {
        const std::string n = std::to_string(i);
        lateral.push_back(plainConv(*this, "lateral" + n, inChannels[i], config.channels, 1));
        output.push_back(plainConv(*this, "output" + n, config.channels, config.channels, 3));
    }
    if (config.extraType == ExtraLevelType::CONV)
        for (int i = 0; i < config.extraLevels; i++)
            extra.push_back(plainConv(*this, "extra" + std::to_string(i), config.channels, config.channels, 3, 2));
    else
        maxPoolLevels = config.extraLevels;
    for (auto* list : {&lateral, &output, &extra})
        for (ConvUnit& unit : *list)
            init::xavier_uniform_(unit.conv->weight);
}

std::vector<Tensor> FpnImpl::forward(const std::vector<Tensor>& maps)
{
    std::vector<Tensor> merged(maps.size()), pyramid;
    for (size_t i = maps.size(); i-- > 0;)
    {
        merged[i] = lateral[i].forward(maps[i]);
        if (i + 1 < maps.size())
            merged[i] = merged[i] + torch::upsample_nearest2d(merged[i + 1], {merged[i].size(2), merged[i].size(3)});
    }
    for (size_t i = 0; i < maps.size(); i++)
        pyramid.push_back(output[i].forward(merged[i]));
    for (int i = 0; i < maxPoolLevels; i++)
        pyramid.push_back(torch::max_pool2d(pyramid.back(), 1, 2));
    for (size_t i = 0; i < extra.size(); i++)
        pyramid.push_back(extra[i].forward(i == 0 ? pyramid.back() : torch::relu(pyramid.back())));
    return pyramid;
}

// ------------------------------------------------------------------ RPN

RpnImpl::RpnImpl(const RpnConfig& config, int64_t inChannels)
{
    const int64_t ratios = static_cast<int64_t>(config.anchorRatios.size());
    conv = plainConv(*this, "conv", inChannels, config.channels, 3);
    conv.relu = true;
    logit = plainConv(*this, "logit", config.channels, ratios, 1);
    delta = plainConv(*this, "delta", config.channels, 4 * ratios, 1);
    for (ConvUnit* unit : {&conv, &logit, &delta})
        init::normal_(unit->conv->weight, 0, 0.01);
}

void RpnImpl::forward(const std::vector<Tensor>& pyramid, std::vector<Tensor>& logits, std::vector<Tensor>& deltas)
{
    for (const Tensor& map : pyramid)
    {
        const Tensor hidden = conv.forward(map);
        logits.push_back(ops::fullPrecision(logit.forward(hidden)));
        deltas.push_back(ops::fullPrecision(delta.forward(hidden)));
    }
}

// ------------------------------------------------------------------ classification head

ClassHeadImpl::ClassHeadImpl(const RoIConfig& config, int64_t inChannels, int64_t numClasses,
                             const std::vector<float>& strides, bool legacy)
    : config_(config), strides_(strides), legacy_(legacy)
{
    const ClassHeadConfig& c = config.classHead;
    const int64_t sets = c.sharedLevels ? 1 : config.levels, k = c.pooledSize;
    const auto add = [&](const char* name, int64_t levels, int64_t in, int64_t out, int64_t kernel, bool relu)
    {
        RoIConvOptions o;
        o.levels = levels;
        o.in = in;
        o.out = out;
        o.kernel = kernel;
        o.pad = 0;
        o.relu = relu;
        return register_module(name, RoIConv(o));
    };
    if (c.deformable)
    {
        offset1 = add("offset1", sets, inChannels, c.offsetChannels, c.offsetPooledSize, true);
        offset2 = add("offset2", sets, c.offsetChannels, c.offsetChannels, 1, true);
        offset3 = add("offset3", sets, c.offsetChannels, 2 * k * k, 1, false);
        linearInit(offset1);
        linearInit(offset2);  // offset3 stays zero: pooling starts on the regular grid
    }
    if (c.adaptiveWeighting)
    {
        RoIConvOptions o;
        o.levels = sets;
        o.in = o.out = o.normGroups = inChannels;
        o.bias = false;
        weighting = register_module("weighting", RoIConv(o));  // stays zero: plain averaging at first
    }
    fc1 = add("fc1", 1, inChannels, c.fcChannels, k, true);
    fc2 = add("fc2", 1, c.fcChannels, c.fcChannels, 1, true);
    classifier = add("classifier", 1, c.fcChannels, numClasses + 1, 1, false);
    xavierInit(fc1);
    xavierInit(fc2);
    init::normal_(classifier->weight, 0, 0.01);
}

Tensor ClassHeadImpl::forward(const std::vector<Tensor>& pyramid, const Tensor& proposals)
{
    const torch::Device device = pyramid[0].device();
    const Tensor rois = proposals.to(device, /*non_blocking=*/true);
    const ClassHeadConfig& c = config_.classHead;
    const int levels = static_cast<int>(pyramid.size()), k = c.pooledSize;
    RoIGroups groups;
    if (!c.sharedLevels)
        groups = RoIGroups(proposals, config_.finestScale, levels, legacy_, device);

    ops::kernels::DeformRoIPoolParams pool;
    pool.samplingRatio = c.samplingRatio;
    pool.gamma = c.gamma;
    pool.finestScale = config_.finestScale;
    pool.legacy = legacy_;

    Tensor offsets;
    if (c.deformable)
    {
        pool.pooledSize = c.offsetPooledSize;
        pool.offsetSize = 1;
        const Tensor pooled = ops::deformRoIPool(pyramid, strides_, rois, Tensor(), pool);
        offsets = offset3(offset2(offset1(pooled, groups), groups), groups).view({rois.size(0), 2, k, k});
    }
    // Without adaptive weighting and offsets this is a plain k x k pooling, as in Faster R-CNN.
    const bool fine = c.deformable || c.adaptiveWeighting;
    pool.pooledSize = fine ? 2 * k : k;
    pool.offsetSize = c.deformable ? k : 1;
    Tensor x = ops::deformRoIPool(pyramid, strides_, rois, offsets, pool);
    if (c.adaptiveWeighting)
        x = ops::adaptiveWeightedPool(x, weighting(x, groups), c.gain);
    else if (fine)
        x = torch::avg_pool2d(x, 3, 2, 1, false, /*count_include_pad=*/false);
    return ops::fullPrecision(classifier(fc2(fc1(x, groups), groups), groups).flatten(1));
}

// ------------------------------------------------------------------ box head

BoxHeadImpl::BoxHeadImpl(const RoIConfig& config, int64_t inChannels, const std::vector<float>& strides, bool legacy)
    : config_(config), strides_(strides), legacy_(legacy)
{
    const BoxHeadConfig& c = config.boxHead;
    for (int i = 0; i < c.convs; i++)
    {
        RoIConvOptions o;
        o.in = i == 0 ? inChannels : c.channels;
        o.out = c.channels;
        o.stride = i == 0 ? 2 : 1;
        o.bias = false;
        o.normGroups = c.normGroups;
        o.relu = true;
        convs.push_back(register_module("conv" + std::to_string(i), RoIConv(o)));
        init::normal_(convs.back()->weight, 0, std::sqrt(2.0 / (9.0 * c.channels)));
    }
    RoIConvOptions o;
    o.in = c.channels;
    o.out = 4;
    o.relu = true;
    offsets = register_module("offsets", RoIConv(o));
    init::normal_(offsets->weight, 0, 0.001);
    init::constant_(offsets->bias,
                    0.5);  // half a box to each side; with 0 half of the outputs would be inactive initially
    if (!c.binaryOverlap)
        return;
    o.out = 1;
    o.relu = false;
    overlap = register_module("overlap", RoIConv(o));
    init::normal_(overlap->weight, 0, 0.001);
}

Tensor BoxHeadImpl::trunk(const std::vector<Tensor>& pyramid, const Tensor& rois)
{
    Tensor x = poolAligned(pyramid, strides_, rois, config_, config_.boxHead.pooledSize, config_.boxHead.samplingRatio,
                           legacy_);
    for (RoIConv& conv : convs)
        x = conv(x, RoIGroups());
    return x;
}

std::pair<Tensor, Tensor> BoxHeadImpl::predict(const Tensor& trunk)
{
    const RoIGroups shared;
    return {ops::fullPrecision(offsets(trunk, shared)),
            overlap.is_empty() ? Tensor() : ops::fullPrecision(overlap(trunk, shared))};
}

std::pair<Tensor, Tensor> BoxHeadImpl::forward(const std::vector<Tensor>& pyramid, const Tensor& rois)
{
    return predict(trunk(pyramid, rois));
}

// ------------------------------------------------------------------ mask head

MaskHeadImpl::MaskHeadImpl(const RoIConfig& config, int64_t inChannels, int64_t numClasses,
                           const std::vector<float>& strides, bool legacy)
    : config_(config), strides_(strides), legacy_(legacy)
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
    for (int i = 0; !usesTrunk() && i < c.convs; i++)
    {
        RoIConvOptions o;
        o.in = i == 0 ? inChannels : c.channels;
        o.out = c.channels;
        o.bias = c.normGroups == 0;
        o.normGroups = c.normGroups;
        o.relu = true;
        convs.push_back(add("conv" + std::to_string(i), o));
        init::normal_(convs.back()->weight, 0, std::sqrt(2.0 / (9.0 * c.channels)));
    }
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

Tensor MaskHeadImpl::forward(const std::vector<Tensor>& pyramid, const Tensor& trunk, const Tensor& rois,
                             const RoIGroups& classes)
{
    const MaskHeadConfig& c = config_.maskHead;
    const RoIGroups shared;
    Tensor x =
        usesTrunk() ? trunk : poolAligned(pyramid, strides_, rois, config_, c.pooledSize, c.samplingRatio, legacy_);
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
