// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformRoIPool: properties and numbers worked out by hand. Against the naive kernel: test_operators.cpp. Contract:
   operators.md 3.3, 5. */

#include "layer_cases.hpp"
#include "pooling_properties.hpp"

namespace opencv_test
{
namespace
{

using namespace pooling_properties;

TEST(D2Det_DeformRoIPool, rows_are_independent)
{
    testRowsAreIndependent<DeformRoIPool>();
}
TEST(D2Det_DeformRoIPool, unusable_rois_give_zeros)
{
    testUnusableRoIs<DeformRoIPool>();
}
TEST(D2Det_DeformRoIPool, exact_on_integers)
{
    testIntegers<DeformRoIPool>();
}
TEST(D2Det_DeformRoIPool, backward_is_adjoint)
{
    testAdjoint<DeformRoIPool>();
}
TEST(D2Det_DeformRoIPool, moves_with_the_image)
{
    testTranslation<DeformRoIPool>();
}

TEST(D2Det_DeformRoIPool, zero_offsets_are_RoIAlign)
{
    for (PoolingShape s : poolingShapes(false))
    {
        SCOPED_TRACE(s.name);
        s.samplingRatio = std::max(s.samplingRatio, 1);
        auto deform = makeProblem<DeformRoIPool>(s, 10);
        std::fill(deform.offsets().begin(), deform.offsets().end(), 0.f);
        auto align = makeProblem<RoIAlign>(s, 10);
        align.rois() = deform.rois();
        for (int i = 0; i < s.levels; i++)
            align.map(i) = deform.map(i);
        const Floats pooled = runFast(deform).outputs[0];
        EXPECT_TRUE(near(runFast(align).outputs[0], pooled, 1e-4));
        auto without = deform;
        without.inputs.pop_back();
        without.gradients.pop_back();
        EXPECT_TRUE(sameBits(pooled, runFast(without).outputs[0]));
    }
}

TEST(D2Det_DeformRoIPool, bins_with_offsets_that_are_not_finite_are_zero)
{
    const PoolingShape s = {"offsets", false, 2, 1, 17, 40, 40, 3, 4, 2, 2};
    for (bool legacy : {false, true})
        for (float bad : {NOT_A_NUMBER, INFINITE, -INFINITE, LARGEST, -LARGEST})
            for (int plane = 0; plane < 2; plane++)
            {
                SCOPED_TRACE(testing::Message() << "legacy " << legacy << ", offset " << bad << ", plane " << plane);
                auto problem = makeProblem<DeformRoIPool>(s, 11, legacy);
                for (int r = 0; r < s.numRois; r++)
                    problem.offsets()[(r * 2 + plane) * 4] = bad;  // first of the 2 x 2 cells
                const Results out = runFast(problem);
                EXPECT_EQ("", compareResults(problem, runReference(problem), out, Against::FAST));
                for (size_t plane16 = 0; plane16 < size_t(s.numRois) * s.channels; plane16++)
                    for (int bin : {0, 1, 4, 5})
                        ASSERT_EQ(0.f, out.outputs[0][plane16 * 16 + bin]);
            }
}

TEST(D2Det_DeformRoIPool, offset_gradient_is_optional)
{
    using namespace cv::d2det::kernels;
    const PoolingShape s = poolingShape("odd maps");
    const auto problem = makeProblem<DeformRoIPool>(s, 12);
    Arrays<float> arrays(problem, NOT_A_NUMBER);
    FeaturePyramid<float> shapesOnly = makePyramid<float>(s);  // without offset gradients the maps are not read
    const Arguments<float> a = arrays.backward();
    deformRoIPoolBackwardCpu(problem.params, {shapesOnly, a.in[0], s.numRois, a.in[problem.inputs.size() - 1]},
                             a.in.back(), a.out.data(), nullptr);
    const Results all = runFast(problem);
    for (int i = 0; i < s.levels; i++)
        EXPECT_TRUE(sameBits(all.gradients[i], arrays.grad[i]));
}

//////////////////////////////////////////// the layer ////////////////////////////////////////////

using namespace layer_cases;

TEST(D2Det_DeformRoIPoolLayer, offsets_must_divide_the_output)
{
    int count = 0;
    for (const Case& c : casesOf("D2DeformRoIPool"))
    {
        if (!c.traits.optionalLast)
            continue;  // without offsets
        count++;
        std::vector<Mat> inputs = c.inputs(1);
        inputs.back() = tensor({4, 2, 1, 1});
        EXPECT_NO_THROW(runOnce(c, inputs));
        inputs.back() = tensor({4, 2, 4, 4});
        EXPECT_THROW(runOnce(c, inputs), cv::Exception);
        inputs.back() = tensor({4, 2, 3, 2});
        EXPECT_THROW(runOnce(c, inputs), cv::Exception);
    }
    EXPECT_EQ(1, count);
}

}  // namespace
}  // namespace opencv_test
