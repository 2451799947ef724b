// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Transposition between planes and blocks of 16 channels, 4 x 4 values at a time. */

#include "pooling_taps.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! dst[j * dstStride + i] = src[i * srcStride + j], i, j < 4
inline void transpose4x4(const float* src, size_t srcStride, float* dst, size_t dstStride)
{
#if CV_SIMD128
    v_float32x4 a, b, c, d;
    v_transpose4x4(v_load(src), v_load(src + srcStride), v_load(src + 2 * srcStride), v_load(src + 3 * srcStride), a, b,
                   c, d);
    v_store(dst, a);
    v_store(dst + dstStride, b);
    v_store(dst + 2 * dstStride, c);
    v_store(dst + 3 * dstStride, d);
#else
    for (int j = 0; j < 4; j++)
        for (int i = 0; i < 4; i++)
            dst[j * dstStride + i] = src[i * srcStride + j];
#endif
}

constexpr size_t LINE = 16;  //!< floats per cache line: a line of a plane is used up before the next plane's is touched

}  // namespace

void blockToLanes(const float* src, size_t planeStride, int channels, size_t count, float* dst)
{
    const int whole = channels / 4 * 4;
    for (size_t begin = 0; begin < count; begin += LINE)
    {
        const size_t end = std::min(begin + LINE, count);
        for (int c = 0; c < whole; c += 4)
        {
            const float* plane = src + c * planeStride;
            size_t i = begin;
            for (; i + 4 <= end; i += 4)
                transpose4x4(plane + i, planeStride, dst + i * LANES + c, LANES);
            for (; i < end; i++)
                for (int j = 0; j < 4; j++)
                    dst[i * LANES + c + j] = plane[j * planeStride + i];
        }
        for (int c = whole; c < LANES; c++)
            for (size_t i = begin; i < end; i++)
                dst[i * LANES + c] = c < channels ? src[c * planeStride + i] : 0.f;
    }
}

void lanesToBlock(const float* src, size_t count, int channels, float* dst, size_t planeStride)
{
    const int whole = channels / 4 * 4;
    for (size_t begin = 0; begin < count; begin += LINE)
    {
        const size_t end = std::min(begin + LINE, count);
        for (int c = 0; c < whole; c += 4)
        {
            float* plane = dst + c * planeStride;
            size_t i = begin;
            for (; i + 4 <= end; i += 4)
                transpose4x4(src + i * LANES + c, LANES, plane + i, planeStride);
            for (; i < end; i++)
                for (int j = 0; j < 4; j++)
                    plane[j * planeStride + i] = src[i * LANES + c + j];
        }
        for (int c = whole; c < channels; c++)
            for (size_t i = begin; i < end; i++)
                dst[c * planeStride + i] = src[i * LANES + c];
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
