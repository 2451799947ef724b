// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* OpenCV's random numbers for the tests on machines without OpenCV (GPU servers). */

#ifndef D2DET_TEST_NO_OPENCV_CORE_HPP
#define D2DET_TEST_NO_OPENCV_CORE_HPP

#include <cstdint>

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

}  // namespace cv

#endif
