// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What must hold for the bytes of an ONNX file before cv::dnn may read them. */

#ifndef OPENCV_D2DET_ONNX_CHECK_HPP
#define OPENCV_D2DET_ONNX_CHECK_HPP

#include "opencv2/core.hpp"

namespace cv
{
namespace d2det
{

/** Throws cv::Exception unless the bytes are a well-formed protobuf message of ONNX's ModelProto whose tensors are all
    inside the file and as long as their shapes say, and whose nodes fit together. Time and memory grow linearly with
    the size, recursion is bounded.
    @param name of the model in messages. */
void checkOnnx(const uchar* data, size_t size, const String& name);

}  // namespace d2det
}  // namespace cv

#endif
