// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What the fuzz targets share. A target is one function, LLVMFuzzerTestOneInput, over the bytes of a reader's input;
   documented exceptions are its right answer, anything else is a finding. */

#ifndef D2DET_TEST_FUZZ_COMMON_HPP
#define D2DET_TEST_FUZZ_COMMON_HPP

#include <opencv2/core.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fuzz
{

//! Runs a reader; the exceptions that are documented for a malformed input end here.
template <typename Reader>
void reads(Reader reader)
{
    try
    {
        reader();
    }
    catch (const std::runtime_error&)
    {
    }
    catch (const cv::Exception&)
    {
    }
}

//! Bytes, taken from the front; zeros after the end.
class Bytes
{
public:
    Bytes(const uint8_t* data, size_t size) : p_(data), end_(data + size) {}

    uint8_t byte() { return p_ < end_ ? *p_++ : uint8_t(0); }
    //! low .. high
    int range(int low, int high) { return low + static_cast<int>(number<uint16_t>() % unsigned(high - low + 1)); }
    template <typename T>
    T number()
    {
        T value = T();
        const size_t count = std::min(sizeof value, left());
        std::memcpy(&value, p_, count);
        p_ += count;
        return value;
    }
    size_t left() const { return static_cast<size_t>(end_ - p_); }
    std::string rest() { return std::string(reinterpret_cast<const char*>(p_), left()); }

private:
    const uint8_t *p_, *end_;
};

//! A folder in memory where there is one, removed at the end of the program.
class ScratchFolder
{
public:
    ScratchFolder()
    {
        std::string name =
            (std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp") + std::string("/d2det_fuzz_XXXXXX");
        if (!::mkdtemp(&name[0]))
            std::abort();
        path_ = name;
    }
    ~ScratchFolder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    //! Writes a file, with the folders above it, and returns its path.
    std::string write(const std::string& name, const void* data, size_t size) const
    {
        const std::filesystem::path path = std::filesystem::path(path_) / name;
        if (name.find('/') != std::string::npos)
            std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary).write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
        return path.string();
    }
    std::string write(const std::string& name, const std::string& text) const
    {
        return write(name, text.data(), text.size());
    }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

//! Header of a PNG file of 64 x 48 pixels: all that the readers of data sets look at.
inline std::string pngHeader()
{
    return std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x30\x08\x02\0\0\0\0\0\0\0\0\0\0\0IDAT", 41);
}

}  // namespace fuzz

#endif
