// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Times the CPU kernels whose counterparts exist elsewhere, over the large entries of the one table of shapes, and says what
   memory bandwidth alone would allow. perf/compare_peers.sh runs it beside torchvision on the same RoIs and boxes.

   usage: d2det_kernels_benchmark THREADS [FOLDER]    writes rois.f32 [1000, 5] and boxes.f32 [10000, 5] (with scores)
                                                       to FOLDER for the peers
   Output: CSV, one line per kernel: name, threads, median ms, ms that bandwidth allows (empty: not bound by it). */

#include "kernels/deform_roi_pool.hpp"
#include "kernels/nms.hpp"
#include "kernels/proposal.hpp"
#include "kernels/roi_align.hpp"
#include "kernels/sort_key.hpp"
#include "shapes.hpp"

#include <opencv2/core/utility.hpp>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace
{

using namespace cv::d2det::kernels;
using opencv_test::PoolingShape;

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

//! Feature maps P2.. of a shape with random values.
struct Maps
{
    Maps(const PoolingShape& s, cv::RNG& rng) : pyramid(opencv_test::makePyramid<float>(s))
    {
        for (int i = 0; i < s.levels; i++)
        {
            values.emplace_back(s.mapCount(i));
            cv::Mat row(1, static_cast<int>(values.back().size()), CV_32F, values.back().data());
            rng.fill(row, cv::RNG::UNIFORM, -1., 1.);
            pyramid.data[i] = values.back().data();
            bytes += values.back().size() * sizeof(float);
        }
    }
    std::vector<std::vector<float>> values;
    FeaturePyramid<float> pyramid;
    double bytes = 0;
};

PoolingShape largeShape(const std::string& name)
{
    for (const PoolingShape& s : opencv_test::poolingShapes(true))
        if (name == s.name)
            return s;
    throw std::runtime_error("no shape " + name);
}

void pooling(const std::string& shapeName, const std::vector<float>& rois, double gbs)
{
    cv::RNG rng(2);
    const PoolingShape s = largeShape(shapeName);
    const Maps maps(s, rng);
    const int K = s.pooledSize, count = static_cast<int>(rois.size() / 5);
    std::vector<float> output(static_cast<size_t>(count) * s.channels * K * K);
    const double bytes = maps.bytes + output.size() * sizeof(float);
    const std::string size = cv::format(" %dx%d", K, K);
    RoIAlignParams align;
    align.pooledHeight = align.pooledWidth = K;
    align.samplingRatio = s.samplingRatio;
    report("roi_align" + size,
           time(
               [&] {
                   roiAlignCpu(align, {maps.pyramid, rois.data(), count}, output.data());
               }),
           bytes, gbs);
    DeformRoIPoolParams deform;
    deform.pooledSize = K;
    deform.offsetSize = s.offsetSize;
    deform.samplingRatio = s.samplingRatio;
    std::vector<float> offsets(static_cast<size_t>(count) * 2 * s.offsetSize * s.offsetSize);
    for (float& v : offsets)
        v = rng.uniform(-1.f, 1.f);
    report("deform_roi_pool" + size,
           time(
               [&] {
                   deformRoIPoolCpu(deform, {maps.pyramid, rois.data(), count, offsets.data()}, output.data());
               }),
           bytes, gbs);
}

void nms(const std::vector<float>& boxes, int count, double gbs)
{
    std::vector<float> scores(count);
    for (int i = 0; i < count; i++)
        scores[i] = boxes[size_t(i) * 5 + 4];
    report(cv::format("nms %d", count),
           time(
               [&]
               {
                   const std::vector<int> order = sortDescending(scores.data(), count);
                   std::vector<float> sorted(size_t(count) * 4);
                   for (int i = 0; i < count; i++)
                       std::memcpy(&sorted[size_t(i) * 4], &boxes[size_t(order[i]) * 5], 4 * sizeof(float));
                   hardNmsCpu({0.5f, false, 0}, sorted.data(), count);
               }),
           0, gbs);
}

//! All five levels of a picture of 800x1344, 1000 boxes per level before NMS and 1000 in all.
void proposals(double gbs)
{
    cv::RNG rng(3);
    RpnMaps maps;
    maps.levels = 5;
    maps.batch = 1;
    std::vector<std::vector<float>> values;
    for (int i = 0; i < maps.levels; i++)
    {
        maps.stride[i] = static_cast<float>(4 << i);
        maps.height[i] = (800 + (4 << i) - 1) / (4 << i);
        maps.width[i] = (1344 + (4 << i) - 1) / (4 << i);
        const size_t area = static_cast<size_t>(maps.height[i]) * maps.width[i];
        for (size_t channels : {3, 12})
        {
            values.emplace_back(channels * area);
            for (float& v : values.back())
                v = static_cast<float>(rng.gaussian(channels == 3 ? 2. : 0.3));
            (channels == 3 ? maps.cls : maps.box)[i] = values.back().data();
        }
    }
    const ProposalParams p;
    const float info[3] = {800, 1333, 1};
    std::vector<float> rois(1000 * 5), scores(1000);
    report("proposals 800x1344", time([&] { proposalCpu(p, maps, info, {rois.data(), scores.data()}); }), 0, gbs);
}

//! Boxes that overlap as those of a detector do: a few hundred objects, each found many times.
std::vector<float> detectorLikeBoxes(int count, cv::RNG& rng)
{
    std::vector<float> boxes;
    for (int i = 0; i < count; i++)
    {
        cv::RNG object(static_cast<uint64>(rng.uniform(0, 300)) + 1);
        const float w = object.uniform(20.f, 300.f), h = object.uniform(20.f, 300.f);
        const float x = object.uniform(0.f, 1344.f - w) + rng.uniform(-0.2f, 0.2f) * w;
        const float y = object.uniform(0.f, 800.f) + rng.uniform(-0.2f, 0.2f) * h;
        for (float v : {x, y, x + w, y + h, rng.uniform(0.f, 1.f)})
            boxes.push_back(v);
    }
    return boxes;
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
        std::fprintf(stderr, "usage: d2det_kernels_benchmark THREADS [FOLDER]\n");
        return 2;
    }
    cv::setNumThreads(std::atoi(argv[1]));
    cv::RNG rng(1);
    const std::vector<float> rois = opencv_test::randomRois(largeShape("box head"), rng);
    const std::vector<float> boxes = detectorLikeBoxes(10000, rng);
    if (argc > 2)
    {
        save(std::string(argv[2]) + "/rois.f32", rois);
        save(std::string(argv[2]) + "/boxes.f32", boxes);
    }
    const double gbs = bandwidth();
    std::printf("name,threads,ms,bandwidth_ms\nbandwidth GB/s,%d,%.1f,\n", cv::getNumThreads(), gbs);
    pooling("box head", rois, gbs);
    pooling("d2det head", rois, gbs);
    nms(boxes, 1000, gbs);
    nms(boxes, 10000, gbs);
    proposals(gbs);
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
