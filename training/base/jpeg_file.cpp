// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "base/jpeg_file.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

namespace d2det
{

namespace
{

constexpr size_t FIRST_READ = 4096;        // bytes, enough for most headers
constexpr size_t MAX_HEADER = 1 << 20;     // bytes that are searched for the frame; Exif with a thumbnail has 64 KiB
constexpr uint64_t MAX_FILE = 1ull << 30;  // bytes of a file that is searched for its end

using Bytes = std::vector<unsigned char>;

//! At most `limit` bytes.
Bytes readBytes(const std::string& path, uint64_t limit)
{
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))  // also excludes pipes and devices
        return {};
    const uint64_t size = std::filesystem::file_size(path, error);
    if (error)
        return {};
    Bytes bytes(static_cast<size_t>(std::min(size, limit)));
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    return bytes;
}

bool isJpeg(const Bytes& bytes)
{
    return bytes.size() >= 2 && bytes[0] == 0xff && bytes[1] == 0xd8;
}

//! Position of the next marker from `at` (its byte after 0xff) outside of pixel data; 0: none.
size_t nextMarker(const Bytes& bytes, size_t at)
{
    while (at < bytes.size() && bytes[at] != 0xff)
        at++;
    while (at < bytes.size() && bytes[at] == 0xff)
        at++;
    return at < bytes.size() ? at : 0;
}

bool standsAlone(int marker)
{
    return marker == 0x01 || marker == 0 || (marker >= 0xd0 && marker <= 0xd8);
}

//! End of the segment whose marker is at `at`.
size_t segmentEnd(const Bytes& bytes, size_t at)
{
    if (at + 2 >= bytes.size())
        return bytes.size();
    return std::min(at + 1 + std::max<size_t>(static_cast<size_t>(bytes[at + 1]) << 8 | bytes[at + 2], 2),
                    bytes.size());
}

