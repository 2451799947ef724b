// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The option --quantize of programs that write models. */

#ifndef D2DET_CLI_QUANTIZE_HPP
#define D2DET_CLI_QUANTIZE_HPP

#include <functional>
#include <string>
#include <vector>

namespace cli
{

constexpr const char* QUANTIZE_HELP =
    "compute the convolutions of the model in 8-bit integers, faster and about a quarter of the file; ARG: a folder or "
    "pattern of images like those that the model will see, a hundred are enough; may be repeated";

/** Lets `writeModel` write a model into a temporary file beside `output` and writes its quantized form to `output`.
    Throws std::runtime_error if there is no readable image.
    @param images as inputs of d2det_detect: files, folders, patterns
    @return what was done, one line */
std::string writeQuantized(const std::string& output, const std::vector<std::string>& images,
                           const std::function<void(const std::string& path)>& writeModel);

}  // namespace cli

#endif
