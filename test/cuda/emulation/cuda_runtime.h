// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* CUDA's device code on the CPU, as far as this project's kernels use it: with this folder in front of the include path
   a .cu file compiles as C++, and its kernels run thread by thread. What it is for: indexing, barriers, shared memory,
   sorting and reductions can be tested, also under a sanitizer, where there is no GPU. What it cannot show: races
   between blocks or warps (blocks run one after the other, threads in turns), speed, and the device's own arithmetic.

   Every thread of a block is a fiber. It runs until __syncthreads or a warp operation, where it waits for the others; a
   block that cannot go on (some threads wait at a barrier, others in a warp operation that never fills) ends the
   program with a message. Shared memory is static: one block exists at a time. */

#ifndef D2DET_TEST_CUDA_EMULATION_CUDA_RUNTIME_H
#define D2DET_TEST_CUDA_EMULATION_CUDA_RUNTIME_H

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#define __host__
#define __device__
#define __global__
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)

struct uint3
{
    unsigned x, y, z;
};
struct dim3
{
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct float4
{
    float x, y, z, w;
};

// ------------------------------------------------------------------ threads of a block
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

struct CUstream_st;
typedef CUstream_st* cudaStream_t;

namespace emulation
{
//! Runs a kernel to its end. An error of the launch is left for cudaGetLastError.
void launch(const std::function<void()>& kernel, dim3 grid, dim3 threads, size_t sharedBytes, cudaStream_t stream);
void* dynamicShared();
void waitForBlock();
//! Gives `bits` to the warp, waits for all its threads, and returns those of `lane`.
uint64_t exchange(uint64_t bits, unsigned lane);
//! One bit per lane of the warp: its `predicate`.
unsigned ballot(bool predicate);
}  // namespace emulation

inline void __syncthreads()
{
    emulation::waitForBlock();
}

template <typename T>
T __shfl_sync(unsigned, T value, int lane)
{
    static_assert(sizeof(T) <= sizeof(uint64_t), "a register or two");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    bits = emulation::exchange(bits, static_cast<unsigned>(lane) % 32);
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lanes)
{
    return __shfl_sync(mask, value, static_cast<int>((threadIdx.x % 32) ^ static_cast<unsigned>(lanes)));
}
inline unsigned __ballot_sync(unsigned, bool predicate)
{
    return emulation::ballot(predicate);
}

template <typename T>
T atomicAdd(T* place, T value)
{
    const T before = *place;
    *place += value;
    return before;
}
inline unsigned atomicOr(unsigned* place, unsigned value)
{
    const unsigned before = *place;
    *place |= value;
    return before;
}
template <typename T>
T __ldg(const T* place)
{
    return *place;
}
inline int __ffs(unsigned x)
{
    return __builtin_ffs(static_cast<int>(x));
}

// ------------------------------------------------------------------ runtime
enum cudaError_t
{
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidConfiguration = 9
};
enum cudaMemcpyKind
{
    cudaMemcpyHostToDevice = 1,
    cudaMemcpyDeviceToHost = 2,
    cudaMemcpyDeviceToDevice = 3
};
enum cudaDeviceAttr
{
    cudaDevAttrL2CacheSize = 38
};
struct CUevent_st;
typedef CUevent_st* cudaEvent_t;
struct cudaDeviceProp
{
    char name[256];
    int major, minor, multiProcessorCount;
};

cudaError_t cudaGetLastError();
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaMalloc(void** memory, size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMemcpy(void* target, const void* source, size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync(void* target, const void* source, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemset(void* target, int value, size_t bytes);
cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t stream = nullptr);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
// Kernels have run when their launch returns: an event is a time of the CPU's clock.
cudaError_t cudaEventCreate(cudaEvent_t* event);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t stop);

#endif
