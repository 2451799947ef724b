// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Vector instructions chosen at run time in a baseline build (instruction_set.hpp).

   Write `template <int BYTES> D2DET_INLINE Result body(const Args&)`, then D2DET_DISPATCH(name, body, Args) defines
   name(const Args&), which calls the version for the vectors of the set in use: BYTES is 16, 32 or 64. The body holds
   either plain loops, which the compiler vectorizes for each set, or Lanes<BYTES>, 16 floats in registers, where it
   would not keep them there.

   Functions called from a body are compiled for the baseline unless inlined: mark small helpers D2DET_INLINE, and
   avoid lambdas with work. The versions differ in the last bit (fused multiply-add), so results agree bit for bit on
   one machine and for any number of threads, not between machines. */

#ifndef OPENCV_D2DET_KERNELS_SIMD_HPP
#define OPENCV_D2DET_KERNELS_SIMD_HPP

#include "instruction_set.hpp"

#include <cstring>

#if defined(__GNUC__)
#define D2DET_INLINE inline __attribute__((always_inline))
#define D2DET_RESTRICT __restrict__
#elif defined(_MSC_VER)
#define D2DET_INLINE __forceinline
#define D2DET_RESTRICT __restrict
#else
#define D2DET_INLINE inline
#define D2DET_RESTRICT
#endif

// Before a loop of at most 16 iterations, a constant number: it is unrolled completely, and early enough that an array
// indexed by its counter is kept in registers.
#if defined(__clang__)
#define D2DET_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define D2DET_UNROLL _Pragma("GCC unroll 16")
#else
#define D2DET_UNROLL
#endif

namespace cv
{
namespace d2det
{
namespace kernels
{

constexpr int CHANNEL_BLOCK = 16;  //!< channels processed together by the pooling kernels

//! 16 floats; no alignment required for memory operands.
template <int BYTES>
struct Lanes
{
#if defined(__GNUC__)
    typedef float Vector __attribute__((vector_size(BYTES)));
    static constexpr int N = 64 / BYTES, STEP = BYTES / 4;
#else
    typedef float Vector;
    static constexpr int N = CHANNEL_BLOCK, STEP = 1;
#endif
    Vector v[N];

    D2DET_INLINE void clear()
    {
        for (int i = 0; i < N; i++)
            v[i] = Vector{};
    }
    D2DET_INLINE void load(const float* p)
    {
        for (int i = 0; i < N; i++)
            std::memcpy(&v[i], p + i * STEP, sizeof(Vector));
    }
    D2DET_INLINE void store(float* p) const
    {
        for (int i = 0; i < N; i++)
            std::memcpy(p + i * STEP, &v[i], sizeof(Vector));
    }
    //! this = w * x
    D2DET_INLINE void mul(float w, const Lanes& x)
    {
        for (int i = 0; i < N; i++)
            v[i] = w * x.v[i];
    }
    //! this = w * memory
    D2DET_INLINE void mul(float w, const float* p)
    {
        Lanes x;
        x.load(p);
        mul(w, x);
    }
    //! this += w * x
    D2DET_INLINE void madd(float w, const Lanes& x)
    {
        for (int i = 0; i < N; i++)
            v[i] += w * x.v[i];
    }
    //! this += w * memory
    D2DET_INLINE void madd(float w, const float* p)
    {
        Lanes x;
        x.load(p);
        madd(w, x);
    }
    //! this += x * y
    D2DET_INLINE void madd(const Lanes& x, const Lanes& y)
    {
        for (int i = 0; i < N; i++)
            v[i] += x.v[i] * y.v[i];
    }
    //! this -= x
    D2DET_INLINE void subtract(float x)
    {
        for (int i = 0; i < N; i++)
            v[i] -= x;
    }
    //! this = x / y
    D2DET_INLINE void divide(const Lanes& x, const Lanes& y)
    {
        for (int i = 0; i < N; i++)
            v[i] = x.v[i] / y.v[i];
    }
    //! memory += w * this
    D2DET_INLINE void addTo(float* p, float w) const
    {
        Lanes sum;
        sum.load(p);
        sum.madd(w, *this);
        sum.store(p);
    }
};

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#if defined(__GNUC__) && defined(__x86_64__)
#define D2DET_DISPATCH(name, body, Args)                                                             \
    __attribute__((target("avx2,fma,avx512f,avx512vl"))) static auto name##Avx512(const Args& a)     \
        ->decltype(body<64>(a))                                                                      \
    {                                                                                                \
        return body<64>(a);                                                                          \
    }                                                                                                \
    __attribute__((target("avx2,fma"))) static auto name##Avx2(const Args& a)->decltype(body<32>(a)) \
    {                                                                                                \
        return body<32>(a);                                                                          \
    }                                                                                                \
    static auto name(const Args& a)->decltype(body<16>(a))                                           \
    {                                                                                                \
        const InstructionSet set = instructionSet();                                                 \
        return set == InstructionSet::AVX512 ? name##Avx512(a)                                       \
               : set == InstructionSet::AVX2 ? name##Avx2(a)                                         \
                                             : body<16>(a);                                          \
    }
#else
#define D2DET_DISPATCH(name, body, Args)                   \
    static auto name(const Args& a)->decltype(body<16>(a)) \
    {                                                      \
        return body<16>(a);                                \
    }
#endif

#endif
