// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DenseBoxDecode. Formula and source: operators.md 3.6, d2det.md 1.8.

     B_ji = (x_i - l w, y_j - t h, x_i + r w, y_j + b h),  x_i = x1 + w (i + 0.5)/k,  y_j = y1 + h (j + 0.5)/k
     S    = cells with four finite offsets, a finite logit and sigmoid(logit) > overlapThreshold
     box  = clip(mean of B over S, or the RoI if S is empty);  weighted: the mean has the weights sigmoid(logit) */

#include "dense_box_decode.hpp"
#include "box.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! Mean over S of the cells of one RoI into `box`; false if S is empty. offsets [4, k, k], overlap [k, k]
template <typename T>
bool meanBox(const DenseBoxDecodeParams& p, const T* roi, const T* offsets, const T* overlap, int k, T* box)
{
    const int cells = k * k;
    T sum[4] = {}, sumWeights = 0;
    for (int cell = 0; cell < cells; cell++)
    {
        T corners[4], weight;
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

template <typename T>
void denseBoxDecode(const DenseBoxDecodeParams& p, const T* rois, const T* offsets, const T* overlap, const T* imInfo,
                    int numRois, int k, int batch, T* boxes)
{
    const size_t cells = static_cast<size_t>(k) * k;
    for (size_t r = 0; r < static_cast<size_t>(std::max(numRois, 0)); r++)
    {
        const T* roi = rois + 5 * r;
        T* box = boxes + 4 * r;
        if (!roiUsable(roi, batch))
        {
            std::fill_n(box, 4, T(0));
            continue;
        }
        if (!meanBox(p, roi, offsets + 4 * cells * r, overlap + cells * r, k, box))
            std::copy_n(roi + 1, 4, box);
        const T* info = imInfo + 3 * static_cast<int>(roi[0]);
        clipBox(box, info[0], info[1], p.legacy);
    }
}

template void denseBoxDecode<float>(const DenseBoxDecodeParams&, const float*, const float*, const float*, const float*,
                                    int, int, int, float*);
template void denseBoxDecode<double>(const DenseBoxDecodeParams&, const double*, const double*, const double*,
                                     const double*, int, int, int, double*);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
