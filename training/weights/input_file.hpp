// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A file of untrusted bytes, read at any place; every place is checked against the size of the file. */

#ifndef D2DET_TRAINING_INPUT_FILE_HPP
#define D2DET_TRAINING_INPUT_FILE_HPP

#include <cstdint>
#include <fstream>
#include <string>

namespace d2det
{

class InputFile
{
public:
    //! Throws Error if there is no such regular file or it cannot be opened.
    explicit InputFile(const std::string& path);

    uint64_t size() const { return size_; }
    //! @param what subject of the message if the file is too short, e.g. "storage 12". Throws Error.
    void read(uint64_t offset, void* to, uint64_t bytes, const std::string& what);

private:
    std::ifstream stream_;
    uint64_t size_ = 0;
};

//! The bytes [begin, end) of a file in sequence, through a small buffer.
class ByteReader
{
public:
    ByteReader(InputFile& file, uint64_t begin, uint64_t end) : file_(file), at_(begin), end_(end) {}

    uint64_t position() const { return at_; }
    uint64_t remaining() const { return end_ - at_; }
    uint8_t byte();
    //! The next bytes; the count is checked against what remains before memory is allocated.
    std::string bytes(uint64_t count);
    //! Bytes up to a line feed, which is not part of the result. @param limit longest line, bytes.
    std::string line(size_t limit);
    //! Little-endian integer of 1 to 8 bytes without sign.
    uint64_t unsignedInteger(int bytes);

private:
    static constexpr uint64_t BUFFER_BYTES = 1 << 16;

    void fill();

    InputFile& file_;
    uint64_t at_, end_;
    std::string buffer_;
    uint64_t bufferBegin_ = 0;  // position of the first byte of the buffer
};

}  // namespace d2det

#endif
