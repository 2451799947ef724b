// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Text formatting for messages and tables. */

#include "base/text.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iomanip>
#include <locale>
#include <numeric>
#include <sstream>

namespace d2det
{

namespace
{

//! True for a continuation byte of a UTF-8 character.
bool isContinuation(char c)
{
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

}  // namespace

bool startsWith(const std::string& text, const std::string& prefix)
{
    return text.compare(0, prefix.size(), prefix) == 0;
}

size_t editDistance(const std::string& a, const std::string& b)
{
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); i++)
    {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); j++)
        {
            const size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return row[b.size()];
}

std::vector<std::string> nearestNames(const std::string& name, const std::vector<std::string>& known, size_t count)
{
    const auto lower = [](std::string text)
    {
        text.resize(std::min<size_t>(text.size(), 80));  // time proportional to the product of the lengths
        std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
        return text;
    };
    std::vector<std::pair<size_t, size_t>> order;  // distance, index
    for (size_t i = 0; i < known.size(); i++)
        order.emplace_back(editDistance(lower(known[i]), lower(name)), i);
    std::sort(order.begin(), order.end());
    std::vector<std::string> nearest;
    for (size_t i = 0; i < order.size() && i < count; i++)
        nearest.push_back(known[order[i].second]);
    return nearest;
}

bool matchesPattern(const std::string& text, const std::string& pattern)
{
    size_t at = 0, star = std::string::npos, resume = 0;  // behind a star the text may begin later
    size_t p = 0;
    while (at < text.size())
        if (p < pattern.size() && pattern[p] == '*')
        {
            star = p++;
            resume = at;
        }
        else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[at]))
        {
            p++;
            at++;
        }
        else if (star != std::string::npos)
        {
            p = star + 1;
            at = ++resume;
        }
        else
            return false;
    return pattern.find_first_not_of('*', p) == std::string::npos;
}

std::string formatDuration(double seconds)
{
    if (!std::isfinite(seconds) || seconds < 0)
        return "?";
    const auto total = std::llround(seconds);
    char text[64];
    if (total >= 3600)
        std::snprintf(text, sizeof(text), "%lldh%02lldm", total / 3600, total / 60 % 60);
    else
        std::snprintf(text, sizeof(text), "%lldm%02llds", total / 60, total % 60);
    return text;
}

std::string counted(int64_t count, const std::string& what)
{
    const char last = what.empty() ? ' ' : what.back();
    const char* const ending = count == 1 ? "" : last == 's' || last == 'x' ? "es" : "s";
    return std::to_string(count) + " " + what + ending;
}

std::string shellCommand(const std::vector<std::string>& arguments)
{
    const auto plain = [](unsigned char c) { return std::isalnum(c) || std::strchr("_-./=:,@%+", c); };
    std::string line;
    for (const std::string& argument : arguments)
    {
        line += line.empty() ? "" : " ";
        if (!argument.empty() && std::all_of(argument.begin(), argument.end(), plain))
        {
            line += argument;
            continue;
        }
        line += '\'';
        for (const char c : argument)
            line += c == '\'' ? std::string("'\\''") : std::string(1, c);
        line += '\'';
    }
    return line;
}

std::string csvField(const std::string& text)
{
    if (text.find_first_of(",\"\r\n") == std::string::npos)
        return text;
    std::string quoted = "\"";
    for (const char c : text)
        quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

size_t countCharacters(const std::string& text)
{
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !isContinuation(c); }));
}

std::string shortened(const std::string& text, size_t limit)
{
    if (countCharacters(text) <= limit)
        return text;
    size_t end = 0;
    for (size_t characters = 0; end < text.size(); end++)
        if (!isContinuation(text[end]) && ++characters == limit)
            break;
    return limit == 0 ? std::string() : text.substr(0, end) + "\xe2\x80\xa6";
}

std::string formatNumber(double value, int decimals)
{
    if (!std::isfinite(value))
        return "-";
    std::ostringstream out;
    out.imbue(std::locale::classic());
    const bool huge = std::abs(value) >= 1e9;
    if (huge)
        out << std::scientific << std::setprecision(2) << value;
    else
        out << std::fixed << std::setprecision(decimals) << value;
    const std::string text = out.str();
    return text.find_first_of("123456789") == std::string::npos && text[0] == '-' ? text.substr(1) : text;
}

}  // namespace d2det
