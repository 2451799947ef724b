// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A model of the detector whose every number is known.

   At stride 16 and scale 1 it sees single pixels: the pixel at (16 x, 16 y) says what is at cell (x, y): blue =
   objectness (logit 0.25 B - 16), green / 256 = score of class 0, red / 256 = score of class 1. Anchors are 32 x 32
   pixels around that pixel, nothing is regressed. The rest is as in an exported model: D2Proposal, D2RoIAlign, two
   D2Detections, the description on the second. */

#ifndef OPENCV_D2DET_TEST_SYNTHETIC_MODEL_HPP
#define OPENCV_D2DET_TEST_SYNTHETIC_MODEL_HPP

#include "test_onnx_builder.hpp"

namespace opencv_test
{
namespace onnx
{

constexpr int CAPACITY = 8;  //!< detections per image

struct ModelOptions
{
    bool described = true;
    bool named = true;
    bool keepRatio = true;
    int shortSide = 64, longSide = 96;
    std::string output = "detections";
};

inline Graph syntheticGraph(const ModelOptions& options = ModelOptions())
{
    Graph g;
    g.inputs = {value("image", {1, 3, 64, 96}), value("im_info", {1, 3})};
    g.outputs = {value(options.output, {CAPACITY, 7})};
    g.initializers = {
        tensor("cls_w", {1, 3, 1, 1}, {0.25f, 0, 0}),
        tensor("cls_b", {1}, {-16.f}),
        tensor("box_w", {4, 3, 1, 1}, std::vector<float>(12, 0.f)),
        tensor("box_b", {4}, std::vector<float>(4, 0.f)),
        tensor("feat_w", {3, 3, 1, 1}, {0, 1 / 256.f, 0, 0, 0, 1 / 256.f, 1 / 256.f, 0, 0}),  // green, red, blue
        tensor("feat_b", {3}, {0, 0, 0}),
        tensor("s0", {0}),
        tensor("s1", {1}),
        tensor("s3", {3}),
        tensor("s7", {7}),
        tensor("flat", {0, 3}),
        tensor("axis1", {1})};
    const auto conv = [&](const std::string& name)
    {
        g.nodes.push_back(
            node("Conv", "", {"image", name + "_w", name + "_b"}, {name},
                 {attribute("kernel_shape", std::vector<int>{1, 1}), attribute("strides", std::vector<int>{16, 16})}));
    };
    const auto slice = [&](const char* from, const char* to, const char* name) {
        g.nodes.push_back(node("Slice", "", {"kept", from, to, "axis1"}, {name}, {}));
    };
    conv("cls");
    conv("box");
    conv("feat");
    g.nodes.push_back(
        node("D2Proposal", "d2det", {"cls", "box", "im_info"}, {"rois", "roi_scores"},
             {attribute("feat_strides", std::vector<int>{16}), attribute("anchor_scale", 2.f),
              attribute("anchor_ratios", std::vector<float>{1.f}), attribute("max_proposals", CAPACITY)}));
    g.nodes.push_back(
        node("D2RoIAlign", "d2det", {"rois", "feat"}, {"pooled"},
             {attribute("feat_strides", std::vector<int>{16}), attribute("output_size", std::vector<int>{1, 1}),
              attribute("sampling_ratio", 1), attribute("aligned", 0)}));
    g.nodes.push_back(node("Reshape", "", {"pooled", "flat"}, {"probs"}, {}));
    g.nodes.push_back(node("D2Detections", "d2det", {"rois", "probs"}, {"kept"},
                           {attribute("score_threshold", 0.05f), attribute("max_detections", CAPACITY)}));
    slice("s0", "s1", "kept_batch");
    slice("s1", "s3", "labels");
    slice("s3", "s7", "kept_boxes");
    g.nodes.push_back(node("Concat", "", {"kept_batch", "kept_boxes"}, {"refined"}, {attribute("axis", 1)}));
    std::vector<Message> attributes{attribute("labelled", 1), attribute("score_threshold", 0.f),
                                    attribute("nms_mode", "soft_linear"), attribute("max_detections", CAPACITY)};
    if (options.described)
    {
        const std::vector<Message> description{attribute("format_version", 1),
                                               attribute("model_name", "synthetic"),
                                               attribute("mean", std::vector<float>(3, 0.f)),
                                               attribute("std", std::vector<float>(3, 1.f)),
                                               attribute("channel_order", "bgr"),
                                               attribute("short_side", options.shortSide),
                                               attribute("long_side", options.longSide),
                                               attribute("divisor", 32),
                                               attribute("keep_ratio", options.keepRatio ? 1 : 0)};
        attributes.insert(attributes.end(), description.begin(), description.end());
        if (options.named)
            attributes.push_back(attribute("class_names", "cat\ndog"));
    }
    g.nodes.push_back(node("D2Detections", "d2det", {"refined", "labels"}, {options.output}, attributes));
    return g;
}

/** The synthetic model with masks of ones, each in the odd but different box (image of the batch, x1, y1, x2) of its
    candidate.
    @param boxColumns 4; another number breaks the model
    @param candidates rows that masks are gathered from; fewer than the detections name break the model */
inline std::vector<uint8_t> modelWithMasks(int boxColumns = 4, int candidates = CAPACITY)
{
    Graph g = syntheticGraph();
    g.nodes.pop_back();
    g.nodes.push_back(
        node("D2Detections", "d2det", {"refined", "labels"}, {"detections", "detection_rows"},
             {attribute("labelled", 1), attribute("score_threshold", 0.f), attribute("max_detections", CAPACITY),
              attribute("output_rows", 1), attribute("format_version", 1), attribute("channel_order", "bgr"),
              attribute("std", std::vector<float>(3, 1.f)), attribute("mean", std::vector<float>(3, 0.f)),
              attribute("short_side", 64), attribute("long_side", 96), attribute("divisor", 32)}));
    g.initializers.push_back(tensor("ones_w", {1, 3, 1, 1}, {0, 0, 0}));
    g.initializers.push_back(tensor("ones_b", {1}, {1.f}));
    g.initializers.push_back(tensor("columns", {boxColumns}));
    g.initializers.push_back(tensor("axis0", {0}));
    g.initializers.push_back(tensor("candidates", {candidates}));
    g.nodes.push_back(
        node("Conv", "", {"image", "ones_w", "ones_b"}, {"ones"},
             {attribute("kernel_shape", std::vector<int>{1, 1}), attribute("strides", std::vector<int>{16, 16})}));
    const bool all = candidates == CAPACITY;
    if (!all)
        g.nodes.push_back(node("Slice", "", {"refined", "s0", "candidates", "axis0"}, {"few"}, {}));
    g.nodes.push_back(node("D2GatherRows", "d2det", {all ? "refined" : "few", "detection_rows"}, {"mask_rois"}, {}));
    g.nodes.push_back(
        node("D2RoIAlign", "d2det", {"mask_rois", "ones"}, {"masks"},
             {attribute("feat_strides", std::vector<int>{16}), attribute("output_size", std::vector<int>{2, 2}),
              attribute("sampling_ratio", 1), attribute("aligned", 0)}));
    g.nodes.push_back(node("Slice", "", {"mask_rois", "s0", "columns", "axis1"}, {"mask_boxes"}, {}));
    g.outputs.push_back(value("masks", {CAPACITY, 1, 2, 2}));
    g.outputs.push_back(value("mask_boxes", {CAPACITY, boxColumns}));
    return model(g.message());
}

/** The synthetic model with D2Det's second stage. Classification: 2 x 2 bins displaced by `offset` (x and y, in RoI
    sizes; gamma 0.1), weighted by the features themselves with gain 2. Regression: 2 x 2 cells whose offsets (l, r, t,
    b) are `dense`, and overlap logits that the red channel makes: 8 - red / 4, below 0 where red is above 32. */
inline std::vector<uint8_t> modelWithDenseBoxes(const std::vector<float>& dense, float offset)
{
    Graph g = syntheticGraph();
    const std::vector<Message> old = g.nodes;
    g.nodes.assign(old.begin(), old.begin() + 4);  // three convolutions and the proposals
    const auto constant =
        [&](const std::string& name, const std::vector<float>& weights, const std::vector<float>& bias)
    {
        g.initializers.push_back(tensor(name + "_w", {static_cast<int>(bias.size()), 3, 1, 1}, weights));
        g.initializers.push_back(tensor(name + "_b", {static_cast<int>(bias.size())}, bias));
        g.nodes.push_back(
            node("Conv", "", {"image", name + "_w", name + "_b"}, {name},
                 {attribute("kernel_shape", std::vector<int>{1, 1}), attribute("strides", std::vector<int>{16, 16})}));
    };
    const auto pool = [&](const char* rois, const char* from, const char* to)
    {
        g.nodes.push_back(
            node("D2RoIAlign", "d2det", {rois, from}, {to},
                 {attribute("feat_strides", std::vector<int>{16}), attribute("output_size", std::vector<int>{2, 2}),
                  attribute("sampling_ratio", 1), attribute("aligned", 0)}));
    };
    constant("shift", std::vector<float>(6, 0.f), {offset, offset});
    constant("dense", std::vector<float>(12, 0.f), dense);
    constant("logit", {0, 0, -0.25f}, {8.f});
    pool("rois", "shift", "shifts");
    g.nodes.push_back(
        node("D2DeformRoIPool", "d2det", {"rois", "feat", "shifts"}, {"bins"},
             {attribute("feat_strides", std::vector<int>{16}), attribute("output_size", std::vector<int>{2, 2}),
              attribute("sampling_ratio", 2), attribute("gamma", 0.1f)}));
    g.nodes.push_back(node("D2AdaptiveWeightedPool", "d2det", {"bins", "bins"}, {"pooled"}, {attribute("gain", 2.f)}));
    g.nodes.insert(g.nodes.end(), old.begin() + 5, old.end() - 1);  // from Reshape to "refined"
    pool("refined", "dense", "dense_offsets");
    pool("refined", "logit", "dense_overlap");
    g.nodes.push_back(
        node("D2DenseBoxDecode", "d2det", {"refined", "dense_offsets", "dense_overlap", "im_info"}, {"decoded"}, {}));
    g.nodes.push_back(node("Concat", "", {"kept_batch", "decoded"}, {"final"}, {attribute("axis", 1)}));
    g.nodes.push_back(
        node("D2Detections", "d2det", {"final", "labels"}, {"detections"},
             {attribute("labelled", 1), attribute("score_threshold", 0.f), attribute("max_detections", CAPACITY),
              attribute("format_version", 1), attribute("channel_order", "bgr"),
              attribute("std", std::vector<float>(3, 1.f)), attribute("mean", std::vector<float>(3, 0.f)),
              attribute("short_side", 64), attribute("long_side", 96), attribute("divisor", 32),
              attribute("class_names", "cat\ndog")}));
    return model(g.message());
}

inline std::vector<uint8_t> syntheticModel(const ModelOptions& options = ModelOptions())
{
    return model(syntheticGraph(options).message());
}

}  // namespace onnx
}  // namespace opencv_test

#endif
