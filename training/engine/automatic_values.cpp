// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "engine/automatic_values.hpp"

#include "base/text.hpp"
#include "dataset/anchor_fit.hpp"
#include "dataset/class_balance.hpp"

namespace d2det
{

namespace
{

std::string listed(const std::vector<float>& values)
{
    std::string text;
    for (const float value : values)
        text += (text.empty() ? "" : ", ") + formatNumber(value, 3);
    return text;
}

std::string findAnchors(Config& config, const Dataset& dataset)
{
    RpnConfig& rpn = config.model.rpn;
    const std::vector<BoxShape> boxes = boxShapes(dataset, config.data, config.model.input);
    const AnchorFit fit =
        fitAnchors(boxes, config.model.strides(), rpn, scalesOf(rpn), static_cast<int>(rpn.anchorRatios.size()));
    setAnchors(rpn, fit);
    return "anchors     of the scales " + listed(fit.scales) + " and ratios " + listed(fit.ratios) +
           ", mean best IoU " + formatNumber(fit.before.meanIou, 3) + " -> " + formatNumber(fit.after.meanIou, 3) +
           ", boxes reached at IoU 0.5 " + formatNumber(100 * fit.before.recall50, 1) + " % -> " +
           formatNumber(100 * fit.after.recall50, 1) + " %";
}

std::string findClassWeights(Config& config, const Dataset& dataset)
{
    ClassHeadConfig& head = config.model.roi.classHead;
    head.classWeights = classWeights(countObjects(dataset, config.data.minSide));
    head.classWeighting = ValueSource::GIVEN;
    std::string text;
    for (size_t i = 0; i < head.classWeights.size(); i++)
        text += (text.empty() ? "" : ", ") + dataset.classNames.at(i) + " " + formatNumber(head.classWeights[i], 2);
    return "weights     of the classes: " + shortened(text, 200);
}

}  // namespace

bool hasAutomaticValues(const ModelConfig& model)
{
    return model.rpn.anchors == ValueSource::AUTO || model.roi.classHead.classWeighting == ValueSource::AUTO;
}

std::vector<std::string> findAutomaticValues(Config& config, const Dataset& dataset)
{
    std::vector<std::string> notes;
    if (config.model.rpn.anchors == ValueSource::AUTO)
        notes.push_back(findAnchors(config, dataset));
    if (config.model.roi.classHead.classWeighting == ValueSource::AUTO)
        notes.push_back(findClassWeights(config, dataset));
    return notes;
}

void takeAutomaticValues(ModelConfig& model, const ModelConfig& checkpoint)
{
    if (model.rpn.anchors == ValueSource::AUTO)
    {
        model.rpn.anchors = checkpoint.rpn.anchors;
        model.rpn.anchorScale = checkpoint.rpn.anchorScale;
        model.rpn.anchorScales = checkpoint.rpn.anchorScales;
        model.rpn.anchorRatios = checkpoint.rpn.anchorRatios;
    }
    if (model.roi.classHead.classWeighting == ValueSource::AUTO)
    {
        model.roi.classHead.classWeighting = checkpoint.roi.classHead.classWeighting;
        model.roi.classHead.classWeights = checkpoint.roi.classHead.classWeights;
    }
}

}  // namespace d2det
