// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The two RoI pooling operators as rules for one kernel: position of a RoI, and row taps and column taps of each bin
   (kernels/taps.hpp). Host and device: test/cuda/test_host_math.cpp runs the same code on the CPU.

     Plan          values of a RoI independent of bin and channel; level -1: the RoI is not usable
     rowCapacity   maximum number of taps of a bin along y; columnCapacity along x
     rowTaps       writes the taps of a bin, merged by cell, returns the number of taps; columnTaps likewise */

#ifndef OPENCV_D2DET_CUDA_POOLING_MATH_HPP
#define OPENCV_D2DET_CUDA_POOLING_MATH_HPP

#include "../kernels/taps.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

using kernels::FeaturePyramid;
using kernels::Tap;

//! Level and image of a RoI; false if it is not usable.
template <typename Params, typename Plan>
D2DET_HOST_DEVICE inline bool placeRoI(const Params& p, const FeaturePyramid<float>& maps, const float* roi, Plan& plan)
{
    if (!kernels::roiUsable(roi, maps.batch))
        return false;
    plan.level = kernels::roiLevel(roi, p.finestScale, maps.levels, p.legacy);
    plan.image = static_cast<int>(roi[0]);
    return true;
}

//! D2RoIAlign
struct AlignRule
{
    kernels::RoIAlignParams p;

    struct Plan
    {
        int level, image;
        kernels::AlignAxis y, x;
    };

    D2DET_HOST_DEVICE int bins() const { return p.pooledHeight * p.pooledWidth; }

    D2DET_HOST_DEVICE Plan plan(const FeaturePyramid<float>& maps, const float* roi) const
    {
        Plan plan{-1, 0, {}, {}};
        if (!placeRoI(p, maps, roi, plan))
            return plan;
        const int level = plan.level;
        plan.y = kernels::makeAlignAxis(p, roi[2], roi[4], maps.stride[level], p.pooledHeight, maps.height[level]);
        plan.x = kernels::makeAlignAxis(p, roi[1], roi[3], maps.stride[level], p.pooledWidth, maps.width[level]);
        return plan;
    }

    D2DET_HOST_DEVICE int rowCapacity(const Plan& plan) const { return 2 * plan.y.samples; }
    D2DET_HOST_DEVICE int columnCapacity(const Plan& plan) const { return 2 * plan.x.samples; }

    D2DET_HOST_DEVICE int rowTaps(const Plan& plan, int, int bin, Tap* taps) const
    {
        return binTaps(plan.y, bin / p.pooledWidth, taps);
    }
    D2DET_HOST_DEVICE int columnTaps(const Plan& plan, int, int bin, Tap* taps) const
    {
        return binTaps(plan.x, bin % p.pooledWidth, taps);
    }

private:
    D2DET_HOST_DEVICE static int binTaps(const kernels::AlignAxis& axis, int b, Tap* taps)
    {
        int used = 0;
        for (int i = 0; i < axis.samples; i++)
        {
            Tap pair[2];
            const int n = kernels::sampleTaps(axis, b, i, pair);
            used = kernels::mergeTaps(pair, n, taps, used);
        }
        return used;
    }
};

//! D2DeformRoIPool
struct DeformRule
{
    kernels::DeformRoIPoolParams p;
    const float* offsets;  //!< [numRois, 2, k, k] or null

    struct Plan
    {
        int level, image;
        kernels::DeformAxis y, x;
    };

    D2DET_HOST_DEVICE int bins() const { return p.pooledSize * p.pooledSize; }
    D2DET_HOST_DEVICE int offsetCells() const { return p.offsetSize * p.offsetSize; }

    D2DET_HOST_DEVICE Plan plan(const FeaturePyramid<float>& maps, const float* roi) const
    {
        Plan plan{-1, 0, {}, {}};
        if (!placeRoI(p, maps, roi, plan))
            return plan;
        const int level = plan.level;
        plan.y = kernels::makeDeformAxis(p, roi[2], roi[4], maps.stride[level], maps.height[level]);
        plan.x = kernels::makeDeformAxis(p, roi[1], roi[3], maps.stride[level], maps.width[level]);
        return plan;
    }

    D2DET_HOST_DEVICE int rowCapacity(const Plan&) const { return 2 * p.samplingRatio; }
    D2DET_HOST_DEVICE int columnCapacity(const Plan&) const { return 2 * p.samplingRatio; }

    D2DET_HOST_DEVICE int rowTaps(const Plan& plan, int r, int bin, Tap* taps) const
    {
        return binTaps(plan.y, bin / p.pooledSize, offset(r, 1, bin), taps);
    }
    D2DET_HOST_DEVICE int columnTaps(const Plan& plan, int r, int bin, Tap* taps) const
    {
        return binTaps(plan.x, bin % p.pooledSize, offset(r, 0, bin), taps);
    }

private:
    //! plane 0 = x, 1 = y
    D2DET_HOST_DEVICE float offset(int r, int plane, int bin) const
    {
        if (!offsets)
            return 0.f;
        const int repeat = p.pooledSize / p.offsetSize;
        const int cell = bin / p.pooledSize / repeat * p.offsetSize + bin % p.pooledSize / repeat;
        return offsets[(static_cast<size_t>(r) * 2 + plane) * offsetCells() + cell];
    }

    D2DET_HOST_DEVICE int binTaps(const kernels::DeformAxis& axis, int b, float offset, Tap* taps) const
    {
        int used = 0, inside = 0;
        for (int i = 0; i < p.samplingRatio; i++)
        {
            Tap pair[2];
            const int n = kernels::sampleTaps(p, axis, b, offset, i, pair);
            used = kernels::mergeTaps(pair, n, taps, used);
            inside += n > 0;
        }
        const float share = kernels::sampleShare(p, inside);
        for (int i = 0; i < used; i++)
        {
            taps[i].weight *= share;
            taps[i].slope *= share;
        }
        return used;
    }
};

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
