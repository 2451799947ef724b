// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* How near the CPU kernels are to what one core can do: GFLOP/s and GB/s of each, with each instruction set of this
   machine, beside the peak of the multipliers and of memory, measured in the same run.

   usage: d2det_kernel_roofline [--set baseline|AVX2|AVX-512]... [--seconds S] [KERNEL]...
          d2det_kernel_roofline --check

   --set      default: all that this machine has and OPENCV_CPU_DISABLE does not exclude
   --seconds  for each kernel (default 0.3)
   KERNEL     product, product_int8, winograd or the stem of an operator's files, e.g. roi_align; default: all
   --check    fails if the product, with the instruction set that is chosen without any option, does not reach half of
              the multipliers' peak with the widest set of the processor, as when dispatch falls to the baseline.
              Prints SKIPPED on a processor without AVX2.

   One thread, of many runs the fastest. Columns:

     GFLOP/s   multiplications and additions, of float or of 8-bit integers. Convolutions: those of the direct sum;
               Winograd's method makes a quarter of the multiplications and can exceed the peak, as integers can
     peak      GFLOP/s of the float multipliers with this set, measured in turn with the kernel
     GB/s      every input read and every output written once
     of copy   GB/s : memory copy; above 100 % where the arrays stay in a cache */

#include "operators/all.hpp"

#include "kernels/gemm.hpp"
#include "kernels/instruction_set.hpp"
#include "kernels/int8_gemm.hpp"
#include "kernels/simd.hpp"
#include "kernels/winograd_transforms.hpp"

#include <opencv2/core/utility.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

// ------------------------------------------------------------------ the machine's peaks

struct PeakTask
{
    int steps;
    float factor, summand;
    float* out;  //!< 16 values
};

/** Independent chains x = x * factor + summand in registers. As many chains as hide the latency of two multipliers: 10
    with fused multiply-add; and no more than there are registers. */
template <int BYTES>
D2DET_INLINE double peakBody(const PeakTask& t)
{
    typedef typename Lanes<BYTES>::Vector Vector;
    constexpr int CHAINS = 12, LANES = Lanes<BYTES>::STEP;
    const Vector factor = t.factor + Vector{}, summand = t.summand + Vector{};
    Vector chains[CHAINS];
    D2DET_UNROLL
    for (int i = 0; i < CHAINS; i++)
        chains[i] = summand * static_cast<float>(i);
    for (int step = 0; step < t.steps; step++)
    {
        D2DET_UNROLL
        for (int i = 0; i < CHAINS; i++)
            chains[i] = chains[i] * factor + summand;
    }
    Vector sum = chains[0];
    D2DET_UNROLL
    for (int i = 1; i < CHAINS; i++)
        sum = sum + chains[i];
    std::memcpy(t.out, &sum, sizeof(sum));  // or the compiler drops it all
    return 2. * t.steps * CHAINS * LANES;
}
D2DET_DISPATCH(peak, peakBody, PeakTask)

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

