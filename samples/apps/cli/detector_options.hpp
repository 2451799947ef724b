// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Command-line options of programs with a Detector. */

#ifndef D2DET_CLI_DETECTOR_OPTIONS_HPP
#define D2DET_CLI_DETECTOR_OPTIONS_HPP

#include "cli/program.hpp"

#include <opencv2/d2det.hpp>

#include <vector>

namespace cli
{

//! Options common to all programs with a Detector. Defaults are the settings stored in the model.
po::options_description detectorOptions(const char* scoreHelp);

//! Names of those options that say nothing without a model.
const std::vector<const char*>& detectorOptionNames();

//! Checks the options before any file is read.
void checkDetectorOptions(const po::variables_map& args);

//! Creates the detector with the settings of the command line.
cv::Ptr<cv::d2det::Detector> makeDetector(const po::variables_map& args);

}  // namespace cli

#endif
