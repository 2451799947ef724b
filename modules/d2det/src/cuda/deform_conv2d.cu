// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformConv2d by column matrices in float32. Formula: kernels/deform_conv2d.hpp; gradients: operators.md 5. For each
   image, with D [C kh kw, pixels] the sampled columns, K = C / groups kh kw, P pixels:

     forward    D;  Y [O, P] = W [O, K] D [K, P] + bias
     backward   D;  gradW [O, K] += gradY [O, P] D^T
                gradD [K, P] = W^T gradY;  gradOffset and gradMask: a thread walks through the channels of a sampling
                point; gradX: atomics

   Neighboring threads own neighboring pixels in all kernels about samples, so that offsets, D and, where offsets vary
   little, X are read in runs. gradW has few values and a long depth: the depth is split and the parts are added in
   order. Every value but those of gradX is one chain of additions, the same in every run. */

#include "product_tile.hpp"

#include "../kernels/deform_conv2d.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

namespace
{

constexpr int THREADS = PRODUCT_THREADS;
constexpr int TILE = 64;
constexpr int CHANNELS = 8;  //!< of a thread that samples: the point is found once for them

//! One image.
struct View
{
    kernels::DeformConv2dParams p;
    kernels::Conv2dShape s;
    const float *X, *offset, *mask;

    __host__ __device__ int pixels() const { return s.outHeight * s.outWidth; }
    //! Input channels of a group of offsets, and runs of CHANNELS of them.
    __host__ __device__ int perOffsets() const { return p.inChannels / p.offsetGroups; }
    __host__ __device__ int runs() const { return (perOffsets() + CHANNELS - 1) / CHANNELS; }
    __host__ __device__ int64_t points() const { return static_cast<int64_t>(p.offsetGroups) * p.cells() * pixels(); }
};

//! A sampling point with its four cells; `index` is -1 outside of the map.
struct Corners
{
    int index[4];
    float weight[4];
    float fy, fx;
    float mask;

    __device__ float read(const float* plane, int k) const { return index[k] >= 0 ? __ldg(plane + index[k]) : 0.f; }
};

//! @param plane offset group * cells + cell of the kernel. Returns whether the point touches the map.
__device__ inline bool cornersAt(const View& view, int plane, int pixel, Corners& out)
{
    const int cell = plane % view.p.cells(), y = pixel / view.s.outWidth, x = pixel - y * view.s.outWidth;
    const int i = cell / view.p.kernelWidth, j = cell - i * view.p.kernelWidth;
    const size_t at = static_cast<size_t>(plane) * view.pixels() + pixel;
    const float* const offset = view.offset + 2 * static_cast<size_t>(plane) * view.pixels() + pixel;
    const float v = static_cast<float>(y * view.p.strideY - view.p.padTop + i * view.p.dilationY) + __ldg(offset);
    const float u =
        static_cast<float>(x * view.p.strideX - view.p.padLeft + j * view.p.dilationX) + __ldg(offset + view.pixels());
    out.mask = view.mask ? __ldg(view.mask + at) : 1.f;
    kernels::DeformPoint point;
    const bool inside = kernels::locate(v, u, view.s.height, view.s.width, point);
    if (!inside)
        point = {-2, -2, 0.f, 0.f};
    out.fy = point.fy;
    out.fx = point.fx;
    for (int k = 0; k < 4; k++)
    {
        const int cy = point.y + k / 2, cx = point.x + k % 2;
        const bool onMap = cy >= 0 && cy < view.s.height && cx >= 0 && cx < view.s.width;
        out.index[k] = onMap ? cy * view.s.width + cx : -1;
        out.weight[k] = (k / 2 ? point.fy : 1.f - point.fy) * (k % 2 ? point.fx : 1.f - point.fx);
    }
    return inside;
}

//! CHANNELS channels of one sampling point.
struct ChannelRun
{
    int pixel, plane;        //!< offset group * cells + cell
    int cell, first, count;  //!< cell of the kernel; channels of X

