// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Quantized models: the choice of scales, the form in the file, and the bundled model with and without integers. */

#include "operator_tests.hpp"
#include "test_onnx_builder.hpp"

#include "kernels/quantization.hpp"
#include "onnx/check.hpp"
#include "onnx/quantization.hpp"
#include "onnx/rewrite.hpp"

#include "opencv2/d2det/layers.hpp"
#include "opencv2/d2det/quantization.hpp"
#include "opencv2/imgproc.hpp"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;
using cv::d2det::OnnxQuantization;
using onnx::attribute;
using onnx::node;
using onnx::occurrences;
typedef std::vector<uchar> Bytes;

// ------------------------------------------------------------------ choice of scales

ValueHistogram histogramOf(const Floats& values)
{
    ValueHistogram histogram;
    histogram.add(values.data(), values.size());
    return histogram;
}

TEST(D2Det_Quantization, histograms_add_up_in_any_order)
{
    Random random(1);
    std::vector<Floats> parts;
    Floats all;
    for (const float range : {0.0001f, 3.f, 100.f, 0.5f})
    {
        parts.push_back(random.reals(1000, -range, 2 * range));
        all.insert(all.end(), parts.back().begin(), parts.back().end());
    }
    const ValueHistogram expected = histogramOf(all);
    ValueHistogram forward, backward;
    for (size_t i = 0; i < parts.size(); i++)
    {
        forward.add(histogramOf(parts[i]));
        backward.add(histogramOf(parts[parts.size() - 1 - i]));
    }
    EXPECT_EQ(expected.data(), forward.data());
    EXPECT_EQ(expected.data(), backward.data());
    EXPECT_EQ(256, expected.limit());
    double count = 0;
    for (int i = 0; i < ValueHistogram::BINS; i++)
        count += expected.count(i);
    EXPECT_EQ(4000, count);
    EXPECT_EQ(*std::max_element(all.begin(), all.end()), expected.most());
}

TEST(D2Det_Quantization, histograms_count_what_counts)
{
    const Floats values{0.f, -0.f, NOT_A_NUMBER, INFINITE, -INFINITE, 1.f, -1.f, 0.9999999f};
    const ValueHistogram histogram = histogramOf(values);
    double count = 0;
    for (int i = 0; i < ValueHistogram::BINS; i++)
        count += histogram.count(i);
    EXPECT_EQ(3, count);
    EXPECT_EQ(2, histogram.limit()) << "1 is beyond [-1, 1)";
    EXPECT_TRUE(histogramOf({0.f, NOT_A_NUMBER}).empty());
    EXPECT_EQ(1.f, chooseInput(histogramOf({0.f})).scale);
}

TEST(D2Det_Quantization, range_of_the_input)
{
    Random random(2);
    InputQuantization q = chooseInput(histogramOf(random.reals(20000, 0.f, 6.f)));
    EXPECT_EQ(0, q.zero) << "never negative";
    EXPECT_NEAR(6. / 255, q.scale, 0.02 * 6 / 255) << "evenly distributed: nothing is cut off";
    q = chooseInput(histogramOf(random.reals(20000, -1.f, 3.f)));
    EXPECT_NEAR(64, q.zero, 2);
    EXPECT_NEAR(4. / 255, q.scale, 0.02 * 4 / 255);
    q = chooseInput(histogramOf(random.reals(20000, -5.f, -1.f)));
    EXPECT_EQ(255, q.zero) << "never positive; 0 stays exact";
    // Few large values: a smaller range is better, and the choice is at least as good as any of a few.
    Floats heavy(50000);
    for (float& x : heavy)
        x = std::pow(random.gaussian(1.), 3.f);
    const ValueHistogram histogram = histogramOf(heavy);
    const double error = quantizationError(histogram, chooseInput(histogram));
    const double reach = std::max(-histogram.least(), histogram.most());
    for (const double share : {0.3, 0.5, 0.7, 1.})
        EXPECT_LE(error, quantizationError(histogram, {static_cast<float>(2 * reach * share / 255), 128})) << share;
}

