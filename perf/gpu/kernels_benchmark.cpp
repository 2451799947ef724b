// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Times of the CUDA kernels by CUDA events, over the large cases of the operators' lists
   (modules/d2det/test/operators), and one check of each at that size.

   usage: d2det_gpu_benchmark [--json FILE] [--filter TEXT] [--runs N] [--small yes|no]

   Every run of an operator gets the next of several sets of inputs and outputs, which together are larger than twice
   the second-level cache, so that no run finds its data there because of the run before. Medians of N runs (default 50)
   after 5 (at most N) that do not count. The size: R50-FPN of 800 x 1344, 256 channels, 1000 RoIs, as in
   perf/README.md. Random RoIs have sides of 16 to 800 pixels, uniform in the logarithm. Bytes are what an operator must
   move at least once.

   The check compares all outputs and gradients with the CPU's fast kernel, which the CPU tests hold to the naive one:
   the naive one would take minutes. Its bounds are those of the operator's tests, relative to max(1, |x|, rms of the
   output): sums of thousands of terms round by the size of the terms, also where they cancel.

   --small yes: the small cases of the lists, to try the program on the emulated device.
   A line of JSON per measurement is added to FILE, when it is made.
   Status: 0 done, 1 an error or a wrong result, 77 there is no CUDA device. */

#include "check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

using namespace d2det_test;
using d2det::test::require;

constexpr int WARM_UP = 5, MAX_SETS = 32;
constexpr size_t COPY_BYTES = size_t(1) << 30;

void require(cuda::Status status, const char* what)
{
    if (status != cuda::Status::SUCCESS)
        throw std::runtime_error(std::string(what) + ": " + cuda::statusString(status));
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
        }
        workspaceBytes_ = backward ? p.backwardWorkspace() : p.workspace();
        workspace_ = add(workspaceBytes_ / sizeof(float) + 1);
        Floats().swap(p.upstream);
    }
    cuda::Status run() const
    {
        return backward_ ? problem_->onDeviceBackward(arguments_, {workspace_, workspaceBytes_})
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

struct Options
{
    std::string json, filter;
    int runs = 50;
    bool small = false;
};

struct Times
{
    double median, fastest;
};

//! Of the function, called with the number of the run.
Times measure(int runs, const std::function<void(int)>& body)
{
    cudaEvent_t start, stop;
    require(cudaEventCreate(&start), "cudaEventCreate");
    require(cudaEventCreate(&stop), "cudaEventCreate");
    std::vector<float> times;
    const int warmUp = std::min(WARM_UP, runs);
    for (int i = 0; i < warmUp + runs; i++)
    {
        float milliseconds = 0;
        require(cudaEventRecord(start, nullptr), "cudaEventRecord");
        body(i);
        require(cudaEventRecord(stop, nullptr), "cudaEventRecord");
        require(cudaEventSynchronize(stop), "cudaEventSynchronize");
        require(cudaEventElapsedTime(&milliseconds, start, stop), "cudaEventElapsedTime");
        if (i >= warmUp)
            times.push_back(milliseconds);
    }
    cudaEventDestroy(start);
    cudaEventDestroy(stop);
    std::sort(times.begin(), times.end());
    return {times[times.size() / 2], times[0]};
}

int cacheBytes()
{
    int bytes = 0;
    require(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, 0), "cudaDeviceGetAttribute");
    return bytes;
}

// ------------------------------------------------------------------ check

struct Checked
{
    bool right = true;
    double error = 0;  //!< the largest, in units of what is allowed
    std::string what;  //!< what is wrong
};

void checkValues(const std::string& name, const Floats& expected, const Floats& got, double tolerance, Checked& c)
{
    std::string wrong;
    if (tolerance == SAME_BITS || expected.size() != got.size())
        wrong = difference(expected, got, SAME_BITS);
    else
    {
        double squares = 0;
        for (const float e : expected)
            squares += std::isfinite(e) ? double(e) * e : 0;
        const double rms = std::sqrt(squares / std::max<size_t>(expected.size(), 1));
        double worst = 0;
        for (size_t i = 0; i < expected.size(); i++)
        {
            const double e = expected[i], scale = std::max({1., std::abs(e), rms});
            if (expected[i] == got[i] || (std::isnan(expected[i]) && std::isnan(got[i])))
                continue;
            const double error = std::abs(e - got[i]) / scale / tolerance;
            worst = error <= worst ? worst : error;  // NaN stays
        }
        c.error = worst <= c.error ? c.error : worst;
        if (!(worst <= 1))
            wrong =
                "off by " + std::to_string(worst) + " times what is allowed; " + difference(expected, got, tolerance);
    }
    if (wrong.empty())
        return;
    c.right = false;
    c.what += (c.what.empty() ? "" : "; ") + name + ": " + wrong;
}

Checked check(const Problem& p)
{
    Checked c;
    const Results expected = runFast(p), got = d2det::test::OnDevice(p).run();
    for (size_t i = 0; i < p.outputs.size(); i++)
        checkValues(p.outputs[i].name, expected.outputs.at(i), got.outputs.at(i), p.outputs[i].cuda, c);
    for (size_t i = 0; i < p.gradients.size(); i++)
        checkValues("gradient of " + p.inputs[p.gradients[i].input].name, expected.gradients.at(i), got.gradients.at(i),
                    p.gradients[i].cuda, c);
    return c;
}

// ------------------------------------------------------------------ output

