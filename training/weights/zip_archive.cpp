// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Zip archives (zip_archive.hpp). Numbers in an archive are little-endian. */

#include "weights/zip_archive.hpp"

#include "base/error.hpp"
#include "base/files.hpp"

#include <algorithm>
#include <array>

namespace d2det
{

namespace
{

constexpr uint64_t MAX_DIRECTORY_BYTES = 64u << 20;
constexpr uint64_t MAX_ENTRIES = 1u << 20;
constexpr uint64_t END_BYTES = 22, LOCATOR_BYTES = 20, END64_BYTES = 56, CENTRAL_BYTES = 46, LOCAL_BYTES = 30;
constexpr uint64_t MAX_COMMENT_BYTES = 65535;
constexpr uint64_t IN_EXTENSION = 0xffffffffu;  // the value is in the 64 bit extension

uint64_t number(const uint8_t* at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

bool hasSignature(const uint8_t* at, uint8_t third, uint8_t fourth)
{
    return at[0] == 'P' && at[1] == 'K' && at[2] == third && at[3] == fourth;
}

//! Position of the central directory.
struct Directory
{
    uint64_t begin = 0, bytes = 0, count = 0;
};

Directory findDirectory(InputFile& file)
{
    const uint64_t tailBytes = std::min(file.size(), END_BYTES + MAX_COMMENT_BYTES);
    std::vector<uint8_t> tail(tailBytes);
    file.read(file.size() - tailBytes, tail.data(), tailBytes, "the end of the zip archive");
    uint64_t at = tailBytes;
    for (uint64_t i = tailBytes >= END_BYTES ? tailBytes - END_BYTES + 1 : 0; i-- > 0 && at == tailBytes;)
        if (hasSignature(&tail[i], 5, 6) && number(&tail[i + 20], 2) == tailBytes - i - END_BYTES)
            at = i;
    if (at == tailBytes)
        fail("the zip archive has no directory at its end (is the file truncated?)");
    const uint8_t* end = &tail[at];
    const uint64_t endBegin = file.size() - tailBytes + at;
    Directory directory;
    directory.count = number(end + 10, 2);
    directory.bytes = number(end + 12, 4);
    directory.begin = number(end + 16, 4);
    uint64_t limit = endBegin, disks = number(end + 4, 2) | number(end + 6, 2);
    uint8_t locator[LOCATOR_BYTES] = {};
    if (endBegin >= LOCATOR_BYTES)
        file.read(endBegin - LOCATOR_BYTES, locator, LOCATOR_BYTES, "the end of the zip archive");
    if (hasSignature(locator, 6, 7))
    {
        const uint64_t begin = number(locator + 8, 8);
        uint8_t end64[END64_BYTES];
        if (begin > endBegin || endBegin - begin < END64_BYTES + LOCATOR_BYTES)
            fail("the zip archive's 64 bit directory lies outside the file");
        file.read(begin, end64, END64_BYTES, "the end of the zip archive");
        if (!hasSignature(end64, 6, 6))
            fail("the zip archive's 64 bit directory is malformed");
        disks = number(end64 + 16, 4) | number(end64 + 20, 4);
        directory.count = number(end64 + 32, 8);
        directory.bytes = number(end64 + 40, 8);
        directory.begin = number(end64 + 48, 8);
        limit = begin;
    }
    if (disks != 0)
        fail("the zip archive is split over several files");
    if (directory.bytes > MAX_DIRECTORY_BYTES || directory.count > MAX_ENTRIES)
        fail("the zip archive's directory has " + std::to_string(directory.count) + " entries in " +
             std::to_string(directory.bytes) + " bytes, more than the limits of " + std::to_string(MAX_ENTRIES) +
             " and " + std::to_string(MAX_DIRECTORY_BYTES));
    if (directory.begin > limit || directory.bytes > limit - directory.begin)
        fail("the zip archive's directory lies outside the file");
    return directory;
}

//! Values of a central header that are 0xffffffff are, in this order, in the extension with id 1.
void readExtension(const uint8_t* extra, uint64_t bytes, std::initializer_list<uint64_t*> values)
{
    const auto extended = [](const uint64_t* value) { return *value == IN_EXTENSION; };
    if (std::none_of(values.begin(), values.end(), extended))
        return;
    for (uint64_t at = 0; at + 4 <= bytes;)
    {
        const uint64_t id = number(extra + at, 2), length = number(extra + at + 2, 2);
        at += 4;
        if (length > bytes - at)
            break;
        if (id == 1)
        {
            uint64_t used = 0;
            for (uint64_t* value : values)
                if (extended(value))
                {
                    if (used + 8 > length)
                        fail("the zip archive's 64 bit extension is too short");
                    *value = number(extra + at + used, 8);
                    used += 8;
                }
            return;
        }
        at += length;
    }
    fail("the zip archive lacks a 64 bit extension");
}

}  // namespace

uint32_t crc32(const uint8_t* data, size_t bytes)
{
    // Four tables: four bytes per step, about four times as fast as one.
    static const auto tables = []
    {
        std::array<std::array<uint32_t, 256>, 4> t{};
        for (uint32_t i = 0; i < 256; i++)
        {
            uint32_t value = i;
            for (int bit = 0; bit < 8; bit++)
                value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0);
            t[0][i] = value;
        }
        for (uint32_t i = 0; i < 256; i++)
            for (size_t n = 1; n < 4; n++)
                t[n][i] = t[n - 1][i] >> 8 ^ t[0][t[n - 1][i] & 255];
        return t;
    }();
    uint32_t crc = 0xffffffffu;
    size_t i = 0;
    for (; i + 4 <= bytes; i += 4)
    {
        crc ^= static_cast<uint32_t>(number(data + i, 4));
        crc = tables[3][crc & 255] ^ tables[2][crc >> 8 & 255] ^ tables[1][crc >> 16 & 255] ^ tables[0][crc >> 24];
    }
    for (; i < bytes; i++)
        crc = crc >> 8 ^ tables[0][(crc ^ data[i]) & 255];
    return ~crc;
}

ZipArchive::ZipArchive(InputFile& file) : file_(file)
{
    const Directory directory = findDirectory(file);
    readDirectory(directory.begin, directory.bytes, directory.count);
}

void ZipArchive::readDirectory(uint64_t begin, uint64_t bytes, uint64_t count)
{
    std::vector<uint8_t> headers(bytes);
    file_.read(begin, headers.data(), bytes, "the directory of the zip archive");
    std::vector<std::pair<uint64_t, uint64_t>> ranges;  // of local header and data, in the file
    uint64_t at = 0;
    for (uint64_t i = 0; i < count; i++)
    {
        if (bytes - at < CENTRAL_BYTES || !hasSignature(&headers[at], 1, 2))
            fail("the zip archive's directory is malformed at entry " + std::to_string(i));
        const uint8_t* header = &headers[at];
        const uint64_t nameBytes = number(header + 28, 2), extraBytes = number(header + 30, 2),
                       rest = nameBytes + extraBytes + number(header + 32, 2);
        if (rest > bytes - at - CENTRAL_BYTES)
            fail("the zip archive's directory is malformed at entry " + std::to_string(i));
        const std::string name(reinterpret_cast<const char*>(header) + CENTRAL_BYTES, nameBytes);
        uint64_t stored = number(header + 20, 4), unpacked = number(header + 24, 4), local = number(header + 42, 4);
        readExtension(header + CENTRAL_BYTES + nameBytes, extraBytes, {&unpacked, &stored, &local});
        at += CENTRAL_BYTES + rest;
        const std::string subject = "entry " + inQuotes(name) + " of the zip archive ";
        if (number(header + 8, 2) & 1)
            fail(subject + "is encrypted");
        if (number(header + 10, 2) != 0 || stored != unpacked)
            fail(subject + "is compressed (method " + std::to_string(number(header + 10, 2)) + ", " +
                 std::to_string(stored) + " for " + std::to_string(unpacked) +
                 " bytes); torch.save stores its entries as they are");
        uint8_t first[LOCAL_BYTES];
        if (local > begin || begin - local < LOCAL_BYTES)
            fail(subject + "lies outside the archive");
        file_.read(local, first, LOCAL_BYTES, "a header of the zip archive");
        const uint64_t dataBegin = local + LOCAL_BYTES + number(first + 26, 2) + number(first + 28, 2);
        if (!hasSignature(first, 3, 4) || number(first + 26, 2) != nameBytes)
            fail(subject + "has another header than the directory says");
        if (dataBegin > begin || stored > begin - dataBegin)
            fail(subject + "lies outside the archive");
        ranges.emplace_back(local, dataBegin + stored);
        if (!entries_.emplace(name, ZipEntry{dataBegin, stored, static_cast<uint32_t>(number(header + 16, 4))}).second)
            fail(subject + "is there twice");
    }
    std::sort(ranges.begin(), ranges.end());
    for (size_t i = 1; i < ranges.size(); i++)
        if (ranges[i].first < ranges[i - 1].second)
            fail("entries of the zip archive overlap at byte " + std::to_string(ranges[i].first));
}

const ZipEntry* ZipArchive::find(const std::string& name) const
{
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
}

std::vector<uint8_t> ZipArchive::read(const std::string& name)
{
    const ZipEntry* entry = find(name);
    if (!entry)
        fail("the zip archive has no entry " + inQuotes(name));
    std::vector<uint8_t> data(entry->bytes);
    file_.read(entry->begin, data.data(), data.size(), "entry " + inQuotes(name));
    if (crc32(data.data(), data.size()) != entry->crc)
        fail("entry " + inQuotes(name) +
             " of the zip archive has another checksum than the directory says: the file is damaged");
    return data;
}

}  // namespace d2det
