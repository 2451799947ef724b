// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Test cases for machines that have CUDA and little else: GPU servers often lack GoogleTest, Boost and OpenCV, so this
   program needs the CUDA runtime and the standard library alone.

   A case is a name and a function; expect() notes what is wrong and goes on. The same sources make two programs: one
   for a device, one for the emulation in emulation/. Inputs come from the lists of modules/d2det/test/operators. */

#ifndef D2DET_TEST_CUDA_CHECK_HPP
#define D2DET_TEST_CUDA_CHECK_HPP

#include "operators/all.hpp"

#include <cuda_runtime.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace d2det
{
namespace test
{

using namespace d2det_test;

//! Static objects of this type make the list of cases. A name begins with that of the operator and a colon.
struct Case
{
    Case(const char* caseName, std::function<void()> body);
    std::string name;
    std::function<void()> run;
};

std::vector<Case*>& allCases();

//! Thrown by a case that cannot run here; reported as skipped.
struct Skipped : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

//! Counts a failure of the running case and prints what is wrong, up to a few lines per case.
void expect(bool good, const std::string& what);

//! Seed of the running case: that of --seed or D2DET_TEST_SEED, else another one in every run of the program.
uint64_t caseSeed();
//! Whether that seed was asked for: then a case runs once.
bool seedIsGiven();
//! The running case failed with this seed, where it uses several.
void failedWith(uint64_t used);

void expectSameBits(const Floats& expected, const Floats& actual, const std::string& what);

//! A CUDA call of the test itself must work.
inline void require(cudaError_t error, const char* what)
{
    if (error != cudaSuccess)
        throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error));
}

//! An operator must have been enqueued and must have run.
inline void requireSuccess(cuda::Status status, const std::string& what)
{
    if (status != cuda::Status::SUCCESS)
        throw std::runtime_error(what + ": " + cuda::statusString(status));
    const cudaError_t error = cudaDeviceSynchronize();
    if (error != cudaSuccess)
        throw std::runtime_error(what + ": while running: " + cudaGetErrorString(error));
}

//! Memory of the device, of exactly the size that is used; without data every byte is 0xFF (NaN).
template <typename T>
class DeviceArray
{
public:
    explicit DeviceArray(size_t count) : count_(count)
    {
        require(cudaMalloc(reinterpret_cast<void**>(&memory_), count * sizeof(T)), "cudaMalloc");
        if (count > 0)
            require(cudaMemset(memory_, 0xFF, count * sizeof(T)), "cudaMemset");
    }
    explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size())
    {
        if (count_ > 0)
            require(cudaMemcpy(memory_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
    }
    ~DeviceArray() { cudaFree(memory_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;

    T* data() { return memory_; }
    size_t size() const { return count_; }
    std::vector<T> values() const
    {
        std::vector<T> result(count_);
        if (count_ > 0)
            require(cudaMemcpy(result.data(), memory_, count_ * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
        return result;
    }

private:
    T* memory_ = nullptr;
    size_t count_;
};

//! What an operator works on, on the device: inputs, outputs that hold NaN, workspace.
class OnDevice
{
public:
    explicit OnDevice(const Problem& p)
        : problem_(p),
          upstream_(p.upstream),
          workspace_(p.workspace()),
          backwardWorkspace_(p.gradients.empty() ? 0 : p.backwardWorkspace())
    {
        for (const d2det_test::Tensor& input : p.inputs)
            in_.push_back(std::make_unique<DeviceArray<float>>(input.values));
        for (const Output& output : p.outputs)
            out_.push_back(output.initial < 0
                               ? std::make_unique<DeviceArray<float>>(elements(output.shape))
                               : std::make_unique<DeviceArray<float>>(p.inputs[size_t(output.initial)].values));
        for (const Gradient& gradient : p.gradients)
            grad_.push_back(std::make_unique<DeviceArray<float>>(p.inputs[gradient.input].values.size()));
    }

    Arguments<float> forward() { return {inputs(), pointers(out_)}; }
    Arguments<float> backward()
    {
        Arguments<float> a{inputs(), pointers(grad_)};
        a.in.push_back(upstream_.data());
        return a;
    }
    cuda::Workspace workspace() { return {workspace_.data(), workspace_.size()}; }
    size_t workspaceBytes() const { return workspace_.size(); }
    cuda::Workspace backwardWorkspace() { return {backwardWorkspace_.data(), backwardWorkspace_.size()}; }
    DeviceArray<float>& input(size_t i) { return *in_[i]; }
    DeviceArray<float>& output(size_t i) { return *out_[i]; }

    //! Both passes; what they leave.
    Results run()
    {
        requireSuccess(problem_.onDevice(forward(), workspace()), "forward");
        if (!problem_.gradients.empty())
            requireSuccess(problem_.onDeviceBackward(backward(), backwardWorkspace()), "backward");
        return results();
    }
    Results results() const
    {
        Results r;
        for (size_t i = 0; i < out_.size(); i++)
            r.outputs.push_back(problem_.outputs[i].integers ? fromIntegers(out_[i]->values()) : out_[i]->values());
        for (const auto& array : grad_)
            r.gradients.push_back(array->values());
        problem_.settle(r.outputs);
        return r;
    }
    //! Names of inputs that are not what they were, "" if none.
    std::string changedInputs() const
    {
        std::string names;
        for (size_t i = 0; i < in_.size(); i++)
            if (!difference(problem_.inputs[i].values, in_[i]->values(), SAME_BITS).empty())
                names += " " + problem_.inputs[i].name;
        return names;
    }

private:
    typedef std::vector<std::unique_ptr<DeviceArray<float>>> Arrays;

    static std::vector<float*> pointers(const Arrays& arrays)
    {
        std::vector<float*> result;
        for (const auto& array : arrays)
            result.push_back(array->data());
        return result;
    }
    std::vector<const float*> inputs() const
    {
        const std::vector<float*> all = pointers(in_);
        return std::vector<const float*>(all.begin(), all.end());
    }
    static Floats fromIntegers(Floats bits)
    {
        for (float& v : bits)
        {
            int value;
            std::memcpy(&value, &v, sizeof(value));
            v = static_cast<float>(value);
        }
        return bits;
    }

    const Problem& problem_;
    Arrays in_, out_, grad_;
    DeviceArray<float> upstream_;
    DeviceArray<char> workspace_, backwardWorkspace_;
};

/** Calls check(problem) for every case of an operator's list that the CUDA kernel takes, with the seed of the running
    case. */
template <typename Check>
void forAllCases(const std::string& op, Check check)
{
    const Operator& list = operatorOf(op);
    const std::vector<CaseInfo> cases = list.cases();
    for (size_t i = 0; i < cases.size(); i++)
        if (!cases[i].large && !cases[i].cpuOnly)
            check(*list.make(i, caseSeed()), op + ", " + cases[i].name);
}

}  // namespace test
}  // namespace d2det

#endif
