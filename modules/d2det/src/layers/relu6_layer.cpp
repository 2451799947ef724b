// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2ReLU6: min(max(x, 0), 6). Contract: operators.md 3.13.

   OpenCV's own activation layer, which convolutions take in and back ends know. Only its name in a model is ours: a
   Clip of opset 11 cannot be read by OpenCV before 4.7 (opencv_notes.md 6). */

#include "base_layer.hpp"

#include "opencv2/dnn/all_layers.hpp"

namespace cv
{
namespace d2det
{

Ptr<dnn::Layer> createReLU6Layer(dnn::LayerParams& params)
{
    dnn::LayerParams own;
    own.name = params.name;
    own.type = "ReLU6";
    own.set("min_value", 0.f);
    own.set("max_value", 6.f);
    return dnn::ReLU6Layer::create(own);
}

}  // namespace d2det
}  // namespace cv
