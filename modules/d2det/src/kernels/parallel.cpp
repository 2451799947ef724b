// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* See parallel.hpp. */

#include "parallel.hpp"

#include <algorithm>

#ifdef D2DET_NO_OPENCV
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>
#else
#include "opencv2/core/utility.hpp"
#endif

namespace cv
{
namespace d2det
{
namespace kernels
{

#ifdef D2DET_NO_OPENCV

int numThreads()
{
    return static_cast<int>(std::max(std::thread::hardware_concurrency(), 1u));
}

void parallelFor(int count, const std::function<void(int, int)>& body, double parts)
{
    const int threads = std::min(numThreads(), count);
    const int wanted = parts > 0 ? static_cast<int>(std::min<double>(parts, count)) : std::min(count, 4 * threads);
    if (threads <= 1)
    {
        if (count > 0)
            body(0, count);
        return;
    }
    std::atomic<int> next(0);
    std::exception_ptr failure;
    std::mutex mutex;
    const auto work = [&]
    {
        for (int part = next++; part < wanted; part = next++)
            try
            {
                body(static_cast<int>(static_cast<long long>(count) * part / wanted),
                     static_cast<int>(static_cast<long long>(count) * (part + 1) / wanted));
            }
            catch (...)
            {
                const std::lock_guard<std::mutex> lock(mutex);
                failure = std::current_exception();
            }
    };
    std::vector<std::thread> helpers;
    for (int i = 1; i < threads; i++)
        helpers.emplace_back(work);
    work();
    for (std::thread& helper : helpers)
        helper.join();
    if (failure)
        std::rethrow_exception(failure);
}

#else

int numThreads()
{
    return std::max(getNumThreads(), 1);
}

void parallelFor(int count, const std::function<void(int, int)>& body, double parts)
{
    parallel_for_(
        Range(0, count), [&body](const Range& range) { body(range.start, range.end); }, parts);
}

#endif

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
