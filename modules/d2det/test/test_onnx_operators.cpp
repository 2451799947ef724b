// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* ONNX's own RoiAlign and NonMaxSuppression inside cv::dnn: models of one node, read by the importer, against naive
   formulas and against values of torchvision and ONNX Runtime (perf/onnx/operators.py compares many more). */

#include "test_precomp.hpp"
#include "test_onnx_builder.hpp"

#include "compat.hpp"

#include "opencv2/dnn.hpp"
#include "opencv2/dnn/layer.hpp"
#include "opencv2/dnn/shape_utils.hpp"

#include <cmath>
#include <functional>
#include <limits>

//! Registered only where cv::dnn has no such layer; there the tests would judge OpenCV's.
#define SKIP_WITH_THE_OPERATORS_OF_OPENCV_5() \
    if (CV_VERSION_MAJOR >= 5)                \
    D2DET_SKIP_TEST("OpenCV 5 has RoiAlign and NonMaxSuppression of its own, those of d2det are not used")

namespace opencv_test
{
namespace
{

using dnn::Net;
using onnx::attribute;

typedef std::vector<onnx::Message> Attributes;

const float NaN = std::numeric_limits<float>::quiet_NaN();
const float INFINITE = std::numeric_limits<float>::infinity();

Mat filled(const std::vector<int>& shape, const std::vector<float>& values)
{
    Mat m(static_cast<int>(shape.size()), shape.data(), CV_32F);
    CV_Assert(m.total() == values.size());
    std::copy(values.begin(), values.end(), m.ptr<float>());
    return m;
}

Mat random(const std::vector<int>& shape, float low, float high, RNG& rng)
{
    Mat m(static_cast<int>(shape.size()), shape.data(), CV_32F);
    rng.fill(m, RNG::UNIFORM, low, high);
    return m;
}

//! An input of the node: computed (fed to the network) or constant (part of the file), the latter also as int64.
struct Operand
{
    enum Kind
    {
        COMPUTED,
        CONSTANT,
        CONSTANT_INT64
    };

    std::string name;
    std::vector<int> shape;
    std::vector<float> values;
    Kind kind;

    Operand(const std::string& operandName, const Mat& m, Kind operandKind = COMPUTED)
        : name(operandName),
          shape(m.size.p, m.size.p + m.dims),
          values(m.begin<float>(), m.end<float>()),
          kind(operandKind)
    {
    }
    Operand(const std::string& operandName, const std::vector<int>& dims, const std::vector<float>& data,
            Kind operandKind)
        : name(operandName), shape(dims), values(data), kind(operandKind)
    {
    }
};

onnx::Message constant(const Operand& operand)
{
    if (operand.kind == Operand::CONSTANT)
        return onnx::tensor(operand.name, operand.shape, operand.values);
    std::vector<int64_t> integers;
    for (const float v : operand.values)  // 2^63 of a float stands for the largest integer
        integers.push_back(v >= 9.2e18f ? std::numeric_limits<int64_t>::max() : static_cast<int64_t>(v));
    return onnx::tensorHead(operand.name, operand.shape, 7).bytes(9, onnx::rawData(integers));
}

Net readModel(const std::string& op, const std::vector<Operand>& operands, const Attributes& attributes)
{
    cv::d2det::registerLayers();
    onnx::Graph graph;
    std::vector<std::string> names;
    for (const Operand& operand : operands)
    {
        names.push_back(operand.name);
        if (operand.kind == Operand::COMPUTED)
            graph.inputs.push_back(onnx::value(operand.name, operand.shape));
        else
            graph.initializers.push_back(constant(operand));
    }
    graph.nodes = {onnx::node(op, "", names, {"y"}, attributes)};
    graph.outputs = {onnx::value("y", {})};
    return dnn::readNetFromONNX(onnx::model(graph.message()));
}

Mat runModel(const std::string& op, const std::vector<Operand>& operands, const Attributes& attributes = Attributes())
{
    Net net = readModel(op, operands, attributes);
    net.setPreferableBackend(dnn::DNN_BACKEND_OPENCV);
    for (const Operand& operand : operands)
        if (operand.kind == Operand::COMPUTED)
            net.setInput(filled(operand.shape, operand.values), operand.name);
    return net.forward().clone();
}

//! What a call says when it throws; empty if it does not.
template <typename Call>
std::string errorOf(Call call)
{
    try
    {
        call();
    }
    catch (const cv::Exception& e)
    {
        return e.what();
    }
    return std::string();
}

#define EXPECT_ERROR(words, ...) EXPECT_NE(std::string::npos, errorOf([&] { __VA_ARGS__; }).find(words)) << (words)

void expectNear(const std::vector<float>& expected, const Mat& got, float tolerance)
{
    ASSERT_EQ(expected.size(), got.total());
    for (size_t i = 0; i < expected.size(); i++)
        ASSERT_NEAR(expected[i], got.ptr<float>()[i], tolerance) << "value " << i;
}

//////////////////////////////////////////// RoiAlign ////////////////////////////////////////////

struct RoIAlignCase
{
    int height = 2, width = 2, sampling = 0;
    float scale = 1.f;
    bool half = false, max = false;

