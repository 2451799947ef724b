// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Differences between the supported versions of OpenCV. Switches on the version are in this file, in network.cpp (the
   engines of dnn) and in layers/base_layer and layers/cuda_node (functions that layers override).

   4.6 to 4.x  identical for this module except half floats: type of tensors of the float16 targets of cv::dnn CV_16F
               since 4.10, CV_16S before
   5.x         dnn::MatShape is a class in namespace cv; shapes are queried together with types; functions for contours
               are in the module geometry; a new engine of dnn, after 5.0 the only one */

#ifndef OPENCV_D2DET_COMPAT_HPP
#define OPENCV_D2DET_COMPAT_HPP

#include "opencv2/core.hpp"
#include "opencv2/core/version.hpp"
#include "opencv2/dnn.hpp"
#include "opencv2/imgproc.hpp"

#include <vector>

#if CV_VERSION_MAJOR >= 5
#include "opencv2/geometry.hpp"
#endif

namespace cv
{
#if CV_VERSION_MAJOR >= 5
namespace dnn
{
using cv::MatShape;
}
#endif

namespace d2det
{

//! Whether the engine of dnn hands constants of a model to a layer as inputs of every pass, not as blobs of the layer.
constexpr bool CONSTANTS_ARE_INPUTS = CV_VERSION_MAJOR >= 5;

//! Depth of the tensors of a target for half floats.
constexpr int HALF_DEPTH = CV_VERSION_MAJOR * 100 + CV_VERSION_MINOR >= 410 ? CV_16F : CV_16S;

#if CV_VERSION_MAJOR >= 5
constexpr int CLASSIC_ENGINE = 1;  //!< dnn::ENGINE_CLASSIC, which versions after 5.0 do not have

/** Whether dnn::Layer has forwardCUDA, by which the new engine runs layers on CUDA devices (5.1). Later than 5.0.0,
    without a version number of its own. */
template <typename Layer>
constexpr auto hasForwardCuda(int) -> decltype(&Layer::forwardCUDA, bool())
{
    return true;
}
template <typename Layer>
constexpr bool hasForwardCuda(long)
{
    return false;
}

//! Whether the new engine runs networks on a backend other than OpenCV's own.
inline bool newEngineRuns(int backend)
{
    return backend == dnn::DNN_BACKEND_CUDA && hasForwardCuda<dnn::Layer>(0);
}
#endif

}  // namespace d2det
}  // namespace cv

#endif
