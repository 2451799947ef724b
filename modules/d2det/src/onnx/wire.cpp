// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "wire.hpp"

#include <cstring>

namespace cv
{
namespace d2det
{

void WireReader::fail(const uchar* where, const char* what) const
{
    CV_Error_(Error::StsParseError, ("'%s' is not an ONNX model that can be read: %s (at byte %zu); it is damaged or "
                                     "another kind of file",
                                     name_.c_str(), what, offset(where)));
}

uint64_t WireReader::varint(const uchar*& p, const uchar* end) const
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7)
    {
        if (p == end)
            fail(p, "it ends inside a number");
        const uchar byte = *p++;
        value |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    fail(p, "a number is too long");
}

WireField WireReader::next(const uchar*& p, const uchar* end) const
{
    const uchar* const start = p;
    const uint64_t key = varint(p, end);
    WireField field;
    if (key >> 3 == 0 || key >> 3 > 0x1fffffff)
        fail(start, "a field number is out of range");
    field.number = static_cast<uint32_t>(key >> 3);
    field.wire = static_cast<int>(key & 7);
    uint64_t size = 0;
    switch (field.wire)
    {
        case VARINT:
            field.value = varint(p, end);
            return field;
        case FIXED64:
            size = 8;
            break;
        case BYTES:
            size = varint(p, end);
            break;
        case FIXED32:
            size = 4;
            break;
        default:
            fail(start, "a wire type is unknown");
    }
    if (size > static_cast<uint64_t>(end - p))
        fail(start, "it ends inside a field");
    field.data = p;
    field.size = static_cast<size_t>(size);
    p += field.size;
    return field;
}

void WireWriter::varint(uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        bytes.push_back(static_cast<uchar>(value | 0x80));
    bytes.push_back(static_cast<uchar>(value));
}

void WireWriter::integer(uint32_t number, uint64_t value)
{
    varint(uint64_t(number) << 3 | VARINT);
    varint(value);
}

void WireWriter::real(uint32_t number, float value)
{
    varint(uint64_t(number) << 3 | FIXED32);
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    for (int shift = 0; shift < 32; shift += 8)
        bytes.push_back(static_cast<uchar>(bits >> shift));
}

void WireWriter::data(uint32_t number, const uchar* begin, size_t size)
{
    varint(uint64_t(number) << 3 | BYTES);
    varint(size);
    raw(begin, begin + size);
}

void WireWriter::text(uint32_t number, const std::string& value)
{
    data(number, reinterpret_cast<const uchar*>(value.data()), value.size());
}

}  // namespace d2det
}  // namespace cv
