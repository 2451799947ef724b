// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DenseBoxDecode: k x k decoded boxes of a RoI reduced to one by the binary overlap prediction. Contract: operators.md 3.6. */

#ifndef OPENCV_D2DET_KERNELS_DENSE_BOX_DECODE_HPP
#define OPENCV_D2DET_KERNELS_DENSE_BOX_DECODE_HPP

#include "common.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

struct DenseBoxDecodeParams
{
    float overlapThreshold = 0.5f;
    bool weighted = false;  //!< mode "weighted": mean weighted by sigmoid(overlap)
    bool legacy = false;
};

//! Corners and weight of one cell of one RoI; false if it is not in S. offsets [4, k, k], overlap [k, k]
template <typename T>
D2DET_HOST_DEVICE inline bool decodeCell(const DenseBoxDecodeParams& p, const T* roi, const T* offsets,
                                         const T* overlap, int k, int cell, T* corners, T* weight)
{
    const T w = roi[3] - roi[1], h = roi[4] - roi[2];  // without "+1" in both conventions, not clamped
    const int cells = k * k;
    const T l = offsets[cell], r = offsets[cells + cell], t = offsets[2 * cells + cell], b = offsets[3 * cells + cell];
    if (!std::isfinite(overlap[cell]) || !std::isfinite(l) || !std::isfinite(r) || !std::isfinite(t) ||
        !std::isfinite(b))
        return false;
    const T probability = sigmoid(overlap[cell]);
    if (!(probability > T(p.overlapThreshold)))
        return false;
    const T x = roi[1] + w * (T(cell % k) + T(0.5)) / T(k), y = roi[2] + h * (T(cell / k) + T(0.5)) / T(k);
    corners[0] = x - l * w;
    corners[1] = y - t * h;
    corners[2] = x + r * w;
    corners[3] = y + b * h;
    *weight = p.weighted ? probability : T(1);
    return true;
}

//! rois [numRois, 5], offsets [numRois, 4, k, k] (l, r, t, b), overlap [numRois, 1, k, k] logits, imInfo [batch, 3];
//! boxes [numRois, 4]. One implementation serves as reference and in production: its cost is nothing.
template <typename T>
void denseBoxDecode(const DenseBoxDecodeParams& p, const T* rois, const T* offsets, const T* overlap, const T* imInfo,
                    int numRois, int k, int batch, T* boxes);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
