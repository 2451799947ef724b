// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows: rows of a tensor by their indices, as D2Detections gives them.

     Y[i] = X[rows[i]], zeros where rows[i] is -1 (padding)

   Fractions of an index are cut off, as with batch indices (operators.md 2). Any other value (negative, numRows or
   more, not finite) is an error: a cv::Exception on the CPU, before anything is written. On a CUDA device its row is
   zeros: to raise there, the launcher would have to wait for the device, which no launcher does. */

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

constexpr int PADDING_ROW = -1;  //!< gives zeros
constexpr int BAD_ROW = -2;      //!< no row of X

//! The row of X that a value of `rows` stands for, PADDING_ROW or BAD_ROW.
D2DET_HOST_DEVICE inline int gatheredRow(float value, int numRows)
{
    if (value == -1)
        return PADDING_ROW;
    // double: a float would round numRows
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
