// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What every layer hands to its CUDA launcher: parameters, shapes, constants, workspace. The kernels run emulated on
   the CPU (../cuda/emulation), so memory of the host stands for that of the device; cv::dnn's back end is not part of
   it. */

#include "layer_cases.hpp"

#include "layers/base_layer.hpp"
#include "layers/detections_layer.hpp"
#include "layers/proposal_layer.hpp"

#include <limits>

namespace cv
{
namespace d2det
{

//! Stands for the node of cuda_node.cpp, which alone may call the layers' CUDA half.
class CudaNode
{
public:
    CudaNode(BaseLayer& layer) : layer_(layer), constants_(layer.cudaConstants()) {}

    std::vector<Mat> forward(const std::vector<Mat>& inputs)
    {
        std::vector<dnn::MatShape> shapes;
        for (const Mat& input : inputs)
            shapes.push_back(dnn::shape(input));
        CudaPass pass;
        pass.inputs = inputs;
        for (const dnn::MatShape& shape : layer_.outputShapes(shapes))
            pass.outputs.push_back(Mat(static_cast<int>(shape.size()), shape.data(), CV_32F,
                                       Scalar(std::numeric_limits<float>::quiet_NaN())));
        for (const Mat& constant : constants_)
            pass.constants.push_back(constant.ptr<float>());
        pass.workspace.bytes = layer_.cudaWorkspace(headers(inputs));
        const Mat memory(1, static_cast<int>(pass.workspace.bytes + ALIGNMENT), CV_8U, Scalar(255));
        pass.workspace.data = alignPtr(memory.data, ALIGNMENT);
        const cuda::Status status = layer_.runCuda(pass);
        CV_Assert(status == cuda::Status::SUCCESS);
        return pass.outputs;
    }

private:
    static constexpr int ALIGNMENT = 256;

    //! Shapes without data, as the workspace is asked for before there is any.
    static std::vector<Mat> headers(const std::vector<Mat>& inputs)
    {
        std::vector<Mat> result;
        for (const Mat& input : inputs)
            result.push_back(Mat(input.dims, input.size.p, CV_32F, static_cast<void*>(nullptr)));
        return result;
    }

    BaseLayer& layer_;
    std::vector<Mat> constants_;
};

Ptr<dnn::BackendNode> BaseLayer::initCUDA(void*, const std::vector<Ptr<dnn::BackendWrapper>>&,
                                          const std::vector<Ptr<dnn::BackendWrapper>>&)
{
    CV_Error(Error::StsNotImplemented, "no CUDA back end here");
}

void registerCudaExecutor(const String&) {}  // no engine here asks for one

}  // namespace d2det
}  // namespace cv