//! @param begin, end the TIFF structure inside the Exif segment.
int orientationOf(const Bytes& bytes, size_t begin, size_t end)
{
    if (end < begin + 8)
        return 1;
    const bool big = bytes[begin] == 'M';
    const auto number = [&](size_t offset, size_t count) -> uint32_t
    {
        uint32_t value = 0;
        for (size_t i = 0; i < count; i++)
        {
            const size_t at = begin + offset + (big ? i : count - 1 - i);
            value = value << 8 | (at < end ? bytes[at] : 0u);
        }
        return value;
    };
    const size_t directory = number(4, 4);
    if (directory > end - begin)
        return 1;
    const size_t entries = number(directory, 2);
    for (size_t i = 0; i < entries && directory + 2 + 12 * i + 12 <= end - begin; i++)
    {
        const size_t entry = directory + 2 + 12 * i;
        if (number(entry, 2) != 0x0112)
            continue;
        const uint32_t value = number(entry + 8, 2);
        return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

//! Position behind the end marker of the pixels, 0: there is none.
size_t endOfPixels(const Bytes& bytes)
{
    bool pixels = false;
    for (size_t at = 2; (at = nextMarker(bytes, at)) != 0;)
    {
        const int marker = bytes[at];
        if (marker == 0xd9 && pixels)
            return at + 1;
        pixels = pixels || marker == 0xda;
        at = standsAlone(marker) || marker == 0xd9 ? at + 1 : segmentEnd(bytes, at);
    }
    return 0;
}

struct HuffmanTable
{
    int first[17] = {}, count[17] = {}, offset[17] = {};  //!< by code length: first code, number, place in `symbols`
    unsigned char symbols[256] = {};
    bool known = false;
};

struct Component
{
    int id = 0, h = 0, v = 0;
    int dc = 0, ac = 0;  //!< tables
};

/** Walks through the Huffman codes of a baseline image in one scan (T.81 F.2.2), without computing pixels, to see
    whether all blocks are there. */
class BlockCounter
{
public:
    explicit BlockCounter(const Bytes& bytes) : bytes_(bytes) {}

    //! False also for images of other kinds.
    bool isComplete()
    {
        for (size_t at = 2; (at = nextMarker(bytes_, at)) != 0;)
        {
            const int marker = bytes_[at];
            if (marker == 0xd9)
                return false;
            at_ = at + 3;
            end_ = standsAlone(marker) ? at + 1 : segmentEnd(bytes_, at);
            at = end_;
            if (marker == 0xc0 || marker == 0xc1)
                readFrame();
            else if (marker == 0xc4)
                readTables();
            else if (marker == 0xdd)
                restart_ = byte() << 8 | byte();
            else if (marker == 0xda)
                return readScan() && countBlocks();
        }
        return false;
    }

private:
    int byte() { return at_ < end_ ? bytes_[at_++] : 0; }

    void readFrame()
    {
        byte();
        height_ = byte() << 8;
        height_ |= byte();
        width_ = byte() << 8;
        width_ |= byte();
        components_.resize(static_cast<size_t>(byte()));
        for (Component& c : components_)
        {
            c.id = byte();
            const int factors = byte();
            c.h = factors >> 4;
            c.v = factors & 15;
            byte();
        }
    }

    void readTables()
    {
        while (at_ + 17 <= end_)
        {
            HuffmanTable& table = tables_[(byte() & 0x13) % 20];
            table = HuffmanTable();
            int total = 0, code = 0;
            for (int length = 1; length <= 16; length++)
            {
                table.count[length] = byte();
                table.offset[length] = total;
                table.first[length] = code;
                total += table.count[length];
                code = (code + table.count[length]) << 1;
            }
            table.known = total <= 256;
            for (int i = 0; i < total; i++)
                table.symbols[i & 255] = static_cast<unsigned char>(byte());
        }
    }

    //! One scan of all components.
    bool readScan()
    {
        bool usable = !components_.empty() && components_.size() <= 4 &&
                      byte() == static_cast<int>(components_.size()) && width_ > 0 && height_ > 0;
        for (size_t i = 0; usable && i < components_.size(); i++)
        {
            Component& c = components_[i];
            usable = byte() == c.id && c.h >= 1 && c.h <= 4 && c.v >= 1 && c.v <= 4;
            const int tables = byte();
            c.dc = tables >> 4 & 3;
            c.ac = 16 + (tables & 3);
            usable = usable && tables_[c.dc].known && tables_[c.ac].known;
        }
        at_ = end_;
        end_ = bytes_.size();
        return usable;
    }

    bool countBlocks()
    {
        int h = 1, v = 1;
        for (const Component& c : components_)
        {
            h = std::max(h, c.h);
            v = std::max(v, c.v);
        }
        if (components_.size() == 1)  // not interleaved: block by block
            h = v = components_[0].h = components_[0].v = 1;
        const int64_t units = int64_t((width_ + 8 * h - 1) / (8 * h)) * ((height_ + 8 * v - 1) / (8 * v));
        for (int64_t unit = 0; unit < units; unit++)
        {
            if (restart_ > 0 && unit > 0 && unit % restart_ == 0 && !skipRestart())
                return false;
            for (const Component& c : components_)
                for (int i = 0; i < c.h * c.v; i++)
                    if (!skipBlock(tables_[c.dc], tables_[c.ac]))
                        return false;
        }
        return true;
    }

    bool skipRestart()
    {
        left_ = 0;
        const size_t marker = nextMarker(bytes_, at_);
        at_ = marker + 1;
        return marker != 0 && bytes_[marker] >= 0xd0 && bytes_[marker] <= 0xd7;
    }

    bool skipBlock(const HuffmanTable& dc, const HuffmanTable& ac)
    {
        const int size = symbol(dc);
        if (size < 0 || !skipBits(size & 15))
            return false;
        for (int k = 1; k < 64; k++)
        {
            const int code = symbol(ac);
            if (code < 0 || !skipBits(code & 15))
                return false;
            if ((code & 15) == 0 && code != 0xf0)
                break;
            k += code >> 4;
        }
        return true;
    }

    //! -1: the data ends, or there is no such code.
    int symbol(const HuffmanTable& table)
    {
        int code = 0;
        for (int length = 1; length <= 16; length++)
        {
            const int next = bit();
            if (next < 0)
                return -1;
            code = code << 1 | next;
            const int index = code - table.first[length];
            if (index >= 0 && index < table.count[length])
                return table.symbols[(table.offset[length] + index) & 255];
        }
        return -1;
    }

    bool skipBits(int count)
    {
        for (int i = 0; i < count; i++)
            if (bit() < 0)
                return false;
        return true;
    }

    int bit()
    {
        if (left_ == 0)
        {
            if (at_ >= end_ || (bytes_[at_] == 0xff && (at_ + 1 >= end_ || bytes_[at_ + 1] != 0)))
                return -1;
            current_ = bytes_[at_];
            at_ += current_ == 0xff ? 2 : 1;
            left_ = 8;
        }
        return current_ >> --left_ & 1;
    }

    const Bytes& bytes_;
    size_t at_ = 0, end_ = 0;
    int width_ = 0, height_ = 0, restart_ = 0;
    std::vector<Component> components_;
    HuffmanTable tables_[20];  //!< DC 0 to 3, AC 16 to 19
    int current_ = 0, left_ = 0;
};

JpegHeader parseHeader(const Bytes& bytes)
{
    JpegHeader header;
    for (size_t at = 2; (at = nextMarker(bytes, at)) != 0;)
    {
        const int marker = bytes[at];
        if (marker == 0xd9 || marker == 0xda)
            break;
        const size_t end = standsAlone(marker) ? at + 1 : segmentEnd(bytes, at);
        const auto byte = [&](size_t offset) { return at + offset < end ? static_cast<int>(bytes[at + offset]) : 0; };
        const bool exif = byte(3) == 'E' && byte(4) == 'x' && byte(5) == 'i' && byte(6) == 'f' && byte(7) == 0;
        if (marker == 0xe1 && exif && header.orientation == 1)
            header.orientation = orientationOf(bytes, at + 9, end);
        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc)
        {
            header.width = byte(6) << 8 | byte(7);
            header.height = byte(4) << 8 | byte(5);
            break;
        }
        at = end;
    }
    return header;
}

}  // namespace

const char* const TRUNCATED_JPEG = "is truncated: the JPEG file ends before its pixels do";

JpegHeader readJpegHeader(const std::string& path)
{
    for (const size_t limit : {FIRST_READ, MAX_HEADER})
    {
        const Bytes bytes = readBytes(path, limit);
        const JpegHeader header = isJpeg(bytes) ? parseHeader(bytes) : JpegHeader();
        if (header.width > 0 && header.height > 0)
            return header;
        if (bytes.size() < limit)
            break;
    }
    return {};
}

bool isTruncatedJpeg(const std::string& path)
{
    {
        std::ifstream file(path, std::ios::binary);
        char bytes[2] = {};
        if (!file.read(bytes, 2) || bytes[0] != '\xff' || bytes[1] != '\xd8')
            return false;
        if (file.seekg(-2, std::ios::end) && file.read(bytes, 2) && bytes[0] == '\xff' && bytes[1] == '\xd9')
            return false;  // the usual case, without reading the file
    }
    const Bytes bytes = readBytes(path, MAX_FILE);
    return isJpeg(bytes) && bytes.size() < MAX_FILE && endOfPixels(bytes) == 0 && !BlockCounter(bytes).isComplete();
}

}  // namespace d2det
