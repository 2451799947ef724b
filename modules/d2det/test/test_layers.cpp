// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The layers inside cv::dnn: what they compute, shapes, attributes, malformed input, memory that is reused, threads.

   layer_cases.hpp has a small valid network for every layer; the tests below do to each of them what a broken model or
   a changing input would do. */

#include "layer_cases.hpp"
#include "compat.hpp"

#include <limits>
#include <thread>

namespace opencv_test
{
namespace
{

using namespace layer_cases;

const float NaN = std::numeric_limits<float>::quiet_NaN();
const float INFINITE = std::numeric_limits<float>::infinity();

void expectSameBits(const std::vector<Mat>& a, const std::vector<Mat>& b)
{
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); i++)
    {
        ASSERT_TRUE(dnn::shape(a[i]) == dnn::shape(b[i])) << i;
        EXPECT_EQ(0, std::memcmp(a[i].ptr(), b[i].ptr(), a[i].total() * a[i].elemSize())) << "output " << i;
    }
}

std::vector<MatShape> shapesOf(const std::vector<Mat>& mats)
{
    std::vector<MatShape> shapes;
    for (const Mat& m : mats)
        shapes.push_back(dnn::shape(m));
    return shapes;
}

//////////////////////////////////////////// registration ////////////////////////////////////////////

TEST(D2Det_Layers, registration_is_idempotent_and_thread_safe)
{
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++)
        threads.emplace_back([] { EXPECT_NO_THROW(cv::d2det::registerLayers()); });
    for (std::thread& thread : threads)
        thread.join();
    for (const Case& c : cases())
    {
        EXPECT_TRUE(LayerFactory::isLayerRegistered(c.op));
        EXPECT_TRUE(LayerFactory::isLayerRegistered(c.type()));
    }
}

//////////////////////////////////////////// against the naive kernels ////////////////////////////////////////////

void expectReference(const Case& c, int size, const std::vector<Mat>& outputs)
{
    SCOPED_TRACE(cv::format("%s, %s, size %d\n%s", c.op.c_str(), c.name.c_str(), size, c.repeat().c_str()));
    const std::unique_ptr<d2det_test::Problem> problem = c.problem(size);
    d2det_test::Results expected = d2det_test::runReference(*problem), got;
    ASSERT_EQ(problem->outputs.size(), outputs.size());
    for (size_t i = 0; i < outputs.size(); i++)
    {
        EXPECT_EQ(problem->outputs[i].shape, d2det_test::Shape(outputs[i].size.p, outputs[i].size.p + outputs[i].dims));
        got.outputs.emplace_back(outputs[i].ptr<float>(), outputs[i].ptr<float>() + outputs[i].total());
    }
    got.gradients = expected.gradients;
    EXPECT_EQ("", compareResults(*problem, expected, got, d2det_test::Against::FAST));
}

//! Attributes, constants and shapes arrive where they belong.
TEST(D2Det_Layers, compute_what_the_reference_does)
{
    for (const Case& c : cases())
        for (const int size : {1, 2, 3})
            expectReference(c, size, runOnce(c, c.inputs(size)));
}

//! The same through the importer, and in OpenCV 5 through its new engine, where constants are inputs of every pass.
TEST(D2Det_Layers, compute_what_the_reference_does_when_read_from_a_file)
{
    for (const Case& c : cases())
    {
        Net net = dnn::readNetFromONNX(modelOf(c));
        std::vector<String> names;
        for (size_t i = 0; i < c.problem(1)->outputs.size(); i++)
            names.push_back(cv::format("output%d", static_cast<int>(i)));
        for (const int size : {1, 3, 2, 3})
        {
            const std::vector<Mat> inputs = c.inputs(size);
            for (size_t i = 0; i < inputs.size(); i++)
                net.setInput(inputs[i], cv::format("input%d", static_cast<int>(i)));
            std::vector<Mat> outputs;
            net.forward(outputs, names);
            expectReference(c, size, outputs);
        }
    }
}

//////////////////////////////////////////// memory ////////////////////////////////////////////

