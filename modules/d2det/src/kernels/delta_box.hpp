// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeltaBoxDecode: one class of one RoI, for the kernels of CPU and CUDA. Formula: delta_box_decode_ref.cpp. */

#ifndef OPENCV_D2DET_KERNELS_DELTA_BOX_HPP
#define OPENCV_D2DET_KERNELS_DELTA_BOX_HPP

#include "box.hpp"
#include "delta_box_decode.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

//! Box [4] of a usable RoI [5] from the deltas [4] of a class; zeros where it is not finite. info: of the RoI's image
D2DET_HOST_DEVICE inline void decodeClass(const DeltaBoxDecodeParams& p, const float* roi, const float* deltas,
                                          const float* info, float* box)
{
    float scaled[4], decoded[4];
    bool finite = true;
    for (int i = 0; i < 4; i++)
    {
        finite = finite && std::isfinite(deltas[i]);
        scaled[i] = deltas[i] * p.stds[i];
    }
    decodeDeltas(roi + 1, scaled, p.legacy, decoded, p.maxLogScale);
    clipBox(decoded, info[0], info[1], p.legacy);
    for (int i = 0; i < 4; i++)
        finite = finite && std::isfinite(decoded[i]);
    for (int i = 0; i < 4; i++)
        box[i] = finite ? decoded[i] : 0.f;
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