TEST(D2Det_Quantization, error_is_that_of_rounding)
{
    Random random(3);
    Floats values(100000);
    for (float& x : values)
        x = random.gaussian(1.);
    const ValueHistogram histogram = histogramOf(values);
    for (const InputQuantization q : {InputQuantization{0.02f, 128}, InputQuantization{0.01f, 100}})
    {
        double sum = 0;
        for (const float x : values)
        {
            const double steps =
                std::min(std::max(std::nearbyint(double(x) / q.scale), double(-q.zero)), double(255 - q.zero));
            sum += std::pow(steps * q.scale - x, 2);
        }
        EXPECT_NEAR(sum / values.size(), quantizationError(histogram, q), 0.03 * sum / values.size());
    }
}

TEST(D2Det_Quantization, scales_of_weights)
{
    Random random(4);
    for (const int groups : {1, 3})
        for (const int channels : {3, 4, 30})
        {
            Conv2dParams p;
            p.groups = groups;
            p.inChannels = channels * groups;
            p.outChannels = 6;
            p.kernelHeight = 3;
            p.kernelWidth = 2;
            const size_t perRow = static_cast<size_t>(channels) * 6;
            Floats weight(perRow * 6);
            for (size_t i = 0; i < weight.size(); i++)
                weight[i] = i / perRow == 2 ? 0.f : i / perRow == 3 ? 0.5f : random.gaussian(0.1);
            const std::vector<float> scales = chooseWeightScales(p, weight.data());
            ASSERT_EQ(6u, scales.size());
            for (size_t row = 0; row < 6; row++)
            {
                const float largest =
                    std::abs(*std::max_element(weight.begin() + row * perRow, weight.begin() + (row + 1) * perRow,
                                               [](float a, float b) { return std::abs(a) < std::abs(b); }));
                EXPECT_GE(scales[row], largest / 127);
                EXPECT_LE(scales[row], 2.01f * largest / 127 + 1e-9f);
                EXPECT_GT(scales[row], 0.f);
            }
            EXPECT_NEAR(0.5 / 64, scales[3], 0.5 / 64 * 0.02) << "pairs of equal weights";
            for (const PackedInt8& packed : packQuantizedFilters(p, {}, weight.data(), scales.data()).groups)
                EXPECT_EQ(1, packed.halves);
        }
}

TEST(D2Det_Quantization, integers_where_they_pay)
{
    Conv2dParams p;
    p.inChannels = p.outChannels = 256;
    for (const Int8Kernel* kernel : int8Kernels())
    {
        p.kernelHeight = p.kernelWidth = 1;
        EXPECT_EQ(kernel->name != std::string("baseline"), quantizationPays(p, *kernel)) << kernel->name;
        p.kernelHeight = p.kernelWidth = 3;
        p.method = ConvolutionMethod::WINOGRAD;
        EXPECT_EQ(kernel->vectors && !kernel->saturates, quantizationPays(p, *kernel)) << kernel->name;
        p.strideX = 2;
        EXPECT_EQ(kernel->vectors, quantizationPays(p, *kernel)) << kernel->name;
        p.strideX = 1;
        p.method = ConvolutionMethod::DIRECT;
        EXPECT_EQ(kernel->vectors, quantizationPays(p, *kernel)) << kernel->name;
        p.method = ConvolutionMethod::AUTO;
    }
}

// ------------------------------------------------------------------ the file

Floats valuesOf(size_t count, uint64_t seed)
{
    Random random(seed);
    return random.reals(count, -1.f, 1.f);
}

//! X [1, 4, 9, 7] -> Conv -> Relu -> Conv -> Y [1, 6, 9, 7], and a further convolution of the first map.
Bytes plainModel()
{
    onnx::Graph g;
    g.inputs = {onnx::value("X", {1, 4, 9, 7})};
    g.outputs = {onnx::value("Y", {1, 6, 9, 7}), onnx::value("Z", {1, 6, 9, 7})};
    g.initializers = {onnx::tensor("W1", {8, 4, 3, 3}, valuesOf(8 * 4 * 9, 1)), onnx::tensor("b1", {8}, valuesOf(8, 2)),
                      onnx::tensor("W2", {6, 8, 1, 1}, valuesOf(6 * 8, 3)),
                      onnx::tensor("W3", {6, 8, 1, 1}, valuesOf(6 * 8, 4))};
    const auto conv = [](const std::vector<std::string>& inputs, const std::string& output, int kernel)
    {
        return node("Conv", "", inputs, {output},
                    {attribute("kernel_shape", std::vector<int>{kernel, kernel}),
                     attribute("pads", std::vector<int>(4, kernel / 2))});
    };
    g.nodes = {conv({"X", "W1", "b1"}, "A", 3), node("Relu", "", {"A"}, {"B"}, {}), conv({"B", "W2"}, "Y", 1),
               conv({"B", "W3"}, "Z", 1)};
    return onnx::model(g.message());
}

