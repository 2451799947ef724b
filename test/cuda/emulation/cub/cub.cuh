// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The two sorts of CUB that the kernels use, on the CPU. */

#ifndef D2DET_TEST_CUDA_EMULATION_CUB_H
#define D2DET_TEST_CUDA_EMULATION_CUB_H

#include <cuda_runtime.h>

#include <algorithm>
#include <vector>

namespace cub
{

template <typename T>
struct DoubleBuffer
{
    T* buffers[2] = {};
    int selector = 0;

    DoubleBuffer() = default;
    DoubleBuffer(T* current, T* alternate) : buffers{current, alternate} {}
    T* Current() { return buffers[selector]; }
    T* Alternate() { return buffers[selector ^ 1]; }
};

struct DeviceRadixSort
{
    template <typename K, typename V>
    static cudaError_t SortPairs(void* memory, size_t& bytes, DoubleBuffer<K>& keys, DoubleBuffer<V>& values, int count,
                                 int beginBit, int endBit, cudaStream_t = nullptr)
    {
        if (!memory)
        {
            bytes = 1;
            return cudaSuccess;
        }
        const K mask = endBit - beginBit >= static_cast<int>(8 * sizeof(K)) ? ~K(0) : (K(1) << (endBit - beginBit)) - 1;
        std::vector<int> order(count);
        for (int i = 0; i < count; i++)
            order[i] = i;
        const K* in = keys.Current();
        std::stable_sort(order.begin(), order.end(),
                         [&](int a, int b) { return (in[a] >> beginBit & mask) < (in[b] >> beginBit & mask); });
        for (int i = 0; i < count; i++)
        {
            keys.Alternate()[i] = in[order[i]];
            values.Alternate()[i] = values.Current()[order[i]];
        }
        keys.selector ^= 1;
        values.selector ^= 1;
        return cudaSuccess;
    }
};

struct DeviceMergeSort
{
    template <typename K, typename Less>
    static cudaError_t SortKeys(void* memory, size_t& bytes, K* keys, int count, Less less, cudaStream_t = nullptr)
    {
        bytes = memory ? bytes : 1;
        if (memory)
            std::sort(keys, keys + count, less);
        return cudaSuccess;
    }
};

}  // namespace cub

#endif
