// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows: rows of a tensor by their indices, as D2Detections gives them.

     Y[i] = X[rows[i]], zeros where rows[i] is -1 (padding)

   X [numRows, rowSize], rows [count], Y [count, rowSize]. Fractions of an index are cut off, as with batch indices
   (operators.md 2). Any other value (negative, numRows or more, not finite) is an error: a cv::Exception on the CPU, before
   anything is written; a CUDA kernel cannot raise one without waiting for the device and gives zeros. */

#ifndef OPENCV_D2DET_KERNELS_GATHER_ROWS_HPP
#define OPENCV_D2DET_KERNELS_GATHER_ROWS_HPP

#include "common.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

constexpr int PADDING_ROW = -1;  //!< gives zeros
constexpr int BAD_ROW = -2;      //!< no row of X

//! The row of X that a value of `rows` stands for, PADDING_ROW or BAD_ROW.
D2DET_HOST_DEVICE inline int gatheredRow(double value, int numRows)
{
    if (value == -1)
        return PADDING_ROW;
    return value > -1 && value < numRows ? static_cast<int>(value) : BAD_ROW;
}

template <typename T>
void gatherRowsRef(const T* X, int numRows, size_t rowSize, const T* rows, int count, T* Y);
void gatherRowsCpu(const float* X, int numRows, size_t rowSize, const float* rows, int count, float* Y);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
