// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Single definition of every configuration key: name in the file, member, permitted values and description. All code
   that depends on the keys is a visitor of these functions: reading with spelling suggestions and writing
   (config_json.cpp), range checks (config_check.cpp) and the table in docs/configuration.md (config_table.cpp).
   Defaults are the member initializers in config.hpp. Relations between keys are checked in config_check.cpp.

   Interface of a visitor:
     v.group(key, struct, help)             keys of a struct, an object in the file
     v.list(key, vector of structs, help)   an array of objects
     v.path(key, string, help)              a file or folder; ${NAME} is expanded, relative paths are resolved against
                                            the folder of the configuration file
     v(key, member, help)                   bool, text
     v(key, member, Limits, help)           number, text, or a list of these
     v(key, member, {{"name", value}, ...}, help)   an enumeration: name in the file, value of the member */

#ifndef D2DET_TRAINING_CONFIG_KEYS_HPP
#define D2DET_TRAINING_CONFIG_KEYS_HPP

#include "config/config.hpp"

#include <cstddef>
#include <initializer_list>
#include <limits>

namespace d2det
{

template <class T>
struct Choice
{
    using Type = T;
    const char* name;
    T value;
};

//! Non-deduced parameter type: T is deduced from the member argument alone.
template <class T>
using Choices = std::initializer_list<Choice<typename Choice<T>::Type>>;

//! Permitted values of a key; low .. high also applies to the numbers of a list.
struct Limits
{
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
    size_t least = 0;  //!< minimum number of list elements or text bytes
    size_t most = std::numeric_limits<size_t>::max();

