// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* One table has a small valid network for every layer of the module. */

#ifndef OPENCV_D2DET_TEST_LAYER_CASES_HPP
#define OPENCV_D2DET_TEST_LAYER_CASES_HPP

#include "test_precomp.hpp"

#include "opencv2/dnn.hpp"
#include "opencv2/dnn/layer.hpp"
#include "opencv2/dnn/shape_utils.hpp"

#include <functional>
#include <map>

namespace opencv_test
{
namespace layer_cases
{

using dnn::DictValue;
using dnn::Layer;
using dnn::LayerFactory;
using dnn::LayerParams;
using dnn::MatShape;
using dnn::Net;

inline Mat tensor(const std::vector<int>& shape, float low = -1.f, float high = 1.f, int seed = 1)
{
    Mat m(static_cast<int>(shape.size()), shape.data(), CV_32F);
    RNG rng(seed);
    rng.fill(m, RNG::UNIFORM, low, high);
    return m;
}

inline DictValue ints(const std::vector<int>& values)
{
    return DictValue::arrayInt(values.data(), static_cast<int>(values.size()));
}

inline DictValue reals(const std::vector<double>& values)
{
    return DictValue::arrayReal(values.data(), static_cast<int>(values.size()));
}

//! Boxes inside a 64 x 64 image; the last row is padding.
inline Mat rois(int rows, int images)
{
    Mat m(rows, 5, CV_32F, Scalar(0));
    RNG rng(5);
    for (int r = 0; r + 1 < rows; r++)
    {
        float* roi = m.ptr<float>(r);
        roi[0] = static_cast<float>(r % images);
        roi[1] = rng.uniform(0.f, 30.f);
        roi[2] = rng.uniform(0.f, 30.f);
        roi[3] = roi[1] + rng.uniform(4.f, 34.f);
        roi[4] = roi[2] + rng.uniform(4.f, 34.f);
    }
    return m;
}

inline Mat imageInfo(int images)
{
    Mat m(images, 3, CV_32F, Scalar(64));
    m.col(2) = 1.f;
    return m;
}

//! A network of one layer: attributes, constants, inputs; `size` scales rows and maps.
struct Case
{
    const char* op;
    LayerParams params;
    std::function<std::vector<Mat>(int size)> inputs;
    //! (input, dimension) pairs whose length is free
    std::vector<std::pair<int, int>> freeLengths;

