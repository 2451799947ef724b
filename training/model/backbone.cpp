// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* ResNet, ResNeXt, MobileNetV2 and MobileNetEdgeTPU backbones. Block tables: He et al. 2016 table 1, Xie et al. 2017
   table 1, Sandler et al. 2018 table 2. */

#include "model/backbone.hpp"

#include <algorithm>
#include <array>
#include <sstream>

namespace d2det
{

namespace
{

//! Container module for the hierarchical parameter names of torchvision.
struct ContainerImpl : torch::nn::Module
{
};

//! The container at a dotted path below root, created if missing. Returns the last component in `leaf`.
torch::nn::Module& descend(torch::nn::Module& root, const std::string& path, std::string& leaf)
{
    torch::nn::Module* at = &root;
    std::istringstream parts(path);
    std::string part;
    std::getline(parts, leaf, '.');
    while (std::getline(parts, part, '.'))
    {
        const auto children = at->named_children();
        const auto* existing = children.find(leaf);
        if (existing)
            at = existing->get();
        else
            at = at->register_module(leaf, std::make_shared<ContainerImpl>()).get();
        leaf = part;
    }
    return *at;
}

torch::nn::Conv2dOptions conv2d(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1, int64_t groups = 1)
{
    return torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).groups(groups);
}

struct ResNet
{
    std::array<int, 4> depths;  //!< blocks of the stages 2 .. 5
    bool bottleneck;
    int64_t groups = 1;       //!< of the 3x3 convolution of a bottleneck
    int64_t groupWidth = 64;  //!< its channels per group in stage 2, twice as many in each next stage
};

ResNet resNet(BackboneType type)
{
    switch (type)
    {
        case BackboneType::RESNET18:
            return {{2, 2, 2, 2}, false};
        case BackboneType::RESNET34:
            return {{3, 4, 6, 3}, false};
        case BackboneType::RESNET50:
            return {{3, 4, 6, 3}, true};
        case BackboneType::RESNET101:
            return {{3, 4, 23, 3}, true};
        case BackboneType::RESNEXT50_32X4D:
            return {{3, 4, 6, 3}, true, 32, 4};
        case BackboneType::RESNEXT101_32X8D:
            return {{3, 4, 23, 3}, true, 32, 8};
        case BackboneType::RESNEXT101_64X4D:
            return {{3, 4, 23, 3}, true, 64, 4};
        default:
            TORCH_CHECK(false, "backbone ", static_cast<int>(type), " is no ResNet");
    }
}

}  // namespace

Tensor Block::forward(const Tensor& input) const
{
    Tensor x = input;
    for (const ConvUnit& unit : units)
        x = unit.forward(x);
    if (!residual)
        return x;
    x = x + (shortcut.empty() ? input : shortcut[0].forward(input));
    return reluAfterSum ? torch::relu_(x) : x;
}

Tensor Stage::forward(const Tensor& input) const
{
    Tensor x = input;
    for (const Block& block : blocks)
        x = block.forward(x);
    return maxPool ? torch::max_pool2d(x, 3, 2, 1) : x;
}

BackboneImpl::BackboneImpl(const BackboneConfig& config) : levels(config.levels), config_(config)
{
    if (config.type == BackboneType::MOBILENET_V2)
        buildMobileNetV2(config);
    else if (config.type == BackboneType::MOBILENET_EDGETPU)
        buildMobileNetEdgeTpu(config);
    else
        buildResNet(config);
    for (const Stage& stage : stages)
        if (std::find(levels.begin(), levels.end(), stage.id) != levels.end())
            channels.push_back(stage.channels);
    TORCH_CHECK(channels.size() == levels.size() && std::is_sorted(levels.begin(), levels.end()),
                "backbone.levels must be ascending numbers from 2 to 5");
    freeze(config.frozenStages);
    train(true);
}

ConvUnit BackboneImpl::unit(const std::string& convPath, const std::string& normPath, torch::nn::Conv2dOptions options,
                            BackboneNorm norm, bool relu)
{
    ConvUnit result;
    result.relu = relu;
    result.relu6 = relu && config_.activation == Activation::RELU6;
    const int64_t out = options.out_channels();
    std::string leaf;
    torch::nn::Module& convOwner = descend(*this, convPath, leaf);
    result.conv = convOwner.register_module(leaf, torch::nn::Conv2d(options.bias(norm == BackboneNorm::NONE)));
    torch::nn::init::kaiming_normal_(result.conv->weight, 0, torch::kFanOut, torch::kReLU);
    if (norm == BackboneNorm::NONE)
    {
        torch::nn::init::zeros_(result.conv->bias);
        return result;
    }
    torch::nn::Module& normOwner = descend(*this, normPath, leaf);
    if (norm == BackboneNorm::GROUP_NORM)
        result.groupNorm = normOwner.register_module(
            leaf, torch::nn::GroupNorm(torch::nn::GroupNormOptions(std::min<int64_t>(32, out), out)));
    else
        result.batchNorm = normOwner.register_module(
            leaf, torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(out).eps(config_.normEpsilon)));
    return result;
}

