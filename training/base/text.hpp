// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Texts that programs show: near names in error messages, times, counts, commands. */

#ifndef D2DET_TRAINING_TEXT_HPP
#define D2DET_TRAINING_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace d2det
{

//! True if the text begins with the prefix.
bool startsWith(const std::string& text, const std::string& prefix);

//! Levenshtein distance.
size_t editDistance(const std::string& a, const std::string& b);

//! The known names nearest to one that is not known, nearest first; at most `count`. Names are compared without case.
std::vector<std::string> nearestNames(const std::string& name, const std::vector<std::string>& known, size_t count);

//! "1h02m" or "3m07s"; "?" if not known (negative or not finite).
std::string formatDuration(double seconds);

//! A number of things: "1 image", "3 images", "0 classes".
std::string counted(int64_t count, const std::string& what);

//! A field of a CSV file (RFC 4180): quoted where it must be.
std::string csvField(const std::string& text);

//! Arguments as one line that a POSIX shell takes apart into them again; only what needs quotes gets them.
std::string shellCommand(const std::vector<std::string>& arguments);

//! Characters (code points) of a UTF-8 text.
size_t countCharacters(const std::string& text);

//! The first characters of a text, with an ellipsis where it was cut; never more than `limit` of them.
std::string shortened(const std::string& text, size_t limit);

//! A number with a point for any locale; "-" if it is not finite. -0 becomes 0.
std::string formatNumber(double value, int decimals);

}  // namespace d2det

#endif
