// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Common rules of the references (<op>_ref.cpp), a second implementation of operators.md 2, 3.1. Fast kernels and CUDA
   kernels must not include this header, so that an error in one of their helpers cannot also be in the test oracle.
   Decisions (levels, suppression, order) must agree with the fast kernels bit for bit: the order of operations is that
   of the contract. */

#ifndef OPENCV_D2DET_KERNELS_REF_RULES_HPP
#define OPENCV_D2DET_KERNELS_REF_RULES_HPP

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{
namespace ref
{

//! 1 for boxes that include both end pixels, else 0.
template <typename T>
T endPixel(bool legacy)
{
    return legacy ? T(1) : T(0);
}

//! Five finite values and an image of the batch; the image index is truncated, so -0.5 is image 0.
template <typename T>
bool usableRoI(const T* roi, int batch)
{
    const bool finite = std::all_of(roi, roi + 5, [](T x) { return std::isfinite(x); });
    return finite && roi[0] > T(-1) && roi[0] < T(batch);
}

//! clamp(floor(log2(sqrt(w h) / finestScale + 1e-6)), 0, levels - 1)
template <typename T>
int pyramidLevel(const T* roi, float finestScale, int levels, bool legacy)
{
    const T w = std::max(roi[3] - roi[1] + endPixel<T>(legacy), T(0));
    const T h = std::max(roi[4] - roi[2] + endPixel<T>(legacy), T(0));
    const T exact = std::log2(std::sqrt(w * h) / T(finestScale) + T(1e-6));
    int level = 0;
    while (level < levels - 1 && exact >= T(level + 1))
        level++;
    return level;
}

//! Without overflow: exp of negative arguments only.
template <typename T>
T sigmoid(T x)
{
    return x >= 0 ? T(1) / (T(1) + std::exp(-x)) : std::exp(x) / (T(1) + std::exp(x));
}

//! Intersection over union; 0 where the union is not positive.
template <typename T>
T boxIoU(const T* a, const T* b, bool legacy)
{
    const T o = endPixel<T>(legacy);
    const auto area = [o](const T* box)
    { return std::max(box[2] - box[0] + o, T(0)) * std::max(box[3] - box[1] + o, T(0)); };
    const T common[4] = {std::max(a[0], b[0]), std::max(a[1], b[1]), std::min(a[2], b[2]), std::min(a[3], b[3])};
    const T intersection = area(common), both = area(a) + area(b) - intersection;
    return both > 0 ? intersection / both : T(0);
}

//! x into [0, width - o], y into [0, height - o], o = 1 if legacy.
template <typename T>
void clipBox(T* box, T height, T width, bool legacy)
{
    const T limits[2] = {width - endPixel<T>(legacy), height - endPixel<T>(legacy)};
    for (int i = 0; i < 4; i++)
        box[i] = std::min(std::max(box[i], T(0)), limits[i % 2]);
}

//! Center moved by delta * size, size times exp(delta), which is at most exp(most) (legacy: at least exp(-most) too).
template <typename T>
void decodeDeltas(const T* anchor, const T* deltas, T most, bool legacy, T* box)
{
    const T o = endPixel<T>(legacy), half = T(0.5);
    for (int axis = 0; axis < 2; axis++)
    {
        const T size = anchor[axis + 2] - anchor[axis] + o, center = (anchor[axis] + anchor[axis + 2]) * half;
        T growth = std::min(deltas[axis + 2], most);
        if (legacy)
            growth = std::max(growth, -most);
        const T newCenter = center + deltas[axis] * size, newSize = size * std::exp(growth);
        box[axis] = newCenter - half * newSize + half * o;
        box[axis + 2] = newCenter + half * newSize - half * o;
    }
}

//! Indices of `keys` in descending order, equal ones in ascending order of index, NaN last.
inline std::vector<int> sortDescending(const std::vector<float>& keys)
{
    std::vector<int> order(keys.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&keys](int a, int b) { return std::isnan(keys[b]) ? !std::isnan(keys[a]) : keys[a] > keys[b]; });
    return order;
}

}  // namespace ref
}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
