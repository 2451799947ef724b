// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* RoI pooling, adaptive weighted pooling and instance norm: the fast kernels against the naive ones on the table of
   shapes and on hostile RoIs, exactly where the numbers are integers; the naive gradients against differences; properties
   that hold whatever the numbers are. Contract: operators.md 3.2 - 3.5, 5. */

#include "test_precomp.hpp"

#include "../src/kernels/adaptive_weighted_pool.hpp"
#include "../src/kernels/deform_roi_pool.hpp"
#include "../src/kernels/instance_norm.hpp"
#include "../src/kernels/roi_align.hpp"
#include "shapes.hpp"

#include <cstring>
#include <limits>

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using cv::RNG;

typedef std::vector<float> Floats;
typedef std::vector<double> Doubles;

const float QUIET_NAN = std::numeric_limits<float>::quiet_NaN();
const float INFINITE = std::numeric_limits<float>::infinity();
const float LARGEST = std::numeric_limits<float>::max();

Floats uniform(size_t n, float lo, float hi, RNG& rng)
{
    Floats x(n);
    for (float& v : x)
        v = rng.uniform(lo, hi);
    return x;
}

Doubles toDouble(const Floats& x)
{
    return Doubles(x.begin(), x.end());
}

//! Marks memory so that an element which is not written shows.
template <typename T>
std::vector<T> unwritten(size_t n)
{
    return std::vector<T>(n, std::numeric_limits<T>::quiet_NaN());
}

testing::AssertionResult sameBits(const Floats& expected, const Floats& actual)
{
    for (size_t i = 0; i < expected.size(); i++)
        if (std::memcmp(&expected[i], &actual[i], sizeof(float)) != 0)
            return testing::AssertionFailure() << "element " << i << ": " << expected[i] << " and " << actual[i];
    return testing::AssertionSuccess();
}

//! |expected - actual| <= tolerance * max(1, |expected|), and no NaN.
template <typename T>
testing::AssertionResult near(const std::vector<T>& expected, const Floats& actual, double tolerance)
{
    for (size_t i = 0; i < expected.size(); i++)
        if (!(std::abs(expected[i] - T(actual[i])) <= tolerance * std::max(1., std::abs(double(expected[i])))))
            return testing::AssertionFailure()
                   << "element " << i << ": expected " << expected[i] << ", got " << actual[i];
    return testing::AssertionSuccess();
}

template <typename T>
double dot(const std::vector<T>& a, const std::vector<T>& b)
{
    double sum = 0;
    for (size_t i = 0; i < a.size(); i++)
        sum += double(a[i]) * double(b[i]);
    return sum;
}

//! Feature maps that own their memory.
template <typename T>
struct Maps
{
    std::vector<std::vector<T>> data;
    FeaturePyramid<T> pyramid;

    explicit Maps(const PoolingShape& s) : pyramid(makePyramid<T>(s))
    {
        for (int i = 0; i < s.levels; i++)
        {
            data.push_back(unwritten<T>(s.mapCount(i)));
            pyramid.data[i] = data[i].data();
        }
    }
    std::vector<T*> pointers()
    {
        std::vector<T*> p;
        for (std::vector<T>& map : data)
            p.push_back(map.data());
        return p;
    }
    std::vector<T> flat() const
    {
        std::vector<T> all;
        for (const std::vector<T>& map : data)
            all.insert(all.end(), map.begin(), map.end());
        return all;
    }
    Maps(const Maps&) = delete;
    Maps& operator=(const Maps&) = delete;
};

//! How a RoI operator is called: fast, or naive in either precision. T is the precision of all arrays.
struct AlignOp
{
    RoIAlignParams p;

    AlignOp(const PoolingShape& s, bool legacy, bool aligned = true)
    {
        p.pooledHeight = p.pooledWidth = s.pooledSize;
        p.samplingRatio = s.samplingRatio;
        p.finestScale = 14.f;
        p.legacy = legacy;
        p.aligned = aligned;
    }
    size_t offsetCount() const { return 0; }
    size_t binCount() const { return size_t(p.pooledHeight) * p.pooledWidth; }
    void cpu(const FeaturePyramid<float>& f, const Floats& rois, const float*, float* out) const
    {
        roiAlignCpu(p, {f, rois.data(), static_cast<int>(rois.size() / 5)}, out);
    }
    void cpuBackward(const FeaturePyramid<float>& f, const Floats& rois, const float*, const float* grad,
                     float* const* gradMaps, float*) const
    {
        roiAlignBackwardCpu(p, {f, rois.data(), static_cast<int>(rois.size() / 5)}, grad, gradMaps);
    }
    template <typename T>
    void ref(const FeaturePyramid<T>& f, const std::vector<T>& rois, const T*, T* out) const
    {
        roiAlignRef<T>(p, {f, rois.data(), static_cast<int>(rois.size() / 5)}, out);
    }
    template <typename T>
    void refBackward(const FeaturePyramid<T>& f, const std::vector<T>& rois, const T*, const T* grad,
                     T* const* gradMaps, T*) const
    {
        roiAlignBackwardRef<T>(p, {f, rois.data(), static_cast<int>(rois.size() / 5)}, grad, gradMaps);
    }
};

