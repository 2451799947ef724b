// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "cli/window.hpp"

#include "cli/interrupt.hpp"
#include "cli/program.hpp"

#include <opencv2/imgproc.hpp>

#ifdef D2DET_HAVE_HIGHGUI
#include <opencv2/highgui.hpp>
#endif

#include <algorithm>
#include <cstdlib>

namespace cli
{

#ifdef D2DET_HAVE_HIGHGUI

namespace
{

constexpr double MAX_WIDTH = 1600, MAX_HEIGHT = 900;  //!< pixels, of a window on a usual screen
constexpr int ESCAPE = 27;
constexpr int POLL_MS = 50;

}  // namespace

Window::Window(const std::string& title) : title_(title)
{
#if defined(__unix__) && !defined(__APPLE__)
    // Qt ends the program where there is none.
    if (!std::getenv("DISPLAY") && !std::getenv("WAYLAND_DISPLAY") && !std::getenv("QT_QPA_PLATFORM"))
        throw std::runtime_error("no window can be opened: there is no display (environment variable DISPLAY)");
#endif
    try
    {
        cv::namedWindow(title_, cv::WINDOW_AUTOSIZE);
    }
    catch (const cv::Exception& e)
    {
        throw std::runtime_error("no window can be opened (is there a display?): " + oneLine(e.err));
    }
}

Window::~Window()
{
    try
    {
        cv::destroyWindow(title_);
    }
    catch (const cv::Exception&)  // closed by the user
    {
    }
}

bool Window::show(const cv::Mat& image, bool wait)
{
    const double scale = std::min({1., MAX_WIDTH / image.cols, MAX_HEIGHT / image.rows});
    cv::Mat fitting = image;
    if (scale < 1)
        cv::resize(image, fitting, cv::Size(), scale, scale, cv::INTER_AREA);
    cv::imshow(title_, fitting);
    for (;;)
    {
        const int key = cv::waitKey(wait ? POLL_MS : 1);
        const bool closed = cv::getWindowProperty(title_, cv::WND_PROP_VISIBLE) < 1;
        if (closed || key == ESCAPE || key == 'q')
            return false;
        if (!wait || key >= 0 || interrupted())
            return true;
    }
}

#else

Window::Window(const std::string& title) : title_(title)
{
    throw UsageError("--show needs OpenCV's module highgui, without which this program was built");
}

Window::~Window() = default;

bool Window::show(const cv::Mat&, bool)
{
    return false;
}

#endif

}  // namespace cli
