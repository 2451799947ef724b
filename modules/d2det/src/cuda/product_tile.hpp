// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Inner part of the matrix products in float32 of roi_conv.cu and deform_conv2d.cu: what a thread of a block of 256
   adds up of a tile of SIZE x SIZE, from blocks of the depth in shared memory. */

#ifndef OPENCV_D2DET_CUDA_PRODUCT_TILE_HPP
#define OPENCV_D2DET_CUDA_PRODUCT_TILE_HPP

#include "launch.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

constexpr int PRODUCT_THREADS = 256;
constexpr int BK = 16;  //!< depth of a block

//! EDGE x EDGE values: rows place(ty, i), columns place(tx, j).
template <int SIZE>
struct ProductTile
{
    static constexpr int EDGE = SIZE / 16;
    float sums[EDGE][EDGE] = {};

    //! Rows come in runs of 4 where EDGE is 8, so that they are read as vectors; columns likewise.
    __device__ static int place(int thread, int i) { return i / 4 * (SIZE / (EDGE / 4)) + thread * 4 + i % 4; }

    __device__ void multiply(const float (*sharedA)[SIZE + 4], const float (*sharedB)[SIZE])
    {
        const int ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll
        for (int k = 0; k < BK; k++)
        {
            __align__(16) float a[EDGE], b[EDGE];
#pragma unroll
            for (int i = 0; i < EDGE; i += 4)
            {
                reinterpret_cast<float4&>(a[i]) = reinterpret_cast<const float4&>(sharedA[k][place(ty, i)]);
                reinterpret_cast<float4&>(b[i]) = reinterpret_cast<const float4&>(sharedB[k][place(tx, i)]);
            }
#pragma unroll
            for (int i = 0; i < EDGE; i++)
#pragma unroll
                for (int j = 0; j < EDGE; j++)
                    sums[i][j] = fmaf(a[i], b[j], sums[i][j]);
        }
    }
};

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