//! A line of the table and one of JSON, which holds plain names only: they are those of the lists.
void report(const Options& options, const std::string& name, const Times& t, double bytes, double flop, size_t sets,
            const Checked& c)
{
    std::printf("%-52s %9.4f %9.4f %9.1f %9.0f %9.1f  %s\n", name.c_str(), t.median, t.fastest, bytes / 1e6,
                bytes / 1e6 / t.median, flop / 1e9 / t.median, c.right ? "right" : "WRONG");
    if (!c.right)
        std::printf("    wrong: %s\n", c.what.c_str());
    std::fflush(stdout);
    if (options.json.empty())
        return;
    char error[40] = "null";  // JSON has no NaN
    if (std::isfinite(c.error))
        std::snprintf(error, sizeof(error), "%.4g", c.error);
    std::FILE* file = std::fopen(options.json.c_str(), "a");
    if (!file ||
        std::fprintf(file,
                     "{\"what\": \"kernel\", \"name\": \"%s\", \"median_ms\": %.5f, \"fastest_ms\": %.5f, "
                     "\"megabytes\": %.3f, \"gigaflop\": %.3f, \"sets\": %d, \"right\": %s, "
                     "\"error_of_allowed\": %s}\n",
                     name.c_str(), t.median, t.fastest, bytes / 1e6, flop / 1e9, static_cast<int>(sets),
                     c.right ? "true" : "false", error) < 0 ||
        std::fclose(file) != 0)
        throw std::runtime_error("cannot write " + options.json);
}

// ------------------------------------------------------------------ operators

//! What the memory does at best: bytes read and bytes written.
void copyOnDevice(const Options& options)
{
    const size_t bytes = options.small ? COPY_BYTES >> 8 : COPY_BYTES;
    const Array from(bytes / sizeof(float)), to(bytes / sizeof(float));
    require(cudaMemset(from.data(), 1, bytes), "cudaMemset");
    const Times times = measure(
        options.runs, [&](int)
        { require(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, nullptr), "copy"); });
    report(options, "copy on the device", times, 2. * static_cast<double>(bytes), 0, 1, Checked());
}

bool measureCase(const Options& options, const Operator& op, size_t index, const std::string& name)
{
    const std::vector<std::string> passes{op.name() + " " + name, op.name() + " backward " + name};
    const bool wanted[2] = {passes[0].find(options.filter) != std::string::npos,
                            op.differentiable() && passes[1].find(options.filter) != std::string::npos};
    if (!wanted[0] && !wanted[1])
        return true;
    const Checked checked = check(*op.make(index, 1));
    for (const bool backward : {false, true})
    {
        if (!wanted[backward])
            continue;
        std::vector<std::unique_ptr<Set>> sets;
        size_t bytes = 0;
        double moved = 0, flop = 0;
        while (sets.empty() || (sets.size() < MAX_SETS && bytes < 2 * static_cast<size_t>(cacheBytes())))
        {
            std::unique_ptr<Problem> problem = op.make(index, sets.size() + 1);
            moved = problem->moved(backward);
            flop = backward ? 0 : problem->flop();
            sets.push_back(std::make_unique<Set>(std::move(problem), backward));
            bytes += sets.back()->bytes();
        }
        const std::string& pass = passes[backward];
        const Times times =
            measure(options.runs, [&](int i) { require(sets[size_t(i) % sets.size()]->run(), pass.c_str()); });
        report(options, pass, times, moved, flop, sets.size(), checked);
    }
    return checked.right;
}

//! Every case as if it were alone: an error of one must not cost the others.
int measureAll(const Options& options)
{
    int wrong = 0;
    for (const Operator* op : allOperators())
    {
        const std::vector<CaseInfo> cases = op->cases();
        for (size_t i = 0; i < cases.size(); i++)
        {
            if (cases[i].large == options.small || cases[i].cpuOnly)
                continue;
            try
            {
                wrong += !measureCase(options, *op, i, cases[i].name);
            }
            catch (const std::exception& error)
            {
                std::printf("%s %s: %s\n", op->name().c_str(), cases[i].name.c_str(), error.what());
                wrong++;
            }
        }
    }
    return wrong;
}

int run(int argc, char** argv)
{
    Options options;
    for (int i = 1; i < argc; i += 2)
    {
        const std::string option = argv[i];
        if (i + 1 == argc)
            throw std::runtime_error("the value of " + option + " is missing");
        const std::string value = argv[i + 1];
        if (option == "--json")
            options.json = value;
        else if (option == "--filter")
            options.filter = value;
        else if (option == "--runs")
            options.runs = std::max(std::atoi(value.c_str()), 1);
        else if (option == "--small" && (value == "yes" || value == "no"))
            options.small = value == "yes";
        else
            throw std::runtime_error("unknown: " + option + " " + value +
                                     "; known: --json FILE, --filter TEXT, --runs N, --small yes|no");
    }
    const char* reason = "";
    if (cuda::deviceCount(&reason) == 0)
    {
        std::printf("SKIPPED: no CUDA device: %s\n", reason);
        return 77;
    }
    cudaDeviceProp device;
    require(cudaGetDeviceProperties(&device, 0), "cudaGetDeviceProperties");
    std::printf("%s, %d multiprocessors, second-level cache of %d bytes\n%-52s %9s %9s %9s %9s %9s  %s\n", device.name,
                device.multiProcessorCount, cacheBytes(), "operator", "median ms", "fastest", "MB", "GB/s", "TFLOP/s",
                "result");
    copyOnDevice(options);
    const int wrong = measureAll(options);
    if (wrong > 0)
        std::printf("%d cases are wrong or could not run\n", wrong);
    return wrong > 0;
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
