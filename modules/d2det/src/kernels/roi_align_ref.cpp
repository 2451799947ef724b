// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIAlign, naive form: every sample on its own. The oracle of roi_align_cpu.cpp. Contract: operators.md 3.2, 5. */

#include "roi_align.hpp"
#include "ref_rules.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! Interpolation along one axis: weight wLow on cell `low`, wHigh on cell `high`; both 0 outside the map.
template <typename T>
struct BilinearTap
{
    int low, high;
    T wLow, wHigh;
};

template <typename T>
BilinearTap<T> alignTap(T coord, int size)
{
    if (!(coord >= T(-1) && coord <= T(size)))  // also NaN
        return {0, 0, T(0), T(0)};
    const T c = std::max(coord, T(0));
    const int low = static_cast<int>(c);
    if (low >= size - 1)
        return {size - 1, size - 1, T(1), T(0)};
    const T f = c - T(low);
    return {low, low + 1, T(1) - f, f};
}

//! The part of an axis that a RoI covers, in cells, and its number of samples per bin.
template <typename T>
struct AlignSpan
{
    T start, length;
    int samples;
};

template <typename T>
AlignSpan<T> alignSpan(const RoIAlignParams& p, T lo, T hi, float stride, int bins)
{
    const T s = T(1) / T(stride);
    AlignSpan<T> span;
    if (p.legacy)
    {
        span.start = lo * s;
        span.length = std::max((hi + T(1)) * s - lo * s, T(0));
    }
    else
    {
        span.start = p.aligned ? lo * s - T(0.5) : lo * s;
        span.length = std::max(hi * s - lo * s, p.aligned ? T(0) : T(1));
    }
    span.samples = p.samplingRatio;
    if (p.samplingRatio <= 0)
    {
        const T n = std::ceil(span.length / T(bins));
        span.samples = !(n > T(0)) ? 0 : n >= T(256) ? 256 : static_cast<int>(n);
    }
    return span;
}

//! Coordinate of sample i of bin p.
template <typename T>
T sampleCoord(const AlignSpan<T>& span, int p, int i, int bins)
{
    return span.start + (T(p) + (T(i) + T(0.5)) / T(span.samples)) * (span.length / T(bins));
}

/** Calls visit(bin, row tap, column tap, divisor) for every bin and sample of a RoI.
    Forward and backward walk the same samples. */
template <typename T, typename Visit>
void forEachSample(const RoIAlignParams& p, const T* roi, float stride, int height, int width, Visit visit)
{
    const AlignSpan<T> spanY = alignSpan(p, roi[2], roi[4], stride, p.pooledHeight);
    const AlignSpan<T> spanX = alignSpan(p, roi[1], roi[3], stride, p.pooledWidth);
    const T divisor = std::max(T(spanY.samples) * T(spanX.samples), T(1));
    for (int py = 0; py < p.pooledHeight; py++)
        for (int px = 0; px < p.pooledWidth; px++)
            for (int iy = 0; iy < spanY.samples; iy++)
                for (int ix = 0; ix < spanX.samples; ix++)
                    visit(py * p.pooledWidth + px, alignTap(sampleCoord(spanY, py, iy, p.pooledHeight), height),
                          alignTap(sampleCoord(spanX, px, ix, p.pooledWidth), width), divisor);
}

}  // namespace

template <typename T>
void roiAlignRef(const RoIAlignParams& p, const RoIPoolInput<T>& in, T* output)
{
    const FeaturePyramid<T>& features = in.features;
    const int channels = features.channels, bins = p.pooledHeight * p.pooledWidth;
    std::fill(output, output + size_t(in.numRois) * channels * bins, T(0));
    for (int r = 0; r < in.numRois; r++)
    {
        const T* roi = in.rois + 5 * size_t(r);
        if (!ref::usableRoI(roi, features.batch))
            continue;
        const int level = ref::pyramidLevel(roi, p.finestScale, features.levels, p.legacy);
        const int height = features.height[level], width = features.width[level];
        const size_t area = size_t(height) * width;
        const T* map = features.data[level] + static_cast<int>(roi[0]) * channels * area;
        T* out = output + size_t(r) * channels * bins;
        forEachSample(p, roi, features.stride[level], height, width,
                      [&](int bin, const BilinearTap<T>& y, const BilinearTap<T>& x, T divisor)
                      {
                          for (int c = 0; c < channels; c++)
                          {
                              const T* low = map + c * area + size_t(y.low) * width;
                              const T* high = map + c * area + size_t(y.high) * width;
                              out[c * size_t(bins) + bin] +=
                                  (y.wLow * (x.wLow * low[x.low] + x.wHigh * low[x.high]) +
                                   y.wHigh * (x.wLow * high[x.low] + x.wHigh * high[x.high])) /
                                  divisor;
                          }
                      });
    }
}

template <typename T>
void roiAlignBackwardRef(const RoIAlignParams& p, const RoIPoolInput<T>& in, const T* gradOutput,
                         T* const* gradFeatures)
{
    const FeaturePyramid<T>& features = in.features;
    const int channels = features.channels, bins = p.pooledHeight * p.pooledWidth;
    for (int i = 0; i < features.levels; i++)
        std::fill_n(gradFeatures[i], size_t(features.batch) * channels * features.height[i] * features.width[i], T(0));
    for (int r = 0; r < in.numRois; r++)
    {
        const T* roi = in.rois + 5 * size_t(r);
        if (!ref::usableRoI(roi, features.batch))
            continue;
        const int level = ref::pyramidLevel(roi, p.finestScale, features.levels, p.legacy);
        const int height = features.height[level], width = features.width[level];
        const size_t area = size_t(height) * width;
        T* gradMap = gradFeatures[level] + static_cast<int>(roi[0]) * channels * area;
        const T* gradOut = gradOutput + size_t(r) * channels * bins;
        forEachSample(p, roi, features.stride[level], height, width,
                      [&](int bin, const BilinearTap<T>& y, const BilinearTap<T>& x, T divisor)
                      {
                          for (int c = 0; c < channels; c++)
                          {
                              const T g = gradOut[c * size_t(bins) + bin] / divisor;
                              T* low = gradMap + c * area + size_t(y.low) * width;
                              T* high = gradMap + c * area + size_t(y.high) * width;
                              low[x.low] += g * y.wLow * x.wLow;
                              low[x.high] += g * y.wLow * x.wHigh;
                              high[x.low] += g * y.wHigh * x.wLow;
                              high[x.high] += g * y.wHigh * x.wHigh;
                          }
                      });
    }
}

#define REFERENCES(T)                                                                \
    template void roiAlignRef<T>(const RoIAlignParams&, const RoIPoolInput<T>&, T*); \
    template void roiAlignBackwardRef<T>(const RoIAlignParams&, const RoIPoolInput<T>&, const T*, T* const*);
D2DET_INSTANTIATE(REFERENCES)

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
