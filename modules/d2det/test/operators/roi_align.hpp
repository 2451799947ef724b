// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIAlign. Bounds: maps are in [-1, 1]; forward 2e-5 on the CPU, whose order of additions is another, 1e-4 on
   CUDA. */

#ifndef D2DET_TEST_OPERATORS_ROI_ALIGN_HPP
#define D2DET_TEST_OPERATORS_ROI_ALIGN_HPP

#include "pooling.hpp"

#include "kernels/roi_align.hpp"

namespace d2det_test
{

struct RoIAlign
{
    typedef PoolingCase Case;

    static std::vector<Case> cases()
    {
        return poolingCases<Case>({"", ", legacy", ", unaligned"}, {0, 1, 2, 256}, {0, 1, 2});
    }

    static std::vector<Case> layerCases(int size)
    {
        Case c(PoolingShape{"two maps", false, 2, 2, 3, 8 * size, 6 * size, 4 * size, 3, 3, 0});
        c.rois = RoIs::LAYER;
        return {c};
    }

    class Problem : public PoolingProblem
    {
    public:
        Problem(const Case& c, uint64_t seed) : PoolingProblem(c)
        {
            const PoolingShape& s = c.shape;
            Random random(seed);
            makeRoIsAndMaps(random);
            params.pooledHeight = params.pooledWidth = s.pooledSize;
            params.samplingRatio = s.samplingRatio;
            params.finestScale = c.finestScale;
            params.legacy = c.legacy;
            params.aligned = c.aligned;
            outputs.push_back({"pooled", {s.numRois, s.channels, s.pooledSize, s.pooledSize}, 2e-5, 1e-4});
            addMapGradients(1e-4, 1e-4);
            makeUpstream(random);
            cudaLikeFast = s.samplingRatio > 8;
            layer.attributes.push_back({"output_size", {s.pooledSize, s.pooledSize}});
            layer.attributes.push_back({"sampling_ratio", s.samplingRatio});
            layer.attributes.push_back({"aligned", int(c.aligned)});
            layer.freeLengths.push_back({0, 0});
        }

        kernels::RoIAlignParams params;

        void reference(const Arguments<float>& a) const override { naive<float>(a); }
        void referenceInDouble(const Arguments<double>& a) const override { naive<double>(a); }
        void referenceBackward(const Arguments<float>& a) const override { naiveBackward<float>(a); }
        void referenceBackwardInDouble(const Arguments<double>& a) const override { naiveBackward<double>(a); }
        void fast(const Arguments<float>& a) const override
        {
            kernels::roiAlignCpu(params, {pyramid(a), a.in[0], shape().numRois}, a.out[0]);
        }
        void fastBackward(const Arguments<float>& a) const override
        {
            kernels::roiAlignBackwardCpu(params, {pyramid(a), a.in[0], shape().numRois}, a.in.back(), a.out.data());
        }
        bool backwardReads(size_t input) const override { return input == 0; }
#ifdef D2DET_TEST_CUDA
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace&) const override
        {
            return cuda::roiAlign(params, {pyramid(a), a.in[0], shape().numRois}, a.out[0], nullptr);
        }
        cuda::Status onDeviceBackward(const Arguments<float>& a, const cuda::Workspace&) const override
        {
            return cuda::roiAlignBackward(params, {pyramid(a), a.in[0], shape().numRois}, a.in.back(), a.out.data(),
                                          nullptr);
        }
#endif

    private:
        template <typename T>
        void naive(const Arguments<T>& a) const
        {
            kernels::roiAlignRef<T>(params, {pyramid(a), a.in[0], shape().numRois}, a.out[0]);
        }
        template <typename T>
        void naiveBackward(const Arguments<T>& a) const
        {
            kernels::roiAlignBackwardRef<T>(params, {pyramid(a), a.in[0], shape().numRois}, a.in.back(), a.out.data());
        }
    };
};

}  // namespace d2det_test

#endif