//! Memory of outputs is reused by cv::dnn and never cleared: what was in it must not show.
TEST(D2Det_Layers, every_output_value_is_written)
{
    for (const Case& c : cases())
    {
        SCOPED_TRACE(c.op + ", " + c.name + "\n" + c.repeat());
        const std::vector<Mat> inputs = c.inputs(2);
        std::vector<std::vector<Mat>> results;
        for (const float poison : {NaN, 1e30f})
        {
            const Ptr<Layer> layer = createLayer(c.type(), c.params);
            std::vector<MatShape> outputs, internals;
            EXPECT_FALSE(layer->getMemoryShapes(shapesOf(inputs), 0, outputs, internals)) << "never in place";
            std::vector<Mat> out, none;
            for (const MatShape& shape : outputs)
                out.push_back(Mat(std::vector<int>(shape.begin(), shape.end()), CV_32F, Scalar(poison)));
            layer->forward(inputs, out, none);
            for (const Mat& m : out)
                for (size_t i = 0; i < m.total(); i++)
                    ASSERT_LT(std::abs(m.ptr<float>()[i]), 1e29f) << i;
            results.push_back(out);
        }
        expectSameBits(results[0], results[1]);
    }
}

TEST(D2Det_Layers, sizes_may_change_between_passes)
{
    for (const Case& c : cases())
    {
        SCOPED_TRACE(c.op + ", " + c.name + "\n" + c.repeat());
        Net net = makeNet(c.type(), c.params, c.inputs(1).size());
        for (const int size : {2, 1, 3, 2})
            expectSameBits(runOnce(c, c.inputs(size)), forward(net, c.inputs(size)));
    }
}

TEST(D2Det_Layers, same_bits_for_any_number_of_threads)
{
    const int threads = cv::getNumThreads();
    for (const Case& c : cases())
    {
        SCOPED_TRACE(c.op + ", " + c.name + "\n" + c.repeat());
        cv::setNumThreads(1);
        const std::vector<Mat> expected = runOnce(c, c.inputs(4));
        for (const int n : {2, 5})
        {
            cv::setNumThreads(n);
            expectSameBits(expected, runOnce(c, c.inputs(4)));
        }
    }
    cv::setNumThreads(threads);
}

TEST(D2Det_Layers, constants_may_be_replaced)
{
    int count = 0;
    for (const Case& c : allCases())
    {
        if (c.traits.numConstants == 0)
            continue;
        SCOPED_TRACE(c.op + ", " + c.name + "\n" + c.repeat());
        count++;
        Case other = c;
        for (Mat& blob : other.params.blobs)
            blob = blob * 2.f + 1.f;
        const std::vector<Mat> inputs = c.inputs(1);
        const Ptr<Layer> layer = createLayer(c.type(), c.params);
        std::vector<MatShape> shapes, internals;
        layer->getMemoryShapes(shapesOf(inputs), 0, shapes, internals);
        std::vector<Mat> out(1, Mat(std::vector<int>(shapes[0].begin(), shapes[0].end()), CV_32F)), none;
        layer->forward(inputs, out, none);
        expectSameBits(runOnce(c, inputs), out);
        layer->blobs = other.params.blobs;
        layer->forward(inputs, out, none);
        expectSameBits(runOnce(other, inputs), out);
    }
    EXPECT_GE(count, 2) << "nothing that could be replaced";
}

//! Half floats of the type that cv::dnn gives them, which core converts only from and to CV_16F.
Mat toHalf(const Mat& m)
{
    Mat h;
    m.convertTo(h, CV_16F);
    return Mat(h.dims, h.size.p, CV_MAKETYPE(d2det::HALF_DEPTH, h.channels()), h.data).clone();
}

Mat fromHalf(const Mat& h)
{
    Mat f;
    Mat(h.dims, h.size.p, CV_MAKETYPE(CV_16F, h.channels()), h.data).convertTo(f, CV_32F);
    return f;
}

//! Target OPENCL_FP16 hands half floats to layers that it does not have; it needs no device for that.
TEST(D2Det_Layers, half_precision_inputs_take_the_fallback)
{
    for (const Case& c : cases())
    {
        SCOPED_TRACE(c.op + ", " + c.name + "\n" + c.repeat());
        std::vector<Mat> rounded;
        std::vector<UMat> half, got, none;
        for (const Mat& m : c.inputs(1))
        {
            const Mat h = toHalf(m);
            half.push_back(h.getUMat(ACCESS_READ).clone());
            rounded.push_back(fromHalf(h));
        }
        std::vector<Mat> expected, result;
        for (const Mat& m : runOnce(c, rounded))
        {
            const Mat h = toHalf(m);
            expected.push_back(h);
            got.push_back(UMat(h.dims, h.size.p, h.type(), Scalar(0)));
        }
        const Ptr<Layer> layer = createLayer(c.type(), c.params);
        layer->preferableTarget = dnn::DNN_TARGET_OPENCL_FP16;
        layer->forward(half, got, none);
        for (const UMat& m : got)
            result.push_back(m.getMat(ACCESS_READ).clone());
        expectSameBits(expected, result);
    }
}

