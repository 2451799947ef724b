// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Progress of a long run on stderr: one line that is rewritten on a terminal, a line every 10 seconds elsewhere. */

#ifndef D2DET_CLI_PROGRESS_HPP
#define D2DET_CLI_PROGRESS_HPP

#include "cli/common.hpp"
#include "base/text.hpp"

#include <chrono>

namespace cli
{

class Progress
{
public:
    /** @param what "pictures", "frames", ...
        @param total 0: not known. */
    Progress(bool enabled, const std::string& what, int64 total)
        : enabled_(enabled),
          terminal_(stderrIsTerminal()),
          what_(what),
          total_(total),
          start_(Clock::now()),
          last_(start_)
    {
    }
    ~Progress() { clear(); }

    void update(int64 done, const std::string& now)
    {
        const auto time = Clock::now();
        // The first lines come early, so that a slow run shows that it is alive.
        const double pause = terminal_ ? 0.1 : 10;
        if (!enabled_ || (shown_ && seconds(last_, time) < pause) ||
            (!shown_ && !terminal_ && seconds(start_, time) < pause))
            return;
        last_ = time;
        shown_ = true;
        const double rate = static_cast<double>(done) / std::max(seconds(start_, time), 1e-6);
        std::string text = std::to_string(done);
        if (total_ >= done)
            text += " of " + std::to_string(total_);
        text += " " + what_;
        if (total_ >= done)
            text += cv::format(", %.0f %%", 100. * static_cast<double>(done) / static_cast<double>(total_));
        text += cv::format(", %.2f/s", rate);
        if (total_ >= done)
            text += ", " + d2det::formatDuration(static_cast<double>(total_ - done) / rate) + " left";
        text += ": " + now;
        if (!terminal_)
        {
            std::cerr << text << std::endl;
            return;
        }
        const size_t columns = d2det::terminalColumns(fileno(stderr));
        std::cerr << "\r\033[K" << (textWidth(text) > columns ? text.substr(0, columns) : text) << std::flush;
        open_ = true;
    }

    //! Takes the rewritten line away, for other output.
    void clear()
    {
        if (open_)
            std::cerr << "\r\033[K" << std::flush;
        open_ = false;
    }

private:
    using Clock = std::chrono::steady_clock;

    static double seconds(Clock::time_point from, Clock::time_point to)
    {
        return std::chrono::duration<double>(to - from).count();
    }

    bool enabled_, terminal_, shown_ = false, open_ = false;
    std::string what_;
    int64 total_;
    Clock::time_point start_, last_;
};

}  // namespace cli

#endif