/** Offsets and mask of a unit's convolution, as mmdetection's ModulatedDeformConv2dPack: "conv_offset" inside the
    module of the convolution, zero at the start. */
void BackboneImpl::makeDeformable(ConvUnit& unit)
{
    const auto& own = unit.conv->options;
    torch::nn::Conv2dOptions options(own.in_channels(), 3 * unit.cells(), own.kernel_size());
    options.stride(own.stride()).padding(own.padding()).dilation(own.dilation());
    unit.offset = unit.conv->register_module("conv_offset", torch::nn::Conv2d(options));
    torch::nn::init::zeros_(unit.offset->weight);
    torch::nn::init::zeros_(unit.offset->bias);
}

void BackboneImpl::buildResNet(const BackboneConfig& config)
{
    const ResNet net = resNet(config.type);
    const auto normOf = [&](int stage)
    {
        const bool fresh = std::find(config.newStages.begin(), config.newStages.end(), stage) != config.newStages.end();
        return fresh ? config.newStageNorm.value_or(config.norm) : config.norm;
    };

    Stage stem;
    stem.id = 1;
    stem.maxPool = true;
    stem.channels = 64;
    Block first;
    first.residual = false;
    first.units.push_back(unit("conv1", "bn1", conv2d(3, 64, 7, 2), normOf(1), true));
    stem.blocks.push_back(first);
    stages.push_back(stem);

    int64_t in = 64;
    for (int id = 2; id <= levels.back(); id++)
    {
        Stage stage;
        stage.id = id;
        const int64_t plain = 64 << (id - 2), out = net.bottleneck ? 4 * plain : plain;
        const int64_t width = net.bottleneck ? net.groups * net.groupWidth << (id - 2) : plain;
        stage.channels = out;
        const BackboneNorm norm = normOf(id);
        const auto& deformed = config.deformableStages;
        const bool deformable = std::find(deformed.begin(), deformed.end(), id) != deformed.end();
        for (int b = 0; b < net.depths[id - 2]; b++)
        {
            const std::string path = "layer" + std::to_string(id - 1) + "." + std::to_string(b) + ".";
            const int64_t stride = b == 0 && id > 2 ? 2 : 1;
            const auto add = [&](Block& block, int n, const torch::nn::Conv2dOptions& options, bool relu)
            {
                block.units.push_back(
                    unit(path + "conv" + std::to_string(n), path + "bn" + std::to_string(n), options, norm, relu));
            };
            Block block;
            if (net.bottleneck)
            {
                add(block, 1, conv2d(in, width, 1), true);
                add(block, 2, conv2d(width, width, 3, stride, net.groups), true);
                add(block, 3, conv2d(width, out, 1), false);
            }
            else
            {
                add(block, 1, conv2d(in, width, 3, stride), true);
                add(block, 2, conv2d(width, out, 3), false);
            }
            if (deformable)  // the 3x3 convolution of a bottleneck, the second one of a basic block
                makeDeformable(block.units[1]);
            if (stride != 1 || in != out)
                block.shortcut.push_back(
                    unit(path + "downsample.0", path + "downsample.1", conv2d(in, out, 1, stride), norm, false));
            stage.blocks.push_back(block);
            in = out;
        }
        stages.push_back(stage);
    }
}

