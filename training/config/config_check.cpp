// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Range checks of single values by a visitor of config_keys.hpp; checks of relations between values. */

#include "config/config.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "config/config_json.hpp"
#include "config/config_keys.hpp"
#include "config/number_text.hpp"

#include <algorithm>
#include <set>
#include <type_traits>

namespace d2det
{

namespace
{

class RangeCheck
{
public:
    explicit RangeCheck(std::string path) : path_(std::move(path)) {}

    template <class T>
    void operator()(const char*, T&, const char*)
    {
    }

    template <class T>
    void operator()(const char* key, T& member, const Limits& limits, const char*)
    {
        checkValue(join(key), member, limits);
    }

    template <class T>
    void operator()(const char* key, T& member, Choices<T> choices, const char*)
    {
        const auto isMember = [&](const Choice<T>& choice) { return choice.value == member; };
        if (std::any_of(choices.begin(), choices.end(), isMember))
            return;
        std::string list;  // only text members can have another value: enumerations are read by name
        for (const Choice<T>& choice : choices)
            list += (list.empty() ? "'" : ", '") + std::string(choice.name) + "'";
        if constexpr (std::is_same_v<T, std::string>)
            fail(join(key) + ": '" + cutText(member) + "' is none of " + list);
        fail(join(key) + ": is none of " + list);
    }

    template <class S>
    void group(const char* key, S& member, const char*)
    {
        RangeCheck check(join(key));
        visit(check, member);
    }

    template <class S>
    void list(const char* key, std::vector<S>& members, const char*)
    {
        for (size_t i = 0; i < members.size(); i++)
        {
            RangeCheck check(join(key) + "[" + std::to_string(i) + "]");
            visit(check, members[i]);
        }
    }

    void path(const char*, std::string&, const char*) {}

private:
    std::string join(const char* key) const { return path_.empty() ? key : path_ + "." + key; }

    static void checkCount(const std::string& path, size_t count, const Limits& limits, const char* what)
    {
        if (count >= limits.least && count <= limits.most)
            return;
        fail(path + ": " + std::to_string(count) + " " + what + ", expected " + countText(limits.least, limits.most));
    }

    //! Comparison in the type of the member: 0.99f is slightly larger than 0.99.
    template <class T>
    static void checkValue(const std::string& path, T value, const Limits& limits)
    {
        using Wide = std::conditional_t<std::is_same_v<T, float>, float, double>;
        const Wide wide = static_cast<Wide>(value);
        if (!(wide >= static_cast<Wide>(limits.low) && wide <= static_cast<Wide>(limits.high)))
            fail(path + ": " + numberText(value) + " is not in " + numberText(limits.low) + " .. " +
                 numberText(limits.high));
    }

    static void checkValue(const std::string& path, const std::string& text, const Limits& limits)
    {
        checkCount(path, text.size(), limits, "bytes");
    }

    template <class T>
    static void checkValue(const std::string& path, const std::vector<T>& values, const Limits& limits)
    {
        checkCount(path, values.size(), limits, "values");
        if constexpr (std::is_arithmetic_v<T>)
            for (size_t i = 0; i < values.size(); i++)
                checkValue(path + "[" + std::to_string(i) + "]", values[i], limits);
    }