OnnxQuantization twoConvolutions()
{
    OnnxQuantization quantization;
    quantization["A"] = {1.f / 127, 128, std::vector<float>(8, 1.f / 120), {}};
    // B is below 8: a range that ends before would cut off more than rounding takes.
    quantization["Y"] = {8.f / 255, 0, std::vector<float>{0.01f, 0.02f, 0.03f, 0.04f, 0.05f, 0.06f}, {}};
    return quantization;
}

std::vector<Mat> run(const Bytes& model)
{
    cv::d2det::registerLayers();
    dnn::Net net = dnn::readNetFromONNX(model);
    const int shape[4] = {1, 4, 9, 7};
    Floats input = valuesOf(4 * 9 * 7, 9);
    net.setInput(Mat(4, shape, CV_32F, input.data()), "X");
    std::vector<Mat> blobs, copies;
    net.forward(blobs, std::vector<String>{"Y", "Z"});
    for (const Mat& m : blobs)
        copies.push_back(m.clone());
    return copies;
}

TEST(D2Det_Quantization, what_a_file_says_comes_back)
{
    const Bytes plain = plainModel();
    const Bytes quantized = cv::d2det::quantizeOnnx(plain, "test", twoConvolutions());
    EXPECT_EQ(2, occurrences(quantized, "\"\x0eQuantizeLinear"));
    EXPECT_EQ(2, occurrences(quantized,
                             "\"\x10"
                             "DequantizeLinear"));
    EXPECT_EQ(2, occurrences(quantized,
                             "\"\x04"
                             "Cast"));
    OnnxQuantization found;
    const Bytes back = cv::d2det::takeQuantization(quantized, "test", found);
    ASSERT_EQ(2u, found.size());
    for (const auto& entry : twoConvolutions())
    {
        EXPECT_EQ(entry.second.inputScale, found[entry.first].inputScale) << entry.first;
        EXPECT_EQ(entry.second.inputZero, found[entry.first].inputZero);
        EXPECT_EQ(entry.second.weightScales, found[entry.first].weightScales);
    }
    for (const char* type : {"QuantizeLinear", "Cast", ".int8", ".steps", ".zero", ".rounded"})
        EXPECT_EQ(0, occurrences(back, type)) << type;
    // Twice changes nothing more: the weights are multiples of their scales now.
    const Bytes again = cv::d2det::quantizeOnnx(back, "test", twoConvolutions());
    OnnxQuantization foundAgain;
    EXPECT_EQ(back, cv::d2det::takeQuantization(again, "test", foundAgain));
    OnnxQuantization none;
    EXPECT_EQ(plain, cv::d2det::takeQuantization(plain, "test", none));
    EXPECT_TRUE(none.empty());
}

