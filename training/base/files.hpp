// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Files and folders as the data set readers need them: every function ends in bounded time and memory whatever it
   meets. */

#ifndef D2DET_TRAINING_FILE_TOOLS_HPP
#define D2DET_TRAINING_FILE_TOOLS_HPP

#include <cstddef>
#include <string>
#include <vector>

namespace d2det
{

//! The text in quotation marks for a message, cut if it is long.
std::string inQuotes(const std::string& text);

//! True for the name of an image that OpenCV reads (by its extension, upper or lower case).
bool isImageName(const std::string& path);

//! Names (relative, with '/') of the regular files below a folder, sorted; empty if there is no such folder.
std::vector<std::string> listFiles(const std::string& folder, bool recursive);

//! The whole file. Throws Error if it is not a regular file, not readable or longer than `limit` bytes.
std::string readText(const std::string& path, size_t limit);

//! The lines without their ends ("\n" or "\r\n") and without blanks around them.
std::vector<std::string> splitLines(const std::string& text);

//! The parts between blanks and tabs.
std::vector<std::string> splitWords(const std::string& line);

/** Reads a whole text as a number, NaN and infinities included, whatever the locale.
@return false if it is none. */
bool parseNumber(const std::string& text, double& value);

}  // namespace d2det

#endif
