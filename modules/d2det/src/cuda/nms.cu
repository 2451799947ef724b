// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Hard and soft NMS of one list of boxes: one block, see block_nms.hpp. Contract: operators.md 2, 3.7. */

#include "block_nms.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

namespace
{

__device__ void finishList(int n, int count, int* kept, int* numKept)
{
    for (int i = count + threadIdx.x; i < n; i += blockDim.x)
        kept[i] = -1;
    if (threadIdx.x == 0)
        *numKept = count;
}

__global__ void __launch_bounds__(NMS_THREADS)
    hardNmsKernel(PlainBoxes boxes, int n, HardNmsRule rule, int* kept, int* numKept)
{
    __shared__ HardNmsMemory memory;
    finishList(n, blockHardNms(boxes, n, rule, kept, memory), kept, numKept);
}

__global__ void __launch_bounds__(NMS_THREADS)
    softNmsKernel(PlainBoxes boxes, int n, SoftNmsRule rule, float* scores, int* kept, int* numKept)
{
    __shared__ SoftNmsMemory memory;
    finishList(n, blockSoftNms(boxes, n, rule, scores, kept, memory), kept, numKept);
}

}  // namespace

Status hardNms(const float* boxes, int n, float threshold, bool legacy, int limit, int* kept, int* numKept,
               Stream stream)
{
    if (n < 0)
        return INVALID;
    launch(hardNmsKernel, 1, NMS_THREADS, 0, stream, PlainBoxes{boxes}, n, HardNmsRule{threshold, legacy, limit}, kept,
           numKept);
    return launchStatus();
}

Status softNms(const float* boxes, float* scores, int n, float threshold, float sigma, float minScore, bool gaussian,
               bool legacy, int limit, int* kept, int* numKept, Stream stream)
{
    if (n < 0)
        return INVALID;
    const SoftNmsRule rule{threshold, sigma, minScore, gaussian, legacy, limit};
    launch(softNmsKernel, 1, NMS_THREADS, 0, stream, PlainBoxes{boxes}, n, rule, scores, kept, numKept);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
