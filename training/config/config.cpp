// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Configuration files, base files and --set. Limits bound the memory use for malformed files. */

#include "config/config.hpp"

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/installed.hpp"
#include "config/config_json.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace d2det
{

namespace
{

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uintmax_t MAX_CONFIG_BYTES = 16 << 20;
constexpr int MAX_DEPTH = 16;          // nesting of a config file
constexpr size_t MAX_BASE_FILES = 16;  // length of a chain of "base" files

json parseText(const std::string& text, bool comments)
{
    // The parser itself is iterative, but values nested a million deep would still cost memory and destructor time.
    const json::parser_callback_t limitDepth = [](int depth, json::parse_event_t, json&)
    {
        if (depth > MAX_DEPTH)
            fail("nested deeper than " + std::to_string(MAX_DEPTH) + " levels");
        return true;
    };
    try
    {
        return json::parse(text, limitDepth, true, comments);
    }
    catch (const json::exception& error)
    {
        fail(std::string("not valid JSON: ") + cutText(error.what()));
    }
}

std::string readText(const fs::path& path)
{
    std::error_code error;
    if (!fs::is_regular_file(path, error))
        fail(fs::exists(path, error) ? "not a regular file" : "no such file");
    const uintmax_t size = fs::file_size(path, error);
    if (error || size > MAX_CONFIG_BYTES)
        fail("larger than " + std::to_string(MAX_CONFIG_BYTES >> 20) + " MiB");
    std::ifstream file(path, std::ios::binary);
    std::string text(static_cast<size_t>(size), '\0');
    file.read(&text[0], static_cast<std::streamsize>(size));
    if (!file)
        fail("cannot be read");
    return decodeText(text);
}

void readFile(Config& config, const fs::path& path, std::vector<fs::path>& chain);

//! A base: a file beside the one that names it, or else an installed configuration.
fs::path findBase(const fs::path& folder, const std::string& name)
{
    std::error_code error;
    const fs::path beside = folder / name;
    const std::string installed = fs::exists(beside, error) ? name : findInstalled(name, Installed::CONFIG);
    return installed == name ? beside : fs::path(installed);
}

//! Applies a configuration text after its "base" file.
void readInto(Config& config, const std::string& text, const fs::path& folder, std::vector<fs::path>& chain)
{
    json object = parseText(text, true);
    if (object.is_object() && object.contains("base"))
    {
        const json base = object["base"];
        if (!base.is_string())
            fail("base: expected a file name, got " + describeJson(base));
        object.erase("base");
        readFile(config, findBase(folder, expandVariables(checkedText(base.get<std::string>(), "base"), "base")),
                 chain);
    }
    readConfig(config, object, folder.string(), false);
}

void readFile(Config& config, const fs::path& path, std::vector<fs::path>& chain)
{
    try
    {
        std::error_code error;
        const fs::path canonical = fs::weakly_canonical(path, error);
        if (std::find(chain.begin(), chain.end(), canonical) != chain.end())
            fail("is its own base");
        chain.push_back(canonical);
        if (chain.size() > MAX_BASE_FILES)
            fail("more than " + std::to_string(MAX_BASE_FILES) + " base files in a row");
        readInto(config, readText(path), fs::absolute(path).parent_path(), chain);
    }
    catch (const std::exception& error)
    {
        fail(path.string() + ": " + error.what());
    }
}

}  // namespace

Config loadConfig(const std::string& path)
{
    Config config;
    std::vector<fs::path> chain;
    readFile(config, path, chain);
    try
    {
        checkConfig(config);
    }
    catch (const std::runtime_error& error)
    {
        fail(path + ": " + error.what());
    }
    return config;
}

Config parseConfig(const std::string& text, const std::string& folder)
{
    Config config;
    std::vector<fs::path> chain;
    if (text.size() > MAX_CONFIG_BYTES)
        fail("configuration larger than " + std::to_string(MAX_CONFIG_BYTES >> 20) + " MiB");
    try
    {
        readInto(config, text, folder, chain);
    }
    catch (const json::exception& error)
    {
        fail(error.what());
    }
    catch (const fs::filesystem_error& error)
    {
        fail(error.what());
    }
    checkConfig(config);
    return config;
}

std::string configToJson(const Config& config)
{
    return writeConfig(config).dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void applyOverride(Config& config, const std::string& keyValue)
{
    const size_t equals = keyValue.find('=');
    if (equals == std::string::npos || equals == 0)
        fail("override '" + cutText(keyValue) + "': expected key=value, for example solver.learning_rate=0.01");
    const std::string key = keyValue.substr(0, equals);
    const std::string text = keyValue.substr(equals + 1);
    if (text.size() > MAX_CONFIG_BYTES || std::count(key.begin(), key.end(), '.') >= MAX_DEPTH)
        fail("override '" + cutText(keyValue) + "': too long");

    json value = json::accept(text) ? parseText(text, false) : json(text);
    for (size_t end = key.size();;)  // a.b.c=v -> {"a": {"b": {"c": v}}}, innermost first
    {
        const size_t dot = key.rfind('.', end - 1);
        const size_t begin = dot == std::string::npos ? 0 : dot + 1;
        if (begin >= end)
            fail("override '" + cutText(keyValue) + "': empty name between two dots");
        json outer = json::object();
        outer[key.substr(begin, end - begin)] = std::move(value);
        value = std::move(outer);
        if (begin == 0)
            break;
        end = dot;
    }
    Config changed = config;
    readConfig(changed, value, "", true);
    config = std::move(changed);
}

}  // namespace d2det