    //! The same range for a list of least .. most elements.
    Limits listOf(size_t fewest, size_t highest) const { return {low, high, fewest, highest}; }
};

inline Limits range(double low, double high)
{
    return {low, high};
}

inline Limits length(size_t least, size_t most)
{
    return Limits().listOf(least, most);
}

template <class V>
void visit(V& v, BackboneConfig& c)
{
    v("type", c.type,
      {{"resnet18", BackboneType::RESNET18},
       {"resnet34", BackboneType::RESNET34},
       {"resnet50", BackboneType::RESNET50},
       {"resnet101", BackboneType::RESNET101},
       {"resnext50_32x4d", BackboneType::RESNEXT50_32X4D},
       {"resnext101_32x8d", BackboneType::RESNEXT101_32X8D},
       {"resnext101_64x4d", BackboneType::RESNEXT101_64X4D},
       {"mobilenet_v2", BackboneType::MOBILENET_V2},
       {"mobilenet_edgetpu", BackboneType::MOBILENET_EDGETPU}},
      "network that computes the feature maps; layers and tensor names are torchvision's where it has the network");
    v("levels", c.levels, range(2, 5).listOf(1, 4),
      "stages whose maps the pyramid gets, ascending without a gap; stage n has stride 2^n pixels");
    v("norm", c.norm,
      {{"frozen_bn", BackboneNorm::FROZEN_BN}, {"none", BackboneNorm::NONE}, {"group_norm", BackboneNorm::GROUP_NORM}},
      "`frozen_bn`: batch norm with fixed running statistics, its scale and shift are trained; `none`: convolutions "
      "with a bias, for weights with batch norm folded in; `group_norm`: 32 groups");
    v("new_stage_norm", c.newStageNorm,
      {{"", std::nullopt},
       {"frozen_bn", BackboneNorm::FROZEN_BN},
       {"none", BackboneNorm::NONE},
       {"group_norm", BackboneNorm::GROUP_NORM}},
      "norm of the stages in `new_stages`; `\"\"`: that of `norm`. ResNet only");
    v("new_stages", c.newStages, range(1, 5).listOf(0, 5),
      "stages without pre-trained weights, for which `frozen_bn` would have no statistics. ResNet only");
    v("frozen_stages", c.frozenStages, range(0, 5),
      "leading stages that are not trained; 0: none, 1: the stem and stage 2, 2: also stage 3, ...");
    v("activation", c.activation, {{"relu", Activation::RELU}, {"relu6", Activation::RELU6}},
      "`relu6`: min(max(x, 0), 6), with which MobileNetV2's weights for ImageNet were trained");
    v("norm_eps", c.normEpsilon, range(0, 1), "added to the variance in `frozen_bn`");
    v("deformable_stages", c.deformableStages, range(3, 5).listOf(0, 3),
      "stages whose 3x3 convolutions are deformable with a mask (DCN v2), as in the paper's best models: `[3, 4, 5]`. "
      "They begin with offsets of zero and a mask of 0.5. ResNets and ResNeXts only; in ResNet-18 and -34 the second "
      "convolution of each block");
}

template <class V>
void visit(V& v, FpnConfig& c)
{
    v("type", c.type, {{"fpn", NeckType::FPN}, {"pafpn", NeckType::PAFPN}},
      "`pafpn`: another path from the finest map to the coarsest behind the pyramid, as in PANet");
    v("channels", c.channels, range(1, 4096), "channels of every pyramid map");
    v("extra_levels", c.extraLevels, range(0, 4), "levels above the backbone's last one, each with twice the stride");
    v("extra_type", c.extraType, {{"maxpool", ExtraLevelType::MAX_POOL}, {"conv", ExtraLevelType::CONV}},
      "how extra levels are made from the level below: `maxpool`: every second cell, `conv`: 3 x 3 convolution of "
      "stride 2");
}

template <class V>
void visit(V& v, RpnConfig& c)
{
    v("anchors", c.anchors, {{"given", ValueSource::GIVEN}, {"auto", ValueSource::AUTO}},
      "`given`: the anchors of the next three keys; `auto`: as many, fitted to the boxes of `data.train` at the start "
      "of "
      "the training, which writes their values into the run's config.json and its checkpoints (as `d2det_dataset "
      "anchors`)");
    v("anchor_scale", c.anchorScale, range(1e-3, 1e4),
      "side of a square anchor in units of its level's stride; 8 gives 32 pixels on stride 4");
    v("anchor_scales", c.anchorScales, range(1e-3, 1e4).listOf(0, 16),
      "several such sides, each with all shapes, in place of `anchor_scale`; empty: that one alone");
    v("anchor_ratios", c.anchorRatios, range(1e-3, 1e3).listOf(1, 64),
      "shapes of the anchors of a cell, height / width; the area is the same for all");
    v("channels", c.channels, range(1, 4096), "channels of the 3 x 3 convolutions before the scores and offsets");
    v("convs", c.convs, range(1, 16), "number of these convolutions");
    v("positive_iou", c.positiveIou, range(0, 1),
      "an anchor whose best IoU with an object reaches this is trained as positive");
    v("negative_iou", c.negativeIou, range(0, 1),
      "an anchor whose best IoU lies below this is trained as negative. Not above `positive_iou`");
    v("rescue_iou", c.rescueIou, range(0, 1),
      "the best anchors of an object are positive too if their IoU reaches this; 0: always, as in torchvision");
    v("rescue_target", c.rescueTarget, {{"object", RescueTarget::OBJECT}, {"best", RescueTarget::BEST}},
      "object that such an anchor is trained towards: `object`: that one, `best`: the one that it overlaps most, as in "
      "torchvision");
    v("batch_per_image", c.batchPerImage, range(1, 100000), "anchors drawn per image for the losses");
    v("positive_fraction", c.positiveFraction, range(0, 1), "largest share of positive ones among the drawn anchors");
    v("smooth_l1_beta", c.smoothL1Beta, range(1e-6, 1e6),
      "difference at which the loss of anchor offsets turns from quadratic to linear");
    v("loss_weight", c.lossWeight, range(0, 1e6), "factor of the loss `rpn_cls`");
    v("box_loss_weight", c.boxLossWeight, range(0, 1e6), "factor of the loss `rpn_box`");
    v("nms_threshold", c.nmsThreshold, range(0, 1),
      "IoU above which the proposal with the lower score is dropped, level by level");
    v("pre_nms_top_n_train", c.preNmsTopNTrain, range(1, 100000),
      "best anchors per level and image that enter NMS, in training");
    v("post_nms_top_n_train", c.postNmsTopNTrain, range(1, 100000), "most proposals per level after NMS, in training");
    v("proposals_train", c.proposalsTrain, range(1, 100000), "proposals per image over all levels, in training");
    v("pre_nms_top_n_test", c.preNmsTopNTest, range(1, 100000),
      "best anchors per level and image that enter NMS, at inference");
    v("post_nms_top_n_test", c.postNmsTopNTest, range(1, 100000), "most proposals per level after NMS, at inference");
    v("proposals_test", c.proposalsTest, range(1, 100000),
      "proposals per image over all levels, at inference; time grows with them");
    v("min_size", c.minSize, range(0, 1e5), "proposals with a shorter side are dropped, pixels of the network input");
}

template <class V>
void visit(V& v, ClassHeadConfig& c)
{
    v("deformable", c.deformable, "the RoI's cells are moved by predicted offsets; false: regular grid");
    v("adaptive_weighting", c.adaptiveWeighting,
      "cells are averaged with predicted weights; false: plain 3 x 3 average of stride 2");
    v("shared_levels", c.sharedLevels,
      "one set of weights for offsets and weighting; false: one for each pyramid level, as in the released model");
    v("all_levels", c.allLevels,
      "adaptive feature pooling of PANet: RoIs are pooled from every level, each with a first layer of its own, and "
      "the "
      "largest values go on. Needs `deformable` and `adaptive_weighting` off");
    v("pooled_size", c.pooledSize, range(1, 64),
      "side k of the classifier's input, k x k cells; with `deformable` or `adaptive_weighting` pooling makes 2k x 2k "
      "of them");
    v("offset_pooled_size", c.offsetPooledSize, range(1, 64),
      "side of the pooled features that offsets are predicted from");
    v("offset_channels", c.offsetChannels, range(1, 16384), "width of the two hidden layers that predict offsets");
    v("sampling_ratio", c.samplingRatio, range(1, 16), "samples per cell and axis");
    v("gamma", c.gamma, range(0, 1e3), "an offset of 1 moves a cell by this share of the RoI's side");
    v("gain", c.gain, range(0, 80), "the weight of a cell is exp(gain * sigmoid(prediction))");  // finite in float32
    v("convs", c.convs, range(0, 64),
      "3 x 3 convolutions on the pooled features, before the fully connected layers, each with a bias and a ReLU; 4 in "
      "version 2 of torchvision's networks. Not together with `all_levels`");
    v("conv_channels", c.convChannels, range(1, 8192), "channels of these convolutions");
    v("fcs", c.fcs, range(1, 2),
      "hidden fully connected layers of the classifier; 1 in version 2 of torchvision's networks");
    v("fc_channels", c.fcChannels, range(1, 16384), "width of these layers");
    v("loss_weight", c.lossWeight, range(0, 1e6), "factor of the classification loss `cls`");
    v("class_weighting", c.classWeighting, {{"given", ValueSource::GIVEN}, {"auto", ValueSource::AUTO}},
      "`given`: by the next key; `auto`: the trainer sets that key before the first step, each class by 1 / sqrt(its "
      "objects in `data.train`), scaled to a mean of 1 over the objects");
    v("class_weights", c.classWeights, range(0, 1e6).listOf(0, 20000),
      "factors of the loss `cls` by the true class of a RoI, in the order of `model.class_names`; empty: all 1. The "
      "sum is "
      "divided by the number of RoIs whatever the weights");
    v("background_weight", c.backgroundWeight, range(0, 1e6), "that factor for RoIs of the background");
}

template <class V>
void visit(V& v, BoxHeadConfig& c)
{
    v("convs", c.convs, range(1, 64), "3 x 3 convolutions; the first has stride 2");
    v("channels", c.channels, range(1, 8192), "channels of these convolutions");
    v("norm_groups", c.normGroups, range(1, 8192), "groups of the group norm behind each of them; divides `channels`");
    v("pooled_size", c.pooledSize, range(2, 128),
      "side of the RoIAlign before the convolutions, even; half of it is the side of the grid of cells that predict "
      "the box");
    v("sampling_ratio", c.samplingRatio, range(0, 16),
      "samples per cell and axis of the RoIAlign; 0: as many as the cell has pixels");
    v("binary_overlap", c.binaryOverlap,
      "predict which cells lie on the object, only they decide the box; false: the mean over all cells");
    v("overlap_rule", c.overlapRule, {{"paper", OverlapRule::PAPER}, {"shrunk", OverlapRule::SHRUNK}},
      "cells trained as lying on the object: `paper`: those inside its box, `shrunk`: those inside by a sixth of the "
      "RoI's side, as the released code does");
    v("overlap_threshold", c.overlapThreshold, range(0, 1),
      "cells with a lower predicted overlap do not count at inference");
    v("decode_mode", c.decodeMode, {{"mean", DecodeMode::MEAN}, {"weighted", DecodeMode::WEIGHTED}},
      "box from the boxes of the cells: `mean`, or `weighted` by their predicted overlap");
    v("regression_loss", c.regressionLoss, {{"iou", RegressionLoss::IOU}, {"smooth_l1", RegressionLoss::SMOOTH_L1}},
      "`iou`: -ln IoU of a cell's box with the object's; `smooth_l1`: of the offsets in units of the RoI");
    v("reduction", c.reduction, {{"masked", LossReduction::MASKED}, {"broadcast", LossReduction::BROADCAST}},
      "of the IoU loss: `masked`: sum over the cells on the object / number of all cells; `broadcast`: mean over all "
      "cells * share of cells on the object, as the first released code");
    v("smooth_l1_beta", c.smoothL1Beta, range(1e-6, 1e6),
      "with `smooth_l1`: difference at which the loss turns from quadratic to linear");
    v("loss_weight", c.lossWeight, range(0, 1e6), "factor of the regression loss `dlr`");
    v("overlap_loss_weight", c.overlapLossWeight, range(0, 1e6), "factor of the loss `overlap`");
    v("jitter", c.jitter, range(0, 0.49),
      "in training center and sides of a RoI are changed at random by up to this share of its sides");
    v("max_rois", c.maxRois, range(1, 100000), "most RoIs per step that train this head and the mask head");
}

template <class V>
void visit(V& v, DeltaHeadConfig& c)
{
    v("class_agnostic", c.classAgnostic, "one box for all classes; false: one per class. `cascade_rcnn` needs true");
    v("stds", c.stds, range(1e-6, 1e6).listOf(4, 4),
      "the outputs are dx, dy, dw, dh divided by these: center by the RoI's side, logarithm of the side");
    v("smooth_l1_beta", c.smoothL1Beta, range(1e-6, 1e6),
      "difference of the outputs at which the loss turns from quadratic to linear; 1/9 is torchvision's, others use 1");
    v("loss_weight", c.lossWeight, range(0, 1e6), "factor of the loss `box`");
}

template <class V>
void visit(V& v, CascadeConfig& c)
{
    v("positive_ious", c.positiveIous, range(0, 1).listOf(1, 8),
      "`positive_iou` of every stage, in place of that key; their number is the number of stages");
    v("std_factors", c.stdFactors, range(1e-6, 1e6).listOf(1, 8), "factor of `delta_head.stds` in every stage");
    v("loss_weights", c.lossWeights, range(0, 1e6).listOf(1, 8), "factor of the losses of every stage");
}

template <class V>
void visit(V& v, MaskHeadConfig& c)
{
    v("type", c.type, {{"none", MaskHeadType::NONE}, {"d2det", MaskHeadType::D2DET}, {"fcn", MaskHeadType::FCN}},
      "`none`: boxes only; `d2det`: two transposed convolutions on the box head's features; `fcn`: convolutions on a "
      "RoIAlign of its own and one transposed convolution, as in Mask R-CNN");
    v("channels", c.channels, range(1, 8192), "channels of its convolutions");
    v("norm_groups", c.normGroups, range(0, 8192),
      "groups of the group norm, 0: none; `d2det`: behind the first transposed convolution, `fcn`: behind every "
      "convolution. Divides `channels`");
    v("convs", c.convs, range(1, 64), "`fcn`: 3 x 3 convolutions before the transposed one");
    v("pooled_size", c.pooledSize, range(1, 128), "`fcn`: side of its RoIAlign; must be 14, half of the mask's");
    v("sampling_ratio", c.samplingRatio, range(0, 16),
      "`fcn`: samples per cell and axis of its RoIAlign; 0: as many as the cell has pixels");
    v("scoring", c.scoring, "`d2det`: predict the IoU of the mask, for its score");
    v("score_channels", c.scoreChannels, range(1, 16384), "width of the two hidden layers that predict the IoU");
    v("score_weight", c.scoreWeight, range(0, 1e3),
      "score of a mask = (score of the class + this * predicted IoU) / (1 + this)");
    v("second_pass", c.secondPass,
      "inference: the refined boxes are pooled again for the masks; false (`d2det` only): masks from the features of "
      "the boxes before their refinement, which takes less time, and a mask ends at the coarser box");
    v("overlap_from_masks", c.overlapFromMasks,
      "the box head's overlap is trained on the object's mask where it has one, not on its box");
    v("all_levels", c.allLevels, "`fcn`: adaptive feature pooling as in `class_head`, behind the first convolution");
    v("binary_targets", c.binaryTargets,
      "a cell is trained as 1 if at least half of it lies on the object, else as 0; false: as the share of it that "
      "does, as in torchvision");
    v("loss_weight", c.lossWeight, range(0, 1e6), "factor of the loss `mask`");
    v("score_loss_weight", c.scoreLossWeight, range(0, 1e6), "factor of the loss `mask_iou`");
}

template <class V>
void visit(V& v, RoIConfig& c)
{
    v("type", c.type,
      {{"d2det", RoIHeadType::D2DET},
       {"faster_rcnn", RoIHeadType::FASTER_RCNN},
       {"cascade_rcnn", RoIHeadType::CASCADE_RCNN}},
      "kind of the second stage: `d2det`: class of the proposals, NMS, dense regression of those left (`box_head`); "
      "`faster_rcnn`: class and box of every proposal from the same features (`delta_head`), with a mask head Mask "
      "R-CNN; `cascade_rcnn`: stages of that (`cascade`), each on the boxes of the one before");
    v("levels", c.levels, range(1, 16), "pyramid levels that RoIs are pooled from, finest first");
    v("finest_scale", c.finestScale, range(1, 1e5),
      "RoIs with a side (square root of the area, pixels of the network input) below twice this are pooled from the "
      "finest level, below four times from the second, ...; 56 fits a finest stride of 4, 112 one of 8");
    v("aligned", c.aligned,
      "RoIAlign takes the middle of the first cell as 0.5, the geometry of boxes; false: as 0, as in torchvision's "
      "models. false needs `class_head.deformable` and `class_head.adaptive_weighting` off, and no `legacy`");
    v("positive_iou", c.positiveIou, range(0, 1),
      "a proposal whose best IoU with an object reaches this is trained as that object, else as background");
    v("batch_per_image", c.batchPerImage, range(1, 100000), "proposals drawn per image for the losses");
    v("positive_fraction", c.positiveFraction, range(0, 1), "largest share of positive ones among them");
    v.group("class_head", c.classHead, "Classification by discriminative RoI pooling.");
    v.group("box_head", c.boxHead, "`d2det`: dense local regression of the box with binary overlap prediction.");
    v.group("delta_head", c.deltaHead, "`faster_rcnn`, `cascade_rcnn`: regression of the box by four numbers.");
    v.group("cascade", c.cascade, "`cascade_rcnn`: a value for each stage.");
    v.group("mask_head", c.maskHead, "Instance masks of 28 x 28 cells, one per detection, of its class.");
}

template <class V>
void visit(V& v, InferenceConfig& c)
{
    v("score_threshold", c.scoreThreshold, range(0, 1), "boxes whose class score is not above it are no candidates");
    v("nms_threshold", c.nmsThreshold, range(0, 1),
      "`d2det`: IoU above which the candidate with the lower score is dropped, class by class, before the regression");
    v("pre_detections", c.preDetections, range(1, 100000),
      "`d2det`: best candidates per image that go through the regression");
    v("nms_mode", c.nmsMode,
      {{"hard", NMSMode::HARD}, {"soft_linear", NMSMode::SOFT_LINEAR}, {"soft_gaussian", NMSMode::SOFT_GAUSSIAN}},
      "NMS of the refined boxes: `hard` drops the box with the lower score; soft-NMS multiplies its score by 1 - IoU "
      "(`soft_linear`) or exp(-IoU^2 / `soft_sigma`) (`soft_gaussian`)");
    v("final_nms_threshold", c.finalNmsThreshold, range(0, 1),
      "IoU above which `hard` and `soft_linear` act on the refined boxes");
    v("soft_sigma", c.softSigma, range(1e-6, 1e6), "width of `soft_gaussian`");
    v("soft_min_score", c.softMinScore, range(0, 1), "soft-NMS drops boxes whose lowered score is below it");
    v("max_detections", c.maxDetections, range(1, 100000), "most detections per image");
}

template <class V>
void visit(V& v, InputConfig& c)
{
    v("short_side", c.shortSide, range(1, 16384),
      "an image is resized to this shorter side, pixels, if that keeps the longer one within `long_side`");
    v("long_side", c.longSide, range(1, 16384), "limit of the longer side, pixels");
    v("divisor", c.divisor, range(1, 1024),
      "images are padded with zeros to sides that are multiples of it; of the backbone's last stride");
    v("keep_ratio", c.keepRatio,
      "false: every image becomes `long_side` pixels wide and `short_side` high, in training too, whatever its shape");
    v("mean", c.mean, range(-1e6, 1e6).listOf(3, 3), "subtracted from the channels (0 .. 255), in their order");
    v("std", c.std, range(1e-6, 1e6).listOf(3, 3), "the channels are divided by it afterwards");
    v("channel_order", c.channelOrder, {{"rgb", ChannelOrder::RGB}, {"bgr", ChannelOrder::BGR}},
      "order of the channels in the network input");
}

template <class V>
void visit(V& v, ModelConfig& c)
{
    v("name", c.name, length(1, 256), "name of the model, kept in the ONNX file");
    v("legacy", c.legacy,
      "boxes include their last pixel (width = x2 - x1 + 1) and RoIs are pooled as in the first released code, for "
      "its weights");
    v("class_names", c.classNames, length(0, 20000),
      "names of the classes in the order of the network's outputs; empty: those of the training annotations");
    v.group("backbone", c.backbone, "Backbone.");
    v.group("fpn", c.fpn, "Feature pyramid.");
    v.group("rpn", c.rpn, "Region proposal network.");
    v.group("roi", c.roi, "Second stage: sampling of proposals and the heads.");
    v.group("test", c.test, "Inference.");
    v.group("input", c.input, "Network input; image size at validation and inference.");
}

template <class V>
void visit(V& v, DatasetConfig& c)
{
    v.path("annotations", c.annotations,
           "COCO JSON, or the folder of a COCO, Pascal VOC, YOLO, labelme or CVAT data set");
    v.path("images", c.images, "folder of the images; empty: the usual places near the annotations");
    v("subset", c.subset,
      {{"", ""},
       {"every5th_val", "every5th_val"},
       {"every5th_train", "every5th_train"},
       {"train", "train"},
       {"val", "val"},
       {"test", "test"},
       {"trainval", "trainval"}},
      "part of the data set: `\"\"`: all; `every5th_val`: every fifth image by sorted file name, `every5th_train`: "
      "the others; the rest: that split of a folder");
    v("repeat", c.repeat, range(1, 10000), "times that each image is drawn per epoch of training");
}

template <class V>
void visit(V& v, AugmentConfig& c)
{
    v("preset", c.preset,
      {{"none", AugmentPreset::NONE},
       {"default", AugmentPreset::DEFAULT},
       {"aerial", AugmentPreset::AERIAL},
       {"photo", AugmentPreset::PHOTO},
       {"industrial", AugmentPreset::INDUSTRIAL}},
      "values of all keys of this table and of `flip`, `color_jitter`, `random_crop` and `crop_min_scale`: a file or "
      "`--set` that has this key sets them all, then those keys that it has beside it; later ones change single keys. "
      "`none`: nothing is changed; `default`: the defaults of this page; `aerial`, `photo`, `industrial`: for images "
      "of these kinds ([augmentation.md](augmentation.md))");
    v("min_visible", c.minVisible, range(0, 1),
      "an object of which a smaller share of its area is left (of its outline if it has one, else of its box) is "
      "dropped. For all but random crops");
    v("crop_keep", c.cropKeep, range(0, 1),
      "that share for random crops (`random_crop`); 0: objects are kept whose center lies in the part");
    v("vertical_flip", c.verticalFlip, range(0, 1), "probability of a vertical flip");
    v("right_angle", c.rightAngle, range(0, 1), "probability of a turn by 90, 180 or 270 degrees");
    v("affine", c.affine, range(0, 1),
      "probability of the next four, about the middle of the image; what comes in from outside has the color "
      "`model.input.mean`");
    v("rotation", c.rotation, range(0, 180), "largest angle, degrees to both sides");
    v("scale", c.scale, range(0.1, 10).listOf(2, 2), "least and largest factor");
    v("shear", c.shear, range(0, 45), "largest angle of a shear along x and along y, degrees");
    v("translation", c.translation, range(0, 1), "largest shift, as a share of the image's side");
    v("zoom", c.zoom, range(0, 1),
      "probability of large-scale jitter: the image becomes larger or smaller within its frame, which is cut at a "
      "random place or filled with the color `model.input.mean`");
    v("zoom_scale", c.zoomScale, range(0.05, 10).listOf(2, 2), "least and largest factor of it");
    v("mosaic", c.mosaic, range(0, 1),
      "probability of an image made of parts of four training images, in its four quarters");
    v("copy_paste", c.copyPaste, range(0, 1),
      "probability of pasting objects of another training image, cut out by their outlines, which the annotations "
      "need");
    v("paste_objects", c.pasteObjects, range(1, 1000), "most objects that are pasted");
    v("paste_scale", c.pasteScale, range(0.05, 10).listOf(2, 2), "least and largest factor of a pasted object");
    v("color", c.color, range(0, 1), "probability of the next four");
    v("brightness", c.brightness, range(0, 0.99), "strength v: factor drawn from 1 - v .. 1 + v");
    v("contrast", c.contrast, range(0, 0.99), "the same of the contrast, about the image's mean gray");
    v("saturation", c.saturation, range(0, 0.99), "the same of the saturation");
    v("hue", c.hue, range(0, 180), "largest turn of the hues, degrees to both sides");
    v("blur", c.blur, range(0, 1), "probability of a Gaussian blur");
    v("blur_sigma", c.blurSigma, range(0.05, 100).listOf(2, 2),
      "least and largest standard deviation of it, pixels of the image in its file");
    v("noise", c.noise, range(0, 1), "probability of Gaussian noise, independent in every value");
    v("noise_sigma", c.noiseSigma, range(0, 255).listOf(2, 2),
      "least and largest standard deviation of it; values are 0 .. 255");
    v("jpeg", c.jpeg, range(0, 1), "probability of the traces of JPEG compression");
    v("jpeg_quality", c.jpegQuality, range(1, 100).listOf(2, 2), "least and largest quality of it");
}

template <class V>
void visit(V& v, DataConfig& c)
{
    v.list("train", c.train, "Data sets to train on.");
    v.list("val", c.val, "Data sets to evaluate on.");
    v("short_sides", c.shortSides, range(1, 16384).listOf(1, 1000),
      "training: shorter side that an image is resized to, pixels; one is drawn per image");
    v("long_side", c.longSide, range(1, 16384), "training: limit of the longer side, pixels");
    v("flip", c.flip, range(0, 1), "training: probability of a horizontal flip");
    v("keypoint_pairs", c.keypointPairs, length(0, 2000),
      "names of keypoints that change places in a mirrored image, two by two: `[\"thumb\", \"pinky\"]`; those whose "
      "names differ by \"left\" and \"right\" do anyway. Used by `d2det_dataset show --augmented`");
    v("aspect_grouping", c.aspectGrouping, "batches of only wide or only tall images, which need less padding");
    v("color_jitter", c.colorJitter, range(0, 0.99),
      "training: strength v of color changes; brightness, contrast and saturation are each multiplied by a number "
      "drawn from 1 - v .. 1 + v; 0: off");
    v("random_crop", c.randomCrop, range(0, 1), "training: probability of taking a random part of the image");
    v("crop_min_scale", c.cropMinScale, range(0.01, 1), "smallest side of that part, as a share of the image's side");
    v("workers", c.workers, range(0, 256), "threads that decode and augment; 0: the thread that trains does");
    v("cache_megabytes", c.cacheMegabytes, range(0, 1 << 20), "training: decoded images kept in memory, MiB; 0: none");
    v("min_side", c.minSide, range(0, 100000),
      "training: boxes with a shorter side are left out, pixels of the image in its file");
    v("empty_images", c.emptyImages,
      {{"skip", EmptyImages::SKIP}, {"annotated", EmptyImages::ANNOTATED}, {"all", EmptyImages::ALL}},
      "training: images without objects. `skip`: not trained on; `annotated`: background, from which the detector "
      "learns "
      "what is no object, if the files say that there is none (listed in a COCO file, a VOC or labelme file without "
      "objects, an empty YOLO file); `all`: also those without a YOLO file. Images with crowds, tiny or unusable boxes "
      "alone never are");
    v("sampling", c.sampling, {{"uniform", Sampling::UNIFORM}, {"repeat_factor", Sampling::REPEAT_FACTOR}},
      "training: how often an image is drawn per epoch. `uniform`: once (times its data set's `repeat`); "
      "`repeat_factor`: "
      "images of rare classes more often, r times with r = the largest max(1, sqrt(`repeat_threshold` / f)) of its "
      "classes, f = share of the images that have the class; a fraction of r is a probability, drawn anew every epoch");
    v("repeat_threshold", c.repeatThreshold, range(0, 1),
      "`repeat_factor`: share of images below which a class counts as rare; 0.001 is that of LVIS, small data sets "
      "need "
      "0.05 to 0.5");
    v("max_bad_fraction", c.maxBadFraction, range(0, 1),
      "largest share of unusable images or annotations; beyond it the run ends with an error");
    v.group("augment", c.augment,
            "Training: random changes of an image, in this order: mosaic, copy-paste, crop, zoom, affine, right angle, "
            "flips, color, blur, noise, JPEG. A list of two numbers is the range that one is drawn from.");
}

template <class V>
void visit(V& v, LossConfig& c)
{
    v("mask", c.trainMask, {{"on", true}, {"off", false}},
      "losses of mask and mask score; `off`: the mask head stays in the model with the weights it has");
}

template <class V>
void visit(V& v, ValidationConfig& c)
{
    v("loss", c.loss,
      "also compute the losses of training on `data.val`: without augmentation, at the size of `model.input`, always "
      "with the same random numbers. Columns `val/NAME/loss` of eval.csv, and a line in curves_loss.svg. Takes "
      "about as long as a third of the training steps on as many images");
}

template <class V>
void visit(V& v, SolverConfig& c)
{
    v("optimizer", c.optimizer, {{"sgd", Optimizer::SGD}, {"adam", Optimizer::ADAM}},
      "`sgd`: with momentum; `adam`: AdamW with betas 0.9 and 0.999");
    v("learning_rate", c.learningRate, range(0, 1e3),
      "rate after the warm-up; scale it with `batch_size` * `accumulate`");
    v("momentum", c.momentum, range(0, 0.99999), "`sgd` only");
    v("weight_decay", c.weightDecay, range(0, 10),
      "`sgd`: added to the gradient as decay * weight; `adam`: a step shrinks the weight by rate * decay");
    v("batch_size", c.batchSize, range(1, 4096), "images that go through the model at once");
    v("accumulate", c.accumulate, range(1, 4096),
      "such batches per step: their gradients are averaged. For batches that do not fit into memory; what differs from "
      "one large batch: training.md 1");
    v("epochs", c.epochs, range(0, 1e6),
      "length of the training; an epoch has images / (`batch_size` * `accumulate`) steps");
    v("steps", c.steps, range(0, 1e6).listOf(0, 1000), "`step`: epochs at which the rate is multiplied by `gamma`");
    v("gamma", c.gamma, range(0, 10), "`step`: that factor");
    v("schedule", c.schedule, {{"step", Schedule::STEP}, {"cosine", Schedule::COSINE}},
      "course of the rate: `step`, or `cosine` from `learning_rate` to 0 at the last epoch");
    v("warmup_iterations", c.warmupIterations, range(0, 10000000),
      "steps in which the rate grows to its full value; at most a fifth of the run");
    v("warmup_factor", c.warmupFactor, range(0, 1), "share of the rate at the first step");
    v("clip_grad_norm", c.clipGradNorm, range(0, 1e9),
      "gradients are scaled down to this norm over all weights; 0: off");
    v("precision", c.precision,
      {{"float32", Precision::FLOAT32}, {"bfloat16", Precision::BFLOAT16}, {"float16", Precision::FLOAT16}},
      "of convolutions and matrix products; weights and all else stay float32. `float16` needs a CUDA device");
    v("ema", c.ema, range(0, 0.9999999),
      "decay of the moving average of the weights, which validation and export take; 0: off");
    v("freeze", c.freeze, length(0, 1000),
      "parameters that are not trained, by patterns of their names: `*` any text, `?` any character, as in "
      "`[\"backbone.*\", \"fpn.*\"]`; beside `model.backbone.frozen_stages`");
    v("early_stopping", c.earlyStopping, range(0, 100000),
      "the training ends after so many evaluations in a row without an improvement of the mean AP over `data.val`; 0: "
      "off");
    v("early_stopping_delta", c.earlyStoppingDelta, range(0, 1),
      "`early_stopping`: an improvement is a mean AP more than this above the last improvement");
    v("seed", c.seed, range(0, 9007199254740991.0),
      "of all random numbers; on a CPU the same seed and number of threads give the same weights");
    v("checkpoint_every", c.checkpointEvery, range(1, 100000000), "steps between two checkpoints");
    v("keep_checkpoints", c.keepCheckpoints, range(0, 100000),
      "newest numbered checkpoints that are kept, beside last.safetensors and best.safetensors");
    v("log_every", c.logEvery, range(1, 1000000), "steps between two lines of log.csv");
}

template <class V>
void visit(V& v, Config& c)
{
    v.group("model", c.model, "The detector.");
    v.group("data", c.data, "Images, augmentation and loading.");
    v.group("losses", c.losses, "Parts of the loss that may be left out.");
    v.group("validation", c.validation, "Evaluations on `data.val` during the training.");
    v.group("solver", c.solver, "Optimization and the run.");
}

}  // namespace d2det

#endif
