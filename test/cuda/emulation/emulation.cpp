// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Blocks of fibers, see cuda_runtime.h. Memory is malloc's, so that a sanitizer sees every access outside an array. */

#include <cuda_runtime.h>

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulation
{
namespace
{

constexpr size_t STACK_BYTES = 128 << 10;
constexpr unsigned WARP = 32, MAX_THREADS = 1024;

enum class State
{
    READY,
    AT_BARRIER,
    IN_WARP,
    DONE
};

//! Made once by makecontext, then entered and left by _setjmp and _longjmp, which need no system call.
struct Fiber
{
    ucontext_t context;
    jmp_buf place;
    bool entered = false;
    std::unique_ptr<char[]> stack;
    State state = State::DONE;
    unsigned exchanges = 0;  //!< warp operations so far: two sets of slots are used in turns
};

struct Warp
{
    uint64_t slots[2][WARP];
    bool present[2][WARP];  //!< lanes that took part
};

class Block
{
public:
    void run(const std::function<void()>& kernel, unsigned threads)
    {
        kernel_ = &kernel;
        while (fibers_.size() < threads)
        {
            fibers_.push_back(std::make_unique<Fiber>());
            fibers_.back()->stack.reset(new char[STACK_BYTES]);
        }
        threads_ = threads;
        warps_.assign((threads + WARP - 1) / WARP, Warp());
        for (unsigned i = 0; i < threads; i++)
        {
            fibers_[i]->state = State::READY;
            fibers_[i]->exchanges = 0;
        }
        while (turn())
            release();
    }

    void wait(State state)
    {
        Fiber& own = *fibers_[threadIdx.x];
        own.state = state;
        if (_setjmp(own.place) == 0)
            _longjmp(scheduler_, 1);
    }

    uint64_t exchange(uint64_t bits, unsigned lane)
    {
        Warp& warp = meet(bits);
        const unsigned set = (fibers_[threadIdx.x]->exchanges - 1) % 2;
        return warp.slots[set][lane];
    }
    unsigned ballot(bool predicate)
    {
        Warp& warp = meet(predicate);
        const unsigned set = (fibers_[threadIdx.x]->exchanges - 1) % 2;
        unsigned result = 0;
        for (unsigned i = 0; i < WARP; i++)
            result |= warp.present[set][i] && warp.slots[set][i] ? 1u << i : 0u;
        return result;
    }

private:
    static void enter();

    //! Goes on with a thread until it waits or ends.
    void resume(Fiber& fiber)
    {
        if (_setjmp(scheduler_) != 0)
            return;
        if (fiber.entered)
            _longjmp(fiber.place, 1);
        fiber.entered = true;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = STACK_BYTES;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, &Block::enter, 0);
        setcontext(&fiber.context);
    }

    //! Lets every thread that is ready run until it waits; false if all have ended.
    bool turn()
    {
        bool any = false;
        for (unsigned i = 0; i < threads_; i++)
        {
            if (fibers_[i]->state == State::READY)
            {
                threadIdx = {i, 0, 0};
                resume(*fibers_[i]);
            }
            any = any || fibers_[i]->state != State::DONE;
        }
        return any;
    }

    //! Warps whose threads all take part in an operation go on; if all threads are at the barrier, all do.
    void release()
    {
        bool released = false, waiting = false;
        for (unsigned first = 0; first < threads_; first += WARP)
            released = releaseIf(first, std::min(first + WARP, threads_), State::IN_WARP) || released;
        if (!released)
            released = releaseIf(0, threads_, State::AT_BARRIER);
        for (unsigned i = 0; i < threads_; i++)
            waiting = waiting || fibers_[i]->state == State::AT_BARRIER || fibers_[i]->state == State::IN_WARP;
        if (!released && waiting)
        {
            std::fprintf(stderr, "emulated block (%u, %u, %u) hangs: its threads wait for each other\n", blockIdx.x,
                         blockIdx.y, blockIdx.z);
            std::abort();
        }
    }

    bool releaseIf(unsigned begin, unsigned end, State state)
    {
        bool some = false;
        for (unsigned i = begin; i < end; i++)
        {
            if (fibers_[i]->state != state && fibers_[i]->state != State::DONE)
                return false;
            some = some || fibers_[i]->state == state;
        }
        for (unsigned i = begin; i < end; i++)
            if (fibers_[i]->state == state)
                fibers_[i]->state = State::READY;
        return some;
    }

    Warp& meet(uint64_t bits)
    {
        Fiber& own = *fibers_[threadIdx.x];
        Warp& warp = warps_[threadIdx.x / WARP];
        const unsigned set = own.exchanges++ % 2, lane = threadIdx.x % WARP;
        warp.slots[set][lane] = bits;
        warp.present[set][lane] = true;
        wait(State::IN_WARP);
        return warp;
    }

    std::vector<std::unique_ptr<Fiber>> fibers_;
    std::vector<Warp> warps_;
    const std::function<void()>* kernel_ = nullptr;
    jmp_buf scheduler_;
    unsigned threads_ = 0;
};

Block block;
std::vector<char> sharedBytes_;
cudaError_t lastError = cudaSuccess;

void Block::enter()
{
    for (;;)  // one thread after the other, of all blocks and kernels
    {
        (*block.kernel_)();
        block.wait(State::DONE);
    }
}

}  // namespace

