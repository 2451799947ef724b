// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Text formatting for messages and tables: suggestions of similar names, durations, counts, commands. */

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

//! At most `count` known names with the smallest edit distance to an unknown name, nearest first, case-insensitive.
std::vector<std::string> nearestNames(const std::string& name, const std::vector<std::string>& known, size_t count);

//! Whether the entire text fits a pattern in which `*` stands for any text and `?` for one character.
bool matchesPattern(const std::string& text, const std::string& pattern);

//! "1h02m" or "3m07s"; "?" if unknown (negative or not finite).
std::string formatDuration(double seconds);

//! A count with its noun: "1 image", "3 images", "0 classes".
std::string counted(int64_t count, const std::string& what);

//! A field of a CSV file (RFC 4180), quoted if necessary.
std::string csvField(const std::string& text);

//! Arguments as a POSIX shell command line; only arguments with special characters are quoted.
std::string shellCommand(const std::vector<std::string>& arguments);

//! Number of characters (code points) of a UTF-8 text.
size_t countCharacters(const std::string& text);

//! The text truncated to at most `limit` characters, including an ellipsis if truncated.
std::string shortened(const std::string& text, size_t limit);

//! A number with a decimal point in every locale; "-" if not finite. -0 becomes 0.
std::string formatNumber(double value, int decimals);

}  // namespace d2det

#endif
