// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Times of the CUDA kernels by CUDA events.

   usage: d2det_gpu_benchmark [--json FILE] [--filter TEXT] [--runs N]

   Every run of an operator gets the next of several sets of inputs and outputs, which together are larger than twice the
   second-level cache, so that no run finds its data there because of the run before. Medians of N runs (default 50) after
   5 that do not count. The size: R50-FPN of 800 x 1344, 256 channels, 1000 RoIs, as in perf/README.md. Random RoIs have
   sides of 16 to 800 pixels, uniform in the logarithm. Bytes are what an operator must move at least once. */

#include "kernels/adaptive_weighted_pool.hpp"
#include "kernels/deform_roi_pool.hpp"
#include "kernels/dense_box_decode.hpp"
#include "kernels/detections.hpp"
#include "kernels/gather_rows.hpp"
#include "kernels/instance_norm.hpp"
#include "kernels/nms.hpp"
#include "kernels/proposal.hpp"
#include "kernels/roi_align.hpp"
#include "kernels/roi_conv.hpp"

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

namespace cuda = cv::d2det::cuda;
namespace kernels = cv::d2det::kernels;

constexpr int WARM_UP = 5, MAX_SETS = 32;
constexpr int IMAGE_WIDTH = 1344, IMAGE_HEIGHT = 800, CHANNELS = 256, LEVELS = 4;

void require(int status, const char* what)
{
    if (status != cuda::Status::SUCCESS)
        throw std::runtime_error(std::string(what) + ": " + cuda::statusString(status));
}

std::mt19937& generator()
{
    static std::mt19937 instance(1);
    return instance;
}

float uniform(float low, float high)
{
    return std::uniform_real_distribution<float>(low, high)(generator());
}

//! Floats on the device. Large arrays repeat a random piece: what they hold does not change how long it takes.
class Array
{
public:
    explicit Array(size_t count) : bytes_(count * sizeof(float))
    {
        require(cudaMalloc(reinterpret_cast<void**>(&data_), std::max<size_t>(bytes_, 1)), "cudaMalloc");
    }
    explicit Array(const std::vector<float>& values) : Array(values.size()) { copy(values, 0); }
    Array(size_t count, float low, float high) : Array(count)
    {
        std::vector<float> piece(std::min<size_t>(count, 1 << 20));
        for (float& v : piece)
            v = uniform(low, high);
        for (size_t begin = 0; begin < count; begin += piece.size())
        {
            piece.resize(std::min(piece.size(), count - begin));
            copy(piece, begin);
        }
    }
    ~Array() { cudaFree(data_); }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;

    float* data() const { return data_; }
    size_t bytes() const { return bytes_; }

private:
    void copy(const std::vector<float>& values, size_t begin)
    {
        require(cudaMemcpy(data_ + begin, values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice),
                "cudaMemcpy");
    }
    float* data_ = nullptr;
    size_t bytes_;
};

//! Arrays of one set; the set is what a run of an operator works on.
class Set
{
public:
    template <typename... Args>
    float* add(Args&&... args)
    {
        arrays_.push_back(std::make_unique<Array>(std::forward<Args>(args)...));
        return arrays_.back()->data();
    }
    size_t bytes() const
    {
        size_t sum = 0;
        for (const auto& array : arrays_)
            sum += array->bytes();
        return sum;
    }

private:
    std::vector<std::unique_ptr<Array>> arrays_;
};

//! Fills a set and returns what runs the operator on it.
typedef std::function<std::function<int()>(Set&)> Maker;

struct Result
{
    std::string name;
    double median, fastest, megabytes, gigaflop;
    int sets;
};

struct Options
{
    std::string json, filter;
    int runs = 50;
};

int cacheBytes()
{
    int bytes = 0;
    require(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, 0), "cudaDeviceGetAttribute");
    return bytes;
}

