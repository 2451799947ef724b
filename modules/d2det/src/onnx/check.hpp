// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Checks of an ONNX file before cv::dnn reads it. */

#ifndef OPENCV_D2DET_ONNX_CHECK_HPP
#define OPENCV_D2DET_ONNX_CHECK_HPP

#include "opencv2/core.hpp"

namespace cv
{
namespace d2det
{

/** Raises cv::Exception for files that are often taken for a model of this module, and says what they are: ONNX models
    of others (what checkOnnx refuses is usual in them), checkpoints, pointers of Git LFS, web pages.
    @param name name of the model in messages. */
void checkModelKind(const uchar* data, size_t size, const String& name);

/** Raises cv::Exception unless the bytes are a well-formed ModelProto message (protobuf) with all tensors inside the
    file, tensor sizes equal to their shapes, and consistent nodes. Time and memory are linear in the size, recursion is
    bounded.
    @param name name of the model in messages. */
void checkOnnx(const uchar* data, size_t size, const String& name);

}  // namespace d2det
}  // namespace cv

#endif
