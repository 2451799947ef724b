// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* One kernel for both RoI pooling operators, forward and backward. For .cu files only.

   One block per RoI and group of channels. The threads first write the taps of every bin into shared memory (merged by
   cell: at most 2 S per axis, often fewer); then each thread owns one bin and iterates over the channels, four at a
   time, so that a tap is read once for four channels and the loads of four channels overlap. Neighboring threads own
   neighboring bins of one channel: a warp reads a few short runs of map rows and writes consecutive outputs. If the
   taps of all bins exceed the table, bins are processed in chunks. Padding rows (all-zero boxes) read one cell;
   unusable RoIs read nothing.

   Layout of the maps: [channel][row][column]. A transposition to channels last would read and write all maps once more,
   182 MB for 256 channels of P2 to P5 of 800 x 1344.

   Estimate, not measured, for an H100 with 1000 RoIs, 256 channels, 7 x 7 bins, 2 x 2 samples and these maps: 0.13 to
   0.25 ms. Parts: DRAM (91 MB of maps, 50 MB of output at 3 TB/s) 0.05 ms; second-level cache (600 MB at 5.5 TB/s)
   0.11 ms; first-level cache (4.7 M warp loads of about 6 lines) 0.13 ms.

   Backward: gradients of maps by atomicAdd (one per cell of a bin), hence the order of additions and the last bits vary
   between runs. Gradients of offsets are sums inside one block in a fixed order. */

#ifndef OPENCV_D2DET_CUDA_POOLING_HPP
#define OPENCV_D2DET_CUDA_POOLING_HPP

#include "launch.hpp"
#include "pooling_math.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

constexpr int POOL_THREADS = 256;
constexpr int POOL_UNROLL = 4;              //!< channels of a thread at a time
constexpr int MAX_TABLE = 4 * MAX_SAMPLES;  //!< taps in shared memory: one bin of the largest sampling ratio, 24 KiB

struct PoolView
{
    FeaturePyramid<float> maps;
    const float* rois;
    int channelsPerBlock;
    int tableTaps;
};

struct GradientMaps
{
    float* data[kernels::MAX_LEVELS];
};

//! Taps of a chunk of bins. Taps of bin b of the chunk: rows [0, numRows(b)) and columns [0, numColumns(b)).
template <typename Rule>
struct TapTable
{
    Tap* taps;
    int* counts;  //!< [2 * chunk]
    int rowCapacity, capacity;

    __device__ TapTable(const Rule& rule, const typename Rule::Plan& plan, Tap* table, int* tableCounts)
        : taps(table), counts(tableCounts), rowCapacity(rule.rowCapacity(plan))
    {
        capacity = kernels::max2(rowCapacity + rule.columnCapacity(plan), 1);
    }
    __device__ void fill(const Rule& rule, const typename Rule::Plan& plan, int r, int first, int n)
    {
        for (int t = threadIdx.x; t < 2 * n; t += blockDim.x)
        {
            const int bin = first + t / 2;
            Tap* own = taps + t / 2 * capacity;
            counts[t] = t % 2 == 0 ? rule.rowTaps(plan, r, bin, own) : rule.columnTaps(plan, r, bin, own + rowCapacity);
        }
    }
    __device__ const Tap* rows(int b) const { return taps + b * capacity; }
    __device__ const Tap* columns(int b) const { return taps + b * capacity + rowCapacity; }
    __device__ int numRows(int b) const { return counts[2 * b]; }
    __device__ int numColumns(int b) const { return counts[2 * b + 1]; }
};

//! Number of bins per chunk, limited by threads and table size; all chunks are of about equal size.
__device__ inline int chunkSize(int bins, int capacity, int tableTaps)
{
    const int most = kernels::min2(static_cast<int>(blockDim.x), tableTaps / capacity);
    const int chunks = (bins + most - 1) / most;
    return (bins + chunks - 1) / chunks;
}

//! Work of a thread in a chunk: bin `bin` of the chunk, channels from `lane` on in steps of `lanes`.
struct Share
{
    int bin, lane, lanes;

