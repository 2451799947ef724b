// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The ONNX file of programs that write models: --output, --half, --quantize. */

#ifndef D2DET_CLI_MODEL_OUTPUT_HPP
#define D2DET_CLI_MODEL_OUTPUT_HPP

#include "cli/program.hpp"

#include <functional>
#include <string>

namespace cli
{

void addModelOutput(po::options_description& options);

//! Throws UsageError for options that exclude or need each other. --output may be missing.
void checkModelOutput(const po::variables_map& values);

//! Writes the model to a path, its large weights in half precision or not; returns one line about the file.
using WriteOnnx = std::function<std::string(const std::string& path, bool half)>;

/** Writes the file --output in the form that the options name and prints what was written. For --quantize, the model
    goes into a temporary file beside it first; the images are inputs as those of d2det_detect. Throws
    std::runtime_error if none of them can be read. */
void writeModelOutput(const po::variables_map& values, const WriteOnnx& write);

}  // namespace cli

#endif
