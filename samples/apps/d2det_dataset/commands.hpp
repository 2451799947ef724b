// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Commands of d2det_dataset, one source file each, and their common functions. */

#ifndef D2DET_APPS_DATASET_COMMANDS_HPP
#define D2DET_APPS_DATASET_COMMANDS_HPP

#include "cli/program.hpp"
#include "dataset/dataset.hpp"
#include "dataset/raw_dataset.hpp"

#include <string>

namespace dataset_program
{

namespace po = cli::po;

const char* const PROGRAM = "d2det_dataset";

struct Command
{
    const char* name;
    const char* summary;
    po::options_description (*options)();
    int (*run)(const po::variables_map& args);  //!< returns the exit code
    bool needsDataset = true;                   //!< false: DATASET may be left out
};

extern const Command STATS, LINT, CONVERT, SHOW, SPLIT, TILE, ANCHORS;

//! Options of every command.
po::options_description commonOptions();

//! Reads the data set given on the command line, unchecked.
d2det::RawDataset readRaw(const po::variables_map& args);

//! Checks and joins the records; writes warnings to stderr.
d2det::Dataset checkedDataset(d2det::RawDataset raw, const po::variables_map& args);

std::string requiredOutput(const po::variables_map& args);

}  // namespace dataset_program

#endif
