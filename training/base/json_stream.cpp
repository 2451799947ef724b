// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "base/json_stream.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

namespace d2det
{

namespace
{

constexpr size_t CHUNK = 1 << 18;
constexpr size_t LONGEST_LITERAL = 8;                 // Infinity
constexpr double EXACT_INTEGERS = 9007199254740992.;  // 2^53

bool endsToken(char c)
{
    return c == ',' || c == ':' || c == '[' || c == ']' || c == '{' || c == '}' || c == ' ' || c == '\n' || c == '\r' ||
           c == '\t';
}

}  // namespace

JsonNumber::JsonNumber(int64_t number) : value(static_cast<double>(number)), integral(true), integer(number) {}

JsonNumber::JsonNumber(uint64_t number)
    : value(static_cast<double>(number)),
      integral(number <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())),
      integer(integral ? static_cast<int64_t>(number) : 0)
{
}

JsonNumber::JsonNumber(double number)
    : value(number),
      integral(std::abs(number) <= EXACT_INTEGERS && number == std::floor(number)),
      integer(integral ? static_cast<int64_t>(number) : 0)
{
}

JsonFileBuffer::JsonFileBuffer(const std::string& path, size_t maxToken) : path_(path), maxToken_(maxToken)
{
    std::error_code error;
    if (!std::filesystem::exists(path, error))
        fail("'" + path + "' does not exist");
    if (!std::filesystem::is_regular_file(path, error))
        fail("'" + path + "' is not a file");
    file_.open(path, std::ios::binary);
    if (!file_)
        fail("'" + path + "' cannot be opened; check its permissions");
    buffer_.resize(CHUNK + LONGEST_LITERAL);
    std::string first(4, '\0');
    file_.read(&first[0], 4);
    first.resize(static_cast<size_t>(file_.gcount()));
    TextDecoder decoder(first);
    if (!decoder.isPlain())
        decoder_ = std::make_unique<TextDecoder>(decoder);
    file_.clear();
    file_.seekg(decoder_ ? 0 : static_cast<std::streamoff>(decoder.markBytes()));
}

//! Reads at most `count` bytes of text; fewer at the end of the file.
size_t JsonFileBuffer::take(char* target, size_t count)
{
    if (!decoder_)
    {
        file_.read(target, static_cast<std::streamsize>(count));
        return static_cast<size_t>(file_.gcount());
    }
    while (decoded_.size() - taken_ < count && file_.good())
    {
        decoded_.erase(0, taken_);
        taken_ = 0;
        std::vector<char> piece(CHUNK);
        file_.read(piece.data(), static_cast<std::streamsize>(piece.size()));
        try
        {
            decoder_->append(piece.data(), static_cast<size_t>(file_.gcount()), decoded_);
            if (!file_.good())
                decoder_->finish();
        }
        catch (const Error& error)
        {
            fail("'" + path_ + "': " + error.what());
        }
    }
    const size_t size = std::min(count, decoded_.size() - taken_);
    std::memcpy(target, decoded_.data() + taken_, size);
    taken_ += size;
    return size;
}

void JsonFileBuffer::checkToken(size_t length) const
{
    if (length > maxToken_)
        fail("'" + path_ + "': a text or number near byte " + std::to_string(consumed_ + filled_) + " is longer than " +
             std::to_string(maxToken_) + " bytes");
}

//! Replaces a literal at this position; the buffer always contains the entire literal (underflow()).
bool JsonFileBuffer::startLiteral(size_t position)
{
    for (const char* literal : {"NaN", "Infinity"})
    {
        const size_t length = std::strlen(literal);
        if (position + length > filled_ || std::memcmp(&buffer_[position], literal, length) != 0)
            continue;
        buffer_[position] = buffer_[position + length - 1] = '"';
        if (position > 0 && buffer_[position - 1] == '-')
            buffer_[position - 1] = ' ';
        return true;
    }
    return false;
}

//! Finds too long tokens and literals that are not valid JSON.
void JsonFileBuffer::scan()
{
    for (size_t i = 0; i < filled_; i++)
    {
        const char c = buffer_[i];
        if (!inString_ && (c == 'N' || c == 'I'))
            startLiteral(i);
        if (inString_)
        {
            token_++;
            if (escaped_)
                escaped_ = false;
            else if (c == '\\')
                escaped_ = true;
            else if (c == '"')
            {
                checkToken(token_);
                inString_ = false;
                token_ = 0;
            }
        }
        else if (buffer_[i] == '"')
        {
            inString_ = true;
            token_ = 0;
        }
        else if (endsToken(c))
        {
            checkToken(token_);
            token_ = 0;
        }
        else
            token_++;
    }
    checkToken(token_);
}

JsonFileBuffer::int_type JsonFileBuffer::underflow()
{
    consumed_ += static_cast<int64_t>(filled_);
    filled_ = take(buffer_.data(), CHUNK);
    if (file_.bad())
        fail("'" + path_ + "' cannot be read at byte " + std::to_string(consumed_));
    // A piece must not end inside a literal or after the sign of a literal.
    for (size_t extra = 0; extra < LONGEST_LITERAL && filled_ == CHUNK + extra; extra++)
    {
        const char last = buffer_[filled_ - 1];
        if (last != '-' && !(last >= 'A' && last <= 'Z') && !(last >= 'a' && last <= 'z'))
            break;
        filled_ += take(&buffer_[filled_], 1);
    }
    if (filled_ == 0)
        return traits_type::eof();
    scan();
    setg(buffer_.data(), buffer_.data(), buffer_.data() + filled_);
    return traits_type::to_int_type(*gptr());
}

}  // namespace d2det
