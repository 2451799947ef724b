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
struct SlopedTap
{
    bool inside;
    int low, high;
    T wLow, wHigh, slope;
};

//! Modern: the RoIAlign rule. Derivative 0 for u < 0 and u >= size - 1.
template <typename T>
SlopedTap<T> alignTap(T u, int size)
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
SlopedTap<T> cornerTap(T u, int size)
{
    if (!(u >= T(-0.5) && u <= T(size) - T(0.5)))
        return {false, 0, 0, T(0), T(0), T(0)};
    const T c = std::min(std::max(u, T(0)), T(size - 1));
    const int low = static_cast<int>(std::floor(c)), high = static_cast<int>(std::ceil(c));
    const T f = c - T(low);
    return {true, low, high, T(1) - f, f, high > low ? T(1) : T(0)};
}

template <typename T>
struct DeformSpan
{
    T start, length;
};

template <typename T>
DeformSpan<T> deformSpan(T lo, T hi, float stride, bool legacy)
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
    DeformSpan<T> span;
    T base;    //!< start + bin * length / K + gamma * offset * length
    int size;  //!< of the map

    Samples(const DeformRoIPoolParams& params, const DeformSpan<T>& axis, int bin, T offset, int mapSize)
        : p(params), span(axis), size(mapSize)
    {
        base = span.start + T(bin) * (span.length / T(p.pooledSize)) + T(p.gamma) * offset * span.length;
    }
    SlopedTap<T> operator[](int i) const
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

//! One pair of samples inside the map.
template <typename T>
struct Sample
{
    int r, level, bin;
    size_t cell;  //!< of the offset grid
    SlopedTap<T> y, x;
    T divisor;
    T roiHeight, roiWidth;  //!< in cells of the map
};

//! What forward and backward share: calls visit(sample) for every usable RoI, bin and pair of samples on the map.
template <typename T, typename Visit>
void forEachSample(const DeformRoIPoolParams& p, const RoIPoolInput<T>& in, Visit visit)
{
    const FeaturePyramid<T>& features = in.features;
    const int K = p.pooledSize, k = p.offsetSize, S = p.samplingRatio;
    for (int r = 0; r < in.numRois; r++)
    {
        const T* roi = in.rois + 5 * size_t(r);
        if (!ref::usableRoI(roi, features.batch))
            continue;
        const int level = ref::pyramidLevel(roi, p.finestScale, features.levels, p.legacy);
        const DeformSpan<T> spanY = deformSpan(roi[2], roi[4], features.stride[level], p.legacy);
        const DeformSpan<T> spanX = deformSpan(roi[1], roi[3], features.stride[level], p.legacy);
        for (int bin = 0; bin < K * K; bin++)
        {
            const int py = bin / K, px = bin % K;
            const size_t cell = size_t(py / (K / k)) * k + px / (K / k);
            const T* o = in.offsets ? in.offsets + size_t(r) * 2 * k * k + cell : nullptr;
            const Samples<T> ys(p, spanY, py, o ? o[size_t(k) * k] : T(0), features.height[level]);
            const Samples<T> xs(p, spanX, px, o ? o[0] : T(0), features.width[level]);
            const T divisor = p.legacy ? T(ys.countInside()) * T(xs.countInside()) : T(S) * T(S);
            for (int i = 0; i < S * S; i++)
            {
                const SlopedTap<T> y = ys[i / S], x = xs[i % S];
                if (y.inside && x.inside)
                    visit(Sample<T>{r, level, bin, cell, y, x, divisor, spanY.length, spanX.length});
            }
        }
    }
}

}  // namespace

