// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIAlign: RoIAlign over a feature pyramid, each RoI on its own level. Contract: operators.md 3.2. */

#ifndef OPENCV_D2DET_KERNELS_ROI_ALIGN_HPP
#define OPENCV_D2DET_KERNELS_ROI_ALIGN_HPP

#include "common.hpp"
#include "launcher.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

struct RoIAlignParams
{
    int pooledHeight = 7;
    int pooledWidth = 7;
    int samplingRatio = 0;  //!< samples per bin and axis; 0: adaptive, at most 256
    float finestScale = 56.f;
    bool aligned = true;  //!< ignored if legacy
    bool legacy = false;  //!< "+1" boxes of the official 2020 code
};

//! output [numRois, channels, pooledHeight, pooledWidth]
template <typename T>
void roiAlignRef(const RoIAlignParams& p, const RoIPoolInput<T>& in, T* output);
void roiAlignCpu(const RoIAlignParams& p, const RoIPoolInput<float>& in, float* output);

/** Mode "max" of ONNX's RoiAlign: as its reference implementation and ONNX Runtime have it, the largest of the weighted
    corners of all samples of a bin, not of the interpolated values (onnx issue 4764). Not linear, so it has no taps. */
void roiAlignMaxCpu(const RoIAlignParams& p, const RoIPoolInput<float>& in, float* output);

/** Gradient with respect to every map; none to the RoIs. in.features gives the shapes (its data is not read);
    gradFeatures[i] [batch, channels, height[i], width[i]] is overwritten (zero where no RoI pools). */
template <typename T>
void roiAlignBackwardRef(const RoIAlignParams& p, const RoIPoolInput<T>& in, const T* gradOutput,
                         T* const* gradFeatures);
void roiAlignBackwardCpu(const RoIAlignParams& p, const RoIPoolInput<float>& in, const float* gradOutput,
                         float* const* gradFeatures);

}  // namespace kernels

namespace cuda
{

constexpr int MAX_SAMPLES = 512;  //!< samplingRatio of the pooling operators; more is INVALID

Status roiAlign(const kernels::RoIAlignParams& p, const kernels::RoIPoolInput<float>& in, float* output, Stream stream);

//! @param gradFeatures host array of device pointers. Sums by atomics: the last bits change from run to run.
Status roiAlignBackward(const kernels::RoIAlignParams& p, const kernels::RoIPoolInput<float>& in,
                        const float* gradOutput, float* const* gradFeatures, Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
