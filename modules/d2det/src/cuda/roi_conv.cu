// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIConv as an implicit matrix product in float32. Formula: kernels/roi_conv.hpp, addressing: conv_math.hpp.

     1. rows are sorted by weight set (level, class, or one for all); rows without a set are zeroed
     2. product: one block per tile of output channels x columns of one set; columns are gathered from X directly into
        shared memory, never stored as a matrix. The number of tiles per set is known on the device only: the grid is
        sized for the worst case, and blocks beyond the last tile exit at once. The only cost of padding rows is the
        write of zeros.
     3. group norm of every row, ReLU, sigmoid; without a norm the product writes the final values itself

   Why not cuBLAS: the sizes of the products (rows per level) would have to come back to the host, and im2col of 1000 x
   256 x 14 x 14 maps for 3x3 kernels is 1.8 GB. Why no TF32: the contract is agreement with the CPU within float32
   rounding. Every value is one chain of additions in the order of the depth, independent of the other rows bit for bit.

   In a tile of 128 x 128 with 256 threads, each thread computes 8 x 8 products per 16 values read from shared memory,
   while the next 16 values of the depth are loaded into registers. Estimate, not measured: 60 % of the float32 peak, 35
   to 40 TFLOP/s on an H100 (peak 67). For few tiles (fully connected layers) the tile size is 64 x 64, which occupies
   more multiprocessors. */

#include "conv_math.hpp"
#include "product_tile.hpp"
#include "row_norm.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

namespace
{

constexpr int THREADS = PRODUCT_THREADS;
constexpr int SORT_THREADS = 1024;

//! Arrays in the workspace.
struct Arrays
{
    int* rowSet;        //!< [numRois]: weight set, -1: none
    int* sortedRows;    //!< [numRois]: rows grouped by set
    int* setStart;      //!< [weightSets + 1]: begin of each set in sortedRows
    int* tileStart;     //!< [weightSets + 1]: first column tile of each set in the grid
    int* cursor;        //!< [weightSets]
    DepthEntry* depth;  //!< [depth]
    float* unordered;   //!< [numRois, outRow] if norm and upsample: values before they are spread
};

struct ConvView
{
    kernels::RoIConvParams p;
    ConvShape s;
    kernels::RoIConvArgs<float> args;
    int tileColumns;