Result measure(const std::string& name, double gigaflop, double megabytes, int runs, const Maker& make)
{
    std::vector<std::unique_ptr<Set>> sets;
    std::vector<std::function<int()>> operators;
    size_t bytes = 0;
    while (sets.size() < 2 || (sets.size() < MAX_SETS && bytes < 2 * static_cast<size_t>(cacheBytes())))
    {
        sets.push_back(std::make_unique<Set>());
        operators.push_back(make(*sets.back()));
        bytes += sets.back()->bytes();
    }
    cudaEvent_t start, stop;
    require(cudaEventCreate(&start), "cudaEventCreate");
    require(cudaEventCreate(&stop), "cudaEventCreate");
    std::vector<float> times;
    for (int i = 0; i < WARM_UP + runs; i++)
    {
        float milliseconds = 0;
        require(cudaEventRecord(start), "cudaEventRecord");
        require(operators[i % operators.size()](), name.c_str());
        require(cudaEventRecord(stop), "cudaEventRecord");
        require(cudaEventSynchronize(stop), name.c_str());
        require(cudaEventElapsedTime(&milliseconds, start, stop), "cudaEventElapsedTime");
        if (i >= WARM_UP)
            times.push_back(milliseconds);
    }
    cudaEventDestroy(start);
    cudaEventDestroy(stop);
    std::sort(times.begin(), times.end());
    return {name, times[times.size() / 2], times[0], megabytes, gigaflop, static_cast<int>(sets.size())};
}

// ------------------------------------------------------------------ inputs

int mapHeight(int level)
{
    return IMAGE_HEIGHT / (4 << level);
}
int mapWidth(int level)
{
    return IMAGE_WIDTH / (4 << level);
}

size_t mapCells()
{
    size_t cells = 0;
    for (int i = 0; i < LEVELS; i++)
        cells += static_cast<size_t>(mapHeight(i)) * mapWidth(i);
    return cells;
}

kernels::FeaturePyramid<float> pyramid(Set& set)
{
    kernels::FeaturePyramid<float> maps;
    maps.levels = LEVELS;
    maps.batch = 1;
    maps.channels = CHANNELS;
    for (int i = 0; i < LEVELS; i++)
    {
        maps.height[i] = mapHeight(i);
        maps.width[i] = mapWidth(i);
        maps.stride[i] = static_cast<float>(4 << i);
        maps.data[i] = set.add(static_cast<size_t>(CHANNELS) * mapHeight(i) * mapWidth(i), -1.f, 1.f);
    }
    return maps;
}

std::vector<float> randomRois(int count)
{
    std::vector<float> rois;
    for (int i = 0; i < count; i++)
    {
        const float w = std::exp(uniform(std::log(16.f), std::log(800.f)));
        const float h = std::exp(uniform(std::log(16.f), std::log(800.f)));
        const float x = uniform(0.f, std::max(IMAGE_WIDTH - w, 1.f)), y = uniform(0.f, std::max(IMAGE_HEIGHT - h, 1.f));
        for (const float v : {0.f, x, y, std::min(x + w, float(IMAGE_WIDTH)), std::min(y + h, float(IMAGE_HEIGHT))})
            rois.push_back(v);
    }
    return rois;
}

std::vector<float> randomBoxes(int count)
{
    const std::vector<float> rois = randomRois(count);
    std::vector<float> boxes;
    for (int i = 0; i < count; i++)
        boxes.insert(boxes.end(), rois.begin() + 5 * i + 1, rois.begin() + 5 * i + 5);
    return boxes;
}

double megabytes(double floats)
{
    return floats * sizeof(float) / 1e6;
}

// ------------------------------------------------------------------ operators

class Benchmark
{
public:
    explicit Benchmark(const Options& options) : options_(options) {}

    void run()
    {
        for (const int size : {7, 14})
        {
            align(size, false);
            align(size, true);
            deform(size, false);
            deform(size, true);
        }
        planes();
        boxes();
        convolutions();
    }
    const std::vector<Result>& results() const { return results_; }

private:
    static constexpr int ROIS = 1000;

    void add(const std::string& name, double gigaflop, double minimum, const Maker& make)
    {
        if (name.find(options_.filter) == std::string::npos)
            return;
        const Result r = measure(name, gigaflop, minimum, options_.runs, make);
        std::printf("%-44s %9.4f %9.4f %9.1f %9.0f %9.1f\n", r.name.c_str(), r.median, r.fastest, r.megabytes,
                    r.megabytes / r.median, r.gigaflop / r.median);
        std::fflush(stdout);
        results_.push_back(r);
    }

    static std::string sized(const char* name, int size, bool backward)
    {
        return std::string(name) + (backward ? " backward " : " ") + std::to_string(size) + "x" + std::to_string(size);
    }

