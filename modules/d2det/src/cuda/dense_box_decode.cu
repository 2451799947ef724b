// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DenseBoxDecode. Contract: operators.md 3.6; the formula of a cell is that of the CPU (kernels/dense_box_decode.hpp).

   One warp per RoI: lanes take cells, five sums are added over the warp in a fixed order. 125 RoIs of 7 x 7 cells are
   123 KB: the time is that of a launch. */

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
    const float *rois, *offsets, *overlap, *imInfo;
    int numRois, k, batch;
};

//! Mean over S by one warp, the same in all lanes; false if S is empty.
__device__ bool meanBox(const DecodeView& view, const float* roi, int r, float* box)
{
    const int cells = view.k * view.k;
    const float* offsets = view.offsets + static_cast<size_t>(r) * 4 * cells;
    const float* overlap = view.overlap + static_cast<size_t>(r) * cells;
    float sums[5] = {};  // four corners, weights
    for (int cell = threadIdx.x % WARP; cell < cells; cell += WARP)
    {
        float corners[4], weight;
        if (!kernels::decodeCell(view.p, roi, offsets, overlap, view.k, cell, corners, &weight))
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
    if (r >= view.numRois)
        return;
    const float* roi = view.rois + 5 * static_cast<size_t>(r);
    float box[4] = {};
    if (kernels::roiUsable(roi, view.batch))
    {
        if (kernels::roiIsPadding(roi) || !meanBox(view, roi, r, box))
            for (int i = 0; i < 4; i++)
                box[i] = roi[i + 1];
        const float* info = view.imInfo + 3 * static_cast<int>(roi[0]);
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

Status denseBoxDecode(const kernels::DenseBoxDecodeParams& p, const float* rois, const float* offsets,
                      const float* overlap, const float* imInfo, int numRois, int k, int batch, float* boxes,
                      Stream stream)
{
    if (numRois < 0 || k < 1 || batch < 1 || static_cast<int64_t>(k) * k > INT32_MAX)
        return INVALID;
    if (numRois == 0)
        return SUCCESS;
    const DecodeView view{p, rois, offsets, overlap, imInfo, numRois, k, batch};
    launch(decodeKernel, static_cast<unsigned>(ceilDiv(numRois, THREADS / WARP)), THREADS, 0, stream, view, boxes);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
