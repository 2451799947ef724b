// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIConv and its matrix multiplication, for every instruction set this machine has.

   Inputs are small integers where results can be exact: then the fast version must give the reference's numbers whatever
   the order of additions, and a wrong index cannot hide in a tolerance. */

#include "test_precomp.hpp"

#include "kernels/roi_conv.hpp"

#include <limits>

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;

std::vector<float> integers(RNG& rng, size_t count, int limit)
{
    std::vector<float> values(count);
    for (float& v : values)
        v = static_cast<float>(rng.uniform(-limit, limit + 1));
    return values;
}

std::vector<float> reals(RNG& rng, size_t count)
{
    std::vector<float> values(count);
    for (float& v : values)
        v = rng.uniform(-1.f, 1.f);
    return values;
}

std::vector<const GemmKernel*> allKernels()
{
    const GemmKernel* kernels[3];
    const int count = gemmKernels(kernels);
    return std::vector<const GemmKernel*>(kernels, kernels + count);
}

//////////////////////////////////////////// matrix multiplication ////////////////////////////////////////////

void checkTile(const GemmKernel& kernel, int rows, int columns, int depth, bool accumulate)
{
    SCOPED_TRACE(
        cv::format("%s, rows %d, columns %d, depth %d, accumulate %d", kernel.name, rows, columns, depth, accumulate));
    RNG rng(rows * 1000 + columns);
    const std::vector<float> A = integers(rng, static_cast<size_t>(rows) * depth, 8);
    const std::vector<float> b = integers(rng, static_cast<size_t>(kernel.nr) * depth, 8);
    const PackedMatrix packed = packMatrix(A.data(), rows, depth, kernel);
    const size_t ldc = 2 * GemmKernel::MAX_NR;
    AlignedFloats B(b.size()), C(ldc * GemmKernel::MAX_MR);
    std::copy(b.begin(), b.end(), B.data());
    std::fill(C.data(), C.data() + ldc * GemmKernel::MAX_MR, 7.f);
    kernel.run(rows, columns, depth, packed.panel(0, 0), B.data(), C.data(), ldc, accumulate);
    for (int i = 0; i < GemmKernel::MAX_MR; i++)
        for (int j = 0; j < static_cast<int>(ldc); j++)
        {
            float expected = 7.f;
            if (i < rows && j < columns)
            {
                expected = accumulate ? 7.f : 0.f;
                for (int k = 0; k < depth; k++)
                    expected += A[static_cast<size_t>(i) * depth + k] * b[static_cast<size_t>(k) * kernel.nr + j];
            }
            else if (i < rows && j < kernel.nr)
                continue;  // the rest of the panel may be anything
            ASSERT_EQ(expected, C.data()[i * ldc + j]) << i << ", " << j;
        }
}

TEST(D2Det_Gemm, every_tile_of_every_instruction_set)
{
    for (const GemmKernel* kernel : allKernels())
        for (int rows = 1; rows <= kernel->mr; rows++)
            for (const int columns : {1, kernel->nr / 2, kernel->nr / 2 + 1, kernel->nr})
                for (const int depth : {1, 5, 256})
                    for (const bool accumulate : {false, true})
                        checkTile(*kernel, rows, columns, depth, accumulate);
}

TEST(D2Det_Gemm, packing_keeps_every_value_and_fills_up_with_zeros)
{
    RNG rng(3);
    for (const GemmKernel* kernel : allKernels())
        for (const int rows : {1, 11, 12, 13, 50})
            for (const int depth : {1, 255, 256, 257, 600})
            {
                const std::vector<float> A = reals(rng, static_cast<size_t>(rows) * depth);
                const PackedMatrix packed = packMatrix(A.data(), rows, depth, *kernel);
                for (int k = 0; k < depth; k++)
                    for (int i = 0; i < (rows + kernel->mr - 1) / kernel->mr * kernel->mr; i++)
                    {
                        const int k0 = k / GemmKernel::KC * GemmKernel::KC, i0 = i / kernel->mr * kernel->mr;
                        ASSERT_EQ(i < rows ? A[static_cast<size_t>(i) * depth + k] : 0.f,
                                  packed.panel(i0, k0)[(k - k0) * kernel->mr + i - i0])
                            << kernel->name << ", " << rows << " x " << depth << " at " << i << ", " << k;
                    }
                std::vector<float> unpacked(A.size());
                unpackMatrix(packed, unpacked.data());
                EXPECT_EQ(A, unpacked) << kernel->name << ", " << rows << " x " << depth;
            }
}

//////////////////////////////////////////// RoI convolution ////////////////////////////////////////////

