// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DET_TARGET_CLONES: put before the definition of a hot function. g++ then compiles it for AVX-512, AVX2 and the
   baseline, and picks one when the library is loaded. Elsewhere it is empty.

   What is called from such a function is compiled for the baseline unless it is inlined: mark small helpers
   D2DET_INLINE, and put no lambda with work in it. The clones differ in the last bit (fused multiply-add), so results
   agree bit for bit on one machine and for any number of threads, not between machines. */

#ifndef OPENCV_D2DET_KERNELS_SIMD_HPP
#define OPENCV_D2DET_KERNELS_SIMD_HPP

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

#endif
