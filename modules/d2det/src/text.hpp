// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Which texts can be drawn; the drawing itself is public, opencv2/d2det/drawing.hpp. */

#ifndef OPENCV_D2DET_TEXT_HPP
#define OPENCV_D2DET_TEXT_HPP

#include <string>

namespace cv
{
namespace d2det
{

/** What drawText shows of a text in UTF-8: the text itself where a font has all its characters, otherwise with the
    nearest Latin letters and '?' in their place. Empty if not one character can be shown. */
std::string drawableText(const std::string& text);

}  // namespace d2det
}  // namespace cv

#endif
