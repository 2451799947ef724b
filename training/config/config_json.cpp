// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Conversion between configuration and JSON values by two visitors of config_keys.hpp. */

#include "config/config_json.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "config/config_keys.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <type_traits>

namespace d2det
{

namespace
{

namespace fs = std::filesystem;
using nlohmann::json;

// ---- reading ----

class Reader
{
public:
    Reader(const json& object, std::string path, std::string folder, bool rawText)
        : object_(object), path_(std::move(path)), folder_(std::move(folder)), rawText_(rawText)
    {
        if (!object_.is_object())
            fail((path_.empty() ? "the configuration" : path_) + ": expected an object, got " + describeJson(object_));
    }

    template <class T>
    void operator()(const char* key, T& member, const char* /*help*/)
    {
        if (const json* value = find(key))
            read(*value, join(key), member);
    }

    template <class T>
    void operator()(const char* key, T& member, const Limits&, const char* help)
    {
        (*this)(key, member, help);
    }

    template <class T>
    void operator()(const char* key, T& member, Choices<T> choices, const char* /*help*/)
    {
        if (const json* value = find(key))
            readChoice<T>(*value, join(key), member, choices);
    }

    template <class S>
    void group(const char* key, S& member, const char* help)
    {
        (*this)(key, member, help);
    }

    template <class S>
    void list(const char* key, std::vector<S>& member, const char* help)
    {
        (*this)(key, member, help);
    }

    void path(const char* key, std::string& member, const char* /*help*/)
    {
        if (const json* value = find(key))
            readPath(*value, join(key), member);
    }

    //! Call after visit.
    void rejectUnknown() const
    {
        for (const auto& item : object_.items())
        {
            const std::string& key = item.key();
            if (std::find(known_.begin(), known_.end(), key) == known_.end())
                fail(join(cutText(key)) + ": unknown key, " + hint(key, known_));
        }
    }

private:
    std::string join(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

    const json* find(const char* key)
    {
        known_.push_back(key);
        const auto found = object_.find(key);
        return found == object_.end() ? nullptr : &*found;
    }

    static std::string hint(const std::string& name, const std::vector<std::string>& known)
    {
        return "did you mean '" + nearestNames(name, known, 1).front() + "'?";
    }

    static void expect(bool ok, const json& value, const std::string& path, const std::string& what)
    {
        if (!ok)
            fail(path + ": expected " + what + ", got " + describeJson(value));
    }

    void read(const json& value, const std::string& path, bool& out) const
    {
        expect(value.is_boolean(), value, path, "true or false");
        out = value.get<bool>();
    }

    template <class Int>
    void readInteger(const json& value, const std::string& path, Int& out) const
    {
        expect(value.is_number_integer(), value, path, "an integer");
        const bool fits = value.is_number_unsigned()
                              ? value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<Int>::max())
                              : value.get<int64_t>() >= std::numeric_limits<Int>::min() &&
                                    value.get<int64_t>() <= std::numeric_limits<Int>::max();
        expect(fits, value, path, "a smaller integer");
        out = static_cast<Int>(value.get<int64_t>());
    }
    void read(const json& value, const std::string& path, int& out) const { readInteger(value, path, out); }
    void read(const json& value, const std::string& path, int64_t& out) const { readInteger(value, path, out); }

    void read(const json& value, const std::string& path, double& out) const
    {
        expect(value.is_number(), value, path, "a number");
        out = value.get<double>();
        expect(std::isfinite(out), value, path, "a finite number");
    }

    void read(const json& value, const std::string& path, float& out) const
    {
        double wide = 0;
        read(value, path, wide);
        expect(std::fabs(wide) <= std::numeric_limits<float>::max(), value, path, "a smaller number");
        out = static_cast<float>(wide);
    }

    void read(const json& value, const std::string& path, std::string& out) const
    {
        expect(value.is_string() || (rawText_ && value.is_primitive()), value, path, "a text");
        out = checkedText(value.is_string() ? value.get<std::string>() : value.dump(), path);
    }

    template <class T>
    void read(const json& value, const std::string& path, std::vector<T>& out) const
    {
        expect(value.is_array(), value, path, "an array");
        std::vector<T> items(value.size());
        for (size_t i = 0; i < items.size(); i++)
            read(value[i], path + "[" + std::to_string(i) + "]", items[i]);
        out = std::move(items);
    }

    template <class S>
    void read(const json& value, const std::string& path, S& out) const
    {
        Reader reader(value, path, folder_, rawText_);
        visit(reader, out);
        reader.rejectUnknown();
    }

    template <class T>
    static void readChoice(const json& value, const std::string& path, T& out, Choices<T> choices)
    {
        std::string list;
        std::vector<std::string> names;
        for (const Choice<T>& choice : choices)
        {
            if (value.is_string() && value.get_ref<const std::string&>() == choice.name)
            {
                out = choice.value;
                return;
            }
            list += (list.empty() ? "'" : ", '") + std::string(choice.name) + "'";
            if (*choice.name)
                names.push_back(choice.name);
        }
        expect(value.is_string(), value, path, (choices.size() > 1 ? "one of " : "") + list);
        const std::string text = value.get<std::string>();
        fail(path + ": '" + cutText(text) + "' is none of " + list + "; " + hint(text, names));
    }

