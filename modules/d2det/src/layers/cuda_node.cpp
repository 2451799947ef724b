// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The layers as nodes of the CUDA backend of cv::dnn, for builds inside the source tree of OpenCV with OPENCV_DNN_CUDA.

   cv::dnn calls supportBackend(DNN_BACKEND_CUDA) of every layer, initCUDA() after each allocation of the network to
   create a node, and forward() of the node in every pass. Tensors stay on the device; without a node, cv::dnn would
   copy inputs to the host and outputs back, with synchronization.

   Only this file includes op_cuda.hpp, a header that is not installed with OpenCV. Source: modules/dnn/src/op_cuda.hpp
   and op_cuda.cpp of OpenCV 4.13. */

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
/* The base BackendNode of CUDABackendNode is not exported by the shared library of dnn: constructor, destructor, vtable
   and typeinfo must be defined here too. libstdc++ compares types by name, so dynamic_cast to CUDABackendNode in dnn
   works for these nodes. CMakeLists.txt defines the macro if dnn is a separate library. */
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

/** Constants of the model on the device, one block each, owned by the layer, so that a new node (after a change of the
    image size) needs no upload. */
struct CudaConstants
{
    std::vector<csl::ManagedPtr<float>> blocks;
    std::vector<const uchar*> sources;  //!< data pointers of the uploaded blobs

    //! Whether the blobs are those of the upload. An empty blob was freed after packing; its values are unchanged.
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

//! Mat header with the shape of the wrapper.
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
    stream.synchronize();  // the host memory may be freed now
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
        // Settings of the layer may have changed since the creation of the node.
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
    //! cv::dnn asserts that the size of the shared workspace is a multiple of 256 bytes.
    size_t workspaceBytes(const CudaPass& pass) const
    {
        csl::WorkspaceBuilder builder;
        builder.require(layer_.cudaWorkspace(pass.inputs));
        return builder.required_workspace_size();
    }

    BaseLayer& layer_;  //!< same lifetime in cv::dnn
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
