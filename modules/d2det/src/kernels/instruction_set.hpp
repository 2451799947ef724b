// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The vector instructions that the kernels use, chosen at run time in a build for the oldest processor.

   One choice for all kernels, the widest of the processor, so that figures and rounding of a machine have one name.
   The environment variable OPENCV_CPU_DISABLE, which OpenCV itself obeys, excludes some: with
   OPENCV_CPU_DISABLE=AVX512F (any name with that beginning) AVX2 is used, with OPENCV_CPU_DISABLE=AVX2 the baseline. */

#ifndef OPENCV_D2DET_KERNELS_INSTRUCTION_SET_HPP
#define OPENCV_D2DET_KERNELS_INSTRUCTION_SET_HPP

#include <atomic>

namespace cv
{
namespace d2det
{
namespace kernels
{

enum class InstructionSet : int
{
    BASELINE,  //!< that the compiler was told to use: 16 bytes
    AVX2,      //!< AVX2 and FMA: 32 bytes
    AVX512     //!< also AVX-512 F and VL: 64 bytes
};

//! "baseline", "AVX2" or "AVX-512"; the baseline of 64-bit ARM is "NEON".
const char* instructionSetName(InstructionSet set);

//! Widest set of this processor that OPENCV_CPU_DISABLE does not exclude.
InstructionSet supportedInstructionSet();

/** What the text of OPENCV_CPU_DISABLE leaves of a set.
    @param disabled names separated by commas or semicolons, null: none */
InstructionSet allowedInstructionSet(InstructionSet set, const char* disabled);

/** Lets the following calls use `most` at most, and returns what they used before. For tests and benchmarks: not while
    a kernel runs. */
InstructionSet limitInstructionSet(InstructionSet most);

namespace detail
{
extern std::atomic<int> chosenInstructionSet;  //!< -1: not yet chosen
}

//! The set in use.
inline InstructionSet instructionSet()
{
    const int chosen = detail::chosenInstructionSet.load(std::memory_order_relaxed);
    return chosen >= 0 ? static_cast<InstructionSet>(chosen) : supportedInstructionSet();
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