    void readPath(const json& value, const std::string& path, std::string& out) const
    {
        std::string text;
        read(value, path, text);
        text = expandVariables(text, path);
        if (!text.empty() && !folder_.empty() && fs::path(text).is_relative())
            text = (fs::path(folder_) / text).lexically_normal().string();
        out = text;
    }

    const json& object_;
    std::string path_, folder_;
    bool rawText_;
    std::vector<std::string> known_;
};

// ---- writing ----

class Writer
{
public:
    template <class T>
    void operator()(const char* key, T& member, const char* /*help*/)
    {
        object_[key] = write(member);
    }

    template <class T>
    void operator()(const char* key, T& member, const Limits&, const char* /*help*/)
    {
        object_[key] = write(member);
    }

    template <class T>
    void operator()(const char* key, T& member, Choices<T> choices, const char* /*help*/)
    {
        for (const Choice<T>& choice : choices)
            if (choice.value == member)
                object_[key] = choice.name;
        if constexpr (std::is_same_v<T, std::string>)
            object_[key] = member;  // also values rejected by checkConfig
    }

    template <class S>
    void group(const char* key, S& member, const char* /*help*/)
    {
        object_[key] = write(member);
    }

    template <class S>
    void list(const char* key, std::vector<S>& member, const char* /*help*/)
    {
        object_[key] = write(member);
    }

    void path(const char* key, std::string& member, const char* /*help*/) { object_[key] = member; }

    nlohmann::ordered_json take() { return std::move(object_); }

private:
    using Json = nlohmann::ordered_json;

    template <class T>
    static Json write(std::vector<T>& values)
    {
        Json array = Json::array();
        for (T& value : values)
            array.push_back(write(value));
        return array;
    }

    template <class T>
    static Json write(T& value)
    {
        if constexpr (std::is_same_v<T, float>)
        {
            // The shortest decimal that converts back to the same float: 0.1, not 0.10000000149.
            std::array<char, 64> text{};
            const auto end = std::to_chars(text.data(), text.data() + text.size() - 1, value);
            return end.ec == std::errc() ? std::strtod(text.data(), nullptr) : static_cast<double>(value);
        }
        else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>)
        {
            return value;
        }
        else
        {
            Writer writer;
            visit(writer, value);
            return writer.take();
        }
    }

    Json object_ = Json::object();
};

}  // namespace

std::string cutText(const std::string& text)
{
    return text.size() <= 80 ? text : text.substr(0, 80) + "...";
}

std::string describeJson(const json& value)
{
    if (value.is_structured())
        return value.is_array() ? "an array" : "an object";
    return cutText(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string checkedText(const std::string& text, const std::string& path)
{
    if (text.find('\0') != std::string::npos)
        fail(path + ": the text contains a zero byte");
    return text;
}

std::string expandVariables(const std::string& text, const std::string& path)
{
    std::string out;
    for (size_t position = 0; position < text.size();)
    {
        const size_t begin = text.find("${", position);
        if (begin == std::string::npos)
            return out + text.substr(position);
        const size_t end = text.find('}', begin);
        if (end == std::string::npos)
            fail(path + ": \"" + cutText(text) + "\" has ${ without }");
        std::string name = text.substr(begin + 2, end - begin - 2);
        const size_t dash = name.find(":-");
        const bool hasDefault = dash != std::string::npos;
        const std::string fallback = hasDefault ? name.substr(dash + 2) : std::string();
        name.resize(hasDefault ? dash : name.size());
        const char* const value = std::getenv(name.c_str());
        if (!hasDefault && !value)
            fail(path + ": environment variable " + cutText(name) + " is not set (or write ${" + cutText(name) +
                 ":-default})");
        out += text.substr(position, begin - position);
        out += value && *value ? std::string(value) : fallback;
        position = end + 1;
    }
    return out;
}

namespace
{

bool hasPreset(const json& object)
{
    const json* inner = &object;
    for (const char* key : {"data", "augment", "preset"})
    {
        if (!inner->is_object() || !inner->contains(key))
            return false;
        inner = &(*inner)[key];
    }
    return true;
}

}  // namespace

void readConfig(Config& config, const json& object, const std::string& folder, bool rawText)
{
    if (hasPreset(object))  // read twice: the preset comes first, wherever it stands
    {
        Config named = config;
        Reader reader(object, "", folder, rawText);
        visit(reader, named);
        applyPreset(config.data, named.data.augment.preset);
    }
    Reader reader(object, "", folder, rawText);
    visit(reader, config);
    reader.rejectUnknown();
}

nlohmann::ordered_json writeConfig(const Config& config)
{
    Config copy = config;  // visit needs mutable references: one key list for reading and writing
    Writer writer;
    visit(writer, copy);
    return writer.take();
}

}  // namespace d2det
