// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeltaBoxDecode, naive form. The oracle of delta_box_decode_cpu.cpp. Contract: operators.md 3.12.

     d   = deltas * stds
     box = clip(the RoI moved by (dx w, dy h) and resized by (exp(dw), exp(dh)), dw and dh at most maxLogScale)
     all zero where a delta or a coordinate of the box is not finite, and for padding; rows of RoIs that are not usable
     are zero with their batch index */

#include "delta_box_decode.hpp"
#include "ref_rules.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

template <typename T>
bool finite(const T* values)
{
    return std::all_of(values, values + 4, [](T x) { return std::isfinite(x); });
}

}  // namespace

template <typename T>
void deltaBoxDecodeRef(const DeltaBoxDecodeParams& p, const DeltaBoxDecodeInput<T>& in, T* boxes)
{
    const size_t boxColumns = 1 + 4 * static_cast<size_t>(in.classes), deltaColumns = boxColumns - 1;
    for (size_t r = 0; r < static_cast<size_t>(std::max(in.numRois, 0)); r++)
    {
        const T* roi = in.rois + 5 * r;
        T* row = boxes + boxColumns * r;
        std::fill_n(row, boxColumns, T(0));
        if (!ref::usableRoI(roi, in.batch))
            continue;
        row[0] = roi[0];
        if (std::all_of(roi + 1, roi + 5, [](T x) { return x == 0; }))
            continue;
        const T* info = in.imInfo + 3 * static_cast<int>(roi[0]);
        for (size_t c = 0; c < deltaColumns; c += 4)
        {
            const T* deltas = in.deltas + deltaColumns * r + c;
            T scaled[4], box[4];
            for (int i = 0; i < 4; i++)
                scaled[i] = deltas[i] * T(p.stds[i]);
            ref::decodeDeltas(roi + 1, scaled, T(p.maxLogScale), p.legacy, box);
            ref::clipBox(box, info[0], info[1], p.legacy);
            if (finite(deltas) && finite(box))
                std::copy_n(box, 4, row + 1 + c);
        }
    }
}

#define REFERENCES(T) \
    template void deltaBoxDecodeRef<T>(const DeltaBoxDecodeParams&, const DeltaBoxDecodeInput<T>&, T*);
D2DET_INSTANTIATE(REFERENCES)

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