    String type() const { return String("d2det.") + op; }
};

inline std::vector<Case> makeCases()
{
    std::vector<Case> cases;
    const auto add = [&cases](const char* op, const std::map<std::string, DictValue>& attributes,
                              std::function<std::vector<Mat>(int)> inputs,
                              const std::vector<std::pair<int, int>>& freeLengths)
    {
        Case c{op, LayerParams(), inputs, freeLengths};
        for (const auto& a : attributes)
            c.params.set(a.first, a.second);
        cases.push_back(c);
    };
    const auto maps = [](int size, std::vector<Mat> head)
    {
        head.push_back(tensor({2, 3, 8 * size, 6 * size}));
        head.push_back(tensor({2, 3, 4 * size, 3 * size}, -1, 1, 2));
        return head;
    };
    add("D2Proposal",
        {{"feat_strides", ints({8, 16})}, {"max_proposals", DictValue(20)}, {"anchor_scale", DictValue(2.)}},
        [](int s)
        {
            return std::vector<Mat>{tensor({2, 3, 4 * s, 3 * s}), tensor({2, 3, 2 * s, 2 * s}, -1, 1, 2),
                                    tensor({2, 12, 4 * s, 3 * s}, -1, 1, 3), tensor({2, 12, 2 * s, 2 * s}, -1, 1, 4),
                                    imageInfo(2)};
        },
        {});
    add("D2RoIAlign",
        {{"feat_strides", ints({8, 16})}, {"output_size", ints({3, 4})}, {"finest_scale", DictValue(14.)}},
        [maps](int s) { return maps(s, {rois(4 * s, 2)}); }, {{0, 0}, {1, 2}, {1, 3}, {2, 2}, {2, 3}});
    add("D2DeformRoIPool",
        {{"feat_strides", ints({8, 16})}, {"output_size", ints({6, 6})}, {"finest_scale", DictValue(14.)}},
        [maps](int s)
        {
            std::vector<Mat> in = maps(s, {rois(4 * s, 2)});
            in.push_back(tensor({4 * s, 2, 3, 3}));
            return in;
        },
        {{1, 2}, {1, 3}, {2, 2}, {2, 3}});
    add("D2DeformRoIPool",
        {{"feat_strides", ints({8, 16})}, {"output_size", ints({6, 6})}, {"finest_scale", DictValue(14.)}},
        [maps](int s) { return maps(s, {rois(4 * s, 2)}); }, {{0, 0}, {1, 2}, {1, 3}, {2, 2}, {2, 3}});
    add("D2AdaptiveWeightedPool", {},
        [](int s) {
            return std::vector<Mat>{tensor({4 * s, 3, 6, 5}), tensor({4 * s, 3, 6, 5}, -1, 1, 2)};
        },
        {});
    add("D2InstanceNorm", {},
        [](int s) {
            return std::vector<Mat>{tensor({4 * s, 3, 6, 5})};
        },
        {{0, 0}, {0, 2}, {0, 3}});
    cases.back().params.blobs = {tensor({3, 1}), tensor({3, 1})};
    add("D2DenseBoxDecode", {},
        [](int s) {
            return std::vector<Mat>{rois(4 * s, 2), tensor({4 * s, 4, 3, 3}, 0, 1), tensor({4 * s, 1, 3, 3}),
                                    imageInfo(2)};
        },
        {{3, 0}});
    add("D2Detections", {{"batch_size", DictValue(2)}, {"max_detections", DictValue(7)}},
        [](int s) {
            return std::vector<Mat>{rois(4 * s, 2), tensor({4 * s, 4}, 0, 1)};
        },
        {{1, 1}});
    add("D2Detections", {{"class_agnostic_boxes", DictValue(0)}, {"nms_mode", DictValue("soft_gaussian")}},
        [](int s) {
            return std::vector<Mat>{tensor({4 * s, 13}, 0, 9), tensor({4 * s, 4}, 0, 1)};
        },
        {});
    add("D2Detections",
        {{"batch_size", DictValue(2)},
         {"max_detections", DictValue(9)},
         {"labelled", DictValue(1)},
         {"nms_mode", DictValue("soft_linear")},
         {"output_rows", DictValue(1)}},
        [](int s)
        {
            Mat labels = tensor({4 * s, 2}, 0, 1);
            for (int r = 0; r < labels.rows; r++)
                labels.at<float>(r, 0) = static_cast<float>(r % 2);
            return std::vector<Mat>{rois(4 * s, 2), labels};
        },
        {});
    add("D2GatherRows", {},
        [](int s)
        {
            Mat rows(3 * s, 1, CV_32F, Scalar(-1));
            for (int r = 1; r < rows.rows; r++)
                rows.at<float>(r) = static_cast<float>((7 * r + 1) % (4 * s));
            return std::vector<Mat>{tensor({4 * s, 3, 5, 6}), rows};
        },
        {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 0}});
    add("D2RoIConv",
        {{"levels", DictValue(2)},
         {"has_bias", DictValue(1)},
         {"norm_groups", DictValue(2)},
         {"relu", DictValue(1)},
         {"finest_scale", DictValue(14.)}},
        [](int s) {
            return std::vector<Mat>{tensor({4 * s, 3, 5, 6}), rois(4 * s, 2)};
        },
        {{0, 2}, {0, 3}});
    cases.back().params.blobs = {tensor({8, 3, 3, 3}), tensor({8, 1}), tensor({8, 1}), tensor({8, 1})};
    return cases;
}

inline const std::vector<Case>& cases()
{
    static const std::vector<Case> all = []
    {
        cv::d2det::registerLayers();
        return makeCases();
    }();
    return all;
}

inline Ptr<Layer> createLayer(const String& type, LayerParams params)
{
    params.type = type;
    params.name = "tested";
    const Ptr<Layer> layer = LayerFactory::createLayerInstance(type, params);
    CV_Assert(layer);
    return layer;
}

inline Net makeNet(const String& type, LayerParams params, size_t numInputs)
{
    Net net;
    const int id = net.addLayer("tested", type, params);
    std::vector<String> names;
    for (size_t i = 0; i < numInputs; i++)
    {
        names.push_back(cv::format("input%d", static_cast<int>(i)));
        net.connect(0, static_cast<int>(i), id, static_cast<int>(i));
    }
    net.setInputsNames(names);
    return net;
}

inline std::vector<Mat> forward(Net& net, const std::vector<Mat>& inputs)
{
    for (size_t i = 0; i < inputs.size(); i++)
        net.setInput(inputs[i], cv::format("input%d", static_cast<int>(i)));
    std::vector<Mat> outputs, copies;
    net.forward(outputs, String("tested"));
    for (const Mat& m : outputs)
        copies.push_back(m.clone());
    return copies;
}

inline std::vector<Mat> runOnce(const Case& c, const std::vector<Mat>& inputs)
{
    Net net = makeNet(c.type(), c.params, inputs.size());
    return forward(net, inputs);
}

}  // namespace layer_cases
}  // namespace opencv_test

#endif
