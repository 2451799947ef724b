// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows. Contract: kernels/gather_rows.hpp; an index that is no row gives zeros.

   A block copies a piece of a row, its index read once. Estimate for 100 rows of 576 x 7 x 7: 11 MB read and 11 MB written,
   0.01 ms at 3 TB/s. */

#include "launch.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

namespace
{

constexpr int THREADS = 256;
constexpr int PER_THREAD = 4;      //!< values of a row
constexpr int MAX_GRID_Y = 65535;  //!< what a device allows

__global__ void __launch_bounds__(THREADS)
    gatherKernel(const float* X, int numRows, size_t rowSize, const float* rows, int count, float* Y)
{
    const size_t step = static_cast<size_t>(gridDim.x) * THREADS;
    for (size_t i = blockIdx.y; i < static_cast<size_t>(count); i += gridDim.y)
    {
        const int row = kernels::gatheredRow(rows[i], numRows);
        float* const y = Y + i * rowSize;
        for (size_t j = blockIdx.x * static_cast<size_t>(THREADS) + threadIdx.x; j < rowSize; j += step)
            y[j] = row < 0 ? 0.f : X[row * rowSize + j];
    }
}

}  // namespace

Status gatherRows(const float* X, int numRows, size_t rowSize, const float* rows, int count, float* Y, Stream stream)
{
    if (numRows < 0 || count < 0 || rowSize > INT32_MAX)
        return INVALID;
    if (count == 0 || rowSize == 0)
        return SUCCESS;
    const dim3 grid(stridedBlocks(ceilDiv(static_cast<int64_t>(rowSize), PER_THREAD), THREADS),
                    static_cast<unsigned>(kernels::smaller(count, MAX_GRID_Y)));
    launch(gatherKernel, grid, THREADS, 0, stream, X, numRows, rowSize, rows, count, Y);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
