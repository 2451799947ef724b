// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* How long several processes take to add up gradients: for each size the median of repeated sums over c10d, as process
   0 sees it. Started by a launcher, e.g. scripts/train_local.sh 2 d2det_allreduce_benchmark. Writes CSV:
   bytes,milliseconds. */

#include "distributed/process_group.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace
{

constexpr int WARM_UP = 2, ROUNDS = 9;

double medianMilliseconds(d2det::ProcessGroup& group, int64_t bytes)
{
    const torch::Tensor tensor = torch::ones({bytes / 4});
    std::vector<double> times;
    for (int round = 0; round < WARM_UP + ROUNDS; round++)
    {
        group.barrier();
        const auto start = std::chrono::steady_clock::now();
        group.sum({tensor});
        const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - start;
        if (round >= WARM_UP)
            times.push_back(passed.count());
    }
    std::nth_element(times.begin(), times.begin() + ROUNDS / 2, times.end());
    return times[ROUNDS / 2];
}

}  // namespace

int main()
{
    try
    {
        torch::set_num_threads(1);
        const auto group = d2det::ProcessGroup::join(d2det::readLaunch(), torch::kCPU, std::chrono::seconds(120));
        if (group->rank() == 0)
            std::puts("bytes,milliseconds");
        for (const int64_t kilobytes : {4, 64, 1000, 4000, 16000, 36000, 64000, 164000})
        {
            const int64_t bytes = kilobytes * 1000;
            const double milliseconds = medianMilliseconds(*group, bytes);
            if (group->rank() == 0)
                std::printf("%s,%.3f\n", std::to_string(bytes).c_str(), milliseconds);
        }
        return 0;
    }
    catch (const std::exception& e)
    {
        std::fprintf(stderr, "d2det_allreduce_benchmark: %s\n", e.what());
        return 1;
    }
}
