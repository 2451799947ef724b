// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Non-maximum suppression of one list of boxes by one block. For .cu files only. Contract: operators.md 2, 3.7.

   Hard: tiles of 256 boxes in sorted order. Each tile is compared first with all boxes kept so far, staged through
   shared memory (four threads per box), then with itself (bit matrix); finally one warp processes the rows of the
   matrix that are not suppressed. Memory is O(n) instead of the n^2 bits of the usual matrix, so n is not limited;
   lists (levels, images, classes) run in parallel on different multiprocessors. Estimate, not measured: 40 us for 1000
   boxes with 500 kept on an H100.

   Soft: the list of remaining boxes shrinks by one per round. Each round applies the decay of the last winner and finds
   the maximum score in a single pass. For equal scores the lower index wins, since the index is part of the key.
   Estimate, not measured: 1.5 us per round.

   Interface of a Source: load(i, box) and, for hard NMS, usable(i). */

#ifndef OPENCV_D2DET_CUDA_BLOCK_NMS_HPP
#define OPENCV_D2DET_CUDA_BLOCK_NMS_HPP

#include "launch.hpp"
#include "nms_math.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

using kernels::HardNMSParams;
using kernels::SoftNMSParams;

constexpr int TILE = 256, TILE_WORDS = TILE / WARP;
constexpr int NMS_THREADS = 1024, THREADS_PER_BOX = NMS_THREADS / TILE;

struct Box
{
    float v[4];  //!< x1, y1, x2, y2
};

//! Boxes [n, 4] in memory, all usable.
struct PlainBoxes
{
    const float* boxes;
    __device__ bool usable(int) const { return true; }
    __device__ void load(int i, float* box) const
    {
        for (int j = 0; j < 4; j++)
            box[j] = boxes[4 * static_cast<size_t>(i) + j];
    }
};

struct HardNMSMemory
{
    Box tile[TILE], kept[NMS_THREADS];
    unsigned rows[TILE][TILE_WORDS];  //!< bit j of row i: box i of the tile removes box j > i
    unsigned removed[TILE_WORDS];
    int numKept;
};

//! Marks boxes of the tile from t0 as removed: beyond the end, not usable, or suppressed by a box kept before.
template <typename Source>
__device__ void loadTile(const Source& source, const HardNMSParams& rule, int t0, int n, const int* kept,
                         HardNMSMemory& m)
{
    const int own = threadIdx.x % TILE, part = threadIdx.x / TILE;
    const bool exists = t0 + own < n && source.usable(t0 + own);
    Box box{};
    if (exists)
        source.load(t0 + own, box.v);
    if (part == 0)
        m.tile[own] = box;
    if (threadIdx.x < TILE_WORDS)
        m.removed[threadIdx.x] = 0;
    bool removed = !exists;
    const int numKept = m.numKept;
    for (int begin = 0; begin < numKept; begin += NMS_THREADS)
    {
        const int count = kernels::min2(NMS_THREADS, numKept - begin);
        __syncthreads();
        if (static_cast<int>(threadIdx.x) < count)
            source.load(kept[begin + threadIdx.x], m.kept[threadIdx.x].v);
        __syncthreads();
        for (int i = part; i < count && !removed; i += THREADS_PER_BOX)
            removed = overlapExceeds(m.kept[i].v, box.v, rule.legacy, rule.threshold);
    }
    __syncthreads();
    const unsigned word = __ballot_sync(FULL_MASK, removed);
    if (threadIdx.x % WARP == 0 && word)
        atomicOr(&m.removed[own / WARP], word);
    __syncthreads();
}

//! Bit matrix of overlaps within the tile; rows of removed boxes are never read.
__device__ inline void fillMatrix(const HardNMSParams& rule, HardNMSMemory& m)
{
    for (int t = threadIdx.x; t < TILE * TILE_WORDS; t += NMS_THREADS)
    {
        const int i = t / TILE_WORDS, word = t % TILE_WORDS;
        unsigned bits = 0;
        const bool alive = !(m.removed[i / WARP] >> (i % WARP) & 1u);
        for (int j = kernels::max2(word * WARP, i + 1); alive && j < (word + 1) * WARP; j++)
            if (overlapExceeds(m.tile[i].v, m.tile[j].v, rule.legacy, rule.threshold))
                bits |= 1u << (j % WARP);
        m.rows[i][word] = bits;
    }
    __syncthreads();
}