//! One problem; `numRois` rows, of which every fifth is padding and one is not finite.
struct Problem
{
    RoIConvParams p;
    int numRois, height, width;
    std::vector<float> X, rois, weight, bias, gamma, beta, classes;

    int outHeight() const { return (height + 2 * p.pad - p.kernelHeight) / p.stride + 1; }
    int outWidth() const { return (width + 2 * p.pad - p.kernelWidth) / p.stride + 1; }
    size_t inRow() const { return static_cast<size_t>(p.inChannels) * height * width; }
    size_t outRow() const { return static_cast<size_t>(p.outChannels) * outHeight() * outWidth(); }

    RoIConvPacked packed(const GemmKernel& kernel) const
    {
        RoIConvPacked result;
        const int depth = p.inChannels * p.kernelHeight * p.kernelWidth;
        for (int level = 0; level < p.weightSets; level++)
            result.sets.push_back(packMatrix(weight.data() + static_cast<size_t>(level) * p.outChannels * depth,
                                             p.outChannels, depth, kernel));
        return result;
    }
    std::vector<float> fast(const RoIConvPacked& packedWeight) const
    {
        std::vector<float> Y(numRois * outRow(), std::numeric_limits<float>::quiet_NaN());
        roiConvCpu(p,
                   {X.data(), rois.data(), numRois, height, width, nullptr, pointer(bias), pointer(gamma),
                    pointer(beta), pointer(classes)},
                   packedWeight, Y.data());
        return Y;
    }
    template <typename T>
    std::vector<T> reference() const
    {
        const auto cast = [](const std::vector<float>& v) { return std::vector<T>(v.begin(), v.end()); };
        const std::vector<T> x = cast(X), r = cast(rois), w = cast(weight), b = cast(bias), g = cast(gamma),
                             t = cast(beta), k = cast(classes);
        std::vector<T> Y(numRois * outRow(), std::numeric_limits<T>::quiet_NaN());
        roiConvRef<T>(
            p, {x.data(), r.data(), numRois, height, width, w.data(), pointer(b), pointer(g), pointer(t), pointer(k)},
            Y.data());
        return Y;
    }
    template <typename T>
    static const T* pointer(const std::vector<T>& v)
    {
        return v.empty() ? nullptr : v.data();
    }
};

struct ShapeOfProblem
{
    int numRois, in, out, height, width, kernelHeight, kernelWidth, stride, pad, levels, groups;
    bool bias;
};

const ShapeOfProblem SHAPES[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, false},   {3, 2, 5, 4, 5, 3, 3, 1, 1, 1, 0, true},
    {40, 3, 13, 7, 7, 3, 3, 1, 1, 1, 0, true},  {9, 30, 24, 7, 7, 3, 3, 1, 1, 4, 0, true},
    {33, 8, 100, 7, 7, 7, 7, 1, 0, 1, 0, true}, {50, 70, 40, 1, 1, 1, 1, 1, 0, 1, 0, false},
    {5, 300, 12, 2, 3, 1, 1, 1, 0, 2, 0, true}, {7, 4, 9, 9, 14, 3, 3, 2, 1, 1, 0, true},
    {6, 3, 6, 5, 8, 2, 3, 3, 0, 3, 0, false},   {11, 5, 7, 6, 6, 5, 5, 1, 2, 1, 0, true},
    {4, 33, 49, 14, 14, 3, 3, 1, 1, 1, 0, true}};

const ShapeOfProblem NORM_SHAPES[] = {{9, 30, 24, 7, 7, 3, 3, 1, 1, 1, 8, false},
                                      {9, 8, 24, 7, 7, 3, 3, 1, 1, 4, 24, true},
                                      {13, 16, 12, 3, 3, 3, 3, 1, 1, 2, 1, true},
                                      {5, 6, 8, 7, 7, 7, 7, 1, 0, 1, 4, true}};

typedef std::vector<float> (*Filler)(RNG& rng, size_t count);

