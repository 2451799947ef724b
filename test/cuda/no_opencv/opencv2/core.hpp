// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The few names of OpenCV's core that kernels and tests use, for machines without OpenCV (GPU servers): same meaning, no
   speed. RNG gives OpenCV's numbers. */

#ifndef D2DET_TEST_NO_OPENCV_CORE_HPP
#define D2DET_TEST_NO_OPENCV_CORE_HPP

#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>

namespace cv
{

//! Multiply with carry, as cv::RNG.
class RNG
{
public:
    explicit RNG(uint64_t state) : state_(state ? state : 0xffffffff) {}
    unsigned next()
    {
        state_ =
            static_cast<uint64_t>(static_cast<unsigned>(state_)) * 4164903690u + static_cast<unsigned>(state_ >> 32);
        return static_cast<unsigned>(state_);
    }
    float uniform(float low, float high)
    {
        return static_cast<float>(next()) * 2.3283064365386962890625e-10f * (high - low) + low;
    }
    int uniform(int low, int high) { return low == high ? low : static_cast<int>(next() % (high - low) + low); }

private:
    uint64_t state_;
};

struct Range
{
    int start, end;
    Range(int s, int e) : start(s), end(e) {}
};

inline void parallel_for_(const Range& range, const std::function<void(const Range&)>& body, double = -1.)
{
    body(range);
}
inline int getNumThreads()
{
    return 1;
}

template <typename T>
T* alignPtr(T* pointer, int alignment)
{
    return reinterpret_cast<T*>((reinterpret_cast<size_t>(pointer) + alignment - 1) / alignment * alignment);
}

struct Error
{
    enum Code
    {
        StsOutOfRange = -211,
        StsUnmatchedSizes = -209
    };
};

inline std::string format(const char* pattern, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, pattern);
    std::vsnprintf(text, sizeof(text), pattern, arguments);
    va_end(arguments);
    return text;
}

}  // namespace cv

#define CV_Error(code, message) throw std::runtime_error(message)

#endif
