// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Micro-kernels and packing of the integer matrix multiplication, see int8_gemm.hpp.

   Register tiles: AVX-512 12 x 32, with VNNI one instruction per 16 words of a step, without three; AVX2 4 x 16, whose
   three instructions per 8 words keep three ports busy with any number of rows, so that few registers suffice; NEON
   4 x 16; elsewhere 4 x 8 in plain loops. Templates of the numbers of rows and vectors, and D2DET_UNROLL on every loop
   over the accumulators, for the reasons given in gemm.cpp. */

#include "int8_gemm.hpp"
#include "error.hpp"
#include "instruction_set.hpp"
#include "parallel.hpp"
#include "simd.hpp"

#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#define D2DET_INT8_X86 1
#include <immintrin.h>
#else
#define D2DET_INT8_X86 0
#endif
#if defined(__aarch64__) && defined(__GNUC__)
#define D2DET_INT8_NEON 1
#include <arm_neon.h>
#else
#define D2DET_INT8_NEON 0
#endif

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

typedef void (*Tile)(int steps, const int32_t* A, const uint32_t* B, int32_t* C, size_t ldc, bool accumulate);

//! Byte `i` of a word, the first one in memory is byte 0 on all processors.
inline int8_t* bytesOf(int32_t* words)
{
    return reinterpret_cast<int8_t*>(words);
}
inline const int8_t* bytesOf(const int32_t* words)
{
    return reinterpret_cast<const int8_t*>(words);
}

// ------------------------------------------------------------------ plain C++

constexpr int PLAIN_MR = 4, PLAIN_NR = 8;

void runPlain(int rows, int, int steps, const int32_t* A, const uint32_t* B, int32_t* C, size_t ldc, bool accumulate)
{
    int32_t acc[PLAIN_MR][PLAIN_NR] = {};
    if (accumulate)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < PLAIN_NR; j++)
                acc[i][j] = C[i * ldc + j];
    for (int k = 0; k < steps; k++, A += PLAIN_MR, B += PLAIN_NR)
        for (int i = 0; i < rows; i++)
        {
            const int8_t* w = bytesOf(A + i);
            for (int j = 0; j < PLAIN_NR; j++)
            {
                // Shifts: the first value is the low byte of a word, whatever the order of bytes in memory.
                const uint32_t u = B[j];
                acc[i][j] += static_cast<int32_t>(u & 255) * w[0] + static_cast<int32_t>(u >> 8 & 255) * w[1] +
                             static_cast<int32_t>(u >> 16 & 255) * w[2] + static_cast<int32_t>(u >> 24) * w[3];
            }
        }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < PLAIN_NR; j++)
            C[i * ldc + j] = acc[i][j];
}

const Int8Kernel PLAIN = {"baseline", PLAIN_MR, PLAIN_NR, false, false, runPlain};

#if D2DET_INT8_NEON

// ------------------------------------------------------------------ NEON

constexpr int NEON_MR = 4, NEON_WIDTH = 4, NEON_VECTORS = 4;

/** NEON's products take two signed or two unsigned operands: the columns are made signed, u - 128, and each row's sum
    of weights times 128 is added at the end. */
template <int ROWS, int VECTORS>
void tileNeonInt8(int steps, const int32_t* A, const uint32_t* B, int32_t* C, size_t ldc, bool accumulate)
{
    int32x4_t acc[ROWS][VECTORS], sums[ROWS];  // sums: of the weights, in all lanes
    D2DET_UNROLL
    for (int i = 0; i < ROWS; i++)
    {
        sums[i] = vdupq_n_s32(0);
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            acc[i][v] = accumulate ? vld1q_s32(C + i * ldc + v * NEON_WIDTH) : vdupq_n_s32(0);
    }
    const int8x16_t ones = vdupq_n_s8(1);
    for (int k = 0; k < steps; k++, A += NEON_MR, B += NEON_VECTORS * NEON_WIDTH)
    {
        int8x16_t b[VECTORS];
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            b[v] = vreinterpretq_s8_u32(veorq_u32(vld1q_u32(B + v * NEON_WIDTH), vdupq_n_u32(0x80808080u)));
        D2DET_UNROLL
        for (int i = 0; i < ROWS; i++)
        {
            const int8x16_t a = vreinterpretq_s8_s32(vld1q_dup_s32(A + i));
#if defined(__ARM_FEATURE_DOTPROD)
            sums[i] = vdotq_s32(sums[i], ones, a);
            D2DET_UNROLL
            for (int v = 0; v < VECTORS; v++)
                acc[i][v] = vdotq_s32(acc[i][v], b[v], a);
#else
            sums[i] = vpadalq_s16(sums[i], vpaddlq_s8(a));
            D2DET_UNROLL
            for (int v = 0; v < VECTORS; v++)
            {
                // Four products of a column are sums of two in 32 bits; a product is at most 128 * 128.
                const int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(b[v]), vget_low_s8(a)));
                const int32x4_t high = vpaddlq_s16(vmull_high_s8(b[v], a));
                acc[i][v] = vaddq_s32(acc[i][v], vpaddq_s32(low, high));
            }
#endif
        }
    }
    (void)ones;
    D2DET_UNROLL
    for (int i = 0; i < ROWS; i++)
    {
        const int32x4_t correction = vshlq_n_s32(sums[i], 7);
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            vst1q_s32(C + i * ldc + v * NEON_WIDTH, vaddq_s32(acc[i][v], correction));
    }
}