    Attributes attributes() const
    {
        Attributes a{attribute("output_height", height), attribute("output_width", width),
                     attribute("sampling_ratio", sampling), attribute("spatial_scale", scale),
                     attribute("mode", max ? "max" : "avg")};
        if (half)
            a.push_back(attribute("coordinate_transformation_mode", "half_pixel"));
        return a;
    }
};

Mat runRoIAlign(const RoIAlignCase& c, const Mat& x, const Mat& rois, const std::vector<float>& batch)
{
    const int rows = static_cast<int>(batch.size());
    return runModel("RoiAlign", {{"X", x}, {"rois", rois}, {"batch", {rows}, batch, Operand::COMPUTED}},
                    c.attributes());
}

//! One sample: the interpolated value, or with `max` the largest of the four weighted corners.
double sampleMap(const float* map, int height, int width, double y, double x, bool max)
{
    if (y < -1 || y > height || x < -1 || x > width)
        return 0;
    y = std::min(std::max(y, 0.), height - 1.);
    x = std::min(std::max(x, 0.), width - 1.);
    const int y0 = static_cast<int>(y), x0 = static_cast<int>(x);
    const int y1 = std::min(y0 + 1, height - 1), x1 = std::min(x0 + 1, width - 1);
    const double fy = y - y0, fx = x - x0;
    const double corners[] = {(1 - fy) * (1 - fx) * map[y0 * width + x0], (1 - fy) * fx * map[y0 * width + x1],
                              fy * (1 - fx) * map[y1 * width + x0], fy * fx * map[y1 * width + x1]};
    return max ? *std::max_element(corners, corners + 4) : corners[0] + corners[1] + corners[2] + corners[3];
}

//! One bin of one channel, as the text of the operator says.
double poolBin(const RoIAlignCase& c, const float* map, int height, int width, const float* roi, int p, int q)
{
    const double offset = c.half ? 0.5 : 0., least = c.half ? 0. : 1.;
    const double y = roi[1] * c.scale - offset, x = roi[0] * c.scale - offset;
    const double binHeight = std::max((roi[3] - roi[1]) * double(c.scale), least) / c.height;
    const double binWidth = std::max((roi[2] - roi[0]) * double(c.scale), least) / c.width;
    const int ny = c.sampling > 0 ? c.sampling : static_cast<int>(std::ceil(binHeight));
    const int nx = c.sampling > 0 ? c.sampling : static_cast<int>(std::ceil(binWidth));
    double sum = 0, best = -1e30;
    for (int i = 0; i < ny; i++)
        for (int j = 0; j < nx; j++)
        {
            const double value = sampleMap(map, height, width, y + (p + (i + 0.5) / ny) * binHeight,
                                           x + (q + (j + 0.5) / nx) * binWidth, c.max);
            sum += value;
            best = std::max(best, value);
        }
    return nx * ny == 0 ? 0 : c.max ? best : sum / (nx * ny);
}

std::vector<float> poolAll(const RoIAlignCase& c, const Mat& x, const Mat& rois, const std::vector<float>& batch)
{
    const int channels = x.size[1], height = x.size[2], width = x.size[3];
    std::vector<float> result;
    for (int r = 0; r < rois.rows; r++)
        for (int channel = 0; channel < channels; channel++)
            for (int p = 0; p < c.height; p++)
                for (int q = 0; q < c.width; q++)
                    result.push_back(static_cast<float>(poolBin(c, x.ptr<float>(static_cast<int>(batch[r]), channel),
                                                                height, width, rois.ptr<float>(r), p, q)));
    return result;
}

TEST(D2Det_OnnxRoIAlign, equals_the_formula_for_all_attributes)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    RNG rng(3);
    // Coordinates with few digits: no bin length is within rounding of an integer unless it is one.
    Mat rois = random({7, 4}, -16.f, 40.f, rng);
    for (int r = 0; r < rois.rows; r++)
        for (int i = 0; i < 4; i++)
            rois.at<float>(r, i) =
                std::round(i < 2 ? rois.at<float>(r, i) : rois.at<float>(r, i - 2) + std::abs(rois.at<float>(r, i))) +
                0.25f * static_cast<float>(i % 2);
    rois.row(6) = 3.f;  // empty
    const Mat x = random({3, 18, 9, 12}, -2.f, 2.f, rng);
    const std::vector<float> batch = {0, 2, 1, 1, 0, 2, 0};
    for (const bool max : {false, true})
        for (const bool half : {false, true})
            for (const int sampling : {0, 1, 3})
                for (const float scale : {1.f, 0.25f})
                {
                    RoIAlignCase c;
                    c.height = 3, c.width = 2, c.sampling = sampling, c.scale = scale, c.half = half, c.max = max;
                    SCOPED_TRACE(cv::format("max %d half %d sampling %d scale %g", max, half, sampling, scale));
                    const Mat y = runRoIAlign(c, x, rois, batch);
                    EXPECT_EQ(dnn::MatShape({7, 18, 3, 2}), dnn::shape(y));
                    expectNear(poolAll(c, x, rois, batch), y, 2e-5f);
                }
}

//! On a map that rises linearly every bin has the map's value at the bin's center.
TEST(D2Det_OnnxRoIAlign, linear_map)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    Mat x(std::vector<int>{1, 1, 20, 20}, CV_32F);
    for (int i = 0; i < 400; i++)
        x.ptr<float>()[i] = 3.f * static_cast<float>(i / 20) - 2.f * static_cast<float>(i % 20);
    const Mat rois = Mat(Matx<float, 1, 4>(6, 8, 30, 26));
    for (const bool half : {false, true})
        for (const int sampling : {0, 1, 2})
        {
            RoIAlignCase c;
            c.height = 3, c.width = 4, c.sampling = sampling, c.scale = 0.5f, c.half = half;
            std::vector<float> expected;
            for (int p = 0; p < 3; p++)
                for (int q = 0; q < 4; q++)
                    expected.push_back(3.f * (4.f + (p + 0.5f) * 3.f - (half ? 0.5f : 0.f)) -
                                       2.f * (3.f + (q + 0.5f) * 3.f - (half ? 0.5f : 0.f)));
            expectNear(expected, runRoIAlign(c, x, rois, {0}), 1e-4f);
        }
}