void BackboneImpl::buildMobileNetV2(const BackboneConfig& config)
{
    struct Row
    {
        int expand;
        int64_t channels;
        int repeats;
        int64_t stride;
    };
    static const Row rows[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                               {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    const BackboneNorm norm = config.norm;

    Stage stage;
    stage.id = 1;
    Block stem;
    stem.residual = false;
    stem.units.push_back(unit("features.0.0", "features.0.1", conv2d(3, 32, 3, 2), norm, true));
    stage.blocks.push_back(stem);

    int64_t in = 32;
    int feature = 1;
    for (const Row& row : rows)
        for (int r = 0; r < row.repeats; r++, feature++)
        {
            const int64_t stride = r == 0 ? row.stride : 1, hidden = in * row.expand;
            if (stride == 2)  // a new stride begins a new stage
            {
                stages.push_back(stage);
                if (stage.id == levels.back())
                    return;
                stage = Stage{};
                stage.id = static_cast<int>(stages.size()) + 1;
            }
            const std::string path = "features." + std::to_string(feature) + ".conv.";
            Block block;
            int n = 0;  // torchvision index of the next layer in the block
            const auto add = [&](const torch::nn::Conv2dOptions& options)
            {
                const std::string layer = path + std::to_string(n++);
                block.units.push_back(unit(layer + ".0", layer + ".1", options, norm, true));
            };
            if (row.expand != 1)
                add(conv2d(in, hidden, 1));
            add(conv2d(hidden, hidden, 3, stride, hidden));
            block.units.push_back(unit(path + std::to_string(n), path + std::to_string(n + 1),
                                       conv2d(hidden, row.channels, 1), norm, false));
            block.residual = stride == 1 && in == row.channels;
            block.reluAfterSum = false;
            stage.blocks.push_back(block);
            stage.channels = in = row.channels;
        }
    stages.push_back(stage);
}

const std::vector<EdgeTpuBlock>& edgeTpuBlocks()
{
    static const std::vector<EdgeTpuBlock> blocks = []
    {
        std::vector<EdgeTpuBlock> all{{0, 16, 1, 1, false, false}};
        const auto add = [&](const EdgeTpuBlock& first, int64_t hidden, int repeats)
        {
            all.push_back(first);
            for (int i = 0; i < repeats; i++)
                all.push_back({hidden, first.channels, first.kernel, 1, first.depthwise, true});
        };
        add({128, 32, 3, 2, false, false}, 128, 3);
        add({256, 48, 3, 2, false, false}, 192, 3);
        add({384, 96, 3, 2, true, false}, 384, 3);
        add({768, 96, 3, 1, true, false}, 384, 3);
        add({768, 160, 5, 2, true, false}, 640, 3);
        all.push_back({1280, 192, 3, 1, true, false});
        return all;
    }();
    return blocks;
}

void BackboneImpl::buildMobileNetEdgeTpu(const BackboneConfig& config)
{
    const BackboneNorm norm = config.norm;
    const auto layer = [&](const std::string& path, const torch::nn::Conv2dOptions& options, bool relu)
    { return unit(path + ".conv", path + ".norm", options, norm, relu); };
    Stage stage;
    stage.id = 1;
    Block stem;
    stem.residual = false;
    stem.units.push_back(layer("conv_stem", conv2d(3, 32, 3, 2), true));
    stage.blocks.push_back(stem);
    int64_t in = 32;
    for (size_t i = 0; i < edgeTpuBlocks().size(); i++)
    {
        const EdgeTpuBlock& b = edgeTpuBlocks()[i];
        if (b.stride == 2)  // a new stride begins a new stage
        {
            stages.push_back(stage);
            if (stage.id == levels.back())
                return;
            stage = Stage{};
            stage.id = static_cast<int>(stages.size()) + 1;
        }
        const std::string path = "blocks." + std::to_string(i) + ".";
        Block block;
        if (b.hidden > 0 && b.depthwise)
        {
            block.units.push_back(layer(path + "expand", conv2d(in, b.hidden, 1), true));
            block.units.push_back(
                layer(path + "depthwise", conv2d(b.hidden, b.hidden, b.kernel, b.stride, b.hidden), true));
        }
        else if (b.hidden > 0)
            block.units.push_back(layer(path + "expand", conv2d(in, b.hidden, b.kernel, b.stride), true));
        block.units.push_back(layer(path + "project", conv2d(b.hidden > 0 ? b.hidden : in, b.channels, 1), false));
        block.residual = b.residual;
        block.reluAfterSum = false;
        stage.blocks.push_back(block);
        stage.channels = in = b.channels;
    }
    stages.push_back(stage);
}

std::vector<Tensor> BackboneImpl::forward(const Tensor& images)
{
    std::vector<Tensor> maps;
    Tensor x = images;
    for (const Stage& stage : stages)
    {
        x = stage.forward(x);
        if (std::find(levels.begin(), levels.end(), stage.id) != levels.end())
            maps.push_back(x);
    }
    return maps;
}

void BackboneImpl::train(bool on)
{
    torch::nn::Module::train(on);
    for (auto& module : modules(false))
        if (auto* norm = module->as<torch::nn::BatchNorm2dImpl>())
            norm->eval();
}

void BackboneImpl::freeze(int frozenStages)
{
    if (frozenStages <= 0)
        return;
    const auto stop = [](torch::nn::Module& module)
    {
        for (auto& parameter : module.parameters())
            parameter.set_requires_grad(false);
    };
    for (Stage& stage : stages)
        if (stage.id <= frozenStages + 1)
            for (Block& block : stage.blocks)
                for (auto* list : {&block.units, &block.shortcut})
                    for (ConvUnit& unit : *list)
                    {
                        stop(*unit.conv);
                        if (!unit.batchNorm.is_empty())
                            stop(*unit.batchNorm);
                        if (!unit.groupNorm.is_empty())
                            stop(*unit.groupNorm);
                    }
}

}  // namespace d2det
