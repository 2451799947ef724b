// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A window for results, where OpenCV has its module highgui and there is a display. */

#ifndef D2DET_CLI_WINDOW_HPP
#define D2DET_CLI_WINDOW_HPP

#include <opencv2/core.hpp>

#include <string>

namespace cli
{

class Window
{
public:
    //! Throws UsageError if this build has no highgui, std::runtime_error if no window can be opened.
    explicit Window(const std::string& title);
    ~Window();
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;

    /** Shows an image, scaled down where it is larger than usual screens.
        @param wait true: until a key is pressed or the window is closed.
        @return false if the user wants to end: Esc, q, or the window was closed. */
    bool show(const cv::Mat& image, bool wait);

private:
    std::string title_;
};

}  // namespace cli

#endif