struct DeformOp
{
    DeformRoIPoolParams p;

    DeformOp(const PoolingShape& s, bool legacy, bool = true)
    {
        p.pooledSize = s.pooledSize;
        p.offsetSize = s.offsetSize;
        p.samplingRatio = s.samplingRatio > 0 ? s.samplingRatio : 2;
        p.finestScale = 14.f;
        p.legacy = legacy;
    }
    size_t offsetCount() const { return size_t(2) * p.offsetSize * p.offsetSize; }
    size_t binCount() const { return size_t(p.pooledSize) * p.pooledSize; }
    void cpu(const FeaturePyramid<float>& f, const Floats& rois, const float* offsets, float* out) const
    {
        deformRoIPoolCpu(p, {f, rois.data(), static_cast<int>(rois.size() / 5), offsets}, out);
    }
    void cpuBackward(const FeaturePyramid<float>& f, const Floats& rois, const float* offsets, const float* grad,
                     float* const* gradMaps, float* gradOffsets) const
    {
        deformRoIPoolBackwardCpu(p, {f, rois.data(), static_cast<int>(rois.size() / 5), offsets}, grad, gradMaps,
                                 gradOffsets);
    }
    template <typename T>
    void ref(const FeaturePyramid<T>& f, const std::vector<T>& rois, const T* offsets, T* out) const
    {
        deformRoIPoolRef<T>(p, {f, rois.data(), static_cast<int>(rois.size() / 5), offsets}, out);
    }
    template <typename T>
    void refBackward(const FeaturePyramid<T>& f, const std::vector<T>& rois, const T* offsets, const T* grad,
                     T* const* gradMaps, T* gradOffsets) const
    {
        deformRoIPoolBackwardRef<T>(p, {f, rois.data(), static_cast<int>(rois.size() / 5), offsets}, grad, gradMaps,
                                    gradOffsets);
    }
};

//! Input of a RoI operator and what comes out.
struct Problem
{
    PoolingShape shape;
    Floats rois, offsets, grad;
    Maps<float> maps;

    template <typename Op>
    Problem(const PoolingShape& s, const Op& op, RNG& rng)
        : shape(s),
          rois(randomRois(s, rng)),
          offsets(uniform(s.numRois * op.offsetCount(), -2.f, 2.f, rng)),
          grad(uniform(size_t(s.numRois) * s.channels * op.binCount(), -1.f, 1.f, rng)),
          maps(s)
    {
        for (Floats& map : maps.data)
            for (float& v : map)
                v = rng.uniform(-1.f, 1.f);
    }
};

struct Result
{
    Floats pooled, gradMaps, gradOffsets;
};

template <typename Op>
Result runCpu(const Op& op, const Problem& in)
{
    Result out;
    out.pooled = unwritten<float>(in.grad.size());
    out.gradOffsets = unwritten<float>(in.offsets.size());
    Maps<float> gradMaps(in.shape);
    op.cpu(in.maps.pyramid, in.rois, in.offsets.data(), out.pooled.data());
    op.cpuBackward(in.maps.pyramid, in.rois, in.offsets.data(), in.grad.data(), gradMaps.pointers().data(),
                   out.gradOffsets.data());
    out.gradMaps = gradMaps.flat();
    return out;
}

template <typename Op>
Result runRef(const Op& op, const Problem& in)
{
    Result out;
    out.pooled = unwritten<float>(in.grad.size());
    out.gradOffsets = unwritten<float>(in.offsets.size());
    Maps<float> gradMaps(in.shape);
    op.template ref<float>(in.maps.pyramid, in.rois, in.offsets.data(), out.pooled.data());
    op.template refBackward<float>(in.maps.pyramid, in.rois, in.offsets.data(), in.grad.data(),
                                   gradMaps.pointers().data(), out.gradOffsets.data());
    out.gradMaps = gradMaps.flat();
    return out;
}

void expectNear(const Result& expected, const Result& actual)
{
    EXPECT_TRUE(near(expected.pooled, actual.pooled, 2e-5));
    EXPECT_TRUE(near(expected.gradMaps, actual.gradMaps, 1e-4));
    EXPECT_TRUE(near(expected.gradOffsets, actual.gradOffsets, 1e-3));
}

