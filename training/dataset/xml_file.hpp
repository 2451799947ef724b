// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* XML files of annotation tools, parsed by pugixml without entity expansion and recursion. Files with a DOCTYPE, more
   than 64 levels or more bytes than a format needs are refused. */

#ifndef D2DET_TRAINING_XML_FILE_HPP
#define D2DET_TRAINING_XML_FILE_HPP

#include <pugixml.hpp>

#include <cstddef>
#include <string>

namespace d2det
{

/** Reads a file of any encoding. Throws std::runtime_error if it is longer than `limit` bytes, no valid XML (with the
    position) or refused. */
void loadXml(const std::string& path, size_t limit, pugi::xml_document& document);

//! The first line with text of a value, without blanks around it.
std::string xmlText(const char* value);
//! That of a node.
std::string xmlText(const pugi::xml_node& node);

/** The number in a child node.
    @param missing value where there is no such node or no text in it. Throws std::runtime_error for another text. */
double xmlNumber(const pugi::xml_node& parent, const char* name, double missing);

}  // namespace d2det

#endif
