// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIConv: exactness on integers for every instruction set, and properties. Against the naive kernel:
   test_operators.cpp.

   Where inputs are small integers the fast version must give the reference's numbers whatever the order of additions,
   and a wrong index cannot hide in a tolerance. */

#include "operator_tests.hpp"

#include "kernels/roi_conv.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

typedef RoIConv::Case Case;
typedef RoIConv::Problem RoIConvProblem;

Case caseNamed(const std::string& name)
{
    for (const std::vector<Case>& list : {RoIConv::plainCases(), RoIConv::normCases()})
        for (const Case& c : list)
            if (c.name == name)
                return c;
    throw std::invalid_argument("no case " + name);
}

std::vector<Case> casesNamed(const std::vector<std::string>& names)
{
    std::vector<Case> cases;
    for (const std::string& name : names)
        cases.push_back(caseNamed(name));
    return cases;
}

RoIConvProblem makeProblem(Case c, bool integers, bool relu, uint64_t seed = 17)
{
    c.integers = integers;
    c.p.relu = relu;
    return RoIConvProblem(c, seed);
}

RoIConvPacked packWith(const RoIConvProblem& problem, const GemmKernel& kernel)
{
    RoIConvPacked result;
    const RoIConvParams& p = problem.p;
    const int depth = p.inChannels * p.kernelHeight * p.kernelWidth;
    for (int level = 0; level < p.weightSets; level++)
        result.sets.push_back(
            packMatrix(problem.values("weight").data() + static_cast<size_t>(level) * p.outChannels * depth,
                       p.outChannels, depth, kernel));
    return result;
}

RoIConvPacked pack(const RoIConvProblem& problem)
{
    return packRoIConv(problem.p, problem.values("weight").data());
}

//! The fast kernel on weights that were packed before.
Floats fast(const RoIConvProblem& problem, const RoIConvPacked& packed)
{
    Arrays<float> arrays(problem, NOT_A_NUMBER);
    problem.fast(arrays.forward(), packed);
    return arrays.out[0];
}

Floats fast(const RoIConvProblem& problem)
{
    return fast(problem, pack(problem));
}

template <typename T>
std::vector<T> reference(const RoIConvProblem& problem);

template <>
Floats reference<float>(const RoIConvProblem& problem)
{
    Arrays<float> arrays(problem, UNWRITTEN);
    problem.reference(arrays.forward());
    return arrays.out[0];
}

template <>
Doubles reference<double>(const RoIConvProblem& problem)
{
    Arrays<double> arrays(problem, double(UNWRITTEN));
    problem.referenceInDouble(arrays.forward());
    return arrays.out[0];
}

TEST(D2Det_RoIConv, integers_are_exact)
{
    for (const Case& c : RoIConv::plainCases())
        for (const bool relu : {false, true})
        {
            RoIConvProblem problem = makeProblem(c, true, relu);
            const std::vector<float> expected = reference<float>(problem);
            for (const GemmKernel* kernel : allGemmKernels())
            {
                SCOPED_TRACE(cv::format("%s, %s", kernel->name, c.name.c_str()));
                problem.p.method = ConvolutionMethod::DIRECT;
                EXPECT_EQ(expected, fast(problem, packWith(problem, *kernel)));
                problem.p.method = ConvolutionMethod::WINOGRAD;
                const bool fits = c.p.kernelHeight == 3 && c.p.kernelWidth == 3 && c.p.stride == 1;
                const std::vector<float> got = fast(problem, packWith(problem, *kernel));
                for (size_t i = 0; i < got.size(); i++)
                    ASSERT_NEAR(expected[i], got[i], fits ? 0.02f : 0.f) << i;
            }
        }
}

