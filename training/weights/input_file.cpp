// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Reading of untrusted files (input_file.hpp). */

#include "weights/input_file.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <filesystem>

namespace d2det
{

InputFile::InputFile(const std::string& path)
{
    namespace fs = std::filesystem;
    std::error_code error;
    if (!fs::is_regular_file(path, error))
        fail(fs::exists(path, error) ? "not a regular file" : "no such file");
    size_ = fs::file_size(path, error);
    stream_.open(path, std::ios::binary);
    if (error || !stream_)
        fail("the file cannot be opened for reading");
}

void InputFile::read(uint64_t offset, void* to, uint64_t bytes, const std::string& what)
{
    if (offset > size_ || bytes > size_ - offset)
        fail("the file ends inside " + what + ": it has " + std::to_string(size_) + " bytes (is it truncated?)");
    if (bytes == 0)
        return;
    stream_.seekg(static_cast<std::streamoff>(offset));
    if (!stream_.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes)))
        fail(what + " cannot be read");
}

void ByteReader::fill()
{
    if (at_ >= end_)
        fail("the pickle ends before its last instruction (is the file truncated?)");
    bufferBegin_ = at_;
    buffer_.resize(std::min(BUFFER_BYTES, end_ - at_));
    file_.read(at_, &buffer_[0], buffer_.size(), "a pickle");
}

uint8_t ByteReader::byte()
{
    if (at_ < bufferBegin_ || at_ - bufferBegin_ >= buffer_.size())
        fill();
    return static_cast<uint8_t>(buffer_[at_++ - bufferBegin_]);
}

std::string ByteReader::bytes(uint64_t count)
{
    if (count > remaining())
        fail("a text of " + std::to_string(count) + " bytes in a pickle of which " + std::to_string(remaining()) +
             " remain (is the file truncated?)");
    std::string text(count, '\0');
    for (char& c : text)
        c = static_cast<char>(byte());
    return text;
}

std::string ByteReader::line(size_t limit)
{
    std::string text;
    for (uint8_t c = byte(); c != '\n'; c = byte())
    {
        if (text.size() == limit)
            fail("a name in a pickle is longer than " + std::to_string(limit) + " bytes");
        text.push_back(static_cast<char>(c));
    }
    return text;
}

uint64_t ByteReader::unsignedInteger(int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= static_cast<uint64_t>(byte()) << (8 * i);
    return value;
}

}  // namespace d2det
