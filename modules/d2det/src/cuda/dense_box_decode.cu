// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DenseBoxDecode. Contract: operators.md 3.6; the formula of a cell is that of the CPU (kernels/dense_box_cell.hpp).

   One warp per RoI, cells distributed over the lanes; five sums are reduced over the warp in a fixed order. 125 RoIs of
   7 x 7 cells are 123 KB. */

#include "launch.hpp"

#include "../kernels/box.hpp"
#include "../kernels/dense_box_cell.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

namespace
{

constexpr int THREADS = 128;

struct DecodeView
{
    kernels::DenseBoxDecodeParams p;
    kernels::DenseBoxDecodeInput<float> in;
};

//! Mean over S by one warp, the same in all lanes; false if S is empty.
__device__ bool meanBox(const DecodeView& view, const float* roi, int r, float* box)
{
    const int cells = view.in.k * view.in.k;
    const float* offsets = view.in.offsets + static_cast<size_t>(r) * 4 * cells;
    const float* overlap = view.in.overlap + static_cast<size_t>(r) * cells;
    float sums[5] = {};  // four corners, weights
    for (int cell = threadIdx.x % WARP; cell < cells; cell += WARP)
    {
        float corners[4], weight;
        if (!kernels::decodeCell(view.p, roi, offsets, overlap, view.in.k, cell, corners, &weight))
            continue;
        for (int i = 0; i < 4; i++)
            sums[i] += weight * corners[i];
        sums[4] += weight;
    }
    for (int i = 0; i < 5; i++)
        sums[i] = warpSum(sums[i]);
    for (int i = 0; i < 4; i++)
        box[i] = sums[i] / sums[4];
    return sums[4] > 0;
}

__global__ void __launch_bounds__(THREADS) decodeKernel(DecodeView view, float* boxes)
{
    const int r = blockIdx.x * (THREADS / WARP) + threadIdx.x / WARP;
    if (r >= view.in.numRois)
        return;
    const float* roi = view.in.rois + 5 * static_cast<size_t>(r);
    float box[4] = {};
    if (kernels::roiUsable(roi, view.in.batch))
    {
        if (kernels::roiIsPadding(roi) || !meanBox(view, roi, r, box))
            for (int i = 0; i < 4; i++)
                box[i] = roi[i + 1];
        const float* info = view.in.imInfo + 3 * static_cast<int>(roi[0]);
        kernels::clipBox(box, info[0], info[1], view.p.legacy);
    }
    const int lane = threadIdx.x % WARP;
    if (lane < 4)
        boxes[4 * static_cast<size_t>(r) + lane] = lane == 0   ? box[0]
                                                   : lane == 1 ? box[1]
                                                   : lane == 2 ? box[2]
                                                               : box[3];
}

}  // namespace

Status denseBoxDecode(const kernels::DenseBoxDecodeParams& p, const kernels::DenseBoxDecodeInput<float>& in,
                      float* boxes, Stream stream)
{
    if (in.numRois < 0 || in.k < 1 || in.batch < 1 || static_cast<int64_t>(in.k) * in.k > INT32_MAX)
        return Status::INVALID;
    if (in.numRois == 0)
        return Status::SUCCESS;
    launch(decodeKernel, static_cast<unsigned>(ceilDiv(in.numRois, THREADS / WARP)), THREADS, 0, stream,
           DecodeView{p, in}, boxes);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
