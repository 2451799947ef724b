// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Operating system queries: peak memory, current time. */

#ifndef D2DET_TRAINING_SYSTEM_HPP
#define D2DET_TRAINING_SYSTEM_HPP

#include <string>

namespace d2det
{

//! Peak resident memory of the process, MiB; 0 if not available.
double peakMemoryMiB();

//! Current time as "2026-11-30 08:58:05 UTC".
std::string utcNow();

}  // namespace d2det

#endif
