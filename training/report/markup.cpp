// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "report/markup.hpp"

#include <algorithm>

namespace d2det
{

namespace
{

bool isContinuation(char c)
{
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

//! Bytes of the UTF-8 character that begins at `at`, 0 if none does (RFC 3629: shortest form, no surrogates).
size_t characterLength(const std::string& text, size_t at)
{
    const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const unsigned first = byte(at), second = byte(at + 1);
    if (first < 0x80)
        return 1;
    const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || at + length > text.size())
        return 0;
    for (size_t i = 1; i < length; i++)
        if (!isContinuation(text[at + i]))
            return 0;
    const bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
                       (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90);
    return wrong ? 0 : length;
}

const char* const REPLACEMENT = "\xef\xbf\xbd";

std::string escapeAscii(char c)
{
    switch (c)
    {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '"':
            return "&quot;";
        case '\'':
            return "&#39;";
        case '\t':
        case '\n':
        case '\r':
            return " ";
        default:
            return static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? REPLACEMENT : std::string(1, c);
    }
}

}  // namespace

std::string escapeMarkup(const std::string& text)
{
    std::string result;
    for (size_t i = 0; i < text.size();)
    {
        const size_t length = characterLength(text, i);
        if (length == 0)
            result += REPLACEMENT;
        else if (length == 1)
            result += escapeAscii(text[i]);
        else
            result.append(text, i, length);
        i += std::max<size_t>(length, 1);
    }
    return result;
}

std::string base64(const std::vector<unsigned char>& bytes)
{
    static const char* const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3)
    {
        const size_t left = bytes.size() - i;
        const unsigned bits = bytes[i] << 16 | (left > 1 ? bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
        text += digits[bits >> 18];
        text += digits[bits >> 12 & 63];
        text += left > 1 ? digits[bits >> 6 & 63] : '=';
        text += left > 2 ? digits[bits & 63] : '=';
    }
    return text;
}

}  // namespace d2det