    __device__ explicit Share(int n)
    {
        lanes = blockDim.x / n;
        lane = threadIdx.x / n;
        bin = threadIdx.x - lane * n;
    }
    __device__ bool works() const { return lane < lanes; }
};

//! Calls body(table, first bin, number of bins, share) for every chunk of bins, by all threads of the block.
template <typename Rule, typename Body>
__device__ void forEachChunk(const Rule& rule, const typename Rule::Plan& plan, int r, int tableTaps, Tap* taps,
                             int* counts, const Body& body)
{
    TapTable<Rule> table(rule, plan, taps, counts);
    const int bins = rule.bins(), chunk = chunkSize(bins, table.capacity, tableTaps);
    for (int first = 0; first < bins; first += chunk)
    {
        const int n = kernels::min2(chunk, bins - first);
        __syncthreads();
        table.fill(rule, plan, r, first, n);
        __syncthreads();
        body(table, first, n, Share(n));
    }
}

//! sums[j] = pooled value of one bin in the plane `planes + steps[j]`
template <typename Rule>
__device__ void poolBin(const TapTable<Rule>& table, int b, const float* const planes[POOL_UNROLL], int width,
                        float sums[POOL_UNROLL])
{
    const Tap *rows = table.rows(b), *columns = table.columns(b);
    const int numRows = table.numRows(b), numColumns = table.numColumns(b);
    for (int j = 0; j < POOL_UNROLL; j++)
        sums[j] = 0.f;
    for (int y = 0; y < numRows; y++)
    {
        const int start = rows[y].index * width;
        float line[POOL_UNROLL] = {};
        for (int x = 0; x < numColumns; x++)
        {
            const float weight = columns[x].weight;
            const int cell = start + columns[x].index;
#pragma unroll
            for (int j = 0; j < POOL_UNROLL; j++)
                line[j] = fmaf(weight, __ldg(planes[j] + cell), line[j]);
        }
        const float weight = rows[y].weight;
#pragma unroll
        for (int j = 0; j < POOL_UNROLL; j++)
            sums[j] = fmaf(weight, line[j], sums[j]);
    }
}

template <typename Rule>
__global__ void __launch_bounds__(POOL_THREADS, 3) poolKernel(Rule rule, PoolView view, float* output)
{
    Tap* const sharedTaps = dynamicShared<Tap>();
    __shared__ int counts[2 * POOL_THREADS];
    const int r = blockIdx.x, bins = rule.bins(), channels = view.maps.channels;
    const int c0 = blockIdx.y * view.channelsPerBlock, c1 = kernels::min2(c0 + view.channelsPerBlock, channels);
    float* out = output + static_cast<size_t>(r) * channels * bins;
    const typename Rule::Plan plan = rule.plan(view.maps, view.rois + 5 * static_cast<size_t>(r));
    if (plan.level < 0)
    {
        for (size_t i = static_cast<size_t>(c0) * bins + threadIdx.x; i < static_cast<size_t>(c1) * bins;
             i += blockDim.x)
            out[i] = 0.f;
        return;
    }
    const int width = view.maps.width[plan.level];
    const size_t area = static_cast<size_t>(view.maps.height[plan.level]) * width;
    const float* map = view.maps.data[plan.level] + static_cast<size_t>(plan.image) * channels * area;
    const auto pool = [&](const TapTable<Rule>& table, int first, int, const Share& share)
    {
        for (int c = c0 + share.lane; share.works() && c < c1; c += POOL_UNROLL * share.lanes)
        {
            const float* planes[POOL_UNROLL];
            float sums[POOL_UNROLL];
            for (int j = 0; j < POOL_UNROLL; j++)
                planes[j] = map + kernels::min2(c + j * share.lanes, c1 - 1) * area;
            poolBin(table, share.bin, planes, width, sums);
            for (int j = 0; j < POOL_UNROLL; j++)
                if (c + j * share.lanes < c1)
                    out[static_cast<size_t>(c + j * share.lanes) * bins + first + share.bin] = sums[j];
        }
    };
    forEachChunk(rule, plan, r, view.tableTaps, sharedTaps, counts, pool);
}

