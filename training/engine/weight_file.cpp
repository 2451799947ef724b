// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Files of weights of any known origin (weight_file.hpp). */

#include "engine/weight_file.hpp"

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "weights/pytorch_file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <set>

namespace d2det
{

namespace
{

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t MAX_INDEX_BYTES = 32u << 20;
constexpr int MAX_INDEX_DEPTH = 8;
constexpr size_t MAX_SHARDS = 1000;

torch::ScalarType scalarType(ElementType type)
{
    switch (type)
    {
        case ElementType::F64:
            return torch::kDouble;
        case ElementType::F32:
            return torch::kFloat;
        case ElementType::F16:
            return torch::kHalf;
        case ElementType::BF16:
            return torch::kBFloat16;
        case ElementType::I64:
            return torch::kLong;
        case ElementType::I32:
            return torch::kInt;
        case ElementType::I16:
            return torch::kShort;
        case ElementType::I8:
            return torch::kChar;
        case ElementType::U8:
            return torch::kByte;
        default:
            return torch::kBool;
    }
}

//! A view of the storage, which lives as long as its tensors: no copy, so that a small file cannot become large.
torch::Tensor toTensor(const StoredTensor& stored)
{
    const torch::TensorOptions options = torch::TensorOptions(scalarType(stored.type));
    if (std::find(stored.shape.begin(), stored.shape.end(), 0) != stored.shape.end())
        return torch::empty(stored.shape, options);
    const std::shared_ptr<std::vector<uint8_t>> storage = stored.storage;
    return torch::from_blob(
        storage->data() + stored.offset * elementBytes(stored.type), stored.shape, stored.strides, [storage](void*) {},
        options);
}

TensorFile readPyTorch(const std::string& path)
{
    const PyTorchFile stored = readPyTorchFile(path);
    TensorFile file;
    for (const StoredTensor& tensor : stored.tensors)
        file.tensors[tensor.name] = toTensor(tensor);
    std::string names;
    for (const std::string& name : stored.classNames)
        names += name + "\n";
    if (!names.empty())
        file.metadata[CLASS_NAMES_KEY] = names;
    return file;
}

//! Files of an index and the tensors that each of them gives.
std::map<std::string, std::set<std::string>> readIndex(const std::string& path)
{
    const json::parser_callback_t limitDepth = [](int depth, json::parse_event_t, json&)
    {
        if (depth > MAX_INDEX_DEPTH)
            fail("the index is nested too deeply");
        return true;
    };
    const json index = json::parse(readText(path, MAX_INDEX_BYTES), limitDepth);
    if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
        fail("the index has no object \"weight_map\"");
    std::map<std::string, std::set<std::string>> shards;
    for (const auto& item : index["weight_map"].items())
    {
        if (!item.value().is_string())
            fail("the file of tensor " + inQuotes(item.key()) + " is no text");
        const std::string name = item.value().get<std::string>();
        // Only files beside the index: its text comes from anywhere.
        if (name.empty() || name == "." || name == ".." || name.find_first_of("/\\") != std::string::npos)
            fail("tensor " + inQuotes(item.key()) + " is in the file " + inQuotes(name) +
                 ", which is no name in the folder of the index");
        shards[name].insert(item.key());
    }
    if (shards.size() > MAX_SHARDS)
        fail("the index names " + std::to_string(shards.size()) + " files, the limit is " + std::to_string(MAX_SHARDS));
    return shards;
}

TensorFile readShards(const std::string& path)
{
    TensorFile all;
    for (const auto& shard : readIndex(path))
    {
        const std::string part = (fs::path(path).parent_path() / shard.first).string();
        TensorFile file = readSafetensors(part);
        for (const std::string& name : shard.second)
        {
            const auto found = file.tensors.find(name);
            if (found == file.tensors.end())
                fail(part + " has no tensor " + inQuotes(name) + ", which the index expects there");
            all.tensors[name] = found->second;
        }
    }
    return all;
}

bool isIndex(const std::string& path)
{
    const std::string ending = ".json";
    return path.size() > ending.size() && path.compare(path.size() - ending.size(), ending.size(), ending) == 0;
}

}  // namespace

TensorFile readWeightFile(const std::string& path)
{
    try
    {
        if (isIndex(path))
            return readShards(path);
        if (isPyTorchFile(path))
            return readPyTorch(path);
    }
    catch (const std::exception& error)  // json::exception, c10::Error, bad_alloc -> Error
    {
        const std::string reason = error.what();
        const std::string line = reason.substr(0, std::min<size_t>(reason.find('\n'), 500));
        fail(startsWith(line, path) ? line : path + ": " + line);
    }
    return readSafetensors(path);
}

}  // namespace d2det
