// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Micro-kernels and packing of the matrix multiplication, see gemm.hpp.

   Register tiles: AVX-512 12 x 32 (24 accumulators of 16), AVX2 + FMA 6 x 16 (12 of 8), NEON of 64-bit ARM 6 x 16 (24
   of 4, in the baseline there), elsewhere 4 x 8 in plain loops that the compiler turns into 4-wide code. Tiles with
   fewer rows are separate functions, so that the cost of a layer with one output channel is not that of twelve.

   The accumulators are arrays, which are registers only if every index is a constant when the compiler decides about
   that: hence D2DET_UNROLL on every loop over them. Without it g++ 12 stores all accumulators of tileAvx2<6, 2> to the
   stack in every step of the depth, 25 instead of 75 GFLOP/s (test kernels_in_registers). */

#include "gemm.hpp"
#include "error.hpp"
#include "parallel.hpp"
#include "simd.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#define D2DET_GEMM_X86 1
#include <immintrin.h>
#else
#define D2DET_GEMM_X86 0
#endif
#if defined(__aarch64__) && defined(__GNUC__)
#define D2DET_GEMM_NEON 1
#include <arm_neon.h>
#else
#define D2DET_GEMM_NEON 0
#endif

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

typedef void (*Tile)(int depth, const float* A, const float* B, float* C, size_t ldc, bool accumulate);

// ------------------------------------------------------------------ plain C++

constexpr int PLAIN_MR = 4, PLAIN_NR = 8;

template <int ROWS>
void tilePlain(int depth, const float* A, const float* B, float* C, size_t ldc, bool accumulate)
{
    float acc[ROWS][PLAIN_NR] = {};
    if (accumulate)
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < PLAIN_NR; j++)
                acc[i][j] = C[i * ldc + j];
    for (int k = 0; k < depth; k++, A += PLAIN_MR, B += PLAIN_NR)
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < PLAIN_NR; j++)
                acc[i][j] += A[i] * B[j];
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < PLAIN_NR; j++)
            C[i * ldc + j] = acc[i][j];
}

void runPlain(int rows, int, int depth, const float* A, const float* B, float* C, size_t ldc, bool accumulate)
{
    static const Tile tiles[PLAIN_MR] = {tilePlain<1>, tilePlain<2>, tilePlain<3>, tilePlain<4>};
    tiles[rows - 1](depth, A, B, C, ldc, accumulate);
}

const GemmKernel PLAIN = {"baseline", PLAIN_MR, PLAIN_NR, runPlain};

#if D2DET_GEMM_NEON

// ------------------------------------------------------------------ NEON

constexpr int NEON_MR = 6, NEON_WIDTH = 4, NEON_VECTORS = 4;

template <int ROWS, int VECTORS>
void tileNeon(int depth, const float* A, const float* B, float* C, size_t ldc, bool accumulate)
{
    float32x4_t acc[ROWS][VECTORS];
    D2DET_UNROLL
    for (int i = 0; i < ROWS; i++)
    {
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            acc[i][v] = accumulate ? vld1q_f32(C + i * ldc + v * NEON_WIDTH) : vdupq_n_f32(0.f);
    }
    for (int k = 0; k < depth; k++, A += NEON_MR, B += NEON_VECTORS * NEON_WIDTH)
    {
        float32x4_t b[VECTORS];
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            b[v] = vld1q_f32(B + v * NEON_WIDTH);
        // Two registers for the column of A: six would leave too few of the 32 for the accumulators.
        const float32x4_t a0 = vld1q_f32(A);
        const float32x2_t a1 = vld1_f32(A + 4);
        D2DET_UNROLL
        for (int i = 0; i < ROWS; i++)
        {
            D2DET_UNROLL
            for (int v = 0; v < VECTORS; v++)
                acc[i][v] = vfmaq_n_f32(acc[i][v], b[v], i < 4 ? a0[i] : a1[i - 4]);
        }
    }
    D2DET_UNROLL
    for (int i = 0; i < ROWS; i++)
    {
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            vst1q_f32(C + i * ldc + v * NEON_WIDTH, acc[i][v]);
    }
}

