// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Transposition by OpenCV's universal intrinsics; plain loops without OpenCV (macro D2DET_NO_OPENCV). */

#ifndef OPENCV_D2DET_KERNELS_TRANSPOSE_HPP
#define OPENCV_D2DET_KERNELS_TRANSPOSE_HPP

#include "simd.hpp"

#include <cstddef>

#ifdef D2DET_NO_OPENCV
#define D2DET_SIMD128 0
#else
#include "opencv2/core/hal/intrin.hpp"
#define D2DET_SIMD128 CV_SIMD128
#endif

namespace cv
{
namespace d2det
{
namespace kernels
{

//! 4 x 4 values: out[i * stride + j] = in j [i]
D2DET_INLINE void transpose4x4(const float* in0, const float* in1, const float* in2, const float* in3, float* out,
                               size_t stride)
{
#if D2DET_SIMD128
    v_float32x4 x[4];
    v_transpose4x4(v_load(in0), v_load(in1), v_load(in2), v_load(in3), x[0], x[1], x[2], x[3]);
    for (int i = 0; i < 4; i++)
        v_store(out + i * stride, x[i]);
#else
    for (int i = 0; i < 4; i++)
    {
        out[i * stride] = in0[i];
        out[i * stride + 1] = in1[i];
        out[i * stride + 2] = in2[i];
        out[i * stride + 3] = in3[i];
    }
#endif
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
