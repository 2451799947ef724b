// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows: selects rows of a tensor by index (second output of D2Detections).

     Y[i] = X[rows[i]], zeros where rows[i] is -1 (padding)

   Indices are truncated, as are batch indices (operators.md 2). Any other value (below -1, numRows or more, not finite)
   raises cv::Exception on the CPU before any output is written. On a CUDA device the output row is zero, since an
   exception would require synchronization with the device (launcher.hpp). */

#ifndef OPENCV_D2DET_KERNELS_GATHER_ROWS_HPP
#define OPENCV_D2DET_KERNELS_GATHER_ROWS_HPP

#include "common.hpp"
#include "launcher.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

template <typename T>
struct GatherRowsInput
{
    const T* X;  //!< [numRows, rowSize]
    int numRows;
    size_t rowSize;
    const T* rows;  //!< [count]
    int count;
};

constexpr int PADDING_ROW = -1;  //!< output: zeros
constexpr int BAD_ROW = -2;      //!< invalid index

//! Row of X for a value of `rows`, or PADDING_ROW, or BAD_ROW.
D2DET_HOST_DEVICE inline int gatheredRow(float value, int numRows)
{
    if (value == -1)
        return PADDING_ROW;
    // double, since float rounds numRows
    return value > -1 && value < static_cast<double>(numRows) ? static_cast<int>(value) : BAD_ROW;
}

//! Y [count, rowSize]
template <typename T>
void gatherRowsRef(const GatherRowsInput<T>& in, T* Y);
void gatherRowsCpu(const GatherRowsInput<float>& in, float* Y);

}  // namespace kernels

namespace cuda
{

Status gatherRows(const kernels::GatherRowsInput<float>& in, float* Y, Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