//! Rows with the same box and features are computed once; those that differ in one of the three are not taken for them.
TEST(D2Det_RoIConv, repeated_rows)
{
    for (Case c : casesNamed({"3x3, four sets", "1x1, two sets", "instance norm, four sets", "3x3, 40 rows"}))
    {
        c.p.byClass = c.p.weightSets > 1;
        RoIConvProblem problem = makeProblem(c, true, false);
        problem.p.method = ConvolutionMethod::DIRECT;
        if (problem.p.byClass)
            problem.input("classes").values.assign(c.numRois, 0.f);
        const auto copyRow = [&problem](int from, int to, bool features)
        {
            std::copy_n(problem.input("rois").values.begin() + 5 * from, 5,
                        problem.input("rois").values.begin() + 5 * to);
            if (features)
                std::copy_n(problem.input("X").values.begin() + from * problem.inRow(), problem.inRow(),
                            problem.input("X").values.begin() + to * problem.inRow());
        };
        copyRow(0, 1, true);
        copyRow(0, 2, false);  // another image of the same box, as it were
        copyRow(0, 4, true);
        if (problem.p.byClass)
            problem.input("classes").values[4] = 1.f;
        else
            copyRow(1, 4, true);
        problem.input("X").values[2 * problem.inRow()] += 1.f;
        const std::vector<float> got = fast(problem);
        const std::vector<double> expected = reference<double>(problem);
        for (size_t i = 0; i < got.size(); i++)
            ASSERT_NEAR(expected[i], got[i], c.p.normGroups > 0 ? 1e-4 : 0.) << i;
    }
}

void expectNear(const std::vector<double>& expected, const std::vector<float>& got, double tolerance)
{
    ASSERT_EQ(expected.size(), got.size());
    double worst = 0;
    for (size_t i = 0; i < got.size(); i++)
    {
        ASSERT_TRUE(std::isfinite(got[i])) << i;
        worst = std::max(worst, std::abs(expected[i] - got[i]) / (1. + std::abs(expected[i])));
    }
    EXPECT_LE(worst, tolerance);
}

TEST(D2Det_RoIConv, agrees_with_the_reference_in_double)
{
    for (const Case& c : RoIConv::plainCases())
    {
        const RoIConvProblem problem = makeProblem(c, false, true);
        SCOPED_TRACE(c.name);
        expectNear(reference<double>(problem), fast(problem), 2e-5);
    }
    for (const Case& c : RoIConv::normCases())
        for (const bool relu : {false, true})
        {
            const RoIConvProblem problem = makeProblem(c, false, relu);
            SCOPED_TRACE(c.name);
            expectNear(reference<double>(problem), fast(problem), 1e-4);
        }
}