    //! Runs in the order (run of channels, group of offsets and cell, pixel).
    __device__ ChannelRun(const View& view, int64_t index)
    {
        pixel = static_cast<int>(index % view.pixels());
        index /= view.pixels();
        const int planes = view.p.offsetGroups * view.p.cells();
        plane = static_cast<int>(index % planes);
        cell = plane % view.p.cells();
        const int begin = static_cast<int>(index / planes) * CHANNELS;
        first = plane / view.p.cells() * view.perOffsets() + begin;
        count = kernels::min2(CHANNELS, view.perOffsets() - begin);
    }
};

__global__ void __launch_bounds__(THREADS) columnsKernel(View view, float* columns)
{
    const int64_t total = view.points() * view.runs();
    const size_t area = static_cast<size_t>(view.s.height) * view.s.width;
    for (int64_t i = blockIdx.x * static_cast<int64_t>(THREADS) + threadIdx.x; i < total;
         i += static_cast<int64_t>(gridDim.x) * THREADS)
    {
        const ChannelRun run(view, i);
        Corners corners;
        cornersAt(view, run.plane, run.pixel, corners);
        for (int c = run.first; c < run.first + run.count; c++)
        {
            const float* const plane = view.X + c * area;
            float sum = 0.f;
            for (int k = 0; k < 4; k++)
                sum = fmaf(corners.weight[k], corners.read(plane, k), sum);
            columns[(static_cast<size_t>(c) * view.p.cells() + run.cell) * view.pixels() + run.pixel] =
                sum * corners.mask;
        }
    }
}

//! gradOffset and gradMask of a sampling point, from the gradients of its columns.
__global__ void __launch_bounds__(THREADS)
    slopesKernel(View view, const float* gradColumns, float* gradOffset, float* gradMask)
{
    const int pixels = view.pixels();
    const size_t area = static_cast<size_t>(view.s.height) * view.s.width;
    for (int64_t i = blockIdx.x * static_cast<int64_t>(THREADS) + threadIdx.x; i < view.points();
         i += static_cast<int64_t>(gridDim.x) * THREADS)
    {
        const int pixel = static_cast<int>(i % pixels), plane = static_cast<int>(i / pixels);
        const int first = plane / view.p.cells() * view.perOffsets(), cell = plane % view.p.cells();
        Corners corners;
        float sums[4] = {0.f, 0.f, 0.f, 0.f};
        if (cornersAt(view, plane, pixel, corners))
            for (int c = first; c < first + view.perOffsets(); c++)
            {
                const float g = gradColumns[(static_cast<size_t>(c) * view.p.cells() + cell) * pixels + pixel];
                for (int k = 0; k < 4; k++)
                    sums[k] = fmaf(g, corners.read(view.X + c * area, k), sums[k]);
            }
        if (gradOffset)
        {
            float* const out = gradOffset + 2 * static_cast<size_t>(plane) * pixels + pixel;
            out[0] = corners.mask * ((1.f - corners.fx) * (sums[2] - sums[0]) + corners.fx * (sums[3] - sums[1]));
            out[pixels] = corners.mask * ((1.f - corners.fy) * (sums[1] - sums[0]) + corners.fy * (sums[3] - sums[2]));
        }
        if (gradMask)
            gradMask[i] = corners.weight[0] * sums[0] + corners.weight[1] * sums[1] + corners.weight[2] * sums[2] +
                          corners.weight[3] * sums[3];
    }
}

//! gradX [C, h w] += the gradients of the columns.
__global__ void __launch_bounds__(THREADS) scatterKernel(View view, const float* gradColumns, float* gradX)
{
    const int64_t total = view.points() * view.runs();
    const size_t area = static_cast<size_t>(view.s.height) * view.s.width;
    for (int64_t i = blockIdx.x * static_cast<int64_t>(THREADS) + threadIdx.x; i < total;
         i += static_cast<int64_t>(gridDim.x) * THREADS)
    {
        const ChannelRun run(view, i);
        Corners corners;
        if (!cornersAt(view, run.plane, run.pixel, corners))
            continue;
        for (int c = run.first; c < run.first + run.count; c++)
        {
            const float g =
                corners.mask *
                gradColumns[(static_cast<size_t>(c) * view.p.cells() + run.cell) * view.pixels() + run.pixel];
            for (int k = 0; k < 4; k++)
                if (corners.index[k] >= 0)
                    atomicAdd(gradX + c * area + corners.index[k], corners.weight[k] * g);
        }
    }
}

// ------------------------------------------------------------------ products

/** C [M, N] = A [M, K] B [K, N], or C += with `add`; one product per group, those of A, B, C and bias lie one behind
    the other. With splits > 1 the depth is split and part i of group g is C[(g splits + i) M N ...] without bias. */
struct Product
{
    const float *A, *B;
    const float* bias;  //!< [groups, M] or null
    float* C;
    int M, N, K, groups, splits;
    bool add;

