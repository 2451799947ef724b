// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformRoIPool: the kernel of pooling.hpp with the deformable rule. Contract: operators.md 3.3, 5.

   Gradient of an offset: gamma * RoI length * sum over channels and over the bins of the offset cell. One block per RoI
   with all channels: each thread accumulates two sums for its bin, then the lanes of a bin and the bins of an offset
   cell are added in a fixed order. */

#include "pooling.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

namespace
{

struct OffsetGradients
{
    static constexpr bool WANTED = true;
    float* grad;  //!< [numRois, 2, k, k]

    __device__ void begin(const DeformRule& rule, int r) const
    {
        const int cells = rule.offsetCells();
        for (int i = threadIdx.x; i < 2 * cells; i += blockDim.x)
            grad[static_cast<size_t>(r) * 2 * cells + i] = 0.f;
    }

    //! Adds the sums of the chunk of bins [first, first + n). Called by all threads.
    __device__ void add(const DeformRule& rule, const DeformRule::Plan& plan, int r, int first, int n,
                        const Share& share, float sumX, float sumY) const
    {
        __shared__ float sums[2][POOL_THREADS];
        __syncthreads();  // the last chunk's sums have been read, and gradients written by others are visible
        if (share.works())
        {
            sums[0][threadIdx.x] = sumX;
            sums[1][threadIdx.x] = sumY;
        }
        __syncthreads();
        const int cells = rule.offsetCells(), k = rule.p.offsetSize, K = rule.p.pooledSize, repeat = K / k;
        for (int i = threadIdx.x; i < 2 * cells; i += blockDim.x)
        {
            const int plane = i / cells, cell = i % cells;
            float sum = 0.f;
            for (int j = 0; j < repeat * repeat; j++)
            {
                const int bin = (cell / k * repeat + j / repeat) * K + cell % k * repeat + j % repeat - first;
                for (int lane = 0; bin >= 0 && bin < n && lane < share.lanes; lane++)
                    sum += sums[plane][lane * n + bin];
            }
            const float length = plane == 0 ? plan.x.length : plan.y.length;
            grad[static_cast<size_t>(r) * 2 * cells + i] += rule.p.gamma * length * sum;
        }
    }
};

bool paramsFit(const kernels::DeformRoIPoolParams& p)
{
    return p.pooledSize >= 1 && p.offsetSize >= 1 && p.pooledSize % p.offsetSize == 0 && p.samplingRatio >= 1 &&
           static_cast<int64_t>(p.pooledSize) * p.pooledSize <= INT32_MAX;
}

}  // namespace

Status deformRoIPool(const kernels::DeformRoIPoolParams& p, const kernels::RoIPoolInput<float>& in, float* output,
                     Stream stream)
{
    if (!paramsFit(p))
        return Status::INVALID;
    return launchPool(DeformRule{p, in.offsets}, in, output, stream);
}

Status deformRoIPoolBackward(const kernels::DeformRoIPoolParams& p, const kernels::RoIPoolInput<float>& in,
                             const float* gradOutput, float* const* gradFeatures, float* gradOffsets, Stream stream)
{
    if (!paramsFit(p))
        return Status::INVALID;
    const DeformRule rule{p, in.offsets};
    if (!gradOffsets)
        return launchPoolBackward(rule, in, gradOutput, gradFeatures, NoOffsets(), stream);
    return launchPoolBackward(rule, in, gradOutput, gradFeatures, OffsetGradients{gradOffsets}, stream);
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
