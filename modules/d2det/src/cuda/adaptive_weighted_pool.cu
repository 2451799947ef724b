// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2AdaptiveWeightedPool. Contract: operators.md 3.4, 5; arithmetic: adaptive_weighted_math.hpp.

   One block per few entire planes: F and N are read once in memory order, F and the weight of every cell are kept in
   shared memory (one sigmoid and one exponential per cell, not per window), then each thread pools windows. Planes
   above the size of this buffer are read through the caches. The backward pass computes the windows first, also in
   shared memory, then each cell gathers from its one to four windows: every gradient is written once, without atomics,
   so the bits are reproducible.

   Estimate, not measured, for 1000 RoIs, 256 channels, 14 x 14 -> 7 x 7 at 3 TB/s: forward 402 MB read and 50 MB
   written, 0.15 ms; backward 452 MB read and 401 MB written, 0.28 ms; 100 M exponentials 0.03 ms. */

#include "adaptive_weighted_math.hpp"
#include "launch.hpp"

#include "../kernels/adaptive_weighted_pool.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

namespace
{

constexpr int THREADS = 256;
constexpr int STAGED_CELLS = 1536;  //!< of the planes of one block; 1.5 to 2.5 times 6 KiB of shared memory

struct Planes
{
    const float *F, *N;
    int count, height, width;
    int perBlock;  //!< planes

    __host__ __device__ int pooledHeight() const { return (height + 1) / 2; }
    __host__ __device__ int pooledWidth() const { return (width + 1) / 2; }
    __host__ __device__ int area() const { return height * width; }
    __host__ __device__ int pooledArea() const { return pooledHeight() * pooledWidth(); }
};

//! F and the weights of the planes of this block.
struct StagedPlanes
{
    float F[STAGED_CELLS], numbers[STAGED_CELLS];

