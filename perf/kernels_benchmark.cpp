// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Times the CPU kernels over the large cases of their lists (modules/d2det/test/operators), and says what memory
   bandwidth alone would allow. perf/compare_peers.sh runs it beside torchvision on the same RoIs and boxes.

   usage: d2det_kernels_benchmark THREADS [FOLDER [OPERATOR]...]
     FOLDER     gets rois.f32 [1000, 5] and boxes.f32 [10000, 5] (with scores) for the peers; "": nothing is written
     OPERATOR   stems of files as roi_align; default: all
   Output: CSV, one line per kernel: name, threads, median ms, ms that bandwidth allows (empty: not bound by it). */

#include "operators/all.hpp"

#include "kernels/sort_key.hpp"

#include <opencv2/core/utility.hpp>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace
{

using namespace d2det_test;

//! Median of the milliseconds of a few runs, after one that is not counted.
double time(const std::function<void()>& run, int runs = 5)
{
    std::vector<double> times;
    for (int i = -1; i < runs; i++)
    {
        const int64 start = cv::getTickCount();
        run();
        if (i >= 0)
            times.push_back(static_cast<double>(cv::getTickCount() - start) * 1000. / cv::getTickFrequency());
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

//! GB/s of reading and writing large arrays with the current number of threads.
double bandwidth()
{
    constexpr size_t COUNT = size_t(32) << 20;
    constexpr int PARTS = 64;
    std::vector<float> from(COUNT, 1.f), to(COUNT);
    const double ms = time(
        [&]
        {
            cv::parallel_for_(cv::Range(0, PARTS),
                              [&](const cv::Range& range)
                              {
                                  const size_t part = COUNT / PARTS;
                                  std::memcpy(&to[range.start * part], &from[range.start * part],
                                              range.size() * part * sizeof(float));
                              });
        });
    return 2. * COUNT * sizeof(float) / ms / 1e6;
}

void report(const std::string& name, double ms, double bytes, double gigabytesPerSecond)
{
    std::printf("%s,%d,%.3f,", name.c_str(), cv::getNumThreads(), ms);
    if (bytes > 0)
        std::printf("%.3f", bytes / gigabytesPerSecond / 1e6);
    std::printf("\n");
    std::fflush(stdout);
}

void benchmark(const Operator& op, double gigabytesPerSecond)
{
    const std::vector<CaseInfo> cases = op.cases();
    for (size_t i = 0; i < cases.size(); i++)
    {
        if (!cases[i].large)
            continue;
        const std::unique_ptr<Problem> problem = op.make(i, 1);
        Arrays<float> arrays(*problem, 0.f);
        report(op.name() + " " + cases[i].name, time(problem->prepared(arrays.forward())),
               problem->flop() > 0 ? 0 : problem->moved(false), gigabytesPerSecond);
    }
}

//! What torchvision's nms does: sort by score, then suppress. boxes [n, 5], the score last.
void sortedNms(const Floats& boxes, int count, double gigabytesPerSecond)
{
    Floats scores(count);
    for (int i = 0; i < count; i++)
        scores[i] = boxes[size_t(i) * 5 + 4];
    report(cv::format("nms %d", count),
           time(
               [&]
               {
                   const std::vector<int> order = kernels::sortDescending(scores.data(), count);
                   Floats sorted(size_t(count) * 4);
                   for (int i = 0; i < count; i++)
                       std::memcpy(&sorted[size_t(i) * 4], &boxes[size_t(order[i]) * 5], 4 * sizeof(float));
                   kernels::hardNmsCpu({0.5f, false, 0}, sorted.data(), count);
               }),
           0, gigabytesPerSecond);
}

//! Boxes of a detector with scores, [count, 5].
Floats scoredBoxes(int count)
{
    Random random(1);
    const Floats boxes = detectorLikeBoxes(random, count);
    Floats scored;
    for (int i = 0; i < count; i++)
    {
        scored.insert(scored.end(), &boxes[size_t(i) * 4], &boxes[size_t(i) * 4] + 4);
        scored.push_back(random.real(0.f, 1.f));
    }
    return scored;
}

//! Those of the large RoIAlign cases.
Floats poolingRois()
{
    return RoIAlign::Problem(RoIAlign::Case(poolingShape("7x7")), 1).rois();
}

void save(const std::string& path, const std::vector<float>& values)
{
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(float)));
    if (!file)
        throw std::runtime_error("cannot write " + path);
}

int run(int argc, char** argv)
{
    if (argc < 2 || std::atoi(argv[1]) < 1)
    {
        std::fprintf(stderr, "usage: d2det_kernels_benchmark THREADS [FOLDER [OPERATOR]...]\n");
        return 2;
    }
    cv::setNumThreads(std::atoi(argv[1]));
    const Floats boxes = scoredBoxes(10000);
    if (argc > 2 && *argv[2])
    {
        save(std::string(argv[2]) + "/rois.f32", poolingRois());
        save(std::string(argv[2]) + "/boxes.f32", boxes);
    }
    const std::set<std::string> wanted(argv + std::min(argc, 3), argv + argc);
    for (const std::string& name : wanted)
        operatorOf(name);  // it exists
    const double gbs = bandwidth();
    std::printf("name,threads,ms,bandwidth_ms\nbandwidth GB/s,%d,%.1f,\n", cv::getNumThreads(), gbs);
    for (const Operator* op : allOperators())
        if (wanted.empty() || wanted.count(op->name()))
            benchmark(*op, gbs);
    if (wanted.empty() || wanted.count("nms"))
        for (const int count : {1000, 10000})
            sortedNms(boxes, count, gbs);
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    try
    {
        return run(argc, argv);
    }
    catch (const std::exception& e)
    {
        std::fprintf(stderr, "error: %s\n", e.what());
        return 1;
    }
}
