// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeltaBoxDecode. Contract: operators.md 3.12; the formula of a box is that of the CPU (kernels/delta_box.hpp).

   One thread per RoI and class; that of class 0 writes the batch column too. 1000 RoIs of 80 classes are 2.6 MB. */

#include "launch.hpp"

#include "../kernels/delta_box.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

namespace
{

constexpr int THREADS = 128;

struct DeltaView
{
    kernels::DeltaBoxDecodeParams p;
    kernels::DeltaBoxDecodeInput<float> in;
};

__global__ void __launch_bounds__(THREADS) deltaKernel(DeltaView view, int count, float* boxes)
{
    const int classes = view.in.classes;
    const int64_t step = static_cast<int64_t>(gridDim.x) * THREADS;
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x; i < count; i += step)
    {
        const int r = static_cast<int>(i) / classes, c = static_cast<int>(i) % classes;
        const float* roi = view.in.rois + 5 * static_cast<size_t>(r);
        float* const row = boxes + (1 + 4 * static_cast<size_t>(classes)) * r;
        const bool usable = kernels::roiUsable(roi, view.in.batch);
        float box[4] = {};
        if (usable && !kernels::roiIsPadding(roi))
            kernels::decodeClass(view.p, roi, view.in.deltas + 4 * i, view.in.imInfo + 3 * static_cast<int>(roi[0]),
                                 box);
        if (c == 0)
            row[0] = usable ? roi[0] : 0.f;
        for (int k = 0; k < 4; k++)
            row[1 + 4 * static_cast<size_t>(c) + k] = box[k];
    }
}

}  // namespace

Status deltaBoxDecode(const kernels::DeltaBoxDecodeParams& p, const kernels::DeltaBoxDecodeInput<float>& in,
                      float* boxes, Stream stream)
{
    const int64_t count = static_cast<int64_t>(in.numRois) * in.classes;
    if (in.numRois < 0 || in.classes < 1 || in.batch < 1 || count > INT32_MAX)
        return Status::INVALID;
    if (count == 0)
        return Status::SUCCESS;
    launch(deltaKernel, stridedBlocks(count, THREADS), THREADS, 0, stream, DeltaView{p, in}, static_cast<int>(count),
           boxes);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
