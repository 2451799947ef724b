// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Every layer of the module: a valid node, then changes of its attributes, of the shapes and values of its inputs. */

#include "common.hpp"

#include <opencv2/d2det/layers.hpp>
#include <opencv2/dnn.hpp>
#include <opencv2/dnn/layer.hpp>
#include <opencv2/dnn/shape_utils.hpp>

#include <cfloat>
#include <climits>
#include <cmath>
#include <vector>

namespace
{

using cv::dnn::DictValue;
typedef std::vector<int> Shape;

struct Attribute
{
    const char* name;
    std::vector<double> values;  //!< one: a number
};

struct Node
{
    const char* type;
    std::vector<Attribute> attributes;
    std::vector<Shape> inputs, constants;
};

const Node NODES[] = {
    {"D2Conv2d", {{"has_bias", {1}}, {"conv_pads", {1, 1, 1, 1}}, {"relu", {1}}}, {{1, 2, 6, 8}}, {{3, 2, 3, 3}, {3}}},
    {"D2Proposal",
     {{"feat_strides", {8, 16}}, {"max_proposals", {20}}, {"pre_nms_top_n", {30}}, {"anchor_ratios", {0.5, 1, 2}}},
     {{1, 3, 8, 12}, {1, 3, 4, 6}, {1, 12, 8, 12}, {1, 12, 4, 6}, {1, 3}},
     {}},
    {"D2RoIAlign",
     {{"feat_strides", {8, 16}}, {"output_size", {3, 3}}, {"sampling_ratio", {2}}},
     {{5, 5}, {1, 3, 8, 12}, {1, 3, 4, 6}},
     {}},
    {"D2DeformRoIPool",
     {{"feat_strides", {8, 16}}, {"output_size", {4, 4}}, {"sampling_ratio", {2}}, {"gamma", {0.1}}},
     {{5, 5}, {1, 3, 8, 12}, {1, 3, 4, 6}, {5, 2, 2, 2}},
     {}},
    {"D2AdaptiveWeightedPool", {{"gain", {12}}}, {{4, 2, 5, 6}, {4, 2, 5, 6}}, {}},
    {"D2InstanceNorm", {{"epsilon", {1e-5}}}, {{4, 2, 3, 5}}, {{2}, {2}}},
    {"D2DenseBoxDecode", {{"overlap_threshold", {0.5}}}, {{4, 5}, {4, 4, 3, 3}, {4, 1, 3, 3}, {1, 3}}, {}},
    {"D2Detections",
     {{"max_detections", {10}}, {"score_threshold", {0.05}}, {"output_rows", {1}}},
     {{12, 5}, {12, 4}},
     {}},
    {"D2Detections", {{"max_detections", {10}}, {"labelled", {1}}}, {{12, 5}, {12, 2}}, {}},
    {"D2RoIConv",
     {{"levels", {2}}, {"has_bias", {1}}, {"norm_groups", {2}}, {"relu", {1}}},
     {{4, 3, 5, 5}, {4, 5}},
     {{8, 3, 3, 3}, {8}, {8}, {8}}},
    {"D2RoIConv",
     {{"levels", {3}}, {"by_class", {1}}, {"conv_pad", {0}}, {"upsample", {2}}},
     {{4, 3, 5, 5}, {4, 5}, {4, 1}},
     {{12, 3, 1, 1}}},
    {"D2GatherRows", {}, {{4, 3, 2}, {3, 1}}, {}},
    {"RoiAlign",
     {{"output_height", {2}}, {"output_width", {3}}, {"spatial_scale", {0.25}}},
     {{1, 2, 6, 8}, {4, 4}, {4}},
     {}},
    {"NonMaxSuppression", {{"center_point_box", {0}}}, {{1, 8, 4}, {1, 2, 8}}, {{1}, {1}, {1}}},
};

const char* const NAMES[] = {"has_bias",
                             "conv_pads",
                             "conv_strides",
                             "conv_dilations",
                             "relu",
                             "ceiling",
                             "feat_strides",
                             "max_proposals",
                             "pre_nms_top_n",
                             "post_nms_top_n",
                             "anchor_ratios",
                             "anchor_scale",
                             "nms_threshold",
                             "min_size",
                             "legacy",
                             "output_size",
                             "sampling_ratio",
                             "finest_scale",
                             "aligned",
                             "gamma",
                             "gain",
                             "epsilon",
                             "overlap_threshold",
                             "max_detections",
                             "score_threshold",
                             "output_rows",
                             "labelled",
                             "batch_size",
                             "soft_sigma",
                             "soft_min_score",
                             "class_agnostic_boxes",
                             "levels",
                             "norm_groups",
                             "norm_affine",
                             "by_class",
                             "conv_pad",
                             "conv_stride",
                             "upsample",
                             "sigmoid",
                             "output_height",
                             "output_width",
                             "spatial_scale",
                             "center_point_box",
                             "format_version",
                             "short_side",
                             "long_side",
                             "divisor",
                             "mean",
                             "std"};
const char* const TEXT_NAMES[] = {"nms_mode", "mode", "channel_order", "class_names", "coordinate_transformation_mode"};
const char* const TEXTS[] = {"hard", "soft_linear", "soft_gaussian", "mean", "weighted", "rgb", "a\nb",
                             "",     "max",         "half_pixel"};
const double NUMBERS[] = {0,   1,    -1,   2,     3,       4,       5,       7,       8,   16,    64,   255,      256,
                          257, 1000, 4096, 65536, 1 << 20, 1 << 30, INT_MAX, INT_MIN, 0.5, 1e-30, 1e30, INFINITY, NAN};
const int LENGTHS[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 17, 31, 64, 100, 1000, 1 << 20, INT_MAX, -1};

template <typename T, size_t N>
const T& pick(fuzz::Bytes& bytes, const T (&values)[N])
{
    return values[bytes.byte() % N];
}

cv::dnn::LayerParams paramsOf(const Node& node, fuzz::Bytes& bytes)
{
    cv::dnn::LayerParams params;
    params.name = "node";
    params.type = node.type;
    const auto set = [&](const char* name, const std::vector<double>& values, bool integers)
    {
        if (values.size() == 1 && integers && std::abs(values[0]) <= INT_MAX)
            params.set(name, static_cast<int>(values[0]));
        else if (values.size() == 1)
            params.set(name, values[0]);
        else
            params.set(name, DictValue::arrayReal(values.data(), static_cast<int>(values.size())));
    };
    for (const Attribute& a : node.attributes)
        set(a.name, a.values, a.values[0] == std::floor(a.values[0]));
    for (int changes = bytes.byte() % 4; changes > 0; changes--)
    {
        const int how = bytes.byte() % 8;
        if (how == 0)
            params.set(pick(bytes, TEXT_NAMES), cv::String(pick(bytes, TEXTS)));
        else
        {
            std::vector<double> values(how == 1 ? 1 + bytes.byte() % 9 : 1);
            for (double& value : values)
                value = bytes.byte() % 4 ? pick(bytes, NUMBERS) : bytes.number<int8_t>();
            set(pick(bytes, NAMES), values, how % 2 == 0);
        }
    }
    return params;
}

void changeShapes(std::vector<Shape>& shapes, fuzz::Bytes& bytes)
{
    for (int changes = bytes.byte() % 3; changes > 0 && !shapes.empty(); changes--)
    {
        Shape& shape = shapes[bytes.byte() % shapes.size()];
        const int how = bytes.byte() % 8;
        if (how == 0)
            shape.push_back(pick(bytes, LENGTHS));
        else if (how == 1 && !shape.empty())
            shape.pop_back();
        else if (how == 2)
            shapes.erase(shapes.begin() + (&shape - shapes.data()));
        else if (how == 3)
            shapes.push_back(Shape(shape));
        else if (!shape.empty())
            shape[bytes.byte() % shape.size()] = pick(bytes, LENGTHS);
    }
}

double product(const Shape& shape)
{
    double total = 1;
    for (const int length : shape)
        total *= length;
    return total;
}

//! A tensor of plausible values and, where the input says so, some that are not.
cv::Mat tensorOf(const Shape& shape, fuzz::Bytes& bytes)
{
    cv::Mat m(static_cast<int>(shape.size()), shape.data(), CV_32F);
    float* const values = m.ptr<float>();
    const int kind = bytes.byte();
    cv::RNG random(static_cast<uint64>(kind) + 1);
    for (size_t i = 0; i < m.total(); i++)
        values[i] = kind % 4 == 0   ? random.uniform(0.f, 1.f)
                    : kind % 4 == 1 ? random.uniform(-2.f, 2.f)
                    : kind % 4 == 2 ? static_cast<float>(random.uniform(0, 100))
                                    : random.uniform(-50.f, 150.f);
    if (shape.size() == 2 && shape[1] == 5)  // RoIs: corners in order, image 0
        for (int r = 0; r < shape[0]; r++)
        {
            float* const roi = m.ptr<float>(r);
            roi[0] = 0;
            roi[3] = roi[1] + std::abs(roi[3]);
            roi[4] = roi[2] + std::abs(roi[4]);
        }
    static const float odd[] = {0.f,      -1.f,      1e10f, -1e10f, 1e38f,   FLT_MIN,
                                INFINITY, -INFINITY, NAN,   0.999f, -0.999f, 3e9f};
    for (int changes = bytes.byte() % 8; changes > 0 && m.total() > 0; changes--)
        values[bytes.number<uint16_t>() % m.total()] = pick(bytes, odd);
    return m;
}

bool usable(const std::vector<Shape>& shapes)
{
    constexpr double MAX_VALUES = 1 << 16;
    for (const Shape& shape : shapes)
    {
        if (shape.empty() || shape.size() > 8 || product(shape) > MAX_VALUES || product(shape) <= 0)
            return false;
        for (const int length : shape)
            if (length < 1)
                return false;
    }
    return true;
}

void run(fuzz::Bytes& bytes)
{
    const Node& node = pick(bytes, NODES);
    cv::dnn::LayerParams params = paramsOf(node, bytes);
    std::vector<Shape> inputs = node.inputs, constants = node.constants;
    const bool asInputs = bytes.byte() % 4 == 0;  // as in the new engine of OpenCV 5
    changeShapes(inputs, bytes);
    changeShapes(constants, bytes);
    if (!usable(constants))
        return;
    std::vector<cv::Mat> in;
    for (const Shape& shape : constants)
        if (asInputs)
            inputs.push_back(shape);
        else
            params.blobs.push_back(tensorOf(shape, bytes));
    const cv::Ptr<cv::dnn::Layer> layer = cv::dnn::LayerFactory::createLayerInstance(node.type, params);
    if (!layer)
        std::abort();
    std::vector<cv::dnn::MatShape> shapes, outputs, internals;
    for (const Shape& shape : inputs)
        shapes.push_back(cv::dnn::MatShape(shape.begin(), shape.end()));
    layer->getMemoryShapes(shapes, 1, outputs, internals);
    if (!usable(inputs))
        return;
    constexpr double MAX_OPERATIONS = 2e7;  // more only costs time
    std::vector<cv::Mat> out;
    for (const cv::dnn::MatShape& shape : outputs)
        if (!usable({Shape(shape.begin(), shape.end())}))
            return;
    if (double(layer->getFLOPS(shapes, outputs)) > MAX_OPERATIONS)
        return;
    for (const Shape& shape : inputs)
        in.push_back(tensorOf(shape, bytes));
    for (const cv::dnn::MatShape& shape : outputs)
        out.push_back(cv::Mat(Shape(shape.begin(), shape.end()), CV_32F, cv::Scalar(-7)));
    std::vector<cv::Mat> scratch;
    layer->forward(in, out, scratch);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    static const bool registered = (cv::d2det::registerLayers(), cv::setNumThreads(1), true);
    (void)registered;
    fuzz::Bytes bytes(data, size);
    fuzz::reads([&] { run(bytes); });
    return 0;
}
