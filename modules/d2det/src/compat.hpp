// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What differs between the versions of OpenCV that the module is built with: every switch on a version is here.

   4.6 to 4.x  the same for all that is used, but for half floats: from 4.10 on those of cv::dnn's float16 targets have
               the type CV_16F, before CV_16S
   5.x         dnn::MatShape is a class and lies in cv; shapes are asked for together with types; functions over
               contours have moved to a module of their own, geometry */

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

//! Depth of the tensors of a target for half floats.
constexpr int HALF_DEPTH = CV_VERSION_MAJOR * 100 + CV_VERSION_MINOR >= 410 ? CV_16F : CV_16S;

//! Shapes of all tensors of a pass of the network: outputs of every layer. The network's inputs are float32.
inline std::vector<std::vector<dnn::MatShape>> outputShapesOfLayers(const dnn::Net& net,
                                                                    const std::vector<dnn::MatShape>& netInputs)
{
    std::vector<int> ids;
    std::vector<std::vector<dnn::MatShape>> inputs, outputs;
#if CV_VERSION_MAJOR >= 5
    net.getLayersShapes(netInputs, std::vector<int>(netInputs.size(), CV_32F), ids, inputs, outputs);
#else
    net.getLayersShapes(netInputs, ids, inputs, outputs);
#endif
    return outputs;
}

//! Shapes of what one layer is given in a pass of the network.
inline std::vector<dnn::MatShape> inputShapesOfLayer(const dnn::Net& net, const std::vector<dnn::MatShape>& netInputs,
                                                     int id)
{
    std::vector<dnn::MatShape> inputs, outputs;
#if CV_VERSION_MAJOR >= 5
    net.getLayerShapes(netInputs, std::vector<int>(netInputs.size(), CV_32F), id, inputs, outputs);
#else
    net.getLayerShapes(netInputs, id, inputs, outputs);
#endif
    return inputs;
}

}  // namespace d2det
}  // namespace cv

#endif
