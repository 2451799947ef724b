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

/** While it lives, networks that this thread reads get their ordinary convolutions from kernels/conv2d.hpp. All others
    (groups, 3-D, constants that are not there) and those of other threads stay cv::dnn's. Layers are made when a
    network is read or when they are first asked for: the latter must happen inside the scope too. */
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
