// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Command line of the programs that run a Detector. */

#ifndef D2DET_CLI_DETECTOR_OPTIONS_HPP
#define D2DET_CLI_DETECTOR_OPTIONS_HPP

#include "cli/program.hpp"

#include <opencv2/d2det.hpp>

namespace cli
{

//! Options of every program that runs a Detector. What is not given stays as the model has it.
po::options_description detectorOptions(const char* scoreHelp);

//! Checks the command line before anything is read.
void checkDetectorOptions(const po::variables_map& args);

//! The detector with the values of the command line.
cv::Ptr<cv::d2det::Detector> makeDetector(const po::variables_map& args);

}  // namespace cli

#endif
