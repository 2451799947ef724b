// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Exception type of the trainer and its programs for invalid files, configurations, arguments or devices. The message
   is one line with the offending value and the remedy. Programming errors use LibTorch's TORCH_CHECK. */

#ifndef D2DET_TRAINING_ERROR_HPP
#define D2DET_TRAINING_ERROR_HPP

#include <stdexcept>
#include <string>

namespace d2det
{

class Error : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

[[noreturn]] inline void fail(const std::string& message)
{
    throw Error(message);
}

}  // namespace d2det

#endif
