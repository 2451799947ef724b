// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeltaBoxDecode on the CPU. Contract: operators.md 3.12; formula: delta_box_decode_ref.cpp. */

#include "delta_box.hpp"
#include "parallel.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

constexpr double BOXES_PER_PART = 4096;  //!< some 50 microseconds: less is not worth waking a thread

//! One row [1 + 4 classes]. deltas [4 classes]
void decodeRow(const DeltaBoxDecodeParams& p, const DeltaBoxDecodeInput<float>& in, const float* roi,
               const float* deltas, float* row)
{
    const bool usable = roiUsable(roi, in.batch);
    const size_t deltaColumns = 4 * static_cast<size_t>(in.classes);
    row[0] = usable ? roi[0] : 0.f;
    if (!usable || roiIsPadding(roi))
    {
        std::fill_n(row + 1, deltaColumns, 0.f);
        return;
    }
    const float* info = in.imInfo + 3 * static_cast<int>(roi[0]);
    for (size_t i = 0; i < deltaColumns; i += 4)
        decodeClass(p, roi, deltas + i, info, row + 1 + i);
}

}  // namespace

void deltaBoxDecodeCpu(const DeltaBoxDecodeParams& p, const DeltaBoxDecodeInput<float>& in, float* boxes)
{
    const size_t deltaColumns = 4 * static_cast<size_t>(in.classes);
    const auto run = [&](int begin, int end)
    {
        for (int r = begin; r < end; r++)
            decodeRow(p, in, in.rois + 5 * static_cast<size_t>(r), in.deltas + deltaColumns * r,
                      boxes + (1 + deltaColumns) * r);
    };
    const double parts = static_cast<double>(in.numRois) * in.classes / BOXES_PER_PART;
    if (parts <= 1)
        run(0, in.numRois);
    else
        parallelFor(in.numRois, run, parts);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
