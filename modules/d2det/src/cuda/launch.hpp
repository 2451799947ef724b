// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Shared code of the launchers: status, grid sizes, parts of a workspace. For .cu files only. */

#ifndef OPENCV_D2DET_CUDA_LAUNCH_HPP
#define OPENCV_D2DET_CUDA_LAUNCH_HPP

#include "../kernels/common.hpp"
#include "../kernels/launcher.hpp"

#include <cuda_runtime.h>

namespace cv
{
namespace d2det
{
namespace cuda
{

constexpr int WARP = 32;
constexpr unsigned FULL_MASK = 0xFFFFFFFFu;
constexpr int64_t MAX_GRID = INT32_MAX;  //!< blocks along x

//! Status of the last launch. The error is cleared, so that it is not reported again.
inline Status launchStatus()
{
    return static_cast<Status>(cudaGetLastError());
}

static_assert(Status::INVALID == static_cast<Status>(cudaErrorInvalidValue), "values of cudaError_t");
static_assert(Status::SUCCESS == static_cast<Status>(cudaSuccess), "values of cudaError_t");

inline int64_t ceilDiv(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/** Starts a kernel. Where nvcc does not compile this file the <cuda_runtime.h> of test/cuda/emulation does: it runs the
    kernel's threads on the CPU, one block after the other. */
template <typename... Params, typename... Args>
void launch(void (*kernel)(Params...), dim3 grid, dim3 threads, size_t sharedBytes, Stream stream, const Args&... args)
{
#ifdef __CUDACC__
    kernel<<<grid, threads, sharedBytes, stream>>>(args...);
#else
    emulation::launch([=] { kernel(args...); }, grid, threads, sharedBytes, stream);
#endif
}

//! Dynamic shared memory of the launch.
template <typename T>
__device__ T* dynamicShared()
{
#ifdef __CUDACC__
    extern __shared__ __align__(16) unsigned char dynamicBytes[];
    return reinterpret_cast<T*>(dynamicBytes);
#else
    return static_cast<T*>(emulation::dynamicShared());
#endif
}

//! Number of blocks of `threads` for `count` threads, at most 16384: kernels use grid-stride loops.
inline unsigned stridedBlocks(int64_t count, int threads)
{
    constexpr int64_t ENOUGH = 16384;
    const int64_t blocks = ceilDiv(count, threads);
    return static_cast<unsigned>(blocks < ENOUGH ? blocks : ENOUGH);
}

/** Cuts a workspace into arrays aligned to 256 bytes. With a null pointer it only adds up their sizes, so that the size
    function and the launcher share one description of the layout. */
class WorkspaceLayout
{
public:
    explicit WorkspaceLayout(void* memory) : memory_(static_cast<char*>(memory)) {}

    template <typename T>
    T* take(size_t count)
    {
        char* const here = memory_ ? memory_ + used_ : nullptr;
        used_ += (count * sizeof(T) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        return reinterpret_cast<T*>(here);
    }
    size_t bytes() const { return used_; }

private:
    static constexpr size_t ALIGNMENT = 256;
    char* memory_;
    size_t used_ = 0;
};

//! Sum over a warp, the same bits in every lane and every run.
__device__ inline float warpSum(float x)
{
    for (int distance = WARP / 2; distance > 0; distance /= 2)
        x += __shfl_xor_sync(FULL_MASK, x, distance);
    return x;
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
