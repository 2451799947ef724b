// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Protobuf's wire format (https://protobuf.dev/programming-guides/encoding/), as far as ONNX files need it. OpenCV has
   protobuf inside of dnn, but does not export it to other modules. */

#ifndef OPENCV_D2DET_ONNX_WIRE_HPP
#define OPENCV_D2DET_ONNX_WIRE_HPP

#include "opencv2/core.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cv
{
namespace d2det
{

enum WireType
{
    VARINT = 0,
    FIXED64 = 1,
    BYTES = 2,
    FIXED32 = 5
};

struct WireField
{
    uint32_t number = 0;
    int wire = 0;
    uint64_t value = 0;           //!< of VARINT
    const uchar* data = nullptr;  //!< of BYTES, FIXED32, FIXED64
    size_t size = 0;

    const uchar* end() const { return data + size; }
    std::string text() const { return std::string(data, data + size); }
};

//! Reads the fields of messages; every read beyond the end of a message is a cv::Exception with the offset in the file.
class WireReader
{
public:
    WireReader(const uchar* begin, const String& name) : begin_(begin), name_(name) {}

    CV_NORETURN void fail(const uchar* where, const char* what) const;
    uint64_t varint(const uchar*& p, const uchar* end) const;
    //! The field at p; moves p behind it.
    WireField next(const uchar*& p, const uchar* end) const;

    const String& name() const { return name_; }
    size_t offset(const uchar* where) const { return static_cast<size_t>(where - begin_); }

private:
    const uchar* const begin_;
    const String& name_;
};

//! Appends fields to a message.
class WireWriter
{
public:
    std::vector<uchar> bytes;

    void integer(uint32_t number, uint64_t value);
    void real(uint32_t number, float value);
    void data(uint32_t number, const uchar* begin, size_t size);
    void text(uint32_t number, const std::string& value);
    void message(uint32_t number, const WireWriter& content)
    {
        data(number, content.bytes.data(), content.bytes.size());
    }
    //! Bytes that are fields already.
    void raw(const uchar* begin, const uchar* end) { bytes.insert(bytes.end(), begin, end); }

private:
    void varint(uint64_t value);
};

}  // namespace d2det
}  // namespace cv

#endif