TEST(D2Det_RoIConv, reference_by_hand)
{
    RoIConvParams p;
    p.inChannels = p.outChannels = 1;
    const float X[] = {1, 2, 3, 4}, rois[] = {0, 0, 0, 10, 10}, weight[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, bias[] = {-70};
    float Y[4];
    roiConvRef<float>(p, {X, rois, 1, 2, 2, weight, bias}, Y);
    EXPECT_EQ(5 * 1 + 6 * 2 + 8 * 3 + 9 * 4 - 70, Y[0]);
    EXPECT_EQ(4 * 1 + 5 * 2 + 7 * 3 + 8 * 4 - 70, Y[1]);
    EXPECT_EQ(2 * 1 + 3 * 2 + 5 * 3 + 6 * 4 - 70, Y[2]);
    EXPECT_EQ(1 * 1 + 2 * 2 + 4 * 3 + 5 * 4 - 70, Y[3]);
    p.normGroups = 1;
    p.epsilon = 1e-12f;
    p.relu = true;
    roiConvRef<float>(p, {X, rois, 1, 2, 2, weight, bias}, Y);  // 77, 67, 47, 37: mean 57, deviation sqrt(250)
    EXPECT_NEAR(20 / std::sqrt(250.), Y[0], 1e-6);
    EXPECT_NEAR(10 / std::sqrt(250.), Y[1], 1e-6);
    EXPECT_EQ(0.f, Y[2]);
    EXPECT_EQ(0.f, Y[3]);
}

//! Rows that hold no RoI: zeros, whatever their features are, and their features are not looked at.
TEST(D2Det_RoIConv, padding_rows_are_zero_and_are_not_read)
{
    for (const Case& c : RoIConv::plainCases())
    {
        RoIConvProblem problem = makeProblem(c, false, false);
        const std::vector<float> before = fast(problem);
        int padding = 0;
        for (int r = 0; r < problem.numRois; r++)
        {
            if (RoIConv::holdsRoi(r))
                continue;
            padding++;
            std::fill_n(problem.input("X").values.begin() + r * problem.inRow(), problem.inRow(),
                        std::numeric_limits<float>::quiet_NaN());
            for (size_t i = 0; i < problem.outRow(); i++)
                ASSERT_EQ(0.f, before[r * problem.outRow() + i]) << "row " << r;
        }
        EXPECT_EQ(before, fast(problem));
        EXPECT_EQ(padding > 0, problem.numRois > 4);
    }
}

//! Classes of the rows: each set in turn, then some that are no set.
std::vector<float> someClasses(int rows, int sets)
{
    std::vector<float> classes;
    for (int r = 0; r < rows; r++)
        classes.push_back(static_cast<float>(r % (sets + 2)) - 1.f);
    return classes;
}

TEST(D2Det_RoIConv, weights_by_class)
{
    for (Case c : casesNamed({"3x3, four sets", "1x1, two sets", "2x3, stride 3"}))
    {
        c.p.byClass = true;
        RoIConvProblem problem = makeProblem(c, true, false);
        problem.input("classes").values = someClasses(problem.numRois, c.p.weightSets);
        const std::vector<float> got = fast(problem);
        EXPECT_EQ(reference<float>(problem), got);

        // One set alone gives the rows of its class; rows of no class are zero.
        const size_t set = problem.input("weight").values.size() / c.p.weightSets;
        for (int r = 0; r < problem.numRois; r++)
        {
            const int cls = static_cast<int>(problem.input("classes").values[r]);
            RoIConvProblem alone = problem;
            alone.p.weightSets = 1;
            alone.p.byClass = false;
            const int from = std::max(std::min(cls, c.p.weightSets - 1), 0);
            alone.input("weight").values.assign(problem.input("weight").values.begin() + from * set,
                                                problem.input("weight").values.begin() + (from + 1) * set);
            if (c.bias)
                alone.input("bias").values.assign(problem.input("bias").values.begin() + from * c.p.outChannels,
                                                  problem.input("bias").values.begin() + (from + 1) * c.p.outChannels);
            const std::vector<float> expected = reference<float>(alone);
            for (size_t i = r * problem.outRow(); i < (r + 1) * problem.outRow(); i++)
                ASSERT_EQ(cls == from ? expected[i] : 0.f, got[i]) << "row " << r << ", class " << cls;
        }
    }
}

//! A 1x1 convolution with upsample = u against the transposed convolution with kernel and stride u, written out.
TEST(D2Det_RoIConv, upsampling_is_a_transposed_convolution)
{
    for (const int u : {2, 3})
    {
        const int channels = 5;
        Case shape = RoIConv::make("transposed", 7, 6, channels * u * u, 4, 3, 1, 1, 1, 0, 1, 0, true, false);
        shape.p.upsample = u;
        const RoIConvProblem problem = makeProblem(shape, true, false);
        std::vector<float> expected(problem.numRois * problem.outRow(), 0.f);
        for (int r = 0; r < problem.numRois; r++)
            for (int c = 0; c < channels; c++)
                for (int y = 0; y < 4 * u; y++)
                    for (int x = 0; x < 3 * u; x++)
                    {
                        const int o = (c * u + y % u) * u + x % u;
                        float sum = problem.input("bias").values[o];
                        for (int i = 0; i < 6; i++)
                            sum += problem.input("weight").values[o * 6 + i] *
                                   problem.input("X").values[r * problem.inRow() + (i * 4 + y / u) * 3 + x / u];
                        const bool computed = RoIConv::holdsRoi(r);
                        expected[((size_t(r) * channels + c) * 4 * u + y) * 3 * u + x] = computed ? sum : 0.f;
                    }
        EXPECT_EQ(expected, reference<float>(problem));
        EXPECT_EQ(expected, fast(problem));
    }
}

TEST(D2Det_RoIConv, norm_sigmoid_and_upsampling_together)
{
    for (const Case& c : casesNamed({"group norm", "instance norm, four sets"}))
    {
        RoIConvProblem problem = makeProblem(c, false, true);
        problem.p.upsample = 2;
        problem.p.sigmoid = true;
        const std::vector<float> got = fast(problem);
        expectNear(reference<double>(problem), got, 1e-4);

        problem.p.upsample = 1;
        problem.p.sigmoid = false;
        std::vector<float> plain = fast(problem);
        std::vector<float> flat = got;
        for (int r = 0; r < problem.numRois; r++)
            for (size_t i = r * problem.outRow(); i < (r + 1) * problem.outRow(); i++)
                plain[i] = !RoIConv::holdsRoi(r) ? 0.f : 1.f / (1.f + std::exp(-plain[i]));
        std::sort(plain.begin(), plain.end());
        std::sort(flat.begin(), flat.end());
        EXPECT_EQ(plain, flat) << "upsampling moves values, it does not change them";
    }
}

//! Shapes that differ in what they go through, each with either method.
std::vector<RoIConvProblem> someProblems()
{
    std::vector<RoIConvProblem> problems;
    for (const Case& c :
         casesNamed({"3x3, four sets", "fully connected", "3x3 of 14x14", "group norm", "instance norm, four sets"}))
        for (const ConvolutionMethod method : {ConvolutionMethod::DIRECT, ConvolutionMethod::WINOGRAD})
        {
            problems.push_back(makeProblem(c, false, true));
            problems.back().p.method = method;
        }
    return problems;
}

TEST(D2Det_RoIConv, same_bits_for_any_number_of_threads)
{
    const int threads = cv::getNumThreads();
    for (const RoIConvProblem& problem : someProblems())
    {
        const RoIConvPacked packed = pack(problem);
        cv::setNumThreads(1);
        const std::vector<float> expected = fast(problem, packed);
        for (const int n : {2, 3, 8})
        {
            cv::setNumThreads(n);
            EXPECT_EQ(expected, fast(problem, packed)) << n << " threads";
        }
    }
    cv::setNumThreads(threads);
}

TEST(D2Det_RoIConv, a_row_does_not_depend_on_the_others)
{
    for (const RoIConvProblem& problem : someProblems())
    {
        const RoIConvPacked packed = pack(problem);
        const std::vector<float> all = fast(problem, packed);
        for (int r = 0; r < problem.numRois; r++)
        {
            RoIConvProblem alone = problem;
            alone.numRois = alone.outputs[0].shape[0] = 1;
            alone.input("X").values.assign(problem.input("X").values.begin() + r * problem.inRow(),
                                           problem.input("X").values.begin() + (r + 1) * problem.inRow());
            alone.input("rois").values.assign(problem.input("rois").values.begin() + 5 * r,
                                              problem.input("rois").values.begin() + 5 * (r + 1));
            const std::vector<float> row(all.begin() + r * problem.outRow(), all.begin() + (r + 1) * problem.outRow());
            EXPECT_EQ(row, fast(alone, packed)) << "row " << r;
        }
    }
}

TEST(D2Det_RoIConv, packing_on_the_fly_is_the_same)
{
    const RoIConvProblem problem = makeProblem(caseNamed("3x3, four sets"), false, true);
    const Floats Y = runFast(problem).outputs[0];
    const RoIConvPacked packed = pack(problem);
    EXPECT_EQ(fast(problem, packed), Y);
    std::vector<float> weight(problem.input("weight").values.size());
    unpackRoIConv(packed, weight.data());
    EXPECT_EQ(problem.input("weight").values, weight);
}

}  // namespace
}  // namespace opencv_test
