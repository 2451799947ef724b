// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Base of all kernels: plain views of memory and common rules of several operators.

   Arguments of a kernel are a parameter struct, raw pointers and counts, without cv::Mat or torch::Tensor, so that the
   cv::dnn layers and the trainer's autograd functions call the same code. Tensors are dense and row-major:

     feature map of level i   [batch, channels, height[i], width[i]]
     rois                     [numRois, 5] = (batch index, x1, y1, x2, y2) in network-input pixels
     output                   as documented at each kernel; every element is written

   Suffixes: `Ref`  naive, obviously correct, never optimized, float and double; test oracle of the fast kernels,
                    without common code (ref_rules.hpp); in <op>_ref.cpp
             `Cpu`  fast, float; the same result bit for bit for any number of threads; in <op>_cpu.cpp
   The launchers of the CUDA kernels are in namespace cuda, without a suffix (launcher.hpp). */

#ifndef OPENCV_D2DET_KERNELS_COMMON_HPP
#define OPENCV_D2DET_KERNELS_COMMON_HPP

// Small functions for kernels on the CPU and on a CUDA device.
#ifdef __CUDACC__
#define D2DET_HOST_DEVICE __host__ __device__
#else
#define D2DET_HOST_DEVICE
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace cv
{
namespace d2det
{
namespace kernels
{

constexpr int MAX_LEVELS = 8;  //!< maximum number of feature pyramid levels of an operator

constexpr double MAX_LOG_SCALE = 4.135166556742356;  //!< limit of the deltas dw and dh: ln(1000 / 16)

//! Instantiates the references of an operator (a macro with one parameter) for float and double.
#define D2DET_INSTANTIATE(REFERENCES) REFERENCES(float) REFERENCES(double)

//! Read-only view of the feature pyramid, finest level first.
template <typename T>
struct FeaturePyramid
{
    int levels = 0;
    int batch = 0;
    int channels = 0;
    const T* data[MAX_LEVELS] = {};
    int height[MAX_LEVELS] = {};
    int width[MAX_LEVELS] = {};
    float stride[MAX_LEVELS] = {};  //!< network-input pixels per cell
};

/** Inputs of the RoI pooling operators.
    rois [numRois, 5]; offsets: D2DeformRoIPool only, [numRois, 2, k, k], nullptr: zeros */
template <typename T>
struct RoIPoolInput
{
    const FeaturePyramid<T>& features;
    const T* rois;
    int numRois;
    const T* offsets = nullptr;
};

//! std::min and std::max for host and device, with the same treatment of NaN.
template <typename T>
D2DET_HOST_DEVICE inline T min2(T a, T b)
{
    return b < a ? b : a;
}
template <typename T>
D2DET_HOST_DEVICE inline T max2(T a, T b)
{
    return a < b ? b : a;
}

//! A RoI is pooled or decoded only if its five values are finite and 0 <= (int)batch < batchSize.
template <typename T>
D2DET_HOST_DEVICE inline bool roiUsable(const T* roi, int batchSize)
{
    for (int i = 0; i < 5; i++)
        if (!std::isfinite(roi[i]))
            return false;
    return roi[0] > T(-1) && roi[0] < T(batchSize);
}

//! A row whose box is all zero is padding of D2Proposal, D2DenseBoxDecode or D2Detections.
template <typename T>
D2DET_HOST_DEVICE inline bool roiIsPadding(const T* roi)
{
    return roi[1] == 0 && roi[2] == 0 && roi[3] == 0 && roi[4] == 0;
}

/** Pyramid level of a RoI: clamp(floor(log2(sqrt(w h) / finestScale + 1e-6)), 0, levels - 1).
    Source: model.md 1.6, operators.md 2. Empty and inverted RoIs go to level 0, an overflowing area to the last
    level. */
template <typename T>
D2DET_HOST_DEVICE inline int roiLevel(const T* roi, float finestScale, int levels, bool legacy)
{
    const T o = legacy ? T(1) : T(0);
    const T w = max2(roi[3] - roi[1] + o, T(0)), h = max2(roi[4] - roi[2] + o, T(0));
    const T level = std::floor(std::log2(std::sqrt(w * h) / T(finestScale) + T(1e-6)));
    if (!(level > 0))  // also NaN and -Inf
        return 0;
    return level >= T(levels - 1) ? levels - 1 : static_cast<int>(level);
}

//! 1 / (1 + exp(-x)) without overflow for any x.
template <typename T>
D2DET_HOST_DEVICE inline T sigmoid(T x)
{
    const T e = std::exp(-std::abs(x));
    return x >= 0 ? T(1) / (T(1) + e) : e / (T(1) + e);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