void expectSameBits(const Result& expected, const Result& actual)
{
    EXPECT_TRUE(sameBits(expected.pooled, actual.pooled));
    EXPECT_TRUE(sameBits(expected.gradMaps, actual.gradMaps));
    EXPECT_TRUE(sameBits(expected.gradOffsets, actual.gradOffsets));
}

//! RoIs that a broken or hostile network can produce; shapes need batch <= 2.
std::vector<std::vector<float>> hostileRois()
{
    return {
        {QUIET_NAN, 1, 1, 9, 9},
        {0, QUIET_NAN, 1, 9, 9},
        {0, 1, 1, INFINITE, 9},
        {0, 1, -INFINITE, 9, 9},
        {-1, 1, 1, 9, 9},
        {2, 1, 1, 9, 9},
        {1e30f, 1, 1, 9, 9},
        {-0.5f, 1, 1, 9, 9},
        {0, 20, 20, 4, 4},
        {0, -LARGEST, -LARGEST, LARGEST, LARGEST},
        {0, LARGEST, LARGEST, -LARGEST, -LARGEST},
        {0, LARGEST, 0, LARGEST, 10},
        {0, -LARGEST, 0, -1, 10},
        {0, 0, 0, LARGEST, 1},
        {0, -3e9f, -3e9f, 3e9f, 3e9f},
        {0, 3e9f, 3e9f, 4e9f, 4e9f},
        {0, 5, 5, 5, 5},
        {0, -4, -4, -4, -4},
        {0, 0, 0, 0, 0},
        {0, -100, -100, -50, -50},
    };
}

template <typename Op>
void testAgainstRef()
{
    RNG rng(1);
    for (const PoolingShape& s : poolingShapes(false))
        for (int variant = 0; variant < 3; variant++)
        {
            SCOPED_TRACE(testing::Message()
                         << s.name << ", legacy " << (variant == 1) << ", aligned " << (variant != 2));
            const Op op(s, variant == 1, variant != 2);
            const Problem problem(s, op, rng);
            expectNear(runRef(op, problem), runCpu(op, problem));
        }
}

template <typename Op>
void testThreads()
{
    RNG rng(2);
    const int before = cv::getNumThreads();
    for (const PoolingShape& s : poolingShapes(false))
    {
        SCOPED_TRACE(s.name);
        const Op op(s, false);
        const Problem problem(s, op, rng);
        cv::setNumThreads(1);
        const Result one = runCpu(op, problem);
        for (int threads : {2, 4})
        {
            cv::setNumThreads(threads);
            expectSameBits(one, runCpu(op, problem));
        }
    }
    cv::setNumThreads(before);
}

//! A RoI's row is the same whether it comes alone or among others, and its gradients are those of the others plus its own.
template <typename Op>
void testRowsAreIndependent()
{
    RNG rng(3);
    for (const PoolingShape& s : poolingShapes(false))
    {
        SCOPED_TRACE(s.name);
        const Op op(s, false);
        const Problem all(s, op, rng);
        const Result together = runCpu(op, all);
        PoolingShape single = s;
        single.numRois = 1;
        const size_t rowSize = s.channels * op.binCount(), offsetCount = op.offsetCount();
        Doubles sum(together.gradMaps.size(), 0.);
        for (int r = 0; r < s.numRois; r++)
        {
            Problem one(single, op, rng);
            std::copy_n(all.rois.begin() + 5 * r, 5, one.rois.begin());
            std::copy_n(all.offsets.begin() + r * offsetCount, offsetCount, one.offsets.begin());
            std::copy_n(all.grad.begin() + r * rowSize, rowSize, one.grad.begin());
            for (size_t i = 0; i < all.maps.data.size(); i++)
                std::copy(all.maps.data[i].begin(), all.maps.data[i].end(), one.maps.data[i].begin());
            const Result alone = runCpu(op, one);
            ASSERT_EQ(0, std::memcmp(alone.pooled.data(), &together.pooled[r * rowSize], rowSize * sizeof(float)))
                << "RoI " << r;
            if (offsetCount > 0)
            {
                ASSERT_EQ(0, std::memcmp(alone.gradOffsets.data(), &together.gradOffsets[r * offsetCount],
                                         offsetCount * sizeof(float)))
                    << "RoI " << r;
            }
            for (size_t i = 0; i < sum.size(); i++)
                sum[i] += alone.gradMaps[i];
        }
        EXPECT_TRUE(near(sum, together.gradMaps, 1e-4));
    }
}

