// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The layers as nodes of the CUDA backend of cv::dnn, for builds inside the source tree of OpenCV with OPENCV_DNN_CUDA.

   cv::dnn calls supportBackend(DNN_BACKEND_CUDA) of every layer, initCUDA() after each allocation of the network to
   create a node, and forward() of the node in every pass. Tensors stay on the device; without a node, cv::dnn would
   copy inputs to the host and outputs back, with synchronization.

   In OpenCV 5 the new engine calls Layer::forwardCUDA() of an executor instead, which it asks for by the type of the
   layer: CudaExecutor has a node and calls it. So both protocols end in CudaNode.

   Only this file includes op_cuda.hpp, a header that is not installed with OpenCV. Source: modules/dnn/src/op_cuda.hpp
   and op_cuda.cpp of OpenCV 4.13 and of 5.1-dev of July 2026. */

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
        if (layer_.skipped_)
        {
            for (const Ptr<dnn::BackendWrapper>& output : outputs)
            {
                const auto span = tensorOf(output).getSpan();
                csl::memset<float>(span.get(), 0, span.size(), stream_);
            }
            return;
        }
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

void BaseLayer::checkCudaOutputs(const Wrappers& inputs, const Wrappers& outputs) const
{
    std::vector<MatShape> expected, internals;
    getMemoryShapes(shapesOf(inputs), static_cast<int>(outputs.size()), expected, internals);
    if (shapesOf(outputs) != expected)
        layerError(*this, Error::StsUnmatchedSizes,
                   "the outputs were not allocated as the inputs ask for: settings changed after allocation");
}

Ptr<dnn::BackendNode> BaseLayer::initCUDA(void* context, const Wrappers& inputs, const Wrappers& outputs)
{
    checkCudaOutputs(inputs, outputs);
    const csl::Stream& stream = static_cast<const csl::CSLContext*>(context)->stream;
    if (!constantsOnDevice_ || !constantsOnDevice_->matches(blobs))
        constantsOnDevice_ = upload(cudaConstants(), blobs, stream);
    return Ptr<dnn::BackendNode>(new CudaNode(*this, stream, inputs));
}

// ------------------------------------------------------------------ new engine of OpenCV 5

#if CV_VERSION_MAJOR >= 5

/** Runs a layer on a CUDA device. `Base` is dnn::Layer, in the form that it has after 5.0.0; a template, so that the
    file compiles where it has not. */
template <typename Base>
class CudaExecutor CV_FINAL : public Base
{
public:
    typedef decltype(Base::data) Info;  //!< Ptr<dnn::LayerInfo>

    //! null: the layer has no CUDA kernels, the engine runs it on the CPU.
    static Ptr<dnn::Layer> create(const Info& info, void* context)
    {
        const Ptr<BaseLayer> layer = info.template dynamicCast<BaseLayer>();
        if (!layer || !context || !layer->supportBackend(dnn::DNN_BACKEND_CUDA))
            return Ptr<dnn::Layer>();
        return Ptr<dnn::Layer>(new CudaExecutor(info, layer, context));
    }

    //! After a change of the inputs' shapes.
    void finalize(InputArrayOfArrays, OutputArrayOfArrays) CV_OVERRIDE { node_.release(); }

    void forwardCUDA(const Wrappers& inputs, const Wrappers& outputs, void* workspace) CV_OVERRIDE
    {
        csl::Workspace& shared = *static_cast<csl::Workspace*>(workspace);
        if (!node_)
        {
            csl::CSLContext context = *static_cast<csl::CSLContext*>(context_);
            node_ = layer_->initCUDA(&context, inputs, outputs).template dynamicCast<dnn::CUDABackendNode>();
        }
        layer_->checkCudaOutputs(inputs, outputs);  // a kernel must not write where an older pass allocated less
        node_->forward(inputs, outputs, shared);
    }

private:
    CudaExecutor(const Info& info, const Ptr<BaseLayer>& layer, void* context) : layer_(layer), context_(context)
    {
        this->data = info;
        this->name = layer->name;
        this->type = layer->type;
        this->inputs = layer->inputs;
        this->outputs = layer->outputs;
    }

    Ptr<BaseLayer> layer_;
    void* context_;  //!< csl::CSLContext of the network
    Ptr<dnn::CUDABackendNode> node_;
};

namespace
{

template <typename Factory, typename Layer>
auto registerExecutor(const String& type, int) -> decltype(Factory::registerExec(type, 0, nullptr))
{
    Factory::registerExec(type, dnn::DNN_BACKEND_CUDA, &CudaExecutor<Layer>::create);
}

}  // namespace

#endif

namespace
{

template <typename Factory, typename Layer>
void registerExecutor(const String&, long)
{
}

}  // namespace

void registerCudaExecutor(const String& type)
{
    registerExecutor<dnn::LayerFactory, dnn::Layer>(type, 0);
}

}  // namespace d2det
}  // namespace cv

#endif  // D2DET_HAVE_CUDA
