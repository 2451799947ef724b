// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "base/files.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
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
    std::string extension = fs::path(path).extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return known.count(extension) > 0;
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

std::string readText(const std::string& path, size_t limit)
{
    std::error_code error;
    if (!fs::is_regular_file(path, error))  // also excludes pipes and devices
        fail(path + ": " + (fs::exists(path, error) ? "not a file" : "the file does not exist"));
    std::ifstream file(path, std::ios::binary);
    std::string text;
    std::vector<char> piece(1 << 16);
    while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())), file.gcount() > 0)
    {
        text.append(piece.data(), static_cast<size_t>(file.gcount()));
        if (text.size() > limit)
            fail(path + ": longer than " + std::to_string(limit) + " bytes");
    }
    if (!file.eof())
        fail(path + ": the file cannot be read");
    return text;
}

std::vector<std::string> splitLines(const std::string& text)
{
    std::vector<std::string> lines;
    for (size_t begin = 0; begin < text.size();)
    {
        const size_t end = std::min(text.find('\n', begin), text.size());
        const std::string line = text.substr(begin, end - begin);
        const size_t first = line.find_first_not_of(BLANKS);
        lines.push_back(first == std::string::npos ? ""
                                                   : line.substr(first, line.find_last_not_of(BLANKS) + 1 - first));
        begin = end + 1;
    }
    return lines;
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

}  // namespace d2det