void launch(const std::function<void()>& kernel, dim3 grid, dim3 threads, size_t sharedBytes, cudaStream_t)
{
    if (grid.x == 0 || grid.y == 0 || grid.y > 65535 || grid.z == 0 || grid.z > 65535 || threads.x == 0 ||
        threads.x > MAX_THREADS || sharedBytes > (48u << 10))
    {
        lastError = cudaErrorInvalidConfiguration;
        return;
    }
    gridDim = grid;
    blockDim = threads;
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x; x++)
            {
                blockIdx = {x, y, z};
                sharedBytes_.assign(sharedBytes, static_cast<char>(0xFF));  // NaN: nobody may count on zeros
                block.run(kernel, threads.x);
            }
}

void* dynamicShared()
{
    return sharedBytes_.data();
}

void waitForBlock()
{
    block.wait(State::AT_BARRIER);
}

uint64_t exchange(uint64_t bits, unsigned lane)
{
    return block.exchange(bits, lane);
}

unsigned ballot(bool predicate)
{
    return block.ballot(predicate);
}

}  // namespace emulation

// ------------------------------------------------------------------ runtime
cudaError_t cudaGetLastError()
{
    const cudaError_t error = emulation::lastError;
    emulation::lastError = cudaSuccess;
    return error;
}

const char* cudaGetErrorString(cudaError_t error)
{
    return error == cudaSuccess ? "no error" : error == cudaErrorInvalidValue ? "invalid argument" : "launch failure";
}

cudaError_t cudaGetDeviceCount(int* count)
{
    *count = 1;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int)
{
    *properties = {};
    std::strcpy(properties->name, "emulation on the CPU");
    return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, size_t bytes)
{
    *memory = bytes > 0 ? std::malloc(bytes) : nullptr;
    return *memory || bytes == 0 ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFree(void* memory)
{
    std::free(memory);
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void* target, const void* source, size_t bytes, cudaMemcpyKind)
{
    if (bytes > 0)
        std::memcpy(target, source, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemset(void* target, int value, size_t bytes)
{
    if (bytes > 0)
        std::memset(target, value, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t)
{
    return cudaMemset(target, value, bytes);
}

cudaError_t cudaDeviceSynchronize()
{
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* target, const void* source, size_t bytes, cudaMemcpyKind kind, cudaStream_t)
{
    return cudaMemcpy(target, source, bytes, kind);
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int)
{
    *value = 1 << 16;
    return cudaSuccess;
}

struct CUevent_st
{
    std::chrono::steady_clock::time_point time;
};

cudaError_t cudaEventCreate(cudaEvent_t* event)
{
    *event = new CUevent_st;
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t)
{
    event->time = std::chrono::steady_clock::now();
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t)
{
    return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t stop)
{
    *milliseconds = std::chrono::duration<float, std::milli>(stop->time - start->time).count();
    return cudaSuccess;
}
