// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Sample positions of the RoI pooling operators per axis, for the fast kernels of CPU and CUDA. Contract: operators.md
   3.2, 3.3. A sample depends on one or two cells per axis (taps); samples of a bin on the same cell are merged. The
   value of a bin is the sum over row taps and column taps of weight * weight * value. */

#ifndef OPENCV_D2DET_KERNELS_TAPS_HPP
#define OPENCV_D2DET_KERNELS_TAPS_HPP

#include "deform_roi_pool.hpp"
#include "roi_align.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

constexpr int MAX_ADAPTIVE_SAMPLES = 256;  //!< per bin and axis, so that a malformed RoI costs bounded time

//! Cell of an axis: weight in the average of the bin, and derivative of the weight by the sampling coordinate.
struct Tap
{
    int index;
    float weight;
    float slope;
};

//! RoIAlign rule (operators.md 3.2): writes 0, 1 or 2 taps of the sample at `coord`, returns the number of taps.
D2DET_HOST_DEVICE inline int alignTaps(float coord, int size, float weight, Tap* taps)
{
    if (!(coord >= -1.f && coord <= static_cast<float>(size)))  // also NaN
        return 0;
    const float c = max2(coord, 0.f);
    const int low = static_cast<int>(c);
    if (low >= size - 1)
    {
        taps[0] = {size - 1, weight, 0.f};
        return 1;
    }
    const float f = c - static_cast<float>(low), slope = coord >= 0.f ? weight : 0.f;
    taps[0] = {low, (1.f - f) * weight, -slope};
    taps[1] = {low + 1, f * weight, slope};
    return 2;
}

//! Rule of the official deformable kernel (operators.md 3.3, legacy).
D2DET_HOST_DEVICE inline int cornerTaps(float coord, int size, float weight, Tap* taps)
{
    if (!(coord >= -0.5f && coord <= static_cast<float>(size) - 0.5f))
        return 0;
    const float c = min2(max2(coord, 0.f), static_cast<float>(size - 1));
    const int low = static_cast<int>(c);
    const float f = c - static_cast<float>(low);
    if (f == 0.f)
    {
        taps[0] = {low, weight, 0.f};
        return 1;
    }
    taps[0] = {low, (1.f - f) * weight, -weight};
    taps[1] = {low + 1, f * weight, weight};
    return 2;
}

//! Adds n taps in ascending order of cells to the `used` taps of a bin; returns the new number of taps.
D2DET_HOST_DEVICE inline int mergeTaps(const Tap* taps, int n, Tap* own, int used)
{
    for (int i = 0; i < n; i++)
    {
        int j = used - 1;
        while (j >= 0 && own[j].index > taps[i].index)
            j--;
        if (j >= 0 && own[j].index == taps[i].index)
        {
            own[j].weight += taps[i].weight;
            own[j].slope += taps[i].slope;
        }
        else
            own[used++] = taps[i];
    }
    return used;
}

//! One axis of one RoI under RoIAlign's rules, in cells of a map of length `size`.
struct AlignAxis
{
    float start, binLength;
    int samples;  //!< per bin
    int size;
};

D2DET_HOST_DEVICE inline AlignAxis makeAlignAxis(const RoIAlignParams& p, float lo, float hi, float stride, int bins,
                                                 int size)
{
    const float s = 1.f / stride;
    const float start = p.legacy || !p.aligned ? lo * s : lo * s - 0.5f;
    const float length = p.legacy ? max2((hi + 1.f) * s - lo * s, 0.f) : max2(hi * s - lo * s, p.aligned ? 0.f : 1.f);
    const float binLength = length / static_cast<float>(bins);
    int samples = p.samplingRatio;
    if (samples <= 0)
    {
        const float n = std::ceil(binLength);
        samples = !(n > 0.f)                                      ? 0
                  : n >= static_cast<float>(MAX_ADAPTIVE_SAMPLES) ? MAX_ADAPTIVE_SAMPLES
                                                                  : static_cast<int>(n);
    }
    return {start, binLength, samples, size};
}

//! Coordinate of sample i of bin b.
D2DET_HOST_DEVICE inline float sampleCoord(const AlignAxis& axis, int b, int i)
{
    const float position = static_cast<float>(b) + (static_cast<float>(i) + 0.5f) / static_cast<float>(axis.samples);
    return axis.start + position * axis.binLength;
}

//! Writes 0, 1 or 2 taps of sample i of bin b, returns the number of taps. Weights include the average over the bin.
D2DET_HOST_DEVICE inline int sampleTaps(const AlignAxis& axis, int b, int i, Tap* taps)
{
    return alignTaps(sampleCoord(axis, b, i), axis.size, 1.f / static_cast<float>(axis.samples), taps);
}

//! One axis of one RoI under the rules of deformable pooling.
struct DeformAxis
{
    float start, length;
    float binLength, step;  //!< length of a bin; distance of its samples
    int size;
};

D2DET_HOST_DEVICE inline DeformAxis makeDeformAxis(const DeformRoIPoolParams& p, float lo, float hi, float stride,
                                                   int size)
{
    const float s = 1.f / stride;
    DeformAxis axis;
    axis.start = p.legacy ? std::round(lo) * s - 0.5f : lo * s - 0.5f;
    axis.length = p.legacy ? max2((std::round(hi) + 1.f) * s - 0.5f - axis.start, 0.1f) : max2(hi * s - lo * s, 0.f);
    axis.binLength = axis.length / static_cast<float>(p.pooledSize);
    axis.step = axis.binLength / static_cast<float>(p.samplingRatio);
    axis.size = size;
    return axis;
}

//! Coordinate of sample i of bin b displaced by `offset`.
D2DET_HOST_DEVICE inline float sampleCoord(const DeformRoIPoolParams& p, const DeformAxis& axis, int b, float offset,
                                           int i)
{
    const float base = axis.start + static_cast<float>(b) * axis.binLength + p.gamma * offset * axis.length;
    return base + (static_cast<float>(i) + (p.legacy ? 0.f : 0.5f)) * axis.step;
}

//! Taps of that sample, weight 1: the divisor depends on the samples inside (legacy).
D2DET_HOST_DEVICE inline int sampleTaps(const DeformRoIPoolParams& p, const DeformAxis& axis, int b, float offset,
                                        int i, Tap* taps)
{
    const float coord = sampleCoord(p, axis, b, offset, i);
    return p.legacy ? cornerTaps(coord, axis.size, 1.f, taps) : alignTaps(coord, axis.size, 1.f, taps);
}

//! Factor for the taps of a bin with `inside` samples on the map.
D2DET_HOST_DEVICE inline float sampleShare(const DeformRoIPoolParams& p, int inside)
{
    return 1.f / static_cast<float>(max2(p.legacy ? inside : p.samplingRatio, 1));
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