TEST(D2Det_Layers, other_types_are_refused)
{
    for (const Case& c : cases())
        for (const int type : {CV_64F, CV_8U, CV_16S})
        {
            std::vector<Mat> inputs = c.inputs(1), out = runOnce(c, inputs), none;
            for (Mat& m : inputs)
                m.convertTo(m, type);
            EXPECT_THROW(createLayer(c.type(), c.params)->forward(inputs, out, none), cv::Exception)
                << c.op << ", type " << type;
        }
}

//////////////////////////////////////////// shapes ////////////////////////////////////////////

//! At import dynamic dimensions are 0 and shapes may be missing: no reason to refuse a model.
TEST(D2Det_Layers, unknown_shapes_are_accepted_at_import)
{
    for (const Case& c : cases())
    {
        SCOPED_TRACE(c.op + ", " + c.name + "\n" + c.repeat());
        const Ptr<Layer> layer = createLayer(c.type(), c.params);
        std::vector<MatShape> outputs, internals, zeros, some = shapesOf(c.inputs(1));
        for (MatShape& shape : some)
        {
            zeros.push_back(MatShape(shape.size(), 0));
            shape[0] = 0;
        }
        EXPECT_NO_THROW(layer->getMemoryShapes(zeros, 0, outputs, internals));
        EXPECT_NO_THROW(layer->getMemoryShapes(some, 0, outputs, internals));
        EXPECT_NO_THROW(layer->getMemoryShapes(std::vector<MatShape>(zeros.size()), 0, outputs, internals));
    }
}

TEST(D2Det_Layers, wrong_lengths_are_refused)
{
    for (const Case& c : cases())
    {
        const std::vector<Mat> good = c.inputs(2);
        for (size_t i = 0; i < good.size(); i++)
            for (int d = 0; d < good[i].dims; d++)
            {
                SCOPED_TRACE(cv::format("%s, input %d, dimension %d", c.op.c_str(), static_cast<int>(i), d));
                std::vector<int> shape(good[i].size.p, good[i].size.p + good[i].dims);
                shape[d]++;
                std::vector<Mat> bad = good;
                bad[i] = tensor(shape);
                if (c.isFree(i, d))
                {
                    EXPECT_NO_THROW(runOnce(c, bad));
                }
                else
                {
                    EXPECT_NE(std::string::npos, messageOf([&] { runOnce(c, bad); }).find(c.op));
                }
            }
    }
}

TEST(D2Det_Layers, wrong_ranks_and_counts_are_refused)
{
    for (const Case& c : cases())
    {
        SCOPED_TRACE(c.op + ", " + c.name + "\n" + c.repeat());
        const std::vector<Mat> good = c.inputs(1);
        for (size_t i = 0; i < good.size(); i++)
        {
            if (c.traits.anyRank == static_cast<int>(i))
                continue;
            std::vector<Mat> bad = good;
            std::vector<int> shape(good[i].size.p, good[i].size.p + good[i].dims);
            shape.push_back(1);
            bad[i] = good[i].reshape(1, shape);
            EXPECT_NE(std::string::npos, messageOf([&] { runOnce(c, bad); }).find(c.op)) << "input " << i;
        }
        std::vector<Mat> fewer(good.begin(), good.end() - 1), more = good;
        for (int i = 0; i < 2; i++)
            more.push_back(good.back());
        if (!c.traits.optionalLast)
        {
            EXPECT_ANY_THROW(runOnce(c, fewer));
        }
        EXPECT_ANY_THROW(runOnce(c, more));
    }
}

//! Nothing checks shapes between allocation and forward() when a layer is used on its own.
TEST(D2Det_Layers, outputs_that_do_not_fit_are_refused)
{
    for (const Case& c : cases())
    {
        SCOPED_TRACE(c.op + ", " + c.name + "\n" + c.repeat());
        const std::vector<Mat> inputs = c.inputs(1);
        std::vector<Mat> out = runOnce(c, inputs), none;
        out[0] = Mat(1, 1, CV_32F, Scalar(0));
        const Ptr<Layer> layer = createLayer(c.type(), c.params);
        EXPECT_THROW(layer->forward(inputs, out, none), cv::Exception);
    }
}

//////////////////////////////////////////// values ////////////////////////////////////////////

