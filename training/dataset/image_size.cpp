// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/image_size.hpp"

#include "base/files.hpp"
#include "base/jpeg_file.hpp"

#include <opencv2/imgcodecs.hpp>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace d2det
{

namespace
{

constexpr int MAX_PARTS = 4096;  // chunks before the pixel data

//! Bytes of a file, big endian; after the end all are 0 and good() is false.
class Bytes
{
public:
    explicit Bytes(const std::string& path) : file_(path, std::ios::binary) {}

    uint32_t number(int bytes)
    {
        uint32_t value = 0;
        for (int i = 0; i < bytes; i++)
            value = value << 8 | (static_cast<uint32_t>(file_.get()) & 0xff);
        return value;
    }

    bool startsWith(const char* expected, size_t length)
    {
        char found[8] = {};
        file_.read(found, static_cast<std::streamsize>(length));
        return file_.good() && std::memcmp(found, expected, length) == 0;
    }

    int64_t position() { return file_.tellg(); }
    void seek(int64_t position) { file_.seekg(position); }
    bool good() const { return file_.good(); }

private:
    std::ifstream file_;
};

//! After the signature. Empty if there is Exif data or anything unexpected.
cv::Size pngSize(Bytes& bytes)
{
    cv::Size size;
    for (int part = 0; part < MAX_PARTS && bytes.good(); part++)
    {
        const uint32_t length = bytes.number(4);
        const uint32_t type = bytes.number(4);
        const int64_t begin = bytes.position();
        if (part == 0)
        {
            if (type != 0x49484452)  // IHDR
                return {};
            const uint32_t width = bytes.number(4), height = bytes.number(4);
            if (width < 1 || height < 1 || width > 1u << 24 || height > 1u << 24)
                return {};
            size = cv::Size(static_cast<int>(width), static_cast<int>(height));
        }
        if (type == 0x65584966)  // eXIf
            return {};
        if (type == 0x49444154)  // IDAT
            return size;
        bytes.seek(begin + length + 4);
    }
    return {};
}

cv::Size headerSize(const std::string& path)
{
    const JpegHeader jpeg = readJpegHeader(path);
    if (jpeg.width > 0 && jpeg.height > 0)
        return jpeg.orientation < 5 ? cv::Size(jpeg.width, jpeg.height) : cv::Size(jpeg.height, jpeg.width);
    Bytes bytes(path);
    return bytes.startsWith("\x89PNG\r\n\x1a\n", 8) ? pngSize(bytes) : cv::Size();
}

}  // namespace

cv::Size imageSize(const std::string& path)
{
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))
        return {};
    const cv::Size size = headerSize(path);
    if (!size.empty() || !refusedImage(path).empty())
        return size;
    try
    {
        return cv::imread(path, cv::IMREAD_COLOR).size();
    }
    catch (const cv::Exception&)  // more pixels than OpenCV decodes
    {
        return {};
    }
}

}  // namespace d2det