template <typename Op>
void testHostileRois()
{
    RNG rng(4);
    const std::vector<std::vector<float>> hostile = hostileRois();
    for (PoolingShape s : poolingShapes(false))
        for (int variant = 0; variant < 3; variant++)
        {
            SCOPED_TRACE(testing::Message()
                         << s.name << ", legacy " << (variant == 1) << ", aligned " << (variant != 2));
            s.numRois = static_cast<int>(hostile.size());
            const Op op(s, variant == 1, variant != 2);
            Problem problem(s, op, rng);
            for (size_t r = 0; r < hostile.size(); r++)
                std::copy(hostile[r].begin(), hostile[r].end(), problem.rois.begin() + 5 * r);
            const Result out = runCpu(op, problem);
            expectNear(runRef(op, problem), out);
            const size_t unusable = 7 * s.channels * op.binCount();
            EXPECT_TRUE(sameBits(Floats(unusable, 0.f), out.pooled));  // compares the first `unusable` elements
        }
}

/** RoIs whose samples lie on multiples of 1/4 of a cell, integer features and gradients: every order of operations
    gives the same number. */
template <typename Op>
void testIntegers()
{
    RNG rng(5);
    const PoolingShape s = {"integers", false, 2, 1, 19, 24, 40, 12, 4, 2, 2};
    for (int step : {16, 32})
    {
        const Op op(s, false);
        Problem problem(s, op, rng);
        for (Floats& map : problem.maps.data)
            for (float& v : map)
                v = static_cast<float>(rng.uniform(-8, 9));
        for (float& g : problem.grad)
            g = static_cast<float>(rng.uniform(-8, 9));
        for (float& o : problem.offsets)
            o = 0.f;  // gamma is not a power of two
        for (int r = 0; r < s.numRois; r++)
        {
            float* roi = &problem.rois[size_t(r) * 5];
            roi[0] = 0;
            roi[1] = static_cast<float>(4 * rng.uniform(-4, 32));
            roi[2] = static_cast<float>(4 * rng.uniform(-4, 20));
            roi[3] = roi[1] + static_cast<float>(step * rng.uniform(1, 3));
            roi[4] = roi[2] + static_cast<float>(step * rng.uniform(1, 3));
        }
        const Result expected = runRef(op, problem), actual = runCpu(op, problem);
        for (size_t i = 0; i < expected.pooled.size(); i++)
            ASSERT_EQ(expected.pooled[i], actual.pooled[i]) << "element " << i;
        for (size_t i = 0; i < expected.gradMaps.size(); i++)
            ASSERT_EQ(expected.gradMaps[i], actual.gradMaps[i]) << "element " << i;
    }
}

//! <G, f(x)> = <f^T G, x>: pooling is linear in the maps.
template <typename Op>
void testAdjoint()
{
    RNG rng(6);
    for (const PoolingShape& s : poolingShapes(false))
        for (bool legacy : {false, true})
        {
            SCOPED_TRACE(testing::Message() << s.name << ", legacy " << legacy);
            const Op op(s, legacy);
            const Problem problem(s, op, rng);
            const Result out = runCpu(op, problem);
            const double forward = dot(problem.grad, out.pooled);
            const double backward = dot(problem.maps.flat(), out.gradMaps);
            EXPECT_NEAR(forward, backward, 1e-5 * std::sqrt(double(out.pooled.size())) + 1e-5 * std::abs(forward));
        }
}

//! Moving the picture and the RoIs by whole cells changes nothing.
template <typename Op>
void testTranslation()
{
    RNG rng(7);
    const PoolingShape s = {"translation", false, 1, 1, 18, 40, 50, 10, 6, 3, 2};
    const Op op(s, false);
    Problem before(s, op, rng);
    for (int r = 0; r < s.numRois; r++)  // dyadic, well inside, also after the move
    {
        float* roi = &before.rois[size_t(r) * 5];
        roi[1] = 40.f + 0.25f * static_cast<float>(rng.uniform(0, 80));
        roi[2] = 40.f + 0.25f * static_cast<float>(rng.uniform(0, 80));
        roi[3] = roi[1] + 6.f * static_cast<float>(rng.uniform(1, 10));
        roi[4] = roi[2] + 6.f * static_cast<float>(rng.uniform(1, 8));
    }
    for (float& o : before.offsets)
        o *= 0.25f;
    Problem after(s, op, rng);
    after.rois = before.rois;
    after.offsets = before.offsets;
    after.grad = before.grad;
    const int dy = 2, dx = 3;
    for (int c = 0; c < s.channels; c++)
        for (int y = dy; y < s.height; y++)
            for (int x = dx; x < s.width; x++)
                after.maps.data[0][(size_t(c) * s.height + y) * s.width + x] =
                    before.maps.data[0][(size_t(c) * s.height + y - dy) * s.width + x - dx];
    for (int r = 0; r < s.numRois; r++)
        for (int i = 1; i < 5; i++)
            after.rois[size_t(r) * 5 + i] += 4.f * static_cast<float>(i % 2 ? dx : dy);
    const Result a = runCpu(op, before), b = runCpu(op, after);
    EXPECT_TRUE(near(a.pooled, b.pooled, 1e-5));
    EXPECT_TRUE(near(a.gradOffsets, b.gradOffsets, 1e-4));
}

