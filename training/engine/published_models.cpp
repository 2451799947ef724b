// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Published networks (published_models.hpp). Sources: torchvision/models/detection/faster_rcnn.py and mask_rcnn.py; for
   D2Det's release model.md 5 and 7. */

#include "engine/published_models.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <sstream>
#include <utility>

namespace d2det
{

namespace
{

constexpr int64_t MAX_WIDTH = 1 << 16;  // channels; the configuration has limits below
constexpr int RELEASED_GROUP = 16;      // channels per group of the group norm in D2Det's box head

// COCO's classes by id, 1 to 90, as torchvision lists them; "N/A": ids that COCO does not use.
const char* const COCO_BY_ID[] = {
    "person",        "bicycle",       "car",          "motorcycle",     "airplane",     "bus",
    "train",         "truck",         "boat",         "traffic light",  "fire hydrant", "N/A",
    "stop sign",     "parking meter", "bench",        "bird",           "cat",          "dog",
    "horse",         "sheep",         "cow",          "elephant",       "bear",         "zebra",
    "giraffe",       "N/A",           "backpack",     "umbrella",       "N/A",          "N/A",
    "handbag",       "tie",           "suitcase",     "frisbee",        "skis",         "snowboard",
    "sports ball",   "kite",          "baseball bat", "baseball glove", "skateboard",   "surfboard",
    "tennis racket", "bottle",        "N/A",          "wine glass",     "cup",          "fork",
    "knife",         "spoon",         "bowl",         "banana",         "apple",        "sandwich",
    "orange",        "broccoli",      "carrot",       "hot dog",        "pizza",        "donut",
    "cake",          "chair",         "couch",        "potted plant",   "bed",          "N/A",
    "dining table",  "N/A",           "N/A",          "toilet",         "N/A",          "tv",
    "laptop",        "mouse",         "remote",       "keyboard",       "cell phone",   "microwave",
    "oven",          "toaster",       "sink",         "refrigerator",   "N/A",          "book",
    "clock",         "vase",          "scissors",     "teddy bear",     "hair drier",   "toothbrush"};
const std::string NOT_A_CLASS = "N/A";

bool has(const TensorMap& tensors, const std::string& name)
{
    return tensors.count(name) != 0;
}

//! Prefix of the backbone's names in a file of the family.
std::string backbonePrefix(WeightFamily family)
{
    switch (family)
    {
        case WeightFamily::TORCHVISION:
            return "backbone.body.";
        case WeightFamily::MMDETECTION:
            return "backbone.";
        default:
            return "";
    }
}

//! Groups of the 3x3 convolutions of a ResNet and their channels in the first stage; zeros if the file has none.
std::pair<int64_t, int64_t> resNetGroups(const TensorMap& tensors, const std::string& prefix)
{
    const auto found = tensors.find(prefix + "layer1.0.conv2.weight");
    if (found == tensors.end() || found->second.dim() != 4 || found->second.size(1) < 1)
        return {0, 0};
    return {found->second.size(0) / found->second.size(1), found->second.size(1)};
}

BackboneType resNetType(const TensorMap& tensors, const std::string& prefix)
{
    std::array<int, 4> depths{};
    for (int layer = 0; layer < 4; layer++)
    {
        const std::string path = prefix + "layer" + std::to_string(layer + 1) + ".";
        while (has(tensors, path + std::to_string(depths[layer]) + ".conv1.weight"))
            depths[layer]++;
    }
    const bool bottleneck = has(tensors, prefix + "layer1.0.conv3.weight");
    const std::array<int, 4> small{2, 2, 2, 2}, medium{3, 4, 6, 3}, large{3, 4, 23, 3};
    if (depths == small && !bottleneck)
        return BackboneType::RESNET18;
    const std::pair<int64_t, int64_t> groups = resNetGroups(tensors, prefix);
    if (bottleneck && groups.first > 1)
    {
        if (depths == medium && groups == std::make_pair<int64_t, int64_t>(32, 4))
            return BackboneType::RESNEXT50_32X4D;
        if (depths == large && groups == std::make_pair<int64_t, int64_t>(32, 8))
            return BackboneType::RESNEXT101_32X8D;
        if (depths == large && groups == std::make_pair<int64_t, int64_t>(64, 4))
            return BackboneType::RESNEXT101_64X4D;
        fail("the backbone is a ResNeXt of " + std::to_string(groups.first) + " x " + std::to_string(groups.second) +
             " channels; ResNeXt-50 of 32 x 4 and ResNeXt-101 of 32 x 8 or 64 x 4 can be imported");
    }
    if (depths == medium)
        return bottleneck ? BackboneType::RESNET50 : BackboneType::RESNET34;
    if (depths == large && bottleneck)
        return BackboneType::RESNET101;
    std::ostringstream text;
    for (size_t i = 0; i < depths.size(); i++)
        text << (i ? ", " : "") << depths[i];
    fail("the backbone is a ResNet with " + text.str() + (bottleneck ? " bottleneck blocks" : " basic blocks") +
         "; those of ResNet-18, 34, 50 and 101 can be imported");
}

//! First dimension of a tensor, `otherwise` if the file lacks it.
int outputsOf(const TensorMap& tensors, const std::string& name, int otherwise)
{
    const auto found = tensors.find(name);
    const bool usable = found != tensors.end() && found->second.dim() > 0 && found->second.size(0) < MAX_WIDTH;
    return usable ? static_cast<int>(found->second.size(0)) : otherwise;
}

//! The classes that have a name, and their rows in the classifier.
void chooseClasses(const std::vector<std::string>& names, ImportedModel& model)
{
    for (size_t i = 0; i < names.size(); i++)
        if (!names[i].empty() && names[i] != NOT_A_CLASS)
        {
            model.config.classNames.push_back(names[i]);
            model.classRows.push_back(static_cast<int64_t>(i) + 1);  // row 0 is the background
        }
    const int64_t left = static_cast<int64_t>(names.size() - model.classRows.size());
    if (model.classRows.empty())
        fail("no class has a name");
    if (left > 0)
        model.notes.push_back(counted(left, "row") + " of the classifier without a class left out, " +
                              counted(static_cast<int64_t>(model.classRows.size()), "class") + " taken");
}

//! Faster or Mask R-CNN as torchvision builds it (torchvision/models/detection), with its thresholds.
void torchvisionConfig(const TensorMap& tensors, ModelConfig& c)
{
    const bool masks = hasPrefix(tensors, "roi_heads.mask_head.");
    // Widths are those of the file; the published networks have the defaults.
    c.fpn.channels = outputsOf(tensors, "backbone.fpn.layer_blocks.0.weight",
                               outputsOf(tensors, "backbone.fpn.layer_blocks.0.0.weight", c.fpn.channels));
    c.rpn.channels = c.fpn.channels;
    c.roi.classHead.fcChannels = outputsOf(tensors, "roi_heads.box_head.fc6.weight", c.roi.classHead.fcChannels);
    c.name = masks ? "mask_rcnn" : "faster_rcnn";
    c.backbone.normEpsilon = publishedEpsilon(WeightFamily::TORCHVISION, tensors);
    c.backbone.frozenStages = 1;
    c.rpn.minSize = 1e-3f;
    c.rpn.rescueIou = 0;
    c.rpn.rescueTarget = RescueTarget::BEST;
    while (has(tensors, "rpn.head.conv." + std::to_string(c.rpn.convs) + ".0.weight"))
        c.rpn.convs++;
    c.roi.type = RoIHeadType::FASTER_RCNN;
    c.roi.aligned = false;
    c.roi.classHead.deformable = c.roi.classHead.adaptiveWeighting = false;
    c.roi.classHead.samplingRatio = 2;
    c.roi.classHead.lossWeight = 1;
    c.test.scoreThreshold = 0.05f;
    c.test.nmsMode = NMSMode::HARD;
    c.test.finalNmsThreshold = 0.5f;
    c.test.maxDetections = 100;
    if (!masks)
        return;
    MaskHeadConfig& m = c.roi.maskHead;
    m.type = MaskHeadType::FCN;
    m.channels = outputsOf(tensors, "roi_heads.mask_predictor.conv5_mask.weight", m.channels);
    m.normGroups = 0;
    m.scoring = false;
    m.secondPass = true;
    m.binaryTargets = false;
}

//! The released D2Det: thresholds of its configurations for boxes and for masks (model.md 5).
void releaseConfig(const TensorMap& tensors, ModelConfig& c)
{
    const std::string head = "D2Det_head.";
    c.name = "d2det_release";
    c.legacy = true;
    c.roi.classHead.samplingRatio = c.backbone.type == BackboneType::RESNET101 ? 1 : 2;
    c.fpn.channels = outputsOf(tensors, "neck.fpn_convs.0.conv.weight", c.fpn.channels);
    c.rpn.channels = outputsOf(tensors, "rpn_head.rpn_conv.weight", c.rpn.channels);
    c.roi.classHead.fcChannels = outputsOf(tensors, "bbox_head.shared_fcs.0.weight", c.roi.classHead.fcChannels);
    c.roi.classHead.offsetChannels =
        outputsOf(tensors, "bbox_roi_extractor.roi_layers.0.offset_fc.0.weight", c.roi.classHead.offsetChannels);
    c.roi.boxHead.channels = outputsOf(tensors, head + "convs.0.conv.weight", c.roi.boxHead.channels);
    c.roi.boxHead.normGroups = c.roi.boxHead.channels / RELEASED_GROUP;
    c.roi.boxHead.convs = 0;
    while (has(tensors, head + "convs." + std::to_string(c.roi.boxHead.convs) + ".conv.weight"))
        c.roi.boxHead.convs++;
    if (!has(tensors, head + "deconv1.weight"))
        return;
    MaskHeadConfig& m = c.roi.maskHead;
    m.type = MaskHeadType::D2DET;
    m.channels = outputsOf(tensors, head + "deconv2.weight", m.channels);
    m.scoreChannels = outputsOf(tensors, head + "fcs.0.weight", m.scoreChannels);
    m.scoring = has(tensors, head + "fc_instance_iou.weight");
    c.rpn.proposalsTest = 700;
    c.test.scoreThreshold = 0.05f;
    c.test.nmsThreshold = 0.3f;
    c.test.preDetections = c.test.maxDetections = 100;
    c.test.nmsMode = NMSMode::HARD;
    c.test.finalNmsThreshold = 1;  // no second NMS
}

}  // namespace

int64_t classifierRows(const TensorMap& tensors, WeightFamily family)
{
    const std::string name = family == WeightFamily::TORCHVISION   ? "roi_heads.box_predictor.cls_score.weight"
                             : family == WeightFamily::MMDETECTION ? "bbox_head.fc_cls.weight"
                                                                   : "";
    const auto found = tensors.find(name);
    return found == tensors.end() || found->second.dim() != 2 ? 0 : found->second.size(0);
}

std::vector<std::string> classNamesOfRows(int64_t rows, const std::vector<std::string>& given)
{
    const size_t classes = static_cast<size_t>(rows - 1);
    if (!given.empty() && given.size() != classes)
        fail(counted(static_cast<int64_t>(given.size()), "class name") + " for a classifier of " +
             std::to_string(classes) + " and the background");
    if (!given.empty())
        return given;
    const std::vector<std::string> byId(std::begin(COCO_BY_ID), std::end(COCO_BY_ID));
    if (classes == byId.size())
        return byId;
    std::vector<std::string> names;
    std::copy_if(byId.begin(), byId.end(), std::back_inserter(names),
                 [](const std::string& name) { return name != NOT_A_CLASS; });
    if (classes == names.size())
        return names;
    names.clear();
    for (size_t i = 1; i <= classes; i++)
        names.push_back("class " + std::to_string(i));
    return names;
}

ImportedModel modelOfWeights(const TensorMap& tensors, WeightFamily family, const std::vector<std::string>& classNames)
{
    ImportedModel model;
    ModelConfig& c = model.config;
    if (family == WeightFamily::MOBILENET)
    {
        c.name = "d2det_mnv2";
        c.backbone.type = BackboneType::MOBILENET_V2;
        c.backbone.activation = Activation::RELU6;
    }
    else if (family == WeightFamily::EDGETPU)
    {
        c.name = "d2det_edgetpu";
        c.backbone.type = BackboneType::MOBILENET_EDGETPU;
        c.backbone.norm = BackboneNorm::NONE;
    }
    else if (family != WeightFamily::OWN && family != WeightFamily::UNKNOWN)
        c.backbone.type = resNetType(tensors, backbonePrefix(family));
    else
        fail("the file has " + std::string(familyText(family)));
    if (isBackboneOnly(family))
        return model;
    const int64_t rows = classifierRows(tensors, family);
    if (rows < 2)
        fail("the file has no classifier of boxes: " + std::string(family == WeightFamily::TORCHVISION
                                                                       ? "roi_heads.box_predictor.cls_score"
                                                                       : "bbox_head.fc_cls"));
    if (family == WeightFamily::TORCHVISION)
        torchvisionConfig(tensors, c);
    else
        releaseConfig(tensors, c);
    chooseClasses(classNamesOfRows(rows, classNames), model);
    return model;
}

std::vector<std::string> foreignParts(const TensorMap& tensors, WeightFamily family)
{
    std::vector<std::string> parts;
    const std::string prefix = backbonePrefix(family);
    const auto first = tensors.find(prefix + "layer1.0.conv1.weight");
    const std::pair<int64_t, int64_t> groups = resNetGroups(tensors, prefix), known[] = {{32, 4}, {32, 8}, {64, 4}};
    if (groups.first > 1 && std::find(std::begin(known), std::end(known), groups) == std::end(known))
        parts.push_back("a ResNeXt backbone of " + std::to_string(groups.first) + " x " +
                        std::to_string(groups.second) + " channels");
    else if (groups.first <= 1 && first != tensors.end() && first->second.dim() == 4 && first->second.size(0) != 64)
        parts.push_back("a backbone of another width than ResNet's (" + std::to_string(first->second.size(0)) +
                        " channels in layer1, not 64)");
    if (family == WeightFamily::TORCHVISION && first == tensors.end())
        parts.push_back("another backbone than ResNet");
    for (const auto& item : tensors)
        if (item.first.find("conv2_offset") != std::string::npos || item.first.find("conv_offset") != std::string::npos)
        {
            parts.push_back("deformable convolutions in the backbone");
            break;
        }
    const std::pair<const char*, const char*> prefixes[] = {
        {"roi_heads.box_head.0.",
         "four convolutions before the fully connected layer of the box head (version 2 of "
         "torchvision's networks)"},
        {"roi_heads.keypoint_head.", "a head for keypoints"},
        {"head.classification_head.", "the one-stage heads of RetinaNet"},
        {"roi_head.", "the heads of mmdetection 2 or later"},
        {"bbox_head.fc_reg.", "a box head of Faster R-CNN in mmdetection's layout"},
        {"bbox_head.0.", "the stages of a cascade"},
    };
    for (const auto& item : prefixes)
        if (hasPrefix(tensors, item.first))
            parts.push_back(item.second);
    return parts;
}

}  // namespace d2det
