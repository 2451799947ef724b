// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Random weights for benchmarks and tests. */

#include "export/random_model.hpp"

#include "ops/ops.hpp"

#include <algorithm>

namespace d2det
{

namespace
{

constexpr int64_t SIDE = 256;  //!< pixels of the image that weights are scaled by, a multiple of every stride

//! Kaiming-like weights, biases and norms away from their neutral values.
void fill(DetectorImpl& model)
{
    for (auto& item : model.named_parameters())
    {
        Tensor& value = item.value();
        const bool norm = item.key().find("norm_weight") != std::string::npos;
        if (value.dim() >= 4)
        {
            const int64_t lead = value.dim() - 3;  // [out] or [levels, out]
            double fanIn = 1;
            for (int64_t d = lead; d < value.dim(); d++)
                fanIn *= static_cast<double>(value.size(d));
            value.normal_(0, std::sqrt(2 / fanIn));
        }
        else if (norm || (value.dim() == 1 && item.key().find("weight") != std::string::npos))
            value.uniform_(0.7, 1.3);
        else
            value.normal_(0, 0.1);
    }
    for (auto& item : model.named_buffers())
        if (item.key().find("running_mean") != std::string::npos)
            item.value().normal_(0, 0.1);
        else if (item.key().find("running_var") != std::string::npos)
            item.value().uniform_(0.7, 1.3);
}

//! Scales and shifts a last layer so that `output` gets the given mean and standard deviation.
void adjust(Tensor& weight, Tensor& bias, const Tensor& output, double mean, double deviation)
{
    const double now = std::max(output.std().item<double>(), 1e-6), factor = deviation / now;
    weight.mul_(factor);
    bias.mul_(factor);
    bias.add_(mean - factor * output.mean().item<double>());
}

void adjust(const ConvUnit& unit, const Tensor& output, double mean, double deviation)
{
    Tensor weight = unit.conv->weight, bias = unit.conv->bias;
    adjust(weight, bias, output, mean, deviation);
}

//! RoIs distributed over the entire image, with sizes from a sixteenth of the image to the entire image.
Tensor someRoIs(int64_t count)
{
    const Tensor center = torch::rand({count, 2}) * SIDE, size = torch::exp(torch::rand({count, 2}) * 2.7) * SIDE / 16;
    const Tensor low = (center - size / 2).clamp(0, SIDE - 2), high = (center + size / 2).clamp(2, SIDE);
    return torch::cat({torch::zeros({count, 1}), low, torch::max(high, low + 2)}, 1).contiguous();
}

/** Gives the offsets and mask logits of deformable convolutions a deviation of 1 (pixel), as trained ones have about.
    Offsets as large as the maps' values would let every such layer multiply the rounding errors before it. */
void adjustDeformations(BackboneImpl& backbone, const Tensor& image)
{
    Tensor x = image;
    for (const Stage& stage : backbone.stages)
    {
        Tensor map = x;
        for (const Block& block : stage.blocks)
        {
            Tensor inner = map;
            for (const ConvUnit& unit : block.units)
            {
                if (!unit.offset.is_empty())
                {
                    Tensor weight = unit.offset->weight, bias = unit.offset->bias;
                    adjust(weight, bias, torch::nn::Conv2d(unit.offset)->forward(inner), 0, 1);
                }
                inner = unit.forward(inner);
            }
            map = block.forward(map);
        }
        x = stage.forward(x);
    }
}

void adjustPyramid(DetectorImpl& model, const Tensor& image)
{
    FpnImpl& fpn = *model.fpn;
    const std::vector<Tensor> maps = model.backbone(image);
    for (size_t i = 0; i < maps.size(); i++)
        adjust(fpn.lateral[i], fpn.lateral[i].forward(maps[i]), 0, 1);
    const std::vector<Tensor> pyramid = fpn.forward(maps);
    for (size_t i = 0; i < maps.size(); i++)
        adjust(fpn.output[i], pyramid[i], 0, 1);
    for (size_t i = 0; i < fpn.extra.size(); i++)
        adjust(fpn.extra[i], fpn.forward(maps)[maps.size() + i], 0, 1);
}

void adjustRpn(DetectorImpl& model, const std::vector<Tensor>& pyramid)
{
    RpnImpl& rpn = *model.rpn;
    const Tensor hidden = rpn.hidden(pyramid[0]);
    adjust(rpn.logit, rpn.logit.forward(hidden), -2, 2);
    adjust(rpn.delta, rpn.delta.forward(hidden), 0, 0.3);
}

void adjustClassHead(ClassHeadImpl& head, const std::vector<Tensor>& pyramid, const Tensor& rois, int64_t numClasses)
{
    if (!head.offset3.is_empty())
    {
        head.offset3->weight.mul_(0.3);  // offsets are fractions of a tenth of the RoI
        head.offset3->bias.mul_(0.3);
    }
    Tensor logits = head.forward(pyramid, rois);
    // Columns separately: otherwise one class would always have the highest score.
    const Tensor mean = logits.mean(0), deviation = logits.std(0).clamp_min(1e-6);
    head.classifier->weight.div_(deviation.view({1, -1, 1, 1, 1})).mul_(2);
    head.classifier->bias.sub_(mean.unsqueeze(0)).div_(deviation.unsqueeze(0)).mul_(2);
    head.classifier->bias.select(1, numClasses).add_(2);  // background
}

void adjustDenseBoxHead(DenseBoxHeadImpl& box, const std::vector<Tensor>& pyramid, const Tensor& rois)
{
    box.offsets->options.relu = false;
    const auto predicted = box.predict(box.trunk(pyramid, rois));
    box.offsets->options.relu = true;
    adjust(box.offsets->weight, box.offsets->bias, predicted.first, 0.5, 0.2);
    if (predicted.second.defined())
        adjust(box.overlap->weight, box.overlap->bias, predicted.second, 0.5, 1);
}

void adjustHeads(DetectorImpl& model, const std::vector<Tensor>& pyramid)
{
    const Tensor rois = someRoIs(64);
    for (RoIStage& stage : model.stages)
    {
        adjustClassHead(*stage.classHead, pyramid, rois, model.numClasses());
        if (DeltaBoxHeadImpl* box = stage.delta())
            adjust(box->deltas->weight, box->deltas->bias, box->predict(stage.classHead->features(pyramid, rois)), 0,
                   1);
        else
            adjustDenseBoxHead(*stage.dense(), pyramid, rois);
    }
    if (model.maskHead.is_empty())
        return;
    const RoIGroups classes =
        RoIGroups::byClass(torch::arange(rois.size(0)).remainder(model.numClasses()), model.numClasses(), torch::kCPU);
    RoIConv& classifier = model.maskHead->classifier;
    const Tensor trunk = model.maskHead->usesTrunk() ? model.stages[0].dense()->trunk(pyramid, rois) : Tensor();
    adjust(classifier->weight, classifier->bias, model.maskHead->forward(pyramid, trunk, rois, classes), 0, 2);
}

}  // namespace

void randomizeModel(Detector& model, uint64_t seed)
{
    torch::NoGradGuard noGrad;
    torch::manual_seed(seed);
    const bool training = model->is_training();
    model->eval();
    fill(*model);
    const Tensor image = torch::randn({1, 3, SIDE, SIDE});
    if (!model->config.backbone.deformableStages.empty())
        adjustDeformations(*model->backbone, image);
    adjustPyramid(*model, image);
    std::vector<Tensor> pyramid = model->fpn(model->backbone(image));
    adjustRpn(*model, pyramid);
    pyramid.resize(static_cast<size_t>(model->config.roi.levels));
    adjustHeads(*model, pyramid);
    model->train(training);
}

}  // namespace d2det
