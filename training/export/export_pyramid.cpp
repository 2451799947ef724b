// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Backbone, pyramid and proposals (model_exporter.hpp). */

#include "export/model_exporter.hpp"

#include <algorithm>

namespace d2det
{

std::string ModelExporter::block(const Block& block, const std::string& input, const std::string& output)
{
    std::string x = input;
    for (const ConvUnit& u : block.units)
        x = convUnit(u, x);
    if (!block.residual)
        return x;
    const std::string shortcut = block.shortcut.empty() ? input : convUnit(block.shortcut[0], input);
    x = node("Add", {x, shortcut}, block.reluAfterSum ? output + ".sum" : output);
    return block.reluAfterSum ? node("Relu", {x}, output) : x;
}

Names ModelExporter::backbone()
{
    Names maps;
    std::string x = "image";
    for (const Stage& stage : model_.backbone->stages)
    {
        const std::string name = "stage" + std::to_string(stage.id);
        for (size_t b = 0; b < stage.blocks.size(); b++)
            x = block(stage.blocks[b], x, name + "." + std::to_string(b));
        if (stage.maxPool)
            x = node("MaxPool", {x}, name + ".pooled",
                     {{"kernel_shape", std::vector<int64_t>{3, 3}},
                      {"strides", std::vector<int64_t>{2, 2}},
                      {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
        const std::vector<int>& wanted = model_.backbone->levels;
        if (std::find(wanted.begin(), wanted.end(), stage.id) != wanted.end())
            maps.push_back(x);
    }
    return maps;
}

//! p2, p3, ... : named by the binary logarithm of their stride.
Names ModelExporter::pyramid(const Names& maps)
{
    const FpnImpl& fpn = *model_.fpn;
    const size_t count = maps.size();
    Names merged(count), result;
    for (size_t i = count; i-- > 0;)
    {
        merged[i] = convUnit(fpn.lateral[i], maps[i]);
        if (i + 1 == count)
            continue;
        const std::string name = "fpn.merged" + std::to_string(i);
        if (!graph_.hasInitializer("fpn.scales"))
        {
            const float scales[] = {1, 1, 2, 2};
            graph_.addInitializer("fpn.scales", {4}, scales);
            graph_.addInitializer("fpn.no_roi", {0}, nullptr);  // required input in opset 11, may be empty
        }
        const std::string up =
            node("Resize", {merged[i + 1], "fpn.no_roi", "fpn.scales"}, name + ".up",
                 {{"mode", "nearest"}, {"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}});
        merged[i] = node("Add", {merged[i], up}, name);
    }
    const int first = model_.backbone->levels.at(0);
    const auto next = [&] { return "p" + std::to_string(first + static_cast<int>(result.size())); };
    for (size_t i = 0; i < count; i++)
    {
        const bool bottomUp = i > 0 && !fpn.down.empty();
        std::string map = convUnit(fpn.output[i], merged[i], bottomUp ? "" : next());
        if (bottomUp)
        {
            const std::string below = convUnit(fpn.down[i - 1], result.back());
            map = node("Add", {map, below}, "fpn.joined" + std::to_string(i));
            map = convUnit(fpn.merge[i - 1], map, next());
        }
        result.push_back(map);
    }
    for (int i = 0; i < fpn.maxPoolLevels; i++)
        result.push_back(node("MaxPool", {result.back()}, next(),
                              {{"kernel_shape", std::vector<int64_t>{1, 1}}, {"strides", std::vector<int64_t>{2, 2}}}));
    for (size_t i = 0; i < fpn.extra.size(); i++)
    {
        const std::string below = i == 0 ? result.back() : node("Relu", {result.back()}, result.back() + ".relu");
        result.push_back(convUnit(fpn.extra[i], below, next()));
    }
    return result;
}

// ------------------------------------------------------------------ proposals

std::string ModelExporter::proposals(const Names& maps)
{
    Names logits, deltas;
    std::vector<int64_t> strides;
    for (size_t i = 0; i < maps.size(); i++)
    {
        const std::string n = std::to_string(i);
        std::string hidden = maps[i];
        for (size_t k = 0; k < model_.rpn->convs.size(); k++)
            hidden =
                convUnit(model_.rpn->convs[k], hidden, "rpn_hidden_" + n + (k == 0 ? "" : "_" + std::to_string(k + 1)));
        logits.push_back(convUnit(model_.rpn->logit, hidden, "rpn_logit_" + n));
        deltas.push_back(convUnit(model_.rpn->delta, hidden, "rpn_delta_" + n));
        strides.push_back(toStride(model_.strides.at(i)));
    }
    Names inputs = logits;
    inputs.insert(inputs.end(), deltas.begin(), deltas.end());
    inputs.push_back("im_info");
    const RpnConfig& r = config_.rpn;
    graph_.addNode("D2Proposal", inputs, {"proposals", "proposal_scores"},
                   {{"feat_strides", strides},
                    {"anchor_scale", r.anchorScale},
                    {"anchor_ratios", r.anchorRatios},
                    {"pre_nms_top_n", r.preNmsTopNTest},
                    {"post_nms_top_n", r.postNmsTopNTest},
                    {"max_proposals", r.proposalsTest},
                    {"nms_threshold", r.nmsThreshold},
                    {"min_size", r.minSize},
                    {"legacy", config_.legacy}},
                   DOMAIN_NAME);
    return "proposals";
}

}  // namespace d2det
