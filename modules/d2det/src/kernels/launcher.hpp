// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The operators on a CUDA device: rules of the launchers, which every kernels/<op>.hpp declares in namespace cuda
   beside the kernels of the CPU, over the same parameter structs and layouts. They are defined in ../cuda/<op>.cu.

   Rules of every launcher:
   - Pointers to tensors are device pointers, float32, dense and row-major, aligned to at least 4 bytes (address from
     cudaMalloc plus entire floats). Structs and counts are host values, read before the call returns; only the
     pointers to tensors inside them are device pointers.
   - A launcher enqueues kernels on `stream` (nullptr: the default stream) of the current device and returns, without
     synchronization, allocation or copies to the host: counts stay on the device.
   - Every element of every output is written, padding rows too. Inputs are not changed and must not overlap outputs.
   - Invalid batch indices, values that are not finite, padding rows and empty RoIs are treated as on the CPU. No data
     leads to reads or writes outside the arrays.
   - A count of 0 (RoIs, planes, rows) is allowed; remaining outputs are still written completely.
   - Minimum size of a `workspace` parameter: the result of <op>Workspace, in bytes. Operators without that parameter
     need no workspace.
   - Errors inside kernels are reported at the next synchronization of the caller, as usual with CUDA.

   Results: the same for every run, bit for bit, except the gradients of the maps of roiAlignBackward,
   deformRoIPoolBackward and deformConv2dBackward, which are summed by atomics in changing order. They agree with the
   CPU reference within float32 rounding; decisions (levels, suppression, order) use the same expressions without fused
   multiply-add.

   No CUDA header is needed here, and none in any kernels/<op>.hpp: builds without CUDA only see declarations. */

#ifndef OPENCV_D2DET_KERNELS_LAUNCHER_HPP
#define OPENCV_D2DET_KERNELS_LAUNCHER_HPP

#include <cstddef>

struct CUstream_st;

namespace cv
{
namespace d2det
{
namespace cuda
{

using Stream = ::CUstream_st*;  //!< cudaStream_t

//! Value of a cudaError_t without a CUDA header; text: statusString().
enum class Status : int
{
    SUCCESS = 0,
    INVALID =
        1  //!< cudaErrorInvalidValue: a parameter is out of range or the workspace too small; others: from the launch
};

//! Device memory aligned to 256 bytes, free for the next launch on the same stream. It need not be initialized.
struct Workspace
{
    void* data = nullptr;
    size_t bytes = 0;
};

//! Name and meaning of a status, static memory.
const char* statusString(Status status);

/** Number of usable CUDA devices: 0 without a device or a driver.
    @param reason if not null: reason for a count of 0, static memory; "" for other counts */
int deviceCount(const char** reason = nullptr);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
