// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What a model file may hold: the operators that d2det_export writes, in the forms in which it writes them, and a
   declared limit of memory and work. All of it is decided from the file, before cv::dnn reads it.

   To allow more (CONTRIBUTING.md, "an operator"): a line in the table of model_check.cpp. */

#ifndef OPENCV_D2DET_ONNX_MODEL_CHECK_HPP
#define OPENCV_D2DET_ONNX_MODEL_CHECK_HPP

#include "graph.hpp"

#include <vector>

namespace cv
{
namespace d2det
{

constexpr double MAX_MODEL_PIXELS = 1 << 24;  //!< of the input that a file declares

//! What a pass takes at most.
struct PassCost
{
    double bytes = 0;       //!< of all tensors
    double operations = 0;  //!< multiplications and additions
};

//! Raises cv::Exception, with what the file is, if it is not a model of this project at all.
void checkKindOfModel(const std::vector<uchar>& model, const String& name);

class ModelCheck
{
public:
    /** Raises cv::Exception unless the model is one that d2det_export may have written and a pass of one image of the
        declared size is within the limits. The layers of this module must be registered.
        @param model accepted by checkOnnx and checkKindOfModel; is not kept
        @param name name of the model in messages */
    ModelCheck(const std::vector<uchar>& model, const String& name);

    /** Raises cv::Exception if tensors do not fit together in a pass of this size or if it is beyond the limits, which
        grow with the number of images and with their size beyond the declared one. */
    PassCost checkPass(int batch, int height, int width) const;

    //! Of a pass of one image of the declared size.
    const PassCost& cost() const { return cost_; }

private:
    void checkFile() const;
    void checkConstants() const;
    void checkInputs() const;
    void checkOutputs() const;
    void checkDetections();
    void checkNode(const OnnxNode& node) const;
    PassCost run(int batch, int height, int width, double limitFactor) const;
    CV_NORETURN void refuse(const std::string& what) const;

    const String name_;
    const size_t bytes_;
    OnnxGraph graph_;
    int side_[2] = {0, 0};  //!< of the declared input, padded; the short one first
    PassCost cost_;
};

}  // namespace d2det
}  // namespace cv

#endif
