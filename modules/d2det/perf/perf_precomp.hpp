// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Head of every benchmark. They are built in OpenCV's tree only: its test module measures and reports.

   Inputs are random with fixed seeds; nothing is checked here, the tests of the module do that. */

#ifndef OPENCV_D2DET_PERF_PRECOMP_HPP
#define OPENCV_D2DET_PERF_PRECOMP_HPP

#include "opencv2/ts.hpp"

#include "opencv2/d2det.hpp"

#include "../test/shapes.hpp"

namespace opencv_test
{
using namespace perf;

inline std::vector<float> randomFloats(size_t count, float low, float high, RNG& rng)
{
    std::vector<float> values(count);
    Mat view(1, static_cast<int>(count), CV_32F, values.data());
    rng.fill(view, RNG::UNIFORM, low, high);
    return values;
}

//! Boxes [count, 4] of all sizes inside a width x height image, crowded around a few places as proposals are.
inline std::vector<float> crowdedBoxes(int count, float width, float height, RNG& rng)
{
    constexpr int PLACES = 40;
    const std::vector<float> places = randomFloats(3 * PLACES, 0.f, 1.f, rng);
    std::vector<float> boxes;
    boxes.reserve(size_t(count) * 4);
    for (int i = 0; i < count; i++)
    {
        const float* place = &places[3 * size_t(rng.uniform(0, PLACES))];
        const float side = (0.02f + 0.3f * place[2]) * height * rng.uniform(0.7f, 1.4f);
        const float x = place[0] * width + side * rng.uniform(-0.4f, 0.4f);
        const float y = place[1] * height + side * rng.uniform(-0.4f, 0.4f);
        for (const float v : {x - side / 2, y - side / 2, x + side / 2, y + side / 2})
            boxes.push_back(v);
    }
    return boxes;
}

}  // namespace opencv_test

#endif