    //! Gradients of the maps, in the set.
    static std::shared_ptr<std::vector<float*>> gradients(Set& set)
    {
        auto pointers = std::make_shared<std::vector<float*>>();
        for (int i = 0; i < LEVELS; i++)
            pointers->push_back(set.add(static_cast<size_t>(CHANNELS) * mapHeight(i) * mapWidth(i)));
        return pointers;
    }

    void align(int size, bool backward)
    {
        const size_t n = static_cast<size_t>(ROIS) * CHANNELS * size * size;
        const double moved = megabytes(static_cast<double>(mapCells()) * CHANNELS + n);
        add(sized("roi_align", size, backward), 0, moved,
            [=](Set& set) -> std::function<int()>
            {
                kernels::RoIAlignParams p;
                p.pooledHeight = p.pooledWidth = size;
                p.samplingRatio = 2;
                const kernels::FeaturePyramid<float> maps = pyramid(set);
                float *rois = set.add(randomRois(ROIS)), *pooled = set.add(n, -1.f, 1.f);
                if (!backward)
                    return [=] { return cuda::roiAlign(p, {maps, rois, ROIS}, pooled, nullptr); };
                const auto grads = gradients(set);
                return [=] { return cuda::roiAlignBackward(p, {maps, rois, ROIS}, pooled, grads->data(), nullptr); };
            });
    }

    void deform(int size, bool backward)
    {
        const size_t n = static_cast<size_t>(ROIS) * CHANNELS * size * size;
        const double moved = megabytes(static_cast<double>(mapCells()) * CHANNELS * (backward ? 2 : 1) + n);
        add(sized("deform_roi_pool", size, backward), 0, moved,
            [=](Set& set) -> std::function<int()>
            {
                kernels::DeformRoIPoolParams p;
                p.pooledSize = size;
                const kernels::FeaturePyramid<float> maps = pyramid(set);
                float *rois = set.add(randomRois(ROIS)), *offsets = set.add(size_t(ROIS) * 98, -1.f, 1.f);
                float* pooled = set.add(n, -1.f, 1.f);
                if (!backward)
                    return [=] { return cuda::deformRoIPool(p, {maps, rois, ROIS, offsets}, pooled, nullptr); };
                const auto grads = gradients(set);
                float* gradOffsets = set.add(size_t(ROIS) * 98);
                return [=] {
                    return cuda::deformRoIPoolBackward(p, {maps, rois, ROIS, offsets}, pooled, grads->data(),
                                                       gradOffsets, nullptr);
                };
            });
    }

    void planes()
    {
        constexpr int PLANES = ROIS * CHANNELS, SIDE = 14;
        const size_t cells = static_cast<size_t>(PLANES) * SIDE * SIDE, pooled = cells / 4;
        add("adaptive_weighted_pool 14x14", 0, megabytes(2. * cells + pooled),
            [=](Set& set) -> std::function<int()>
            {
                float *F = set.add(cells, -1.f, 1.f), *N = set.add(cells, -2.f, 2.f), *out = set.add(pooled);
                return [=] { return cuda::adaptiveWeightedPool({12.f, PLANES, SIDE, SIDE}, F, N, out, nullptr); };
            });
        add("adaptive_weighted_pool backward 14x14", 0, megabytes(4. * cells + pooled),
            [=](Set& set) -> std::function<int()>
            {
                float *F = set.add(cells, -1.f, 1.f), *N = set.add(cells, -2.f, 2.f),
                      *grad = set.add(pooled, -1.f, 1.f);
                float *gradF = set.add(cells), *gradN = set.add(cells);
                return [=] {
                    return cuda::adaptiveWeightedPoolBackward({12.f, PLANES, SIDE, SIDE}, F, N, grad, {gradF, gradN},
                                                              nullptr);
                };
            });
        add("instance_norm 14x14", 0, megabytes(2. * cells),
            [=](Set& set) -> std::function<int()>
            {
                float *X = set.add(cells, -1.f, 1.f), *Y = set.add(cells);
                float *scale = set.add(size_t(CHANNELS), -1.f, 1.f), *bias = set.add(size_t(CHANNELS), -1.f, 1.f);
                return [=] {
                    return cuda::instanceNorm({1e-5f, ROIS, CHANNELS, SIDE * SIDE}, X, scale, bias, Y, nullptr);
                };
            });
    }