void runNeon(int rows, int columns, int depth, const float* A, const float* B, float* C, size_t ldc, bool accumulate)
{
    static const Tile tiles[2][NEON_MR] = {
        {tileNeon<1, 2>, tileNeon<2, 2>, tileNeon<3, 2>, tileNeon<4, 2>, tileNeon<5, 2>, tileNeon<6, 2>},
        {tileNeon<1, 4>, tileNeon<2, 4>, tileNeon<3, 4>, tileNeon<4, 4>, tileNeon<5, 4>, tileNeon<6, 4>}};
    tiles[columns > 2 * NEON_WIDTH][rows - 1](depth, A, B, C, ldc, accumulate);
}

const GemmKernel NEON = {"NEON", NEON_MR, NEON_VECTORS* NEON_WIDTH, runNeon};

#endif  // D2DET_GEMM_NEON

#if D2DET_GEMM_X86

// ------------------------------------------------------------------ AVX2 + FMA

constexpr int AVX2_MR = 6, AVX2_WIDTH = 8;

template <int ROWS, int VECTORS>
__attribute__((target("avx2,fma"))) void tileAvx2(int depth, const float* A, const float* B, float* C, size_t ldc,
                                                  bool accumulate)
{
    __m256 acc[ROWS][VECTORS];
    D2DET_UNROLL
    for (int i = 0; i < ROWS; i++)
    {
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            acc[i][v] = accumulate ? _mm256_load_ps(C + i * ldc + v * AVX2_WIDTH) : _mm256_setzero_ps();
    }
    for (int k = 0; k < depth; k++, A += AVX2_MR, B += 2 * AVX2_WIDTH)
    {
        __m256 b[VECTORS];
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            b[v] = _mm256_load_ps(B + v * AVX2_WIDTH);
        D2DET_UNROLL
        for (int i = 0; i < ROWS; i++)
        {
            const __m256 a = _mm256_broadcast_ss(A + i);
            D2DET_UNROLL
            for (int v = 0; v < VECTORS; v++)
                acc[i][v] = _mm256_fmadd_ps(a, b[v], acc[i][v]);
        }
    }
    D2DET_UNROLL
    for (int i = 0; i < ROWS; i++)
    {
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            _mm256_store_ps(C + i * ldc + v * AVX2_WIDTH, acc[i][v]);
    }
}

void runAvx2(int rows, int columns, int depth, const float* A, const float* B, float* C, size_t ldc, bool accumulate)
{
    static const Tile tiles[2][AVX2_MR] = {
        {tileAvx2<1, 1>, tileAvx2<2, 1>, tileAvx2<3, 1>, tileAvx2<4, 1>, tileAvx2<5, 1>, tileAvx2<6, 1>},
        {tileAvx2<1, 2>, tileAvx2<2, 2>, tileAvx2<3, 2>, tileAvx2<4, 2>, tileAvx2<5, 2>, tileAvx2<6, 2>}};
    tiles[columns > AVX2_WIDTH][rows - 1](depth, A, B, C, ldc, accumulate);
}

const GemmKernel AVX2 = {"AVX2", AVX2_MR, 2 * AVX2_WIDTH, runAvx2};

// ------------------------------------------------------------------ AVX-512

constexpr int AVX512_MR = 12, AVX512_WIDTH = 16;

template <int ROWS, int VECTORS>
__attribute__((target("avx512f"))) void tileAvx512(int depth, const float* A, const float* B, float* C, size_t ldc,
                                                   bool accumulate)
{
    __m512 acc[ROWS][VECTORS];
    D2DET_UNROLL
    for (int i = 0; i < ROWS; i++)
    {
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            acc[i][v] = accumulate ? _mm512_load_ps(C + i * ldc + v * AVX512_WIDTH) : _mm512_setzero_ps();
    }
    for (int k = 0; k < depth; k++, A += AVX512_MR, B += 2 * AVX512_WIDTH)
    {
        __m512 b[VECTORS];
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            b[v] = _mm512_load_ps(B + v * AVX512_WIDTH);
        D2DET_UNROLL
        for (int i = 0; i < ROWS; i++)
        {
            const __m512 a = _mm512_set1_ps(A[i]);
            D2DET_UNROLL
            for (int v = 0; v < VECTORS; v++)
                acc[i][v] = _mm512_fmadd_ps(a, b[v], acc[i][v]);
        }
    }
    D2DET_UNROLL
    for (int i = 0; i < ROWS; i++)
    {
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            _mm512_store_ps(C + i * ldc + v * AVX512_WIDTH, acc[i][v]);
    }
}

