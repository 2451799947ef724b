// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Changes of a model before cv::dnn reads it: the changed model against the original one, computed by cv::dnn. */

#include "test_onnx_builder.hpp"
#include "test_precomp.hpp"

#include "onnx/check.hpp"
#include "onnx/half_weights.hpp"
#include "onnx/rewrite.hpp"

#include "opencv2/d2det/layers.hpp"
#include "opencv2/dnn.hpp"

#include <cmath>
#include <limits>

namespace opencv_test
{
namespace
{

using cv::d2det::OnnxRewrite;
using onnx::attribute;
using onnx::node;
using onnx::occurrences;
typedef std::vector<uchar> Bytes;

std::vector<float> values(size_t count, int seed)
{
    std::vector<float> v(count);
    RNG rng(seed);
    for (float& x : v)
        x = rng.uniform(-1.f, 1.f);
    return v;
}

//! X [1, 4, 9, 7]; further nodes make the outputs.
onnx::Graph graphOf(const std::vector<onnx::Message>& nodes, const std::vector<std::string>& outputs)
{
    onnx::Graph g;
    g.inputs = {onnx::value("X", {1, 4, 9, 7})};
    for (const std::string& output : outputs)
        g.outputs.push_back(onnx::value(output, {1, 6, 9, 7}));
    g.initializers = {onnx::tensor("W", {6, 4, 3, 3}, values(6 * 4 * 9, 1)),
                      onnx::tensor("b", {6}, values(6, 2)),
                      onnx::tensor("grouped", {6, 2, 3, 3}, values(6 * 2 * 9, 3)),
                      onnx::tensor("low", {}, {0.f}),
                      onnx::tensor("below", {}, {-0.5f}),
                      onnx::tensor("high", {}, {0.7f})};
    g.nodes = nodes;
    return g;
}

onnx::Message conv(const std::string& output, const std::vector<std::string>& inputs = {"X", "W", "b"},
                   const std::vector<onnx::Message>& more = {attribute("pads", std::vector<int>{1, 1, 1, 1})})
{
    std::vector<onnx::Message> attributes{attribute("kernel_shape", std::vector<int>{3, 3})};
    attributes.insert(attributes.end(), more.begin(), more.end());
    return node("Conv", "", inputs, {output}, attributes);
}

Bytes rewritten(const Bytes& model, bool convolutions = true, bool constants = false)
{
    OnnxRewrite changes;
    changes.convolutions = convolutions;
    changes.constantsAsAttributes = constants;
    const Bytes result = cv::d2det::rewriteOnnx(model, "test", changes);
    EXPECT_NO_THROW(cv::d2det::checkOnnx(result.data(), result.size(), "result"));
    return result;
}

std::vector<Mat> run(const Bytes& model, const std::vector<String>& outputs)
{
    cv::d2det::registerLayers();
    dnn::Net net = dnn::readNetFromONNX(model);
    const int shape[4] = {1, 4, 9, 7};
    const std::vector<float> input = values(4 * 9 * 7, 9);
    net.setInput(Mat(4, shape, CV_32F, const_cast<float*>(input.data())), "X");
    std::vector<Mat> blobs, copies;
    net.forward(blobs, outputs);
    for (const Mat& m : blobs)
        copies.push_back(m.clone());
    return copies;
}

//! The changed model computes the same and has so many D2Conv2d and other nodes of these types.
void expectSame(const onnx::Graph& g, const std::vector<String>& outputs, int own, int others = 0,
                const std::vector<std::string>& types = {"Conv", "Relu"})
{
    const Bytes before = onnx::model(g.message()), after = rewritten(before);
    EXPECT_EQ(own, occurrences(after,
                               "\"\x08"
                               "D2Conv2d"));  // field 4 and its length
    int left = 0;
    for (const std::string& type : types)
        left += occurrences(after, std::string("\"") + static_cast<char>(type.size()) + type);
    EXPECT_EQ(others, left);
    const std::vector<Mat> a = run(before, outputs), b = run(after, outputs);
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); i++)
    {
        ASSERT_EQ(a[i].size, b[i].size);
        EXPECT_LT(cv::norm(a[i], b[i], NORM_INF), 1e-5) << outputs[i];
    }
}

