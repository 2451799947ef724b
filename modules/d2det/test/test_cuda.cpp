// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The layers on cv::dnn's CUDA back end. Whether every layer has a node there needs no device; what the nodes compute
   does. Builds without that back end, and the second half without a device, are reported as skipped. */

#include "layer_cases.hpp"

#include "opencv2/core/utils/logger.hpp"
#ifdef D2DET_HAVE_CUDA
#include "opencv2/imgcodecs.hpp"
#endif

#include <algorithm>
#include <iostream>
#include <set>
#include <sstream>

namespace opencv_test
{
namespace
{

using namespace layer_cases;
using namespace cv::dnn;

const char* const MODEL = D2DET_SOURCE_DIR "/data/models/d2det_mnv2_person.onnx";

#ifdef D2DET_HAVE_CUDA
constexpr bool HAVE_NODES = true;
#else
constexpr bool HAVE_NODES = false;
#endif

#define SKIP_WITHOUT_NODES() \
    if (!HAVE_NODES)         \
    D2DET_SKIP_TEST("this build has no CUDA nodes: it needs OpenCV's tree with OPENCV_DNN_CUDA")

#define SKIP_WITHOUT_DEVICE()                                                     \
    SKIP_WITHOUT_NODES();                                                         \
    const std::vector<dnn::Target> found = getAvailableTargets(DNN_BACKEND_CUDA); \
    if (std::find(found.begin(), found.end(), DNN_TARGET_CUDA) == found.end())    \
    D2DET_SKIP_TEST("no CUDA device that this build of OpenCV can use")

bool hasNode(Layer& layer, int target)
{
    layer.preferableTarget = target;  // what Net does before it asks
    return layer.supportBackend(DNN_BACKEND_CUDA);
}

//! What OpenCV logs while this object lives; it tells of layers without a node at level INFO.
class CapturedLog
{
public:
    CapturedLog()
        : level_(utils::logging::setLogLevel(utils::logging::LOG_LEVEL_INFO)),
          out_(std::cout.rdbuf(text_.rdbuf())),
          error_(std::cerr.rdbuf(text_.rdbuf()))
    {
    }
    ~CapturedLog()
    {
        std::cout.rdbuf(out_);
        std::cerr.rdbuf(error_);
        utils::logging::setLogLevel(level_);
    }

