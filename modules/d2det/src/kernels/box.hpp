// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Box arithmetic shared by the detector and the trainer: IoU, clipping, anchors, deltas. Contract: operators.md 2, 3.1.
   Boxes are (x1, y1, x2, y2); legacy boxes include both end pixels ("+1"). */

#ifndef OPENCV_D2DET_KERNELS_BOX_HPP
#define OPENCV_D2DET_KERNELS_BOX_HPP

#include "common.hpp"

#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

//! Intersection over union of two boxes; 0 where the union is not positive.
template <typename T>
D2DET_HOST_DEVICE inline T boxIoU(const T* a, const T* b, bool legacy)
{
    const T o = legacy ? T(1) : T(0);
    const T iw = max2(min2(a[2], b[2]) - max2(a[0], b[0]) + o, T(0));
    const T ih = max2(min2(a[3], b[3]) - max2(a[1], b[1]) + o, T(0));
    const T areaA = max2(a[2] - a[0] + o, T(0)) * max2(a[3] - a[1] + o, T(0));
    const T areaB = max2(b[2] - b[0] + o, T(0)) * max2(b[3] - b[1] + o, T(0));
    const T inter = iw * ih, uni = areaA + areaB - inter;
    return uni > 0 ? inter / uni : T(0);
}

//! Clamp x to [0, width - o] and y to [0, height - o], o = 1 if legacy.
template <typename T>
D2DET_HOST_DEVICE inline void clipBox(T* box, T height, T width, bool legacy)
{
    const T o = legacy ? T(1) : T(0);
    for (int i = 0; i < 4; i++)
        box[i] = min2(max2(box[i], T(0)), (i & 1 ? height : width) - o);
}

//! Nearest integer, halves to even, independent of the rounding mode of the process.
D2DET_HOST_DEVICE inline double roundHalfEven(double x)
{
    const double below = std::floor(x), rest = x - below;
    if (rest != 0.5)
        return rest < 0.5 ? below : below + 1;
    return std::fmod(below, 2.0) == 0 ? below : below + 1;
}

/** Anchor of one ratio (h / w) at cell (0, 0). Source: model.md 1.4, operators.md 3.1.

     S = scale * stride,  w = S / sqrt(r),  h = S * sqrt(r)
     modern: round(-w/2, -h/2, w/2, h/2)
     legacy: round(c - (w-1)/2, c - (h-1)/2, c + (w-1)/2, c + (h-1)/2),  c = (stride - 1)/2

   Double, because 22.627416998 / 2 must not meet a half by a float's rounding. */
D2DET_HOST_DEVICE inline void baseAnchor(float stride, float scale, float ratio, bool legacy, float* anchor)
{
    const double size = static_cast<double>(scale) * stride;
    const double center = legacy ? 0.5 * (stride - 1.0) : 0.0, o = legacy ? 1.0 : 0.0;
    const double root = std::sqrt(static_cast<double>(ratio));
    const double half[2] = {0.5 * (size / root - o), 0.5 * (size * root - o)};
    for (int i = 0; i < 4; i++)
        anchor[i] = static_cast<float>(roundHalfEven(i < 2 ? center - half[i] : center + half[i - 2]));
}

//! Anchors of all ratios, 4 floats each.
std::vector<float> baseAnchors(float stride, float scale, const std::vector<float>& ratios, bool legacy);

//! Box from an anchor and its deltas (dx, dy, dw, dh). logMax: limit of dw and dh, legacy also below
template <typename T>
D2DET_HOST_DEVICE inline void decodeDeltas(const T* anchor, const T* delta, bool legacy, T* box,
                                           T logMax = T(MAX_LOG_SCALE))
{
    const T o = legacy ? T(1) : T(0), half = legacy ? T(0.5) : T(0);
    for (int axis = 0; axis < 2; axis++)
    {
        const T size = anchor[axis + 2] - anchor[axis] + o, center = (anchor[axis] + anchor[axis + 2]) * T(0.5);
        T logScale = min2(delta[axis + 2], logMax);
        if (legacy)
            logScale = max2(logScale, -logMax);
        const T c = center + delta[axis] * size, s = size * std::exp(logScale);
        box[axis] = c - T(0.5) * s + half;
        box[axis + 2] = c + T(0.5) * s - half;
    }
}

//! Inverse of decodeDeltas.
template <typename T>
inline void encodeDeltas(const T* anchor, const T* gt, bool legacy, T* delta)
{
    const T o = legacy ? T(1) : T(0);
    for (int axis = 0; axis < 2; axis++)
    {
        const T ps = anchor[axis + 2] - anchor[axis] + o, gs = gt[axis + 2] - gt[axis] + o;
        delta[axis] = ((gt[axis] + gt[axis + 2]) * T(0.5) - (anchor[axis] + anchor[axis + 2]) * T(0.5)) / ps;
        delta[axis + 2] = std::log(gs / ps);
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
