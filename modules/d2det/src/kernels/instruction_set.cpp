// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* See instruction_set.hpp. */

#include "instruction_set.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace cv
{
namespace d2det
{
namespace kernels
{

std::atomic<int> detail::chosenInstructionSet(-1);

namespace
{

InstructionSet processorInstructionSet()
{
#if defined(__GNUC__) && defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") ? InstructionSet::AVX512
                                                                                       : InstructionSet::AVX2;
#endif
    return InstructionSet::BASELINE;
}

}  // namespace

const char* instructionSetName(InstructionSet set)
{
#if defined(__aarch64__)
    const char* const baseline = "NEON";
#else
    const char* const baseline = "baseline";
#endif
    return set == InstructionSet::AVX512 ? "AVX-512" : set == InstructionSet::AVX2 ? "AVX2" : baseline;
}

InstructionSet allowedInstructionSet(InstructionSet set, const char* disabled)
{
    const std::string names = disabled ? disabled : "";
    for (size_t begin = 0; begin < names.size();)
    {
        const size_t end = std::min(names.find_first_of(",;", begin), names.size());
        const std::string name = names.substr(begin, end - begin);
        if (name == "AVX" || name == "AVX2" || name == "FMA3")
            return InstructionSet::BASELINE;
        if (name.compare(0, 6, "AVX512") == 0)
            set = std::min(set, InstructionSet::AVX2);
        begin = end + 1;
    }
    return set;
}

InstructionSet supportedInstructionSet()
{
    static const InstructionSet supported = []
    {
        const InstructionSet set = allowedInstructionSet(processorInstructionSet(), std::getenv("OPENCV_CPU_DISABLE"));
        int unset = -1;
        detail::chosenInstructionSet.compare_exchange_strong(unset, static_cast<int>(set));
        return set;
    }();
    return supported;
}

InstructionSet limitInstructionSet(InstructionSet most)
{
    const InstructionSet before = instructionSet();
    detail::chosenInstructionSet = static_cast<int>(std::min(supportedInstructionSet(), most));
    return before;
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
