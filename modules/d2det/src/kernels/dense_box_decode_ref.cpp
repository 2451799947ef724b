// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DenseBoxDecode, naive form. The oracle of dense_box_decode_cpu.cpp. Source: operators.md 3.6, model.md 2.5.

     B_ji = (x_i - l w, y_j - t h, x_i + r w, y_j + b h),  x_i = x1 + w (i + 0.5)/k,  y_j = y1 + h (j + 0.5)/k
     S    = cells with four finite offsets, a finite logit and sigmoid(logit) > overlapThreshold
     box  = clip(mean of B over S, or the RoI if S is empty);  weighted: the mean has the weights sigmoid(logit) */

#include "dense_box_decode.hpp"
#include "ref_rules.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

template <typename T>
void denseBoxDecodeRef(const DenseBoxDecodeParams& p, const DenseBoxDecodeInput<T>& in, T* boxes)
{
    const int k = in.k, batch = in.batch;
    const size_t cells = static_cast<size_t>(k) * k;
    const T *rois = in.rois, *offsets = in.offsets, *overlap = in.overlap, *imInfo = in.imInfo;
    for (int r = 0; r < in.numRois; r++, rois += 5, offsets += 4 * cells, overlap += cells, boxes += 4)
    {
        std::fill_n(boxes, 4, T(0));
        if (!ref::usableRoI(rois, batch))
            continue;
        const T w = rois[3] - rois[1], h = rois[4] - rois[2];  // without "+1" in both conventions, not clamped
        T sum[4] = {}, sumOfWeights = 0;
        for (int j = 0; j < k; j++)
            for (int i = 0; i < k; i++)
            {
                const T* cell = offsets + j * k + i;
                const T logit = overlap[j * k + i], probability = ref::sigmoid(logit);
                const T values[5] = {logit, cell[0], cell[cells], cell[2 * cells], cell[3 * cells]};
                if (!std::all_of(values, values + 5, [](T x) { return std::isfinite(x); }) ||
                    !(probability > T(p.overlapThreshold)))
                    continue;
                const T x = rois[1] + w * (T(i) + T(0.5)) / T(k), y = rois[2] + h * (T(j) + T(0.5)) / T(k);
                const T left = values[1], right = values[2], top = values[3], bottom = values[4];
                const T corners[4] = {x - left * w, y - top * h, x + right * w, y + bottom * h};
                const T weight = p.weighted ? probability : T(1);
                for (int c = 0; c < 4; c++)
                    sum[c] += weight * corners[c];
                sumOfWeights += weight;
            }
        for (int c = 0; c < 4; c++)
            boxes[c] = sumOfWeights > 0 ? sum[c] / sumOfWeights : rois[1 + c];
        const T* info = imInfo + 3 * static_cast<int>(rois[0]);
        ref::clipBox(boxes, info[0], info[1], p.legacy);
    }
}

#define REFERENCES(T) \
    template void denseBoxDecodeRef<T>(const DenseBoxDecodeParams&, const DenseBoxDecodeInput<T>&, T*);
D2DET_INSTANTIATE(REFERENCES)

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
