// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Progress of a long run on stdout or stderr: one line that is rewritten on a terminal, lines one below the other
   elsewhere. */

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
    //! Leaves what is shown and begins a new line.
    ~StatusLine();

    StatusLine(const StatusLine&) = delete;
    StatusLine& operator=(const StatusLine&) = delete;

    bool terminal() const { return terminal_; }
    //! Characters that fit; no limit if it is no terminal.
    size_t columns() const;
    void show(const std::string& text);
    //! Removes the rewritten line, for other output.
    void clear();
    //! Leaves what is shown and writes a line below it.
    void print(const std::string& text);

private:
    void finish();

    std::FILE* stream_;
    bool terminal_, open_ = false;
};

}  // namespace d2det

#endif
