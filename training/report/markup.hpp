// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Text for SVG and HTML, whatever bytes it comes from. */

#ifndef D2DET_TRAINING_MARKUP_HPP
#define D2DET_TRAINING_MARKUP_HPP

#include <string>

namespace d2det
{

/** Text that can stand in an element or a quoted attribute: & < > " ' become entities, bytes that are not UTF-8 and
    control characters (which XML has no way to write) become U+FFFD, tabs and line ends become blanks. */
std::string escapeMarkup(const std::string& text);

}  // namespace d2det

#endif
