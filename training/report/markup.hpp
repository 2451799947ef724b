// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Arbitrary bytes as text for SVG and HTML. */

#ifndef D2DET_TRAINING_MARKUP_HPP
#define D2DET_TRAINING_MARKUP_HPP

#include <string>
#include <vector>

namespace d2det
{

/** Text for an element or a quoted attribute: & < > " ' become entities, bytes of invalid UTF-8 and control characters
    (not representable in XML) become U+FFFD, tabs and line ends become blanks. */
std::string escapeMarkup(const std::string& text);

//! Base64 of RFC 4648.
std::string base64(const std::vector<unsigned char>& bytes);

}  // namespace d2det

#endif
