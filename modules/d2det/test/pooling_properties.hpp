// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Properties that both RoI pooling operators have, whatever the numbers are. Op is RoIAlign or DeformRoIPool of
   operators/. */

#ifndef OPENCV_D2DET_TEST_POOLING_PROPERTIES_HPP
#define OPENCV_D2DET_TEST_POOLING_PROPERTIES_HPP

#include "operator_tests.hpp"

namespace opencv_test
{
namespace pooling_properties
{

using namespace d2det_test;

template <typename Op>
typename Op::Problem makeProblem(const PoolingShape& s, uint64_t seed, bool legacy = false, bool aligned = true)
{
    typename Op::Case c(s);
    c.legacy = legacy;
    c.aligned = aligned;
    return typename Op::Problem(c, seed);
}

//! All maps, or their gradients, one after the other.
inline Floats mapsOf(const PoolingProblem& p)
{
    Floats all;
    for (int i = 0; i < p.shape().levels; i++)
        all.insert(all.end(), p.map(i).begin(), p.map(i).end());
    return all;
}

inline Floats mapGradients(const PoolingProblem& p, const Results& r)
{
    Floats all;
    for (int i = 0; i < p.shape().levels; i++)
        all.insert(all.end(), r.gradients[i].begin(), r.gradients[i].end());
    return all;
}

//! Empty where there are no offsets.
inline Floats offsetGradients(const PoolingProblem& p, const Results& r)
{
    return r.gradients.size() > static_cast<size_t>(p.shape().levels) ? r.gradients.back() : Floats();
}

inline double dot(const Floats& a, const Floats& b)
{
    double sum = 0;
    for (size_t i = 0; i < a.size(); i++)
        sum += double(a[i]) * double(b[i]);
    return sum;
}

//! A RoI's row is the same whether it comes alone or among others, and its gradients are those of the others plus its
//! own.
template <typename Op>
void testRowsAreIndependent()
{
    for (const PoolingShape& s : poolingShapes(false))
    {
        SCOPED_TRACE(s.name);
        const auto all = makeProblem<Op>(s, 3);
        const Results together = runFast(all);
        const Floats pooled = together.outputs[0], gradOffsets = offsetGradients(all, together);
        PoolingShape single = s;
        single.numRois = 1;
        const size_t rowSize = pooled.size() / s.numRois, offsetCount = gradOffsets.size() / s.numRois;
        const Floats gradMaps = mapGradients(all, together);
        Doubles sum(gradMaps.size(), 0.);
        for (int r = 0; r < s.numRois; r++)
        {
            auto one = makeProblem<Op>(single, 4);
            std::copy_n(all.inputs[0].values.begin() + 5 * r, 5, one.rois().begin());
            std::copy_n(all.upstream.begin() + r * rowSize, rowSize, one.upstream.begin());
            for (int i = 0; i < s.levels; i++)
                one.map(i) = all.map(i);
            if (offsetCount > 0)
                std::copy_n(all.inputs.back().values.begin() + r * offsetCount, offsetCount,
                            one.inputs.back().values.begin());
            const Results alone = runFast(one);
            const auto part = [r](const Floats& x, size_t n)
            { return Floats(x.begin() + r * n, x.begin() + (r + 1) * n); };
            ASSERT_TRUE(sameBits(part(pooled, rowSize), alone.outputs[0])) << "RoI " << r;
            ASSERT_TRUE(sameBits(part(gradOffsets, offsetCount), offsetGradients(one, alone))) << "RoI " << r;
            const Floats own = mapGradients(one, alone);
            for (size_t i = 0; i < sum.size(); i++)
                sum[i] += own[i];
        }
        EXPECT_TRUE(near(sum, gradMaps, 1e-4));
    }
}

template <typename Op>
void testUnusableRois()
{
    for (PoolingShape s : poolingShapes(false))
        for (int variant = 0; variant < 3; variant++)
        {
            SCOPED_TRACE(testing::Message()
                         << s.name << ", legacy " << (variant == 1) << ", aligned " << (variant != 2));
            s.numRois = static_cast<int>(hostileRois().size());
            typename Op::Case c(s);
            c.rois = RoIs::HOSTILE;
            c.legacy = variant == 1;
            c.aligned = variant != 2;
            const Floats pooled = runFast(typename Op::Problem(c, 4)).outputs[0];
            const size_t unusable = UNUSABLE_ROIS * pooled.size() / s.numRois;
            EXPECT_TRUE(sameBits(Floats(unusable, 0.f), Floats(pooled.begin(), pooled.begin() + unusable)));
        }
}

/** RoIs whose samples lie on multiples of 1/4 of a cell, integer features and gradients: every order of operations
    gives the same number. */
template <typename Op>
void testIntegers()
{
    Random random(5);
    const PoolingShape s = {"integers", false, 2, 1, 19, 24, 40, 12, 4, 2, 2};
    for (int step : {16, 32})
    {
        auto problem = makeProblem<Op>(s, 5);
        for (int i = 0; i < s.levels; i++)
            problem.map(i) = random.wholes(problem.map(i).size(), -8, 8);
        problem.upstream = random.wholes(problem.upstream.size(), -8, 8);
        for (Tensor& input : problem.inputs)
            if (input.name == "offsets")
                std::fill(input.values.begin(), input.values.end(), 0.f);  // gamma is not a power of two
        for (int r = 0; r < s.numRois; r++)
        {
            float* roi = &problem.rois()[size_t(r) * 5];
            roi[0] = 0;
            roi[1] = 4 * random.whole(-4, 31);
            roi[2] = 4 * random.whole(-4, 19);
            roi[3] = roi[1] + static_cast<float>(step) * random.whole(1, 2);
            roi[4] = roi[2] + static_cast<float>(step) * random.whole(1, 2);
        }
        const Results expected = runReference(problem), actual = runFast(problem);
        EXPECT_EQ(expected.outputs[0], actual.outputs[0]);
        EXPECT_EQ(mapGradients(problem, expected), mapGradients(problem, actual));
    }
}

//! <G, f(x)> = <f^T G, x>: pooling is linear in the maps.
template <typename Op>
void testAdjoint()
{
    for (const PoolingShape& s : poolingShapes(false))
        for (bool legacy : {false, true})
        {
            SCOPED_TRACE(testing::Message() << s.name << ", legacy " << legacy);
            const auto problem = makeProblem<Op>(s, 6, legacy);
            const Results out = runFast(problem);
            const double forward = dot(problem.upstream, out.outputs[0]);
            const double backward = dot(mapsOf(problem), mapGradients(problem, out));
            EXPECT_NEAR(forward, backward, 1e-5 * std::sqrt(double(out.outputs[0].size())) + 1e-5 * std::abs(forward));
        }
}

//! Moving the image and the RoIs by whole cells changes nothing.
template <typename Op>
void testTranslation()
{
    Random random(7);
    const PoolingShape s = {"translation", false, 1, 1, 18, 40, 50, 10, 6, 3, 2};
    auto before = makeProblem<Op>(s, 7);
    for (int r = 0; r < s.numRois; r++)  // dyadic, well inside, also after the move
    {
        float* roi = &before.rois()[size_t(r) * 5];
        roi[1] = 40.f + 0.25f * random.whole(0, 79);
        roi[2] = 40.f + 0.25f * random.whole(0, 79);
        roi[3] = roi[1] + 6.f * random.whole(1, 9);
        roi[4] = roi[2] + 6.f * random.whole(1, 7);
    }
    for (Tensor& input : before.inputs)
        if (input.name == "offsets")
            for (float& o : input.values)
                o *= 0.25f;
    auto after = before;
    after.map(0) = random.reals(after.map(0).size(), -1.f, 1.f);
    const int dy = 2, dx = 3;
    for (int c = 0; c < s.channels; c++)
        for (int y = dy; y < s.height; y++)
            for (int x = dx; x < s.width; x++)
                after.map(0)[(size_t(c) * s.height + y) * s.width + x] =
                    before.map(0)[(size_t(c) * s.height + y - dy) * s.width + x - dx];
    for (int r = 0; r < s.numRois; r++)
        for (int i = 1; i < 5; i++)
            after.rois()[size_t(r) * 5 + i] += 4.f * static_cast<float>(i % 2 ? dx : dy);
    const Results a = runFast(before), b = runFast(after);
    EXPECT_TRUE(near(a.outputs[0], b.outputs[0], 1e-5));
    EXPECT_TRUE(near(offsetGradients(before, a), offsetGradients(after, b), 1e-4));
}

}  // namespace pooling_properties
}  // namespace opencv_test

#endif
