// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Non-maximum suppression: hard, linear soft and gaussian soft. Contract: operators.md 2 and 3.7. */

#ifndef OPENCV_D2DET_KERNELS_NMS_HPP
#define OPENCV_D2DET_KERNELS_NMS_HPP

#include "common.hpp"

#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

enum class NMSMode
{
    HARD,
    SOFT_LINEAR,
    SOFT_GAUSSIAN
};

//! Factor by which a box emitted with overlap u lowers the score of another one.
D2DET_HOST_DEVICE inline float decay(float u, float threshold, float sigma, bool gaussian)
{
    if (gaussian)
        return u > 0 ? std::exp(-u * u / sigma) : 1.f;
    return u > threshold ? 1.f - u : 1.f;
}

/** Hard NMS of boxes [n, 4] already in descending order of score: a kept box removes every later one with
    IoU > threshold (strict). Returns kept positions in order; stops after `limit` kept boxes (<= 0: no limit). */
std::vector<int> hardNmsRef(const float* boxes, int n, float threshold, bool legacy, int limit);
std::vector<int> hardNmsCpu(const float* boxes, int n, float threshold, bool legacy, int limit);

/** Soft-NMS of boxes [n, 4] with `scores` [n] (changed in place). Emission order is returned; scores[i] of an emitted
    box holds its decayed score, those of the others are unspecified. Stops when the best remaining score is < minScore or
    after `limit` boxes (<= 0: no limit). A NaN score is never emitted. */
std::vector<int> softNmsRef(const float* boxes, float* scores, int n, float threshold, float sigma, float minScore,
                            bool gaussian, bool legacy, int limit = 0);
std::vector<int> softNmsCpu(const float* boxes, float* scores, int n, float threshold, float sigma, float minScore,
                            bool gaussian, bool legacy, int limit = 0);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
