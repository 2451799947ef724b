// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The layers as nodes of cv::dnn's CUDA back end, in OpenCV's own tree built with OPENCV_DNN_CUDA.

   cv::dnn asks every layer supportBackend(DNN_BACKEND_CUDA), lets initCUDA() make a node after each allocation of the
   network and calls the node's forward() in every pass. Tensors stay on the device; a layer without a node would have
   its inputs copied to the host and its outputs back, and the device would be waited for.

   Only this file includes op_cuda.hpp, a header that OpenCV does not install. Source: modules/dnn/src/op_cuda.hpp and
   op_cuda.cpp of OpenCV 4.13. */

#ifdef D2DET_HAVE_CUDA

#include "base_layer.hpp"
#include "cuda_pass.hpp"

#include "cvconfig.h"  // HAVE_CUDA, which op_cuda.hpp asks for
#if defined(__GNUC__)  // dnn compiles its own files without these warnings
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif
#include "op_cuda.hpp"
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#ifdef D2DET_DEFINE_BACKEND_NODE
/* CUDABackendNode derives from BackendNode, a class that dnn's shared library does not export: constructor, destructor,
   vtable and typeinfo are needed here too. libstdc++ compares types by name, so dnn's dynamic_cast to CUDABackendNode
   recognizes our nodes. CMakeLists.txt defines the macro where dnn is another library than this one. */
namespace cv
{
namespace dnn
{
CV__DNN_INLINE_NS_BEGIN
BackendNode::BackendNode(int id) : backendId(id) {}
BackendNode::~BackendNode() {}
CV__DNN_INLINE_NS_END
}  // namespace dnn
}  // namespace cv
#endif

namespace cv
{
namespace d2det
{

namespace csl = dnn::cuda4dnn::csl;

using dnn::MatShape;
using Wrappers = std::vector<Ptr<dnn::BackendWrapper>>;

/** The model's constants on the device, one block each, kept by the layer: a new node (the image's size has changed)
    does not upload again. */
struct CudaConstants
{
    std::vector<csl::ManagedPtr<float>> blocks;
    std::vector<const uchar*> sources;  //!< data of the blobs then

    //! Have the blobs been replaced since? An empty one has been given up after packing, its values are the same.
    bool matches(const std::vector<Mat>& blobs) const
    {
        bool same = blobs.size() == sources.size();
        for (size_t i = 0; i < blobs.size() && same; i++)
            same = blobs[i].empty() || blobs[i].data == sources[i];
        return same;
    }
};

namespace
{

dnn::CUDABackendWrapperFP32& tensorOf(const Ptr<dnn::BackendWrapper>& wrapper)
{
    return *wrapper.staticCast<dnn::CUDABackendWrapperFP32>();  // float32 by supportBackend()
}

//! A header with the wrapper's shape.
Mat header(const Ptr<dnn::BackendWrapper>& wrapper, const float* data)
{
    const MatShape shape = tensorOf(wrapper).getShape();
    return Mat(static_cast<int>(shape.size()), shape.data(), CV_32F, const_cast<float*>(data));
}

std::vector<MatShape> shapesOf(const Wrappers& wrappers)
{
    std::vector<MatShape> shapes;
    for (const Ptr<dnn::BackendWrapper>& wrapper : wrappers)
        shapes.push_back(tensorOf(wrapper).getShape());
    return shapes;
}

std::shared_ptr<const CudaConstants> upload(const std::vector<Mat>& constants, const std::vector<Mat>& blobs,
                                            const csl::Stream& stream)
{
    auto uploaded = std::make_shared<CudaConstants>();
    for (const Mat& blob : blobs)
        uploaded->sources.push_back(blob.data);
    for (const Mat& constant : constants)
    {
        csl::ManagedPtr<float> block(constant.total());
        csl::memcpy<float>(block.get(), constant.ptr<float>(), constant.total(), stream);
        uploaded->blocks.push_back(block);
    }
    stream.synchronize();  // the host's copies may go
    return uploaded;
}

}  // namespace

class CudaNode CV_FINAL : public dnn::CUDABackendNode
{
public:
    CudaNode(BaseLayer& layer, csl::Stream stream, const Wrappers& inputs)
        : layer_(layer), stream_(std::move(stream)), constants_(layer.constantsOnDevice_)
    {
        CudaPass shapes;
        for (const Ptr<dnn::BackendWrapper>& input : inputs)
            shapes.inputs.push_back(header(input, nullptr));
        workspaceBytes_ = workspaceBytes(shapes);
    }

    void forward(const Wrappers& inputs, const Wrappers& outputs, csl::Workspace& workspace) CV_OVERRIDE
    {
        CudaPass pass;
        pass.stream = stream_.get();
        for (const Ptr<dnn::BackendWrapper>& input : inputs)
            pass.inputs.push_back(header(input, tensorOf(input).getView().get().get()));
        for (const Ptr<dnn::BackendWrapper>& output : outputs)
            pass.outputs.push_back(header(output, tensorOf(output).getSpan().get().get()));
        for (const csl::ManagedPtr<float>& block : constants_->blocks)
            pass.constants.push_back(block.get().get());
        // Settings of the layer may have changed since the node was made.
        pass.workspace.bytes = workspaceBytes(pass);
        workspace.require(pass.workspace.bytes);
        pass.workspace.data = workspace.get().get();
        const cuda::Status status = layer_.runCuda(pass);
        if (status != cuda::Status::SUCCESS)
            layerError(layer_, Error::GpuApiCallError,
                       String("cannot run on the CUDA device: ") + cuda::statusString(status));
    }

    std::size_t get_workspace_memory_in_bytes() const CV_NOEXCEPT CV_OVERRIDE { return workspaceBytes_; }

private:
    //! cv::dnn asserts that the memory all nodes share is a multiple of 256 bytes.
    size_t workspaceBytes(const CudaPass& pass) const
    {
        csl::WorkspaceBuilder builder;
        builder.require(layer_.cudaWorkspace(pass.inputs));
        return builder.required_workspace_size();
    }

    BaseLayer& layer_;  //!< cv::dnn keeps layer and node together
    csl::Stream stream_;
    std::shared_ptr<const CudaConstants> constants_;
    size_t workspaceBytes_ = 0;
};

Ptr<dnn::BackendNode> BaseLayer::initCUDA(void* context, const Wrappers& inputs, const Wrappers& outputs)
{
    const std::vector<MatShape> expected = outputShapes(shapesOf(inputs));
    if (shapesOf(outputs) != expected)
        layerError(*this, Error::StsUnmatchedSizes,
                   "the outputs were not allocated as the inputs ask for: settings changed after allocation");
    const csl::Stream& stream = static_cast<const csl::CSLContext*>(context)->stream;
    if (!constantsOnDevice_ || !constantsOnDevice_->matches(blobs))
        constantsOnDevice_ = upload(cudaConstants(), blobs, stream);
    return Ptr<dnn::BackendNode>(new CudaNode(*this, stream, inputs));
}

}  // namespace d2det
}  // namespace cv

#endif  // D2DET_HAVE_CUDA