TEST(D2Det_OnnxRewrite, convolution)
{
    expectSame(graphOf({conv("Y")}, {"Y"}), {"Y"}, 1);
    expectSame(graphOf({conv("Y", {"X", "W"})}, {"Y"}), {"Y"}, 1);
    expectSame(
        graphOf({conv("Y", {"X", "W", "b"},
                      {attribute("strides", std::vector<int>{2, 1}), attribute("pads", std::vector<int>{0, 2, 1, 1})})},
                {"Y"}),
        {"Y"}, 1);
    expectSame(
        graphOf(
            {conv("Y", {"X", "W", "b"},
                  {attribute("dilations", std::vector<int>{2, 1}), attribute("pads", std::vector<int>{2, 1, 2, 1})})},
            {"Y"}),
        {"Y"}, 1);
}

//! Groups of four channels, not those of fewer.
TEST(D2Det_OnnxRewrite, convolution_in_groups)
{
    onnx::Graph g = graphOf(
        {conv("t", {"X", "wide"}),
         conv("Y", {"t", "groups", "b"}, {attribute("pads", std::vector<int>{1, 1, 1, 1}), attribute("group", 2)})},
        {"Y"});
    g.initializers.push_back(onnx::tensor("wide", {8, 4, 3, 3}, values(8 * 4 * 9, 4)));
    g.initializers.push_back(onnx::tensor("groups", {8, 4, 3, 3}, values(8 * 4 * 9, 5)));
    g.initializers[1] = onnx::tensor("b", {8}, values(8, 2));
    expectSame(g, {"Y"}, 2);
    EXPECT_EQ(1, occurrences(rewritten(onnx::model(g.message())), "groups\x18\x02"));
}

TEST(D2Det_OnnxRewrite, activation_becomes_a_part)
{
    expectSame(graphOf({conv("t"), node("Relu", "", {"t"}, {"Y"}, {})}, {"Y"}), {"Y"}, 1);
    // two users; an output of the network
    expectSame(
        graphOf({conv("t"), node("Relu", "", {"t"}, {"Y"}, {}), node("Sigmoid", "", {"t"}, {"Z"}, {})}, {"Y", "Z"}),
        {"Y", "Z"}, 1, 1);
    expectSame(graphOf({conv("t"), node("Relu", "", {"t"}, {"Y"}, {})}, {"Y", "t"}), {"Y", "t"}, 1, 1);
    // Weights of two convolutions.
    expectSame(graphOf({conv("t"), node("Relu", "", {"t"}, {"Y"}, {}), conv("Z")}, {"Y", "Z"}), {"Y", "Z"}, 2);
}

//! OpenCV 4.6 cannot read every Clip, hence against Conv alone.
TEST(D2Det_OnnxRewrite, clip_becomes_a_part)
{
    const Mat plain = run(onnx::model(graphOf({conv("Y")}, {"Y"}).message()), {"Y"})[0];
    const onnx::Message byInputs = node("Clip", "", {"t", "low", "high"}, {"Y"}, {});
    const onnx::Message byAttributes = node("Clip", "", {"t"}, {"Y"}, {attribute("min", 0.f), attribute("max", 0.7f)});
    for (const onnx::Message& clip : {byInputs, byAttributes})
    {
        const Bytes after = rewritten(onnx::model(graphOf({conv("t"), clip}, {"Y"}).message()));
        EXPECT_EQ(0, occurrences(after, "Clip"));
        const Mat got = run(after, {"Y"})[0];
        const Mat expected = cv::min(cv::max(plain, 0.), 0.7);
        EXPECT_LT(cv::norm(got, expected, NORM_INF), 1e-5);
        EXPECT_GT(cv::norm(got, plain, NORM_INF), 0.1);
    }
    for (const std::vector<std::string>& inputs :
         {std::vector<std::string>{"t", "below", "high"}, std::vector<std::string>{"t", "low"}})
    {
        const Bytes after =
            rewritten(onnx::model(graphOf({conv("t"), node("Clip", "", inputs, {"Y"}, {})}, {"Y"}).message()));
        EXPECT_EQ(1, occurrences(after, "Clip")) << "limits that are not 0 and a number";
    }
}

