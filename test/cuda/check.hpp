// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Test cases for machines that have CUDA and little else: GPU servers often lack GoogleTest, Boost and OpenCV, so this
   program needs the CUDA runtime and the standard library alone.

   A case is a name and a function; expect() notes what is wrong and goes on. The same sources make two programs: one for
   a device, one for the emulation in emulation/. */

#ifndef D2DET_TEST_CUDA_CHECK_HPP
#define D2DET_TEST_CUDA_CHECK_HPP

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

namespace kernels = cv::d2det::kernels;
namespace cuda = cv::d2det::cuda;

typedef std::vector<float> Floats;

const float QUIET_NAN = std::numeric_limits<float>::quiet_NaN();
const float INFINITE = std::numeric_limits<float>::infinity();

//! Static objects of this type make the list of cases.
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

//! Seed of this run's random numbers (--seed), another one for every call.
uint64_t nextSeed();

//! |expected - actual| <= tolerance * max(1, |expected|) for all, and no NaN that is not expected.
void expectNear(const Floats& expected, const Floats& actual, double tolerance, const std::string& what);
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

}  // namespace test
}  // namespace d2det

#endif