    //! Lines that tell of something done on the CPU. The network's inputs come from there.
    std::string fallbacks() const
    {
        std::istringstream lines(text_.str());
        std::string found;
        for (std::string line; std::getline(lines, line);)
            if ((line.find("fallback") != std::string::npos && line.find("__NetInputLayer__") == std::string::npos) ||
                line.find("switching to CPU") != std::string::npos)
                found += line + "\n";
        return found;
    }

private:
    std::ostringstream text_;
    utils::logging::LogLevel level_;
    std::streambuf *out_, *error_;
};

//! A pass with every layer on the device; a layer that went to the CPU, or all of them, is a failure.
std::vector<Mat> forwardOnDevice(Net& net, const std::vector<Mat>& inputs)
{
    net.setPreferableBackend(DNN_BACKEND_CUDA);
    net.setPreferableTarget(DNN_TARGET_CUDA);
    const CapturedLog log;
    const std::vector<Mat> outputs = forward(net, inputs);
    EXPECT_EQ("", log.fallbacks());
    return outputs;
}

TEST(D2Det_CUDA, every_layer_has_a_node)
{
    SKIP_WITHOUT_NODES();
    std::set<std::string> types;
    for (const Case& c : allCases())
    {
        types.insert(c.op);
        const Ptr<Layer> layer = createLayer(c.type(), c.params);
        EXPECT_EQ(!c.cpuOnly, hasNode(*layer, DNN_TARGET_CUDA)) << c.op;
        EXPECT_FALSE(hasNode(*layer, DNN_TARGET_CUDA_FP16)) << c.op;  // boxes would lose precision
        EXPECT_FALSE(hasNode(*layer, DNN_TARGET_CPU)) << c.op;
        EXPECT_TRUE(layer->supportBackend(DNN_BACKEND_OPENCV)) << c.op;
    }
    EXPECT_EQ(d2det_test::layerOperators().size(), types.size());
}

TEST(D2Det_CUDA, no_layer_falls_back)
{
    SKIP_WITHOUT_NODES();
    cv::d2det::registerLayers();
    Net net = readNetFromONNX(MODEL);
    std::string without;
    std::set<std::string> types;
    for (const String& name : net.getLayerNames())
    {
        const Ptr<Layer> layer = net.getLayer(net.getLayerId(name));
        types.insert(layer->type);
        // OpenCV 5 keeps executors of its own layers (Conv2 has one) in a registry, without asking the layer.
        if (CV_VERSION_MAJOR >= 5 && layer->type.find("D2") != 0)
            continue;
        if (!hasNode(*layer, DNN_TARGET_CUDA))
            without += layer->type + " '" + name + "'\n";
    }
    EXPECT_EQ("", without);
    const bool renamed = CV_VERSION_MAJOR >= 5;
    EXPECT_TRUE(types.count(renamed ? "Conv2" : "Convolution")) << "not the whole network";
    EXPECT_TRUE(types.count(renamed ? "D2Proposal" : "d2det.D2Proposal")) << "not the whole network";
}

TEST(D2Det_CUDA, layers_compute_the_same_as_on_the_CPU)
{
    SKIP_WITHOUT_DEVICE();
    for (const Case& c : cudaCases())
    {
        SCOPED_TRACE(c.op);
        Net net = makeNet(c.type(), c.params, c.inputs(1).size());
        for (const int size : {1, 2, 1})  // a change of size makes new nodes
        {
            const std::vector<Mat> inputs = c.inputs(size);
            net.setPreferableBackend(DNN_BACKEND_OPENCV);
            net.setPreferableTarget(DNN_TARGET_CPU);
            const std::vector<Mat> expected = forward(net, inputs), got = forwardOnDevice(net, inputs);
            ASSERT_EQ(expected.size(), got.size());
            for (size_t i = 0; i < got.size(); i++)
            {
                ASSERT_TRUE(dnn::shape(expected[i]) == dnn::shape(got[i])) << i;
                EXPECT_LE(cv::norm(expected[i], got[i], NORM_INF), 1e-3) << "output " << i;
            }
        }
    }
}

//! Rows (x1, y1, x2, y2, score, class) of the image of the README.
Mat detect(int backend, int target, int proposals)
{
    const Ptr<cv::d2det::Detector> detector = cv::d2det::Detector::create(MODEL, backend, target);
    Mat image, detections;
#ifdef D2DET_HAVE_CUDA  // in OpenCV's tree imgcodecs is there
    image = cv::imread(D2DET_SOURCE_DIR "/docs/images/demo.jpg");
#endif
    CV_Assert(!image.empty());
    detector->detect(image, detections);  // the next pass reads its settings anew
    detector->setMaxProposals(proposals);
    detector->detect(image, detections);
    return detections;
}

Rect2f boxOf(const Mat& row)
{
    const float* r = row.ptr<float>();
    return Rect2f(r[0], r[1], r[2] - r[0], r[3] - r[1]);
}

//! Every confident row of `a` has its like in `b`. Convolutions of cuDNN may round to TF32.
void expectFound(const Mat& a, const Mat& b)
{
    for (int i = 0; i < a.rows; i++)
    {
        const float score = a.at<float>(i, 4);
        bool found = score < 0.2f;
        for (int j = 0; j < b.rows && !found; j++)
        {
            const Rect2f p = boxOf(a.row(i)), q = boxOf(b.row(j));
            const float both = (p & q).area(), iou = both / (p.area() + q.area() - both);
            found = iou > 0.9f && std::abs(b.at<float>(j, 4) - score) < 0.03f && a.at<float>(i, 5) == b.at<float>(j, 5);
        }
        EXPECT_TRUE(found) << a.row(i);
    }
}

TEST(D2Det_CUDA, detects_the_same_as_on_the_CPU)
{
    SKIP_WITHOUT_DEVICE();
    for (const int proposals : {300, 20})
    {
        const Mat expected = detect(DNN_BACKEND_OPENCV, DNN_TARGET_CPU, proposals);
        ASSERT_GT(expected.rows, 0);
        ASSERT_GT(expected.at<float>(0, 4), 0.5f) << "nothing that could be compared";
        const CapturedLog log;
        const Mat got = detect(DNN_BACKEND_CUDA, DNN_TARGET_CUDA, proposals);
        EXPECT_EQ("", log.fallbacks());
        ASSERT_GT(got.rows, 0);
        expectFound(expected, got);
        expectFound(got, expected);
    }
}

}  // namespace
}  // namespace opencv_test