    std::string path_;
};

void require(bool condition, const std::string& path, const std::string& what)
{
    if (!condition)
        fail(path + ": " + what);
}

void checkDivides(int groups, int channels, const std::string& path)
{
    require(channels % groups == 0, path,
            std::to_string(groups) + " does not divide channels = " + std::to_string(channels));
}

void checkMaskHead(const RoIConfig& roi)
{
    const MaskHeadConfig& c = roi.maskHead;
    if (c.normGroups > 0)
        checkDivides(c.normGroups, c.channels, "model.roi.mask_head.norm_groups");
    if (c.type == MaskHeadType::NONE)
        return;
    require(c.pooledSize == 14, "model.roi.mask_head.pooled_size",
            std::to_string(c.pooledSize) + " is not 14; masks have 28 x 28 cells");
    require(c.type == MaskHeadType::FCN || roi.type == RoIHeadType::D2DET, "model.roi.mask_head.type",
            "d2det needs the features of roi.type d2det; set it to fcn");
    require(roi.type != RoIHeadType::D2DET || roi.boxHead.pooledSize == 14, "model.roi.box_head.pooled_size",
            std::to_string(roi.boxHead.pooledSize) + " is not 14, which mask_head needs: masks have 28 x 28 cells");
    require(c.type == MaskHeadType::FCN || !c.allLevels, "model.roi.mask_head.all_levels", "needs type fcn");
    if (c.type == MaskHeadType::D2DET)
        return;
    require(!c.scoring, "model.roi.mask_head.scoring",
            "needs the features of type d2det; set it to false for type fcn");
    require(c.secondPass, "model.roi.mask_head.second_pass",
            "false needs the features of type d2det; set it to true for type fcn");
}

//! Without class names the number of classes is not known yet: the trainer checks again after reading them.
void checkClassWeights(const ModelConfig& c)
{
    const ClassHeadConfig& head = c.roi.classHead;
    require(head.classWeighting == ValueSource::GIVEN || head.classWeights.empty(),
            "model.roi.class_head.class_weights", "must be empty with class_weighting auto, which sets it");
    if (head.classWeights.empty() || c.classNames.empty() || head.classWeights.size() == c.classNames.size())
        return;
    std::string names;
    for (const std::string& name : c.classNames)
        names += (names.empty() ? "" : ", ") + name;
    fail("model.roi.class_head.class_weights: " + std::to_string(head.classWeights.size()) + " values for " +
         counted(static_cast<int64_t>(c.classNames.size()), "class") + " (" + shortened(names, 100) +
         "); the background has a key of its own, background_weight");
}

void checkPooling(const ModelConfig& c)
{
    const ClassHeadConfig& head = c.roi.classHead;
    const bool plain = !head.deformable && !head.adaptiveWeighting;
    require(plain || !head.allLevels, "model.roi.class_head.all_levels",
            "needs deformable and adaptive_weighting set to false");
    require(!head.allLevels || head.convs == 0, "model.roi.class_head.convs",
            std::to_string(head.convs) + " convolutions do not go together with all_levels, whose first layers are " +
                "fully connected; set one of them to 0 or false");
    require(c.roi.aligned || (plain && !c.legacy), "model.roi.aligned",
            "false needs class_head.deformable, class_head.adaptive_weighting and model.legacy set to false");
}

void checkCascade(const RoIConfig& roi)
{
    const CascadeConfig& c = roi.cascade;
    if (roi.type != RoIHeadType::CASCADE_RCNN)
        return;
    require(roi.deltaHead.classAgnostic, "model.roi.delta_head.class_agnostic",
            "must be true for roi.type cascade_rcnn: the stages hand on one box per RoI");
    const size_t stages = c.positiveIous.size();
    const auto sameLength = [&](const char* key, size_t count)
    {
        require(count == stages, key,
                std::to_string(count) + " values, but positive_ious has " + std::to_string(stages) + " stages");
    };
    sameLength("model.roi.cascade.std_factors", c.stdFactors.size());
    sameLength("model.roi.cascade.loss_weights", c.lossWeights.size());
}

void checkDeformableStages(const BackboneConfig& c)
{
    static const BackboneType without[] = {BackboneType::MOBILENET_V2, BackboneType::MOBILENET_EDGETPU};
    require(
        c.deformableStages.empty() || std::find(std::begin(without), std::end(without), c.type) == std::end(without),
        "model.backbone.deformable_stages", "needs a ResNet or ResNeXt as type; or set it to []");
    for (const int stage : c.deformableStages)
        require(stage <= c.levels.back(), "model.backbone.deformable_stages",
                "stage " + std::to_string(stage) + " is above the last of levels, " + std::to_string(c.levels.back()) +
                    ", and is not built");
}

void checkModel(const ModelConfig& c)
{
    const std::vector<int>& levels = c.backbone.levels;
    require(c.backbone.activation == Activation::RELU || c.backbone.type == BackboneType::MOBILENET_V2,
            "model.backbone.activation", "relu6 needs type mobilenet_v2");
    const auto gap = [](int a, int b) { return b != a + 1; };
    require(std::adjacent_find(levels.begin(), levels.end(), gap) == levels.end(), "model.backbone.levels",
            "must ascend without a gap, for example [2, 3, 4, 5]");
    checkDeformableStages(c.backbone);
    require(c.rpn.negativeIou <= c.rpn.positiveIou, "model.rpn.negative_iou", "must not be above positive_iou");
    const int pyramid = static_cast<int>(levels.size()) + c.fpn.extraLevels;
    require(c.roi.levels <= pyramid, "model.roi.levels",
            std::to_string(c.roi.levels) + " RoI levels, but the pyramid has only " + std::to_string(pyramid));
    const BoxHeadConfig& box = c.roi.boxHead;
    checkDivides(box.normGroups, box.channels, "model.roi.box_head.norm_groups");
    require(box.pooledSize % 2 == 0, "model.roi.box_head.pooled_size",
            std::to_string(box.pooledSize) + " is odd; the grid is half of it");
    require(c.rpn.anchorsPerCell() <= 64, "model.rpn.anchor_scales",
            std::to_string(c.rpn.anchorsPerCell()) + " anchors per cell (scales x ratios), at most 64 are possible");
    checkClassWeights(c);
    checkPooling(c);
    checkCascade(c.roi);
    checkMaskHead(c.roi);
}

void checkInput(const InputConfig& c)
{
    require(c.shortSide <= c.longSide, "model.input.short_side", "must not be above long_side");
}

template <class T>
void checkAscending(const char* key, const std::vector<T>& values)
{
    require(values[0] <= values[1], std::string("data.augment.") + key,
            "the least value " + numberText(values[0]) + " is above the largest " + numberText(values[1]) +
                "; exchange them");
}

void checkAugmentation(const AugmentConfig& c)
{
    checkAscending("scale", c.scale);
    checkAscending("zoom_scale", c.zoomScale);
    checkAscending("paste_scale", c.pasteScale);
    checkAscending("blur_sigma", c.blurSigma);
    checkAscending("noise_sigma", c.noiseSigma);
    checkAscending("jpeg_quality", c.jpegQuality);
}

void checkDatasets(const DataConfig& c)
{
    const char* const pairs = "data.keypoint_pairs";
    require(
        c.keypointPairs.size() % 2 == 0, pairs,
        "has " + std::to_string(c.keypointPairs.size()) + " names; two make a pair, so there must be an even number");
    std::set<std::string> points;
    for (const std::string& name : c.keypointPairs)
        require(points.insert(name).second, pairs, "has \"" + name + "\" twice; a point has one partner");
    for (const auto* list : {&c.train, &c.val})
        for (size_t i = 0; i < list->size(); i++)
            require(!(*list)[i].annotations.empty(),
                    (list == &c.train ? "data.train[" : "data.val[") + std::to_string(i) + "].annotations",
                    "is missing or empty");
}

template <class S>
void checkRanges(const char* path, S copy)
{
    RangeCheck check(path);
    visit(check, copy);  // visit needs mutable references: one key list for all visitors
}

}  // namespace

void checkConfig(const Config& config)
{
    checkRanges("", config);
    checkModel(config.model);
    checkInput(config.model.input);
    checkDatasets(config.data);
    checkAugmentation(config.data.augment);
}

void checkConfig(const DataConfig& data, const InputConfig& input)
{
    checkRanges("data", data);
    checkRanges("model.input", input);
    checkInput(input);
    checkDatasets(data);
    checkAugmentation(data.augment);
}

}  // namespace d2det
