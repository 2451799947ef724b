// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformRoIPool, naive form: every sample on its own. The oracle of deform_roi_pool_cpu.cpp.
   Contract: operators.md 3.3; gradients: operators.md 5. */

#include "deform_roi_pool.hpp"
#include "ref_rules.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

/** Interpolation along one axis: wLow on cell `low`, wHigh on cell `high`. Its derivative with respect to the
    coordinate is (map[high] - map[low]) * slope, slope 0 or 1. */
template <typename T>
struct Tap
{
    bool inside;
    int low, high;
    T wLow, wHigh, slope;
};

//! Modern: the RoIAlign rule. Derivative 0 for u < 0 and u >= size - 1.
template <typename T>
Tap<T> alignTap(T u, int size)
{
    if (!(u >= T(-1) && u <= T(size)))  // also NaN
        return {false, 0, 0, T(0), T(0), T(0)};
    const T c = std::max(u, T(0));
    const int low = static_cast<int>(c);
    if (low >= size - 1)
        return {true, size - 1, size - 1, T(1), T(0), T(0)};
    const T f = c - T(low);
    return {true, low, low + 1, T(1) - f, f, u >= T(0) ? T(1) : T(0)};
}

//! Legacy: clamp, then floor and ceil. Derivative 0 where clamped and at exact integers.
template <typename T>
Tap<T> cornerTap(T u, int size)
{
    if (!(u >= T(-0.5) && u <= T(size) - T(0.5)))
        return {false, 0, 0, T(0), T(0), T(0)};
    const T c = std::min(std::max(u, T(0)), T(size - 1));
    const int low = static_cast<int>(std::floor(c)), high = static_cast<int>(std::ceil(c));
    const T f = c - T(low);
    return {true, low, high, T(1) - f, f, high > low ? T(1) : T(0)};
}

template <typename T>
struct Span
{
    T start, length;
};

template <typename T>
Span<T> deformSpan(T lo, T hi, float stride, bool legacy)
{
    const T s = T(1) / T(stride);
    if (!legacy)
        return {lo * s - T(0.5), std::max(hi * s - lo * s, T(0))};
    const T start = std::round(lo) * s - T(0.5);
    return {start, std::max((std::round(hi) + T(1)) * s - T(0.5) - start, T(0.1))};
}

//! All samples of one bin of one axis.
template <typename T>
struct Samples
{
    const DeformRoIPoolParams& p;
    Span<T> span;
    T base;    //!< start + bin * length / K + gamma * offset * length
    int size;  //!< of the map

    Samples(const DeformRoIPoolParams& params, const Span<T>& axis, int bin, T offset, int mapSize)
        : p(params), span(axis), size(mapSize)
    {
        base = span.start + T(bin) * (span.length / T(p.pooledSize)) + T(p.gamma) * offset * span.length;
    }
    Tap<T> operator[](int i) const
    {
        const T step = span.length / T(p.pooledSize) / T(p.samplingRatio);
        const T u = base + (T(i) + (p.legacy ? T(0) : T(0.5))) * step;
        return p.legacy ? cornerTap(u, size) : alignTap(u, size);
    }
    int countInside() const
    {
        int n = 0;
        for (int i = 0; i < p.samplingRatio; i++)
            n += (*this)[i].inside;
        return n;
    }
};

/** What forward and backward share: for every usable RoI, bin and pair of samples inside the map calls
    visit(r, bin, offset cell, level, row tap, column tap, divisor, RoI height, RoI width). */
template <typename T, typename Visit>
void forEachSample(const DeformRoIPoolParams& p, const FeaturePyramid<T>& features, const T* rois, int numRois,
                   const T* offsets, Visit visit)
{
    const int K = p.pooledSize, k = p.offsetSize, S = p.samplingRatio;
    for (int r = 0; r < numRois; r++)
    {
        const T* roi = rois + 5 * size_t(r);
        if (!ref::usableRoI(roi, features.batch))
            continue;
        const int level = ref::pyramidLevel(roi, p.finestScale, features.levels, p.legacy);
        const Span<T> spanY = deformSpan(roi[2], roi[4], features.stride[level], p.legacy);
        const Span<T> spanX = deformSpan(roi[1], roi[3], features.stride[level], p.legacy);
        for (int bin = 0; bin < K * K; bin++)
        {
            const int py = bin / K, px = bin % K;
            const size_t cell = size_t(py / (K / k)) * k + px / (K / k);
            const T* o = offsets ? offsets + size_t(r) * 2 * k * k + cell : nullptr;
            const Samples<T> ys(p, spanY, py, o ? o[size_t(k) * k] : T(0), features.height[level]);
            const Samples<T> xs(p, spanX, px, o ? o[0] : T(0), features.width[level]);
            const T divisor = p.legacy ? T(ys.countInside()) * T(xs.countInside()) : T(S) * T(S);
            for (int iy = 0; iy < S; iy++)
                for (int ix = 0; ix < S; ix++)
                {
                    const Tap<T> y = ys[iy], x = xs[ix];
                    if (y.inside && x.inside)
                        visit(r, bin, cell, level, y, x, divisor, spanY.length, spanX.length);
                }
        }
    }
}

}  // namespace

