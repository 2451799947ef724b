// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Checkpoints of PyTorch made byte by byte: pickles, zip archives with anything wrong that a test asks for, and the
   format before version 1.6. */

#ifndef D2DET_TEST_PYTORCH_BYTES_HPP
#define D2DET_TEST_PYTORCH_BYTES_HPP

#include "weights/zip_archive.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace d2det
{
namespace test
{

inline std::string littleEndian(uint64_t value, int bytes)
{
    std::string text;
    for (int i = 0; i < bytes; i++)
        text.push_back(static_cast<char>(value >> (8 * i) & 255));
    return text;
}

//! Instructions of pickles.
namespace pickled
{

inline const std::string BEGIN = "\x80\x02";

inline std::string text(const std::string& t)
{
    return "X" + littleEndian(t.size(), 4) + t;
}

inline std::string number(uint32_t n)
{
    return "J" + littleEndian(n, 4);
}

inline std::string tuple(const std::vector<std::string>& items)
{
    std::string code = "(";
    for (const std::string& item : items)
        code += item;
    return code + "t";
}

inline std::string global(const std::string& module, const std::string& name)
{
    return "c" + module + "\n" + name + "\n";
}

inline std::string call(const std::string& module, const std::string& name, const std::vector<std::string>& arguments)
{
    return global(module, name) + tuple(arguments) + "R";
}

inline std::string storage(const std::string& key, uint32_t elements, const std::string& type = "FloatStorage")
{
    return tuple({text("storage"), global("torch", type), text(key), text("cpu"), number(elements)}) + "Q";
}

inline std::string numbers(const std::vector<uint32_t>& values)
{
    std::vector<std::string> items;
    for (const uint32_t value : values)
        items.push_back(number(value));
    return tuple(items);
}

inline std::string tensor(const std::string& storageCode, uint32_t offset, const std::vector<uint32_t>& shape,
                          const std::vector<uint32_t>& strides)
{
    return call("torch._utils", "_rebuild_tensor_v2",
                {storageCode, number(offset), numbers(shape), numbers(strides), "\x89", "}"});
}

inline std::string dict(const std::vector<std::pair<std::string, std::string>>& items)
{
    std::string code = "}(";
    for (const auto& item : items)
        code += text(item.first) + item.second;
    return code + "u";
}

inline std::string program(const std::string& code)
{
    return BEGIN + code + ".";
}

}  // namespace pickled

//! An entry of a zip archive, with the values of its headers where they shall be wrong.
struct ZipItem
{
    std::string name, data;
    int method = 0;
    uint32_t crcChange = 0;
    int64_t sizeChange = 0;    //!< in the directory
    int64_t offsetChange = 0;  //!< of the local header, in the directory
};

inline std::string zipOf(const std::vector<ZipItem>& items)
{
    std::string bytes, directory;
    for (const ZipItem& item : items)
    {
        const uint64_t begin = bytes.size();
        const uint32_t crc = crc32(reinterpret_cast<const uint8_t*>(item.data.data()), item.data.size());
        const std::string common = littleEndian(0, 2) + littleEndian(static_cast<uint64_t>(item.method), 2) +
                                   littleEndian(0, 4) + littleEndian(crc ^ item.crcChange, 4);
        const uint64_t size = item.data.size() + static_cast<uint64_t>(item.sizeChange);
        bytes += "PK\3\4" + littleEndian(20, 2) + common + littleEndian(item.data.size(), 4) +
                 littleEndian(item.data.size(), 4) + littleEndian(item.name.size(), 2) + littleEndian(0, 2) +
                 item.name + item.data;
        directory += "PK\1\2" + littleEndian(20, 2) + littleEndian(20, 2) + common + littleEndian(size, 4) +
                     littleEndian(size, 4) + littleEndian(item.name.size(), 2) + std::string(12, '\0') +
                     littleEndian(begin + static_cast<uint64_t>(item.offsetChange), 4) + item.name;
    }
    return bytes + directory + "PK\5\6" + std::string(4, '\0') + littleEndian(items.size(), 2) +
           littleEndian(items.size(), 2) + littleEndian(directory.size(), 4) + littleEndian(bytes.size(), 4) +
           std::string(2, '\0');
}

//! A checkpoint since version 1.6 with storages by key.
inline std::string zipCheckpoint(const std::string& program,
                                 const std::vector<std::pair<std::string, std::string>>& storages = {})
{
    std::vector<ZipItem> items{{"a/data.pkl", program}};
    for (const auto& storage : storages)
        items.push_back({"a/data/" + storage.first, storage.second});
    return zipOf(items);
}

//! A checkpoint before version 1.6. @param storages key, number of elements and bytes as they are written.
struct LegacyStorage
{
    std::string key;
    uint64_t elements;
    std::string data;
};

inline std::string legacyCheckpoint(const std::string& program, const std::vector<LegacyStorage>& storages)
{
    using namespace pickled;
    std::string keys = "](", data;
    for (const LegacyStorage& storage : storages)
    {
        keys += text(storage.key);
        data += littleEndian(storage.elements, 8) + storage.data;
    }
    const std::string magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    return pickled::program(magic) + pickled::program("M\xe9\x03") +
           pickled::program(dict({{"protocol_version", "M\xe9\x03"}, {"little_endian", "\x88"}})) + program +
           pickled::program(keys + "e") + data;
}

}  // namespace test
}  // namespace d2det

#endif