Problem makeProblem(const ShapeOfProblem& s, Filler fill, bool relu)
{
    RNG rng(17);
    Problem q;
    q.p.weightSets = s.levels;
    q.p.inChannels = s.in;
    q.p.outChannels = s.out;
    q.p.kernelHeight = s.kernelHeight;
    q.p.kernelWidth = s.kernelWidth;
    q.p.stride = s.stride;
    q.p.pad = s.pad;
    q.p.normGroups = s.groups;
    q.p.relu = relu;
    q.numRois = s.numRois;
    q.height = s.height;
    q.width = s.width;
    q.X = fill(rng, s.numRois * q.inRow());
    q.weight = fill(rng, static_cast<size_t>(s.levels) * s.out * s.in * s.kernelHeight * s.kernelWidth);
    if (s.bias)
        q.bias = fill(rng, static_cast<size_t>(s.levels) * s.out);
    if (s.groups > 0 && s.bias)
    {
        q.gamma = reals(rng, static_cast<size_t>(s.levels) * s.out);
        q.beta = reals(rng, static_cast<size_t>(s.levels) * s.out);
    }
    for (int r = 0; r < s.numRois; r++)
    {
        const float side = 30.f * static_cast<float>(1 << (r % 5));  // levels 0 to 3
        const float roi[5] = {static_cast<float>(r % 3), 4.f, 5.f, 4.f + side, 5.f + side};
        for (const float v : roi)
            q.rois.push_back(r % 5 == 4 && &v != roi ? 0.f : v);
    }
    if (s.numRois > 6)
        q.rois[5 * 6 + 2] = std::numeric_limits<float>::quiet_NaN();
    return q;
}

std::vector<float> smallIntegers(RNG& rng, size_t count)
{
    return integers(rng, count, 4);
}

TEST(D2Det_RoIConv, integers_are_exact)
{
    for (const ShapeOfProblem& shape : SHAPES)
        for (const bool relu : {false, true})
        {
            Problem problem = makeProblem(shape, smallIntegers, relu);
            const std::vector<float> expected = problem.reference<float>();
            for (const GemmKernel* kernel : allKernels())
            {
                SCOPED_TRACE(cv::format("%s, shape %d", kernel->name, static_cast<int>(&shape - SHAPES)));
                problem.p.method = ConvolutionMethod::DIRECT;
                EXPECT_EQ(expected, problem.fast(problem.packed(*kernel)));
                problem.p.method = ConvolutionMethod::WINOGRAD;
                const bool fits = shape.kernelHeight == 3 && shape.kernelWidth == 3 && shape.stride == 1;
                const std::vector<float> got = problem.fast(problem.packed(*kernel));
                for (size_t i = 0; i < got.size(); i++)
                    ASSERT_NEAR(expected[i], got[i], fits ? 0.02f : 0.f) << i;
            }
        }
}