TEST(D2Det_RoIAlign, CpuEqualsRef)
{
    testAgainstRef<AlignOp>();
}
TEST(D2Det_RoIAlign, SameBitsForAnyNumberOfThreads)
{
    testThreads<AlignOp>();
}
TEST(D2Det_RoIAlign, RowsAreIndependent)
{
    testRowsAreIndependent<AlignOp>();
}
TEST(D2Det_RoIAlign, HostileRois)
{
    testHostileRois<AlignOp>();
}
TEST(D2Det_RoIAlign, ExactOnIntegers)
{
    testIntegers<AlignOp>();
}
TEST(D2Det_RoIAlign, BackwardIsAdjoint)
{
    testAdjoint<AlignOp>();
}
TEST(D2Det_RoIAlign, MovesWithThePicture)
{
    testTranslation<AlignOp>();
}

TEST(D2Det_DeformRoIPool, CpuEqualsRef)
{
    testAgainstRef<DeformOp>();
}
TEST(D2Det_DeformRoIPool, SameBitsForAnyNumberOfThreads)
{
    testThreads<DeformOp>();
}
TEST(D2Det_DeformRoIPool, RowsAreIndependent)
{
    testRowsAreIndependent<DeformOp>();
}
TEST(D2Det_DeformRoIPool, HostileRois)
{
    testHostileRois<DeformOp>();
}
TEST(D2Det_DeformRoIPool, ExactOnIntegers)
{
    testIntegers<DeformOp>();
}
TEST(D2Det_DeformRoIPool, BackwardIsAdjoint)
{
    testAdjoint<DeformOp>();
}
TEST(D2Det_DeformRoIPool, MovesWithThePicture)
{
    testTranslation<DeformOp>();
}

//! A ramp is reproduced: pooling f(y, x) = 2 y + 3 x inside the map gives the ramp at the bin's centre.
TEST(D2Det_RoIAlign, ReproducesARamp)
{
    const PoolingShape s = {"ramp", false, 1, 1, 1, 30, 30, 1, 3, 3, 2};
    const AlignOp op(s, false);
    RNG rng(8);
    Problem problem(s, op, rng);
    for (int y = 0; y < 30; y++)
        for (int x = 0; x < 30; x++)
            problem.maps.data[0][y * 30 + x] = static_cast<float>(2 * y + 3 * x);
    problem.rois = {0, 20, 32, 44, 80};  // 5 .. 11 and 8 .. 20 cells: bins of 2 x 4 cells
    const Result out = runCpu(op, problem);
    for (int p = 0; p < 3; p++)
        for (int q = 0; q < 3; q++)
            EXPECT_FLOAT_EQ(2 * (8 + 4 * p + 2 - 0.5f) + 3 * (5 + 2 * q + 1 - 0.5f), out.pooled[p * 3 + q]);
}

//! At most 256 samples per bin and axis: the cost of a RoI of any length is bounded, and the average stays one.
TEST(D2Det_RoIAlign, AdaptiveSamplingIsCapped)
{
    const PoolingShape s = {"cap", false, 1, 1, 1, 4, 600, 1, 1, 1, 0};
    const AlignOp op(s, false);
    RNG rng(9);
    Problem problem(s, op, rng);
    std::fill(problem.maps.data[0].begin(), problem.maps.data[0].end(), 0.f);
    for (int y = 0; y < 4; y++)
        problem.maps.data[0][y * 600] = 1.f;
    // 512 cells in one bin: 256 samples at 0.5, 2.5, .. (the first after the shift by half a cell); one touches column 0.
    problem.rois = {0, 0, 0, 2048, 16};
    const Result cpu = runCpu(op, problem), ref = runRef(op, problem);
    EXPECT_FLOAT_EQ(0.5f / 256, ref.pooled[0]);
    EXPECT_FLOAT_EQ(0.5f / 256, cpu.pooled[0]);
}

TEST(D2Det_DeformRoIPool, ZeroOffsetsAreRoIAlign)
{
    RNG rng(10);
    for (PoolingShape s : poolingShapes(false))
    {
        SCOPED_TRACE(s.name);
        s.samplingRatio = std::max(s.samplingRatio, 1);
        const DeformOp op(s, false);
        Problem problem(s, op, rng);
        std::fill(problem.offsets.begin(), problem.offsets.end(), 0.f);
        const Result deform = runCpu(op, problem), align = runCpu(AlignOp(s, false), problem);
        EXPECT_TRUE(near(align.pooled, deform.pooled, 1e-4));
        Floats without = unwritten<float>(deform.pooled.size());
        op.cpu(problem.maps.pyramid, problem.rois, nullptr, without.data());
        EXPECT_TRUE(sameBits(deform.pooled, without));
    }
}