TEST(D2Det_Layers, rois_that_point_nowhere_give_zeros)
{
    for (const Case& c : cases())
    {
        if (c.traits.rois < 0)
            continue;
        SCOPED_TRACE(c.op + ", " + c.name + "\n" + c.repeat());
        std::vector<float> bad = {NaN, INFINITE, -INFINITE};
        if (c.traits.batchIndex)
            bad.insert(bad.end(), {-1.f, 2.f, 3e9f, -3e9f});
        for (const float value : bad)
        {
            std::vector<Mat> inputs = c.inputs(2);
            const std::vector<Mat> before = runOnce(c, inputs);
            inputs[c.traits.rois].at<float>(1, 0) = value;
            const Mat after = runOnce(c, inputs)[0];
            const size_t row = after.total() / after.size[0];
            for (size_t i = 0; i < after.total(); i++)
                ASSERT_EQ(i / row == 1 ? 0.f : before[0].ptr<float>()[i], after.ptr<float>()[i])
                    << "value " << value << ", element " << i;
        }
    }
}

//! Any values: no exception, no crash, and (where the contract says so) nothing but finite numbers.
TEST(D2Det_Layers, values_that_are_not_finite_do_no_harm)
{
    for (const Case& c : cases())
        for (const float value : {NaN, INFINITE, -INFINITE, 3e38f, -3e38f, 1e-40f})
        {
            SCOPED_TRACE(cv::format("%s, %g", c.op.c_str(), value));
            const size_t count = c.inputs(2).size();
            for (size_t i = 0; i < count; i++)
                for (const int step : {1, 7})
                {
                    if (c.traits.indices == static_cast<int>(i))
                        continue;  // the next test
                    std::vector<Mat> inputs = c.inputs(2);
                    for (size_t k = 0; k < inputs[i].total(); k += step)
                        inputs[i].ptr<float>()[k] = value;
                    EXPECT_NO_THROW(runOnce(c, inputs)) << "input " << i << ", every " << step;
                }
        }
}

TEST(D2Det_Layers, rows_that_do_not_exist_are_refused)
{
    for (const Case& c : cases())
    {
        if (c.traits.indices < 0)
            continue;
        const std::string where = c.op + ": " + c.problem(1)->inputs[c.traits.indices].name + "[4]";
        for (const float value : {8.f, 1e9f, 3e38f, -2.f, -1.5f, NaN, INFINITE, -INFINITE})
        {
            std::vector<Mat> inputs = c.inputs(2);
            ASSERT_EQ(8, inputs[0].size[0]);
            inputs[c.traits.indices].at<float>(4) = value;
            const std::string message = messageOf([&] { runOnce(c, inputs); });
            EXPECT_NE(std::string::npos, message.find(where)) << value << ": " << message;
        }
        std::vector<Mat> inputs = c.inputs(2);
        inputs[c.traits.indices].at<float>(4) = 7.f;
        const int length = static_cast<int>(inputs[0].total()) / inputs[0].size[0];
        EXPECT_EQ(0, cv::norm(Mat(1, length, CV_32F, runOnce(c, inputs)[0].ptr<float>(4)),
                              Mat(1, length, CV_32F, inputs[0].ptr<float>(7)), NORM_INF));
    }
}

//////////////////////////////////////////// attributes ////////////////////////////////////////////

struct BadAttribute
{
    const char *op, *name;
    DictValue value;
};

