// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Runs the cases.

   usage: PROGRAM [--filter TEXT] [--exclude TEXT] [--seed NUMBER] [--list]

   D2DET_TEST_CASE ("roi_align" or "roi_align:odd maps") and D2DET_TEST_SEED choose too, as in all tests of operators.

   Status 0: all cases that could run are right; 1: some are wrong, or none was chosen; 77: there is no CUDA device, or
   every chosen case had to be skipped. */

#include "check.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace d2det
{
namespace test
{

namespace
{

constexpr int SKIPPED_STATUS = 77, MAX_LINES = 5;
int failures = 0;
uint64_t seed = 0, failingSeed = 0;
bool given = false;  //!< the seed, by option or environment

}  // namespace

Case::Case(const char* caseName, std::function<void()> body) : name(caseName), run(std::move(body))
{
    allCases().push_back(this);
}

std::vector<Case*>& allCases()
{
    static std::vector<Case*> cases;
    return cases;
}

void expect(bool good, const std::string& what)
{
    if (!good && ++failures <= MAX_LINES)
        std::printf("    wrong: %s\n", what.c_str());
}

uint64_t caseSeed()
{
    return seed;
}

void failedWith(uint64_t used)
{
    failingSeed = used;
}

bool seedIsGiven()
{
    return given;
}

void expectSameBits(const Floats& expected, const Floats& actual, const std::string& what)
{
    const std::string error = difference(expected, actual, SAME_BITS);
    expect(error.empty(), what + ": " + error);
}

namespace
{

enum Outcome
{
    RIGHT,
    WRONG,
    NOT_RUN
};

Outcome runCase(const Case& c)
{
    const auto start = std::chrono::steady_clock::now();
    failures = 0;
    failingSeed = seed;
    std::string note;
    Outcome outcome = RIGHT;
    try
    {
        c.run();
    }
    catch (const Skipped& reason)
    {
        note = std::string(" (") + reason.what() + ")";
        outcome = NOT_RUN;
    }
    catch (const std::exception& error)
    {
        expect(false, error.what());
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (failures > 0)
    {
        outcome = WRONG;
        const size_t colon = c.name.find(':');
        note = " (" + std::to_string(failures) + " failures)\n" +
               repeatLine(c.name.substr(0, colon), c.name.substr(colon + 1), failingSeed, "");
    }
    std::printf("%-8s %s, %.2f s%s\n",
                outcome == RIGHT   ? "ok"
                : outcome == WRONG ? "FAILED"
                                   : "SKIPPED",
                c.name.c_str(), seconds, note.c_str());
    std::fflush(stdout);
    return outcome;
}

//! By D2DET_TEST_CASE.
bool isSelected(const std::string& name)
{
    const size_t colon = name.find(':');
    return Selection().takes(name.substr(0, colon), colon == std::string::npos ? "" : name.substr(colon + 1));
}

int runAll(const std::string& filter, const std::string& exclude)
{
    int counts[3] = {};
    for (const Case* c : allCases())
        if (isSelected(c->name) && c->name.find(filter) != std::string::npos &&
            (exclude.empty() || c->name.find(exclude) == std::string::npos))
            counts[runCase(*c)]++;
    std::printf("%d cases right, %d wrong, %d skipped\n", counts[RIGHT], counts[WRONG], counts[NOT_RUN]);
    if (counts[RIGHT] + counts[WRONG] + counts[NOT_RUN] == 0)
        std::printf("no case is chosen by --filter '%s' and D2DET_TEST_CASE '%s'\n", filter.c_str(),
                    Selection().name.c_str());
    if (counts[WRONG] > 0 || counts[RIGHT] + counts[NOT_RUN] == 0)
        return EXIT_FAILURE;
    return counts[RIGHT] > 0 ? EXIT_SUCCESS : SKIPPED_STATUS;
}

int run(int argc, char** argv)
{
    std::string filter, exclude;
    const Selection selection;
    given = selection.hasSeed;
    seed = given ? selection.seed : std::random_device()();
    for (int i = 1; i < argc; i++)
    {
        const std::string option = argv[i];
        if (option == "--list")
        {
            for (const Case* c : allCases())
                std::printf("%s\n", c->name.c_str());
            return EXIT_SUCCESS;
        }
        if (i + 1 >= argc || (option != "--filter" && option != "--exclude" && option != "--seed"))
        {
            std::fprintf(stderr, "usage: %s [--filter TEXT] [--exclude TEXT] [--seed NUMBER] [--list]\n", argv[0]);
            return EXIT_FAILURE;
        }
        const std::string value = argv[++i];
        if (option == "--seed")
        {
            seed = std::strtoull(value.c_str(), nullptr, 10);
            given = true;
        }
        else
            (option == "--filter" ? filter : exclude) = value;
    }
    const char* reason = "";
    if (cuda::deviceCount(&reason) == 0)
    {
        std::printf("SKIPPED: no CUDA device: %s\n", reason);
        return SKIPPED_STATUS;
    }
    cudaDeviceProp device;
    require(cudaGetDeviceProperties(&device, 0), "cudaGetDeviceProperties");
    std::printf("%s, compute capability %d.%d, seed %llu\n", device.name, device.major, device.minor,
                static_cast<unsigned long long>(seed));
    return runAll(filter, exclude);
}

}  // namespace
}  // namespace test
}  // namespace d2det

int main(int argc, char** argv)
{
    return d2det::test::run(argc, argv);
}
