// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DenseBoxDecode: mean of the k x k decoded boxes of a RoI, selected by the binary overlap prediction. Contract:
   operators.md 3.6. */

#ifndef OPENCV_D2DET_KERNELS_DENSE_BOX_DECODE_HPP
#define OPENCV_D2DET_KERNELS_DENSE_BOX_DECODE_HPP

#include "common.hpp"
#include "launcher.hpp"

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

template <typename T>
struct DenseBoxDecodeInput
{
    const T* rois;     //!< [numRois, 5]
    const T* offsets;  //!< [numRois, 4, k, k] in the order l, r, t, b
    const T* overlap;  //!< [numRois, 1, k, k] logits
    const T* imInfo;   //!< [batch, 3] = (valid height, valid width, scale)
    int numRois, k, batch;
};

//! boxes [numRois, 4]
template <typename T>
void denseBoxDecodeRef(const DenseBoxDecodeParams& p, const DenseBoxDecodeInput<T>& in, T* boxes);
void denseBoxDecodeCpu(const DenseBoxDecodeParams& p, const DenseBoxDecodeInput<float>& in, float* boxes);

}  // namespace kernels

namespace cuda
{

Status denseBoxDecode(const kernels::DenseBoxDecodeParams& p, const kernels::DenseBoxDecodeInput<float>& in,
                      float* boxes, Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