TEST(D2Det_Layers, malformed_attributes_are_refused)
{
    const double huge = 1e300;
    const std::vector<BadAttribute> bad = {
        {"D2Proposal", "feat_strides", ints({0, 16})},
        {"D2Proposal", "feat_strides", ints({8, -16})},
        {"D2Proposal", "feat_strides", ints({1, 2, 3, 4, 5, 6, 7, 8, 9})},
        {"D2Proposal", "feat_strides", DictValue("8")},
        {"D2Proposal", "max_proposals", DictValue(0)},
        {"D2Proposal", "max_proposals", DictValue(INT_MAX)},
        {"D2Proposal", "max_proposals", DictValue(2.5)},
        {"D2Proposal", "max_proposals", DictValue("many")},
        {"D2Proposal", "max_proposals", ints({1, 2})},
        {"D2Proposal", "anchor_scale", DictValue(0.)},
        {"D2Proposal", "anchor_scale", DictValue(static_cast<double>(NaN))},
        {"D2Proposal", "anchor_ratios", reals({0.5, 0.})},
        {"D2Proposal", "anchor_scales", reals({4., 8.})},  // for three ratios
        {"D2Proposal", "anchor_scales", reals({4., 0., 8.})},
        {"D2Proposal", "anchor_ratios", reals(std::vector<double>(1000, 1.))},
        {"D2Proposal", "nms_threshold", DictValue(static_cast<double>(NaN))},
        {"D2Proposal", "legacy", DictValue(2)},
        {"D2RoIAlign", "output_size", ints({7})},
        {"D2RoIAlign", "output_size", ints({0, 7})},
        {"D2RoIAlign", "output_size", ints({7, 257})},
        {"D2RoIAlign", "output_size", reals({6.5, 7})},
        {"D2RoIAlign", "sampling_ratio", DictValue(-1)},
        {"D2RoIAlign", "sampling_ratio", DictValue(1 << 30)},
        {"D2RoIAlign", "finest_scale", DictValue(0.)},
        {"D2RoIAlign", "finest_scale", DictValue(static_cast<double>(INFINITE))},
        {"D2RoIAlign", "aligned", DictValue("yes")},
        {"D2DeformRoIPool", "output_size", ints({6, 7})},
        {"D2DeformRoIPool", "sampling_ratio", DictValue(0)},
        {"D2DeformRoIPool", "gamma", DictValue(static_cast<double>(INFINITE))},
        {"D2DeformRoIPool", "gamma", DictValue(huge)},
        {"D2AdaptiveWeightedPool", "gain", DictValue(static_cast<double>(NaN))},
        {"D2InstanceNorm", "epsilon", DictValue(0.)},
        {"D2InstanceNorm", "epsilon", DictValue(-1.)},
        {"D2DenseBoxDecode", "mode", DictValue("median")},
        {"D2DenseBoxDecode", "mode", DictValue(1)},
        {"D2DenseBoxDecode", "overlap_threshold", DictValue(static_cast<double>(NaN))},
        {"D2DeltaBoxDecode", "stds", reals({0.1, 0.1, 0.2})},
        {"D2DeltaBoxDecode", "stds", reals({0.1, 0.1, 0.2, 0.2, 0.2})},
        {"D2DeltaBoxDecode", "stds", reals({0.1, 0.1, 0.2, 0.})},
        {"D2DeltaBoxDecode", "stds", reals({0.1, -0.1, 0.2, 0.2})},
        {"D2DeltaBoxDecode", "stds", reals({0.1, 0.1, huge, 0.2})},
        {"D2DeltaBoxDecode", "stds", DictValue(static_cast<double>(NaN))},
        {"D2DeltaBoxDecode", "stds", DictValue("10")},
        {"D2DeltaBoxDecode", "max_log_scale", DictValue(0.)},
        {"D2DeltaBoxDecode", "max_log_scale", DictValue(-4.)},
        {"D2DeltaBoxDecode", "max_log_scale", DictValue(static_cast<double>(INFINITE))},
        {"D2DeltaBoxDecode", "legacy", DictValue(2)},
        {"D2Detections", "nms_mode", DictValue("soft")},
        {"D2Detections", "batch_size", DictValue(0)},
        {"D2Detections", "batch_size", DictValue(1 << 20)},
        {"D2Detections", "max_detections", DictValue(-5)},
        {"D2Detections", "max_detections", DictValue(1 << 24)},
        {"D2Detections", "soft_sigma", DictValue(0.)},
        {"D2Detections", "format_version", DictValue(2)},
        {"D2Detections", "output_rows", DictValue(2)},
        {"D2Detections", "output_rows", DictValue("yes")},
        {"D2RoIConv", "levels", DictValue(0)},
        {"D2RoIConv", "levels", DictValue(3)},
        {"D2RoIConv", "levels", DictValue(9)},
        {"D2RoIConv", "conv_stride", DictValue(0)},
        {"D2RoIConv", "conv_pad", DictValue(-1)},
        {"D2RoIConv", "conv_pad", DictValue(100)},
        {"D2RoIConv", "norm_groups", DictValue(3)},
        {"D2RoIConv", "has_bias", DictValue(0)},
        {"D2RoIConv", "norm_affine", DictValue(0)},
        {"D2RoIConv", "epsilon", DictValue(static_cast<double>(NaN))},
        {"D2Conv2d", "conv_strides", ints({1, 0})},
        {"D2Conv2d", "conv_strides", reals({1.5, 1.})},
        {"D2Conv2d", "conv_dilations", ints({1, 1, 1})},
        {"D2Conv2d", "conv_pads", ints({1, -1, 1, 1})},
        {"D2Conv2d", "groups", DictValue(0)},
        {"D2Conv2d", "has_bias", DictValue("yes")},
        {"D2Conv2d", "ceiling", DictValue(-1.)},
        {"D2Conv2d", "input_scale", DictValue(0.)},
        {"D2Conv2d", "input_scale", DictValue(1e-30)},
        {"D2Conv2d", "input_scale", DictValue(static_cast<double>(NaN))},
        {"D2Conv2d", "input_zero", DictValue(256)},
        {"D2Conv2d", "input_zero", DictValue(-1)},
        {"D2Conv2d", "weight_scales", reals({0.1, 0.1})},  // for more rows
        {"D2Conv2d", "weight_scales", reals({0., 0.1, 0.1, 0.1, 0.1})},
        {"D2DeformConv2d", "conv_strides", ints({0, 1})},
        {"D2DeformConv2d", "conv_strides", ints({1})},
        {"D2DeformConv2d", "conv_dilations", ints({1, 1 << 13})},
        {"D2DeformConv2d", "conv_pads", ints({1, 1, 1})},
        {"D2DeformConv2d", "conv_pads", reals({0.5, 1, 1, 1})},
        {"D2DeformConv2d", "groups", DictValue(0)},
        {"D2DeformConv2d", "groups", DictValue(7)},
        {"D2DeformConv2d", "groups", DictValue(1 << 20)},
        {"D2DeformConv2d", "offset_groups", DictValue(0)},
        {"D2DeformConv2d", "offset_groups", DictValue(5)},
        {"D2DeformConv2d", "offset_groups", DictValue("many")},
        {"D2DeformConv2d", "has_mask", DictValue(2)},
        {"D2DeformConv2d", "has_bias", DictValue("yes")}};
    for (const BadAttribute& b : bad)
    {
        std::ostringstream text;
        text << b.op << ", " << b.name << " = " << b.value;
        SCOPED_TRACE(text.str());
        for (const Case& c : allCases())
        {
            if (c.op != b.op)
                continue;
            LayerParams params = c.params;
            params.set(b.name, b.value);
            const std::string message = messageOf([&] { createLayer(c.type(), params); });
            EXPECT_NE(std::string::npos, message.find(b.op)) << "not refused, or without its name: " << message;
        }
    }
}