//! Rows with the same box and features are computed once; those that differ in one of the three are not taken for them.
TEST(D2Det_RoIConv, repeated_rows)
{
    for (const ShapeOfProblem& shape : {SHAPES[3], SHAPES[6], NORM_SHAPES[1]})
    {
        Problem problem = makeProblem(shape, smallIntegers, false);
        problem.p.byClass = shape.levels > 1;
        problem.p.method = ConvolutionMethod::DIRECT;
        if (problem.p.byClass)
            problem.classes.assign(shape.numRois, 0.f);
        const auto copyRow = [&problem](int from, int to, bool features)
        {
            std::copy_n(problem.rois.begin() + 5 * from, 5, problem.rois.begin() + 5 * to);
            if (features)
                std::copy_n(problem.X.begin() + from * problem.inRow(), problem.inRow(),
                            problem.X.begin() + to * problem.inRow());
        };
        copyRow(0, 1, true);
        copyRow(0, 2, false);  // another picture of the same box, as it were
        copyRow(0, 4, true);
        if (problem.p.byClass)
            problem.classes[4] = 1.f;
        else
            copyRow(1, 4, true);
        problem.X[2 * problem.inRow()] += 1.f;
        const std::vector<float> got = problem.fast(packRoIConv(problem.p, problem.weight.data()));
        const std::vector<double> expected = problem.reference<double>();
        for (size_t i = 0; i < got.size(); i++)
            ASSERT_NEAR(expected[i], got[i], shape.groups > 0 ? 1e-4 : 0.) << i;
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
    for (const ShapeOfProblem& shape : SHAPES)
    {
        const Problem problem = makeProblem(shape, reals, true);
        SCOPED_TRACE(&shape - SHAPES);
        expectNear(problem.reference<double>(), problem.fast(packRoIConv(problem.p, problem.weight.data())), 2e-5);
    }
    for (const ShapeOfProblem& shape : NORM_SHAPES)
        for (const bool relu : {false, true})
        {
            const Problem problem = makeProblem(shape, reals, relu);
            SCOPED_TRACE(&shape - NORM_SHAPES);
            expectNear(problem.reference<double>(), problem.fast(packRoIConv(problem.p, problem.weight.data())), 1e-4);
        }
}

TEST(D2Det_RoIConv, reference_by_hand)
{
    RoIConvParams p;
    p.inChannels = p.outChannels = 1;
    const float X[] = {1, 2, 3, 4}, rois[] = {0, 0, 0, 10, 10}, weight[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, bias[] = {-70};
    float Y[4];
    roiConvRef<float>(p, {X, rois, 1, 2, 2, weight, bias, nullptr, nullptr}, Y);
    EXPECT_EQ(5 * 1 + 6 * 2 + 8 * 3 + 9 * 4 - 70, Y[0]);
    EXPECT_EQ(4 * 1 + 5 * 2 + 7 * 3 + 8 * 4 - 70, Y[1]);
    EXPECT_EQ(2 * 1 + 3 * 2 + 5 * 3 + 6 * 4 - 70, Y[2]);
    EXPECT_EQ(1 * 1 + 2 * 2 + 4 * 3 + 5 * 4 - 70, Y[3]);
    p.normGroups = 1;
    p.epsilon = 1e-12f;
    p.relu = true;
    roiConvRef<float>(p, {X, rois, 1, 2, 2, weight, bias, nullptr, nullptr},
                      Y);  // 77, 67, 47, 37: mean 57, deviation sqrt(250)
    EXPECT_NEAR(20 / std::sqrt(250.), Y[0], 1e-6);
    EXPECT_NEAR(10 / std::sqrt(250.), Y[1], 1e-6);
    EXPECT_EQ(0.f, Y[2]);
    EXPECT_EQ(0.f, Y[3]);
}

//! Rows that hold no RoI: zeros, whatever their features are, and their features are not looked at.
TEST(D2Det_RoIConv, padding_rows_are_zero_and_are_not_read)
{
    for (const ShapeOfProblem& shape : SHAPES)
    {
        Problem problem = makeProblem(shape, reals, false);
        const std::vector<float> before = problem.fast(packRoIConv(problem.p, problem.weight.data()));
        int padding = 0;
        for (int r = 0; r < problem.numRois; r++)
        {
            if (r % 5 != 4 && r != 6)
                continue;
            padding++;
            std::fill_n(problem.X.begin() + r * problem.inRow(), problem.inRow(),
                        std::numeric_limits<float>::quiet_NaN());
            for (size_t i = 0; i < problem.outRow(); i++)
                ASSERT_EQ(0.f, before[r * problem.outRow() + i]) << "row " << r;
        }
        EXPECT_EQ(before, problem.fast(packRoIConv(problem.p, problem.weight.data())));
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
    for (const ShapeOfProblem& shape : {SHAPES[3], SHAPES[6], SHAPES[8]})
    {
        Problem problem = makeProblem(shape, smallIntegers, false);
        problem.p.byClass = true;
        problem.classes = someClasses(problem.numRois, shape.levels);
        const std::vector<float> got = problem.fast(packRoIConv(problem.p, problem.weight.data()));
        EXPECT_EQ(problem.reference<float>(), got);

        // One set alone gives the rows of its class; rows of no class are zero.
        const size_t set = problem.weight.size() / shape.levels;
        for (int r = 0; r < problem.numRois; r++)
        {
            const int c = static_cast<int>(problem.classes[r]);
            Problem alone = problem;
            alone.p.weightSets = 1;
            alone.p.byClass = false;
            alone.classes.clear();
            const int from = std::max(std::min(c, shape.levels - 1), 0);
            alone.weight.assign(problem.weight.begin() + from * set, problem.weight.begin() + (from + 1) * set);
            if (!problem.bias.empty())
                alone.bias.assign(problem.bias.begin() + from * shape.out,
                                  problem.bias.begin() + (from + 1) * shape.out);
            const std::vector<float> expected = alone.reference<float>();
            for (size_t i = r * problem.outRow(); i < (r + 1) * problem.outRow(); i++)
                ASSERT_EQ(c == from ? expected[i] : 0.f, got[i]) << "row " << r << ", class " << c;
        }
    }
}

//! A 1x1 convolution with upsample = u against the transposed convolution with kernel and stride u, written out.
TEST(D2Det_RoIConv, upsampling_is_a_transposed_convolution)
{
    for (const int u : {2, 3})
    {
        const int channels = 5;
        const ShapeOfProblem shape = {7, 6, channels * u * u, 4, 3, 1, 1, 1, 0, 1, 0, true};
        Problem problem = makeProblem(shape, smallIntegers, false);
        problem.p.upsample = u;
        std::vector<float> expected(problem.numRois * problem.outRow(), 0.f);
        for (int r = 0; r < problem.numRois; r++)
            for (int c = 0; c < channels; c++)
                for (int y = 0; y < 4 * u; y++)
                    for (int x = 0; x < 3 * u; x++)
                    {
                        const int o = (c * u + y % u) * u + x % u;
                        float sum = problem.bias[o];
                        for (int i = 0; i < 6; i++)
                            sum += problem.weight[o * 6 + i] *
                                   problem.X[r * problem.inRow() + (i * 4 + y / u) * 3 + x / u];
                        const bool computed = r % 5 != 4 && r != 6;
                        expected[((size_t(r) * channels + c) * 4 * u + y) * 3 * u + x] = computed ? sum : 0.f;
                    }
        EXPECT_EQ(expected, problem.reference<float>());
        EXPECT_EQ(expected, problem.fast(packRoIConv(problem.p, problem.weight.data())));
    }
}

TEST(D2Det_RoIConv, norm_sigmoid_and_upsampling_together)
{
    for (const ShapeOfProblem& shape : {NORM_SHAPES[0], NORM_SHAPES[1]})
    {
        Problem problem = makeProblem(shape, reals, true);
        problem.p.upsample = 2;
        problem.p.sigmoid = true;
        const std::vector<float> got = problem.fast(packRoIConv(problem.p, problem.weight.data()));
        expectNear(problem.reference<double>(), got, 1e-4);

        problem.p.upsample = 1;
        problem.p.sigmoid = false;
        std::vector<float> plain = problem.fast(packRoIConv(problem.p, problem.weight.data()));
        std::vector<float> flat = got;
        for (int r = 0; r < problem.numRois; r++)
            for (size_t i = r * problem.outRow(); i < (r + 1) * problem.outRow(); i++)
                plain[i] = r % 5 == 4 || r == 6 ? 0.f : 1.f / (1.f + std::exp(-plain[i]));
        std::sort(plain.begin(), plain.end());
        std::sort(flat.begin(), flat.end());
        EXPECT_EQ(plain, flat) << "upsampling moves values, it does not change them";
    }
}

//! Shapes that differ in what they go through, each with either method.
std::vector<Problem> someProblems()
{
    std::vector<Problem> problems;
    for (const ShapeOfProblem& shape : {SHAPES[3], SHAPES[4], SHAPES[10], NORM_SHAPES[0], NORM_SHAPES[1]})
        for (const ConvolutionMethod method : {ConvolutionMethod::DIRECT, ConvolutionMethod::WINOGRAD})
        {
            problems.push_back(makeProblem(shape, reals, true));
            problems.back().p.method = method;
        }
    return problems;
}

TEST(D2Det_RoIConv, same_bits_for_any_number_of_threads)
{
    const int threads = cv::getNumThreads();
    for (const Problem& problem : someProblems())
    {
        const RoIConvPacked packed = packRoIConv(problem.p, problem.weight.data());
        cv::setNumThreads(1);
        const std::vector<float> expected = problem.fast(packed);
        for (const int n : {2, 3, 8})
        {
            cv::setNumThreads(n);
            EXPECT_EQ(expected, problem.fast(packed)) << n << " threads";
        }
    }
    cv::setNumThreads(threads);
}

TEST(D2Det_RoIConv, a_row_does_not_depend_on_the_others)
{
    for (const Problem& problem : someProblems())
    {
        const RoIConvPacked packed = packRoIConv(problem.p, problem.weight.data());
        const std::vector<float> all = problem.fast(packed);
        for (int r = 0; r < problem.numRois; r++)
        {
            Problem alone = problem;
            alone.numRois = 1;
            alone.X.assign(problem.X.begin() + r * problem.inRow(), problem.X.begin() + (r + 1) * problem.inRow());
            alone.rois.assign(problem.rois.begin() + 5 * r, problem.rois.begin() + 5 * (r + 1));
            const std::vector<float> row(all.begin() + r * problem.outRow(), all.begin() + (r + 1) * problem.outRow());
            EXPECT_EQ(row, alone.fast(packed)) << "row " << r;
        }
    }
}

TEST(D2Det_RoIConv, packing_on_the_fly_is_the_same)
{
    const Problem problem = makeProblem(SHAPES[3], reals, true);
    std::vector<float> Y(problem.numRois * problem.outRow());
    roiConvCpu(problem.p,
               {problem.X.data(), problem.rois.data(), problem.numRois, problem.height, problem.width,
                problem.weight.data(), problem.bias.data(), nullptr, nullptr},
               Y.data());
    const RoIConvPacked packed = packRoIConv(problem.p, problem.weight.data());
    EXPECT_EQ(problem.fast(packed), Y);
    std::vector<float> weight(problem.weight.size());
    unpackRoIConv(packed, weight.data());
    EXPECT_EQ(problem.weight, weight);
}

}  // namespace
}  // namespace opencv_test
