// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The matrix multiplication of the convolutions, for every instruction set this machine has. Inputs are small integers
   where results can be exact: a wrong index cannot hide in a tolerance. */

#include "operator_tests.hpp"

#include "kernels/gemm.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

void checkTile(const GemmKernel& kernel, int rows, int columns, int depth, bool accumulate)
{
    SCOPED_TRACE(
        cv::format("%s, rows %d, columns %d, depth %d, accumulate %d", kernel.name, rows, columns, depth, accumulate));
    Random random(static_cast<uint64_t>(rows) * 1000 + columns);
    const std::vector<float> A = random.wholes(static_cast<size_t>(rows) * depth, -8, 8);
    const std::vector<float> b = random.wholes(static_cast<size_t>(kernel.nr) * depth, -8, 8);
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
    for (const GemmKernel* kernel : allGemmKernels())
        for (int rows = 1; rows <= kernel->mr; rows++)
            for (const int columns : {1, kernel->nr / 2, kernel->nr / 2 + 1, kernel->nr})
                for (const int depth : {1, 5, 256})
                    for (const bool accumulate : {false, true})
                        checkTile(*kernel, rows, columns, depth, accumulate);
}

TEST(D2Det_Gemm, packing_keeps_every_value_and_fills_up_with_zeros)
{
    Random random(3);
    for (const GemmKernel* kernel : allGemmKernels())
        for (const int rows : {1, 11, 12, 13, 50})
            for (const int depth : {1, 255, 256, 257, 600})
            {
                const std::vector<float> A = random.reals(static_cast<size_t>(rows) * depth, -1.f, 1.f);
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

}  // namespace
}  // namespace opencv_test
