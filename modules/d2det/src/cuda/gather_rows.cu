// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows. Contract: kernels/gather_rows.hpp; an index that is no row gives zeros.

   One block per part of a row; the index is read once. Estimate, not measured, for 100 rows of 576 x 7 x 7: 11 MB read
   and 11 MB written, 0.01 ms at 3 TB/s. */

#include "launch.hpp"

#include "../kernels/gather_rows.hpp"

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
constexpr int MAX_GRID_Y = 65535;  //!< limit of CUDA

__global__ void __launch_bounds__(THREADS) gatherKernel(kernels::GatherRowsInput<float> in, float* Y)
{
    const size_t step = static_cast<size_t>(gridDim.x) * THREADS;
    for (size_t i = blockIdx.y; i < static_cast<size_t>(in.count); i += gridDim.y)
    {
        const int row = kernels::gatheredRow(in.rows[i], in.numRows);
        float* const y = Y + i * in.rowSize;
        for (size_t j = blockIdx.x * static_cast<size_t>(THREADS) + threadIdx.x; j < in.rowSize; j += step)
            y[j] = row < 0 ? 0.f : in.X[row * in.rowSize + j];
    }
}

}  // namespace

Status gatherRows(const kernels::GatherRowsInput<float>& in, float* Y, Stream stream)
{
    if (in.numRows < 0 || in.count < 0 || in.rowSize > INT32_MAX)
        return Status::INVALID;
    if (in.count == 0 || in.rowSize == 0)
        return Status::SUCCESS;
    const dim3 grid(stridedBlocks(ceilDiv(static_cast<int64_t>(in.rowSize), PER_THREAD), THREADS),
                    static_cast<unsigned>(kernels::min2(in.count, MAX_GRID_Y)));
    launch(gatherKernel, grid, THREADS, 0, stream, in, Y);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
