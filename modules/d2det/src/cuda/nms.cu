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
    hardNMSKernel(PlainBoxes boxes, int n, HardNMSParams rule, int* kept, int* numKept)
{
    __shared__ HardNMSMemory memory;
    finishList(n, blockHardNMS(boxes, n, rule, kept, memory), kept, numKept);
}

__global__ void __launch_bounds__(NMS_THREADS)
    softNMSKernel(PlainBoxes boxes, int n, SoftNMSParams rule, float* scores, int* kept, int* numKept)
{
    __shared__ SoftNMSMemory memory;
    finishList(n, blockSoftNMS(boxes, n, rule, scores, kept, memory), kept, numKept);
}

}  // namespace

Status hardNMS(const HardNMSParams& p, const float* boxes, int n, const NMSOutput& out, Stream stream)
{
    if (n < 0)
        return Status::INVALID;
    launch(hardNMSKernel, 1, NMS_THREADS, 0, stream, PlainBoxes{boxes}, n, p, out.kept, out.numKept);
    return launchStatus();
}

Status softNMS(const SoftNMSParams& p, const float* boxes, float* scores, int n, const NMSOutput& out, Stream stream)
{
    if (n < 0)
        return Status::INVALID;
    launch(softNMSKernel, 1, NMS_THREADS, 0, stream, PlainBoxes{boxes}, n, p, scores, out.kept, out.numKept);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
