// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Arguments of a layer on a CUDA device in the CUDA backend of cv::dnn. No headers of CUDA or internal headers of
   cv::dnn are required: only cuda_node.cpp includes these. */

#ifndef OPENCV_D2DET_LAYERS_CUDA_PASS_HPP
#define OPENCV_D2DET_LAYERS_CUDA_PASS_HPP

#include "opencv2/core.hpp"
#include "kernels/launcher.hpp"

#include <vector>

namespace cv
{
namespace d2det
{

/** One launch. Tensors are headers: sizes as in a pass on the CPU, ptr() is an address on the device that the host must
    not read. Everything is enqueued on `stream`; nothing may wait for it. */
struct CudaPass
{
    std::vector<Mat> inputs;
    std::vector<Mat> outputs;
    std::vector<const float*> constants;  //!< of the model, on the device
    cuda::Workspace workspace;
    cuda::Stream stream = nullptr;

    const float* input(size_t i) const { return inputs[i].ptr<float>(); }
    float* output(size_t i) { return outputs[i].ptr<float>(); }
    //! Constant i of a layer with `numInputs` other inputs: without constants of its own they are further inputs.
    const float* constant(size_t i, size_t numInputs) const
    {
        return constants.empty() ? input(numInputs + i) : constants[i];
    }
};

}  // namespace d2det
}  // namespace cv

#endif
