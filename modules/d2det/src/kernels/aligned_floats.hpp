// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Memory for the vector loops of the kernels, and memory that a thread keeps from pass to pass. */

#ifndef OPENCV_D2DET_KERNELS_ALIGNED_FLOATS_HPP
#define OPENCV_D2DET_KERNELS_ALIGNED_FLOATS_HPP

#include "error.hpp"

#include <cstddef>
#include <memory>

namespace cv
{
namespace d2det
{
namespace kernels
{

//! Floats aligned to a cache line, not initialised. A cache line beyond the end may be read, whatever is there.
class AlignedFloats
{
public:
    AlignedFloats() = default;
    explicit AlignedFloats(size_t count) : memory_(new float[count + 2 * BYTES / sizeof(float)])
    {
        const size_t address = reinterpret_cast<size_t>(memory_.get());
        data_ = memory_.get() + (BYTES - address % BYTES) % BYTES / sizeof(float);
    }
    float* data() { return data_; }
    const float* data() const { return data_; }

private:
    static constexpr size_t BYTES = 64;
    std::unique_ptr<float[]> memory_;
    float* data_ = nullptr;
};

//! Grows only; the contents are lost when it does.
class Scratch
{
public:
    float* get(size_t count)
    {
        if (count > size_)
        {
            memory_ = AlignedFloats();  // both at a time would cost twice the memory
            memory_ = AlignedFloats(count);
            size_ = count;
        }
        return memory_.data();
    }

private:
    AlignedFloats memory_;
    size_t size_ = 0;
};

/** An object of this thread that outlives the call, so that a pass does not allocate after the first. Two leases of
    the same T and SLOT at a time in one thread would be the same memory: that raises an exception. Kernels that never
    run inside each other share slots. */
template <typename T, int SLOT = 0>
class ThreadLease
{
public:
    ThreadLease() : kept_(kept())
    {
        if (kept_.leased)
            raise(Failure::ASSERTION, "d2det: memory of a thread is asked for twice at a time");
        kept_.leased = true;
    }
    ~ThreadLease() { kept_.leased = false; }
    ThreadLease(const ThreadLease&) = delete;
    ThreadLease& operator=(const ThreadLease&) = delete;

    T& operator*() const { return kept_.object; }
    T* operator->() const { return &kept_.object; }

private:
    struct Kept
    {
        T object;
        bool leased = false;
    };
    static Kept& kept()
    {
        static thread_local Kept object;
        return object;
    }

    Kept& kept_;
};

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
