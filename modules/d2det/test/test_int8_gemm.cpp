// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The integer matrix multiplication of quantized convolutions, for every instruction set this machine has. All results
   are exact. */

#include "operator_tests.hpp"

#include "kernels/int8_gemm.hpp"
#include "kernels/instruction_set.hpp"

#include <limits>

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

constexpr int STEP = Int8Kernel::STEP;

std::vector<int8_t> randomWeights(Random& random, size_t count, int low, int high)
{
    std::vector<int8_t> values(count);
    for (int8_t& w : values)
        w = static_cast<int8_t>(random.integer(low, high));
    return values;
}

//! Words of 4 values of 8 bits, the first one in the low byte.
std::vector<uint32_t> randomWords(Random& random, size_t count, int low, int high)
{
    std::vector<uint32_t> words(count, 0u);
    for (uint32_t& word : words)
        for (int t = 0; t < STEP; t++)
            word |= static_cast<uint32_t>(random.integer(low, high)) << 8 * t;
    return words;
}

int32_t product(const int8_t* row, uint32_t word)
{
    int32_t sum = 0;
    for (int t = 0; t < STEP; t++)
        sum += row[t] * static_cast<int32_t>(word >> 8 * t & 255);
    return sum;
}

//! Weights and columns of a tile: [rows, 4 steps] and [steps, nr].
void checkTile(const Int8Kernel& kernel, int rows, int columns, int steps, bool accumulate,
               const std::vector<int8_t>& A, const std::vector<uint32_t>& b)
{
    SCOPED_TRACE(
        cv::format("%s, rows %d, columns %d, steps %d, accumulate %d", kernel.name, rows, columns, steps, accumulate));
    const PackedInt8 packed = packInt8(A.data(), rows, steps, kernel);
    const size_t ldc = 2 * Int8Kernel::MAX_NR;
    AlignedArray<uint32_t> B(b.size());
    AlignedArray<int32_t> C(ldc * Int8Kernel::MAX_MR);
    std::copy(b.begin(), b.end(), B.data());
    std::fill(C.data(), C.data() + ldc * Int8Kernel::MAX_MR, -77);
    for (int half = 0; half < packed.halves; half++)
        kernel.run(rows, columns, steps, packed.panel(half, 0, 0), B.data(), C.data(), ldc, accumulate || half > 0);
    for (int i = 0; i < Int8Kernel::MAX_MR; i++)
        for (int j = 0; j < static_cast<int>(ldc); j++)
        {
            int32_t expected = -77;
            if (i < rows && j < columns)
            {
                expected = accumulate ? -77 : 0;
                for (int k = 0; k < steps; k++)
                    expected += product(&A[(static_cast<size_t>(i) * steps + k) * STEP],
                                        b[static_cast<size_t>(k) * kernel.nr + j]);
            }
            else if (i < rows && j < kernel.nr)
                continue;  // the rest of the panel may be anything
            ASSERT_EQ(expected, C.data()[i * ldc + j]) << i << ", " << j;
        }
}

TEST(D2Det_Int8Gemm, every_tile_of_every_instruction_set)
{
    Random random(1);
    for (const Int8Kernel* kernel : int8Kernels())
        for (int rows = 1; rows <= kernel->mr; rows++)
            for (const int columns : {1, kernel->nr / 2, kernel->nr / 2 + 1, kernel->nr})
                for (const int steps : {1, 5, 256})
                    for (const bool accumulate : {false, true})
                        for (const int largest : {64, 127})  // without and with pairs that saturate
                            checkTile(
                                *kernel, rows, columns, steps, accumulate,
                                randomWeights(random, static_cast<size_t>(rows) * steps * STEP, -largest, largest),
                                randomWords(random, static_cast<size_t>(steps) * kernel->nr, 0, 255));
}

//! Values where 16 bits do not hold a sum of two products, and where they just do.
TEST(D2Det_Int8Gemm, nothing_saturates)
{
    Random random(2);
    const int rows = 3, steps = 256;
    for (const Int8Kernel* kernel : int8Kernels())
        for (const int w : {-128, -127, -64, 64, 127})
            for (const int low : {0, 255})
            {
                const std::vector<int8_t> A(static_cast<size_t>(rows) * steps * STEP, static_cast<int8_t>(w));
                checkTile(*kernel, rows, kernel->nr, steps, false, A,
                          randomWords(random, static_cast<size_t>(steps) * kernel->nr, low, 255));
            }
}