TEST(D2Det_OnnxRoIAlign, defaults_are_one_bin_of_opset_10)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    const Mat x = filled({1, 1, 3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8});
    const Mat y = runModel("RoiAlign", {{"X", x}, {"rois", filled({1, 4}, {0, 0, 2, 2})}, {"b", filled({1}, {0})}});
    EXPECT_EQ(dnn::MatShape({1, 1, 1, 1}), dnn::shape(y));
    EXPECT_FLOAT_EQ(4.f, y.ptr<float>()[0]);  // samples at 0.5 and 1.5: the mean of a linear map at 1
}

/* Made with
     x = (torch.arange(120) * 37 % 23).float().reshape(2, 2, 5, 6)
     rois = torch.tensor([[1., .5, 1, 5.5, 4.25], [0, -2, 0, 3, 2], [1, 2, 2, 2.2, 2.1]])
     torchvision.ops.roi_align(x, rois, (2, 2), .75, sampling or -1, aligned)         torchvision 0.14.1
   and, for mode max with two samples, with ONNX Runtime 1.30.0 through perf/onnx/operators.py's write_case and
   ort_run.js. */
TEST(D2Det_OnnxRoIAlign, equals_torchvision_and_onnx_runtime)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    Mat x(std::vector<int>{2, 2, 5, 6}, CV_32F);
    for (int i = 0; i < 120; i++)
        x.ptr<float>()[i] = static_cast<float>(i * 37 % 23);
    const Mat rois = Mat(Matx<float, 3, 4>(.5f, 1, 5.5f, 4.25f, -2, 0, 3, 2, 2, 2, 2.2f, 2.1f));
    const struct
    {
        bool max, half;
        int sampling;
        std::vector<float> values;
    } table[] = {
        {false, false, 0, {11.16138f, 7.375488f, 7.756592f, 11.68604f, 8.687988f, 13.37549f, 12.99854f, 13.323f,
                           2.8125f,   10.43359f, 7,         12.69922f, 5.8125f,   13.06445f, 10,        9.310547f,
                           5.25f,     5.0625f,   5.5625f,   6.8125f,   9.8125f,   11.0625f,  11.5625f,  12.8125f}},
        {false, true, 0, {11.16412f, 6.736694f, 10.82666f, 8.882568f, 7.329041f, 10.33618f, 10.19507f, 14.53864f,
                          0,         8.140625f, 4.6875f,   9.878906f, 3,         14.14062f, 7.6875f,   13.85742f,
                          17.5125f,  16.8375f,  17.2125f,  16.5375f,  1.790078f, 2.807735f, 2.320233f, 3.273202f}},
        {false, false, 2, {11.16138f, 7.375488f, 7.756592f, 11.68604f, 8.687988f, 13.37549f, 12.99854f, 13.323f,
                           2.8125f,   10.43359f, 6.640625f, 12.74414f, 5.8125f,   13.06445f, 9.640625f, 9.535156f,
                           5.25f,     5.0625f,   5.5625f,   6.8125f,   9.8125f,   11.0625f,  11.5625f,  12.8125f}},
        {false, true, 2, {11.16412f, 6.736694f, 10.82666f, 8.882568f, 7.329041f, 10.33618f, 10.19507f, 14.53864f,
                          0.234375f, 8.227539f, 4.6875f,   9.878906f, 3.234375f, 14.12646f, 7.6875f,   13.85742f,
                          17.5125f,  16.8375f,  17.2125f,  16.5375f,  1.790078f, 2.807735f, 2.320233f, 3.273202f}},
        {true, true, 2, {10.81494f, 5.914307f, 9.643799f, 9.788818f, 5.48584f,   9.796143f, 8.894531f, 13.70435f,
                         0.9375f,   10.0625f,  12.1875f,  7.998047f, 6,          14.375f,   17.0625f,  11.19727f,
                         17.49692f, 16.15957f, 16.83457f, 15.54785f, 0.9720508f, 1.950295f, 1.03031f,  1.876467f}},
        {true, false, 2, {14.35693f, 8.685059f, 11.03516f, 12.16626f, 11.07788f, 12.40723f, 15.17334f, 10.96655f,
                          8.4375f,   9.597656f, 14.0625f,  14.64844f, 11.8125f,  13.71094f, 19.6875f,  9.492188f,
                          3.28125f,  4.921875f, 5.25f,     5.25f,     5.359375f, 6.890625f, 7.21875f,  7.21875f}},
    };
    for (const auto& row : table)
    {
        RoIAlignCase c;
        c.sampling = row.sampling, c.scale = 0.75f, c.half = row.half, c.max = row.max;
        SCOPED_TRACE(cv::format("max %d half %d sampling %d", c.max, c.half, c.sampling));
        expectNear(row.values, runRoIAlign(c, x, rois, {1, 0, 1}), 2e-5f);
    }
}

