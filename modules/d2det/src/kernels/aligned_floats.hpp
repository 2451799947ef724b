// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Aligned memory for the vector loops of the kernels, and buffers per thread that are reused from pass to pass. */

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

//! Uninitialized values, aligned to a cache line. One cache line beyond the end may be read (unspecified values).
template <typename T>
class AlignedArray
{
public:
    AlignedArray() = default;
    explicit AlignedArray(size_t count) : memory_(new T[count + 2 * BYTES / sizeof(T)])
    {
        const size_t address = reinterpret_cast<size_t>(memory_.get());
        data_ = memory_.get() + (BYTES - address % BYTES) % BYTES / sizeof(T);
    }
    T* data() { return data_; }
    const T* data() const { return data_; }

private:
    static constexpr size_t BYTES = 64;
    std::unique_ptr<T[]> memory_;
    T* data_ = nullptr;
};
typedef AlignedArray<float> AlignedFloats;

//! Buffer that only grows; growth discards the contents.
template <typename T>
class ScratchOf
{
public:
    T* get(size_t count)
    {
        if (count > size_)
        {
            memory_ = AlignedArray<T>();  // frees the old memory first, for a lower peak
            memory_ = AlignedArray<T>(count);
            size_ = count;
        }
        return memory_.data();
    }

private:
    AlignedArray<T> memory_;
    size_t size_ = 0;
};
typedef ScratchOf<float> Scratch;

/** Lease of an object per thread that outlives the call, so that only the first pass allocates. Two simultaneous leases
    of the same T and SLOT in one thread would share memory and raise an exception. Kernels that are never nested can
    use the same slot. */
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
