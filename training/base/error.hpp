// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The one exception of the trainer and its programs: wrong files, configurations, arguments or machines, in one line
   that names the value and what to do. LibTorch's TORCH_CHECK remains for errors of the programmer. */

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
