// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Convolutions in 8-bit integers in a model file (docs/quantization.md): standard operators of opset 11, which any
   reader of ONNX computes in float32 with the rounded values.

     x.rounded = DequantizeLinear(QuantizeLinear(x, x.step, x.zero), x.step, x.zero)   FLOAT and UINT8 scalars
     W         = Mul(Cast(W.int8), W.steps)                                            INT8 like W, FLOAT [O, 1, 1, 1]
     y         = Conv(x.rounded, W, b)

   Before the check of the operators and cv::dnn see a model these nodes are taken out: the weights become float32
   constants, and what the convolutions quantize stands in a list beside the model, from which rewriteOnnx makes
   attributes of D2Conv2d nodes. Without that list the model computes in float32. */

#ifndef OPENCV_D2DET_ONNX_QUANTIZATION_HPP
#define OPENCV_D2DET_ONNX_QUANTIZATION_HPP

#include "../kernels/conv2d.hpp"

#include "opencv2/core.hpp"

#include <map>
#include <string>
#include <vector>

namespace cv
{
namespace d2det
{

struct ConvQuantization
{
    float inputScale = 1;             //!< step of the input's integers
    int inputZero = 0;                //!< 0..255, integer of the value 0
    std::vector<float> weightScales;  //!< step of the integers of each row of the weight
    kernels::Conv2dParams conv;       //!< sizes, groups, strides and dilations as takeQuantization finds them
};

//! By the name of a convolution's output.
typedef std::map<std::string, ConvQuantization> OnnxQuantization;

/** The model without the nodes that quantize; a model without such nodes, or with such in other places than the above,
    is returned as it is.
    @param model accepted by checkOnnx, as the result is; cv::Exception if that has 2 GiB or more
    @param name name of the model in messages
    @param quantization what the removed nodes say */
std::vector<uchar> takeQuantization(std::vector<uchar> model, const String& name, OnnxQuantization& quantization);

/** The inverse: the model with nodes that quantize. Each entry must name a Conv node with constant float32 weights,
    and entries with the same weights must have the same scales.
    @param model accepted by checkOnnx and without nodes that quantize */
std::vector<uchar> quantizeOnnx(const std::vector<uchar>& model, const String& name,
                                const OnnxQuantization& quantization);

}  // namespace d2det
}  // namespace cv

#endif