//! First warp: keeps boxes of the tile in order.
__device__ inline void walkMatrix(const HardNMSParams& rule, int t0, int* kept, HardNMSMemory& m)
{
    const int lane = threadIdx.x;
    unsigned removed = lane < TILE_WORDS ? m.removed[lane] : FULL_MASK;
    int numKept = m.numKept;
    for (int word = 0; word < TILE_WORDS; word++)
    {
        unsigned alive = ~__shfl_sync(FULL_MASK, removed, word);
        while (alive && (rule.limit <= 0 || numKept < rule.limit))
        {
            const int bit = __ffs(alive) - 1, i = word * WARP + bit;
            if (lane < TILE_WORDS)
                removed |= m.rows[i][lane];
            if (lane == 0)
                kept[numKept] = t0 + i;
            numKept++;
            const unsigned later = bit == WARP - 1 ? 0u : FULL_MASK << (bit + 1);
            alive = ~__shfl_sync(FULL_MASK, removed, word) & later;
        }
    }
    if (lane == 0)
        m.numKept = numKept;
}

/** Hard NMS of boxes 0 .. n - 1 in order; all NMS_THREADS threads call it.
    @param kept [n] global memory: kept positions in order
    @return number of kept boxes, in all threads; kept is visible to them */
template <typename Source>
__device__ int blockHardNMS(const Source& source, int n, const HardNMSParams& rule, int* kept, HardNMSMemory& m)
{
    if (threadIdx.x == 0)
        m.numKept = 0;
    __syncthreads();
    for (int t0 = 0; t0 < n; t0 += TILE)
    {
        if (rule.limit > 0 && m.numKept >= rule.limit)
            break;
        loadTile(source, rule, t0, n, kept, m);
        fillMatrix(rule, m);
        if (threadIdx.x < WARP)
            walkMatrix(rule, t0, kept, m);
        __syncthreads();
    }
    return m.numKept;
}

struct SoftNMSMemory
{
    uint64_t best[NMS_THREADS / WARP];
};

//! Smallest key of the block, in all threads.
__device__ inline uint64_t blockMinimum(uint64_t key, SoftNMSMemory& m)
{
    const int warps = blockDim.x / WARP;
    for (int distance = WARP / 2; distance > 0; distance /= 2)
        key = kernels::min2(
            key, static_cast<uint64_t>(__shfl_xor_sync(FULL_MASK, static_cast<unsigned long long>(key), distance)));
    __syncthreads();
    if (threadIdx.x % WARP == 0)
        m.best[threadIdx.x / WARP] = key;
    __syncthreads();
    key = m.best[0];
    for (int i = 1; i < warps; i++)
        key = kernels::min2(key, m.best[i]);
    return key;
}

/** Soft-NMS of boxes 0 .. n - 1.
    @param scores [n] changed in place
    @param order [n] global memory: first the emitted boxes in order, then the others
    @return number of emitted boxes, in all threads; order and scores are visible to them */
template <typename Source>
__device__ int blockSoftNMS(const Source& source, int n, const SoftNMSParams& rule, float* scores, int* order,
                            SoftNMSMemory& m)
{
    for (int i = threadIdx.x; i < n; i += blockDim.x)
        order[i] = i;
    int emitted = 0;
    Box winner{};
    while (emitted < n && (rule.limit <= 0 || emitted < rule.limit))
    {
        __syncthreads();
        uint64_t best = kernels::descendingKey(NAN, NO_VALUE);
        int place = 0;
        for (int q = emitted + threadIdx.x; q < n; q += blockDim.x)
        {
            const int i = order[q];
            float score = scores[i];
            if (emitted > 0)
            {
                Box box;
                source.load(i, box.v);
                const float u = kernels::boxIoU(winner.v, box.v, rule.legacy);
                score *= kernels::decay(rule, u);
                scores[i] = score;
            }
            const uint64_t key = kernels::descendingKey(score, static_cast<uint32_t>(i));
            if (key < best)
            {
                best = key;
                place = q;
            }
        }
        const uint64_t chosen = blockMinimum(best, m);
        // No value left, or the maximum below minScore. -0 < minScore is decided like 0 < minScore.
        if (static_cast<uint32_t>(chosen >> 32) == NO_VALUE || kernels::keyValue(chosen) < rule.minScore)
            break;
        const int i = static_cast<int>(kernels::keyIndex(chosen));
        source.load(i, winner.v);
        if (best == chosen)  // one thread: keys differ by their index
        {
            order[place] = order[emitted];
            order[emitted] = i;
        }
        emitted++;
    }
    __syncthreads();
    return emitted;
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
