// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Images of a report: objects and detections, drawn on a downscaled copy. */

#ifndef D2DET_TRAINING_REPORT_IMAGES_HPP
#define D2DET_TRAINING_REPORT_IMAGES_HPP

#include "evaluation/detection_set.hpp"
#include "report/html_report.hpp"

namespace d2det
{

constexpr int REPORT_IMAGE_SIDE = 480;  //!< longest side, pixels

/** Views of one image: first the objects (found: green, missed: orange, crowds: gray; found by the first set), then the
    detections of every set at its operating point (wrong ones with a red frame).
    @param image 8-bit BGR.
    @param sets at least one.
    @param outcomes results of this image, in the order of `sets`. */
ReportImage makeReportImage(const cv::Mat& image, const std::string& caption,
                            const std::vector<const DetectionSet*>& sets,
                            const std::vector<const ImageOutcome*>& outcomes,
                            const std::vector<AnalyzedClass>& classes);

}  // namespace d2det

#endif
