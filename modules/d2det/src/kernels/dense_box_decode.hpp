// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DenseBoxDecode: k x k decoded boxes of a RoI reduced to one by the binary overlap prediction. Contract: operators.md 3.6. */

#ifndef OPENCV_D2DET_KERNELS_DENSE_BOX_DECODE_HPP
#define OPENCV_D2DET_KERNELS_DENSE_BOX_DECODE_HPP

#include "common.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

struct DenseBoxDecodeParams
{
    float overlapThreshold = 0.5f;
    bool weighted = false;  //!< mode "weighted": mean weighted by sigmoid(overlap)
    bool legacy = false;
};

//! rois [numRois, 5], offsets [numRois, 4, k, k] (l, r, t, b), overlap [numRois, 1, k, k] logits, imInfo [batch, 3];
//! boxes [numRois, 4]
template <typename T>
void denseBoxDecodeRef(const DenseBoxDecodeParams& p, const T* rois, const T* offsets, const T* overlap,
                       const T* imInfo, int numRois, int k, int batch, T* boxes);
void denseBoxDecodeCpu(const DenseBoxDecodeParams& p, const float* rois, const float* offsets, const float* overlap,
                       const float* imInfo, int numRois, int k, int batch, float* boxes);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
