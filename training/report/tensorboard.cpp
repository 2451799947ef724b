// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Writer of TensorBoard event files. Protobuf wire format: a field is a key (number * 8 + type) and a value; type 0: a
   varint (7 bits per byte, lowest first), 1: 8 bytes, 2: a length followed by that many bytes, 5: 4 bytes. */

#include "report/tensorboard.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>

#include <array>
#include <cctype>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <unistd.h>

namespace d2det
{

namespace
{

constexpr int JPEG_QUALITY = 90;

//! Unsigned number in little-endian order on every machine.
template <class T>
std::string littleEndian(T value)
{
    std::string bytes;
    for (size_t i = 0; i < sizeof(T); i++)
        bytes += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xff);
    return bytes;
}

//! Bit pattern of a float as an integer of the same size.
template <class Integer, class Float>
Integer bitsOf(Float value)
{
    static_assert(sizeof(Integer) == sizeof(Float), "sizes differ");
    Integer bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return bits;
}

//! Builder of a protobuf message.
class Message
{
public:
    Message& number(unsigned field, uint64_t value)
    {
        varint(field << 3);
        return varint(value);
    }
    Message& doubleNumber(unsigned field, double value)
    {
        varint(field << 3 | 1u);
        bytes_ += littleEndian(bitsOf<uint64_t>(value));
        return *this;
    }
    Message& floatNumber(unsigned field, float value)
    {
        varint(field << 3 | 5u);
        bytes_ += littleEndian(bitsOf<uint32_t>(value));
        return *this;
    }
    //! Adds a text, bytes or an embedded message.
    Message& text(unsigned field, const std::string& value)
    {
        varint(field << 3 | 2u).varint(value.size());
        bytes_ += value;
        return *this;
    }
    const std::string& bytes() const { return bytes_; }

private:
    Message& varint(uint64_t value)
    {
        for (; value >= 0x80; value >>= 7)
            bytes_ += static_cast<char>(value | 0x80);
        bytes_ += static_cast<char>(value);
        return *this;
    }

    std::string bytes_;
};

// Field numbers from TensorFlow's .proto files.
enum EventField
{
    EVENT_WALL_TIME = 1,
    EVENT_STEP = 2,
    EVENT_FILE_VERSION = 3,
    EVENT_SUMMARY = 5,
    EVENT_SESSION_LOG = 7
};
enum SummaryField
{
    SUMMARY_VALUE = 1
};
enum ValueField
{
    VALUE_TAG = 1,
    VALUE_SIMPLE = 2,
    VALUE_IMAGE = 4
};
enum ImageField
{
    IMAGE_HEIGHT = 1,
    IMAGE_WIDTH = 2,
    IMAGE_COLORS = 3,
    IMAGE_BYTES = 4
};
enum SessionLogField
{
    SESSION_STATUS = 1
};
constexpr uint64_t SESSION_START = 1;

//! Protobuf text must be UTF-8, but file names may contain arbitrary bytes: invalid bytes become U+FFFD.
std::string utf8(const std::string& text)
{
    using nlohmann::json;
    return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

std::string hostName()
{
    char name[256] = {};
    if (::gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
        return "localhost";
    std::string text = name;
    for (char& c : text)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_' && c != '.')
            c = '_';
    return text;
}

double unixTime()
{
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

//! An unused name in the folder: a process may start several runs within one second.
std::string newFile(const std::string& folder)
{
    const std::string stem = "events.out.tfevents." + std::to_string(static_cast<int64_t>(unixTime())) + "." +
                             hostName() + "." + std::to_string(::getpid());
    std::string path = (std::filesystem::path(folder) / stem).string();
    for (int i = 1; std::filesystem::exists(path); i++)
        path = (std::filesystem::path(folder) / (stem + "." + std::to_string(i))).string();
    return path;
}

std::array<uint32_t, 256> crcTable()
{
    constexpr uint32_t POLYNOMIAL = 0x82f63b78;  // Castagnoli polynomial, lowest bit first
    std::array<uint32_t, 256> table{};
    for (uint32_t byte = 0; byte < 256; byte++)
    {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        table[byte] = crc;
    }
    return table;
}

}  // namespace

uint32_t crc32c(const void* data, size_t size)
{
    static const std::array<uint32_t, 256> table = crcTable();
    const auto* const bytes = static_cast<const unsigned char*>(data);
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
    return ~crc;
}

uint32_t maskedCrc32c(const void* data, size_t size)
{
    const uint32_t crc = crc32c(data, size);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

TensorBoardSink::TensorBoardSink(const std::string& folder, int64_t iteration) : path_(newFile(folder))
{
    file_.open(path_, std::ios::binary);
    // The first record must name the version; from version 2 on a start purges by step.
    writeEvent(0, Message().text(EVENT_FILE_VERSION, "brain.Event:2").bytes());
    const Message start = Message().number(SESSION_STATUS, SESSION_START);
    writeEvent(iteration + 1, Message().text(EVENT_SESSION_LOG, start.bytes()).bytes());
}

void TensorBoardSink::write(const Progress& progress, const Values& values)
{
    Message summary;
    for (const auto& item : values)
        summary.text(SUMMARY_VALUE, Message()
                                        .text(VALUE_TAG, utf8(item.first))
                                        .floatNumber(VALUE_SIMPLE, static_cast<float>(item.second))
                                        .bytes());
    writeEvent(progress.iteration, Message().text(EVENT_SUMMARY, summary.bytes()).bytes());
}

void TensorBoardSink::image(const Progress& progress, const std::string& name, const cv::Mat& image)
{
    std::vector<uchar> jpeg;
    if (!cv::imencode(".jpg", image, jpeg, {cv::IMWRITE_JPEG_QUALITY, JPEG_QUALITY}))
        throw std::runtime_error("the image '" + name + "' cannot be encoded");
    const Message content = Message()
                                .number(IMAGE_HEIGHT, static_cast<uint64_t>(image.rows))
                                .number(IMAGE_WIDTH, static_cast<uint64_t>(image.cols))
                                .number(IMAGE_COLORS, static_cast<uint64_t>(image.channels()))
                                .text(IMAGE_BYTES, std::string(jpeg.begin(), jpeg.end()));
    const Message value = Message().text(VALUE_TAG, utf8(name)).text(VALUE_IMAGE, content.bytes());
    const Message summary = Message().text(SUMMARY_VALUE, value.bytes());
    writeEvent(progress.iteration, Message().text(EVENT_SUMMARY, summary.bytes()).bytes());
}

//! @param what encoded fields of the event besides time and step.
void TensorBoardSink::writeEvent(int64_t step, const std::string& what)
{
    Message event;
    event.doubleNumber(EVENT_WALL_TIME, unixTime());
    if (step != 0)
        event.number(EVENT_STEP, static_cast<uint64_t>(step));
    const std::string data = event.bytes() + what;
    const std::string length = littleEndian(static_cast<uint64_t>(data.size()));
    file_ << length << littleEndian(maskedCrc32c(length.data(), length.size())) << data
          << littleEndian(maskedCrc32c(data.data(), data.size()));
    if (!file_.flush())
        throw std::runtime_error(path_ + " cannot be written; is the disk full?");
}

}  // namespace d2det