    __host__ __device__ int depthOfSplit() const { return ((K + splits - 1) / splits + BK - 1) / BK * BK; }
};

//! Values of one block of depth that a thread copies to shared memory, of A (rows) or B (columns).
template <bool DEPTH_FIRST>
struct Carried
{
    static constexpr int COUNT = TILE * BK / THREADS;
    float values[COUNT];

    //! Line of the tile and depth of value i.
    __device__ static int line() { return DEPTH_FIRST ? threadIdx.x / (BK / COUNT) : threadIdx.x % TILE; }
    __device__ static int depth(int i)
    {
        return DEPTH_FIRST ? threadIdx.x % (BK / COUNT) * COUNT + i : threadIdx.x / TILE + i * (THREADS / TILE);
    }
    /** @param lines rows of A or columns of B
        DEPTH_FIRST: neighbors in memory are neighbors in depth, in[line * K + depth]; else in[depth * lines + line] */
    __device__ void load(const float* in, int first, int lines, int k0, int end, int K)
    {
#pragma unroll
        for (int i = 0; i < COUNT; i++)
        {
            const int at = first + line(), k = k0 + depth(i);
            const size_t index = DEPTH_FIRST ? static_cast<size_t>(at) * K + k : static_cast<size_t>(k) * lines + at;
            values[i] = at < lines && k < end ? __ldg(in + index) : 0.f;
        }
    }
    template <int WIDTH>
    __device__ void store(float (*shared)[WIDTH]) const
    {
#pragma unroll
        for (int i = 0; i < COUNT; i++)
            shared[depth(i)][line()] = values[i];
    }
};

//! A_DEPTH: A is stored [M, K], else [K, M]. B_DEPTH: B is stored [N, K], else [K, N].
template <bool A_DEPTH, bool B_DEPTH>
__global__ void __launch_bounds__(THREADS) productKernel(Product q)
{
    __shared__ __align__(16) float sharedA[2][BK][TILE + 4];
    __shared__ __align__(16) float sharedB[2][BK][TILE];
    const int group = blockIdx.z / q.splits, split = blockIdx.z % q.splits;
    const int row = blockIdx.y * TILE, column = blockIdx.x * TILE;
    const int begin = kernels::min2(split * q.depthOfSplit(), q.K), end = kernels::min2(begin + q.depthOfSplit(), q.K);
    const float* const A = q.A + static_cast<size_t>(group) * q.M * q.K;
    const float* const B = q.B + static_cast<size_t>(group) * q.K * q.N;
    ProductTile<TILE> tile;
    Carried<A_DEPTH> a;
    Carried<B_DEPTH> b;
    a.load(A, row, q.M, begin, end, q.K);
    b.load(B, column, q.N, begin, end, q.K);
    a.store(sharedA[0]);
    b.store(sharedB[0]);
    __syncthreads();
    for (int k0 = begin, buffer = 0; k0 < end; k0 += BK, buffer ^= 1)
    {
        const bool more = k0 + BK < end;
        if (more)
        {
            a.load(A, row, q.M, k0 + BK, end, q.K);
            b.load(B, column, q.N, k0 + BK, end, q.K);
        }
        tile.multiply(sharedA[buffer], sharedB[buffer]);
        if (more)
        {
            a.store(sharedA[buffer ^ 1]);
            b.store(sharedB[buffer ^ 1]);
        }
        __syncthreads();
    }
    float* const C = q.C + static_cast<size_t>(blockIdx.z) * q.M * q.N;
    const int ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll
    for (int i = 0; i < ProductTile<TILE>::EDGE; i++)
    {
        const int m = row + tile.place(ty, i);
        const float bias = q.bias && m < q.M ? q.bias[static_cast<size_t>(group) * q.M + m] : 0.f;
#pragma unroll
        for (int j = 0; j < ProductTile<TILE>::EDGE; j++)
        {
            const int n = column + tile.place(tx, j);
            if (m >= q.M || n >= q.N)
                continue;
            float* const c = C + static_cast<size_t>(m) * q.N + n;
            *c = tile.sums[i][j] + (q.add ? *c : bias);
        }
    }
}

//! C += parts [groups, splits, count], in the order of the splits.
__global__ void __launch_bounds__(THREADS)
    addPartsKernel(const float* parts, int groups, int splits, int64_t count, bool add, float* C)
{
    for (int64_t i = blockIdx.x * static_cast<int64_t>(THREADS) + threadIdx.x; i < groups * count;
         i += static_cast<int64_t>(gridDim.x) * THREADS)
    {
        float sum = add ? C[i] : 0.f;
        for (int split = 0; split < splits; split++)
            sum += parts[(i / count * splits + split) * count + i % count];
        C[i] = sum;
    }
}

//! One block per output channel.
__global__ void __launch_bounds__(THREADS)
    biasKernel(kernels::Conv2dShape s, int channels, const float* gradY, float* gradBias)
{
    __shared__ float sums[THREADS];
    const size_t pixels = static_cast<size_t>(s.outHeight) * s.outWidth;
    float sum = 0.f;
    for (int n = 0; n < s.batch; n++)
        for (size_t i = threadIdx.x; i < pixels; i += THREADS)
            sum += gradY[(static_cast<size_t>(n) * channels + blockIdx.x) * pixels + i];
    sums[threadIdx.x] = sum;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2)
    {
        if (static_cast<int>(threadIdx.x) < half)
            sums[threadIdx.x] += sums[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0)
        gradBias[blockIdx.x] = sums[0];
}

template <bool A_DEPTH, bool B_DEPTH>
void launchProduct(const Product& q, Stream stream)
{
    const dim3 grid(static_cast<unsigned>(ceilDiv(q.N, TILE)), static_cast<unsigned>(ceilDiv(q.M, TILE)),
                    static_cast<unsigned>(q.groups * q.splits));
    launch(productKernel<A_DEPTH, B_DEPTH>, grid, THREADS, 0, stream, q);
}

// ------------------------------------------------------------------ host

int depthOf(const kernels::DeformConv2dParams& p)
{
    return p.inChannels / p.groups * p.cells();
}

bool shapesFit(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s)
{
    constexpr int MOST = 1 << 20, MAX_GRID_YZ = 65535;
    for (const int value : {p.inChannels, p.outChannels, p.groups, p.offsetGroups, p.kernelHeight, p.kernelWidth,
                            p.strideY, p.strideX, p.dilationY, p.dilationX})
        if (value < 1 || value > MOST)
            return false;
    if (s.batch < 0 || s.height < 1 || s.width < 1 || s.outHeight < 1 || s.outWidth < 1 || p.padTop < 0 ||
        p.padLeft < 0 || p.padTop > MOST || p.padLeft > MOST || p.groups > MAX_GRID_YZ)
        return false;
    if (p.inChannels % p.groups != 0 || p.outChannels % p.groups != 0 || p.inChannels % p.offsetGroups != 0)
        return false;
    const double most = INT32_MAX - 65536, cells = double(p.kernelHeight) * p.kernelWidth;
    const double pixels = double(s.outHeight) * s.outWidth;
    return double(s.height) * s.width <= most && pixels <= most &&
           cells * (p.inChannels / p.groups) <= double(MAX_GRID_YZ) * TILE && cells * p.offsetGroups <= most &&
           double(s.outHeight) * p.strideY + double(p.kernelHeight) * p.dilationY <= most &&
           double(s.outWidth) * p.strideX + double(p.kernelWidth) * p.dilationX <= most &&
           double(p.outChannels) <= double(MAX_GRID_YZ) * TILE;
}

size_t columnsSize(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s)
{
    return static_cast<size_t>(p.inChannels) * p.cells() * s.outHeight * s.outWidth;
}

//! Parts of the depth of gradW: enough blocks for a large device, each with a depth worth its while.
int splitsOf(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s)
{
    constexpr int64_t WANTED_BLOCKS = 512, MIN_DEPTH = 256, MOST = 64;
    const int64_t blocks = ceilDiv(p.outChannels / p.groups, TILE) * ceilDiv(depthOf(p), TILE) * p.groups;
    const int64_t byDepth = ceilDiv(static_cast<int64_t>(s.outHeight) * s.outWidth, MIN_DEPTH);
    const int64_t splits = kernels::min2(kernels::min2(ceilDiv(WANTED_BLOCKS, blocks), byDepth), MOST);
    return static_cast<int>(kernels::max2(splits, static_cast<int64_t>(1)));
}

struct BackwardArrays
{
    float *columns, *parts;
};

size_t placeArrays(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s, void* memory,
                   BackwardArrays& arrays)
{
    WorkspaceLayout workspace(memory);
    const size_t splits = splitsOf(p, s), weights = static_cast<size_t>(p.outChannels) * depthOf(p);
    arrays.columns = workspace.take<float>(columnsSize(p, s));
    arrays.parts = workspace.take<float>(splits > 1 ? splits * weights : 0);
    return workspace.bytes();
}

View viewOf(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s,
            const kernels::DeformConv2dArgs<float>& args, int n)
{
    View view{p, s, nullptr, nullptr, nullptr};
    const size_t points = static_cast<size_t>(view.points()) * n;
    view.X = args.X + static_cast<size_t>(n) * p.inChannels * s.height * s.width;
    view.offset = args.offset + 2 * points;
    view.mask = args.mask ? args.mask + points : nullptr;
    return view;
}

void launchColumns(const View& view, float* columns, Stream stream)
{
    launch(columnsKernel, stridedBlocks(view.points() * view.runs(), THREADS), THREADS, 0, stream, view, columns);
}

Status zero(float* values, size_t count, Stream stream)
{
    return static_cast<Status>(cudaMemsetAsync(values, 0, count * sizeof(float), stream));
}

//! Gradients of image n. gradY: of that image
void backwardOfImage(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s,
                     const kernels::DeformConv2dArgs<float>& args, int n, const float* gradY,
                     const kernels::DeformConv2dGradients<float>& grad, const BackwardArrays& arrays, Stream stream)
{
    const View view = viewOf(p, s, args, n);
    const int filters = p.outChannels / p.groups, depth = depthOf(p), pixels = view.pixels();
    const size_t points = static_cast<size_t>(view.points());
    if (grad.weight)
    {
        const int splits = splitsOf(p, s);
        launchColumns(view, arrays.columns, stream);
        const Product product{gradY,   arrays.columns,
                              nullptr, splits > 1 ? arrays.parts : grad.weight,
                              filters, depth,
                              pixels,  p.groups,
                              splits,  n > 0 && splits == 1};
        launchProduct<true, true>(product, stream);
        const int64_t count = static_cast<int64_t>(filters) * depth;
        if (splits > 1)
            launch(addPartsKernel, stridedBlocks(count * p.groups, THREADS), THREADS, 0, stream, arrays.parts, p.groups,
                   splits, count, n > 0, grad.weight);
    }
    if (!grad.offset && !grad.mask && !grad.X)
        return;
    const Product product{args.weight, gradY, nullptr, arrays.columns, depth, pixels, filters, p.groups, 1, false};
    launchProduct<false, false>(product, stream);
    if (grad.offset || grad.mask)
        launch(slopesKernel, stridedBlocks(view.points(), THREADS), THREADS, 0, stream, view, arrays.columns,
               grad.offset ? grad.offset + 2 * points * n : nullptr, grad.mask ? grad.mask + points * n : nullptr);
    if (grad.X)
        launch(scatterKernel, stridedBlocks(view.points() * view.runs(), THREADS), THREADS, 0, stream, view,
               arrays.columns, grad.X + static_cast<size_t>(n) * p.inChannels * s.height * s.width);
}

}  // namespace