void runNeon(int rows, int columns, int steps, const int32_t* A, const uint32_t* B, int32_t* C, size_t ldc,
             bool accumulate)
{
    static const Tile tiles[2][NEON_MR] = {
        {tileNeonInt8<1, 2>, tileNeonInt8<2, 2>, tileNeonInt8<3, 2>, tileNeonInt8<4, 2>},
        {tileNeonInt8<1, 4>, tileNeonInt8<2, 4>, tileNeonInt8<3, 4>, tileNeonInt8<4, 4>}};
    tiles[columns > 2 * NEON_WIDTH][rows - 1](steps, A, B, C, ldc, accumulate);
}

const Int8Kernel NEON = {"NEON", NEON_MR, NEON_VECTORS* NEON_WIDTH, false, true, runNeon};

#endif  // D2DET_INT8_NEON

#if D2DET_INT8_X86

// ------------------------------------------------------------------ AVX2

constexpr int AVX2_MR = 4, AVX2_WIDTH = 8;

template <int ROWS, int VECTORS>
__attribute__((target("avx2,fma"))) void tileAvx2Int8(int steps, const int32_t* A, const uint32_t* B, int32_t* C,
                                                      size_t ldc, bool accumulate)
{
    __m256i acc[ROWS][VECTORS];
    D2DET_UNROLL
    for (int i = 0; i < ROWS; i++)
    {
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            acc[i][v] = accumulate ? _mm256_load_si256(reinterpret_cast<const __m256i*>(C + i * ldc + v * AVX2_WIDTH))
                                   : _mm256_setzero_si256();
    }
    const __m256i ones = _mm256_set1_epi16(1);
    for (int k = 0; k < steps; k++, A += AVX2_MR, B += 2 * AVX2_WIDTH)
    {
        __m256i b[VECTORS];
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            b[v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(B + v * AVX2_WIDTH));
        D2DET_UNROLL
        for (int i = 0; i < ROWS; i++)
        {
            const __m256i a = _mm256_set1_epi32(A[i]);
            D2DET_UNROLL
            for (int v = 0; v < VECTORS; v++)
                acc[i][v] = _mm256_add_epi32(acc[i][v], _mm256_madd_epi16(_mm256_maddubs_epi16(b[v], a), ones));
        }
    }
    D2DET_UNROLL
    for (int i = 0; i < ROWS; i++)
    {
        D2DET_UNROLL
        for (int v = 0; v < VECTORS; v++)
            _mm256_store_si256(reinterpret_cast<__m256i*>(C + i * ldc + v * AVX2_WIDTH), acc[i][v]);
    }
}

void runAvx2(int rows, int columns, int steps, const int32_t* A, const uint32_t* B, int32_t* C, size_t ldc,
             bool accumulate)
{
    static const Tile tiles[2][AVX2_MR] = {
        {tileAvx2Int8<1, 1>, tileAvx2Int8<2, 1>, tileAvx2Int8<3, 1>, tileAvx2Int8<4, 1>},
        {tileAvx2Int8<1, 2>, tileAvx2Int8<2, 2>, tileAvx2Int8<3, 2>, tileAvx2Int8<4, 2>}};
    tiles[columns > AVX2_WIDTH][rows - 1](steps, A, B, C, ldc, accumulate);
}

const Int8Kernel AVX2 = {"AVX2", AVX2_MR, 2 * AVX2_WIDTH, true, true, runAvx2};

