// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What the operating system knows: memory in use, the time. */

#ifndef D2DET_TRAINING_SYSTEM_HPP
#define D2DET_TRAINING_SYSTEM_HPP

#include <string>

namespace d2det
{

//! Most memory that the process has had in RAM so far, MiB; 0 if the system does not tell.
double peakMemoryMiB();

//! "2026-11-30 08:58:05 UTC".
std::string utcNow();

}  // namespace d2det

#endif