    __device__ void load(const WeightRule& rule, const Planes& planes, size_t first, int n)
    {
        const size_t begin = first * planes.area();
        for (int i = threadIdx.x; i < n * planes.area(); i += THREADS)
        {
            F[i] = planes.F[begin + i];
            numbers[i] = rule.ofCell(planes.N[begin + i]);
        }
        __syncthreads();
    }
};

__global__ void __launch_bounds__(THREADS) stagedKernel(WeightRule rule, Planes planes, float* output)
{
    __shared__ StagedPlanes staged;
    const int area = planes.area(), pooledWidth = planes.pooledWidth(), pooledArea = planes.pooledArea();
    const size_t first = static_cast<size_t>(blockIdx.x) * planes.perBlock;
    const int n = static_cast<int>(kernels::min2(static_cast<size_t>(planes.perBlock), planes.count - first));
    staged.load(rule, planes, first, n);
    for (int i = threadIdx.x; i < n * pooledArea; i += THREADS)
    {
        const int plane = i / pooledArea, at = i - plane * pooledArea, row = at / pooledWidth;
        output[first * pooledArea + i] =
            poolWindow(rule, staged.F + plane * area, StagedNumbers{staged.numbers + plane * area}, row,
                       at - row * pooledWidth, planes.height, planes.width)
                .out;
    }
}

__global__ void __launch_bounds__(THREADS)
    stagedBackwardKernel(WeightRule rule, Planes planes, const float* gradOutput, float* gradF, float* gradN)
{
    __shared__ StagedPlanes staged;
    __shared__ WindowResult windows[STAGED_CELLS];
    const int area = planes.area(), pooledWidth = planes.pooledWidth(), pooledHeight = planes.pooledHeight();
    const int pooledArea = planes.pooledArea();
    const size_t first = static_cast<size_t>(blockIdx.x) * planes.perBlock;
    const int n = static_cast<int>(kernels::min2(static_cast<size_t>(planes.perBlock), planes.count - first));
    staged.load(rule, planes, first, n);
    for (int i = threadIdx.x; i < n * pooledArea; i += THREADS)
    {
        const int plane = i / pooledArea, at = i - plane * pooledArea, row = at / pooledWidth;
        windows[i] = poolWindow(rule, staged.F + plane * area, StagedNumbers{staged.numbers + plane * area}, row,
                                at - row * pooledWidth, planes.height, planes.width);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < n * area; i += THREADS)
    {
        const int plane = i / area, at = i - plane * area, y = at / planes.width, x = at - y * planes.width;
        CellGradient gradient(staged.F[i], staged.numbers[i]);
        for (int wy = firstWindow(y); wy <= lastWindow(y, pooledHeight); wy++)
            for (int wx = firstWindow(x); wx <= lastWindow(x, pooledWidth); wx++)
            {
                const int window = plane * pooledArea + wy * pooledWidth + wx;
                gradient.add(rule, windows[window], __ldg(gradOutput + first * pooledArea + window));
            }
        gradient.finish(rule, planes.N[first * area + i]);
        gradF[first * area + i] = gradient.gradF;
        gradN[first * area + i] = gradient.gradN;
    }
}

//! Planes too large for shared memory: one thread per output.
__global__ void __launch_bounds__(THREADS) directKernel(WeightRule rule, Planes planes, float* output)
{
    const size_t total = static_cast<size_t>(planes.count) * planes.pooledArea();
    for (size_t i = blockIdx.x * static_cast<size_t>(THREADS) + threadIdx.x; i < total;
         i += static_cast<size_t>(gridDim.x) * THREADS)
    {
        const size_t plane = i / planes.pooledArea() * planes.area();
        const int at = static_cast<int>(i % planes.pooledArea());
        output[i] = poolWindow(rule, planes.F + plane, FreshNumbers{planes.N + plane}, at / planes.pooledWidth(),
                               at % planes.pooledWidth(), planes.height, planes.width)
                        .out;
    }
}

__global__ void __launch_bounds__(THREADS)
    directBackwardKernel(WeightRule rule, Planes planes, const float* gradOutput, float* gradF, float* gradN)
{
    const size_t total = static_cast<size_t>(planes.count) * planes.area();
    const int pooledWidth = planes.pooledWidth(), pooledHeight = planes.pooledHeight();
    for (size_t i = blockIdx.x * static_cast<size_t>(THREADS) + threadIdx.x; i < total;
         i += static_cast<size_t>(gridDim.x) * THREADS)
    {
        const size_t plane = i / planes.area();
        const int at = static_cast<int>(i % planes.area()), y = at / planes.width, x = at % planes.width;
        const float *F = planes.F + plane * planes.area(), *N = planes.N + plane * planes.area();
        CellGradient gradient(F[at], rule.ofCell(N[at]));
        for (int wy = firstWindow(y); wy <= lastWindow(y, pooledHeight); wy++)
            for (int wx = firstWindow(x); wx <= lastWindow(x, pooledWidth); wx++)
                gradient.add(rule, poolWindow(rule, F, FreshNumbers{N}, wy, wx, planes.height, planes.width),
                             gradOutput[plane * planes.pooledArea() + wy * pooledWidth + wx]);
        gradient.finish(rule, N[at]);
        gradF[i] = gradient.gradF;
        gradN[i] = gradient.gradN;
    }
}

bool shapeFits(const kernels::AdaptiveWeightedPoolParams& p)
{
    return std::isfinite(p.gain) && p.planes >= 0 && p.height >= 1 && p.width >= 1 &&
           static_cast<int64_t>(p.height) * p.width <= INT32_MAX;
}

Planes makePlanes(const kernels::AdaptiveWeightedPoolParams& p, const float* F, const float* N)
{
    Planes planes{F, N, p.planes, p.height, p.width, 0};
    planes.perBlock = STAGED_CELLS / planes.area();  // 0: too large for shared memory
    return planes;
}

}  // namespace

Status adaptiveWeightedPool(const kernels::AdaptiveWeightedPoolParams& p, const float* F, const float* N, float* output,
                            Stream stream)
{
    if (!shapeFits(p))
        return Status::INVALID;
    if (p.planes == 0)
        return Status::SUCCESS;
    const WeightRule rule(p.gain);
    const Planes view = makePlanes(p, F, N);
    if (view.perBlock > 0)
        launch(stagedKernel, static_cast<unsigned>(ceilDiv(p.planes, view.perBlock)), THREADS, 0, stream, rule, view,
               output);
    else
        launch(directKernel, stridedBlocks(static_cast<int64_t>(p.planes) * view.pooledArea(), THREADS), THREADS, 0,
               stream, rule, view, output);
    return launchStatus();
}

Status adaptiveWeightedPoolBackward(const kernels::AdaptiveWeightedPoolParams& p, const float* F, const float* N,
                                    const float* gradOutput, const kernels::AdaptiveWeightedPoolGradients<float>& grad,
                                    Stream stream)
{
    if (!shapeFits(p))
        return Status::INVALID;
    if (p.planes == 0)
        return Status::SUCCESS;
    const WeightRule rule(p.gain);
    const Planes view = makePlanes(p, F, N);
    if (view.perBlock > 0)
        launch(stagedBackwardKernel, static_cast<unsigned>(ceilDiv(p.planes, view.perBlock)), THREADS, 0, stream, rule,
               view, gradOutput, grad.F, grad.N);
    else
        launch(directBackwardKernel, stridedBlocks(static_cast<int64_t>(p.planes) * view.area(), THREADS), THREADS, 0,
               stream, rule, view, gradOutput, grad.F, grad.N);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