TEST(D2Det_Layers, required_attributes_and_constants)
{
    for (const Case& c : cases())
        for (const char* name : {"feat_strides", "output_size"})
            if (c.params.has(name))
            {
                LayerParams params = c.params;
                params.erase(name);
                EXPECT_NE(std::string::npos, messageOf([&] { createLayer(c.type(), params); }).find(name)) << c.op;
            }
    for (const Case& c : cases())
        if (!c.params.blobs.empty())
        {
            LayerParams params = c.params;
            params.blobs.pop_back();
            Case wrong = c;
            wrong.params = params;  // without any the layer expects them as inputs, which are missing too
            EXPECT_THROW(runOnce(wrong, c.inputs(1)), cv::Exception) << c.op;
            if (!params.blobs.empty())
            {
                EXPECT_THROW(createLayer(c.type(), params), cv::Exception) << c.op;
            }
            wrong.params = c.params;
            wrong.params.blobs.back() = tensor({1, 1});
            EXPECT_THROW(runOnce(wrong, c.inputs(1)), cv::Exception) << c.op;
        }
}

//! A few bytes of model must not make cv::dnn ask for terabytes.
TEST(D2Det_Layers, absurd_outputs_are_refused)
{
    const Ptr<Layer> align = createLayer("d2det.D2RoIAlign",
                                         []
                                         {
                                             LayerParams p = casesOf("D2RoIAlign").at(0).params;
                                             p.set("output_size", ints({256, 256}));
                                             return p;
                                         }());
    std::vector<MatShape> outputs, internals;
    const std::vector<MatShape> shapes = {MatShape{100000, 5}, MatShape{1, 256, 8, 8}, MatShape{1, 256, 4, 4}};
    EXPECT_THROW(align->getMemoryShapes(shapes, 0, outputs, internals), cv::Exception);

    LayerParams p;
    p.set("batch_size", 4096);
    p.set("max_detections", 100000);
    const Ptr<Layer> detections = createLayer("d2det.D2Detections", p);
    EXPECT_THROW(detections->getMemoryShapes({MatShape{4, 5}, MatShape{4, 3}}, 0, outputs, internals), cv::Exception);
}

}  // namespace
}  // namespace opencv_test
