// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Common code of the differentiable operators: argument checks, workspace, conversion of a feature pyramid to the plain
   structs of the kernels.

   Every operator is a torch::autograd::Function; forward and backward call a kernel of the module, selected by
   chooseKernel. On the CPU the kernels run in the parallel_for_ pool of OpenCV, LibTorch in its own OpenMP pool; the
   pools are never active at the same time, because an operator returns after its kernel, and the results are
   independent of both thread counts. On a CUDA device an operator only enqueues its kernel (cuda_stream.hpp). */

#ifndef D2DET_TRAINING_OPS_COMMON_HPP
#define D2DET_TRAINING_OPS_COMMON_HPP

#include "ops/cuda_stream.hpp"
#include "ops/kernel_choice.hpp"

#include "kernels/common.hpp"

#include <torch/torch.h>

#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

namespace d2det
{
namespace ops
{

namespace kernels = cv::d2det::kernels;

//! Throws, with the argument name, unless the tensor is float32 or float64 and chooseKernel supports its device.
void checkTensor(const char* op, const char* name, const Tensor& tensor);

//! Throws unless an argument of an operator is on the device of the first argument.
void checkSameDevice(const char* op, const char* name, const Tensor& tensor, const Tensor& first);

//! Throws unless the maps form a pyramid: 1 .. MAX_LEVELS maps [B, C, h, w] with equal B, C, type and device, and one
//! positive stride per map.
void checkPyramid(const char* op, const std::vector<Tensor>& features, const std::vector<float>& strides);

//! RoIs [R, 5] in the format of the kernels: dense, type of the maps, detached from the graph.
Tensor prepareRoIs(const char* op, const Tensor& rois, const Tensor& feature);

//! Workspace of a launcher from LibTorch's allocator; reusable by the next launch on the same stream.
struct DeviceWorkspace
{
    //! @param like a tensor on the device
    DeviceWorkspace(size_t bytes, const Tensor& like)
        : memory(torch::empty({static_cast<int64_t>(bytes)}, like.options().dtype(torch::kByte))),
          view{memory.data_ptr(), bytes}
    {
    }

    Tensor memory;
    cuda::Workspace view;
};

//! Throws for second derivatives: the backward kernels record no graph, so the result would silently be wrong.
void checkFirstOrder(const char* op, const Tensor& gradOutput);

//! Dense float32 tensor with `dims` dimensions, detached from the graph, on the device of the first argument `first`.
//! @param rows expected length of the first dimension; -1: any
Tensor prepareFloat(const char* op, const char* name, const Tensor& tensor, const Tensor& first, int64_t dims,
                    int64_t rows);

//! RoIs [R, 5], converted by prepareFloat.
Tensor prepareFloatRoIs(const char* op, const Tensor& rois);

//! Plain struct of pointers to the maps of a pyramid for the kernels; owns dense copies of non-dense maps.
template <typename T>
struct PyramidView
{
    PyramidView(const std::vector<Tensor>& features, const std::vector<float>& strides)
    {
        view.levels = static_cast<int>(features.size());
        view.batch = static_cast<int>(features[0].size(0));
        view.channels = static_cast<int>(features[0].size(1));
        for (size_t i = 0; i < features.size(); i++)
        {
            dense.push_back(features[i].contiguous());
            view.data[i] = dense[i].template data_ptr<T>();
            view.height[i] = static_cast<int>(features[i].size(2));
            view.width[i] = static_cast<int>(features[i].size(3));
            view.stride[i] = strides[i];
        }
    }

    std::vector<Tensor> dense;
    kernels::FeaturePyramid<T> view;
};

//! Parameters of a kernel as a list of integers, one per byte: an autograd context stores lists of integers, but no
//! structs.
template <typename Params>
std::vector<int64_t> packParams(const Params& params)
{
    static_assert(std::is_trivially_copyable<Params>::value, "kept in the context as bytes");
    unsigned char bytes[sizeof(Params)];
    std::memcpy(bytes, &params, sizeof(Params));
    return {bytes, bytes + sizeof(Params)};
}

//! Inverse of packParams.
template <typename Params>
Params unpackParams(const std::vector<int64_t>& list)
{
    unsigned char bytes[sizeof(Params)];
    for (size_t i = 0; i < sizeof(Params); i++)
        bytes[i] = static_cast<unsigned char>(list[i]);
    Params params;
    std::memcpy(&params, bytes, sizeof(Params));
    return params;
}

//! Dense gradients of the maps, uninitialized: the kernels overwrite all elements.
template <typename T>
struct PyramidGradients
{
    explicit PyramidGradients(const std::vector<Tensor>& features)
    {
        for (size_t i = 0; i < features.size(); i++)
        {
            tensors.push_back(torch::empty(features[i].sizes(), features[i].options(), at::MemoryFormat::Contiguous));
            data[i] = tensors[i].template data_ptr<T>();
        }
    }

    std::vector<Tensor> tensors;
    T* data[kernels::MAX_LEVELS] = {};
};

}  // namespace ops
}  // namespace d2det

#endif