    __device__ const float* ofSet(const float* values, int set) const
    {
        return values ? values + static_cast<size_t>(set) * s.outChannels : nullptr;
    }
};

bool needsUnordered(const kernels::RoIConvParams& p)
{
    return p.normGroups > 0 && p.upsample > 1;
}

bool shapesFit(const kernels::RoIConvParams& p, int numRois, int height, int width)
{
    if (numRois < 0 || p.weightSets < 1 || p.inChannels < 1 || p.outChannels < 1 || p.kernelHeight < 1 ||
        p.kernelWidth < 1 || p.kernelHeight > INT16_MAX || p.kernelWidth > INT16_MAX || p.stride < 1 || p.pad < 0 ||
        p.upsample < 1 || p.normGroups < 0 || height < 1 || width < 1 || p.pad > INT16_MAX)
        return false;
    const int64_t u = p.upsample, paddedHeight = static_cast<int64_t>(height) + 2 * p.pad;
    const int64_t paddedWidth = static_cast<int64_t>(width) + 2 * p.pad;
    if (paddedHeight < p.kernelHeight || paddedWidth < p.kernelWidth || p.outChannels % (u * u) != 0 ||
        (p.normGroups > 0 && p.outChannels % p.normGroups != 0))
        return false;
    const double most = INT32_MAX - 65536;
    const double oh = (paddedHeight - p.kernelHeight) / p.stride + 1, ow = (paddedWidth - p.kernelWidth) / p.stride + 1;
    return static_cast<double>(p.inChannels) * paddedHeight * paddedWidth <= most &&
           static_cast<double>(p.inChannels) * p.kernelHeight * p.kernelWidth <= most &&
           oh * ow * p.outChannels <= most && oh * ow * numRois <= most &&
           static_cast<double>(numRois) * kernels::max2(p.normGroups, 1) <= most && p.weightSets <= INT32_MAX / 2;
}

size_t placeArrays(const kernels::RoIConvParams& p, const ConvShape& s, int numRois, void* memory, Arrays& arrays)
{
    WorkspaceLayout workspace(memory);
    arrays.rowSet = workspace.take<int>(numRois);
    arrays.sortedRows = workspace.take<int>(numRois);
    arrays.setStart = workspace.take<int>(static_cast<size_t>(p.weightSets) + 1);
    arrays.tileStart = workspace.take<int>(static_cast<size_t>(p.weightSets) + 1);
    arrays.cursor = workspace.take<int>(p.weightSets);
    arrays.depth = workspace.take<DepthEntry>(s.depth);
    arrays.unordered = workspace.take<float>(needsUnordered(p) ? numRois * s.outRow() : 0);
    return workspace.bytes();
}

//! Weight set of every row, and zeros for rows without one. One block per row.
__global__ void __launch_bounds__(THREADS) classifyKernel(ConvView view, Arrays arrays, float* Y)
{
    const int r = blockIdx.x;
    const int set = kernels::weightSet(view.p, view.args.rois, view.args.classes, r);
    if (threadIdx.x == 0)
        arrays.rowSet[r] = set;
    if (set >= 0)
        return;
    const size_t count = view.s.outRow();
    for (size_t i = threadIdx.x; i < count; i += THREADS)
        Y[r * count + i] = 0.f;
}

/** One block: counts the rows of every set, adds up, puts every row into its set's part of the list. The order of rows
    inside a set varies from run to run; no result depends on it. */
__global__ void __launch_bounds__(SORT_THREADS) sortRowsKernel(ConvView view, Arrays arrays)
{
    const int sets = view.p.weightSets;
    for (int i = threadIdx.x; i < sets; i += SORT_THREADS)
        arrays.cursor[i] = 0;
    for (int k = threadIdx.x; k < view.s.depth; k += SORT_THREADS)
        arrays.depth[k] = depthEntry(view.s, k);
    __syncthreads();
    for (int r = threadIdx.x; r < view.args.numRois; r += SORT_THREADS)
        if (arrays.rowSet[r] >= 0)
            atomicAdd(&arrays.cursor[arrays.rowSet[r]], 1);
    __syncthreads();
    if (threadIdx.x == 0)  // a handful of sets, or some tens of classes
    {
        int rows = 0, tiles = 0;
        for (int i = 0; i < sets; i++)
        {
            const int count = arrays.cursor[i];
            arrays.setStart[i] = arrays.cursor[i] = rows;
            arrays.tileStart[i] = tiles;
            rows += count;
            tiles += (count * view.s.area + view.tileColumns - 1) / view.tileColumns;
        }
        arrays.setStart[sets] = rows;
        arrays.tileStart[sets] = tiles;
    }
    __syncthreads();
    for (int r = threadIdx.x; r < view.args.numRois; r += SORT_THREADS)
        if (arrays.rowSet[r] >= 0)
            arrays.sortedRows[atomicAdd(&arrays.cursor[arrays.rowSet[r]], 1)] = r;
}

//! Set of a column tile: the last one that begins at or before it and is not empty.
__device__ inline int setOfTile(const int* tileStart, int sets, int tile)
{
    int low = 0, high = sets;  // tileStart[low] <= tile < tileStart[high]
    while (high - low > 1)
    {
        const int middle = (low + high) / 2;
        (tileStart[middle] <= tile ? low : high) = middle;
    }
    return low;
}

//! Position of a tile of SIZE x SIZE.
struct Tile
{
    int set, firstColumn, columns, firstChannel;
    const int* rows;  //!< of the set

    __device__ int row(const ConvShape& s, int column) const { return rows[column / s.area]; }
};

//! Values of one block of depth that a thread copies from global to shared memory.
template <int SIZE>
struct Carried
{
    static constexpr int COUNT = SIZE * BK / THREADS;
    static constexpr int STEP = THREADS / SIZE;  //!< depths that the threads of one column cover side by side

    float A[COUNT], B[COUNT];

