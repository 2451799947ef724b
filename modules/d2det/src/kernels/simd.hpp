// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Run-time selection of vector instructions in a baseline build, in two ways.

   D2DET_TARGET_CLONES before the definition of a hot function: g++ compiles the function for AVX-512, AVX2 and the
   baseline; the clone is selected when the library is loaded. Empty for other compilers.

   Functions called from a clone are compiled for the baseline unless inlined: mark small helpers D2DET_INLINE, and
   avoid lambdas with work. Clones differ in the last bit (fused multiply-add), so results agree bit for bit on one
   machine and for any number of threads, not between machines.

   Lanes<BYTES> and D2DET_DISPATCH: 16 floats in registers of 16, 32 or 64 bytes, for loops that the compiler does not
   keep in registers. Write `template <int BYTES> D2DET_INLINE void body(const Args&)`, then
   D2DET_DISPATCH(name, body, Args) defines name(const Args&), which calls the widest supported version. */

#ifndef OPENCV_D2DET_KERNELS_SIMD_HPP
#define OPENCV_D2DET_KERNELS_SIMD_HPP

#include <cstring>

// Sanitizers instrument the resolver, which runs before they are ready: no clones then.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && defined(__x86_64__) && defined(__linux__) && \
    defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define D2DET_TARGET_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define D2DET_TARGET_CLONES
#endif

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
namespace cv
{
namespace d2det
{
namespace kernels
{

//! Width of the vector registers of this machine, bytes: 16, 32 or 64.
inline int vectorBytes()
{
    static const int bytes = []
    {
        __builtin_cpu_init();
        const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
        return avx2 && avx512 ? 64 : avx2 ? 32 : 16;
    }();
    return bytes;
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#define D2DET_DISPATCH(name, body, Args)                                                         \
    __attribute__((target("avx2,fma,avx512f,avx512vl"))) static void name##Avx512(const Args& a) \
    {                                                                                            \
        body<64>(a);                                                                             \
    }                                                                                            \
    __attribute__((target("avx2,fma"))) static void name##Avx2(const Args& a)                    \
    {                                                                                            \
        body<32>(a);                                                                             \
    }                                                                                            \
    static void name(const Args& a)                                                              \
    {                                                                                            \
        const int bytes = vectorBytes();                                                         \
        if (bytes == 64)                                                                         \
            name##Avx512(a);                                                                     \
        else if (bytes == 32)                                                                    \
            name##Avx2(a);                                                                       \
        else                                                                                     \
            body<16>(a);                                                                         \
    }
#else
#define D2DET_DISPATCH(name, body, Args) \
    static void name(const Args& a)      \
    {                                    \
        body<16>(a);                     \
    }
#endif

#endif
