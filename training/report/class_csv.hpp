// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Evaluation report as a table of the classes. */

#ifndef D2DET_TRAINING_CLASS_CSV_HPP
#define D2DET_TRAINING_CLASS_CSV_HPP

#include "report/html_report.hpp"

#include <string>
#include <vector>

namespace d2det
{

/** Per-class table as CSV (RFC 4180), one line for each result, IoU type and class, and one for all classes
    together: result, iou, class, category_id, ap, ap50, ap75, ar100, objects, detections, score, right, wrong, missed,
    precision, recall, f1, ap90, ap_small, ap_medium, ap_large.
    The columns `score` to `f1` refer to the operating point; undefined values are empty, and so are the average
    precisions by size (COCO's areas) of a single class. */
std::string classCsv(const std::vector<ReportResult>& results);

}  // namespace d2det

#endif
