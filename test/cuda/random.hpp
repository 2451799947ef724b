// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Random inputs. */

#ifndef D2DET_TEST_CUDA_RANDOM_HPP
#define D2DET_TEST_CUDA_RANDOM_HPP

#include <opencv2/core.hpp>

#include <vector>

namespace d2det
{
namespace test
{

inline std::vector<float> uniform(size_t n, float low, float high, cv::RNG& rng)
{
    std::vector<float> x(n);
    for (float& v : x)
        v = rng.uniform(low, high);
    return x;
}

//! Boxes [n, 4] of all sizes, many of which overlap; on a grid of halves so that ties and exact borders occur.
inline std::vector<float> randomBoxes(int n, float extent, cv::RNG& rng)
{
    std::vector<float> boxes;
    for (int i = 0; i < n; i++)
    {
        const float x = rng.uniform(0.f, extent), y = rng.uniform(0.f, extent);
        const float w = rng.uniform(-1.f, extent / 3), h = rng.uniform(-1.f, extent / 3);
        for (const float v : {x, y, x + w, y + h})
            boxes.push_back(static_cast<float>(static_cast<int>(2 * v)) / 2);
    }
    return boxes;
}

}  // namespace test
}  // namespace d2det

#endif
