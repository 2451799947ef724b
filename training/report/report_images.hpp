// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Images of a report: objects and detections, drawn on a small copy. */

#ifndef D2DET_TRAINING_REPORT_IMAGES_HPP
#define D2DET_TRAINING_REPORT_IMAGES_HPP

#include "evaluation/detection_set.hpp"
#include "report/html_report.hpp"

namespace d2det
{

constexpr int REPORT_IMAGE_SIDE = 480;  //!< longest side, pixels

/** The image of an outcome: first the objects (found ones green, missed ones orange, crowds gray), as the first set
    found them, then the detections of every set at its operating point (wrong ones in a red frame).
    @param image 8-bit BGR.
    @param sets, outcomes of the same image, in the same order, at least one. */
ReportImage makeReportImage(const cv::Mat& image, const std::string& caption,
                            const std::vector<const DetectionSet*>& sets,
                            const std::vector<const ImageOutcome*>& outcomes,
                            const std::vector<AnalysedClass>& classes);

}  // namespace d2det

#endif
