// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Ctrl-C: the first one asks the program to finish what it has begun, the second one ends it at once. */

#ifndef D2DET_CLI_INTERRUPT_HPP
#define D2DET_CLI_INTERRUPT_HPP

namespace cli
{

constexpr int EXIT_INTERRUPTED = 130;  //!< 128 + SIGINT, as shells have it

//! From now on SIGINT and SIGTERM set interrupted().
void catchInterrupts();

//! A `stop` function for whatever runs long.
bool interrupted();

}  // namespace cli

#endif