//! rois and batch_indices may each be computed or part of the file, whatever the number of RoIs.
TEST(D2Det_OnnxRoIAlign, constants_find_their_places)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    RNG rng(4);
    const Mat x = random({2, 3, 6, 6}, -1.f, 1.f, rng);
    for (const int rows : {1, 4, 5})
    {
        const Mat rois = random({rows, 4}, 0.f, 5.f, rng);
        std::vector<float> batch;
        for (int r = 0; r < rows; r++)
            batch.push_back(static_cast<float>(r % 2));
        const RoIAlignCase c;
        const Mat expected = runRoIAlign(c, x, rois, batch);
        for (const bool constantRois : {false, true})
            for (const bool constantBatch : {false, true})
            {
                SCOPED_TRACE(cv::format("%d rows, constant: rois %d, batch %d", rows, constantRois, constantBatch));
                const Mat y =
                    runModel("RoiAlign",
                             {{"X", x},
                              {"rois", rois, constantRois ? Operand::CONSTANT : Operand::COMPUTED},
                              {"batch", {rows}, batch, constantBatch ? Operand::CONSTANT_INT64 : Operand::COMPUTED}},
                             c.attributes());
                EXPECT_EQ(0, cv::norm(expected.reshape(1, 1), y.reshape(1, 1), NORM_INF));
            }
    }
}

