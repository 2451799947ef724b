// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "base/system.hpp"

#include <ctime>

#include <sys/resource.h>

namespace d2det
{

double peakMemoryMiB()
{
    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
#ifdef __APPLE__
    constexpr double UNITS_PER_MIB = 1024. * 1024;  // bytes
#else
    constexpr double UNITS_PER_MIB = 1024;  // KiB
#endif
    return static_cast<double>(usage.ru_maxrss) / UNITS_PER_MIB;
}

std::string utcNow()
{
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[64];
    std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts);
    return text;
}

}  // namespace d2det
