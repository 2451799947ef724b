// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Evaluation report as an HTML file. The page is self-contained: styles, charts (SVG) and images (JPEG) are embedded.
   It is readable without scripts, on light and dark backgrounds, and printable. */

#ifndef D2DET_TRAINING_HTML_REPORT_HPP
#define D2DET_TRAINING_HTML_REPORT_HPP

#include "evaluation/error_analysis.hpp"

#include <optional>
#include <utility>

namespace d2det
{

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

//! Results of one detector.
struct ReportResult
{
    std::string name;
    Analysis boxes;
    std::optional<Analysis> masks;
    std::vector<double> keypoints = {};                      //!< the 10 metrics of keypoints; empty: not measured
    NamedTexts details;                                      //!< properties of the run: file, input size, threads, ...
    std::vector<std::pair<std::string, double>> stageTimes;  //!< mean milliseconds per image; empty: not measured
    std::vector<std::string> notes;                          //!< ignored results
};

//! An image with its views side by side.
struct ReportImage
{
    struct View
    {
        std::string label;
        std::vector<unsigned char> jpeg;
    };
    std::string caption;
    std::vector<View> views;
};

struct Report
{
    std::string title;
    NamedTexts details;                 //!< data set, command, date, versions, ...
    std::vector<ReportResult> results;  //!< at least one; the first is the baseline
    std::vector<ReportImage> worst, best;
};

constexpr size_t MAX_REPORT_RESULTS = 6;

//! The HTML page. Texts may contain arbitrary bytes.
std::string htmlReport(const Report& report);

}  // namespace d2det

#endif
