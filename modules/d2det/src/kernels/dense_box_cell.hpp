// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DenseBoxDecode: one cell, for the kernels of CPU and CUDA. Formula: dense_box_decode_ref.cpp. */

#ifndef OPENCV_D2DET_KERNELS_DENSE_BOX_CELL_HPP
#define OPENCV_D2DET_KERNELS_DENSE_BOX_CELL_HPP

#include "dense_box_decode.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

//! Corners of the box that one cell of a RoI predicts, and its point. offsets [4, k, k]
D2DET_HOST_DEVICE inline void boxOfCell(const float* roi, const float* offsets, int k, int cell, float* corners,
                                        float* point)
{
    const float w = roi[3] - roi[1], h = roi[4] - roi[2];  // without "+1" in both conventions, not clamped
    const int cells = k * k;
    const float l = offsets[cell], r = offsets[cells + cell];
    const float t = offsets[2 * cells + cell], b = offsets[3 * cells + cell];
    const float x = roi[1] + w * (static_cast<float>(cell % k) + 0.5f) / static_cast<float>(k);
    const float y = roi[2] + h * (static_cast<float>(cell / k) + 0.5f) / static_cast<float>(k);
    corners[0] = x - l * w;
    corners[1] = y - t * h;
    corners[2] = x + r * w;
    corners[3] = y + b * h;
    point[0] = x;
    point[1] = y;
}

//! Corners and weight of one cell of one RoI; false if it is not in S. offsets
//! [4, k, k], overlap [k, k]
D2DET_HOST_DEVICE inline bool decodeCell(const DenseBoxDecodeParams& p, const float* roi, const float* offsets,
                                         const float* overlap, int k, int cell, float* corners, float* weight)
{
    const int cells = k * k;
    if (!std::isfinite(overlap[cell]) || !std::isfinite(offsets[cell]) || !std::isfinite(offsets[cells + cell]) ||
        !std::isfinite(offsets[2 * cells + cell]) || !std::isfinite(offsets[3 * cells + cell]))
        return false;
    const float probability = sigmoid(overlap[cell]);
    if (!(probability > p.overlapThreshold))
        return false;
    float point[2];
    boxOfCell(roi, offsets, k, cell, corners, point);
    *weight = p.weighted ? probability : 1.f;
    return true;
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