TEST(D2Det_DeformRoIPool, BinsWithOffsetsThatAreNotFiniteAreZero)
{
    RNG rng(11);
    const PoolingShape s = {"offsets", false, 2, 1, 17, 40, 40, 3, 4, 2, 2};
    for (bool legacy : {false, true})
        for (float bad : {QUIET_NAN, INFINITE, -INFINITE, LARGEST, -LARGEST})
            for (int plane = 0; plane < 2; plane++)
            {
                SCOPED_TRACE(testing::Message() << "legacy " << legacy << ", offset " << bad << ", plane " << plane);
                const DeformOp op(s, legacy);
                Problem problem(s, op, rng);
                for (int r = 0; r < s.numRois; r++)
                    problem.offsets[(r * 2 + plane) * 4] = bad;  // first of the 2 x 2 cells
                const Result out = runCpu(op, problem);
                expectNear(runRef(op, problem), out);
                for (size_t plane16 = 0; plane16 < size_t(s.numRois) * s.channels; plane16++)
                    for (int bin : {0, 1, 4, 5})
                        ASSERT_EQ(0.f, out.pooled[plane16 * 16 + bin]);
            }
}

TEST(D2Det_DeformRoIPool, OffsetGradientIsOptional)
{
    RNG rng(12);
    const PoolingShape s = poolingShapes(false)[2];
    const DeformOp op(s, false);
    const Problem problem(s, op, rng);
    Maps<float> grad(s);
    FeaturePyramid<float> shapesOnly = problem.maps.pyramid;
    for (const float*& data : shapesOnly.data)
        data = nullptr;  // without offset gradients the maps are not read
    op.cpuBackward(shapesOnly, problem.rois, problem.offsets.data(), problem.grad.data(), grad.pointers().data(),
                   nullptr);
    EXPECT_TRUE(sameBits(runCpu(op, problem).gradMaps, grad.flat()));
}

//! d<G, f>/dx by central differences at `count` random elements of x.
template <typename Forward>
void expectGradient(const Doubles& gradient, Doubles& x, const Doubles& G, Forward forward, int count, RNG& rng)
{
    const double eps = 1e-6;
    for (int i = 0; i < count; i++)
    {
        const size_t at = static_cast<size_t>(rng.uniform(0, static_cast<int>(x.size())));
        const double kept = x[at];
        x[at] = kept + eps;
        const double above = dot(G, forward());
        x[at] = kept - eps;
        const double below = dot(G, forward());
        x[at] = kept;
        EXPECT_NEAR((above - below) / (2 * eps), gradient[at], 1e-6 * std::max(1., std::abs(gradient[at])))
            << "element " << at;
    }
}

template <typename Op>
void testDifferences(bool legacy)
{
    RNG rng(13);
    const PoolingShape s = {"differences", false, 2, 2, 3, 20, 26, 8, 4, 2, 2};
    const Op op(s, legacy);
    const Problem problem(s, op, rng);
    const Doubles rois = toDouble(problem.rois), grad = toDouble(problem.grad);
    Doubles offsets = toDouble(problem.offsets);
    Maps<double> maps(s), gradMaps(s);
    for (int i = 0; i < s.levels; i++)
        std::copy(problem.maps.data[i].begin(), problem.maps.data[i].end(), maps.data[i].begin());
    Doubles gradOffsets = unwritten<double>(offsets.size());
    op.template refBackward<double>(maps.pyramid, rois, offsets.data(), grad.data(), gradMaps.pointers().data(),
                                    gradOffsets.data());
    const auto forward = [&]
    {
        Doubles out(grad.size());
        op.template ref<double>(maps.pyramid, rois, offsets.data(), out.data());
        return out;
    };
    for (int i = 0; i < s.levels; i++)
    {
        SCOPED_TRACE(testing::Message() << "level " << i);
        EXPECT_GT(dot(gradMaps.data[i], gradMaps.data[i]), 0.);
        expectGradient(gradMaps.data[i], maps.data[i], grad, forward, 60, rng);
    }
    if (offsets.empty())
        return;
    EXPECT_GT(dot(gradOffsets, gradOffsets), 0.);
    expectGradient(gradOffsets, offsets, grad, forward, 60, rng);
}

TEST(D2Det_RoIAlign, BackwardRefEqualsDifferences)
{
    testDifferences<AlignOp>(false);
    testDifferences<AlignOp>(true);
}

TEST(D2Det_DeformRoIPool, BackwardRefEqualsDifferences)
{
    testDifferences<DeformOp>(false);
    testDifferences<DeformOp>(true);
}