//! Read as it is and as a part of a convolution: min(max(x, 0), 6).
TEST(D2Det_OnnxRewrite, relu6_becomes_a_part)
{
    const auto modelOf = [](const std::vector<onnx::Message>& nodes)
    {
        onnx::Graph g = graphOf(nodes, {"Y"});
        g.initializers.push_back(onnx::tensor("far", {6}, {-6.f, -1.f, 0.f, 3.f, 6.f, 12.f}));
        return onnx::model(g.message());
    };
    const std::vector<std::string> inputs{"X", "W", "far"};
    const Bytes model = modelOf({conv("t", inputs), node("D2ReLU6", "d2det", {"t"}, {"Y"}, {})});
    const Bytes after = rewritten(model);
    EXPECT_EQ(0, occurrences(after, "D2ReLU6"));
    const Mat plain = run(modelOf({conv("Y", inputs)}), {"Y"})[0];
    const Mat expected = cv::min(cv::max(plain, 0.), 6.);
    EXPECT_GT(cv::norm(expected, plain, NORM_INF), 3);
    EXPECT_LT(cv::norm(run(model, {"Y"})[0], expected, NORM_INF), 1e-5);
    EXPECT_LT(cv::norm(run(after, {"Y"})[0], expected, NORM_INF), 1e-5);
}

TEST(D2Det_OnnxRewrite, other_convolutions_stay)
{
    const auto unchanged = [](const onnx::Graph& g)
    {
        const Bytes model = onnx::model(g.message());
        EXPECT_EQ(model, rewritten(model));
    };
    unchanged(graphOf({conv("Y", {"X", "grouped", "b"}, {attribute("group", 2)})}, {"Y"}));
    unchanged(graphOf({conv("Y", {"X", "W", "b"}, {attribute("auto_pad", "SAME_UPPER")})}, {"Y"}));
    unchanged(graphOf({conv("Y", {"X", "W", "b"}, {attribute("pads", std::vector<int>{1, 1})})}, {"Y"}));
    unchanged(graphOf({conv("Y", {"X", "W", "b"}, {attribute("pads", std::vector<int>{1, -1, 1, 1})})}, {"Y"}));
    unchanged(graphOf({node("Relu", "", {"X"}, {"Y"}, {})}, {"Y"}));
    // A subgraph may use any tensor.
    onnx::Message branch = onnx::Message().bytes(1, "then_branch").add(6, onnx::Graph().message()).number(20, 5);
    unchanged(graphOf({conv("Y"), node("If", "", {"Y"}, {"Z"}, {branch})}, {"Z"}));

    const Bytes model = onnx::model(graphOf({conv("Y")}, {"Y"}).message());
    EXPECT_EQ(model, rewritten(model, false, true));
}

//! A weight that another node uses as well stays in the file; one that only rewritten nodes use goes.
TEST(D2Det_OnnxRewrite, constants_are_kept_while_needed)
{
    const onnx::Graph shared = graphOf({conv("Y"), node("Identity", "", {"b"}, {"Z"}, {})}, {"Y", "Z"});
    const Bytes after = rewritten(onnx::model(shared.message()));
    EXPECT_EQ(2, occurrences(after, std::string("\x42\x01") + "b")) << "names of tensors: in the graph and in the node";
    EXPECT_EQ(1, occurrences(after, std::string("\x42\x01") + "W")) << "in the node";
}

TEST(D2Det_OnnxRewrite, constants_as_attributes)
{
    const std::vector<onnx::Message> attributes{attribute("has_bias", 1),
                                                attribute("conv_pads", std::vector<int>{1, 1, 1, 1})};
    const onnx::Graph g = graphOf({node("D2Conv2d", "d2det", {"X", "W", "b"}, {"Y"}, attributes),
                                   node("D2Conv2d", "d2det", {"X", "W", "b"}, {"Z"}, attributes)},
                                  {"Y", "Z"});
    const Bytes before = onnx::model(g.message()), after = rewritten(before, false, true);
    EXPECT_NE(before, after);
    const std::vector<Mat> a = run(before, {"Y", "Z"}), b = run(after, {"Y", "Z"});
    for (size_t i = 0; i < 2; i++)
        EXPECT_EQ(0, cv::norm(a[i], b[i], NORM_INF));
    EXPECT_EQ(2, occurrences(after, std::string("\x42\x01") + "W")) << "in both nodes, no more in the graph";
}

// ------------------------------------------------------------------ weights in half precision

onnx::Message castOf(const std::string& half, const std::string& output, int to = 1)
{
    return node("Cast", "", {half}, {output}, {attribute("to", to)});
}