TEST(D2Det_OnnxRoIAlign, rois_that_point_nowhere_give_zeros)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    RNG rng(5);
    const Mat x = random({2, 3, 6, 6}, 1.f, 2.f, rng);
    for (const bool max : {false, true})
    {
        RoIAlignCase c;
        c.max = max;
        Mat rois = Mat(Matx<float, 3, 4>(1, 1, 4, 4, 0, 0, 3, 3, 2, 2, 5, 5));
        const auto expectZeroRow = [&](const std::vector<float>& batch)
        {
            const Mat y = runRoIAlign(c, x, rois, batch).reshape(1, 3);
            EXPECT_GT(cv::norm(y.row(0)), 0);
            EXPECT_EQ(0, cv::norm(y.row(1))) << y.row(1);
            EXPECT_GT(cv::norm(y.row(2)), 0);
        };
        for (const float index : {-1.f, 2.f, 3e9f, -3e9f, NaN, INFINITE})
            expectZeroRow({0, index, 1});
        for (const float bad : {NaN, INFINITE, -INFINITE})
        {
            rois.at<float>(1, 2) = bad;
            expectZeroRow({0, 1, 1});
        }
    }
}

TEST(D2Det_OnnxRoIAlign, bad_models_are_refused)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    const Mat x(std::vector<int>{1, 2, 5, 5}, CV_32F, Scalar(1)), rois(2, 4, CV_32F, Scalar(1));
    const Mat batch(2, 1, CV_32F, Scalar(0));
    const auto run = [](const Mat& a, const Mat& b, const Mat& c, const Attributes& attributes = Attributes()) {
        runModel("RoiAlign", {{"X", a}, {"rois", b}, {"batch", c}}, attributes);
    };
    EXPECT_EQ("", errorOf([&] { run(x, rois, batch); }));
    EXPECT_ERROR("input X", run(Mat(5, 5, CV_32F, Scalar(1)), rois, batch));
    EXPECT_ERROR("input rois", run(x, Mat(2, 5, CV_32F, Scalar(1)), batch));
    EXPECT_ERROR("input batch_indices", run(x, rois, Mat(3, 1, CV_32F, Scalar(0))));
    EXPECT_ERROR("input batch_indices", run(x, rois, Mat(2, 2, CV_32F, Scalar(0))));
    EXPECT_ERROR("2 computed and 0 constant", runModel("RoiAlign", {{"X", x}, {"rois", rois}}));
    EXPECT_ERROR("output_height", run(x, rois, batch, {attribute("output_height", 0)}));
    EXPECT_ERROR("output_width", run(x, rois, batch, {attribute("output_width", 100000)}));
    EXPECT_ERROR("sampling_ratio", run(x, rois, batch, {attribute("sampling_ratio", -1)}));
    EXPECT_ERROR("spatial_scale", run(x, rois, batch, {attribute("spatial_scale", 0.f)}));
    EXPECT_ERROR("spatial_scale", run(x, rois, batch, {attribute("spatial_scale", NaN)}));
    EXPECT_ERROR("'sum'", run(x, rois, batch, {attribute("mode", "sum")}));
    EXPECT_ERROR("'asymmetric'", run(x, rois, batch, {attribute("coordinate_transformation_mode", "asymmetric")}));
    EXPECT_ANY_THROW(runModel(
        "RoiAlign", {{"X", x}, {"rois", {0, 4}, {}, Operand::CONSTANT}, {"b", {0}, {}, Operand::CONSTANT_INT64}}));
}

//////////////////////////////////////////// NonMaxSuppression ////////////////////////////////////////////

struct NMSCase
{
    Mat boxes, scores;
    bool center = false;
    // The optional inputs in order; fewer than three: the last ones are left out.
    std::vector<float> arguments;
    std::vector<Operand::Kind> kinds = {Operand::CONSTANT_INT64, Operand::CONSTANT, Operand::CONSTANT};

    std::vector<Operand> operands() const
    {
        std::vector<Operand> list{{"boxes", boxes}, {"scores", scores}};
        const char* const names[] = {"max", "iou", "score"};
        for (size_t i = 0; i < arguments.size(); i++)
            list.emplace_back(names[i], std::vector<int>{1}, std::vector<float>{arguments[i]}, kinds[i]);
        return list;
    }

    Mat run() const { return runModel("NonMaxSuppression", operands(), {attribute("center_point_box", int(center))}); }
};

Rect2d corners(const float* box, bool center)
{
    if (center)
        return Rect2d(box[0] - box[2] / 2, box[1] - box[3] / 2, box[2], box[3]);
    return Rect2d(Point2d(box[1], box[0]), Point2d(box[3], box[2]));
}

double overlap(const Rect2d& a, const Rect2d& b)
{
    const double both = (a & b).area();
    return both > 0 ? both / (a.area() + b.area() - both) : 0.;
}

