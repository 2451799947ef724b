// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* File and folder access for the data set readers. Time and memory are bounded for every input. */

#ifndef D2DET_TRAINING_FILE_TOOLS_HPP
#define D2DET_TRAINING_FILE_TOOLS_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace d2det
{

//! The text in quotation marks for a message; long texts are truncated.
std::string inQuotes(const std::string& text);

//! True if the file extension (case-insensitive) is an image format that OpenCV reads.
bool isImageName(const std::string& path);

//! The text in lower case; ASCII only, other bytes stay as they are.
std::string lowerCase(std::string text);

//! Extension of a file name in lower case, such as ".xml".
std::string extensionOf(const std::string& path);

//! Path with '/' instead of the '\\' that programs on Windows write.
std::string withSlashes(std::string path);

/** Why a file is not given to OpenCV's decoders, as text that continues "the image "; empty if it is. They hand DICOM
files to GDCM, which ends the program at a damaged one. Every reader of images asks here first. */
std::string refusedImage(const std::string& path);

//! Names (relative, with '/') of the regular files below a folder, sorted; empty if there is no such folder.
std::vector<std::string> listFiles(const std::string& folder, bool recursive);

/** Converts the bytes of a text file, in pieces, to UTF-8 without a byte order mark. UTF-16 and UTF-32 are recognized
    by their mark, ASCII in UTF-16 also without. All other bytes stay as they are. */
class TextDecoder
{
public:
    //! @param first the first 4 bytes of the file, or all if there are fewer.
    explicit TextDecoder(const std::string& first);

    bool isPlain() const { return unit_ == 1; }  //!< the bytes after the mark are the text
    size_t markBytes() const { return skip_; }   //!< before the first piece

    //! Throws Error for halves of characters.
    void append(const char* bytes, size_t count, std::string& out);

    //! Throws Error if the text ends inside a character.
    void finish() const;

private:
    size_t unit_ = 1;  //!< bytes of a code unit
    bool bigEndian_ = false;
    size_t skip_ = 0;         //!< bytes of the mark that are still to come
    uint32_t character_ = 0;  //!< incomplete code unit
    size_t have_ = 0;         //!< bytes of it
    uint32_t high_ = 0;       //!< first half of a surrogate pair, or 0
};

//! The bytes of a text file as UTF-8 without a mark. Throws Error for zero bytes and halves of characters.
std::string decodeText(const std::string& bytes);

//! The entire file. Throws Error if it is not a regular file, not readable or longer than `limit` bytes.
std::string readBytes(const std::string& path, size_t limit);

/** The entire file as UTF-8 (decodeText). Throws Error if it is not a regular file, not readable, not a text or longer
    than `limit` bytes. */
std::string readText(const std::string& path, size_t limit);

//! The lines without line ends ("\n", "\r\n" or "\r"), byte order marks, leading and trailing blanks.
std::vector<std::string> splitLines(const std::string& text);

/** Names in a list of files, one per line: without empty lines, comments ("# ...") and quotation marks around a name.
    A character '#' directly before a name belongs to the name. */
std::vector<std::string> splitList(const std::string& text);

//! "name" or 'name' without its quotation marks.
std::string withoutQuotes(const std::string& text);

//! Words separated by blanks or tabs.
std::vector<std::string> splitWords(const std::string& line);

/** Converts an entire text to a number, including NaN and infinities, independent of the locale.
@return false if the text is not a number. */
bool parseNumber(const std::string& text, double& value);

/** Converts an entire text such as "12", "-3", "0007" or "12.0" to an integer.
@return false if the text is no integer of 64 bits. */
bool parseInteger(const std::string& text, int64_t& value);

}  // namespace d2det

#endif
