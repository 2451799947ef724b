// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "base/files.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <set>

namespace fs = std::filesystem;

namespace d2det
{

namespace
{

template <typename Iterator>
void collect(const fs::path& folder, std::vector<std::string>& names)
{
    std::error_code error;
    for (Iterator entry(folder, fs::directory_options::skip_permission_denied, error), end; !error && entry != end;
         entry.increment(error))
    {
        std::error_code ignored;
        if (entry->is_regular_file(ignored))
            names.push_back(entry->path().lexically_relative(folder).generic_string());
    }
}

const char* const BLANKS = " \t\r\v\f";

}  // namespace

std::string inQuotes(const std::string& text)
{
    return "\"" + (text.size() > 200 ? text.substr(0, 200) + "..." : text) + "\"";
}

bool isImageName(const std::string& path)
{
    static const std::set<std::string> known{".jpg",  ".jpeg", ".jpe", ".png", ".bmp", ".dib", ".tif",
                                             ".tiff", ".webp", ".ppm", ".pgm", ".pnm", ".jp2"};
    return known.count(extensionOf(path)) > 0;
}

std::string lowerCase(std::string text)
{
    for (char& c : text)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return text;
}

std::string extensionOf(const std::string& path)
{
    return lowerCase(fs::path(path).extension().string());
}

std::string withSlashes(std::string path)
{
    std::replace(path.begin(), path.end(), '\\', '/');
    return path;
}

std::string refusedImage(const std::string& path)
{
    constexpr std::streamoff PREAMBLE = 128;
    char found[4] = {};
    std::ifstream file(path, std::ios::binary);
    file.seekg(PREAMBLE);
    if (!file.read(found, sizeof found) || std::memcmp(found, "DICM", sizeof found) != 0)
        return {};
    return "is a DICOM file, convert it to PNG first";
}

std::vector<std::string> listFiles(const std::string& folder, bool recursive)
{
    std::vector<std::string> names;
    if (recursive)
        collect<fs::recursive_directory_iterator>(folder, names);
    else
        collect<fs::directory_iterator>(folder, names);
    std::sort(names.begin(), names.end());
    return names;
}

namespace
{

void appendUtf8(uint32_t c, std::string& out)
{
    const auto byte = [&](uint32_t value) { out += static_cast<char>(value); };
    if (c < 0x80)
        return byte(c);
    if (c >= 0x10000)
        byte(0xf0 | c >> 18);
    if (c >= 0x800)
        byte((c >= 0x10000 ? 0x80 : 0xe0) | (c >> 12 & (c >= 0x10000 ? 0x3f : 0x0f)));
    byte((c >= 0x800 ? 0x80 : 0xc0) | (c >> 6 & (c >= 0x800 ? 0x3f : 0x1f)));
    byte(0x80 | (c & 0x3f));
}

[[noreturn]] void failEncoding()
{
    fail("it begins as UTF-16 or UTF-32, but is none; save the file as UTF-8");
}

}  // namespace

TextDecoder::TextDecoder(const std::string& first)
{
    const auto begins = [&](std::initializer_list<int> mark)
    {
        return first.size() >= mark.size() &&
               std::equal(mark.begin(), mark.end(), first.begin(),
                          [](int a, char b) { return a == static_cast<unsigned char>(b); });
    };
    const auto set = [&](size_t unit, bool bigEndian, size_t mark)
    {
        unit_ = unit;
        bigEndian_ = bigEndian;
        skip_ = mark;
    };
    if (begins({0xff, 0xfe, 0, 0}))
        set(4, false, 4);
    else if (begins({0, 0, 0xfe, 0xff}))
        set(4, true, 4);
    else if (begins({0xef, 0xbb, 0xbf}))
        set(1, false, 3);
    else if (begins({0xff, 0xfe}))
        set(2, false, 2);
    else if (begins({0xfe, 0xff}))
        set(2, true, 2);
    else if (first.size() >= 2 && (first[0] == 0) != (first[1] == 0))  // ASCII as UTF-16 without a mark
    {
        bool ascii = true;
        for (size_t i = 0; i < first.size(); i++)
            ascii = ascii && ((first[i] == 0) == (first[i % 2] == 0)) && (static_cast<unsigned char>(first[i]) < 0x80);
        if (ascii)
            set(2, first[0] == 0, 0);
    }
}

void TextDecoder::append(const char* bytes, size_t count, std::string& out)
{
    const size_t skipped = std::min(skip_, count);
    skip_ -= skipped;
    if (unit_ == 1)
    {
        out.append(bytes + skipped, count - skipped);
        return;
    }
    for (size_t i = skipped; i < count; i++)
    {
        const auto value = static_cast<uint32_t>(static_cast<unsigned char>(bytes[i]));
        character_ |= value << 8 * (bigEndian_ ? unit_ - 1 - have_ : have_);
        if (++have_ < unit_)
            continue;
        uint32_t c = character_;
        have_ = 0;
        character_ = 0;
        const bool low = c >= 0xdc00 && c < 0xe000;
        if ((high_ != 0) != low || c > 0x10ffff)
            failEncoding();
        if (low)
            c = 0x10000 + ((high_ - 0xd800) << 10) + (c - 0xdc00);
        high_ = c >= 0xd800 && c < 0xdc00 ? c : 0;
        if (high_ == 0)
            appendUtf8(c, out);
    }
}

void TextDecoder::finish() const
{
    if (have_ != 0 || high_ != 0)
        failEncoding();
}

std::string decodeText(const std::string& bytes)
{
    TextDecoder decoder(bytes.substr(0, 4));
    std::string text;
    decoder.append(bytes.data(), bytes.size(), text);
    decoder.finish();
    if (text.find('\0') != std::string::npos)
        fail("it has zero bytes, so it is no text; save the file as UTF-8");
    return text;
}

std::string readBytes(const std::string& path, size_t limit)
{
    std::error_code error;
    if (!fs::is_regular_file(path, error))  // also excludes pipes and devices
        fail(path + ": " + (fs::exists(path, error) ? "not a file" : "the file does not exist"));
    std::ifstream file(path, std::ios::binary);
    std::string bytes;
    std::vector<char> piece(1 << 16);
    while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())), file.gcount() > 0)
    {
        bytes.append(piece.data(), static_cast<size_t>(file.gcount()));
        if (bytes.size() > limit)
            fail(path + ": longer than " + std::to_string(limit) + " bytes");
    }
    if (!file.eof())
        fail(path + ": the file cannot be read");
    return bytes;
}