TEST(D2Det_Quantization, file_computes_like_the_kernel)
{
    const OnnxQuantization quantization = twoConvolutions();
    OnnxQuantization found;
    const Bytes back =
        cv::d2det::takeQuantization(cv::d2det::quantizeOnnx(plainModel(), "test", quantization), "test", found);
    cv::d2det::OnnxRewrite changes;
    changes.convolutions = true;
    const std::vector<Mat> floats = run(cv::d2det::rewriteOnnx(back, "test", changes));
    changes.quantization = &found;
    const Bytes integers = cv::d2det::rewriteOnnx(back, "test", changes);
    EXPECT_EQ(2, occurrences(integers, "weight_scales"));
    const std::vector<Mat> got = run(integers), exact = run(plainModel());

    Conv2dParams p;
    p.inChannels = 4;
    p.outChannels = 8;
    p.kernelHeight = p.kernelWidth = 3;
    p.padTop = p.padLeft = 1;
    p.relu = true;
    const Conv2dShape s{1, 9, 7, 9, 7};
    Floats B(8 * 9 * 7), Y(6 * 9 * 7);
    const auto& first = quantization.at("A");
    const auto& second = quantization.at("Y");
    quantizedConv2dRef(p, s, {first.inputScale, first.inputZero}, valuesOf(4 * 9 * 7, 9).data(),
                       valuesOf(8 * 4 * 9, 1).data(), first.weightScales.data(), valuesOf(8, 2).data(), B.data());
    Conv2dParams p2;
    p2.inChannels = 8;
    p2.outChannels = 6;
    quantizedConv2dRef(p2, s, {second.inputScale, second.inputZero}, B.data(), valuesOf(6 * 8, 3).data(),
                       second.weightScales.data(), nullptr, Y.data());
    EXPECT_TRUE(sameBits(Y, Floats(got[0].begin<float>(), got[0].end<float>())));
    EXPECT_GT(cv::norm(got[0], floats[0], NORM_INF), 1e-6) << "the maps are not rounded";
    EXPECT_LT(cv::norm(got[0], exact[0], NORM_L2) / cv::norm(exact[0], NORM_L2), 0.05);
}

//! What quantizeOnnx does not write stays as it is, and the check of models refuses it.
TEST(D2Det_Quantization, other_forms_stay)
{
    const auto unchanged = [](const onnx::Graph& g)
    {
        const Bytes model = onnx::model(g.message());
        cv::d2det::checkOnnx(model.data(), model.size(), "test");
        OnnxQuantization found;
        return cv::d2det::takeQuantization(model, "test", found) == model && found.empty();
    };
    onnx::Graph g;
    g.inputs = {onnx::value("X", {1, 4, 9, 7})};
    g.outputs = {onnx::value("Y", {1, 6, 9, 7})};
    const std::vector<int8_t> integers(24, int8_t(3));
    const std::vector<uint8_t> zero{7};
    g.initializers = {onnx::tensorHead("W.int8", {6, 4, 1, 1}, 3).bytes(9, onnx::rawData(integers)),
                      onnx::tensor("W.steps", {6, 1, 1, 1}, valuesOf(6, 1)), onnx::tensor("step", {}, {0.1f}),
                      onnx::tensorHead("zero", {}, 2).bytes(9, onnx::rawData(zero))};
    const onnx::Message cast = node("Cast", "", {"W.int8"}, {"W.cast"}, {attribute("to", 1)});
    const onnx::Message multiply = node("Mul", "", {"W.cast", "W.steps"}, {"W"}, {});
    const onnx::Message quantize = node("QuantizeLinear", "", {"X", "step", "zero"}, {"Q"}, {});
    const onnx::Message dequantize = node("DequantizeLinear", "", {"Q", "step", "zero"}, {"R"}, {});
    const onnx::Message conv = node("Conv", "", {"R", "W"}, {"Y"}, {});
    g.nodes = {cast, multiply, quantize, dequantize, conv};
    EXPECT_FALSE(unchanged(g)) << "the form that is written";
    onnx::Graph other = g;
    other.nodes.push_back(node("Relu", "", {"R"}, {"rounded"}, {}));
    EXPECT_TRUE(unchanged(other)) << "another node takes the rounded map";
    other = g;
    other.nodes[4] = node("Conv", "", {"X", "W"}, {"Y"}, {});
    EXPECT_TRUE(unchanged(other)) << "the map is not rounded";
    other = g;
    other.nodes[1] = node("Mul", "", {"W.cast", "step"}, {"W"}, {});
    EXPECT_TRUE(unchanged(other)) << "one scale";
    other = g;
    other.nodes[0] = node("Cast", "", {"W.int8"}, {"W.cast"}, {attribute("to", 10)});
    EXPECT_TRUE(unchanged(other)) << "to half precision";
    other = g;
    other.nodes.push_back(node("Cast", "", {"W.int8"}, {"again"}, {attribute("to", 1)}));
    EXPECT_TRUE(unchanged(other)) << "a constant is widened once";
    other = g;
    other.initializers[2] = onnx::tensor("step", {}, {-0.1f});
    EXPECT_TRUE(unchanged(other));
}

