// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformRoIPool: deformable RoI pooling over a feature pyramid. Contract: operators.md 3.3; gradients:
   operators.md 5. */

#ifndef OPENCV_D2DET_KERNELS_DEFORM_ROI_POOL_HPP
#define OPENCV_D2DET_KERNELS_DEFORM_ROI_POOL_HPP

#include "common.hpp"
#include "launcher.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

struct DeformRoIPoolParams
{
    int pooledSize = 14;    //!< K: output is K x K
    int offsetSize = 7;     //!< k: offsets are k x k, K a multiple of k
    int samplingRatio = 2;  //!< S >= 1 samples per bin and axis
    float gamma = 0.1f;
    float finestScale = 56.f;
    bool legacy = false;
};

//! in.offsets: plane 0 = x, 1 = y, in RoI sizes before gamma; output [numRois, channels, K, K]
template <typename T>
void deformRoIPoolRef(const DeformRoIPoolParams& p, const RoIPoolInput<T>& in, T* output);
void deformRoIPoolCpu(const DeformRoIPoolParams& p, const RoIPoolInput<float>& in, float* output);

//! Gradients with respect to the maps (overwritten) and to the offsets (overwritten; nullptr: not computed,
//! and the data of the maps is not read).
template <typename T>
void deformRoIPoolBackwardRef(const DeformRoIPoolParams& p, const RoIPoolInput<T>& in, const T* gradOutput,
                              T* const* gradFeatures, T* gradOffsets);
void deformRoIPoolBackwardCpu(const DeformRoIPoolParams& p, const RoIPoolInput<float>& in, const float* gradOutput,
                              float* const* gradFeatures, float* gradOffsets);

}  // namespace kernels

namespace cuda
{

Status deformRoIPool(const kernels::DeformRoIPoolParams& p, const kernels::RoIPoolInput<float>& in, float* output,
                     Stream stream);

/** @param gradFeatures as in roiAlignBackward (atomics)
    @param gradOffsets the same bits in every run */
Status deformRoIPoolBackward(const kernels::DeformRoIPoolParams& p, const kernels::RoIPoolInput<float>& in,
                             const float* gradOutput, float* const* gradFeatures, float* gradOffsets, Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