//! Gradient of one bin and channel g into the map; with OFFSETS also the slopes of the value with x and y.
template <bool OFFSETS, typename Rule>
__device__ void scatterBin(const TapTable<Rule>& table, int b, float g, const float* plane, float* gradPlane, int width,
                           float& sumX, float& sumY)
{
    const Tap *rows = table.rows(b), *columns = table.columns(b);
    const int numRows = table.numRows(b), numColumns = table.numColumns(b);
    float slopeX = 0.f, slopeY = 0.f;
    for (int y = 0; y < numRows; y++)
    {
        const int start = rows[y].index * width;
        const float gy = g * rows[y].weight;
        float line = 0.f, lineSlope = 0.f;
        for (int x = 0; x < numColumns; x++)
        {
            const int cell = start + columns[x].index;
            atomicAdd(gradPlane + cell, gy * columns[x].weight);
            if (OFFSETS)
            {
                const float value = __ldg(plane + cell);
                line = fmaf(columns[x].weight, value, line);
                lineSlope = fmaf(columns[x].slope, value, lineSlope);
            }
        }
        slopeX = fmaf(rows[y].weight, lineSlope, slopeX);
        slopeY = fmaf(rows[y].slope, line, slopeY);
    }
    sumX = fmaf(g, slopeX, sumX);
    sumY = fmaf(g, slopeY, sumY);
}

//! For operators without offsets.
struct NoOffsets
{
    static constexpr bool WANTED = false;
    template <typename Rule>
    __device__ void begin(const Rule&, int) const
    {
    }
    template <typename Rule>
    __device__ void add(const Rule&, const typename Rule::Plan&, int, int, int, const Share&, float, float) const
    {
    }
};

template <typename Rule, typename Offsets>
__global__ void __launch_bounds__(POOL_THREADS, 4)
    poolBackwardKernel(Rule rule, PoolView view, const float* gradOutput, GradientMaps gradMaps, Offsets offsets)
{
    Tap* const sharedTaps = dynamicShared<Tap>();
    __shared__ int counts[2 * POOL_THREADS];
    const int r = blockIdx.x, bins = rule.bins(), channels = view.maps.channels;
    const int c0 = blockIdx.y * view.channelsPerBlock, c1 = kernels::min2(c0 + view.channelsPerBlock, channels);
    offsets.begin(rule, r);
    const typename Rule::Plan plan = rule.plan(view.maps, view.rois + 5 * static_cast<size_t>(r));
    if (plan.level < 0)
        return;
    const int width = view.maps.width[plan.level];
    const size_t area = static_cast<size_t>(view.maps.height[plan.level]) * width;
    const size_t image = static_cast<size_t>(plan.image) * channels * area;
    const float* gradOut = gradOutput + static_cast<size_t>(r) * channels * bins;
    const auto scatter = [&](const TapTable<Rule>& table, int first, int n, const Share& share)
    {
        float sumX = 0.f, sumY = 0.f;
        for (int c = c0 + share.lane; share.works() && c < c1; c += share.lanes)
        {
            const float g = gradOut[static_cast<size_t>(c) * bins + first + share.bin];
            const size_t at = image + c * area;
            const float* plane = Offsets::WANTED ? view.maps.data[plan.level] + at : nullptr;
            scatterBin<Offsets::WANTED>(table, share.bin, g, plane, gradMaps.data[plan.level] + at, width, sumX, sumY);
        }
        offsets.add(rule, plan, r, first, n, share, sumX, sumY);
    };
    forEachChunk(rule, plan, r, view.tableTaps, sharedTaps, counts, scatter);
}

