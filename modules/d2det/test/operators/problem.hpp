// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* One list of cases for each operator, <stem>.hpp in this folder, feeds all that is tested and measured of it:

     fast kernel against the naive one, the same bits for any number of threads    modules/d2det/test/test_operators.cpp
     naive gradients against differences                                           modules/d2det/test/test_operators.cpp
     layer against the naive kernel, malformed models and inputs                   modules/d2det/test/test_layers.cpp
     CUDA kernel against the naive one, emulated on the CPU and on a device        test/cuda/test_operators.cpp
     layer's CUDA half                                                             test/cuda_layers
     operator of the trainer: gradients; CUDA branch, emulated and on a device     test/test_ops.cpp, test/support
     time on the CPU and on a device                                               modules/d2det/perf, perf/, perf/gpu

   These drivers know no operator. A new one needs its <stem>.hpp here, a line in all.hpp (without it nothing compiles)
   and, for what is special about it, test_<stem>.cpp. The headers need neither a test framework nor OpenCV, and CUDA
   only if D2DET_TEST_CUDA is defined. They know nothing of the trainer: test/support/operators_in_trainer.hpp maps
   their problems to its operators.

   <stem>.hpp has a type with
     struct Case : CaseInfo                     sizes and parameters
     static std::vector<Case> cases()           small ones and, with `large`, those of benchmarks
     class Problem(const Case&, uint64_t seed)  inputs, and what runs the operator on them; see d2det_test::Problem
     static std::vector<Case> layerCases(int size)   optional: networks of one layer whose lengths grow with `size`

   Every failure prints a line that repeats it. It names the case and the seed by environment variables, which every
   program above reads:
     D2DET_TEST_CASE   "roi_align" or "roi_align:odd maps": only these
     D2DET_TEST_SEED   only this seed in place of the list's own */

#ifndef D2DET_TEST_OPERATORS_PROBLEM_HPP
#define D2DET_TEST_OPERATORS_PROBLEM_HPP

#include "random.hpp"

