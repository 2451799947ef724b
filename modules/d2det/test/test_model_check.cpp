// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What a model file may not do: files of a few kilobytes that asked OpenCV's importer or a pass for gigabytes, for half
   a minute, or for memory that is not there. All are refused from the file alone, with a line that names what. */

#include "test_precomp.hpp"
#include "synthetic_model.hpp"

#include "opencv2/core/utils/filesystem.hpp"
#include "opencv2/dnn.hpp"

#include <fstream>
#include <functional>
#include <iterator>

namespace opencv_test
{
namespace
{

using cv::d2det::Detector;
using onnx::attribute;
using onnx::node;
using onnx::syntheticGraph;
typedef std::vector<uchar> Bytes;

//! Creation fails within a second, with one line that contains a text.
void expectRefused(const Bytes& bytes, const std::string& text)
{
    const int64 start = getTickCount();
    try
    {
        Detector::create(bytes);
        ADD_FAILURE() << "accepted, expected an error about '" << text << "'";
    }
    catch (const cv::Exception& e)
    {
        EXPECT_NE(std::string::npos, e.err.find(text)) << e.err;
        EXPECT_EQ(std::string::npos, e.err.find('\n')) << e.err;
    }
    EXPECT_LT(static_cast<double>(getTickCount() - start) / getTickFrequency(), 1.) << text;
}

void expectRefused(const onnx::Graph& graph, const std::string& text)
{
    expectRefused(onnx::model(graph.message()), text);
}

// Nodes of the synthetic graph.
enum
{
    FEAT = 2,
    PROPOSAL = 3,
    POOLING = 4,
    PROBABILITIES = 5
};

onnx::Message proposal(int rows, int preNms = 1000)
{
    return node("D2Proposal", "d2det", {"cls", "box", "im_info"}, {"rois", "roi_scores"},
                {attribute("feat_strides", std::vector<int>{16}), attribute("anchor_scale", 2.f),
                 attribute("anchor_ratios", std::vector<float>{1.f}), attribute("max_proposals", rows),
                 attribute("pre_nms_top_n", preNms), attribute("post_nms_top_n", preNms)});
}

onnx::Message pooling(const char* op, const std::vector<std::string>& inputs, const char* output, int size, int samples)
{
    return node(op, "d2det", inputs, {output},
                {attribute("feat_strides", std::vector<int>{16}),
                 attribute("output_size", std::vector<int>{size, size}), attribute("sampling_ratio", samples)});
}

//! Operators of ONNX that OpenCV's importer does not expect without computed inputs.
const char* const OPERATORS[] = {"Accum",   "ArgMax",  "Equal",  "Greater", "Less",   "ConstantOfShape",
                                 "Gather",  "Flatten", "MatMul", "Gemm",    "Resize", "Slice",
                                 "Conv",    "Reshape", "Concat", "Softmax", "Relu",   "Mul",
                                 "MaxPool", "Add",     "Expand", "Cast",    "LSTM",   "Split"};

TEST(D2Det_ModelCheck, nodes_of_constants_are_refused)
{
    for (const char* op : OPERATORS)
        for (int constants = 0; constants <= 3; constants++)
        {
            const std::vector<std::string> inputs(static_cast<size_t>(constants), "c");
            const onnx::Message constant = onnx::tensor("c", {2, 2}, {1, 2, 3, 4});
            onnx::Graph alone;
            alone.inputs = {onnx::value("x", {1, 3, 4, 4})};
            alone.outputs = {onnx::value("y", {1})};
            alone.initializers = {constant};
            alone.nodes = {node(op, "", inputs, {"y"}, {})};
            expectRefused(alone, "not a D2Det model");
            onnx::Graph inside = syntheticGraph();
            inside.initializers.push_back(constant);
            inside.nodes.push_back(node(op, "", inputs, {"y"}, {}));
            expectRefused(inside, std::string(op) + " 'node_y': ");
        }
}

TEST(D2Det_ModelCheck, forms_that_the_exporter_does_not_write)
{
    const auto refused = [](const std::string& text, const std::function<void(onnx::Graph&)>& edit)
    {
        onnx::Graph g = syntheticGraph();
        edit(g);
        expectRefused(g, text);
    };
    refused("it has no attribute 'auto_pad'",
            [](onnx::Graph& g) {
                g.nodes.push_back(node("Conv", "", {"image", "cls_w"}, {"y"}, {attribute("auto_pad", "VALID")}));
            });
    refused("attribute strides must be of kind ints",
            [](onnx::Graph& g) {
                g.nodes.push_back(node("Conv", "", {"image", "cls_w"}, {"y"}, {attribute("strides", 2)}));
            });
    refused("attribute strides holds 0",
            [](onnx::Graph& g) {
                g.nodes.push_back(
                    node("Conv", "", {"image", "cls_w"}, {"y"}, {attribute("strides", std::vector<int>{0, 1})}));
            });
    refused("two attributes of one name",
            [](onnx::Graph& g) {
                g.nodes.push_back(
                    node("Conv", "", {"image", "cls_w"}, {"y"}, {attribute("group", 1), attribute("group", 1)}));
            });
    refused("it pads 1 cells, its kernel has 1",
            [](onnx::Graph& g) {
                g.nodes.push_back(
                    node("Conv", "", {"image", "cls_w"}, {"y"}, {attribute("pads", std::vector<int>{1, 1, 1, 1})}));
            });
    refused("do not fit the input",
            [](onnx::Graph& g) {
                g.nodes.push_back(node("Conv", "", {"feat", "cls_w"}, {"y"}, {attribute("group", 3)}));
            });
    refused("axis 1 is not one of",
            [](onnx::Graph& g)
            {
                g.nodes.push_back(node("Concat", "", {"flat1"}, {"y"}, {attribute("axis", 1)}));
                g.initializers.push_back(onnx::tensor("minus", {-1}));
                g.nodes.insert(g.nodes.end() - 1, node("Reshape", "", {"feat", "minus"}, {"flat1"}, {}));
            });
    refused("the range 1 to 8 is not inside",
            [](onnx::Graph& g)
            {
                g.initializers.push_back(onnx::tensor("s8", {8}));
                g.nodes.push_back(node("Slice", "", {"kept", "s1", "s8", "axis1"}, {"y"}, {}));
            });
    refused("expected [1, 3, 4, 6]",
            [](onnx::Graph& g) {
                g.nodes.push_back(node("Add", "", {"feat", "box"}, {"y"}, {}));
            });
    refused("attribute sampling_ratio is 300",
            [](onnx::Graph& g) {
                g.nodes[POOLING] = pooling("D2RoIAlign", {"rois", "feat"}, "pooled", 1, 300);
            });
    refused("its inputs are 'xf'",
            [](onnx::Graph& g) {
                g.nodes[POOLING] = pooling("D2RoIAlign", {"rois", "box_w"}, "pooled", 1, 1);
            });
    refused("no node makes the output 'more'", [](onnx::Graph& g) { g.outputs.push_back(onnx::value("more", {1})); });
    refused("output 'masks' is [1, 3, 4, 6]",
            [](onnx::Graph& g)
            {
                g.outputs.push_back(onnx::value("masks", {1}));
                g.nodes.push_back(node("Relu", "", {"feat"}, {"masks"}, {}));
            });
    refused("its inputs are not image", [](onnx::Graph& g) { g.inputs.push_back(onnx::value("more", {1})); });
    refused("its inputs are not image", [](onnx::Graph& g) { g.inputs[0] = onnx::value("image", {1, 4, 64, 96}); });
    refused("a second D2Proposal",
            [](onnx::Graph& g)
            {
                g.nodes.insert(g.nodes.begin() + PROPOSAL, g.nodes[PROPOSAL]);
                g.nodes[PROPOSAL] = node("D2Proposal", "d2det", {"cls", "box", "im_info"}, {"a", "b"}, {});
            });
    refused("'node_a?b'", [](onnx::Graph& g) { g.nodes.push_back(node("Abs", "", {"feat"}, {"a\nb"}, {})); });
    EXPECT_THROW(Detector::create(onnx::modelWithMasks(3)), cv::Exception);
}

TEST(D2Det_ModelCheck, more_than_nodes_is_refused)
{
    const onnx::Message graph = syntheticGraph().message();
    const onnx::Message shapes = onnx::Message(graph).add(13, onnx::value("cls", {1, 1 << 30, 1 << 30, 1}));
    expectRefused(onnx::model(shapes), "more than nodes, constants, inputs and outputs");
    const Bytes plain = onnx::model(graph);
    const auto with = [&](const onnx::Message& more)
    {
        Bytes bytes = plain;
        bytes.insert(bytes.end(), more.data.begin(), more.data.end());
        return bytes;
    };
    expectRefused(with(onnx::Message().add(25, onnx::Message().bytes(1, "f"))), "functions or training information");
    expectRefused(with(onnx::Message().add(8, onnx::Message().bytes(1, "").number(2, 17))), "opset 17, not 11");
    EXPECT_NO_THROW(Detector::create(with(onnx::Message().bytes(2, "another producer"))));
}

//! One tensor in two fields of a message: which one a reader takes would be its own affair.
TEST(D2Det_ModelCheck, data_in_two_fields_are_refused)
{
    onnx::Graph g = syntheticGraph();
    onnx::Message twice = onnx::tensor("flat", {0, 3});
    twice.number(7, 0).number(7, 4);
    g.initializers[g.initializers.size() - 2] = twice;
    expectRefused(g, "not as long as its shape says");
}

TEST(D2Det_ModelCheck, what_costs_too_much_is_refused)
{
    onnx::Graph g = syntheticGraph();
    g.nodes[PROPOSAL] = proposal(1);
    g.initializers.push_back(onnx::tensor("wide_w", {300, 3, 1, 1}, std::vector<float>(900)));
    g.initializers.push_back(onnx::tensor("line", {1, -1}));
    g.nodes[POOLING] = node("Conv", "", {"image", "wide_w"}, {"wide"}, {});
    g.nodes[PROBABILITIES] = node("Reshape", "", {"wide", "line"}, {"probs"}, {});
    expectRefused(g, "1843200 columns, the limit is 100000 classes");

    onnx::ModelOptions large;
    large.shortSide = large.longSide = 16384;
    expectRefused(syntheticGraph(large), "16384 x 16384 pixels, the limit is 16777216");

    for (const int rows : {8, 1000, 4000})
    {
        g = syntheticGraph();
        g.nodes[PROPOSAL] = proposal(rows);
        g.nodes[POOLING] = pooling("D2RoIAlign", {"rois", "feat"}, "pooled", 256, 256);
        expectRefused(g, rows == 8 ? "billion operations" : "the limit");

        g = syntheticGraph();
        g.nodes[PROPOSAL] = proposal(rows);
        g.initializers.push_back(onnx::tensor("off_w", {2, 3, 1, 1}, std::vector<float>(6)));
        g.nodes[POOLING] =
            node("Conv", "", {"image", "off_w"}, {"off"}, {attribute("strides", std::vector<int>{16, 16})});
        g.nodes.insert(g.nodes.begin() + PROBABILITIES,
                       {pooling("D2RoIAlign", {"rois", "off"}, "offsets", 256, 1),
                        pooling("D2DeformRoIPool", {"rois", "feat", "offsets"}, "pooled", 256, 256)});
        expectRefused(g, "the limit");
    }

    g = syntheticGraph();
    g.nodes[PROPOSAL] = proposal(100);
    g.initializers.push_back(onnx::tensor("roi_w", {3, 3, 64, 64}, std::vector<float>(9 * 64 * 64)));
    g.nodes[POOLING] = pooling("D2RoIAlign", {"rois", "feat"}, "aligned", 128, 1);
    g.nodes.insert(g.nodes.begin() + PROBABILITIES,
                   node("D2RoIConv", "d2det", {"aligned", "rois", "roi_w"}, {"pooled"}, {attribute("conv_pad", 63)}));
    expectRefused(g, "D2RoIConv 'node_pooled': with it an input of 1 x 64 x 96 pixels needs more than");

    onnx::ModelOptions photograph;
    photograph.shortSide = photograph.longSide = 1344;
    g = syntheticGraph(photograph);
    g.initializers.push_back(onnx::tensor("many_w", {500, 3, 1, 1}, std::vector<float>(1500)));
    g.nodes.push_back(node("Conv", "", {"image", "many_w"}, {"many"}, {}));
    expectRefused(g, "Conv 'node_many': with it the tensors of an input of 1 x 1344 x 1344 pixels take more than");

    g = syntheticGraph();
    g.nodes[PROPOSAL] = proposal(100000, 0);
    expectRefused(g, "D2Detections 'node_kept': with it an input");
}

//! Sizes that a user asks for may cost more, in proportion.
TEST(D2Det_ModelCheck, limits_grow_with_the_size_that_is_asked_for)
{
    const Ptr<Detector> detector = Detector::create(onnx::syntheticModel());
    cv::d2det::InputParams params = detector->getInputParams();
    params.shortSide = params.longSide = 2048;
    params.divisor = 32;
    detector->setInputParams(params);
    Mat found;
    EXPECT_NO_THROW(detector->detect(Mat(64, 64, CV_8UC3, Scalar::all(0)), found));
}

//! Early exports declare the sides of the image as symbols.
TEST(D2Det_ModelCheck, symbolic_sides_are_accepted)
{
    onnx::Graph g = syntheticGraph();
    onnx::Message shape;
    shape.add(1, onnx::Message().number(1, 1)).add(1, onnx::Message().number(1, 3));
    shape.add(1, onnx::Message().bytes(2, "H")).add(1, onnx::Message().bytes(2, "W"));
    g.inputs[0] =
        onnx::Message().bytes(1, "image").add(2, onnx::Message().add(1, onnx::Message().number(1, 1).add(2, shape)));
    EXPECT_NO_THROW(Detector::create(onnx::model(g.message())));
}

Bytes bytesOf(const std::string& text)
{
    return Bytes(text.begin(), text.end());
}

TEST(D2Det_ModelCheck, w12_other_files_are_named)
{
    expectRefused(bytesOf("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"), "git lfs pull");
    expectRefused(bytesOf(std::string("PK\x03\x04", 4) + std::string(50, 'x')), "a zip archive");
    expectRefused(bytesOf("<!DOCTYPE html><html>"), "a web page");
    expectRefused(bytesOf(std::string("\x02\0\0\0\0\0\0\0{\"a\":{}}", 16)), "safetensors");
    // As exports of PyTorch have it: the largest integer as the end of a range.
    onnx::Graph other;
    other.inputs = {onnx::value("images", {1, 3, 8, 8})};
    other.outputs = {onnx::value("output", {1, 3, 8, 8})};
    other.initializers = {onnx::tensor("zero", {0}), onnx::tensor("end", {INT64_MAX})};
    other.nodes = {node("Slice", "", {"images", "zero", "end"}, {"output"}, {})};
    expectRefused(other, "is an ONNX model, but not a D2Det model of d2det_export: it has no D2Detections node");
}

#if CV_VERSION_MAJOR < 5  // in 5 the types are asked for too
//! The layers tell cv::dnn what they compute; a convolution the same as OpenCV's own.
TEST(D2Det_ModelCheck, layers_count_their_operations)
{
    cv::d2det::registerLayers();
    const auto operations = [](const onnx::Message& n, const std::vector<onnx::Message>& constants)
    {
        onnx::Graph g;
        g.inputs = {onnx::value("X", {1, 2, 6, 8})};
        g.outputs = {onnx::value("Y", {1, 3, 4, 6})};
        g.initializers = constants;
        g.nodes = {n};
        return dnn::readNetFromONNX(onnx::model(g.message())).getFLOPS(dnn::MatShape{1, 2, 6, 8});
    };
    const std::vector<onnx::Message> weight{onnx::tensor("W", {3, 2, 3, 3}, std::vector<float>(54))};
    const int64 own = operations(node("D2Conv2d", "d2det", {"X", "W"}, {"Y"}, {}), weight);
    EXPECT_EQ(3 * 4 * 6 * (2 * 2 * 3 * 3 + 1), own);
    const int64 norm =
        operations(node("D2InstanceNorm", "d2det", {"X", "s", "b"}, {"Y"}, {}),
                   {onnx::tensor("s", {2}, std::vector<float>(2)), onnx::tensor("b", {2}, std::vector<float>(2))});
    EXPECT_EQ(8 * 2 * 6 * 8, norm);
}
#endif

//! Files that once crashed the importer or took gigabytes.
TEST(D2Det_ModelCheck_Shared, stored_files_are_refused)
{
    SKIP_WITHOUT_SHARED();
    std::vector<String> files;
    cv::utils::fs::glob(sharedPath("hostile"), "*.onnx", files);
    if (files.empty())
        D2DET_SKIP_TEST("no folder hostile in the shared data");
    for (const String& path : files)
    {
        SCOPED_TRACE(path);
        std::ifstream file(path, std::ios::binary);
        expectRefused(Bytes(std::istreambuf_iterator<char>(file), {}), "d2det_export");
    }
}

}  // namespace
}  // namespace opencv_test
