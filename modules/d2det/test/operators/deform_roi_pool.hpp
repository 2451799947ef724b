// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformRoIPool: the shapes of RoIAlign, and offsets. */

#ifndef D2DET_TEST_OPERATORS_DEFORM_ROI_POOL_HPP
#define D2DET_TEST_OPERATORS_DEFORM_ROI_POOL_HPP

#include "pooling.hpp"

#include "kernels/deform_roi_pool.hpp"

namespace d2det_test
{

struct DeformRoIPool
{
    struct Case : PoolingCase
    {
        bool offsets = true;
        bool malformedOffsets = false;  //!< some that are not finite, some enormous

        Case(const PoolingShape& s, const std::string& what = "") : PoolingCase(s, what) {}
    };

    static std::vector<Case> cases()
    {
        std::vector<Case> cases = poolingCases<Case>({"", ", legacy"}, {1, 2, 40, 256}, {1, 2});
        for (const std::string variant : {"", ", legacy"})
        {
            Case c(MALFORMED_POOLING, " offsets" + variant);
            c.malformedOffsets = true;
            c.legacy = !variant.empty();
            cases.push_back(c);
        }
        Case none(TRAINER_POOLING, ", no offsets");
        none.offsets = false;
        none.trainer = true;
        cases.push_back(none);
        return cases;
    }

    static std::vector<Case> layerCases(int size)
    {
        Case with(PoolingShape{"two maps", false, 2, 2, 3, 8 * size, 6 * size, 4 * size, 6, 3, 2});
        with.rois = RoIs::LAYER;
        Case without = with;
        without.name = "two maps, no offsets";
        without.offsets = false;
        return {with, without};
    }

    class Problem : public PoolingProblem
    {
    public:
        Problem(const Case& c, uint64_t seed) : PoolingProblem(c)
        {
            const PoolingShape& s = c.shape;
            Random random(seed);
            makeRoIsAndMaps(random);
            params.pooledSize = s.pooledSize;
            params.offsetSize = s.offsetSize;
            params.samplingRatio = s.samplingRatio > 0 ? s.samplingRatio : 2;
            params.finestScale = c.finestScale;
            params.legacy = c.legacy;
            outputs.push_back({"pooled", {s.numRois, s.channels, s.pooledSize, s.pooledSize}, 2e-5, 1e-4});
            addMapGradients(1e-4, 1e-4);
            if (c.offsets)
            {
                const Shape shape{s.numRois, 2, s.offsetSize, s.offsetSize};
                inputs.push_back({"offsets", shape, random.reals(elements(shape), -2.f, 2.f), true});
                // With corners of RoIs at integers ("legacy") offsets of 8 bits put samples exactly between two cells.
                // There the derivative has two values, and the last bit of a position decides which one it is.
                inputs.back().neverHalf = c.legacy;
                gradients.push_back({inputs.size() - 1, 1e-3, 1e-4});
                if (c.gradient)
                    smoothOffsets(random);
                const Floats bad{NOT_A_NUMBER, INFINITE, -INFINITE, 1e30f, -1e30f};
                for (size_t i = 0; c.malformedOffsets && i < inputs.back().values.size(); i += 7)
                    inputs.back().values[i] = bad[i / 7 % bad.size()];
            }
            makeUpstream(random);
            cudaLikeFast = s.samplingRatio > 8;
            layer.attributes.push_back({"output_size", {s.pooledSize, s.pooledSize}});
            layer.attributes.push_back({"sampling_ratio", params.samplingRatio});
            layer.optionalLast = c.offsets;
            if (!c.offsets)
                layer.freeLengths.push_back({0, 0});
        }

        kernels::DeformRoIPoolParams params;
        bool hasOffsets() const { return inputs.back().name == "offsets"; }
        Floats& offsets() { return input("offsets").values; }