#include "kernels/common.hpp"
#include "kernels/launcher.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace d2det_test
{

namespace kernels = cv::d2det::kernels;
namespace cuda = cv::d2det::cuda;

constexpr float UNWRITTEN = -12345.678f;  //!< in outputs of the reference; those of others are NaN before they run
constexpr double SAME_BITS = 0;           //!< as a tolerance

typedef std::vector<int> Shape;

inline size_t elements(const Shape& shape)
{
    size_t count = 1;
    for (const int length : shape)
        count *= static_cast<size_t>(length);
    return count;
}

struct Tensor
{
    std::string name;
    Shape shape;
    Floats values;
    bool differentiable = false;
    bool neverHalf = false;  //!< not rounded to a half type: see where it is set
};

/** What an operator writes. Tolerances are relative to max(1, |expected|); SAME_BITS: every bit, NaN included. */
struct Output
{
    std::string name;
    Shape shape;
    double fast, cuda;      //!< tolerance of the fast kernel, of the CUDA kernel
    bool integers = false;  //!< the CUDA kernel writes ints; the CPU's list is given in floats
    int initial = -1;       //!< input that it is a changed copy of
};

//! Gradient of one of the inputs.
struct Gradient
{
    size_t input;
    double fast, cuda;
    bool atomics = false;  //!< the CUDA kernel adds in changing order: last bits vary
};

//! Arrays of one call: all inputs, then the outputs. Backward: inputs and last the output's gradient; gradients.
template <typename T>
struct Arguments
{
    std::vector<const T*> in;
    std::vector<T*> out;
};

//! Attribute of a node.
struct Attribute
{
    enum Kind
    {
        INTEGER,
        REAL,
        TEXT
    };
    std::string name;
    Kind kind;
    std::vector<double> numbers;
    std::string text;
    bool list = false;

    Attribute(const char* n, int value) : name(n), kind(INTEGER), numbers{double(value)} {}
    Attribute(const char* n, double value) : name(n), kind(REAL), numbers{value} {}
    Attribute(const char* n, const char* value) : name(n), kind(TEXT), text(value) {}
    Attribute(const char* n, const std::vector<int>& values)
        : name(n), kind(INTEGER), numbers(values.begin(), values.end()), list(true)
    {
    }
    static Attribute reals(const char* n, const std::vector<float>& values)
    {
        Attribute attribute(n, 0.);
        attribute.numbers.assign(values.begin(), values.end());
        attribute.list = true;
        return attribute;
    }
};

//! The layer of an operator, for tests that go through cv::dnn.
struct LayerTraits
{
    std::vector<Attribute> attributes;
    size_t numConstants = 0;                       //!< so many of the last inputs are constants of the model
    std::vector<std::pair<int, int>> freeLengths;  //!< (input, dimension) whose length no other one fixes
    int anyRank = -1;                              //!< input that may have any rank
    int indices = -1;                              //!< input whose values must name rows of input 0
    int rois = -1;              //!< input of RoIs, where row r of the output is zero if RoI r is not usable
    bool batchIndex = false;    //!< not usable is also a RoI of an image that does not exist
    bool optionalLast = false;  //!< the last input may be left out
};

/** An operator with all that it computes with. Inputs are in the order of the ONNX node. */
class Problem
{
public:
    virtual ~Problem() = default;

    std::vector<Tensor> inputs;
    std::vector<Output> outputs;
    std::vector<Gradient> gradients;  //!< none: the operator is not differentiable
    Floats upstream;                  //!< gradient of outputs[0], if there are gradients
    LayerTraits layer;
    bool inDouble = false;      //!< the reference runs in double: no decision depends on rounding
    bool cudaLikeFast = false;  //!< the naive kernel's own rounding errors are too large to judge the CUDA kernel

    virtual void reference(const Arguments<float>& a) const = 0;
    virtual void referenceInDouble(const Arguments<double>&) const { missing("a reference in double"); }
    virtual void fast(const Arguments<float>& a) const = 0;
    virtual void referenceBackward(const Arguments<float>&) const { missing("a backward pass"); }
    virtual void referenceBackwardInDouble(const Arguments<double>&) const { missing("a backward pass"); }
    virtual void fastBackward(const Arguments<float>&) const { missing("a backward pass"); }
    //! For benchmarks: fast() with what does not change from call to call done before. The arrays outlive the result.
    virtual std::function<void()> prepared(const Arguments<float>& a) const
    {
        return [this, a] { fast(a); };
    }
    //! Clears what the operator leaves unspecified.
    virtual void settle(std::vector<Floats>&) const {}
    //! Floating point operations of the forward pass; 0: memory bounds it.
    virtual double flop() const { return 0; }
    //! Whether the backward pass reads this input.
    virtual bool backwardReads(size_t) const { return true; }

#ifdef D2DET_TEST_CUDA
    virtual size_t workspace() const
    {
        return 0;
    }
    virtual cuda::Status onDevice(const Arguments<float>&, const cuda::Workspace&) const
    {
        missing("a CUDA kernel");
        return cuda::Status::INVALID;
    }
    virtual size_t backwardWorkspace() const
    {
        return 0;
    }
    virtual cuda::Status onDeviceBackward(const Arguments<float>&, const cuda::Workspace&) const
    {
        missing("a backward pass");
        return cuda::Status::INVALID;
    }
#endif

    Tensor& input(const std::string& name)
    {
        for (Tensor& tensor : inputs)
            if (tensor.name == name)
                return tensor;
        throw std::invalid_argument("no input " + name);
    }
    const Tensor& input(const std::string& name) const
    {
        return const_cast<Problem*>(this)->input(name);
    }

    //! Bytes that must be moved at least: every input and output once.
    double moved(bool backward) const
    {
        double floats = 0;
        for (size_t i = 0; i < inputs.size(); i++)
            if (!backward || backwardReads(i))
                floats += static_cast<double>(inputs[i].values.size());
        for (const Output& output : outputs)  // of a backward pass: the upstream gradient
            floats += static_cast<double>(elements(output.shape));
        for (size_t i = 0; backward && i < gradients.size(); i++)
            floats += static_cast<double>(inputs[gradients[i].input].values.size());
        return floats * sizeof(float);
    }

protected:
    //! To be called last by the constructor of a differentiable operator.
    void makeUpstream(Random& random)
    {
        upstream = random.reals(elements(outputs.at(0).shape), -1.f, 1.f);
    }

private:
    static void missing(const char* what)
    {
        throw std::logic_error(std::string("the operator has not ") + what);
    }
};

struct CaseInfo
{
    std::string name;
    bool large = false;     //!< for benchmarks only
    bool gradient = false;  //!< naive and trainer's gradients are compared with differences: small, and smooth there
    bool cudaOnly = false;  //!< not for the CPU's fast kernel
    bool cpuOnly = false;   //!< not for the CUDA kernel (or its emulation, which is slow)
    bool trainer = false;   //!< also as an operator of the trainer
    int rounds = 1;         //!< inputs, and parameters that are drawn with them

    CaseInfo() = default;
    CaseInfo(const std::string& n) : name(n) {}
    CaseInfo(const char* n) : name(n) {}
};

//! One operator with its cases, types erased.
class Operator
{
public:
    virtual ~Operator() = default;
    virtual std::string name() const = 0;       //!< stem of its files
    virtual std::string layerType() const = 0;  //!< of its layer, "" if it has none
    virtual bool differentiable() const = 0;
    virtual std::vector<CaseInfo> cases() const = 0;
    virtual std::vector<CaseInfo> layerCases() const = 0;
    virtual std::unique_ptr<Problem> make(size_t index, uint64_t seed) const = 0;
    virtual std::unique_ptr<Problem> makeLayer(size_t index, int size, uint64_t seed) const = 0;
};

template <typename Op>
class OperatorOf : public Operator
{
public:
    OperatorOf(const char* stem, const char* type) : stem_(stem), type_(type) {}
    std::string name() const override { return stem_; }
    std::string layerType() const override { return type_; }
    bool differentiable() const override
    {
        const auto& all = list();
        return std::any_of(all.begin(), all.end(), [](const CaseInfo& c) { return c.gradient; });
    }
    std::vector<CaseInfo> cases() const override { return infos(list()); }
    std::vector<CaseInfo> layerCases() const override { return infos(layerList<Op>(1, 0)); }
    std::unique_ptr<Problem> make(size_t index, uint64_t seed) const override
    {
        return std::make_unique<typename Op::Problem>(list().at(index), seed);
    }
    std::unique_ptr<Problem> makeLayer(size_t index, int size, uint64_t seed) const override
    {
        return std::make_unique<typename Op::Problem>(layerList<Op>(size, 0).at(index), seed);
    }

private:
    static const std::vector<typename Op::Case>& list()
    {
        static const std::vector<typename Op::Case> all = Op::cases();
        return all;
    }
    template <typename O>
    static auto layerList(int size, int) -> decltype(O::layerCases(size))
    {
        return O::layerCases(size);
    }
    template <typename O>
    static std::vector<typename O::Case> layerList(int, long)
    {
        return {};
    }
    static std::vector<CaseInfo> infos(const std::vector<typename Op::Case>& cases)
    {
        return std::vector<CaseInfo>(cases.begin(), cases.end());
    }
    const char *stem_, *type_;
};

// ------------------------------------------------------------------ selection, repetition

//! What the environment asks for.
struct Selection
{
    std::string name;  //!< "": everything
    bool hasSeed = false;
    uint64_t seed = 1;

    Selection()
    {
        const char *wanted = std::getenv("D2DET_TEST_CASE"), *number = std::getenv("D2DET_TEST_SEED");
        name = wanted ? wanted : "";
        if (!number || !*number)
            return;
        char* end = nullptr;
        errno = 0;
        seed = std::strtoull(number, &end, 10);
        hasSeed = true;
        if (*end || errno)
            throw std::invalid_argument(std::string("D2DET_TEST_SEED is no integer: ") + number);
    }
    bool takes(const std::string& op, const std::string& caseName) const
    {
        return name.empty() || name == op || name == op + ":" + caseName;
    }
};

inline std::string programName()
{
#ifdef __GLIBC__
    return program_invocation_short_name;
#else
    return "PROGRAM";
#endif
}

//! The line that repeats a run; `options` of the program choose the driver.
inline std::string repeatLine(const std::string& op, const std::string& caseName, uint64_t seed,
                              const std::string& options)
{
    return "repeat: D2DET_TEST_CASE='" + op + ":" + caseName + "' D2DET_TEST_SEED=" + std::to_string(seed) + " " +
           programName() + (options.empty() ? "" : " ") + options;
}

//! Whether any list has what D2DET_TEST_CASE asks for.
inline bool selectionExists(const std::vector<const Operator*>& operators)
{
    const Selection selection;
    for (const Operator* op : operators)
    {
        std::vector<CaseInfo> all = op->cases();
        for (const CaseInfo& info : op->layerCases())
            all.push_back(info);
        for (const CaseInfo& info : all)
            if (selection.takes(op->name(), info.name))
                return true;
    }
    return false;
}

/** Calls visit(problem, info, seed) for every wanted run of an operator's cases until it has answered with an error a
    few times. visit returns what is wrong, "" if nothing. Returns the errors with the lines that repeat them, and in
    `runs` how many there were. */
template <typename Wanted, typename Visit>
std::string forEachRun(const Operator& op, const std::string& options, int* runs, Wanted wanted, Visit visit)
{
    constexpr int MAX_ERRORS = 3;
    const Selection selection;
    const std::vector<CaseInfo> cases = op.cases();
    std::string errors;
    int count = 0;
    *runs = 0;
    for (size_t i = 0; i < cases.size(); i++)
    {
        if (!wanted(cases[i]) || !selection.takes(op.name(), cases[i].name))
            continue;
        for (int round = 0; round < (selection.hasSeed ? 1 : cases[i].rounds) && count < MAX_ERRORS; round++)
        {
            const uint64_t seed = selection.seed + static_cast<uint64_t>(round);
            std::string error;
            try
            {
                error = visit(*op.make(i, seed), cases[i], seed);
            }
            catch (const std::exception& e)
            {
                error = std::string("exception: ") + e.what();
            }
            ++*runs;
            if (error.empty())
                continue;
            errors += op.name() + ", " + cases[i].name + ": " + error + "\n" +
                      repeatLine(op.name(), cases[i].name, seed, options) + "\n";
            count++;
        }
    }
    return errors;
}

// ------------------------------------------------------------------ running on the CPU

struct Results
{
    std::vector<Floats> outputs, gradients;
};

template <typename T>
std::vector<std::vector<T>> valuesOf(const std::vector<Tensor>& tensors)
{
    std::vector<std::vector<T>> values;
    for (const Tensor& tensor : tensors)
        values.emplace_back(tensor.values.begin(), tensor.values.end());
    return values;
}

template <typename T>
std::vector<const T*> pointersOf(const std::vector<std::vector<T>>& arrays)
{
    std::vector<const T*> pointers;
    for (const std::vector<T>& array : arrays)
        pointers.push_back(array.data());
    return pointers;
}

//! Arrays of a problem in the precision T, outputs and gradients filled with `poison`.
template <typename T>
struct Arrays
{
    std::vector<std::vector<T>> in, out, grad;
    std::vector<T> upstream;

    Arrays(const Problem& p, T poison) : in(valuesOf<T>(p.inputs)), upstream(p.upstream.begin(), p.upstream.end())
    {
        for (const Output& output : p.outputs)
        {
            out.emplace_back(elements(output.shape), poison);
            if (output.initial >= 0)
                out.back() = in[output.initial];
        }
        for (const Gradient& gradient : p.gradients)
            grad.emplace_back(in[gradient.input].size(), poison);
    }
    Arguments<T> forward() { return {pointersOf(in), writable(out)}; }
    Arguments<T> backward()
    {
        Arguments<T> a{pointersOf(in), writable(grad)};
        a.in.push_back(upstream.data());
        return a;
    }
    Results results(const Problem& p) const
    {
        Results r;
        for (const std::vector<T>& array : out)
            r.outputs.emplace_back(array.begin(), array.end());
        for (const std::vector<T>& array : grad)
            r.gradients.emplace_back(array.begin(), array.end());
        p.settle(r.outputs);
        return r;
    }

private:
    static std::vector<T*> writable(std::vector<std::vector<T>>& arrays)
    {
        std::vector<T*> pointers;
        for (std::vector<T>& array : arrays)
            pointers.push_back(array.data());
        return pointers;
    }
};

inline Results runReference(const Problem& p)
{
    if (p.inDouble)
    {
        Arrays<double> arrays(p, double(UNWRITTEN));
        p.referenceInDouble(arrays.forward());
        if (!p.gradients.empty())
            p.referenceBackwardInDouble(arrays.backward());
        return arrays.results(p);
    }
    Arrays<float> arrays(p, UNWRITTEN);
    p.reference(arrays.forward());
    if (!p.gradients.empty())
        p.referenceBackward(arrays.backward());
    return arrays.results(p);
}

inline Results runFast(const Problem& p)
{
    Arrays<float> arrays(p, NOT_A_NUMBER);
    p.fast(arrays.forward());
    if (!p.gradients.empty())
        p.fastBackward(arrays.backward());
    return arrays.results(p);
}

// ------------------------------------------------------------------ comparing

//! What is wrong with `got`, "" if nothing.
inline std::string difference(const Floats& expected, const Floats& got, double tolerance)
{
    if (expected.size() != got.size())
        return std::to_string(got.size()) + " values, expected " + std::to_string(expected.size());
    size_t bad = 0, first = 0;
    double worst = 0;
    for (size_t i = 0; i < expected.size(); i++)
    {
        const double e = expected[i], error = std::abs(e - got[i]);
        const bool same = std::memcmp(&expected[i], &got[i], sizeof(float)) == 0;
        const bool close = tolerance > 0 && (expected[i] == got[i] || (std::isnan(expected[i]) && std::isnan(got[i])) ||
                                             error <= tolerance * std::max(1., std::abs(e)));
        if (same || close)
            continue;
        first = bad++ == 0 ? i : first;
        worst = std::max(worst, error);
    }
    if (bad == 0)
        return std::string();
    return std::to_string(bad) + " of " + std::to_string(expected.size()) + " values are off, by up to " +
           std::to_string(worst) + "; [" + std::to_string(first) + "] is " + std::to_string(got[first]) +
           ", expected " + std::to_string(expected[first]);
}

enum class Against
{
    BITS,
    FAST,
    CUDA
};

//! Names of outputs and gradients that differ, with how; "" if none does.
inline std::string compareResults(const Problem& p, const Results& expected, const Results& got, Against what)
{
    std::string errors;
    const auto add = [&](const std::string& name, const Floats& a, const Floats& b, double fast, double cuda)
    {
        const double tolerance = what == Against::BITS ? SAME_BITS : what == Against::FAST ? fast : cuda;
        const std::string error = difference(a, b, tolerance);
        if (!error.empty())
            errors += (errors.empty() ? "" : "; ") + name + ": " + error;
    };
    for (size_t i = 0; i < p.outputs.size(); i++)
        add(p.outputs[i].name, expected.outputs.at(i), got.outputs.at(i), p.outputs[i].fast, p.outputs[i].cuda);
    for (size_t i = 0; i < p.gradients.size(); i++)
        if (what != Against::BITS || got.gradients.size() == p.gradients.size())
            add("gradient of " + p.inputs[p.gradients[i].input].name, expected.gradients.at(i), got.gradients.at(i),
                p.gradients[i].fast, p.gradients[i].cuda);
    return errors;
}

// ------------------------------------------------------------------ gradients by differences

/** The naive backward pass in double against central differences of the naive forward pass, at up to `count` random
    elements of every differentiable input. "" if all is well. */
inline std::string checkGradients(const Problem& p, uint64_t seed, int count = 60)
{
    const double step = 1e-6;
    Random random(seed + 1);
    Arrays<double> arrays(p, double(UNWRITTEN));
    p.referenceBackwardInDouble(arrays.backward());
    const auto value = [&]
    {
        p.referenceInDouble(arrays.forward());
        double sum = 0;
        for (size_t i = 0; i < arrays.upstream.size(); i++)
            sum += arrays.upstream[i] * arrays.out[0][i];
        return sum;
    };
    double largest = 0;
    for (size_t g = 0; g < p.gradients.size(); g++)
    {
        const Tensor& input = p.inputs[p.gradients[g].input];
        Doubles& x = arrays.in[p.gradients[g].input];
        for (int i = 0; i < count; i++)
        {
            const size_t at = random.next() % x.size();
            const double kept = x[at], gradient = arrays.grad[g][at];
            x[at] = kept + step;
            const double above = value();
            x[at] = kept - step;
            const double below = value();
            x[at] = kept;
            const double expected = (above - below) / (2 * step);
            largest = std::max(largest, std::abs(gradient));
            if (!(std::abs(expected - gradient) <= 1e-6 * std::max(1., std::abs(gradient))))
                return "gradient of " + input.name + "[" + std::to_string(at) + "] is " + std::to_string(gradient) +
                       ", differences give " + std::to_string(expected);
        }
        double square = 0;
        for (const double v : arrays.grad[g])
            square += v * v;
        if (!(square > 0))
            return "gradient of " + input.name + " is zero everywhere: the case says nothing";
    }
    return largest > 1e-3 ? std::string() : "all gradients that were compared are nearly zero";
}

}  // namespace d2det_test

#endif
