// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "base/status_line.hpp"

#include "base/text.hpp"

#include <limits>

#include <sys/ioctl.h>
#include <unistd.h>

namespace d2det
{

namespace
{

const char* const ERASE = "\r\033[K";  // ECMA-48: carriage return, erase to the end of the line

}  // namespace

StatusLine::StatusLine(std::FILE* stream) : stream_(stream), terminal_(::isatty(::fileno(stream)) == 1) {}

StatusLine::~StatusLine()
{
    finish();
}

size_t StatusLine::columns() const
{
    if (!terminal_)
        return std::numeric_limits<size_t>::max();
    winsize size{};
    // One less: the cursor position after a character in the last column depends on the terminal.
    return ::ioctl(::fileno(stream_), TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col - 1u : 119u;
}

void StatusLine::show(const std::string& text)
{
    if (!terminal_)
        return print(text);
    std::fprintf(stream_, "%s%s", ERASE, shortened(text, columns()).c_str());
    std::fflush(stream_);
    open_ = true;
}

void StatusLine::clear()
{
    if (open_)
        std::fputs(ERASE, stream_);
    open_ = false;
    std::fflush(stream_);
}

void StatusLine::print(const std::string& text)
{
    finish();
    std::fprintf(stream_, "%s\n", text.c_str());
    std::fflush(stream_);
}

void StatusLine::finish()
{
    if (open_)
        std::fputs("\n", stream_);
    open_ = false;
    std::fflush(stream_);
}

}  // namespace d2det
