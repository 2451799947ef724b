// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Progress display on stdout or stderr: a single rewritten line on a terminal, separate lines elsewhere. */

#ifndef D2DET_TRAINING_STATUS_LINE_HPP
#define D2DET_TRAINING_STATUS_LINE_HPP

#include <cstddef>
#include <cstdio>
#include <string>

namespace d2det
{

class StatusLine
{
public:
    //! @param stream stdout or stderr.
    explicit StatusLine(std::FILE* stream);
    //! Keeps the displayed text and starts a new line.
    ~StatusLine();

    StatusLine(const StatusLine&) = delete;
    StatusLine& operator=(const StatusLine&) = delete;

    bool terminal() const { return terminal_; }
    //! Width of the terminal in characters; unlimited if the stream is not a terminal.
    size_t columns() const;
    void show(const std::string& text);
    //! Erases the rewritten line before other output.
    void clear();
    //! Keeps the displayed text and writes a line below.
    void print(const std::string& text);

private:
    void finish();

    std::FILE* stream_;
    bool terminal_, open_ = false;
};

}  // namespace d2det

#endif
