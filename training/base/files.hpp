// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* File and folder access for the data set readers. Time and memory are bounded for every input. */

#ifndef D2DET_TRAINING_FILE_TOOLS_HPP
#define D2DET_TRAINING_FILE_TOOLS_HPP

#include <cstddef>
#include <string>
#include <vector>

namespace d2det
{

//! The text in quotation marks for a message; long texts are truncated.
std::string inQuotes(const std::string& text);

//! True if the file extension (case-insensitive) is an image format that OpenCV reads.
bool isImageName(const std::string& path);

/** Why a file is not given to OpenCV's decoders, as text that continues "the image "; empty if it is. They hand DICOM
files to GDCM, which ends the program at a damaged one. Every reader of images asks here first. */
std::string refusedImage(const std::string& path);

//! Names (relative, with '/') of the regular files below a folder, sorted; empty if there is no such folder.
std::vector<std::string> listFiles(const std::string& folder, bool recursive);

//! The entire file. Throws Error if it is not a regular file, not readable or longer than `limit` bytes.
std::string readText(const std::string& path, size_t limit);

//! The lines without line ends ("\n" or "\r\n"), leading and trailing blanks.
std::vector<std::string> splitLines(const std::string& text);

//! Words separated by blanks or tabs.
std::vector<std::string> splitWords(const std::string& line);

/** Converts an entire text to a number, including NaN and infinities, independent of the locale.
@return false if the text is not a number. */
bool parseNumber(const std::string& text, double& value);

}  // namespace d2det

#endif
