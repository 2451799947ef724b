// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Changes of an ONNX model before cv::dnn reads it. */

#ifndef OPENCV_D2DET_ONNX_REWRITE_HPP
#define OPENCV_D2DET_ONNX_REWRITE_HPP

#include "quantization.hpp"

#include "opencv2/core.hpp"

#include <vector>

namespace cv
{
namespace d2det
{

struct OnnxRewrite
{
    /** Conv nodes that the layer d2det.D2Conv2d computes become such nodes, a Relu, D2ReLU6 or Clip from 0 that follows
        becomes a part of them: operators.md 3.10. Other Conv nodes stay. */
    bool convolutions = false;
    //! With convolutions: attributes of those that compute in integers; null: all compute in float32.
    const OnnxQuantization* quantization = nullptr;
    bool numbers = false;  //!< with convolutions: attribute `number`, index of the Conv node in the model
    /** Constants of the nodes of domain "d2det" become attributes. The new engine of OpenCV 5 hands constant inputs
        over anew in every pass and keeps them, an attribute belongs to the layer, which may repack and free it. */
    bool constantsAsAttributes = false;
};

/** The model with the changes; without any the same bytes.
    @param model accepted by checkOnnx
    @param name name of the model in messages */
std::vector<uchar> rewriteOnnx(const std::vector<uchar>& model, const String& name, const OnnxRewrite& changes);

//! An attribute of a model's description.
struct OnnxDescription
{
    String name;
    std::vector<float> values;  //!< empty: without the attribute
    bool isList = false;        //!< a list of floats, otherwise one
};

/** The model with attributes of its description, in place of earlier ones of their names.
    @param model accepted by checkOnnx; without a description (attribute format_version of a node of domain "d2det")
    cv::Exception is raised
    @param name name of the model in messages */
std::vector<uchar> describeOnnx(const std::vector<uchar>& model, const String& name,
                                const std::vector<OnnxDescription>& attributes);

}  // namespace d2det
}  // namespace cv

#endif