void runAvx512(int rows, int columns, int depth, const float* A, const float* B, float* C, size_t ldc, bool accumulate)
{
    static const Tile tiles[2][AVX512_MR] = {
        {tileAvx512<1, 1>, tileAvx512<2, 1>, tileAvx512<3, 1>, tileAvx512<4, 1>, tileAvx512<5, 1>, tileAvx512<6, 1>,
         tileAvx512<7, 1>, tileAvx512<8, 1>, tileAvx512<9, 1>, tileAvx512<10, 1>, tileAvx512<11, 1>, tileAvx512<12, 1>},
        {tileAvx512<1, 2>, tileAvx512<2, 2>, tileAvx512<3, 2>, tileAvx512<4, 2>, tileAvx512<5, 2>, tileAvx512<6, 2>,
         tileAvx512<7, 2>, tileAvx512<8, 2>, tileAvx512<9, 2>, tileAvx512<10, 2>, tileAvx512<11, 2>,
         tileAvx512<12, 2>}};
    tiles[columns > AVX512_WIDTH][rows - 1](depth, A, B, C, ldc, accumulate);
}

const GemmKernel AVX512 = {"AVX-512", AVX512_MR, 2 * AVX512_WIDTH, runAvx512};

#endif  // D2DET_GEMM_X86

//! One panel of one block: transposed, rows beyond the end are zero.
void packPanel(const float* A, PackedMatrix& packed, int row0, int k0)
{
    const int mr = packed.kernel->mr, block = std::min(GemmKernel::KC, packed.depth - k0);
    float* out = packed.data.data() + (packed.panel(row0, k0) - packed.data.data());
    for (int i = 0; i < mr; i++)
    {
        const float* in = A + static_cast<size_t>(row0 + i) * packed.depth + k0;
        for (int k = 0; k < block; k++)
            out[k * mr + i] = row0 + i < packed.rows ? in[k] : 0.f;
    }
}

}  // namespace

int gemmKernels(const GemmKernel* kernels[3])
{
    int count = 0;
#if D2DET_GEMM_X86
    if (supportedInstructionSet() >= InstructionSet::AVX512)
        kernels[count++] = &AVX512;
    if (supportedInstructionSet() >= InstructionSet::AVX2)
        kernels[count++] = &AVX2;
#endif
#if D2DET_GEMM_NEON
    kernels[count++] = &NEON;
#endif
    kernels[count++] = &PLAIN;
    return count;
}

const GemmKernel& gemmKernel()
{
    static const bool logged = []
    {
        logInfo(std::string("d2det: convolutions and matrix products by the module's own kernels for ") +
                instructionSetName(instructionSet()));
        return true;
    }();
    (void)logged;
#if D2DET_GEMM_X86
    switch (instructionSet())
    {
        case InstructionSet::AVX512:
            return AVX512;
        case InstructionSet::AVX2:
            return AVX2;
        case InstructionSet::BASELINE:
            break;
    }
#endif
#if D2DET_GEMM_NEON
    return NEON;
#else
    return PLAIN;
#endif
}

PackedMatrix packMatrix(const float* A, int rows, int depth, const GemmKernel& kernel)
{
    PackedMatrix packed;
    packed.rows = rows;
    packed.depth = depth;
    packed.kernel = &kernel;
    const int mr = kernel.mr, panels = (rows + mr - 1) / mr;
    packed.data = AlignedFloats(static_cast<size_t>(panels) * mr * depth);
    parallelFor(panels,
                [&](int begin, int end)
                {
                    for (int k0 = 0; k0 < depth; k0 += GemmKernel::KC)
                        for (int panel = begin; panel < end; panel++)
                            packPanel(A, packed, panel * mr, k0);
                });
    return packed;
}

void unpackMatrix(const PackedMatrix& packed, float* A)
{
    const int mr = packed.kernel->mr;
    for (int k0 = 0; k0 < packed.depth; k0 += GemmKernel::KC)
    {
        const int block = std::min(GemmKernel::KC, packed.depth - k0);
        for (int row = 0; row < packed.rows; row++)
        {
            const float* panel = packed.panel(row / mr * mr, k0) + row % mr;
            float* out = A + static_cast<size_t>(row) * packed.depth + k0;
            for (int k = 0; k < block; k++)
                out[k] = panel[static_cast<size_t>(k) * mr];
        }
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
