// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Safetensors reader and writer; transfer of weights into a model. File layout: checkpoint.hpp. Supports little-endian
   machines only, like the libraries in use. */

#include "engine/checkpoint.hpp"

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

namespace d2det
{

namespace
{

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t MAX_HEADER_BYTES = 32u << 20;
constexpr int MAX_HEADER_DEPTH = 4;  // {name: {"shape": [..]}}
constexpr size_t MAX_RANK = 16;

struct ElementType
{
    const char* name;
    torch::ScalarType scalar;
    uint64_t bytes;
};

const ElementType TYPES[] = {{"F64", torch::kDouble, 8},    {"F32", torch::kFloat, 4}, {"F16", torch::kHalf, 2},
                             {"BF16", torch::kBFloat16, 2}, {"I64", torch::kLong, 8},  {"I32", torch::kInt, 4},
                             {"I16", torch::kShort, 2},     {"I8", torch::kChar, 1},   {"U8", torch::kByte, 1},
                             {"BOOL", torch::kBool, 1}};

const ElementType& typeOf(const std::string& name, const std::string& tensor)
{
    for (const ElementType& type : TYPES)
        if (name == type.name)
            return type;
    fail("tensor '" + tensor + "' has the unknown type '" + name.substr(0, 20) + "'");
}

const ElementType& typeOf(torch::ScalarType scalar, const std::string& tensor)
{
    for (const ElementType& type : TYPES)
        if (scalar == type.scalar)
            return type;
    fail("tensor '" + tensor + "' has a type that the file format lacks: " + torch::toString(scalar));
}

//! Position of a tensor, relative to the end of the header.
struct Entry
{
    std::string name;
    const ElementType* type = nullptr;
    std::vector<int64_t> shape;
    uint64_t begin = 0;
    uint64_t end = 0;
};

uint64_t unsignedValue(const json& value, const std::string& name, const char* what)
{
    if (!value.is_number_unsigned())
        fail("tensor '" + name + "': " + what + " is not an integer >= 0");
    return value.get<uint64_t>();
}

const json& member(const json& object, const char* key, const std::string& name)
{
    if (!object.is_object() || !object.contains(key))
        fail("tensor '" + name + "' has no \"" + key + "\"");
    return object[key];
}

Entry parseEntry(const std::string& name, const json& value, uint64_t dataBytes)
{
    Entry entry;
    entry.name = name;
    const json& type = member(value, "dtype", name);
    const json& shape = member(value, "shape", name);
    const json& offsets = member(value, "data_offsets", name);
    if (!type.is_string() || !shape.is_array() || shape.size() > MAX_RANK || !offsets.is_array() || offsets.size() != 2)
        fail("tensor '" + name + "': dtype, shape or data_offsets is malformed");
    entry.type = &typeOf(type.get<std::string>(), name);
    entry.begin = unsignedValue(offsets[0], name, "data_offsets");
    entry.end = unsignedValue(offsets[1], name, "data_offsets");
    if (entry.begin > entry.end || entry.end > dataBytes)
        fail("tensor '" + name + "': bytes " + std::to_string(entry.begin) + " .. " + std::to_string(entry.end) +
             " are not inside the file's " + std::to_string(dataBytes) + " (is it truncated?)");

    uint64_t bytes = entry.type->bytes;
    bool empty = false;
    for (const json& dimension : shape)
    {
        const uint64_t size = unsignedValue(dimension, name, "shape");
        if (size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
            fail("tensor '" + name + "': a dimension is too large");
        entry.shape.push_back(static_cast<int64_t>(size));
        empty = empty || size == 0;
        // Saturates instead of overflowing: such a shape is wrong in any case.
        if (size != 0)
            bytes = bytes > std::numeric_limits<uint64_t>::max() / size ? std::numeric_limits<uint64_t>::max()
                                                                        : bytes * size;
    }
    if ((empty ? 0 : bytes) != entry.end - entry.begin || (empty && bytes == std::numeric_limits<uint64_t>::max()))
        fail("tensor '" + name + "': shape and data_offsets disagree");
    return entry;
}

json parseHeader(const std::string& text)
{
    const json::parser_callback_t limitDepth = [](int depth, json::parse_event_t, json&)
    {
        if (depth > MAX_HEADER_DEPTH)
            fail("the header is nested too deeply");
        return true;
    };
    const json header = json::parse(text, limitDepth);
    if (!header.is_object())
        fail("the header is not a JSON object");
    return header;
}

void parseMetadata(const json& value, std::map<std::string, std::string>& metadata)
{
    if (!value.is_object())
        fail("__metadata__ is not an object");
    for (const auto& item : value.items())
    {
        if (!item.value().is_string())
            fail("__metadata__." + item.key() + " is not a text");
        metadata[item.key()] = item.value().get<std::string>();
    }
}

void rejectOverlaps(std::vector<Entry> entries)
{
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
    for (size_t i = 1; i < entries.size(); i++)
        if (entries[i].begin < entries[i - 1].end)
            fail("tensors '" + entries[i - 1].name + "' and '" + entries[i].name + "' overlap");
}

TensorFile readChecked(const std::string& path)
{
    std::error_code error;
    if (!fs::is_regular_file(path, error))
        fail(fs::exists(path, error) ? "not a regular file" : "no such file");
    const uint64_t size = fs::file_size(path, error);
    std::ifstream stream(path, std::ios::binary);
    unsigned char prefix[8];
    if (error || size < sizeof(prefix) || !stream.read(reinterpret_cast<char*>(prefix), sizeof(prefix)))
        fail("too short for a safetensors file, or unreadable");
    uint64_t headerBytes = 0;
    for (int i = 7; i >= 0; i--)
        headerBytes = headerBytes << 8 | prefix[i];
    if (headerBytes > MAX_HEADER_BYTES || headerBytes > size - sizeof(prefix))
        fail("the header length " + std::to_string(headerBytes) + " does not fit the file (not a safetensors file?)");

    std::string text(headerBytes, '\0');
    if (!stream.read(&text[0], static_cast<std::streamsize>(headerBytes)))
        fail("the header cannot be read");
    const json header = parseHeader(text);
    const uint64_t dataStart = sizeof(prefix) + headerBytes;

    TensorFile file;
    std::vector<Entry> entries;
    for (const auto& item : header.items())
    {
        if (item.key() == "__metadata__")
            parseMetadata(item.value(), file.metadata);
        else
            entries.push_back(parseEntry(item.key(), item.value(), size - dataStart));
    }
    rejectOverlaps(entries);

    for (const Entry& entry : entries)
    {
        torch::Tensor tensor = torch::empty(entry.shape, entry.type->scalar);
        if (entry.end > entry.begin)
        {
            stream.seekg(static_cast<std::streamoff>(dataStart + entry.begin));
            if (!stream.read(static_cast<char*>(tensor.data_ptr()),
                             static_cast<std::streamsize>(entry.end - entry.begin)))
                fail("tensor '" + entry.name + "' cannot be read");
        }
        file.tensors[entry.name] = tensor;
    }
    return file;
}

//! First names of a list, for messages.
std::string names(const std::vector<std::string>& list)
{
    constexpr size_t SHOWN = 4;
    std::string text;
    for (size_t i = 0; i < std::min(list.size(), SHOWN); i++)
        text += (i ? ", " : "") + list[i];
    return list.size() > SHOWN ? text + ", ..." : text;
}

void copyInto(torch::Tensor target, const torch::Tensor& source)
{
    const torch::NoGradGuard noGrad;
    target.copy_(source);  // converts the type, keeps the memory format of the target
}

}  // namespace

TensorFile readSafetensors(const std::string& path)
{
    try
    {
        return readChecked(path);
    }
    catch (const std::exception& error)  // json::exception, c10::Error, bad_alloc -> Error
    {
        std::string reason = error.what();
        fail(path + ": " + reason.substr(0, std::min<size_t>(reason.find('\n'), 300)));
    }
}

void writeSafetensors(const std::string& path, const TensorFile& file)
{
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!file.metadata.empty())
        header["__metadata__"] = file.metadata;
    uint64_t offset = 0;
    for (const auto& item : file.tensors)
    {
        const ElementType& type = typeOf(item.second.scalar_type(), item.first);
        const uint64_t bytes = static_cast<uint64_t>(item.second.numel()) * type.bytes;
        header[item.first] = {
            {"dtype", type.name}, {"shape", item.second.sizes().vec()}, {"data_offsets", {offset, offset + bytes}}};
        offset += bytes;
    }
    std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    text.resize((text.size() + 7) / 8 * 8, ' ');  // tensors start at a multiple of 8
    if (text.size() > MAX_HEADER_BYTES)
        fail(path + ": the header would be larger than " + std::to_string(MAX_HEADER_BYTES >> 20) + " MiB");

