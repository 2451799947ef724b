// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "cli/interrupt.hpp"

#include <csignal>

#include <unistd.h>

namespace cli
{

namespace
{

volatile std::sig_atomic_t flag = 0;

extern "C" void handleSignal(int signal)
{
    flag = 1;
    std::signal(signal, SIG_DFL);  // a second signal terminates the program
}

extern "C" void handleExit(int)
{
    _exit(EXIT_INTERRUPTED);
}

}  // namespace

void exitOnInterrupts()
{
    std::signal(SIGINT, handleExit);
    std::signal(SIGTERM, handleExit);
}

void catchInterrupts()
{
    std::signal(SIGINT, handleSignal);
    std::signal(SIGTERM, handleSignal);
}

bool interrupted()
{
    return flag != 0;
}

}  // namespace cli
