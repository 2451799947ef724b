// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Differences between the supported versions of OpenCV; all switches on the version are in this file.

   4.6 to 4.x  identical for this module except half floats: type of tensors of the float16 targets of cv::dnn CV_16F
               since 4.10, CV_16S before
   5.x         dnn::MatShape is a class in namespace cv; shapes are queried together with types; functions for contours
               are in the module geometry */

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

//! Input shapes of one layer in a pass of the network.
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
