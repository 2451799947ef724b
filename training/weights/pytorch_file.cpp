// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Checkpoints of PyTorch (pytorch_file.hpp). */

#include "weights/pytorch_file.hpp"

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "weights/pickle.hpp"
#include "weights/zip_archive.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace d2det
{

namespace
{

constexpr uint64_t MAX_PICKLE_BYTES = 64u << 20;
constexpr int64_t LEGACY_VERSION = 1001;
const char LEGACY_MAGIC[] = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";  // 0x1950a86a20f9469cfc6c, little-endian

// Keys under which training programs keep their weights, the usual ones first: mmdetection and Lightning; torchvision;
// others.
const char* const SECTIONS[] = {"state_dict", "model", "model_state_dict", "module", "net", "network", "weights"};
// Prefixes that wrappers put before all names: data parallel training, Lightning, compiled modules.
const char* const PREFIXES[] = {"module.", "model.", "_orig_mod."};

//! Loads a storage by index; called at most once for each.
using StorageLoader = std::function<std::vector<uint8_t>(uint32_t index)>;

//! Items of a dictionary with texts as keys; others are left out.
std::vector<std::pair<std::string, uint32_t>> entriesOf(const PickleResult& pickle, uint32_t index)
{
    std::vector<std::pair<std::string, uint32_t>> entries;
    const PickleValue& dict = pickle[index];
    if (dict.kind == PickleKind::DICT)
        for (size_t i = 0; i + 1 < dict.items.size(); i += 2)
            if (pickle[dict.items[i]].kind == PickleKind::TEXT)
                entries.emplace_back(pickle[dict.items[i]].text, dict.items[i + 1]);
    return entries;
}

bool hasTensors(const PickleResult& pickle, uint32_t index)
{
    const auto entries = entriesOf(pickle, index);
    return std::any_of(entries.begin(), entries.end(),
                       [&](const auto& entry) { return pickle[entry.second].kind == PickleKind::TENSOR; });
}

//! The dictionary of tensors: the object itself, one of SECTIONS, or the only one there is.
uint32_t findStateDict(const PickleResult& pickle, std::string& section)
{
    if (hasTensors(pickle, pickle.root))
        return pickle.root;
    std::vector<std::pair<std::string, uint32_t>> candidates;
    std::string keys;
    for (const auto& entry : entriesOf(pickle, pickle.root))
    {
        keys += (keys.empty() ? "" : ", ") + entry.first;
        if (hasTensors(pickle, entry.second))
            candidates.push_back(entry);
    }
    for (const char* known : SECTIONS)
        for (const auto& candidate : candidates)
            if (candidate.first == known)
            {
                section = candidate.first;
                return candidate.second;
            }
    if (candidates.size() != 1)
        fail(candidates.empty()
                 ? "the file has no dictionary of tensors" + (keys.empty() ? "" : "; its keys: " + shortened(keys, 200))
                 : "the file has several dictionaries of tensors, none with a usual name; its keys: " +
                       shortened(keys, 200));
    section = candidates[0].first;
    return candidates[0].second;
}

std::vector<std::string> classNamesOf(const PickleResult& pickle)
{
    std::vector<std::string> names;
    for (const auto& entry : entriesOf(pickle, pickle.root))
        if (entry.first == "meta")
            for (const auto& item : entriesOf(pickle, entry.second))
            {
                const PickleValue& list = pickle[item.second];
                if (item.first == "CLASSES" && (list.kind == PickleKind::TUPLE || list.kind == PickleKind::LIST))
                    for (const uint32_t name : list.items)
                        if (pickle[name].kind == PickleKind::TEXT)
                            names.push_back(pickle[name].text);
            }
    return names;
}

void removePrefixes(std::vector<StoredTensor>& tensors)
{
    for (bool again = true; again;)
    {
        again = false;
        for (const std::string prefix : PREFIXES)
            if (std::all_of(tensors.begin(), tensors.end(),
                            [&](const StoredTensor& tensor) { return startsWith(tensor.name, prefix); }))
            {
                for (StoredTensor& tensor : tensors)
                    tensor.name.erase(0, prefix.size());
                again = true;
            }
    }
}

PyTorchFile collect(const PickleResult& pickle, const StorageLoader& load)
{
    PyTorchFile file;
    file.classNames = classNamesOf(pickle);
    std::set<std::string> seen;
    std::vector<std::shared_ptr<std::vector<uint8_t>>> loaded(pickle.storages.size());
    for (const auto& entry : entriesOf(pickle, findStateDict(pickle, file.section)))
    {
        const PickleValue& value = pickle[entry.second];
        if (value.kind != PickleKind::TENSOR)
            continue;
        if (!seen.insert(entry.first).second)
            fail("tensor " + inQuotes(entry.first) + " is there twice");
        const PickleTensor& view = pickle.tensors[static_cast<size_t>(value.integer)];
        StoredTensor tensor;
        tensor.name = entry.first;
        tensor.type = pickle.storages[view.storage].type;
        tensor.shape = view.shape;
        tensor.strides = view.strides;
        tensor.offset = view.offset;
        auto& storage = loaded[view.storage];
        if (!storage)
            storage = std::make_shared<std::vector<uint8_t>>(load(view.storage));
        tensor.storage = storage;
        file.tensors.push_back(std::move(tensor));
    }
    removePrefixes(file.tensors);
    return file;
}

std::string subjectOf(const PickleStorage& storage)
{
    return "storage " + inQuotes(storage.key);
}

//! Bytes of a storage; saturates instead of overflowing, which no file is long enough for.
uint64_t bytesOf(const PickleStorage& storage)
{
    const uint64_t each = elementBytes(storage.type);
    return storage.elements > UINT64_MAX / each ? UINT64_MAX : storage.elements * each;
}

// ------------------------------------------------------------------ zip archive

PyTorchFile readZip(InputFile& file)
{
    ZipArchive archive(file);
    const std::string pickleName = "data.pkl";
    std::string prefix;
    bool found = false;
    for (const auto& entry : archive.entries())
    {
        const std::string& name = entry.first;
        const size_t slash = name.find('/');
        if (slash != std::string::npos && name.substr(slash + 1) == pickleName)
        {
            if (found)
                fail("the zip archive has two entries data.pkl");
            found = true;
            prefix = name.substr(0, slash + 1);
        }
    }
    if (!found)
        fail("the zip archive is no checkpoint of PyTorch: it has no entry data.pkl");
    if (archive.find(prefix + "constants.pkl"))
        fail(
            "the file is a TorchScript module, not a checkpoint. Save its weights: "
            "torch.save(module.state_dict(), \"weights.pth\")");
    if (archive.find(prefix + "byteorder"))
    {
        const std::vector<uint8_t> order = archive.read(prefix + "byteorder");
        if (std::string(order.begin(), order.end()) != "little")
            fail("the tensors' bytes have the order " + inQuotes(std::string(order.begin(), order.end())) +
                 ", only 'little' is read");
    }
    const ZipEntry entry = *archive.find(prefix + pickleName);
    if (entry.bytes > MAX_PICKLE_BYTES)
        fail("data.pkl has " + std::to_string(entry.bytes) + " bytes, the limit is " +
             std::to_string(MAX_PICKLE_BYTES));
    archive.read(prefix + pickleName);  // compares the checksum
    ByteReader reader(file, entry.begin, entry.begin + entry.bytes);
    const PickleResult pickle = readPickle(reader);

    return collect(pickle,
                   [&](uint32_t index)
                   {
                       const PickleStorage& storage = pickle.storages[index];
                       const std::string name = prefix + "data/" + storage.key;
                       const ZipEntry* place = archive.find(name);
                       if (!place || place->bytes != bytesOf(storage))
                           fail(subjectOf(storage) + " of " + std::to_string(storage.elements) + " elements " +
                                (place ? "has " + std::to_string(place->bytes) + " bytes in the file, not " +
                                             std::to_string(bytesOf(storage))
                                       : "is not in the file"));
                       return archive.read(name);
                   });
}

// ------------------------------------------------------------------ before version 1.6

bool truthOf(const PickleResult& pickle, uint32_t dict, const std::string& key)
{
    for (const auto& entry : entriesOf(pickle, dict))
        if (entry.first == key)
            return pickle[entry.second].integer != 0;
    return false;
}

PyTorchFile readLegacy(InputFile& file)
{
    ByteReader reader(file, 0, file.size());
    const PickleResult magic = readPickle(reader);
    if (magic[magic.root].kind != PickleKind::LONG || magic[magic.root].text != LEGACY_MAGIC)
        fail("the file is a pickle, but no checkpoint of PyTorch: it does not begin with the magic number");
    const PickleResult version = readPickle(reader);
    if (version[version.root].kind != PickleKind::INTEGER || version[version.root].integer != LEGACY_VERSION)
        fail("the checkpoint has another version than " + std::to_string(LEGACY_VERSION));
    const PickleResult system = readPickle(reader);
    if (!truthOf(system, system.root, "little_endian"))
        fail("the tensors' bytes are not little-endian");
    const PickleResult pickle = readPickle(reader);
    const PickleResult keys = readPickle(reader);
    if (keys[keys.root].kind != PickleKind::LIST)
        fail("the checkpoint has no list of storages");

    // Positions of the storages, in the order of the keys.
    constexpr uint64_t COUNT_BYTES = 8, UNKNOWN = UINT64_MAX;
    std::map<std::string, uint32_t> indices;
    for (size_t i = 0; i < pickle.storages.size(); i++)
        indices[pickle.storages[i].key] = static_cast<uint32_t>(i);
    std::vector<uint64_t> begins(pickle.storages.size(), UNKNOWN);
    uint64_t at = reader.position();
    for (const uint32_t item : keys[keys.root].items)
    {
        const auto known = indices.find(keys[item].text);
        if (keys[item].kind != PickleKind::TEXT || known == indices.end() || begins[known->second] != UNKNOWN)
            fail("the checkpoint's list of storages has " + inQuotes(keys[item].text) +
                 ", which no tensor refers to or which is there twice");
        const PickleStorage& storage = pickle.storages[known->second];
        ByteReader header(file, std::min(at, file.size()), file.size());
        const uint64_t elements = header.unsignedInteger(COUNT_BYTES), bytes = bytesOf(storage);
        if (elements != storage.elements)
            fail(subjectOf(storage) + " has " + std::to_string(elements) + " elements in the file, not " +
                 std::to_string(storage.elements));
        begins[known->second] = at + COUNT_BYTES;
        if (bytes > file.size() - at - COUNT_BYTES)
            fail("the file ends inside " + subjectOf(storage) + " (is it truncated?)");
        at += COUNT_BYTES + bytes;
    }

    return collect(pickle,
                   [&](uint32_t index)
                   {
                       const PickleStorage& storage = pickle.storages[index];
                       if (begins[index] == UNKNOWN)
                           fail(subjectOf(storage) + " is not in the file");
                       std::vector<uint8_t> data(bytesOf(storage));
                       file.read(begins[index], data.data(), data.size(), subjectOf(storage));
                       return data;
                   });
}

}  // namespace

bool isPyTorchFile(const std::string& path)
{
    // A safetensors file begins with the length of its header in 8 bytes, of which the last four are 0.
    constexpr uint64_t PREFIX_BYTES = 8;
    InputFile file(path);
    uint8_t first[PREFIX_BYTES] = {};
    file.read(0, first, std::min(file.size(), PREFIX_BYTES), "the file");
    const bool zip = first[0] == 'P' && first[1] == 'K' && first[2] == 3 && first[3] == 4;
    return zip || (first[0] == 0x80 && std::any_of(first + 4, first + 8, [](uint8_t byte) { return byte != 0; }));
}

PyTorchFile readPyTorchFile(const std::string& path)
{
    InputFile file(path);
    uint8_t first[2] = {};
    file.read(0, first, std::min<uint64_t>(file.size(), sizeof(first)), "the file");
    return first[0] == 'P' ? readZip(file) : readLegacy(file);
}

}  // namespace d2det
