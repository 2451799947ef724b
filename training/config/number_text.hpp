// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Text form of numbers and ranges in messages and in the table of configuration keys. */

#ifndef D2DET_TRAINING_NUMBER_TEXT_HPP
#define D2DET_TRAINING_NUMBER_TEXT_HPP

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

namespace d2det
{

//! The shortest text that converts back to the same value; integers without an exponent.
template <class T>
std::string numberText(T value)
{
    if constexpr (std::is_floating_point_v<T>)
        if (std::fabs(value) < 1e16 && value == std::floor(value))
            return std::to_string(static_cast<int64_t>(value));
    std::array<char, 64> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
    return std::string(text.data(), end.ptr);
}

//! "3", "1 .. 4"
inline std::string countText(size_t least, size_t most)
{
    return std::to_string(least) + (least == most ? "" : " .. " + std::to_string(most));
}

}  // namespace d2det

#endif
