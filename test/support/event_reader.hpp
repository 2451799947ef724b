// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Reader of TensorBoard event files for tests: checks both CRCs of every record and throws std::runtime_error for
   all unexpected contents. */

#ifndef D2DET_TEST_EVENT_READER_HPP
#define D2DET_TEST_EVENT_READER_HPP

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace d2det
{
namespace test
{

struct EventImage
{
    int64_t height = 0, width = 0, colors = 0;
    std::string bytes;
};

struct Event
{
    double wallTime = 0;
    int64_t step = 0;
    std::string fileVersion;
    bool start = false;  //!< session start: discards earlier events of this and later steps
    std::map<std::string, float> scalars;
    std::map<std::string, EventImage> images;
};

//! Parses bytes sequentially.
class ByteReader
{
public:
    explicit ByteReader(const std::string& bytes) : bytes_(bytes) {}

    bool atEnd() const { return position_ == bytes_.size(); }
    std::string take(uint64_t size)
    {
        if (size > bytes_.size() - position_)
            throw std::runtime_error("the bytes end too early");
        position_ += static_cast<size_t>(size);
        return bytes_.substr(position_ - static_cast<size_t>(size), static_cast<size_t>(size));
    }
    uint64_t fixed(size_t size)
    {
        const std::string bytes = take(size);
        uint64_t value = 0;
        for (size_t i = size; i-- > 0;)
            value = value << 8 | static_cast<unsigned char>(bytes[i]);
        return value;
    }
    uint64_t varint()
    {
        uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            const uint64_t byte = fixed(1);
            value |= (byte & 0x7f) << shift;
            if (byte < 0x80)
                return value;
        }
        throw std::runtime_error("a number has too many bytes");
    }

private:
    const std::string bytes_;
    size_t position_ = 0;
};

//! A field of a protobuf message: a number (also the bits of a float) or bytes.
struct Field
{
    uint64_t id = 0, type = 0, number = 0;
    std::string bytes;
};

inline std::vector<Field> fieldsOf(const std::string& message)
{
    std::vector<Field> fields;
    for (ByteReader reader(message); !reader.atEnd();)
    {
        Field field;
        const uint64_t key = reader.varint();
        field.id = key >> 3;
        field.type = key & 7;
        if (field.type == 0)
            field.number = reader.varint();
        else if (field.type == 1 || field.type == 5)
            field.number = reader.fixed(field.type == 1 ? 8 : 4);
        else if (field.type == 2)
            field.bytes = reader.take(reader.varint());
        else
            throw std::runtime_error("unknown type of field");
        fields.push_back(field);
    }
    return fields;
}

template <class Float, class Bits>
Float fromBits(Bits bits)
{
    static_assert(sizeof(Float) == sizeof(Bits), "sizes differ");
    Float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

//! Bit by bit, unlike the table of the writer.
inline uint32_t slowMaskedCrc(const std::string& bytes)
{
    uint32_t crc = ~0u;
    for (const char c : bytes)
    {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
    }
    crc = ~crc;
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

inline EventImage parseImage(const std::string& message)
{
    EventImage image;
    for (const Field& field : fieldsOf(message))
        if (field.id == 1 && field.type == 0)
            image.height = static_cast<int64_t>(field.number);
        else if (field.id == 2 && field.type == 0)
            image.width = static_cast<int64_t>(field.number);
        else if (field.id == 3 && field.type == 0)
            image.colors = static_cast<int64_t>(field.number);
        else if (field.id == 4 && field.type == 2)
            image.bytes = field.bytes;
        else
            throw std::runtime_error("unknown field of an image");
    return image;
}

//! Summary.Value.
inline void parseValue(const std::string& message, Event& event)
{
    std::string tag;
    for (const Field& field : fieldsOf(message))
        if (field.id == 1 && field.type == 2)
            tag = field.bytes;
        else if (field.id == 2 && field.type == 5)
            event.scalars[tag] = fromBits<float>(static_cast<uint32_t>(field.number));
        else if (field.id == 4 && field.type == 2)
            event.images[tag] = parseImage(field.bytes);
        else
            throw std::runtime_error("unknown field of a value");
}

inline Event parseEvent(const std::string& message)
{
    Event event;
    for (const Field& field : fieldsOf(message))
        if (field.id == 1 && field.type == 1)
            event.wallTime = fromBits<double>(field.number);
        else if (field.id == 2 && field.type == 0)
            event.step = static_cast<int64_t>(field.number);
        else if (field.id == 3 && field.type == 2)
            event.fileVersion = field.bytes;
        else if (field.id == 5 && field.type == 2)
            for (const Field& value : fieldsOf(field.bytes))
                parseValue(value.bytes, event);
        else if (field.id == 7 && field.type == 2)
            event.start = fieldsOf(field.bytes).at(0).number == 1;
        else
            throw std::runtime_error("unknown field of an event");
    return event;
}

inline std::string readBytes(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

inline std::vector<Event> readEvents(const std::string& path)
{
    std::vector<Event> events;
    for (ByteReader reader(readBytes(path)); !reader.atEnd();)
    {
        const std::string length = reader.take(8);
        if (reader.fixed(4) != slowMaskedCrc(length))
            throw std::runtime_error("wrong sum of a length");
        const std::string data = reader.take(ByteReader(length).fixed(8));
        if (reader.fixed(4) != slowMaskedCrc(data))
            throw std::runtime_error("wrong sum of a record");
        events.push_back(parseEvent(data));
    }
    return events;
}

}  // namespace test
}  // namespace d2det

#endif
