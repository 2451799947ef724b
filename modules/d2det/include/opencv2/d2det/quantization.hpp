// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_QUANTIZATION_HPP
#define OPENCV_D2DET_QUANTIZATION_HPP

#include "opencv2/core.hpp"

#include <vector>

namespace cv
{
namespace d2det
{

//! @addtogroup d2det
//! @{

/** @brief Makes the convolutions of a model compute in 8-bit integers.

The model looks at images like those that it will see later, which tell the range of every map between its layers; a
hundred are enough. Convolutions of backbone, pyramid and RPN are quantized except for the first, of the image, and the
last ones of the RPN. Boxes and scores, and all maps between layers, stay float32.
@code{.cpp}
    Ptr<ModelQuantizer> quantizer = ModelQuantizer::create(model);
    for (const String& file : files)
        quantizer->addImage(imread(file));
    std::vector<String> convolutions;
    const std::vector<uchar> small = quantizer->quantize(convolutions);
@endcode
*/
class CV_EXPORTS_W ModelQuantizer
{
public:
    virtual ~ModelQuantizer() = default;

    /** @brief Reads a model.
    @param model content of an ONNX file written by d2det_export, not yet quantized; another one raises cv::Exception.
    @return the quantizer.
    */
    CV_WRAP static Ptr<ModelQuantizer> create(const std::vector<uchar>& model);

    /** @brief Runs the model on an image, as Detector::detect() does, and takes down the ranges of its maps.
    @param image 8-bit image with 1 (gray), 3 (BGR) or 4 (BGRA) channels.
    */
    CV_WRAP virtual void addImage(InputArray image) = 0;

    /** @brief Number of images that were added.
    @return the number.
    */
    CV_WRAP virtual int getImageCount() const = 0;

    /** @brief Returns the quantized model. Without an image cv::Exception is raised.
    @param convolutions outputs of the convolutions that are quantized.
    @return content of an ONNX file.
    */
    CV_WRAP virtual std::vector<uchar> quantize(CV_OUT std::vector<String>& convolutions) const = 0;
};

//! @}

}  // namespace d2det
}  // namespace cv

#endif
