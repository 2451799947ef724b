// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Evaluation results of d2det_evaluate as text and as a report. */

#ifndef D2DET_APPS_EVALUATE_MEASURED_HPP
#define D2DET_APPS_EVALUATE_MEASURED_HPP

#include "cli/program.hpp"
#include "d2det_evaluate/model_run.hpp"
#include "evaluation/detection_set.hpp"

namespace evaluate_program
{

//! Evaluation of one detector.
struct Measured
{
    d2det::DetectionSet set;
    d2det::ReportResult result;
};

/** Results of a run over a part of the images (d2det_detect) are measured on that part; other results that name some of
    the images only, on all. Both numbers are noted. For a single detector. */
void restrictToRun(DetectorResults& source, d2det::EvaluatedData& data);

//! @param operatingScore NaN: score with the highest F1.
Measured measure(const DetectorResults& source, const d2det::EvaluatedData& data, double operatingScore);

//! @param named print the detector name (several detectors).
void print(std::ostream& out, const Measured& measured, bool named);

//! Report of one or more detectors; the first is the baseline.
d2det::Report makeReport(const std::vector<Measured>& measured, const d2det::EvaluatedData& data,
                         const cli::po::variables_map& args, const std::string& commandLine);

}  // namespace evaluate_program

#endif