//////////////////////////////////////////////////////////////////////////////// adaptive weighted pooling

struct WeightedShape
{
    int planes, height, width;
};

std::vector<WeightedShape> weightedShapes()
{
    return {{1, 1, 1}, {16, 2, 2}, {17, 14, 14}, {40, 7, 7}, {5, 1, 6}, {3, 9, 1}, {33, 5, 4}, {2, 30, 41}};
}

struct WeightedResult
{
    Floats pooled, gradF, gradN;
};

WeightedResult runWeighted(float gain, const WeightedShape& s, const Floats& F, const Floats& N, const Floats& grad)
{
    WeightedResult out = {unwritten<float>(grad.size()), unwritten<float>(F.size()), unwritten<float>(F.size())};
    adaptiveWeightedPoolCpu({gain, s.planes, s.height, s.width}, F.data(), N.data(), out.pooled.data());
    adaptiveWeightedPoolBackwardCpu({gain, s.planes, s.height, s.width}, F.data(), N.data(), grad.data(),
                                    {out.gradF.data(), out.gradN.data()});
    return out;
}

TEST(D2Det_AdaptiveWeightedPool, CpuEqualsRef)
{
    RNG rng(20);
    for (const WeightedShape& s : weightedShapes())
        for (float gain : {12.f, 3.f, 0.f, -5.f, 79.f, 81.f, 200.f, -200.f, LARGEST})
        {
            SCOPED_TRACE(testing::Message()
                         << s.planes << " planes of " << s.height << " x " << s.width << ", gain " << gain);
            const size_t area = size_t(s.height) * s.width,
                         pooledArea = size_t((s.height + 1) / 2) * ((s.width + 1) / 2);
            const Floats F = uniform(s.planes * area, -1, 1, rng), grad = uniform(s.planes * pooledArea, -1, 1, rng);
            Floats N = uniform(s.planes * area, -4, 4, rng);
            if (gain == LARGEST)  // weights are 0 or 1 then: ties only where sigmoid(N) is the same in any precision
                for (float& n : N)
                    n = n < 0 ? -INFINITE : INFINITE;
            const WeightedResult out = runWeighted(gain, s, F, N, grad);
            const Doubles f = toDouble(F), n = toDouble(N), g = toDouble(grad);
            Doubles pooled(grad.size()), gradF(F.size()), gradN(F.size());
            adaptiveWeightedPoolRef({gain, s.planes, s.height, s.width}, f.data(), n.data(), pooled.data());
            adaptiveWeightedPoolBackwardRef({gain, s.planes, s.height, s.width}, f.data(), n.data(), g.data(),
                                            {gradF.data(), gradN.data()});
            // The exponent gain * sigmoid carries a rounding error of gain * 6e-8.
            const double tolerance = gain == LARGEST ? 1e-6 : 5e-7 * std::max(2.f, std::abs(gain) / 6);
            EXPECT_TRUE(near(pooled, out.pooled, tolerance));
            EXPECT_TRUE(near(gradF, out.gradF, 4 * tolerance));
            if (gain != LARGEST)
            {
                EXPECT_TRUE(near(gradN, out.gradN, 4 * tolerance * std::max(1.f, std::abs(gain))));
            }
        }
}

TEST(D2Det_AdaptiveWeightedPool, InfiniteNIsOneOrZero)
{
    const Floats F = {1, 2, 3, 4}, N = {INFINITE, INFINITE, -INFINITE, -INFINITE};
    Floats out = unwritten<float>(1);
    adaptiveWeightedPoolCpu({12.f, 1, 2, 2}, F.data(), N.data(), out.data());
    EXPECT_NEAR(1.5, out[0], 4e-5);  // A = e^12 twice and 1 twice
    adaptiveWeightedPoolCpu({-200.f, 1, 2, 2}, F.data(), N.data(), out.data());
    EXPECT_FLOAT_EQ(3.5f, out[0]);
    adaptiveWeightedPoolCpu({0.f, 1, 2, 2}, F.data(), N.data(), out.data());
    EXPECT_FLOAT_EQ(2.5f, out[0]);
}

TEST(D2Det_AdaptiveWeightedPool, EqualNIsTheMeanOfTheCells)
{
    const int height = 5, width = 6;
    Floats F(height * width), N(F.size(), 0.7f), out = unwritten<float>(9);
    for (size_t i = 0; i < F.size(); i++)
        F[i] = static_cast<float>(i);
    adaptiveWeightedPoolCpu({12.f, 1, height, width}, F.data(), N.data(), out.data());
    EXPECT_FLOAT_EQ((0 + 1 + 6 + 7) / 4.f, out[0]);                // corner: 2 x 2 cells
    EXPECT_FLOAT_EQ((1 + 2 + 3 + 7 + 8 + 9) / 6.f, out[1]);        // edge: 2 x 3
    EXPECT_FLOAT_EQ(14.f, out[4]);                                 // inside: 3 x 3 around (2, 2)
    EXPECT_FLOAT_EQ((21 + 22 + 23 + 27 + 28 + 29) / 6.f, out[8]);  // odd height: rows 3 and 4
}