    /** Thread t takes COUNT consecutive depths of channel t / (BK / COUNT) of A, and of B column t % SIZE every
        STEP-th depth: neighboring threads read neighboring pixels. */
    __device__ void load(const ConvView& view, const Tile& tile, const ConvColumn& column, const DepthEntry* depth,
                         int k0)
    {
        constexpr int PER_ROW = BK / COUNT;
        const int o = tile.firstChannel + threadIdx.x / PER_ROW, k = k0 + threadIdx.x % PER_ROW * COUNT;
        const float* a = view.args.weight +
                         (static_cast<size_t>(tile.set) * view.s.outChannels + o) * static_cast<size_t>(view.s.depth);
        for (int i = 0; i < COUNT; i++)
            A[i] = o < view.s.outChannels && k + i < view.s.depth ? __ldg(a + k + i) : 0.f;
        for (int i = 0; i < COUNT; i++)
        {
            const int d = k0 + threadIdx.x / SIZE + i * STEP;
            B[i] = column.X && d < view.s.depth ? column.value(view.s, depth[d]) : 0.f;
        }
    }
    __device__ void store(float (*sharedA)[SIZE + 4], float (*sharedB)[SIZE]) const
    {
        constexpr int PER_ROW = BK / COUNT;
        for (int i = 0; i < COUNT; i++)
        {
            sharedA[threadIdx.x % PER_ROW * COUNT + i][threadIdx.x / PER_ROW] = A[i];
            sharedB[threadIdx.x / SIZE + i * STEP][threadIdx.x % SIZE] = B[i];
        }
    }
};

//! Channels are the rows of the product.
template <int SIZE>
struct Accumulator : ProductTile<SIZE>
{
    using ProductTile<SIZE>::EDGE;
    using ProductTile<SIZE>::place;