//! A convolution with the weights "W" of a Cast of "W.half".
onnx::Graph halfGraph(const std::vector<onnx::Message>& casts, const std::vector<onnx::Message>& nodes,
                      const std::vector<std::string>& outputs)
{
    std::vector<float> weights = values(6 * 4 * 9, 1);
    Mat half;
    Mat(weights, false).convertTo(half, CV_16F);
    const std::vector<ushort> bits(half.ptr<ushort>(), half.ptr<ushort>() + weights.size());
    onnx::Graph g = graphOf(casts, outputs);
    g.nodes.insert(g.nodes.end(), nodes.begin(), nodes.end());
    g.initializers[0] = onnx::tensorHead("W.half", {6, 4, 3, 3}, 10).bytes(9, onnx::rawData(bits));
    return g;
}

Bytes widened(const Bytes& model)
{
    EXPECT_NO_THROW(cv::d2det::checkOnnx(model.data(), model.size(), "model"));
    const Bytes result = cv::d2det::widenHalfWeights(model, "test");
    EXPECT_NO_THROW(cv::d2det::checkOnnx(result.data(), result.size(), "result"));
    return result;
}

//! The same as with weights rounded before, and a plain convolution that can be rewritten.
TEST(D2Det_OnnxRewrite, half_weights)
{
    const Bytes before = onnx::model(halfGraph({castOf("W.half", "W")}, {conv("Y")}, {"Y"}).message());
    const Bytes after = widened(before);
    EXPECT_EQ(0, occurrences(after, "W.half"));
    EXPECT_EQ(0, occurrences(after, "Cast"));
    EXPECT_EQ(1, occurrences(rewritten(after), "D2Conv2d"));
    const Bytes plain = onnx::model(graphOf({conv("Y")}, {"Y"}).message());
    EXPECT_EQ(plain, widened(plain));

    std::vector<float> weights = values(6 * 4 * 9, 1);
    Mat rounded, half;
    Mat(weights, false).convertTo(half, CV_16F);
    half.convertTo(rounded, CV_32F);
    onnx::Graph g = graphOf({conv("Y")}, {"Y"});
    g.initializers[0] =
        onnx::tensor("W", {6, 4, 3, 3}, std::vector<float>(rounded.begin<float>(), rounded.end<float>()));
    const Mat got = run(after, {"Y"})[0];
    EXPECT_EQ(0, cv::norm(got, run(onnx::model(g.message()), {"Y"})[0], NORM_INF));
    EXPECT_GT(cv::norm(got, run(plain, {"Y"})[0], NORM_INF), 1e-6) << "rounded weights are others";
#if CV_VERSION_MAJOR >= 5 || CV_VERSION_MINOR >= 10  // 4.6 has no FLOAT16
    EXPECT_EQ(0, cv::norm(got, run(before, {"Y"})[0], NORM_INF)) << "as OpenCV casts";
#endif
}

//! Every value of half precision: zeros, subnormals, the largest, infinity.
TEST(D2Det_OnnxRewrite, half_weights_are_exact)
{
    const std::vector<ushort> bits{0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0xbc01, 0x7bff, 0xfbff, 0x7c00};
    const float infinity = std::numeric_limits<float>::infinity();
    const std::vector<float> expected{0.f,
                                      -0.f,
                                      std::ldexp(1.f, -24),
                                      std::ldexp(1023.f, -24),
                                      std::ldexp(1.f, -14),
                                      1.f,
                                      -1.f - std::ldexp(1.f, -10),
                                      65504.f,
                                      -65504.f,
                                      infinity};
    onnx::Graph g;
    g.initializers = {onnx::tensorHead("half", {2, 5}, 10).bytes(9, onnx::rawData(bits))};
    g.nodes = {castOf("half", "wide")};
    const std::string data = onnx::rawData(expected);
    EXPECT_EQ(1, occurrences(widened(onnx::model(g.message())), data));
}

//! What the exporter does not write stays as it is, and the check of models refuses it.
TEST(D2Det_OnnxRewrite, other_casts_stay)
{
    const Bytes twice = onnx::model(
        halfGraph({castOf("W.half", "W"), castOf("W.half", "W2")}, {conv("Y"), conv("Z", {"X", "W2", "b"})}, {"Y", "Z"})
            .message());
    EXPECT_EQ(1, occurrences(widened(twice),
                             "\"\x04"
                             "Cast"))
        << "a constant is widened once";
    EXPECT_LE(1, occurrences(widened(twice), "W.half")) << "and stays for the other";
    for (const onnx::Message& cast : {castOf("W.half", "W", 10), castOf("X", "W"), castOf("b", "W")})
    {
        const Bytes model = onnx::model(halfGraph({cast}, {conv("Y")}, {"Y"}).message());
        EXPECT_EQ(model, widened(model));
    }
}

}  // namespace
}  // namespace opencv_test
