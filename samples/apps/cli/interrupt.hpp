// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Ctrl-C: the first one requests a clean stop after the current item, the second one terminates immediately. */

#ifndef D2DET_CLI_INTERRUPT_HPP
#define D2DET_CLI_INTERRUPT_HPP

#include <stdexcept>

namespace cli
{

//! Ends a program from within after an interrupt: runProgram() prints the text and returns EXIT_INTERRUPTED.
struct Interrupted : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

constexpr int EXIT_INTERRUPTED = 130;  //!< 128 + SIGINT, the convention of shells

//! Installs handlers of SIGINT and SIGTERM that end the program at once with EXIT_INTERRUPTED.
void exitOnInterrupts();

//! Installs handlers of SIGINT and SIGTERM that set interrupted().
void catchInterrupts();

//! True after an interrupt; usable as `stop` callback of long operations.
bool interrupted();

}  // namespace cli

#endif