    __device__ void write(const ConvView& view, const Tile& tile, float* out) const
    {
        const int ty = threadIdx.x / 16, tx = threadIdx.x % 16;
        const float* bias = view.ofSet(view.args.bias, tile.set);
        const bool last = view.p.normGroups == 0;  // no norm follows
#pragma unroll
        for (int j = 0; j < EDGE; j++)
        {
            const int column = tile.firstColumn + place(tx, j);
            if (column >= tile.columns)
                continue;
            const int pixel = column % view.s.area;
            float* y = out + tile.row(view.s, column) * view.s.outRow();
#pragma unroll
            for (int i = 0; i < EDGE; i++)
            {
                const int o = tile.firstChannel + place(ty, i);
                if (o >= view.s.outChannels)
                    continue;
                const float value = this->sums[i][j] + (bias ? bias[o] : 0.f);
                if (last)
                    y[outputIndex(view.s, o, pixel)] = activate(view.p, value);
                else
                    y[static_cast<size_t>(o) * view.s.area + pixel] = value;
            }
        }
    }
};

template <int SIZE>
__global__ void __launch_bounds__(THREADS, 2) productKernel(ConvView view, Arrays arrays, float* out)
{
    __shared__ __align__(16) float A[2][BK][SIZE + 4];  // + 4: fewer bank conflicts of the transposed stores
    __shared__ __align__(16) float B[2][BK][SIZE];
    const int sets = view.p.weightSets, tileIndex = blockIdx.x;
    if (tileIndex >= arrays.tileStart[sets])
        return;
    Tile tile;
    tile.set = setOfTile(arrays.tileStart, sets, tileIndex);
    tile.rows = arrays.sortedRows + arrays.setStart[tile.set];
    tile.firstColumn = (tileIndex - arrays.tileStart[tile.set]) * SIZE;
    tile.columns = (arrays.setStart[tile.set + 1] - arrays.setStart[tile.set]) * view.s.area;
    tile.firstChannel = blockIdx.y * SIZE;

    ConvColumn column{nullptr, 0, 0};
    const int own = tile.firstColumn + threadIdx.x % SIZE;
    if (own < tile.columns)
    {
        const size_t row = static_cast<size_t>(view.p.inChannels) * view.s.height * view.s.width;
        column = convColumn(view.s, view.args.X + tile.row(view.s, own) * row, own % view.s.area);
    }
    Accumulator<SIZE> accumulator;
    Carried<SIZE> carried;
    carried.load(view, tile, column, arrays.depth, 0);
    carried.store(A[0], B[0]);
    __syncthreads();
    for (int k0 = 0, buffer = 0; k0 < view.s.depth; k0 += BK, buffer ^= 1)
    {
        const bool more = k0 + BK < view.s.depth;
        if (more)
            carried.load(view, tile, column, arrays.depth, k0 + BK);
        accumulator.multiply(A[buffer], B[buffer]);
        if (more)
            carried.store(A[buffer ^ 1], B[buffer ^ 1]);
        __syncthreads();
    }
    accumulator.write(view, tile, out);
}

//! Group norm of one group of one row, then activation. in may be Y if nothing is spread.
__global__ void __launch_bounds__(THREADS) normKernel(ConvView view, Arrays arrays, const float* in, float* Y)
{
    const int groups = view.p.normGroups, r = blockIdx.x / groups, group = blockIdx.x % groups;
    const int set = arrays.rowSet[r];
    if (set < 0)
        return;
    const ConvShape& s = view.s;
    const int channels = s.outChannels / groups, count = channels * s.area;
    const float* x = in + r * s.outRow() + static_cast<size_t>(group) * count;
    float* y = Y + r * s.outRow();
    const float *gamma = view.ofSet(view.args.gamma, set), *beta = view.ofSet(view.args.beta, set);
    const Moments m = momentsOf<THREADS>(x, count, view.p.epsilon);
    for (int i = threadIdx.x; i < count; i += THREADS)
    {
        const int o = group * channels + i / s.area;
        const float value = m.centered(x[i]) * (m.scale * (gamma ? gamma[o] : 1.f)) + (beta ? beta[o] : 0.f);
        y[outputIndex(s, o, i % s.area)] = activate(view.p, value);
    }
}

template <int SIZE>
void launchProduct(ConvView view, const Arrays& arrays, float* out, Stream stream)
{
    view.tileColumns = SIZE;
    launch(sortRowsKernel, 1, SORT_THREADS, 0, stream, view, arrays);
    // Upper bound: one partial tile per set, and at least one row per set.
    const int64_t columns = static_cast<int64_t>(view.args.numRois) * view.s.area;
    const int64_t tiles = ceilDiv(columns, SIZE) + kernels::min2(view.p.weightSets, view.args.numRois);
    const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(ceilDiv(view.s.outChannels, SIZE)));
    launch(productKernel<SIZE>, grid, THREADS, 0, stream, view, arrays, out);
}

}  // namespace

size_t roiConvWorkspace(const kernels::RoIConvParams& p, int numRois, int height, int width)
{
    if (!shapesFit(p, numRois, height, width))
        return 0;
    Arrays arrays;
    return placeArrays(p, makeConvShape(p, height, width), numRois, nullptr, arrays);
}

Status roiConv(const kernels::RoIConvParams& p, const kernels::RoIConvArgs<float>& args, float* Y,
               const Workspace& workspace, Stream stream)
{
    const int numRois = args.numRois;
    if (!shapesFit(p, numRois, args.height, args.width) || (p.byClass && !args.classes))
        return Status::INVALID;
    if (numRois == 0)
        return Status::SUCCESS;
    Arrays arrays;
    const ConvView view{p, makeConvShape(p, args.height, args.width), args, 0};
    if (!workspace.data || workspace.bytes < placeArrays(p, view.s, numRois, workspace.data, arrays))
        return Status::INVALID;
    launch(classifyKernel, numRois, THREADS, 0, stream, view, arrays, Y);
    float* const out = needsUnordered(p) ? arrays.unordered : Y;
    constexpr int64_t ENOUGH_TILES = 256;
    if (ceilDiv(static_cast<int64_t>(numRois) * view.s.area, 128) * ceilDiv(p.outChannels, 128) >= ENOUGH_TILES)
        launchProduct<128>(view, arrays, out, stream);
    else
        launchProduct<64>(view, arrays, out, stream);
    if (p.normGroups > 0)
        launch(normKernel, static_cast<unsigned>(numRois) * p.normGroups, THREADS, 0, stream, view, arrays, out, Y);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