//! The definition: again and again take the best box left that does not overlap a taken one too much.
std::vector<float> selectNaively(const NMSCase& c)
{
    const int numBoxes = c.boxes.size[1], numClasses = c.scores.size[1];
    const int limit = c.arguments.empty() ? 0 : static_cast<int>(std::min(c.arguments[0], 1e6f));
    const double iou = c.arguments.size() > 1 ? c.arguments[1] : 0.;
    std::vector<float> rows;
    for (int b = 0; b < c.boxes.size[0]; b++)
        for (int k = 0; k < numClasses; k++)
        {
            std::vector<int> taken;
            std::vector<bool> gone(numBoxes, false);
            while (static_cast<int>(taken.size()) < limit)
            {
                int best = -1;
                for (int i = 0; i < numBoxes; i++)
                {
                    const float score = c.scores.ptr<float>(b, k)[i];
                    const bool passes = c.arguments.size() < 3 || score > c.arguments[2];
                    if (!gone[i] && passes && (best < 0 || score > c.scores.ptr<float>(b, k)[best]))
                        best = i;
                }
                if (best < 0)
                    break;
                taken.push_back(best);
                const Rect2d box = corners(c.boxes.ptr<float>(b, best), c.center);
                for (int i = 0; i < numBoxes; i++)
                    gone[i] = gone[i] || i == best || overlap(box, corners(c.boxes.ptr<float>(b, i), c.center)) > iou;
                rows.insert(rows.end(), {float(b), float(k), float(best)});
            }
        }
    return rows;
}

NMSCase randomNMS(int batch, int classes, int boxes, RNG& rng, bool center = false)
{
    NMSCase c;
    c.center = center;
    c.boxes = random({batch, boxes, 4}, 0.f, 10.f, rng);
    c.scores = random({batch, classes, boxes}, 0.f, 1.f, rng);
    for (size_t i = 0; i < c.scores.total(); i++)  // few values: ties
        c.scores.ptr<float>()[i] = std::round(c.scores.ptr<float>()[i] * 16) / 16;
    c.arguments = {float(boxes), 0.5f};
    return c;
}

void expectSelection(std::vector<float> expected, int rows, const Mat& got)
{
    ASSERT_EQ(dnn::MatShape({rows, 3}), dnn::shape(got));
    expected.resize(3 * size_t(rows), -1.f);
    expectNear(expected, got, 0.f);
}

TEST(D2Det_OnnxNMS, equals_the_definition_for_all_arguments)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    RNG rng(6);
    for (const bool center : {false, true})
        for (const int limit : {1, 4, 1000})
            for (const float iou : {0.f, 0.3f, 0.75f, 1.f})
                for (const int count : {1, 2, 3})
                {
                    NMSCase c = randomNMS(2, 3, 30, rng, center);
                    c.arguments = {float(limit), iou, 0.5f};
                    c.arguments.resize(count);
                    SCOPED_TRACE(cv::format("center %d limit %d iou %g arguments %d", center, limit, iou, count));
                    expectSelection(selectNaively(c), 6 * std::min(limit, 30), c.run());
                }
}

// The example of the operator's text: test_nonmaxsuppression_suppress_by_IOU and its neighbors.
TEST(D2Det_OnnxNMS, examples_of_the_specification)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    NMSCase c;
    c.boxes = filled(
        {1, 6, 4}, {0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 0, -0.1f, 1, 0.9f, 0, 10, 1, 11, 0, 10.1f, 1, 11.1f, 0, 100, 1, 101});
    c.scores = filled({1, 1, 6}, {0.9f, 0.75f, 0.6f, 0.95f, 0.5f, 0.3f});
    c.arguments = {3, 0.5f, 0.f};
    expectSelection({0, 0, 3, 0, 0, 0, 0, 0, 5}, 3, c.run());
    c.arguments = {3, 0.5f, 0.4f};
    expectSelection({0, 0, 3, 0, 0, 0}, 3, c.run());
    c.arguments = {2, 0.5f, 0.f};
    expectSelection({0, 0, 3, 0, 0, 0}, 2, c.run());
    c.boxes = filled(
        {1, 6, 4}, {1, 1, 0, 0, 0, 0.1f, 1, 1.1f, 0, 0.9f, 1, -0.1f, 0, 10, 1, 11, 1, 10.1f, 0, 11.1f, 1, 101, 0, 100});
    c.arguments = {3, 0.5f, 0.f};
    expectSelection({0, 0, 3, 0, 0, 0, 0, 0, 5}, 3, c.run());
    c.center = true;
    c.boxes = filled({1, 6, 4}, {0.5f, 0.5f,  1, 1, 0.5f, 0.6f,  1, 1, 0.5f, 0.4f,   1, 1,
                                 0.5f, 10.5f, 1, 1, 0.5f, 10.6f, 1, 1, 0.5f, 100.5f, 1, 1});
    expectSelection({0, 0, 3, 0, 0, 0, 0, 0, 5}, 3, c.run());
}