TEST(D2Det_Quantization, wrong_lists_are_refused)
{
    OnnxQuantization quantization = twoConvolutions();
    quantization["nothing"] = quantization["A"];
    EXPECT_THROW(cv::d2det::quantizeOnnx(plainModel(), "test", quantization), cv::Exception);
    quantization = twoConvolutions();
    quantization["B"] = quantization["A"];
    EXPECT_THROW(cv::d2det::quantizeOnnx(plainModel(), "test", quantization), cv::Exception);
    quantization = twoConvolutions();
    quantization["A"].weightScales.pop_back();
    EXPECT_THROW(cv::d2det::quantizeOnnx(plainModel(), "test", quantization), cv::Exception);
}

// ------------------------------------------------------------------ the bundled model

Bytes bundledModel()
{
    std::ifstream file(D2DET_SOURCE_DIR "/data/models/d2det_mnv2_person.onnx", std::ios::binary);
    return Bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

Mat paintedImage(int seed)
{
    RNG rng(static_cast<uint64>(seed));
    Mat image(237, 341, CV_8UC3, Scalar(120, 140, 160));
    for (int i = 0; i < 60; i++)
        ellipse(image, Point(rng.uniform(0, image.cols), rng.uniform(0, image.rows)),
                Size(rng.uniform(2, 30), rng.uniform(4, 70)), 0, 0, 360,
                Scalar(rng.uniform(0, 256), rng.uniform(0, 256), rng.uniform(0, 256)), FILLED);
    return image;
}

Mat detect(const Bytes& model, const Mat& image, const char* integers)
{
    setenv("OPENCV_D2DET_INT8", integers, 1);
    const Ptr<d2det::Detector> detector = d2det::Detector::create(model);
    unsetenv("OPENCV_D2DET_INT8");
    detector->setScoreThreshold(0.05f);
    Mat detections;
    detector->detect(image, detections);
    return detections;
}

TEST(D2Det_Quantization, bundled_model)
{
    const Bytes model = bundledModel();
    const Ptr<d2det::ModelQuantizer> quantizer = d2det::ModelQuantizer::create(model);
    std::vector<String> convolutions;
    EXPECT_THROW(quantizer->quantize(convolutions), cv::Exception) << "without images";
    for (int i = 1; i <= 3; i++)
        quantizer->addImage(paintedImage(i));
    EXPECT_EQ(3, quantizer->getImageCount());
    const Bytes quantized = quantizer->quantize(convolutions);
    EXPECT_GT(convolutions.size(), 30u);
    EXPECT_LT(quantized.size(), model.size());
    EXPECT_THROW(d2det::ModelQuantizer::create(quantized), cv::Exception) << "twice";

    const Mat image = paintedImage(14);
    const Mat exact = detect(model, image, "1"), floats = detect(quantized, image, "0"),
              integers = detect(quantized, image, "1");
    ASSERT_GT(exact.rows, 3);
    ASSERT_GT(integers.rows, 3);
    // The best detection is the same object: IoU above 0.7, and about the same score.
    for (const Mat& found : {floats, integers})
    {
        const Rect2f a(Point2f(exact.at<float>(0, 0), exact.at<float>(0, 1)),
                       Point2f(exact.at<float>(0, 2), exact.at<float>(0, 3)));
        double best = 0;
        float score = 0;
        for (int i = 0; i < found.rows; i++)
        {
            const Rect2f b(Point2f(found.at<float>(i, 0), found.at<float>(i, 1)),
                           Point2f(found.at<float>(i, 2), found.at<float>(i, 3)));
            const double iou = (a & b).area() / (double(a.area()) + b.area() - (a & b).area());
            if (iou > best)
            {
                best = iou;
                score = found.at<float>(i, 4);
            }
        }
        EXPECT_GT(best, 0.7);
        EXPECT_NEAR(exact.at<float>(0, 4), score, 0.15);
    }
    EXPECT_TRUE(floats.size() != integers.size() || cv::norm(floats, integers, NORM_INF) > 0) << "no integers";
    setenv("OPENCV_D2DET_INT8", "yes", 1);
    EXPECT_THROW(d2det::Detector::create(quantized), cv::Exception);
    unsetenv("OPENCV_D2DET_INT8");
}

}  // namespace
}  // namespace opencv_test
