// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Stream buffer between a file and the JSON parser, with three features missing in the parser:
     - encodings: UTF-16 and UTF-32 become UTF-8 (TextDecoder);
     - limits: a string or number longer than maxToken bytes throws before the parser stores it;
     - NaN, Infinity and -Infinity (written by Python, but invalid in JSON) become the strings "a" and "nfinit" of the
       same length, so that byte positions in messages stay correct; notANumber() recognizes these strings. */

#ifndef D2DET_TRAINING_JSON_STREAM_HPP
#define D2DET_TRAINING_JSON_STREAM_HPP

#include "base/files.hpp"

#include <cstdint>
#include <fstream>
#include <memory>
#include <streambuf>
#include <string>
#include <vector>

namespace d2det
{

//! A number in a JSON file. 3.0, as written by some tools, is also an integer.
struct JsonNumber
{
    double value = 0;
    bool integral = false;
    int64_t integer = 0;  //!< valid if integral

    explicit JsonNumber(int64_t number);
    explicit JsonNumber(uint64_t number);
    explicit JsonNumber(double number);
};

class JsonFileBuffer : public std::streambuf
{
public:
    //! Throws Error if the file cannot be opened or is not a regular file.
    JsonFileBuffer(const std::string& path, size_t maxToken);

    //! True for the replacement texts of NaN and infinities.
    static bool notANumber(const std::string& text) { return text == "a" || text == "nfinit"; }

protected:
    int_type underflow() override;

private:
    size_t take(char* target, size_t count);
    void scan();
    bool startLiteral(size_t position);
    void checkToken(size_t length) const;

    std::string path_;
    std::ifstream file_;
    std::unique_ptr<TextDecoder> decoder_;  //!< null: the file is read as it is
    std::string decoded_;                   //!< not yet taken
    size_t taken_ = 0;                      //!< bytes of decoded_ already taken
    std::vector<char> buffer_;
    size_t maxToken_;
    int64_t consumed_ = 0;  //!< bytes of the file before the buffer
    size_t filled_ = 0;
    bool inString_ = false;
    bool escaped_ = false;
    size_t token_ = 0;  //!< bytes of the current token so far
};

}  // namespace d2det

#endif