    void boxes()
    {
        add("dense_box_decode 125 rois", 0, megabytes(125 * 49 * 5.),
            [](Set& set) -> std::function<int()>
            {
                float *rois = set.add(randomRois(125)), *offsets = set.add(size_t(125) * 196, 0.f, 1.f);
                float *overlap = set.add(size_t(125) * 49, -2.f, 2.f), *out = set.add(size_t(500));
                float* info = set.add(std::vector<float>{IMAGE_HEIGHT, IMAGE_WIDTH, 1.f});
                return [=] {
                    return cuda::denseBoxDecode({}, {rois, offsets, overlap, info, 125, 7, 1}, out, nullptr);
                };
            });
        for (const int n : {1000, 10000})
            add("nms hard " + std::to_string(n), 0, megabytes(4. * n),
                [n](Set& set) -> std::function<int()>
                {
                    float* in = set.add(randomBoxes(n));
                    int* kept = reinterpret_cast<int*>(set.add(size_t(n) + 1));
                    return [=] { return cuda::hardNms({0.7f, false, 0}, in, n, {kept, kept + n}, nullptr); };
                });
        proposals();
        for (const kernels::NMSMode mode : {kernels::NMSMode::HARD, kernels::NMSMode::SOFT_GAUSSIAN})
            detections(mode);
    }

    void proposals()
    {
        constexpr int RPN_LEVELS = 5;
        double cells = 0;
        for (int i = 0; i < RPN_LEVELS; i++)
            cells += std::ceil(IMAGE_HEIGHT / double(4 << i)) * std::ceil(IMAGE_WIDTH / double(4 << i));
        add("proposal 5 levels", 0, megabytes(cells * 15),
            [](Set& set) -> std::function<int()>
            {
                kernels::ProposalParams p;
                kernels::RpnMaps maps;
                maps.levels = RPN_LEVELS;
                maps.batch = 1;
                for (int i = 0; i < RPN_LEVELS; i++)
                {
                    maps.height[i] = (IMAGE_HEIGHT + (4 << i) - 1) / (4 << i);
                    maps.width[i] = (IMAGE_WIDTH + (4 << i) - 1) / (4 << i);
                    maps.stride[i] = static_cast<float>(4 << i);
                    const size_t n = static_cast<size_t>(maps.height[i]) * maps.width[i];
                    maps.cls[i] = set.add(3 * n, -4.f, 1.f);
                    maps.box[i] = set.add(12 * n, -0.3f, 0.3f);
                }
                float* info = set.add(std::vector<float>{IMAGE_HEIGHT, IMAGE_WIDTH, 1.f});
                float *rois = set.add(size_t(5000)), *scores = set.add(size_t(1000));
                const size_t bytes = cuda::proposalWorkspace(p, maps);
                float* workspace = set.add(bytes / 4 + 1);
                return [=] { return cuda::proposal(p, maps, info, {rois, scores}, {workspace, bytes}, nullptr); };
            });
    }

    void detections(kernels::NMSMode mode)
    {
        const bool hard = mode == kernels::NMSMode::HARD;
        add(hard ? "detections hard 1000 x 80" : "detections soft gaussian 1000 x 80", 0, megabytes(86. * ROIS),
            [mode](Set& set) -> std::function<int()>
            {
                kernels::DetectionsParams p;
                p.nmsMode = mode;
                std::vector<float> probs(size_t(ROIS) * 81);
                for (float& v : probs)
                    v = std::pow(uniform(0.f, 1.f), 40.f);  // 7 % of the scores pass the threshold
                float *rois = set.add(randomRois(ROIS)), *scores = set.add(probs), *out = set.add(size_t(700));
                const size_t bytes = cuda::detectionsWorkspace(p, {nullptr, 5, nullptr, 81, ROIS});
                float* workspace = set.add(bytes / 4 + 1);
                return [=] {
                    return cuda::detections(p, {rois, 5, scores, 81, ROIS}, {out}, {workspace, bytes}, nullptr);
                };
            });
    }

