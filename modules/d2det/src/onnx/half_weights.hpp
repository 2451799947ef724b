// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Weights in half precision. d2det_export --half writes a large constant as a FLOAT16 tensor and a Cast node that makes
   the float32 tensor of it, which any reader of ONNX understands. */

#ifndef OPENCV_D2DET_ONNX_HALF_WEIGHTS_HPP
#define OPENCV_D2DET_ONNX_HALF_WEIGHTS_HPP

#include "opencv2/core.hpp"

#include <vector>

namespace cv
{
namespace d2det
{

/** The model with every Cast of a FLOAT16 constant to float32 carried out: a constant of float32 in its place. A model
    without such nodes is returned as it is. So checks and rewriting know one form of weights, and engines need not
    convert in every pass.
    @param model accepted by checkOnnx, as the result is; cv::Exception if that has 2 GiB or more
    @param name name of the model in messages */
std::vector<uchar> widenHalfWeights(std::vector<uchar> model, const String& name);

}  // namespace d2det
}  // namespace cv

#endif