// ------------------------------------------------------------------ AVX-512, with and without VNNI

constexpr int AVX512_MR = 12, AVX512_WIDTH = 16;

// Two functions of one text: a function has one target, whatever a template parameter chooses inside of it.
#define D2DET_TILE_AVX512(name, runName, extensions, MULTIPLY)                                                       \
    template <int ROWS, int VECTORS>                                                                                 \
    __attribute__((target(extensions))) void name(int steps, const int32_t* A, const uint32_t* B, int32_t* C,        \
                                                  size_t ldc, bool accumulate)                                       \
    {                                                                                                                \
        __m512i acc[ROWS][VECTORS];                                                                                  \
        D2DET_UNROLL                                                                                                 \
        for (int i = 0; i < ROWS; i++)                                                                               \
        {                                                                                                            \
            D2DET_UNROLL                                                                                             \
            for (int v = 0; v < VECTORS; v++)                                                                        \
                acc[i][v] = accumulate ? _mm512_load_si512(C + i * ldc + v * AVX512_WIDTH) : _mm512_setzero_si512(); \
        }                                                                                                            \
        const __m512i ones = _mm512_set1_epi16(1);                                                                   \
        (void)ones;                                                                                                  \
        for (int k = 0; k < steps; k++, A += AVX512_MR, B += 2 * AVX512_WIDTH)                                       \
        {                                                                                                            \
            __m512i b[VECTORS];                                                                                      \
            D2DET_UNROLL                                                                                             \
            for (int v = 0; v < VECTORS; v++)                                                                        \
                b[v] = _mm512_load_si512(B + v * AVX512_WIDTH);                                                      \
            D2DET_UNROLL                                                                                             \
            for (int i = 0; i < ROWS; i++)                                                                           \
            {                                                                                                        \
                const __m512i a = _mm512_set1_epi32(A[i]);                                                           \
                D2DET_UNROLL                                                                                         \
                for (int v = 0; v < VECTORS; v++)                                                                    \
                    acc[i][v] = MULTIPLY(acc[i][v], b[v], a, ones);                                                  \
            }                                                                                                        \
        }                                                                                                            \
        D2DET_UNROLL                                                                                                 \
        for (int i = 0; i < ROWS; i++)                                                                               \
        {                                                                                                            \
            D2DET_UNROLL                                                                                             \
            for (int v = 0; v < VECTORS; v++)                                                                        \
                _mm512_store_si512(C + i * ldc + v * AVX512_WIDTH, acc[i][v]);                                       \
        }                                                                                                            \
    }                                                                                                                \
    void runName(int rows, int columns, int steps, const int32_t* A, const uint32_t* B, int32_t* C, size_t ldc,      \
                 bool accumulate)                                                                                    \
    {                                                                                                                \
        static const Tile tiles[2][AVX512_MR] = {                                                                    \
            {name<1, 1>, name<2, 1>, name<3, 1>, name<4, 1>, name<5, 1>, name<6, 1>, name<7, 1>, name<8, 1>,         \
             name<9, 1>, name<10, 1>, name<11, 1>, name<12, 1>},                                                     \
            {name<1, 2>, name<2, 2>, name<3, 2>, name<4, 2>, name<5, 2>, name<6, 2>, name<7, 2>, name<8, 2>,         \
             name<9, 2>, name<10, 2>, name<11, 2>, name<12, 2>}};                                                    \
        tiles[columns > AVX512_WIDTH][rows - 1](steps, A, B, C, ldc, accumulate);                                    \
    }

#define D2DET_MULTIPLY_BW(sum, b, a, ones) _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(b, a), ones))
#define D2DET_MULTIPLY_VNNI(sum, b, a, ones) _mm512_dpbusd_epi32(sum, b, a)

D2DET_TILE_AVX512(tileAvx512Int8, runAvx512, "avx512f,avx512bw", D2DET_MULTIPLY_BW)
D2DET_TILE_AVX512(tileAvx512Vnni, runAvx512Vnni, "avx512f,avx512bw,avx512vnni", D2DET_MULTIPLY_VNNI)

const Int8Kernel AVX512 = {"AVX-512", AVX512_MR, 2 * AVX512_WIDTH, true, true, runAvx512};
const Int8Kernel AVX512_VNNI = {"AVX-512 VNNI", AVX512_MR, 2 * AVX512_WIDTH, false, true, runAvx512Vnni};

struct Avx512Parts
{
    bool bytes, dotProducts;  //!< AVX-512 BW, VNNI
};

