// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "cli/progress.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace cli
{

namespace
{

template <typename Time>
double secondsBetween(Time from, Time to)
{
    return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Progress::Progress(bool enabled, const std::string& what, int64_t total)
    : line_(stderr), enabled_(enabled), what_(what), total_(total), start_(Clock::now()), last_(start_)
{
}

void Progress::update(int64_t done, const std::string& now)
{
    const auto time = Clock::now();
    const double pause = line_.terminal() ? 0.1 : 10;  // seconds; on a terminal the first line appears immediately
    if (!enabled_ || (secondsBetween(last_, time) < pause && (shown_ || !line_.terminal())))
        return;
    last_ = time;
    shown_ = true;
    const double rate = static_cast<double>(done) / std::max(secondsBetween(start_, time), 1e-6);
    std::string text = std::to_string(done);
    if (total_ >= done)
        text += " of " + std::to_string(total_);
    text += " " + what_;
    if (total_ >= done)
        text += ", " + d2det::formatNumber(100. * static_cast<double>(done) / static_cast<double>(total_), 0) + " %";
    text += ", " + d2det::formatNumber(rate, 2) + "/s";
    if (total_ >= done)
        text += ", " + d2det::formatDuration(static_cast<double>(total_ - done) / rate) + " left";
    line_.show(text + ": " + now);
}

}  // namespace cli