    AtomicFile output(path);
    unsigned char prefix[8];
    for (int i = 0; i < 8; i++)
        prefix[i] = static_cast<unsigned char>(static_cast<uint64_t>(text.size()) >> (8 * i));
    output.write(prefix, sizeof(prefix));
    output.write(text.data(), text.size());
    for (const auto& item : file.tensors)
    {
        const torch::Tensor tensor = item.second.detach().to(torch::kCPU).contiguous();
        output.write(tensor.data_ptr(), static_cast<size_t>(tensor.numel()) * tensor.element_size());
    }
    output.commit();
}

TensorMap namedTensors(const torch::nn::Module& module)
{
    TensorMap tensors;
    for (const auto& item : module.named_parameters())
        tensors[item.key()] = item.value();
    const std::string counter = "num_batches_tracked";
    for (const auto& item : module.named_buffers())
    {
        const std::string& name = item.key();
        const bool counts =
            name.size() >= counter.size() && name.compare(name.size() - counter.size(), counter.size(), counter) == 0;
        if (!counts)
            tensors[name] = item.value();
    }
    return tensors;
}

TensorMap modelWeights(const TensorFile& file, bool preferEma)
{
    const std::string model = "model.", ema = "ema.";
    TensorMap weights;
    for (const auto& item : file.tensors)
        if (startsWith(item.first, model))
            weights[item.first.substr(model.size())] = item.second;
    if (weights.empty())
        return file.tensors;
    for (const auto& item : file.tensors)
        if (preferEma && startsWith(item.first, ema))
            weights[item.first.substr(ema.size())] = item.second;
    return weights;
}

Config checkpointConfig(const TensorFile& file)
{
    const auto found = file.metadata.find("config");
    if (found == file.metadata.end())
        fail("the file is not a checkpoint of d2det_train: it has no configuration in its metadata");
    return parseConfig(found->second, "");
}

std::string LoadReport::summary() const
{
    std::string text = std::to_string(matched.size()) + " tensors taken";
    const std::pair<const char*, const std::vector<std::string>*> lists[] = {
        {" keep their random start", &missing},
        {" of the file unused", &unused},
        {" have another shape and are skipped", &mismatched}};
    for (const auto& list : lists)
        if (!list.second->empty())
            text += ", " + std::to_string(list.second->size()) + list.first + " (" + names(*list.second) + ")";
    return text;
}

LoadReport initializeModel(torch::nn::Module& module, const TensorMap& weights)
{
    const std::string prefix = "backbone.";
    LoadReport report;
    std::map<std::string, bool> used;
    for (auto& item : namedTensors(module))
    {
        auto found = weights.find(item.first);
        if (found == weights.end() && startsWith(item.first, prefix))
            found = weights.find(item.first.substr(prefix.size()));
        if (found == weights.end())
        {
            report.missing.push_back(item.first);
            continue;
        }
        used[found->first] = true;
        const bool fits = found->second.sizes() == item.second.sizes();
        (fits ? report.matched : report.mismatched).push_back(item.first);
        if (fits)
            copyInto(item.second, found->second);
    }
    for (const auto& item : weights)
        if (!used[item.first])
            report.unused.push_back(item.first);
    if (report.matched.empty())
        fail("no tensor of the file fits the model by name and shape; the file has " + names(report.unused) +
             (report.mismatched.empty() ? "" : "; other shapes: " + names(report.mismatched)));
    return report;
}

void restoreModel(torch::nn::Module& module, const TensorMap& weights)
{
    std::vector<std::string> missing, mismatched;
    for (auto& item : namedTensors(module))
    {
        const auto found = weights.find(item.first);
        if (found == weights.end())
            missing.push_back(item.first);
        else if (found->second.sizes() != item.second.sizes())
            mismatched.push_back(item.first);
        else
            copyInto(item.second, found->second);
    }
    if (!missing.empty())
        fail(std::to_string(missing.size()) + " tensors of the model are not in the file: " + names(missing));
    if (!mismatched.empty())
        fail(std::to_string(mismatched.size()) + " tensors of the file have another shape: " + names(mismatched));
}

}  // namespace d2det