std::string readText(const std::string& path, size_t limit)
{
    const std::string bytes = readBytes(path, limit);
    try
    {
        return decodeText(bytes);
    }
    catch (const Error& fault)
    {
        fail(path + ": " + fault.what());
    }
}

std::vector<std::string> splitLines(const std::string& text)
{
    const auto trimmed = [](std::string line)
    {
        for (size_t first;;)
        {
            first = line.find_first_not_of(BLANKS);
            line = first == std::string::npos ? "" : line.substr(first, line.find_last_not_of(BLANKS) + 1 - first);
            if (line.compare(0, 3, "\xef\xbb\xbf") != 0)  // also of files that were joined
                return line;
            line.erase(0, 3);
        }
    };
    std::vector<std::string> lines;
    for (size_t begin = 0; begin < text.size();)
    {
        const size_t end = std::min(text.find_first_of("\n\r", begin), text.size());
        lines.push_back(trimmed(text.substr(begin, end - begin)));
        begin = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
    }
    return lines;
}

std::vector<std::string> splitList(const std::string& text)
{
    std::vector<std::string> names;
    for (const std::string& line : splitLines(text))
        if (!line.empty() && line.compare(0, 2, "# ") != 0 && line != "#")
            names.push_back(withoutQuotes(line));
    return names;
}

std::string withoutQuotes(const std::string& text)
{
    const bool quoted = text.size() > 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0];
    return quoted ? text.substr(1, text.size() - 2) : text;
}

std::vector<std::string> splitWords(const std::string& line)
{
    std::vector<std::string> words;
    for (size_t begin = line.find_first_not_of(BLANKS); begin != std::string::npos;)
    {
        const size_t end = std::min(line.find_first_of(BLANKS, begin), line.size());
        words.push_back(line.substr(begin, end - begin));
        begin = line.find_first_not_of(BLANKS, end);
    }
    return words;
}

bool parseNumber(const std::string& text, double& value)
{
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    return result.ec == std::errc() && result.ptr == end;
}

bool parseInteger(const std::string& text, int64_t& value)
{
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (result.ec != std::errc())
        return false;
    return result.ptr == end ||
           (*result.ptr == '.' && std::all_of(result.ptr + 1, end, [](char c) { return c == '0'; }));
}

}  // namespace d2det
