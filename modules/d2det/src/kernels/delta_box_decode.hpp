// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeltaBoxDecode: boxes of RoIs from the deltas of a box head, for all classes or for each. Contract:
   operators.md 3.12. */

#ifndef OPENCV_D2DET_KERNELS_DELTA_BOX_DECODE_HPP
#define OPENCV_D2DET_KERNELS_DELTA_BOX_DECODE_HPP

#include "common.hpp"
#include "launcher.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

struct DeltaBoxDecodeParams
{
    float stds[4] = {0.1f, 0.1f, 0.2f, 0.2f};               //!< factors of dx, dy, dw, dh
    float maxLogScale = static_cast<float>(MAX_LOG_SCALE);  //!< limit of dw and dh
    bool legacy = false;
};

template <typename T>
struct DeltaBoxDecodeInput
{
    const T* rois;    //!< [numRois, 5]
    const T* deltas;  //!< [numRois, 4 classes]: (dx, dy, dw, dh) of each class
    const T* imInfo;  //!< [batch, 3] = (valid height, valid width, scale)
    int numRois, classes, batch;
};

//! boxes [numRois, 1 + 4 classes]: batch index, then a box for each class
template <typename T>
void deltaBoxDecodeRef(const DeltaBoxDecodeParams& p, const DeltaBoxDecodeInput<T>& in, T* boxes);
void deltaBoxDecodeCpu(const DeltaBoxDecodeParams& p, const DeltaBoxDecodeInput<float>& in, float* boxes);

}  // namespace kernels

namespace cuda
{

//! INVALID also for 2^31 boxes and more.
Status deltaBoxDecode(const kernels::DeltaBoxDecodeParams& p, const kernels::DeltaBoxDecodeInput<float>& in,
                      float* boxes, Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