inline bool pyramidFits(const FeaturePyramid<float>& maps)
{
    if (maps.levels < 1 || maps.levels > kernels::MAX_LEVELS || maps.batch < 1 || maps.channels < 1)
        return false;
    for (int i = 0; i < maps.levels; i++)
        if (maps.height[i] < 1 || maps.width[i] < 1 || !(maps.stride[i] > 0) ||
            static_cast<int64_t>(maps.height[i]) * maps.width[i] > INT32_MAX)
            return false;
    return true;
}

/** Grid and shared memory of a pooling launch.
    @param samples per axis of a bin, 0: known for each RoI only
    @param wholeRoi one block sees all channels of a RoI */
struct PoolLaunch
{
    dim3 grid;
    unsigned threads;
    size_t sharedBytes;
    PoolView view;

    PoolLaunch(const kernels::RoIPoolInput<float>& in, int bins, int samples, bool wholeRoi)
    {
        const FeaturePyramid<float>& maps = in.features;
        constexpr int64_t WANTED_BLOCKS = 4096, FEWEST_CHANNELS = 32,
                          ADAPTIVE_TABLE = 4 * kernels::MAX_ADAPTIVE_SAMPLES;
        const int64_t most = wholeRoi ? 1 : ceilDiv(maps.channels, FEWEST_CHANNELS);
        const int64_t groups = kernels::min2(ceilDiv(WANTED_BLOCKS, in.numRois), most);
        const int64_t taps = samples > 0 ? static_cast<int64_t>(4) * samples * bins : ADAPTIVE_TABLE;
        view.maps = maps;
        view.rois = in.rois;
        view.channelsPerBlock = static_cast<int>(ceilDiv(maps.channels, groups));
        view.tableTaps = static_cast<int>(kernels::min2(taps, static_cast<int64_t>(MAX_TABLE)));
        grid = dim3(in.numRois, static_cast<unsigned>(ceilDiv(maps.channels, view.channelsPerBlock)));
        // Threads for complete sets of bins only: 14 x 14 bins fill 196 of 224 threads, not of 256.
        const int perRow = bins < POOL_THREADS ? POOL_THREADS / bins * bins : POOL_THREADS;
        threads = static_cast<unsigned>(ceilDiv(perRow, WARP) * WARP);
        sharedBytes = view.tableTaps * sizeof(Tap);
    }
};

template <typename Rule>
Status launchPool(const Rule& rule, const kernels::RoIPoolInput<float>& in, float* output, Stream stream)
{
    if (!pyramidFits(in.features) || in.numRois < 0 || rule.p.samplingRatio > MAX_SAMPLES)
        return Status::INVALID;
    if (in.numRois == 0)
        return Status::SUCCESS;
    const PoolLaunch plan(in, rule.bins(), rule.p.samplingRatio, false);
    launch(poolKernel<Rule>, plan.grid, plan.threads, plan.sharedBytes, stream, rule, plan.view, output);
    return launchStatus();
}

template <typename Rule, typename Offsets>
Status launchPoolBackward(const Rule& rule, const kernels::RoIPoolInput<float>& in, const float* gradOutput,
                          float* const* gradFeatures, const Offsets& offsets, Stream stream)
{
    const FeaturePyramid<float>& maps = in.features;
    if (!pyramidFits(maps) || in.numRois < 0 || rule.p.samplingRatio > MAX_SAMPLES)
        return Status::INVALID;
    GradientMaps gradMaps{};
    for (int i = 0; i < maps.levels; i++)
    {
        gradMaps.data[i] = gradFeatures[i];
        const size_t count = static_cast<size_t>(maps.batch) * maps.channels * maps.height[i] * maps.width[i];
        const cudaError_t error = cudaMemsetAsync(gradFeatures[i], 0, count * sizeof(float), stream);
        if (error != cudaSuccess)
            return launchStatus();
    }
    if (in.numRois == 0)
        return Status::SUCCESS;
    const PoolLaunch plan(in, rule.bins(), rule.p.samplingRatio, Offsets::WANTED);
    launch(poolBackwardKernel<Rule, Offsets>, plan.grid, plan.threads, plan.sharedBytes, stream, rule, plan.view,
           gradOutput, gradMaps, offsets);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
