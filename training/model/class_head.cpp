// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Classification head (class_head.hpp). */

#include "model/class_head.hpp"

#include "ops/ops.hpp"

#include <cmath>

namespace d2det
{

ClassHeadImpl::ClassHeadImpl(const RoIConfig& config, int64_t inChannels, int64_t numClasses,
                             const std::vector<float>& strides, bool legacy)
    : config_(config), pool_(config, strides, legacy), legacy_(legacy)
{
    const ClassHeadConfig& c = config.classHead;
    const int64_t sets = c.sharedLevels ? 1 : config.levels, k = c.pooledSize;
    const auto add = [&](const std::string& name, int64_t levels, int64_t in, int64_t out, int64_t kernel, bool relu)
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
    for (int i = 0; i < c.convs; i++)
    {
        RoIConvOptions o;
        o.in = i == 0 ? inChannels : c.convChannels;
        o.out = c.convChannels;
        o.relu = true;
        convs.push_back(register_module("conv" + std::to_string(i), RoIConv(o)));
        torch::nn::init::normal_(convs.back()->weight, 0, std::sqrt(2.0 / (9.0 * c.convChannels)));
    }
    if (c.allLevels)
        for (int level = 0; level < config.levels; level++)
            fc1.push_back(add("fc1_level" + std::to_string(level), 1, inChannels, c.fcChannels, k, true));
    else
        fc1.push_back(add("fc1", 1, c.convs > 0 ? c.convChannels : inChannels, c.fcChannels, k, true));
    if (c.fcs > 1)
        fc2 = add("fc2", 1, c.fcChannels, c.fcChannels, 1, true);
    classifier = add("classifier", 1, c.fcChannels, numClasses + 1, 1, false);
    for (RoIConv& fc : fc1)
        xavierInit(fc);
    if (!fc2.is_empty())
        xavierInit(fc2);
    torch::nn::init::normal_(classifier->weight, 0, 0.01);
}

//! Pooled features [R, C, k, k] from the level of each RoI.
Tensor ClassHeadImpl::pooled(const std::vector<Tensor>& pyramid, const Tensor& rois, const RoIGroups& groups)
{
    const ClassHeadConfig& c = config_.classHead;
    const int k = c.pooledSize;
    if (!config_.aligned)  // without offsets and weighting
        return pool_(pyramid, rois, k, c.samplingRatio);
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
        const Tensor coarse = ops::deformRoIPool(pyramid, pool_.strides, rois, Tensor(), pool);
        offsets = offset3(offset2(offset1(coarse, groups), groups), groups).view({rois.size(0), 2, k, k});
    }
    // Without adaptive weighting and offsets this is a plain k x k pooling, as in Faster R-CNN.
    const bool fine = c.deformable || c.adaptiveWeighting;
    pool.pooledSize = fine ? 2 * k : k;
    pool.offsetSize = c.deformable ? k : 1;
    const Tensor x = ops::deformRoIPool(pyramid, pool_.strides, rois, offsets, pool);
    if (c.adaptiveWeighting)
        return ops::adaptiveWeightedPool(x, weighting(x, groups), c.gain);
    return fine ? torch::avg_pool2d(x, 3, 2, 1, false, /*count_include_pad=*/false) : x;
}

//! Pooling, convolutions and the first fully connected layer: [R, F, 1, 1].
Tensor ClassHeadImpl::firstLayer(const std::vector<Tensor>& pyramid, const Tensor& rois, const RoIGroups& groups)
{
    const ClassHeadConfig& c = config_.classHead;
    if (!c.allLevels)
    {
        Tensor x = pooled(pyramid, rois, groups);
        for (RoIConv& conv : convs)
            x = conv(x, groups);
        return fc1[0](x, groups);
    }
    Tensor largest;
    for (size_t level = 0; level < fc1.size(); level++)
    {
        const Tensor x = fc1[level](pool_.fromLevel(pyramid, level, rois, c.pooledSize, c.samplingRatio), groups);
        largest = level == 0 ? x : torch::maximum(largest, x);
    }
    return largest;
}

Tensor ClassHeadImpl::features(const std::vector<Tensor>& pyramid, const Tensor& proposals)
{
    const torch::Device device = pyramid[0].device();
    const Tensor rois = proposals.to(device, /*non_blocking=*/true);
    const ClassHeadConfig& c = config_.classHead;
    RoIGroups groups;
    if (!c.sharedLevels && (c.deformable || c.adaptiveWeighting))
        groups = RoIGroups(proposals, config_.finestScale, static_cast<int>(pyramid.size()), legacy_, device);
    const Tensor x = firstLayer(pyramid, rois, groups);
    return fc2.is_empty() ? x : fc2(x, groups);
}

Tensor ClassHeadImpl::classify(const Tensor& features)
{
    return ops::fullPrecision(classifier(features, RoIGroups()).flatten(1));
}

}  // namespace d2det