template <typename T>
void deformRoIPoolRef(const DeformRoIPoolParams& p, const RoIPoolInput<T>& in, T* output)
{
    const FeaturePyramid<T>& features = in.features;
    const size_t channels = features.channels, bins = size_t(p.pooledSize) * p.pooledSize;
    std::fill(output, output + in.numRois * channels * bins, T(0));
    forEachSample(p, in,
                  [&](const Sample<T>& s)
                  {
                      const SlopedTap<T>&y = s.y, &x = s.x;
                      const int width = features.width[s.level];
                      const size_t area = size_t(features.height[s.level]) * width;
                      const T* map =
                          features.data[s.level] + static_cast<int>(in.rois[5 * size_t(s.r)]) * channels * area;
                      for (size_t c = 0; c < channels; c++)
                      {
                          const T* low = map + c * area + size_t(y.low) * width;
                          const T* high = map + c * area + size_t(y.high) * width;
                          const T value = y.wLow * (x.wLow * low[x.low] + x.wHigh * low[x.high]) +
                                          y.wHigh * (x.wLow * high[x.low] + x.wHigh * high[x.high]);
                          output[(s.r * channels + c) * bins + s.bin] += value / s.divisor;
                      }
                  });
}

template <typename T>
void deformRoIPoolBackwardRef(const DeformRoIPoolParams& p, const RoIPoolInput<T>& in, const T* gradOutput,
                              T* const* gradFeatures, T* gradOffsets)
{
    const FeaturePyramid<T>& features = in.features;
    const size_t channels = features.channels, bins = size_t(p.pooledSize) * p.pooledSize;
    const size_t cells = size_t(p.offsetSize) * p.offsetSize;
    for (int i = 0; i < features.levels; i++)
        std::fill_n(gradFeatures[i], features.batch * channels * features.height[i] * features.width[i], T(0));
    if (gradOffsets)
        std::fill_n(gradOffsets, in.numRois * 2 * cells, T(0));
    forEachSample(p, in,
                  [&](const Sample<T>& s)
                  {
                      const SlopedTap<T>&y = s.y, &x = s.x;
                      const int width = features.width[s.level];
                      const size_t area = size_t(features.height[s.level]) * width;
                      const size_t image = static_cast<int>(in.rois[5 * size_t(s.r)]) * channels * area;
                      T sumX = T(0), sumY = T(0);
                      for (size_t c = 0; c < channels; c++)
                      {
                          const T g = gradOutput[(s.r * channels + c) * bins + s.bin] / s.divisor;
                          const size_t low = image + c * area + size_t(y.low) * width;
                          const size_t high = image + c * area + size_t(y.high) * width;
                          T* gradMap = gradFeatures[s.level];
                          gradMap[low + x.low] += g * y.wLow * x.wLow;
                          gradMap[low + x.high] += g * y.wLow * x.wHigh;
                          gradMap[high + x.low] += g * y.wHigh * x.wLow;
                          gradMap[high + x.high] += g * y.wHigh * x.wHigh;
                          if (!gradOffsets)
                              continue;
                          const T* map = features.data[s.level];
                          const T ll = map[low + x.low], lh = map[low + x.high];
                          const T hl = map[high + x.low], hh = map[high + x.high];
                          sumX += g * x.slope * (y.wLow * (lh - ll) + y.wHigh * (hh - hl));
                          sumY += g * y.slope * (x.wLow * (hl - ll) + x.wHigh * (hh - lh));
                      }
                      if (!gradOffsets)
                          return;
                      T* grad = gradOffsets + size_t(s.r) * 2 * cells + s.cell;
                      grad[0] += T(p.gamma) * s.roiWidth * sumX;
                      grad[cells] += T(p.gamma) * s.roiHeight * sumY;
                  });
}

#define REFERENCES(T)                                                                                                  \
    template void deformRoIPoolRef<T>(const DeformRoIPoolParams&, const RoIPoolInput<T>&, T*);                         \
    template void deformRoIPoolBackwardRef<T>(const DeformRoIPoolParams&, const RoIPoolInput<T>&, const T*, T* const*, \
                                              T*);
D2DET_INSTANTIATE(REFERENCES)

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