namespace
{

using namespace d2det_test;
using namespace cv::d2det::kernels;

double seconds(clockid_t clock)
{
    timespec t;
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double now()
{
    return seconds(CLOCK_MONOTONIC);
}

/** Long runs: processor time, so that it does not count what other programs take. Short ones: that of the clock, as a
    virtual machine takes off what its host has stolen before or after; the fastest of many is undisturbed. */
double secondsOf(const std::function<void()>& run)
{
    constexpr double LONG = 2e-3;
    const double processor = seconds(CLOCK_THREAD_CPUTIME_ID), start = now();
    run();
    const double used = seconds(CLOCK_THREAD_CPUTIME_ID) - processor, passed = now() - start;
    return used < LONG ? passed : used;
}

//! Loop of the multipliers with one set, about 0.1 ms.
struct Multipliers
{
    double (*loop)(const PeakTask&);

    double operator()() const
    {
        alignas(64) float out[16];
        return loop({10000, 0.75f, 0.25f, out});
    }
};

//! Fastest runs, seconds, and the multipliers' GFLOP/s meanwhile.
struct Fastest
{
    double seconds, peak;
};

/** Runs in turn with the multipliers' loop while `budget` seconds last, at least three times: clock and what shares the
    core change from second to second. */
Fastest fastest(const std::function<void()>& run, const Multipliers& multipliers, double budget)
{
    double seconds = 1e30, peakSeconds = 1e30, flop = 0;
    const double begin = now();
    for (int i = 0; i < 3 || now() - begin < budget; i++)
    {
        seconds = std::min(seconds, secondsOf(run));
        peakSeconds = std::min(peakSeconds, secondsOf([&] { flop = multipliers(); }));
    }
    return {seconds, flop / peakSeconds / 1e9};
}

//! GB/s, read and written, of a copy that no cache holds.
double copyPeak(double budget)
{
    constexpr size_t COUNT = size_t(32) << 20;
    std::vector<float> from(COUNT, 1.f), to(COUNT);
    return 2. * COUNT * sizeof(float) / 1e9 /
           fastest([&] { std::memcpy(to.data(), from.data(), COUNT * sizeof(float)); }, {peak}, budget).seconds;
}

// ------------------------------------------------------------------ kernels

struct Measurement
{
    std::string name;
    double flop, bytes;
    std::function<void()> run;
};

void fill(AlignedFloats& values, size_t count)
{
    Random random(1);
    const Floats reals = random.reals(count, -1.f, 1.f);
    std::copy(reals.begin(), reals.end(), values.data());
}

//! One tile after the other of the product, operands in the first cache; all tiles of one row of panels.
std::vector<Measurement> productKernels()
{
    const GemmKernel& kernel = gemmKernel();
    constexpr int DEPTH = GemmKernel::KC, REPEATS = 200;
    std::vector<Measurement> result;
    for (const int rows : {kernel.mr, (kernel.mr + 1) / 2, 1})
        for (const int columns : {kernel.nr, kernel.nr / 2})
        {
            auto A = std::make_shared<AlignedFloats>(kernel.mr * DEPTH);
            auto B = std::make_shared<AlignedFloats>(kernel.nr * DEPTH);
            auto C = std::make_shared<AlignedFloats>(kernel.mr * kernel.nr);
            fill(*A, kernel.mr * DEPTH);
            fill(*B, kernel.nr * DEPTH);
            fill(*C, kernel.mr * kernel.nr);
            result.push_back({cv::format("product, tile %d x %d", rows, columns), 2. * REPEATS * rows * columns * DEPTH,
                              REPEATS * sizeof(float) * (double(rows + columns) * DEPTH + 2. * rows * columns),
                              [=, &kernel]
                              {
                                  for (int i = 0; i < REPEATS; i++)
                                      kernel.run(rows, columns, DEPTH, A->data(), B->data(), C->data(), kernel.nr,
                                                 false);
                              }});
        }
    return result;
}

//! The same in 8-bit integers.
std::vector<Measurement> int8ProductKernels()
{
    const Int8Kernel& kernel = int8Kernel();
    constexpr int STEPS = Int8Kernel::KC, REPEATS = 200;
    const size_t sizeA = static_cast<size_t>(kernel.mr) * STEPS, sizeB = static_cast<size_t>(kernel.nr) * STEPS;
    std::vector<Measurement> result;
    for (const int rows : {kernel.mr, (kernel.mr + 1) / 2, 1})
        for (const int columns : {kernel.nr, kernel.nr / 2})
        {
            auto A = std::make_shared<AlignedArray<int32_t>>(sizeA);
            auto B = std::make_shared<AlignedArray<uint32_t>>(sizeB);
            auto C = std::make_shared<AlignedArray<int32_t>>(static_cast<size_t>(kernel.mr) * kernel.nr);
            Random random(1);
            for (size_t i = 0; i < sizeA; i++)  // bytes of 0 to 63: no pair saturates
                A->data()[i] = static_cast<int32_t>(random.next() & 0x3f3f3f3f);
            for (size_t i = 0; i < sizeB; i++)
                B->data()[i] = static_cast<uint32_t>(random.next());
            result.push_back({cv::format("product in int8 (%s), tile %d x %d", kernel.name, rows, columns),
                              2. * REPEATS * rows * columns * STEPS * Int8Kernel::STEP,
                              REPEATS * sizeof(float) * (double(rows + columns) * STEPS + 2. * rows * columns),
                              [=, &kernel]
                              {
                                  for (int i = 0; i < REPEATS; i++)
                                      kernel.run(rows, columns, STEPS, A->data(), B->data(), C->data(),
                                                 static_cast<size_t>(kernel.nr), false);
                              }});
        }
    return result;
}

//! The transforms of 16 windows, filters or tiles; what is done in one pass over memory of the first cache.
std::vector<Measurement> winogradKernels()
{
    constexpr int GROUP = WinogradTiles::GROUP, POINTS = WINOGRAD_POINTS, CELLS = WINOGRAD_CELLS;
    constexpr int ROW = GROUP * WinogradTiles::SIDE + 2, REPEATS = 500;
    // Operations of one transform along an axis (winograd_transforms.cpp) times rows and columns.
    constexpr double INPUT = 22. * 12, FILTER = 13. * 9, OUTPUT = 16. * 10 + 2 * WinogradTiles::PIXELS;
    auto memory = std::make_shared<AlignedFloats>((POINTS + 2 * CELLS + 2 * WinogradTiles::PIXELS) * GROUP + 6 * ROW);
    fill(*memory, (POINTS + 2 * CELLS + 2 * WinogradTiles::PIXELS) * GROUP + 6 * ROW);
    float* points = memory->data();
    float* others = points + POINTS * GROUP;
    auto offsets = std::make_shared<std::vector<int>>(GROUP);
    for (int t = 0; t < GROUP; t++)
        (*offsets)[t] = t * WinogradTiles::SIDE;
    FilterGroup filters;
    for (int i = 0; i < CELLS; i++)
        filters.cells[i] = others + i * GROUP;
    filters.U = points;
    filters.stride = GROUP;
    const auto repeat = [&](const std::function<void()>& run)
    {
        return [memory, offsets, run]
        {
            for (int i = 0; i < REPEATS; i++)
                run();
        };
    };
    const double all = double(REPEATS) * GROUP, value = sizeof(float);
    const int piece = std::min(gemmKernel().nr, GROUP);
    return {{"winograd, 16 windows", all * INPUT, all * value * 2 * POINTS,
             repeat(
                 [=] {
                     transformInput({others, offsets->data(), ROW, points, GROUP, piece, size_t(piece)});
                 })},
            {"winograd, 16 filters", all * FILTER, all * value * (CELLS + POINTS),
             repeat([=] { transformFilter(filters); })},
            {"winograd, 16 tiles", all * OUTPUT, all * value * (POINTS + WinogradTiles::PIXELS),
             repeat(
                 [=] {
                     transformOutput({points, GROUP, 0.5f, -1.f, 1.f, others});
                 })}};
}

void print(const Measurement& m, double copy, double budget)
{
    const Fastest f = fastest(m.run, {peak}, budget);
    const double gflops = m.flop / f.seconds / 1e9, gbs = m.bytes / f.seconds / 1e9;
    std::printf("| %s | %.4g |", m.name.c_str(), f.seconds * 1e3);
    if (m.flop > 0)
        std::printf(" %.1f | %.1f | %.0f %% |", gflops, f.peak, 100 * gflops / f.peak);
    else
        std::printf(" | | |");
    std::printf(" %.1f | %.0f %% |\n", gbs, 100 * gbs / copy);
    std::fflush(stdout);
}

//! Bytes that must be moved at least. D2GatherRows reads only the rows that it writes.
double bytesOf(const Operator& op, const Problem& problem)
{
    return op.name() == "gather_rows" ? 2. * elements(problem.outputs[0].shape) * sizeof(float) : problem.moved(false);
}

void printOperator(const Operator& op, double copy, double budget)
{
    const std::vector<CaseInfo> cases = op.cases();
    for (size_t i = 0; i < cases.size(); i++)
    {
        if (!cases[i].large)
            continue;
        const std::unique_ptr<Problem> problem = op.make(i, 1);
        Arrays<float> arrays(*problem, 0.f);
        print({op.name() + ", " + cases[i].name, problem->flop(), bytesOf(op, *problem),
               problem->prepared(arrays.forward())},
              copy, budget);
    }
}

void printSet(InstructionSet set, const std::set<std::string>& wanted, double budget)
{
    limitInstructionSet(set);
    const double copy = copyPeak(budget);
    const auto chosen = [&wanted](const std::string& name) { return wanted.empty() || wanted.count(name); };
    std::printf("\n%s, memory copy %.1f GB/s\n\n", instructionSetName(set), copy);
    std::printf("| kernel | ms | GFLOP/s | peak | of peak | GB/s | of copy |\n|---|---|---|---|---|---|---|\n");
    if (chosen("product"))
        for (const Measurement& m : productKernels())
            print(m, copy, budget);
    if (chosen("product_int8"))
        for (const Measurement& m : int8ProductKernels())
            print(m, copy, budget);
    if (chosen("winograd"))
        for (const Measurement& m : winogradKernels())
            print(m, copy, budget);
    for (const Operator* op : allOperators())
        if (chosen(op->name()))
            printOperator(*op, copy, budget);
}

// ------------------------------------------------------------------ check

//! 0: passed, also where there is nothing to check.
int check()
{
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    {
        std::printf("SKIPPED: this processor has no AVX2\n");
        return 0;
    }
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
    constexpr double BUDGET = 0.5, LEAST = 0.5;
    const Measurement product = productKernels().front();
    // Not by way of the choice that is to be checked.
    const Fastest f = fastest(product.run, {avx512 ? peakAvx512 : peakAvx2}, BUDGET);
    const double gflops = product.flop / f.seconds / 1e9, most = f.peak;
    std::printf("%s of %s: %.1f GFLOP/s, multipliers with %s: %.1f GFLOP/s, %.0f %%\n", product.name.c_str(),
                gemmKernel().name, gflops, avx512 ? "AVX-512" : "AVX2", most, 100 * gflops / most);
    if (gflops < LEAST * most)
    {
        std::printf("FAILED: less than %.0f %%\n", 100 * LEAST);
        return 1;
    }
#else
    std::printf("SKIPPED: this processor has no AVX2\n");
#endif
    return 0;
}

InstructionSet setNamed(const std::string& name)
{
    for (const InstructionSet set : {InstructionSet::BASELINE, InstructionSet::AVX2, InstructionSet::AVX512})
        if (name == instructionSetName(set))
        {
            if (set > supportedInstructionSet())
                throw std::invalid_argument("this machine has no " + name);
            return set;
        }
    throw std::invalid_argument("unknown set '" + name + "', expected baseline, AVX2 or AVX-512");
}

int run(const std::vector<std::string>& arguments)
{
    cv::setNumThreads(1);
    std::vector<InstructionSet> sets;
    std::set<std::string> wanted;
    double budget = 0.3;
    for (size_t i = 0; i < arguments.size(); i++)
    {
        const std::string& argument = arguments[i];
        if (argument == "--check")
            return check();
        if (argument == "--set" && i + 1 < arguments.size())
            sets.push_back(setNamed(arguments[++i]));
        else if (argument == "--seconds" && i + 1 < arguments.size())
            budget = std::stod(arguments[++i]);
        else if (argument.compare(0, 1, "-") == 0)
            throw std::invalid_argument("unknown argument '" + argument +
                                        "', usage: d2det_kernel_roofline [--set SET]... [--seconds S] [KERNEL]... or "
                                        "--check");
        else
        {
            if (argument != "product" && argument != "product_int8" && argument != "winograd")
                operatorOf(argument);  // it exists
            wanted.insert(argument);
        }
    }
    if (sets.empty())
        for (const InstructionSet set : {InstructionSet::BASELINE, InstructionSet::AVX2, InstructionSet::AVX512})
            if (set <= supportedInstructionSet())
                sets.push_back(set);
    for (const InstructionSet set : sets)
        printSet(set, wanted, budget);
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    try
    {
        return run(std::vector<std::string>(argv + 1, argv + argc));
    }
    catch (const std::exception& e)
    {
        std::fprintf(stderr, "error: %s\n", e.what());
        return 2;
    }
}