size_t deformConv2dWorkspace(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s)
{
    if (!shapesFit(p, s))
        return 0;
    WorkspaceLayout workspace(nullptr);
    workspace.take<float>(columnsSize(p, s));
    return workspace.bytes();
}

Status deformConv2d(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s,
                    const kernels::DeformConv2dArgs<float>& args, float* Y, const Workspace& workspace, Stream stream)
{
    if (!shapesFit(p, s))
        return Status::INVALID;
    if (s.batch == 0)
        return Status::SUCCESS;
    if (!workspace.data || workspace.bytes < deformConv2dWorkspace(p, s))
        return Status::INVALID;
    float* const columns = static_cast<float*>(workspace.data);
    for (int n = 0; n < s.batch; n++)
    {
        const View view = viewOf(p, s, args, n);
        launchColumns(view, columns, stream);
        launchProduct<true, false>(
            {args.weight, columns, args.bias, Y + static_cast<size_t>(n) * p.outChannels * view.pixels(),
             p.outChannels / p.groups, view.pixels(), depthOf(p), p.groups, 1, false},
            stream);
    }
    return launchStatus();
}

size_t deformConv2dBackwardWorkspace(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s)
{
    BackwardArrays arrays;
    return shapesFit(p, s) ? placeArrays(p, s, nullptr, arrays) : 0;
}

