// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Detector -> one ONNX file for cv::dnn (architecture.md 3, opencv_notes.md 6.6): opset 11, domain "d2det" version 1,
   float32 (weights float16 on demand), batch norm folded into the convolutions, class names and input parameters as
   attributes of the last node.

     inputs   image [1, 3, H, W] normalized and padded, im_info [1, 3] = (valid height, valid width, scale)
     outputs  detections [K, 7] = (batch, class, score, x1, y1, x2, y2), class -1 in unused rows; with a mask head
              masks [K, 1, 28, 28] inside the boxes and, with mask scoring, mask_ious [K, 1]; without the second pass of
              the mask head also mask_boxes [K, 4] (x1, y1, x2, y2): masks refer to these boxes instead of the boxes of
              the detections

   Inner tensors have the names listed in InferenceTrace. H and W are variable, in multiples of the divisor. */

#ifndef D2DET_TRAINING_EXPORTER_HPP
#define D2DET_TRAINING_EXPORTER_HPP

#include "model/detector.hpp"

#include <cstdint>
#include <string>

namespace d2det
{

struct ExportOptions
{
    bool intermediate = false;  //!< additional graph outputs for the tensors of InferenceTrace, for comparisons
    /** Weights of convolutions and fully connected layers in half precision, about half the file; biases and norms stay
        float32. Computed is in float32 all the same. */
    bool half = false;
};

struct ExportSummary
{
    int64_t parameters = 0;  //!< number of float values in the file
    int64_t nodes = 0;
    int64_t bytes = 0;
    int64_t classes = 0;

    std::string text() const;  //!< "1.25 million parameters, 5.02 MB, 301 nodes, 3 classes"
};

/** Validates the graph with onnx::checker and writes the file atomically (temporary file, then rename). The model is
    not modified. Throws Error if a weight is not finite, the configuration does not match the structure of the weights,
    the file would exceed 2 GB or cannot be written, or a weight exceeds half precision with `half`. */
ExportSummary exportOnnx(const Detector& model, const std::string& path, const ExportOptions& options = {});

}  // namespace d2det

#endif