TEST(D2Det_OnnxNMS, no_limit_and_no_rows)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    RNG rng(7);
    NMSCase c = randomNMS(1, 2, 9, rng);
    c.arguments[0] = 9.3e18f;  // the largest integer, as exporters write it
    expectSelection(selectNaively(c), 18, c.run());
    for (const float none : {0.f, -5.f})
    {
        c.arguments[0] = none;
        expectSelection({}, 1, c.run());
    }
    c.arguments.clear();  // ONNX's default is 0
    expectSelection({}, 1, c.run());
}

//! Arguments may be computed: then the limit is not known when shapes are, and there is a row for every box.
TEST(D2Det_OnnxNMS, computed_arguments)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    RNG rng(8);
    NMSCase c = randomNMS(2, 2, 12, rng);
    c.arguments = {3, 0.4f, 0.25f};
    const std::vector<float> expected = selectNaively(c);
    const Operand::Kind in = Operand::COMPUTED, real = Operand::CONSTANT, integer = Operand::CONSTANT_INT64;
    c.kinds = {in, in, in};
    expectSelection(expected, 48, c.run());
    c.kinds = {in, real, real};
    expectSelection(expected, 48, c.run());
    c.kinds = {integer, in, in};
    expectSelection(expected, 12, c.run());
    for (const auto& kinds : {std::vector<Operand::Kind>{integer, in, real}, {integer, real, in}, {in, in, real}})
    {
        c.kinds = kinds;
        EXPECT_ERROR("make both constant", c.run());
    }
}

TEST(D2Det_OnnxNMS, values_that_are_not_finite)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    RNG rng(9);
    NMSCase c = randomNMS(1, 1, 20, rng);
    c.arguments = {20, 0.5f};
    for (const float bad : {NaN, INFINITE, -INFINITE})
    {
        NMSCase other = c;
        other.boxes = c.boxes.clone();
        other.scores = c.scores.clone();
        other.boxes.ptr<float>()[4 * 7 + 1] = bad;
        other.scores.ptr<float>()[3] = NaN;
        Mat without = c.scores.clone();  // the same two boxes out of the race
        without.ptr<float>()[3] = without.ptr<float>()[7] = -1.f;
        NMSCase reference = c;
        reference.scores = without;
        reference.arguments = {20, 0.5f, -0.5f};
        expectSelection(selectNaively(reference), 20, other.run());
    }
    c.scores = c.scores.clone();
    c.scores.ptr<float>()[5] = INFINITE;
    c.scores.ptr<float>()[6] = -INFINITE;
    expectSelection(selectNaively(c), 20, c.run());
}

TEST(D2Det_OnnxNMS, bad_models_are_refused)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    RNG rng(10);
    const NMSCase good = randomNMS(2, 2, 5, rng);
    EXPECT_EQ("", errorOf([&] { good.run(); }));
    const auto with = [&](const std::function<void(NMSCase&)>& change)
    {
        NMSCase c = good;
        change(c);
        c.run();
    };
    EXPECT_ERROR("input boxes", with([](NMSCase& c) { c.boxes = Mat(std::vector<int>{2, 5, 5}, CV_32F, Scalar(1)); }));
    EXPECT_ERROR("input boxes", with([](NMSCase& c) { c.boxes = Mat(5, 4, CV_32F, Scalar(1)); }));
    EXPECT_ERROR("input scores", with(
                                     [](NMSCase& c) {
                                         c.scores = Mat(std::vector<int>{2, 2, 6}, CV_32F, Scalar(1));
                                     }));
    EXPECT_ERROR("input scores", with(
                                     [](NMSCase& c) {
                                         c.scores = Mat(std::vector<int>{1, 2, 5}, CV_32F, Scalar(1));
                                     }));
    for (const float iou : {-0.1f, 1.1f})
        EXPECT_ERROR("iou_threshold", with([iou](NMSCase& c) { c.arguments[1] = iou; }));
    EXPECT_ERROR("iou_threshold", with([](NMSCase& c) { c.arguments[1] = NaN; }));
    EXPECT_ERROR("score_threshold", with([](NMSCase& c) { c.arguments = {5, 0.5f, NaN}; }));
    EXPECT_ERROR("center_point_box",
                 runModel("NonMaxSuppression", good.operands(), {attribute("center_point_box", 2)}));
    std::vector<Operand> operands = good.operands();
    operands[2] = Operand("max", {2}, {1, 2}, Operand::CONSTANT_INT64);
    EXPECT_ERROR("max_output_boxes_per_class", runModel("NonMaxSuppression", operands));
    EXPECT_ERROR("1 computed", runModel("NonMaxSuppression", {{"boxes", good.boxes}}));
    EXPECT_ERROR("limit is", with(
                                 [](NMSCase& c)
                                 {
                                     c.boxes = Mat(std::vector<int>{1, (1 << 18) + 1, 4}, CV_32F, Scalar(1));
                                     c.scores = Mat(std::vector<int>{1, 1, (1 << 18) + 1}, CV_32F, Scalar(1));
                                 }));
    EXPECT_ANY_THROW(runModel("NonMaxSuppression", {{"boxes", {1, 0, 4}, {}, Operand::CONSTANT},
                                                    {"scores", {1, 1, 0}, {}, Operand::CONSTANT}}));
}

