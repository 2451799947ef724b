// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The table of docs/configuration.md, by a visitor of config_keys.hpp. */

#include "config/config.hpp"

#include "config/config_json.hpp"
#include "config/config_keys.hpp"
#include "config/number_text.hpp"

#include <cmath>
#include <type_traits>

namespace d2det
{

namespace
{

using Json = nlohmann::ordered_json;

//! Section of one struct: its keys as rows, then the sections of the structs inside.
class Section
{
public:
    //! defaults: of the struct, as in a file.
    Section(std::string path, const Json& defaults) : path_(std::move(path)), defaults_(defaults) {}

    template <class T>
    void operator()(const char* key, T&, const char* help)
    {
        row(key, std::is_same_v<T, bool> ? "`true`, `false`" : "text", help);
    }

    template <class T>
    void operator()(const char* key, T& member, const Limits& limits, const char* help)
    {
        row(key, valuesOf(member, limits), help);
    }

    template <class T>
    void operator()(const char* key, T&, Choices<T> choices, const char* help)
    {
        std::string list;
        for (const Choice<T>& choice : choices)
            list += (list.empty() ? "`" : ", `") + (*choice.name ? std::string(choice.name) : "\"\"") + "`";
        row(key, list, help);
    }

    template <class S>
    void group(const char* key, S& member, const char* help)
    {
        inner_ += section(join(key), defaults_.at(key), member, help);
    }

    //! Entries of two lists may have the same keys: these are shown once.
    template <class S>
    void list(const char* key, std::vector<S>& members, const char* help)
    {
        const std::string path = join(key) + "[]";
        if (listed_.empty())
            inner_ += section(path, defaults_.at(key).at(0), members.at(0), help);
        else
            inner_ += "## " + path + "\n\n" + help + " The keys are those of `" + listed_ + "`.\n\n";
        listed_ = path;
    }

    void path(const char* key, std::string&, const char* help) { row(key, "path", help); }

    template <class S>
    static std::string section(const std::string& path, const Json& defaults, S& member, const std::string& help)
    {
        Section inside(path, defaults);
        visit(inside, member);
        const std::string table =
            inside.rows_.empty() ? ""
                                 : "| key | default | values | meaning |\n|---|---|---|---|\n" + inside.rows_ + "\n";
        return "## " + path + "\n\n" + help + "\n\n" + table + inside.inner_;
    }

    const std::string& inner() const { return inner_; }

private:
    std::string join(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

    void row(const std::string& key, const std::string& values, const std::string& help)
    {
        rows_ += "| `" + key + "` | `" + defaults_.at(key).dump() + "` | " + values + " | " + help + " |\n";
    }

    static std::string rangeText(const Limits& limits)
    {
        return std::isfinite(limits.low) ? numberText(limits.low) + " .. " + numberText(limits.high) : "";
    }

    template <class T>
    static std::string valuesOf(const T&, const Limits& limits)
    {
        return (std::is_integral_v<T> ? "integer " : "number ") + rangeText(limits);
    }

    static std::string valuesOf(const std::string&, const Limits& limits)
    {
        return "text of " + countText(limits.least, limits.most) + " bytes";
    }

    template <class T>
    static std::string valuesOf(const std::vector<T>&, const Limits& limits)
    {
        const char* const kind = !std::is_arithmetic_v<T> ? " texts"
                                 : std::is_integral_v<T>  ? " integers, each "
                                                          : " numbers, each ";
        return "list of " + countText(limits.least, limits.most) + kind + rangeText(limits);
    }

    std::string path_;
    const Json& defaults_;
    std::string rows_, inner_, listed_;
};

const char* const INTRODUCTION = R"(# Configuration

All keys of a configuration file. Written by `d2det_train --help-config`: change training/config/config_keys.hpp, not
this file.

A file is JSON with comments (`//`). Keys that it leaves out keep the default; an unknown key is an error that names the
nearest known one. `"base": "other.json"` (a path relative to the file, or the name of an installed configuration such
as `d2det_mnv2`) reads that file first. In paths `${NAME}` and `${NAME:-default}` stand for environment variables, and a
relative path starts at the file's folder.
`--set model.roi.levels=3` sets a value from the command line. The defaults are the paper's detector on COCO. A run
writes all values to `config.json` in its folder and to its checkpoints.

)";

}  // namespace

std::string configTable()
{
    Config config;
    config.data.train.resize(1);  // an entry to take the keys and defaults from
    config.data.val.resize(1);
    const Json defaults = writeConfig(config);
    Section top("", defaults);
    visit(top, config);
    std::string text = INTRODUCTION + top.inner();
    text.pop_back();  // the empty line behind the last table
    return text;
}

}  // namespace d2det
