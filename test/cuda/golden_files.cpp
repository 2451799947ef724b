// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Readers of golden_files.hpp. */

#include "golden_files.hpp"

#include <cctype>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace d2det
{
namespace test
{

// ------------------------------------------------------------------ JSON

class Json::Parser
{
public:
    explicit Parser(const std::string& text) : text_(text) {}

    Json value()
    {
        Json result;
        const char c = peek();
        if (c == '{')
            members(result);
        else if (c == '[')
            items(result);
        else if (c == '"')
            result.text_ = string();
        else
            while (at_ < text_.size() &&
                   (std::isalnum(static_cast<unsigned char>(text_[at_])) || std::strchr("+-.", text_[at_]) != nullptr))
                result.text_ += text_[at_++];
        return result;
    }

private:
    char peek()
    {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])))
            at_++;
        if (at_ >= text_.size())
            throw std::runtime_error("JSON ends too early");
        return text_[at_];
    }
    bool take(char c)
    {
        const bool there = peek() == c;
        at_ += there;
        return there;
    }
    void expect(char c)
    {
        if (!take(c))
            throw std::runtime_error(std::string("JSON: '") + c + "' expected at byte " + std::to_string(at_));
    }
    //! The vectors' files have no escapes that matter: a backslash keeps the next character.
    std::string string()
    {
        std::string result;
        expect('"');
        while (at_ < text_.size() && text_[at_] != '"')
        {
            at_ += text_[at_] == '\\';
            if (at_ < text_.size())
                result += text_[at_++];
        }
        expect('"');
        return result;
    }
    void members(Json& result)
    {
        expect('{');
        while (!take('}'))
        {
            const std::string key = (peek(), string());
            expect(':');
            result.members_[key] = value();
            take(',');
        }
    }
    void items(Json& result)
    {
        expect('[');
        while (!take(']'))
        {
            result.items_.push_back(value());
            take(',');
        }
    }

    const std::string& text_;
    size_t at_ = 0;
};

Json Json::parse(const std::string& text)
{
    return Parser(text).value();
}

const Json& Json::operator[](const std::string& key) const
{
    const auto found = members_.find(key);
    if (found == members_.end())
        throw std::runtime_error("JSON: no member '" + key + "'");
    return found->second;
}

double Json::number() const
{
    size_t used = 0;
    const double value = text_.empty() ? 0. : std::stod(text_, &used);
    if (used == 0 || used != text_.size())
        throw std::runtime_error("JSON: '" + text_ + "' is not a number");
    return value;
}

// ------------------------------------------------------------------ tensors

namespace
{

//! Fields of a protobuf message, one after the other.
class Fields
{
public:
    explicit Fields(const std::string& message) : bytes_(message) {}

    int number = 0;
    uint64_t value = 0;  //!< of a number
    std::string bytes;   //!< of a string of bytes

    bool next()
    {
        if (at_ >= bytes_.size())
            return false;
        const uint64_t tag = varint();
        number = static_cast<int>(tag >> 3);
        bytes.clear();
        switch (tag & 7)
        {
            case 0:
                value = varint();
                break;
            case 1:
                take(8);
                break;
            case 2:
                take(varint());
                break;
            case 5:
                take(4);
                break;
            default:
                throw std::runtime_error("protobuf: wire type " + std::to_string(tag & 7));
        }
        return true;
    }

private:
    uint64_t varint()
    {
        uint64_t result = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (at_ >= bytes_.size())
                throw std::runtime_error("protobuf: ends too early");
            const unsigned char byte = static_cast<unsigned char>(bytes_[at_++]);
            result |= static_cast<uint64_t>(byte & 127) << shift;
            if (byte < 128)
                break;
        }
        return result;
    }
    void take(uint64_t count)
    {
        if (count > bytes_.size() - at_)
            throw std::runtime_error("protobuf: ends too early");
        bytes = bytes_.substr(at_, count);
        at_ += count;
    }

    const std::string& bytes_;
    size_t at_ = 0;
};

}  // namespace

std::string readFile(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw std::runtime_error("cannot read " + path);
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

Tensor readTensor(const std::string& path)
{
    const std::string bytes = readFile(path);
    Tensor tensor;
    size_t count = 1;
    std::string raw;
    for (Fields field(bytes); field.next();)
    {
        if (field.number == 1)
            tensor.dims.push_back(static_cast<int64_t>(field.value));
        if (field.number == 4 || field.number == 9)
            raw += field.bytes;
    }
    for (const int64_t size : tensor.dims)
        count *= static_cast<size_t>(size);
    if (raw.size() != count * sizeof(float))
        throw std::runtime_error(path + " is not a tensor of floats");
    tensor.data.resize(count);
    std::memcpy(tensor.data.data(), raw.data(), raw.size());
    return tensor;
}

}  // namespace test
}  // namespace d2det
