// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The choice of vector instructions: the widest of the processor unless OPENCV_CPU_DISABLE excludes it, and every
   operator with each of them. Other tests run with the widest only. */

#include "operator_tests.hpp"

#include "kernels/instruction_set.hpp"
#include "kernels/winograd.hpp"

#if defined(__linux__) && defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#endif
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

//! Restores the set in use.
class Limited
{
public:
    explicit Limited(InstructionSet most) : before_(limitInstructionSet(most)) {}
    ~Limited() { limitInstructionSet(before_); }
    Limited(const Limited&) = delete;
    Limited& operator=(const Limited&) = delete;

private:
    const InstructionSet before_;
};

std::vector<InstructionSet> supportedSets()
{
    std::vector<InstructionSet> sets;
    for (const InstructionSet set : {InstructionSet::BASELINE, InstructionSet::AVX2, InstructionSet::AVX512})
        if (set <= supportedInstructionSet())
            sets.push_back(set);
    return sets;
}

#if defined(__linux__) && defined(__x86_64__) && defined(__GNUC__)
//! What Linux says about the processor, which the kernels do not ask.
TEST(D2Det_InstructionSets, the_widest_of_the_processor_is_used)
{
    std::ifstream file("/proc/cpuinfo");
    std::set<std::string> flags;
    for (std::string line; flags.empty() && std::getline(file, line);)
        if (line.compare(0, 5, "flags") == 0)
        {
            std::istringstream words(line);
            for (std::string word; words >> word;)
                flags.insert(word);
        }
    ASSERT_TRUE(flags.count("sse2")) << "/proc/cpuinfo has no list of flags";
    unsigned int a = 0, b = 0, c = 0, d = 0;
    ASSERT_TRUE(__get_cpuid_count(7, 0, &a, &b, &c, &d) || !flags.count("avx2"));
    if (((b & bit_AVX2) != 0) != (flags.count("avx2") > 0) || ((b & bit_AVX512F) != 0) != (flags.count("avx512f") > 0))
    {
        std::cout << "an emulator such as valgrind offers another processor than that of /proc/cpuinfo" << std::endl;
        return;
    }
    InstructionSet expected = InstructionSet::BASELINE;
    if (flags.count("avx2") && flags.count("fma"))
        expected = flags.count("avx512f") && flags.count("avx512vl") ? InstructionSet::AVX512 : InstructionSet::AVX2;
    expected = allowedInstructionSet(expected, std::getenv("OPENCV_CPU_DISABLE"));
    EXPECT_EQ(instructionSetName(expected), std::string(instructionSetName(instructionSet())));
    EXPECT_EQ(instructionSetName(expected), std::string(gemmKernel().name));
    EXPECT_EQ(allGemmKernels().size(), supportedSets().size());
}
#endif

TEST(D2Det_InstructionSets, can_be_excluded)
{
    const auto left = [](const char* disabled) { return allowedInstructionSet(InstructionSet::AVX512, disabled); };
    EXPECT_TRUE(left(nullptr) == InstructionSet::AVX512);
    EXPECT_TRUE(left("") == InstructionSet::AVX512);
    EXPECT_TRUE(left("SSE4.1,NEON;AVX51") == InstructionSet::AVX512);
    EXPECT_TRUE(left("AVX512F") == InstructionSet::AVX2);
    EXPECT_TRUE(left("FP16,AVX512-SKX") == InstructionSet::AVX2);
    EXPECT_TRUE(left("AVX2") == InstructionSet::BASELINE);
    EXPECT_TRUE(left("AVX512F;FMA3") == InstructionSet::BASELINE);
    EXPECT_TRUE(left(",,AVX,") == InstructionSet::BASELINE);
    EXPECT_TRUE(allowedInstructionSet(InstructionSet::BASELINE, "AVX512F") == InstructionSet::BASELINE);
    EXPECT_TRUE(allowedInstructionSet(InstructionSet::AVX2, "AVX512F") == InstructionSet::AVX2);
}

TEST(D2Det_InstructionSets, a_limit_holds_for_products_too)
{
    for (const InstructionSet set : supportedSets())
    {
        const Limited limited(set);
        EXPECT_EQ(std::string(instructionSetName(set)), gemmKernel().name);
        EXPECT_TRUE(instructionSet() == set);
    }
    EXPECT_TRUE(instructionSet() == supportedInstructionSet());
}

//! With the widest D2Det_Operators compares them.
TEST(D2Det_InstructionSets, every_operator_equals_its_reference)
{
    for (const InstructionSet set : supportedSets())
    {
        if (set == supportedInstructionSet() && set != InstructionSet::BASELINE)
            continue;
        SCOPED_TRACE(instructionSetName(set));
        const Limited limited(set);
        for (const Operator* op : allOperators())
            expectAllRuns(
                op->name(), [](const CaseInfo& c) { return !c.large && !c.cudaOnly; },
                [](const Problem& p, uint64_t)
                { return compareResults(p, runReference(p), runFast(p), Against::FAST); });
    }
}

//! Windows of a plane of ones; the table of their places begins inside a larger one.
class OneMap final : public WinogradTiles
{
public:
    explicit OneMap(int tiles)
    {
        // Far outside the plane: whoever looks before the first or after the last place is likely to crash.
        places_.assign(static_cast<size_t>(tiles) + 2, 1 << 30);
        for (int t = 0; t < tiles; t++)
            places_[t + 1] = t * SIDE;
        count = tiles;
        rowStride = tiles * SIDE + 2;
        planesSize = static_cast<size_t>(rowStride) * WINDOW;
        offsets = places_.data() + 1;
        low = -100;
        high = 100;
        stored.assign(static_cast<size_t>(tiles) * PIXELS, 0.f);
    }
    void load(int, float* planes) const override { std::fill(planes, planes + planesSize, 1.f); }
    void store(int, int first, int n, const float* values) const override
    {
        std::copy(values, values + n * PIXELS, stored.begin() + first * PIXELS);
    }

    mutable std::vector<float> stored;

private:
    std::vector<int> places_;
};

//! The last group of 16 is rarely full.
TEST(D2Det_InstructionSets, winograd_reads_no_place_that_is_not_there)
{
    const std::vector<float> weight(9, 1.f);
    for (const GemmKernel* kernel : allGemmKernels())
        for (const int tiles : {1, 2, 15, 16, 17, 31, 32, 33, 48, 63})
        {
            const OneMap map(tiles);
            winogradMultiply(packMatrix(weight.data(), 1, 9, *kernel), 1, 0, 1, map);
            for (const float value : map.stored)
                ASSERT_NEAR(9.f, value, 1e-4f) << kernel->name << ", " << tiles << " tiles";
        }
}

}  // namespace
}  // namespace opencv_test
