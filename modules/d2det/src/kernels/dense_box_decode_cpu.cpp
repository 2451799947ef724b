// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DenseBoxDecode on the CPU. Contract: operators.md 3.6; formula: dense_box_decode_ref.cpp. */

#include "box.hpp"
#include "dense_box_cell.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! Mean over S of the cells of one RoI into `box`; false if S is empty. offsets [4, k, k], overlap [k, k]
bool meanBox(const DenseBoxDecodeParams& p, const float* roi, const float* offsets, const float* overlap, int k,
             float* box)
{
    const int cells = k * k;
    float sum[4] = {}, sumWeights = 0;
    for (int cell = 0; cell < cells; cell++)
    {
        float corners[4], weight;
        if (!decodeCell(p, roi, offsets, overlap, k, cell, corners, &weight))
            continue;
        for (int i = 0; i < 4; i++)
            sum[i] += weight * corners[i];
        sumWeights += weight;
    }
    if (!(sumWeights > 0))
        return false;
    for (int i = 0; i < 4; i++)
        box[i] = sum[i] / sumWeights;
    return true;
}

}  // namespace

void denseBoxDecodeCpu(const DenseBoxDecodeParams& p, const DenseBoxDecodeInput<float>& in, float* boxes)
{
    const size_t cells = static_cast<size_t>(in.k) * in.k;
    for (size_t r = 0; r < static_cast<size_t>(std::max(in.numRois, 0)); r++)
    {
        const float* roi = in.rois + 5 * r;
        float* box = boxes + 4 * r;
        if (!roiUsable(roi, in.batch))
        {
            std::fill_n(box, 4, 0.f);
            continue;
        }
        if (roiIsPadding(roi) || !meanBox(p, roi, in.offsets + 4 * cells * r, in.overlap + cells * r, in.k, box))
            std::copy_n(roi + 1, 4, box);
        const float* info = in.imInfo + 3 * static_cast<int>(roi[0]);
        clipBox(box, info[0], info[1], p.legacy);
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
