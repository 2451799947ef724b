// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Non-maximum suppression: hard, linear soft and gaussian soft. Contract: operators.md 2 and 3.7. */

#ifndef OPENCV_D2DET_KERNELS_NMS_HPP
#define OPENCV_D2DET_KERNELS_NMS_HPP

#include "common.hpp"
#include "launcher.hpp"

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

struct HardNMSParams
{
    float threshold = 0.5f;
    bool legacy = false;
    int limit = 0;  //!< stop after so many boxes; <= 0: no limit
};

struct SoftNMSParams
{
    float threshold = 0.5f;               //!< linear: no decay for IoU <= threshold
    float sigma = 0.5f;                   //!< gaussian
    float minScore = 0.001f;              //!< boxes with a lower score are dropped
    NMSMode mode = NMSMode::SOFT_LINEAR;  //!< SOFT_LINEAR or SOFT_GAUSSIAN
    bool legacy = false;
    int limit = 0;  //!< stop after so many boxes; <= 0: no limit
};

//! Decay factor of the score of a box with IoU u to an emitted box.
D2DET_HOST_DEVICE inline float decay(const SoftNMSParams& p, float u)
{
    if (p.mode == NMSMode::SOFT_GAUSSIAN)
        return u > 0 ? std::exp(-u * u / p.sigma) : 1.f;
    return u > p.threshold ? 1.f - u : 1.f;
}

/** Hard NMS of boxes [n, 4] already in descending order of score: a kept box removes every later one with
    IoU > threshold (strict). Returns kept positions in order. */
std::vector<int> hardNMSRef(const HardNMSParams& p, const float* boxes, int n);
std::vector<int> hardNMSCpu(const HardNMSParams& p, const float* boxes, int n);

/** Soft-NMS of boxes [n, 4] with `scores` [n] (changed in place). Emission order is returned; scores[i] of an emitted
    box holds its decayed score, those of the others are unspecified. A NaN score is never emitted. */
std::vector<int> softNMSRef(const SoftNMSParams& p, const float* boxes, float* scores, int n);
std::vector<int> softNMSCpu(const SoftNMSParams& p, const float* boxes, float* scores, int n);

}  // namespace kernels

namespace cuda
{

struct NMSOutput
{
    int* kept;     //!< [n]: kept positions, or order of emission; entries from *numKept on are -1
    int* numKept;  //!< one
};

Status hardNMS(const kernels::HardNMSParams& p, const float* boxes, int n, const NMSOutput& out, Stream stream);

//! @param boxes [n, 4] in any order
Status softNMS(const kernels::SoftNMSParams& p, const float* boxes, float* scores, int n, const NMSOutput& out,
               Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