    void convolutions()
    {
        kernels::RoIConvParams p;
        p.inChannels = p.outChannels = CHANNELS;
        p.weightSets = LEVELS;
        p.relu = true;
        conv("roi_conv 3x3 256 -> 256, 14x14, a set per level", p, ROIS, 14);
        p.normGroups = CHANNELS;
        conv("roi_conv 3x3 with instance norm, 14x14", p, ROIS, 14);
        p = kernels::RoIConvParams();
        p.inChannels = CHANNELS;
        p.outChannels = 1024;
        p.kernelHeight = p.kernelWidth = 7;
        p.pad = 0;
        conv("roi_conv fully connected 12544 -> 1024", p, ROIS, 7);
    }

    void conv(const std::string& name, const kernels::RoIConvParams& p, int rois, int side)
    {
        const int out = kernels::outputLength(side, p.pad, p.kernelHeight, p.stride);
        const size_t in = static_cast<size_t>(rois) * p.inChannels * side * side;
        const size_t outputs = static_cast<size_t>(rois) * p.outChannels * out * out;
        const size_t weights =
            static_cast<size_t>(p.weightSets) * p.outChannels * p.inChannels * p.kernelHeight * p.kernelWidth;
        const double gigaflop = 2e-9 * outputs * p.inChannels * p.kernelHeight * p.kernelWidth;
        add(name, gigaflop, megabytes(static_cast<double>(in) + outputs + weights),
            [=](Set& set) -> std::function<int()>
            {
                float *X = set.add(in, -1.f, 1.f), *weight = set.add(weights, -0.1f, 0.1f), *Y = set.add(outputs);
                float *boxes = set.add(randomRois(rois)),
                      *bias = set.add(size_t(p.weightSets) * p.outChannels, -1.f, 1.f);
                const size_t bytes = cuda::roiConvWorkspace(p, rois, side, side);
                float* workspace = set.add(bytes / 4 + 1);
                return [=]
                {
                    return cuda::roiConv(p, {X, boxes, rois, side, side, weight, bias, nullptr, nullptr, nullptr}, Y,
                                         {workspace, bytes}, nullptr);
                };
            });
    }

    Options options_;
    std::vector<Result> results_;
};

void writeJson(const std::string& path, const cudaDeviceProp& device, const std::vector<Result>& results)
{
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (!file)
        throw std::runtime_error("cannot write " + path);
    std::fprintf(file, "{\"device\": \"%s\", \"compute_capability\": \"%d.%d\", \"l2_bytes\": %d, \"kernels\": [",
                 device.name, device.major, device.minor, cacheBytes());
    for (size_t i = 0; i < results.size(); i++)
        std::fprintf(
            file,
            "%s\n  {\"name\": \"%s\", \"median_ms\": %.5f, \"fastest_ms\": %.5f, \"megabytes\": %.3f, \"gigaflop\": "
            "%.3f, \"sets\": %d}",
            i ? "," : "", results[i].name.c_str(), results[i].median, results[i].fastest, results[i].megabytes,
            results[i].gigaflop, results[i].sets);
    std::fprintf(file, "\n]}\n");
    if (std::fclose(file) != 0)
        throw std::runtime_error("cannot write " + path);
}

int run(int argc, char** argv)
{
    Options options;
    for (int i = 1; i + 1 < argc; i += 2)
    {
        const std::string option = argv[i], value = argv[i + 1];
        if (option == "--json")
            options.json = value;
        else if (option == "--filter")
            options.filter = value;
        else if (option == "--runs")
            options.runs = std::max(std::atoi(value.c_str()), 1);
        else
            throw std::runtime_error("unknown option " + option + "; known: --json --filter --runs");
    }
    const char* reason = "";
    if (cuda::deviceCount(&reason) == 0)
    {
        std::printf("SKIPPED: no CUDA device: %s\n", reason);
        return 77;
    }
    cudaDeviceProp device;
    require(cudaGetDeviceProperties(&device, 0), "cudaGetDeviceProperties");
    std::printf("%s\n%-44s %9s %9s %9s %9s %9s\n", device.name, "operator", "median ms", "fastest", "MB", "GB/s",
                "TFLOP/s");
    Benchmark benchmark(options);
    benchmark.run();
    if (!options.json.empty())
        writeJson(options.json, device, benchmark.results());
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    try
    {
        return run(argc, argv);
    }
    catch (const std::exception& error)
    {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 1;
    }
}
