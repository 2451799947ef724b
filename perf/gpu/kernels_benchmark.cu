// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Times of the CUDA kernels by CUDA events, over the large cases of the operators' lists
   (modules/d2det/test/operators).

   usage: d2det_gpu_benchmark [--json FILE] [--filter TEXT] [--runs N]

   Every run of an operator gets the next of several sets of inputs and outputs, which together are larger than twice
   the second-level cache, so that no run finds its data there because of the run before. Medians of N runs (default 50)
   after 5 that do not count. The size: R50-FPN of 800 x 1344, 256 channels, 1000 RoIs, as in perf/README.md. Random
   RoIs have sides of 16 to 800 pixels, uniform in the logarithm. Bytes are what an operator must move at least once. */

#include "operators/all.hpp"

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

using namespace d2det_test;

constexpr int WARM_UP = 5, MAX_SETS = 32;

void require(cuda::Status status, const char* what)
{
    if (status != cuda::Status::SUCCESS)
        throw std::runtime_error(std::string(what) + ": " + cuda::statusString(status));
}

void require(cudaError_t status, const char* what)
{
    if (status != cudaSuccess)
        throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
}

//! Floats on the device.
class Array
{
public:
    explicit Array(size_t count) : bytes_(count * sizeof(float))
    {
        require(cudaMalloc(reinterpret_cast<void**>(&data_), std::max<size_t>(bytes_, 1)), "cudaMalloc");
    }
    explicit Array(const Floats& values) : Array(values.size())
    {
        require(cudaMemcpy(data_, values.data(), bytes_, cudaMemcpyHostToDevice), "cudaMemcpy");
    }
    ~Array() { cudaFree(data_); }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;

    float* data() const { return data_; }
    size_t bytes() const { return bytes_; }

private:
    float* data_ = nullptr;
    size_t bytes_;
};

//! One problem with its arrays on the device: what a run of an operator works on.
class Set
{
public:
    Set(std::unique_ptr<Problem> problem, bool backward) : problem_(std::move(problem)), backward_(backward)
    {
        Problem& p = *problem_;
        for (Tensor& input : p.inputs)
        {
            arguments_.in.push_back(add(input.values));
            Floats().swap(input.values);  // sizes stay in the shape
        }
        if (backward)
        {
            arguments_.in.push_back(add(p.upstream));
            for (const Gradient& gradient : p.gradients)
                arguments_.out.push_back(add(elements(p.inputs[gradient.input].shape)));
        }
        else
        {
            for (const Output& output : p.outputs)
                arguments_.out.push_back(add(elements(output.shape)));
            workspaceBytes_ = p.workspace();
            workspace_ = add(workspaceBytes_ / sizeof(float) + 1);
        }
        Floats().swap(p.upstream);
    }
    cuda::Status run() const
    {
        return backward_ ? problem_->onDeviceBackward(arguments_)
                         : problem_->onDevice(arguments_, {workspace_, workspaceBytes_});
    }
    size_t bytes() const
    {
        size_t sum = 0;
        for (const auto& array : arrays_)
            sum += array->bytes();
        return sum;
    }

private:
    template <typename What>
    float* add(const What& what)
    {
        arrays_.push_back(std::make_unique<Array>(what));
        return arrays_.back()->data();
    }
    std::unique_ptr<Problem> problem_;
    bool backward_;
    Arguments<float> arguments_;
    std::vector<std::unique_ptr<Array>> arrays_;
    float* workspace_ = nullptr;
    size_t workspaceBytes_ = 0;
};

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

Result measure(const Operator& op, size_t index, const std::string& name, bool backward, int runs)
{
    std::vector<std::unique_ptr<Set>> sets;
    size_t bytes = 0;
    double moved = 0, flop = 0;
    while (sets.size() < 2 || (sets.size() < MAX_SETS && bytes < 2 * static_cast<size_t>(cacheBytes())))
    {
        std::unique_ptr<Problem> problem = op.make(index, sets.size() + 1);
        moved = problem->moved(backward);
        flop = problem->flop();
        sets.push_back(std::make_unique<Set>(std::move(problem), backward));
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
        require(sets[i % sets.size()]->run(), name.c_str());
        require(cudaEventRecord(stop), "cudaEventRecord");
        require(cudaEventSynchronize(stop), name.c_str());
        require(cudaEventElapsedTime(&milliseconds, start, stop), "cudaEventElapsedTime");
        if (i >= WARM_UP)
            times.push_back(milliseconds);
    }
    cudaEventDestroy(start);
    cudaEventDestroy(stop);
    std::sort(times.begin(), times.end());
    return {name, times[times.size() / 2], times[0], moved / 1e6, flop / 1e9, static_cast<int>(sets.size())};
}

// ------------------------------------------------------------------ operators

std::vector<Result> measureAll(const Options& options)
{
    std::vector<Result> results;
    for (const Operator* op : allOperators())
    {
        const std::vector<CaseInfo> cases = op->cases();
        for (const bool backward : {false, true})
            for (size_t i = 0; i < cases.size(); i++)
            {
                const std::string name = op->name() + (backward ? " backward " : " ") + cases[i].name;
                if (!cases[i].large || cases[i].cpuOnly || (backward && !op->differentiable()) ||
                    name.find(options.filter) == std::string::npos)
                    continue;
                const Result r = measure(*op, i, name, backward, options.runs);
                std::printf("%-52s %9.4f %9.4f %9.1f %9.0f %9.1f\n", r.name.c_str(), r.median, r.fastest, r.megabytes,
                            r.megabytes / r.median, r.gigaflop / r.median);
                std::fflush(stdout);
                results.push_back(r);
            }
    }
    return results;
}

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
    std::printf("%s\n%-52s %9s %9s %9s %9s %9s\n", device.name, "operator", "median ms", "fastest", "MB", "GB/s",
                "TFLOP/s");
    const std::vector<Result> results = measureAll(options);
    if (!options.json.empty())
        writeJson(options.json, device, results);
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
