// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Models for the tests of the exporter: narrow versions of the two model families of the project, and one variant for
   every configuration switch with an effect on the graph. */

#ifndef D2DET_TEST_EXPORT_MODELS_HPP
#define D2DET_TEST_EXPORT_MODELS_HPP

#include "export/exporter.hpp"
#include "export/random_model.hpp"

#include <string>
#include <vector>

namespace d2det
{
namespace test
{

struct NamedConfig
{
    std::string name;
    ModelConfig config;
};

inline ModelConfig narrowConfig()
{
    ModelConfig c;
    c.name = "narrow";
    c.classNames = {"person", "traffic light", "caf\xc3\xa9"};
    c.backbone.type = BackboneType::RESNET18;
    c.fpn.channels = c.rpn.channels = 32;
    c.rpn.preNmsTopNTest = 200;
    c.rpn.postNmsTopNTest = 100;
    c.rpn.proposalsTest = 80;
    c.roi.classHead.offsetChannels = c.roi.classHead.fcChannels = 64;
    c.roi.boxHead.convs = 2;
    c.roi.boxHead.channels = 32;
    c.roi.boxHead.normGroups = 4;
    c.test.preDetections = 40;
    c.test.maxDetections = 30;
    c.input.shortSide = 192;
    c.input.longSide = 320;
    return c;
}

//! Architecture of the bundled model: MobileNetV2 with folded norms, one set of pooling weights for all levels.
inline ModelConfig smallFamily()
{
    ModelConfig c = narrowConfig();
    c.backbone.type = BackboneType::MOBILENET_V2;
    c.backbone.norm = BackboneNorm::NONE;
    c.roi.classHead.sharedLevels = true;
    c.roi.classHead.samplingRatio = c.roi.boxHead.samplingRatio = 1;
    c.input.mean = c.input.std = {127.5f, 127.5f, 127.5f};
    return c;
}

//! Architecture of the paper: ResNet-50 with frozen batch norm, pooling weights per level.
inline ModelConfig paperFamily()
{
    ModelConfig c = narrowConfig();
    c.backbone.type = BackboneType::RESNET50;
    return c;
}

inline MaskHeadConfig smallMasks()
{
    MaskHeadConfig c;
    c.type = MaskHeadType::D2DET;
    c.channels = 32;
    c.normGroups = 4;
    c.scoreChannels = 64;
    return c;
}

//! Faster R-CNN with the parts of discriminative pooling off.
inline ModelConfig narrowFaster()
{
    ModelConfig c = narrowConfig();
    c.roi.type = RoIHeadType::FASTER_RCNN;
    c.roi.classHead.deformable = c.roi.classHead.adaptiveWeighting = false;
    c.test.nmsMode = NMSMode::HARD;
    return c;
}

inline MaskHeadConfig fcnMasks()
{
    MaskHeadConfig c = smallMasks();
    c.type = MaskHeadType::FCN;
    c.scoring = false;
    c.normGroups = 0;
    c.convs = 2;
    return c;
}

//! The other two-stage detectors.
inline std::vector<NamedConfig> familyVariants()
{
    std::vector<NamedConfig> all;
    const auto add = [&](const char* name) -> ModelConfig&
    {
        all.push_back({name, narrowFaster()});
        return all.back().config;
    };
    add("faster");
    {
        ModelConfig& c = add("faster, class agnostic, legacy boxes");
        c.roi.deltaHead.classAgnostic = true;
        c.legacy = true;
    }
    {
        ModelConfig& c = add("faster with discriminative pooling, one class, soft-NMS");
        c.classNames = {"person"};
        c.roi.classHead.deformable = c.roi.classHead.adaptiveWeighting = true;
        c.test.nmsMode = NMSMode::SOFT_LINEAR;
    }
    {
        ModelConfig& c = add("faster, RoIAlign and masks as in torchvision");
        c.roi.aligned = false;
        c.roi.maskHead = fcnMasks();
        c.rpn.minSize = 1e-3f;
    }
    {
        ModelConfig& c = add("mask, padding rows in every list");
        c.roi.maskHead = fcnMasks();
        c.rpn.nmsThreshold = 0.3f;
        c.rpn.proposalsTest = 1000;
        c.test.scoreThreshold = 0.3f;
        c.test.maxDetections = 200;
    }
    {
        ModelConfig& c = add("pafpn with adaptive pooling and masks");
        c.fpn.type = NeckType::PAFPN;
        c.roi.classHead.allLevels = true;
        c.roi.maskHead = fcnMasks();
        c.roi.maskHead.allLevels = true;
    }
    {
        ModelConfig& c = add("faster, convolutions and one fully connected layer, as in version 2 of torchvision");
        c.roi.aligned = false;
        c.rpn.convs = 2;
        c.roi.classHead.convs = 3;
        c.roi.classHead.convChannels = 40;
        c.roi.classHead.fcs = 1;
        c.roi.maskHead = fcnMasks();
    }
    {
        ModelConfig& c = add("adaptive pooling, one fully connected layer");
        c.roi.classHead.allLevels = true;
        c.roi.classHead.fcs = 1;
    }
    {
        ModelConfig& c = all.emplace_back(NamedConfig{"d2det, convolutions in the class head", narrowConfig()}).config;
        c.roi.classHead.convs = 1;
        c.roi.classHead.convChannels = 24;
    }
    {
        ModelConfig& c = add("cascade with masks");
        c.roi.type = RoIHeadType::CASCADE_RCNN;
        c.roi.deltaHead.classAgnostic = true;
        c.roi.maskHead = fcnMasks();
    }
    {
        ModelConfig& c = add("cascade of two stages");
        c.roi.type = RoIHeadType::CASCADE_RCNN;
        c.roi.deltaHead.classAgnostic = true;
        c.roi.cascade = {{0.5f, 0.6f}, {1, 0.5f}, {1, 0.5f}};
        c.rpn.convs = 2;
        c.rpn.anchorScales = {4, 8};
    }
    {
        ModelConfig& c = all.emplace_back(NamedConfig{"small family with ReLU6", smallFamily()}).config;
        c.backbone.activation = Activation::RELU6;
    }
    {
        ModelConfig& c = all.emplace_back(NamedConfig{"d2det on pafpn", narrowConfig()}).config;
        c.fpn.type = NeckType::PAFPN;
    }
    return all;
}

inline std::vector<NamedConfig> variants()
{
    std::vector<NamedConfig> all{{"small", smallFamily()}, {"paper", paperFamily()}};
    const auto add = [&](const char* name) -> ModelConfig&
    {
        all.push_back({name, narrowConfig()});
        return all.back().config;
    };
    {
        ModelConfig& c = add("group norm in C5, two extra levels by convolution");
        c.backbone.newStages = {5};
        c.fpn.extraType = ExtraLevelType::CONV;
        c.fpn.extraLevels = 2;
    }
    {
        ModelConfig& c = add("ResNeXt-50");
        c.backbone.type = BackboneType::RESNEXT50_32X4D;
    }
    {
        ModelConfig& c = add("deformable convolutions in C4 and C5");
        c.backbone.type = BackboneType::RESNET50;
        c.backbone.deformableStages = {4, 5};
    }
    {
        ModelConfig& c = add("deformable convolutions in C5 of ResNet-18");
        c.backbone.type = BackboneType::RESNET18;
        c.backbone.deformableStages = {5};
    }
    {
        ModelConfig& c = add("deformable convolutions in C3 of ResNeXt-50, no norm");
        c.backbone.type = BackboneType::RESNEXT50_32X4D;
        c.backbone.levels = {2, 3};
        c.backbone.norm = BackboneNorm::NONE;
        c.backbone.deformableStages = {3};
        c.roi.levels = 2;
    }
    {
        ModelConfig& c = add("MobileNetEdgeTPU");
        c.backbone.type = BackboneType::MOBILENET_EDGETPU;
        c.backbone.norm = BackboneNorm::NONE;
    }
    {
        ModelConfig& c = add("no C2");
        c.backbone.levels = {3, 4, 5};
        c.fpn.extraType = ExtraLevelType::CONV;
        c.roi.levels = 3;
        c.roi.finestScale = 112;
    }
    {
        ModelConfig& c = add("group norm everywhere");
        c.backbone.norm = BackboneNorm::GROUP_NORM;
    }
    {
        ModelConfig& c = add("legacy boxes");
        c.legacy = true;
    }
    {
        ModelConfig& c = add("no offsets");
        c.roi.classHead.deformable = false;
    }
    {
        ModelConfig& c = add("no offsets, legacy boxes");
        c.roi.classHead.deformable = false;
        c.legacy = true;
    }
    {
        ModelConfig& c = add("no adaptive weighting");
        c.roi.classHead.adaptiveWeighting = false;
    }
    {
        ModelConfig& c = add("plain pooling");
        c.roi.classHead.deformable = c.roi.classHead.adaptiveWeighting = false;
    }
    {
        ModelConfig& c = add("no overlap branch");
        c.roi.boxHead.binaryOverlap = false;
        c.test.nmsMode = NMSMode::HARD;
    }
    {
        ModelConfig& c = add("weighted decoding, gaussian soft-NMS");
        c.roi.boxHead.decodeMode = DecodeMode::WEIGHTED;
        c.test.nmsMode = NMSMode::SOFT_GAUSSIAN;
    }
    {
        ModelConfig& c = add("padding rows in every list");
        c.rpn.nmsThreshold = 0.3f;
        c.rpn.proposalsTest = 1000;
        c.test.scoreThreshold = 0.3f;
        c.test.preDetections = 200;
        c.test.maxDetections = 200;
    }
    {
        ModelConfig& c = add("masks");
        c.roi.maskHead = smallMasks();
    }
    {
        ModelConfig& c = add("masks without scores, legacy boxes");
        c.roi.maskHead = smallMasks();
        c.roi.maskHead.scoring = false;
        c.legacy = true;
    }
    {
        ModelConfig& c = add("masks without a second pass");
        c.roi.maskHead = smallMasks();
        c.roi.maskHead.secondPass = false;
    }
    {
        ModelConfig& c = add("masks without a second pass and scores, legacy boxes, gaussian soft-NMS");
        c.roi.maskHead = smallMasks();
        c.roi.maskHead.secondPass = c.roi.maskHead.scoring = false;
        c.test.nmsMode = NMSMode::SOFT_GAUSSIAN;
        c.legacy = true;
    }
    {
        ModelConfig& c = add("masks without a second pass, hard NMS, padding rows in every list");
        c.roi.maskHead = smallMasks();
        c.roi.maskHead.secondPass = false;
        c.rpn.nmsThreshold = 0.3f;
        c.rpn.proposalsTest = 1000;
        c.test.nmsMode = NMSMode::HARD;
        c.test.scoreThreshold = 0.3f;
        c.test.preDetections = 200;
        c.test.maxDetections = 200;
    }
    {
        ModelConfig& c = add("masks of the simple kind");
        c.roi.maskHead = smallMasks();
        c.roi.maskHead.type = MaskHeadType::FCN;
        c.roi.maskHead.scoring = false;
        c.roi.maskHead.convs = 2;
    }
    {
        ModelConfig& c = add("masks of the simple kind without norm, one class");
        c.classNames = {"person"};
        c.roi.maskHead = smallMasks();
        c.roi.maskHead.type = MaskHeadType::FCN;
        c.roi.maskHead.scoring = false;
        c.roi.maskHead.normGroups = 0;
        c.roi.maskHead.convs = 1;
    }
    const std::vector<NamedConfig> others = familyVariants();
    all.insert(all.end(), others.begin(), others.end());
    return all;
}

inline Detector randomModel(const ModelConfig& config, uint64_t seed = 1)
{
    Detector model(config);
    randomizeModel(model, seed);
    model->eval();
    return model;
}

}  // namespace test
}  // namespace d2det

#endif