template <typename T>
void deformRoIPoolRef(const DeformRoIPoolParams& p, const FeaturePyramid<T>& features, const T* rois, int numRois,
                      const T* offsets, T* output)
{
    const size_t channels = features.channels, bins = size_t(p.pooledSize) * p.pooledSize;
    std::fill(output, output + numRois * channels * bins, T(0));
    forEachSample(p, features, rois, numRois, offsets,
                  [&](int r, int bin, size_t, int level, const Tap<T>& y, const Tap<T>& x, T divisor, T, T)
                  {
                      const int width = features.width[level];
                      const size_t area = size_t(features.height[level]) * width;
                      const T* map = features.data[level] + static_cast<int>(rois[5 * size_t(r)]) * channels * area;
                      for (size_t c = 0; c < channels; c++)
                      {
                          const T* low = map + c * area + size_t(y.low) * width;
                          const T* high = map + c * area + size_t(y.high) * width;
                          const T value = y.wLow * (x.wLow * low[x.low] + x.wHigh * low[x.high]) +
                                          y.wHigh * (x.wLow * high[x.low] + x.wHigh * high[x.high]);
                          output[(r * channels + c) * bins + bin] += value / divisor;
                      }
                  });
}

template <typename T>
void deformRoIPoolBackwardRef(const DeformRoIPoolParams& p, const FeaturePyramid<T>& features, const T* rois,
                              int numRois, const T* offsets, const T* gradOutput, T* const* gradFeatures,
                              T* gradOffsets)
{
    const size_t channels = features.channels, bins = size_t(p.pooledSize) * p.pooledSize;
    const size_t cells = size_t(p.offsetSize) * p.offsetSize;
    for (int i = 0; i < features.levels; i++)
        std::fill_n(gradFeatures[i], features.batch * channels * features.height[i] * features.width[i], T(0));
    if (gradOffsets)
        std::fill_n(gradOffsets, numRois * 2 * cells, T(0));
    forEachSample(p, features, rois, numRois, offsets,
                  [&](int r, int bin, size_t cell, int level, const Tap<T>& y, const Tap<T>& x, T divisor, T roiHeight,
                      T roiWidth)
                  {
                      const int width = features.width[level];
                      const size_t area = size_t(features.height[level]) * width;
                      const size_t image = static_cast<int>(rois[5 * size_t(r)]) * channels * area;
                      T sumX = T(0), sumY = T(0);
                      for (size_t c = 0; c < channels; c++)
                      {
                          const T g = gradOutput[(r * channels + c) * bins + bin] / divisor;
                          const size_t low = image + c * area + size_t(y.low) * width;
                          const size_t high = image + c * area + size_t(y.high) * width;
                          T* gradMap = gradFeatures[level];
                          gradMap[low + x.low] += g * y.wLow * x.wLow;
                          gradMap[low + x.high] += g * y.wLow * x.wHigh;
                          gradMap[high + x.low] += g * y.wHigh * x.wLow;
                          gradMap[high + x.high] += g * y.wHigh * x.wHigh;
                          if (!gradOffsets)
                              continue;
                          const T* map = features.data[level];
                          const T ll = map[low + x.low], lh = map[low + x.high];
                          const T hl = map[high + x.low], hh = map[high + x.high];
                          sumX += g * x.slope * (y.wLow * (lh - ll) + y.wHigh * (hh - hl));
                          sumY += g * y.slope * (x.wLow * (hl - ll) + x.wHigh * (hh - lh));
                      }
                      if (!gradOffsets)
                          return;
                      T* grad = gradOffsets + size_t(r) * 2 * cells + cell;
                      grad[0] += T(p.gamma) * roiWidth * sumX;
                      grad[cells] += T(p.gamma) * roiHeight * sumY;
                  });
}

#define D2DET_INSTANTIATE(T)                                                                                         \
    template void deformRoIPoolRef<T>(const DeformRoIPoolParams&, const FeaturePyramid<T>&, const T*, int, const T*, \
                                      T*);                                                                           \
    template void deformRoIPoolBackwardRef<T>(const DeformRoIPoolParams&, const FeaturePyramid<T>&, const T*, int,   \
                                              const T*, const T*, T* const*, T*);
D2DET_INSTANTIATE(float)
D2DET_INSTANTIATE(double)
#undef D2DET_INSTANTIATE

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