TEST(D2Det_Int8Gemm, pairs_that_saturate)
{
    const auto count = [](std::vector<int8_t> row)
    { return saturatingPairs(row.data(), static_cast<int>(row.size())); };
    EXPECT_EQ(0, count({64, 64, -64, -64, 127, 1, 1, 127}));
    EXPECT_EQ(0, count({-128, 0, 127, -128})) << "of opposite signs";
    EXPECT_EQ(0, count({0, 127, 127, 0})) << "two pairs, not the one in the middle";
    EXPECT_EQ(2, count({64, 65, -64, -65}));
    EXPECT_EQ(1, count({-128, -1, 127})) << "the last has no partner";
    // Any values of 0 to 255 times two weights that are not counted fit into 16 bits, and no others.
    for (int a = -128; a < 128; a++)
        for (int b = -128; b < 128; b++)
        {
            const int most = 255 * (std::max(a, 0) + std::max(b, 0)), least = 255 * (std::min(a, 0) + std::min(b, 0));
            const bool fits =
                most <= std::numeric_limits<int16_t>::max() && least >= std::numeric_limits<int16_t>::min();
            ASSERT_EQ(fits ? 0 : 1, count({static_cast<int8_t>(a), static_cast<int8_t>(b)})) << a << ", " << b;
        }
}

TEST(D2Det_Int8Gemm, packing_keeps_every_value_and_fills_up_with_zeros)
{
    Random random(3);
    for (const Int8Kernel* kernel : int8Kernels())
        for (const int rows : {1, 11, 12, 13, 50})
            for (const int steps : {1, 255, 256, 257, 600})
                for (const int largest : {64, 127})
                {
                    const std::vector<int8_t> A =
                        randomWeights(random, static_cast<size_t>(rows) * steps * STEP, -largest, largest);
                    const PackedInt8 packed = packInt8(A.data(), rows, steps, *kernel);
                    if (steps > 1 || largest == 64)  // a single word may have no pair that saturates
                    {
                        EXPECT_EQ(kernel->saturates && largest == 127 ? 2 : 1, packed.halves);
                    }
                    for (int k = 0; k < steps; k++)
                        for (int i = 0; i < (rows + kernel->mr - 1) / kernel->mr * kernel->mr; i++)
                            for (int t = 0; t < STEP; t++)
                            {
                                const int k0 = k / Int8Kernel::KC * Int8Kernel::KC, i0 = i / kernel->mr * kernel->mr;
                                int sum = 0;
                                for (int half = 0; half < packed.halves; half++)
                                {
                                    const int32_t* word = packed.panel(half, i0, k0) + (k - k0) * kernel->mr + i - i0;
                                    sum += reinterpret_cast<const int8_t*>(word)[t];
                                }
                                ASSERT_EQ(i < rows ? A[(static_cast<size_t>(i) * steps + k) * STEP + t] : 0, sum)
                                    << kernel->name << ", " << rows << " x " << steps << " at " << i << ", " << k;
                            }
                }
}

TEST(D2Det_Int8Gemm, refuses_sums_beyond_32_bits)
{
    const std::vector<int8_t> A(Int8Kernel::MAX_DEPTH + STEP, int8_t(1));
    EXPECT_NO_THROW(packInt8(A.data(), 1, Int8Kernel::MAX_DEPTH / STEP));
    EXPECT_THROW(packInt8(A.data(), 1, Int8Kernel::MAX_DEPTH / STEP + 1), cv::Exception);
}

//! The largest sums of both signs.
TEST(D2Det_Int8Gemm, largest_sums)
{
    const int steps = Int8Kernel::MAX_DEPTH / STEP;
    for (const Int8Kernel* kernel : int8Kernels())
        for (const int w : {-128, 127})
        {
            const std::vector<int8_t> A(Int8Kernel::MAX_DEPTH, static_cast<int8_t>(w));
            const PackedInt8 packed = packInt8(A.data(), 1, steps, *kernel);
            const size_t nr = static_cast<size_t>(kernel->nr);
            AlignedArray<uint32_t> B(nr * Int8Kernel::KC);
            AlignedArray<int32_t> C(nr);
            multiplyInt8(
                packed, 0, 1, 1, [nr](int, int block, uint32_t* panel) { std::fill(panel, panel + block * nr, ~0u); },
                B.data(), C.data(), nr);
            EXPECT_EQ(w * 255 * Int8Kernel::MAX_DEPTH, C.data()[0]) << kernel->name;
        }
}

TEST(D2Det_Int8Gemm, kernel_of_the_set_in_use)
{
    EXPECT_EQ(int8Kernels()[0], &int8Kernel());
    for (const InstructionSet set : {InstructionSet::BASELINE, InstructionSet::AVX2, InstructionSet::AVX512})
    {
        if (set > supportedInstructionSet())
            continue;
        const InstructionSet before = limitInstructionSet(set);
        EXPECT_EQ(0u, std::string(int8Kernel().name).find(instructionSetName(set))) << int8Kernel().name;
        limitInstructionSet(before);
    }
}

}  // namespace
}  // namespace opencv_test
