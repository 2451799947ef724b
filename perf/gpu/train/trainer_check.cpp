// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Proves the trainer's operators and one training step on a device against the CPU (test/device_comparison.hpp), on
   machines without OpenCV and Boost. Prints a line per comparison.

   d2det_gpu_trainer_check [--device cuda|cuda:N|cpu]
   Status: 0 all right, 1 a comparison failed, 2 wrong usage, 77 the device cannot be used. */

#include "device_comparison.hpp"

#include <ATen/Context.h>

#include <cstdio>
#include <cstring>
#include <exception>

using namespace d2det;
using namespace d2det::test;

namespace
{

int failures = 0;

void report(const std::vector<Comparison>& comparisons)
{
    for (const Comparison& c : comparisons)
    {
        std::printf("%-4s %-58s error %.2e  allowed %.0e\n", c.passed() ? "ok" : "FAIL", c.name.c_str(), c.error,
                    c.bound);
        if (!c.passed() && !c.repeat.empty())
            std::printf("     %s\n", c.repeat.c_str());
        failures += !c.passed();
    }
    std::fflush(stdout);
}

void checkAll(const torch::Device& device)
{
    report(compareOperators(device));
    report(compareInference(device));
    at::globalContext().setAllowTF32CuDNN(false);
    report(compareStep(device, torch::kFloat, 1e-3));
    report(compareStep(device, torch::kBFloat16, 0.03));
    if (device.is_cuda())
        report(compareStep(device, torch::kHalf, 0.03));
}

}  // namespace

int main(int argc, char** argv)
{
    std::string name = "cuda";
    if (argc == 3 && std::strcmp(argv[1], "--device") == 0)
        name = argv[2];
    else if (argc != 1)
    {
        std::fprintf(stderr, "usage: %s [--device cuda|cuda:N|cpu]\n", argv[0]);
        return 2;
    }
    torch::Device device(torch::kCPU);
    try
    {
        device = chooseDevice(name);
    }
    catch (const std::exception& error)
    {
        std::printf("SKIPPED: no CUDA device: %s\n", error.what());
        return 77;
    }
    try
    {
        checkAll(device);
    }
    catch (const std::exception& error)
    {
        std::printf("FAIL %s\n", error.what());
        return 1;
    }
    std::printf("%s: %d of the comparisons failed\n", name.c_str(), failures);
    return failures > 0;
}