//! What of AVX-512 this processor has beyond InstructionSet::AVX512.
Avx512Parts avx512Parts()
{
    static const Avx512Parts parts = []
    {
        __builtin_cpu_init();
        const bool bytes = __builtin_cpu_supports("avx512bw") != 0;
        return Avx512Parts{bytes, bytes && __builtin_cpu_supports("avx512vnni") != 0};
    }();
    return parts;
}

#endif  // D2DET_INT8_X86

//! Value of a half of the weights (PackedInt8::halves).
int8_t halfOf(int8_t w, int half, int halves)
{
    if (halves == 1)
        return w;
    const int8_t first = static_cast<int8_t>(w / 2);
    return half == 0 ? first : static_cast<int8_t>(w - first);
}

//! One panel of one block; rows beyond the end are zero.
void packPanel(const int8_t* A, PackedInt8& packed, int half, int row0, int k0)
{
    constexpr int STEP = Int8Kernel::STEP;
    const int mr = packed.kernel->mr, block = std::min(Int8Kernel::KC, packed.steps - k0);
    int8_t* out = bytesOf(packed.data.data() + (packed.panel(half, row0, k0) - packed.data.data()));
    for (int i = 0; i < mr; i++)
    {
        const int8_t* in = A + (static_cast<size_t>(row0 + i) * packed.steps + k0) * STEP;
        for (int k = 0; k < block; k++)
            for (int t = 0; t < STEP; t++)
                out[(static_cast<size_t>(k) * mr + i) * STEP + t] =
                    row0 + i < packed.rows ? halfOf(in[k * STEP + t], half, packed.halves) : int8_t(0);
    }
}

}  // namespace

std::vector<const Int8Kernel*> int8Kernels()
{
    std::vector<const Int8Kernel*> kernels;
#if D2DET_INT8_X86
    if (supportedInstructionSet() >= InstructionSet::AVX512 && avx512Parts().dotProducts)
        kernels.push_back(&AVX512_VNNI);
    if (supportedInstructionSet() >= InstructionSet::AVX512 && avx512Parts().bytes)
        kernels.push_back(&AVX512);
    if (supportedInstructionSet() >= InstructionSet::AVX2)
        kernels.push_back(&AVX2);
#endif
#if D2DET_INT8_NEON
    kernels.push_back(&NEON);
#endif
    kernels.push_back(&PLAIN);
    return kernels;
}

const Int8Kernel& int8Kernel()
{
#if D2DET_INT8_X86
    const InstructionSet set = instructionSet();
    if (set >= InstructionSet::AVX512 && avx512Parts().bytes)
        return avx512Parts().dotProducts ? AVX512_VNNI : AVX512;
    if (set >= InstructionSet::AVX2)
        return AVX2;
#endif
#if D2DET_INT8_NEON
    return NEON;
#else
    return PLAIN;
#endif
}

int saturatingPairs(const int8_t* row, int depth)
{
    int count = 0;
    for (int k = 0; k + 1 < depth; k += 2)
    {
        const int a = row[k], b = row[k + 1];
        count += std::max(a, 0) + std::max(b, 0) > 128 || std::min(a, 0) + std::min(b, 0) < -128;
    }
    return count;
}

PackedInt8 packInt8(const int8_t* A, int rows, int steps, const Int8Kernel& kernel)
{
    const int depth = steps * Int8Kernel::STEP;
    if (depth > Int8Kernel::MAX_DEPTH)
        raise(Failure::OUT_OF_RANGE, "an int8 product of depth %d, at most %d fits into 32 bits", depth,
              Int8Kernel::MAX_DEPTH);
    PackedInt8 packed;
    packed.rows = rows;
    packed.steps = steps;
    packed.kernel = &kernel;
    for (int i = 0; i < rows && kernel.saturates && packed.halves == 1; i++)
        if (saturatingPairs(A + static_cast<size_t>(i) * depth, depth) > 0)
            packed.halves = 2;
    const int mr = kernel.mr, panels = (rows + mr - 1) / mr;
    packed.data = AlignedArray<int32_t>(packed.size() * packed.halves);
    parallelFor(panels,
                [&](int begin, int end)
                {
                    for (int half = 0; half < packed.halves; half++)
                        for (int k0 = 0; k0 < steps; k0 += Int8Kernel::KC)
                            for (int panel = begin; panel < end; panel++)
                                packPanel(A, packed, half, panel * mr, k0);
                });
    return packed;
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