Status deformConv2dBackward(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s,
                            const kernels::DeformConv2dArgs<float>& args, const float* gradY,
                            const kernels::DeformConv2dGradients<float>& grad, const Workspace& workspace,
                            Stream stream)
{
    if (!shapesFit(p, s))
        return Status::INVALID;
    BackwardArrays arrays{nullptr, nullptr};
    if (s.batch > 0 && (!workspace.data || workspace.bytes < placeArrays(p, s, workspace.data, arrays)))
        return Status::INVALID;
    Status status = Status::SUCCESS;
    if (grad.X)
        status = zero(grad.X, static_cast<size_t>(s.batch) * p.inChannels * s.height * s.width, stream);
    if (status == Status::SUCCESS && grad.weight && s.batch == 0)
        status = zero(grad.weight, static_cast<size_t>(p.outChannels) * depthOf(p), stream);
    if (status != Status::SUCCESS)
        return status;
    for (int n = 0; n < s.batch; n++)
        backwardOfImage(p, s, args, n, gradY + static_cast<size_t>(n) * p.outChannels * s.outHeight * s.outWidth, grad,
                        arrays, stream);
    if (grad.bias)
        launch(biasKernel, static_cast<unsigned>(p.outChannels), THREADS, 0, stream, s, p.outChannels, gradY,
               grad.bias);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
