// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_LAYERS_CONVOLUTION_LAYER_HPP
#define OPENCV_D2DET_LAYERS_CONVOLUTION_LAYER_HPP

#include "precomp.hpp"

namespace cv
{
namespace d2det
{

/** During the lifetime of an active scope, networks read by this thread use kernels/conv2d.hpp for ordinary
    convolutions. Other convolutions (groups, 3-D, missing constants) and other threads use cv::dnn. Layers are created
    when a network is read or on first access: the latter must be inside the scope too. */
class ConvolutionScope
{
public:
    explicit ConvolutionScope(bool active);
    ~ConvolutionScope();
    ConvolutionScope(const ConvolutionScope&) = delete;
    ConvolutionScope& operator=(const ConvolutionScope&) = delete;

private:
    const bool active_;
};

}  // namespace d2det
}  // namespace cv

#endif
