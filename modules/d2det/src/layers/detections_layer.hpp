// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2Detections (operators.md 3.7), visible inside the module because Detector changes the settings between
   two forward passes and reads the description of the model from the layer.

   Attribute output_rows (int, default 0): 1 adds a second output.

   Additional optional attributes of the node with the graph output "detections", the description of the model:

     format_version  int     1
     model_name      string
     class_names     string  one name per line, by class id
     mean, std       floats  three values in the network's channel order, 0..255
     channel_order   string  "rgb" or "bgr"
     short_side, long_side, divisor, keep_ratio   ints, see InputParams
     operating_score  float  0..1: see Detector::getOperatingScore; absent: not measured
     operating_scores  floats  0..1, one for each class: see Detector::getOperatingScores
     mask_score_weight  float  0: share of the predicted IoU in the score of a mask, see kernels/mask_score.hpp */

#ifndef OPENCV_D2DET_DETECTIONS_LAYER_HPP
#define OPENCV_D2DET_DETECTIONS_LAYER_HPP

#include "opencv2/d2det/detector.hpp"
#include "base_layer.hpp"
#include "kernels/detections.hpp"

#include <string>
#include <vector>

namespace cv
{
namespace d2det
{

//! Converts a mode of the public interface (NMSMode) to kernels::NMSMode; another value raises cv::Exception.
kernels::NMSMode kernelMode(int mode);
//! Inverse of kernelMode.
NMSMode publicMode(kernels::NMSMode mode);

struct ModelInfo
{
    bool present = false;  //!< whether the node has the attribute format_version
    String name;
    std::vector<String> classNames;
    InputParams input;
    float maskScoreWeight = 0;
    float operatingScore = -1;
    std::vector<float> operatingScores;  //!< by class; empty: not measured
};

class DetectionsLayer CV_FINAL : public BaseLayer
{
public:
    explicit DetectionsLayer(const dnn::LayerParams& params);

    kernels::DetectionsParams settings;  //!< may be changed between two forward passes (not maxDetections: use limit)
    ModelInfo info;

protected:
    std::vector<dnn::MatShape> outputShapes(const std::vector<dnn::MatShape>& inputs) const CV_OVERRIDE;
    double operations(const std::vector<dnn::MatShape>& inputs,
                      const std::vector<dnn::MatShape>& outputs) const CV_OVERRIDE;
    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE;
    //! Row of `rois` of each detection, [batch_size * max_detections, 1], -1 in
    //! unused rows; the second output.
    void record(const std::vector<Mat>& inputs, const std::vector<Mat>& outputs,
                std::vector<Mat>& recorded) const CV_OVERRIDE;
#ifdef D2DET_HAVE_CUDA
    size_t cudaWorkspace(const std::vector<Mat>& inputs) const CV_OVERRIDE;
    cuda::Status runCuda(CudaPass& pass) CV_OVERRIDE;
#endif

private:
    kernels::DetectionsInput makeInput(const std::vector<Mat>& inputs) const;

    bool outputRows_;  //!< whether the second output exists
};

}  // namespace d2det
}  // namespace cv

#endif