namespace opencv_test
{
namespace
{

using namespace layer_cases;
using d2det::BaseLayer;
using d2det::CudaNode;

BaseLayer& baseOf(const Ptr<Layer>& layer)
{
    return dynamic_cast<BaseLayer&>(*layer);
}

void expectNear(const std::vector<Mat>& expected, const std::vector<Mat>& got)
{
    ASSERT_EQ(expected.size(), got.size());
    for (size_t i = 0; i < got.size(); i++)
    {
        ASSERT_TRUE(dnn::shape(expected[i]) == dnn::shape(got[i])) << i;
        EXPECT_TRUE(cv::checkRange(got[i])) << "output " << i << " is not written everywhere";
        EXPECT_LE(cv::norm(expected[i], got[i], NORM_INF), 1e-4) << "output " << i;
        EXPECT_GT(cv::norm(expected[i], NORM_INF), 0) << "output " << i << " says nothing";
    }
}

TEST(D2Det_CudaLayers, have_nodes_for_float32_only)
{
    for (const Case& c : cudaCases())
    {
        const Ptr<Layer> layer = createLayer(c.type(), c.params);
        EXPECT_TRUE(layer->supportBackend(dnn::DNN_BACKEND_OPENCV)) << c.op;
        EXPECT_FALSE(layer->supportBackend(dnn::DNN_BACKEND_CUDA)) << c.op;
        layer->preferableTarget = dnn::DNN_TARGET_CUDA_FP16;
        EXPECT_FALSE(layer->supportBackend(dnn::DNN_BACKEND_CUDA)) << c.op;
        layer->preferableTarget = dnn::DNN_TARGET_CUDA;
        EXPECT_TRUE(layer->supportBackend(dnn::DNN_BACKEND_CUDA)) << c.op;
    }
}

TEST(D2Det_CudaLayers, compute_the_same_as_on_the_CPU)
{
    for (const Case& c : cudaCases())
    {
        SCOPED_TRACE(c.op + ", " + c.name + "\n" + c.repeat());
        const Ptr<Layer> layer = createLayer(c.type(), c.params);
        CudaNode node(baseOf(layer));
        for (const int size : {1, 2, 1})
            expectNear(runOnce(c, c.inputs(size)), node.forward(c.inputs(size)));
    }
}

//! A pass on the CPU packs the weights of D2RoIConv and gives up the model's copy.
TEST(D2Det_CudaLayers, follow_a_pass_on_the_CPU)
{
    for (const Case& c : cudaCases())
    {
        SCOPED_TRACE(c.op + ", " + c.name + "\n" + c.repeat());
        const std::vector<Mat> inputs = c.inputs(1);
        Net net = makeNet(c.type(), c.params, inputs.size());
        const std::vector<Mat> expected = forward(net, inputs);
        CudaNode node(baseOf(net.getLayer(net.getLayerId("tested"))));
        expectNear(expected, node.forward(inputs));
        expectNear(expected, forward(net, inputs));
    }
}

TEST(D2Det_CudaLayers, constants_may_be_inputs)
{
    for (const Case& c : cudaCases())
    {
        if (c.params.blobs.empty())
            continue;
        SCOPED_TRACE(c.op + ", " + c.name + "\n" + c.repeat());
        const std::vector<Mat> expected = runOnce(c, c.inputs(1));
        LayerParams params = c.params;
        params.blobs.clear();
        std::vector<Mat> inputs = c.inputs(1);
        inputs.insert(inputs.end(), c.params.blobs.begin(), c.params.blobs.end());
        const Ptr<Layer> layer = createLayer(c.type(), params);
        CudaNode node(baseOf(layer));
        expectNear(expected, node.forward(inputs));
    }
}

//! Rows of the last output whose `column` is above `low`.
int rowsInUse(const std::vector<Mat>& outputs, int column, float low)
{
    return cv::countNonZero(outputs.back().col(column) > low);
}

//! Detector changes them between two passes, when the node is there already.
TEST(D2Det_CudaLayers, read_their_settings_at_launch)
{
    const Case proposals = casesOf("D2Proposal").at(0);
    const Ptr<Layer> first = createLayer(proposals.type(), proposals.params);
    CudaNode proposalNode(baseOf(first));
    const int images = 2, score = 0;
    EXPECT_GT(rowsInUse(proposalNode.forward(proposals.inputs(2)), score, 0), 3 * images);
    dynamic_cast<d2det::ProposalLayer&>(*first).settings.limit = 3;
    EXPECT_EQ(3 * images, rowsInUse(proposalNode.forward(proposals.inputs(2)), score, 0));

    const Case detections = casesOf("D2Detections").at(0);
    const Ptr<Layer> last = createLayer(detections.type(), detections.params);
    CudaNode detectionNode(baseOf(last));
    const int classId = 1;
    EXPECT_GT(rowsInUse(detectionNode.forward(detections.inputs(2)), classId, -1), images);
    dynamic_cast<d2det::DetectionsLayer&>(*last).settings.limit = 1;
    EXPECT_EQ(images, rowsInUse(detectionNode.forward(detections.inputs(2)), classId, -1));
    dynamic_cast<d2det::DetectionsLayer&>(*last).settings.scoreThreshold = 2;
    EXPECT_EQ(0, rowsInUse(detectionNode.forward(detections.inputs(2)), classId, -1));
}

}  // namespace
}  // namespace opencv_test

CV_TEST_MAIN("")
