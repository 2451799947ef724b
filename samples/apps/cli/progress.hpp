// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Progress display on stderr: count, rate and remaining time. */

#ifndef D2DET_CLI_PROGRESS_HPP
#define D2DET_CLI_PROGRESS_HPP

#include "base/status_line.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace cli
{

class Progress
{
public:
    /** @param what "images", "frames", ...
        @param total expected count; 0: unknown. */
    Progress(bool enabled, const std::string& what, int64_t total);
    ~Progress() { clear(); }

    //! Updates the display, at most ten times per second on a terminal, otherwise every 10 seconds.
    void update(int64_t done, const std::string& now);

    //! Erases the rewritten line before other output.
    void clear() { line_.clear(); }

private:
    using Clock = std::chrono::steady_clock;

    d2det::StatusLine line_;
    bool enabled_, shown_ = false;
    std::string what_;
    int64_t total_;
    Clock::time_point start_, last_;
};

}  // namespace cli

#endif
