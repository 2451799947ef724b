// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What the differentiable operators share: checks of their arguments, the choice of a kernel, and the kernels' view of
   a feature pyramid.

   Every operator is a torch::autograd::Function whose two directions call a kernel of the module, chosen by
   chooseKernel. On the CPU the kernels run in OpenCV's parallel_for_ pool, LibTorch in its own OpenMP pool; they never
   run at the same time, because an operator returns only when its kernel has ended, and the results do not depend on
   the number of threads of either. On a CUDA device an operator only enqueues its kernel (cuda_stream.hpp). */

#ifndef D2DET_TRAINING_OPS_COMMON_HPP
#define D2DET_TRAINING_OPS_COMMON_HPP

#include "ops/cuda_stream.hpp"
#include "ops/kernel_choice.hpp"

#include "kernels/common.hpp"

#include <torch/torch.h>

#include <limits>
#include <vector>

namespace d2det
{
namespace ops
{

namespace kernels = cv::d2det::kernels;

//! float32 or float64 on a device that has kernels for it (chooseKernel); everything else is refused by name.
void checkTensor(const char* op, const char* name, const Tensor& tensor);

//! A second argument of an operator must lie where its first one lies.
void checkSameDevice(const char* op, const char* name, const Tensor& tensor, const Tensor& first);

//! Maps of one pyramid: 1 .. MAX_LEVELS of them, [B, C, h, w] with the same B, C, type and device, one positive stride
//! each.
void checkPyramid(const char* op, const std::vector<Tensor>& features, const std::vector<float>& strides);

//! RoIs [R, 5] as the kernel takes them: dense, in the type of the maps, outside the graph.
Tensor prepareRoIs(const char* op, const Tensor& rois, const Tensor& feature);

//! Memory that a launcher asks for, from LibTorch's allocator: free for the next launch on the same stream.
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

//! A kernel's backward pass leaves no graph: a second derivative would silently be wrong, so it is refused.
void checkFirstOrder(const char* op, const Tensor& gradOutput);

//! Dense float32 with `dims` dimensions outside the graph, on the device of the first argument `first`.
//! @param rows expected length of the first dimension, -1: any
Tensor prepareFloat(const char* op, const char* name, const Tensor& tensor, const Tensor& first, int64_t dims,
                    int64_t rows);

//! RoIs [R, 5] as prepareFloat makes them.
Tensor prepareFloatRoIs(const char* op, const Tensor& rois);

//! The kernels' plain view of a pyramid, with the dense copies (none for dense maps) that it points into.
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

//! Dense gradients of the maps, uninitialized: the kernels overwrite all of them.
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