TEST(D2Det_AdaptiveWeightedPool, SameBitsForAnyNumberOfThreads)
{
    RNG rng(21);
    const WeightedShape s = {200, 14, 14};
    const Floats F = uniform(200 * 196, -1, 1, rng), N = uniform(200 * 196, -4, 4, rng),
                 grad = uniform(200 * 49, -1, 1, rng);
    const int before = cv::getNumThreads();
    for (float gain : {12.f, 100.f})
    {
        cv::setNumThreads(1);
        const WeightedResult one = runWeighted(gain, s, F, N, grad);
        for (int threads : {2, 4})
        {
            cv::setNumThreads(threads);
            const WeightedResult out = runWeighted(gain, s, F, N, grad);
            EXPECT_TRUE(sameBits(one.pooled, out.pooled));
            EXPECT_TRUE(sameBits(one.gradF, out.gradF));
            EXPECT_TRUE(sameBits(one.gradN, out.gradN));
        }
    }
    cv::setNumThreads(before);
}

TEST(D2Det_AdaptiveWeightedPool, BackwardRefEqualsDifferences)
{
    RNG rng(22);
    for (float gain : {12.f, -3.f})
        for (const WeightedShape& s : {WeightedShape{3, 6, 6}, WeightedShape{2, 5, 7}, WeightedShape{2, 1, 1}})
        {
            const size_t count = size_t(s.planes) * s.height * s.width;
            const size_t pooled = size_t(s.planes) * ((s.height + 1) / 2) * ((s.width + 1) / 2);
            Doubles F = toDouble(uniform(count, -1, 1, rng)), N = toDouble(uniform(count, -3, 3, rng));
            const Doubles grad = toDouble(uniform(pooled, -1, 1, rng));
            Doubles gradF = unwritten<double>(count), gradN = unwritten<double>(count);
            adaptiveWeightedPoolBackwardRef({gain, s.planes, s.height, s.width}, F.data(), N.data(), grad.data(),
                                            {gradF.data(), gradN.data()});
            const auto forward = [&]
            {
                Doubles out(pooled);
                adaptiveWeightedPoolRef({gain, s.planes, s.height, s.width}, F.data(), N.data(), out.data());
                return out;
            };
            expectGradient(gradF, F, grad, forward, 40, rng);
            expectGradient(gradN, N, grad, forward, 40, rng);
        }
}

//////////////////////////////////////////////////////////////////////////////// instance norm

TEST(D2Det_InstanceNorm, CpuEqualsRef)
{
    RNG rng(30);
    const int before = cv::getNumThreads();
    for (int area : {1, 2, 15, 16, 49, 196, 1000, 5003})
        for (float mean : {0.f, 1000.f})
        {
            SCOPED_TRACE(testing::Message() << "area " << area << ", mean " << mean);
            const int rows = 3, channels = 5;
            const Floats X = uniform(size_t(rows) * channels * area, mean - 1, mean + 1, rng);
            const Floats scale = uniform(channels, -2, 2, rng), bias = uniform(channels, -2, 2, rng);
            const Doubles x = toDouble(X), s = toDouble(scale), b = toDouble(bias);
            Doubles expected(X.size());
            instanceNormRef({1e-5f, rows, channels, area}, x.data(), s.data(), b.data(), expected.data());
            cv::setNumThreads(1);
            Floats one = unwritten<float>(X.size());
            instanceNormCpu({1e-5f, rows, channels, area}, X.data(), scale.data(), bias.data(), one.data());
            EXPECT_TRUE(near(expected, one, 5e-6));
            cv::setNumThreads(4);
            Floats inPlace = X;
            instanceNormCpu({1e-5f, rows, channels, area}, inPlace.data(), scale.data(), bias.data(), inPlace.data());
            EXPECT_TRUE(sameBits(one, inPlace));
        }
    cv::setNumThreads(before);
}

TEST(D2Det_InstanceNorm, ConstantPlaneGivesBias)
{
    const Floats X(2 * 50, 12345.678f), scale = {3.f, -1.f}, bias = {0.25f, 7.f};
    Floats Y = unwritten<float>(X.size());
    instanceNormCpu({1e-5f, 1, 2, 50}, X.data(), scale.data(), bias.data(), Y.data());
    for (int i = 0; i < 100; i++)
        EXPECT_FLOAT_EQ(bias[i / 50], Y[i]);
}

}  // namespace
}  // namespace opencv_test