        void reference(const Arguments<float>& a) const override { naive<float>(a); }
        void referenceInDouble(const Arguments<double>& a) const override { naive<double>(a); }
        void referenceBackward(const Arguments<float>& a) const override { naiveBackward<float>(a); }
        void referenceBackwardInDouble(const Arguments<double>& a) const override { naiveBackward<double>(a); }
        void fast(const Arguments<float>& a) const override
        {
            kernels::deformRoIPoolCpu(params, {pyramid(a), a.in[0], shape().numRois, offsetsOf(a)}, a.out[0]);
        }
        void fastBackward(const Arguments<float>& a) const override
        {
            kernels::deformRoIPoolBackwardCpu(params, {pyramid(a), a.in[0], shape().numRois, offsetsOf(a)}, a.in.back(),
                                              a.out.data(), gradOffsetsOf(a));
        }
#ifdef D2DET_TEST_CUDA
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace&) const override
        {
            return cuda::deformRoIPool(params, {pyramid(a), a.in[0], shape().numRois, offsetsOf(a)}, a.out[0], nullptr);
        }
        cuda::Status onDeviceBackward(const Arguments<float>& a, const cuda::Workspace&) const override
        {
            return cuda::deformRoIPoolBackward(params, {pyramid(a), a.in[0], shape().numRois, offsetsOf(a)},
                                               a.in.back(), a.out.data(), gradOffsetsOf(a), nullptr);
        }
#endif

        /** Distance of a cell's samples from the places where the interpolation has a kink (integers and halves,
            generously), for one axis of a RoI. The formulas are the table of operators.md 3.3. */
        static double distanceToKinks(const kernels::DeformRoIPoolParams& p, double low, double high, double scale,
                                      double offset, int cell)
        {
            const int K = p.pooledSize, S = p.samplingRatio, perCell = K / p.offsetSize;
            const double start = (p.legacy ? std::round(low) : low) * scale - 0.5;
            const double length = p.legacy ? std::max((std::round(high) + 1) * scale - 0.5 - start, 0.1)
                                           : std::max((high - low) * scale, 0.0);
            double nearest = 1;
            for (int q = cell * perCell; q < (cell + 1) * perCell; q++)
                for (int b = 0; b < S; b++)
                {
                    const double u = start + q * length / K + double(p.gamma) * offset * length +
                                     (b + (p.legacy ? 0.0 : 0.5)) * length / (K * S);
                    nearest = std::min(nearest, std::abs(2 * u - std::round(2 * u)) / 2);
                }
            return nearest;
        }

    private:
        template <typename T>
        const T* offsetsOf(const Arguments<T>& a) const
        {
            return hasOffsets() ? a.in[inputs.size() - 1] : nullptr;
        }
        template <typename T>
        T* gradOffsetsOf(const Arguments<T>& a) const
        {
            return hasOffsets() ? a.out.back() : nullptr;
        }
        template <typename T>
        void naive(const Arguments<T>& a) const
        {
            kernels::deformRoIPoolRef<T>(params, {pyramid(a), a.in[0], shape().numRois, offsetsOf(a)}, a.out[0]);
        }
        template <typename T>
        void naiveBackward(const Arguments<T>& a) const
        {
            kernels::deformRoIPoolBackwardRef<T>(params, {pyramid(a), a.in[0], shape().numRois, offsetsOf(a)},
                                                 a.in.back(), a.out.data(), gradOffsetsOf(a));
        }
        //! Offsets whose samples all keep away from kinks, so that differences of small steps are exact.
        void smoothOffsets(Random& random)
        {
            const int k = params.offsetSize;
            for (int r = 0; r < shape().numRois; r++)
            {
                const float* roi = &rois()[5 * size_t(r)];
                const int level = kernels::roiLevel(roi, params.finestScale, shape().levels, params.legacy);
                for (int i = 0; i < 2 * k * k; i++)
                {
                    const int axis = i / (k * k), cell = axis == 0 ? i % k : i % (k * k) / k;
                    float& offset = inputs.back().values[size_t(r) * 2 * k * k + i];
                    if (!params.legacy && !(roi[3 + axis] > roi[1 + axis]))
                        continue;  // padding: no length, no offset
                    do
                        offset = random.real(-0.5f, 0.5f);
                    while (distanceToKinks(params, roi[1 + axis], roi[3 + axis], 1.0 / (4 << level), offset, cell) <
                           1e-3);
                }
            }
        }
    };
};

}  // namespace d2det_test

#endif
