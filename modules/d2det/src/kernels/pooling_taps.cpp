// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Transposition between planes and blocks of 16 channels, 4 x 4 values at a time. */

#include "pooling_taps.hpp"
#include "transpose.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

constexpr size_t LINE = 16;  //!< floats per cache line; planes are read in entire lines

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
                transpose4x4(plane + i, plane + planeStride + i, plane + 2 * planeStride + i,
                             plane + 3 * planeStride + i, dst + i * CHANNEL_BLOCK + c, CHANNEL_BLOCK);
            for (; i < end; i++)
                for (int j = 0; j < 4; j++)
                    dst[i * CHANNEL_BLOCK + c + j] = plane[j * planeStride + i];
        }
        for (int c = whole; c < CHANNEL_BLOCK; c++)
            for (size_t i = begin; i < end; i++)
                dst[i * CHANNEL_BLOCK + c] = c < channels ? src[c * planeStride + i] : 0.f;
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
            {
                const float* in = src + i * CHANNEL_BLOCK + c;
                transpose4x4(in, in + CHANNEL_BLOCK, in + 2 * CHANNEL_BLOCK, in + 3 * CHANNEL_BLOCK, plane + i,
                             planeStride);
            }
            for (; i < end; i++)
                for (int j = 0; j < 4; j++)
                    plane[j * planeStride + i] = src[i * CHANNEL_BLOCK + c + j];
        }
        for (int c = whole; c < channels; c++)
            for (size_t i = begin; i < end; i++)
                dst[c * planeStride + i] = src[i * CHANNEL_BLOCK + c];
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