TEST(D2Det_OnnxNMS, same_for_any_number_of_threads)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    RNG rng(11);
    const NMSCase c = randomNMS(3, 5, 200, rng);
    const int threads = cv::getNumThreads();
    cv::setNumThreads(1);
    const Mat expected = c.run();
    cv::setNumThreads(4);
    EXPECT_EQ(0, cv::norm(expected, c.run(), NORM_INF));
    cv::setNumThreads(threads);
}

//////////////////////////////////////////// both ////////////////////////////////////////////

//! At import dynamic dimensions are 0 and shapes may be missing.
TEST(D2Det_OnnxOperators, unknown_shapes_are_accepted_at_import)
{
    SKIP_WITH_THE_OPERATORS_OF_OPENCV_5();
    cv::d2det::registerLayers();
    std::vector<dnn::MatShape> outputs, internals;
    dnn::LayerParams params;
    params.type = params.name = "RoiAlign";
    const Ptr<dnn::Layer> align = dnn::LayerFactory::createLayerInstance("RoiAlign", params);
    align->getMemoryShapes({dnn::MatShape{1, 3, 0, 0}, dnn::MatShape{0, 4}, dnn::MatShape{0}}, 0, outputs, internals);
    EXPECT_EQ(dnn::MatShape({0, 3, 1, 1}), outputs[0]);
    EXPECT_NO_THROW(align->getMemoryShapes(std::vector<dnn::MatShape>(3), 0, outputs, internals));
    const Ptr<dnn::Layer> nms = dnn::LayerFactory::createLayerInstance("NonMaxSuppression", params);
    nms->getMemoryShapes({dnn::MatShape{1, 0, 4}, dnn::MatShape{1, 3, 0}}, 0, outputs, internals);
    EXPECT_EQ(dnn::MatShape({0, 3}), outputs[0]);
    EXPECT_NO_THROW(nms->getMemoryShapes(std::vector<dnn::MatShape>(2), 0, outputs, internals));
}

class OwnLayer CV_FINAL : public dnn::Layer
{
public:
    static Ptr<dnn::Layer> create(dnn::LayerParams&) { return makePtr<OwnLayer>(); }
};

//! A layer of that name which OpenCV or the program has stays the one in use.
TEST(D2Det_OnnxOperators, a_layer_of_the_same_name_is_not_replaced)
{
    cv::d2det::registerLayers();
    for (const char* name : {"RoiAlign", "NonMaxSuppression"})
    {
        dnn::LayerParams params;
        dnn::LayerFactory::unregisterLayer(name);
        ASSERT_FALSE(dnn::LayerFactory::isLayerRegistered(name));
        dnn::LayerFactory::registerLayer(name, OwnLayer::create);
        cv::d2det::registerLayers();
        EXPECT_TRUE(dnn::LayerFactory::createLayerInstance(name, params).dynamicCast<OwnLayer>());
        dnn::LayerFactory::unregisterLayer(name);
        EXPECT_FALSE(dnn::LayerFactory::isLayerRegistered(name));
        cv::d2det::registerLayers();
        EXPECT_FALSE(dnn::LayerFactory::createLayerInstance(name, params).dynamicCast<OwnLayer>());
    }
}

}  // namespace
}  // namespace opencv_test
