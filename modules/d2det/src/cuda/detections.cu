// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Detections, hard, linear and gaussian. Contract: operators.md 3.7 and E1; candidates: kernels/detection_rows.hpp,
   keys: nms_math.hpp.

     1. key per element (row, class): image, class, score descending (hard only), row; other elements come last
     2. merge sort (CUB) of the keys, which are all different: each class of an image becomes a run
     3. NMS, one block per class of an image (block_nms.hpp); survivors get the key (image, final score descending,
        position), and positions are in order of class and row where scores are equal
     4. merge sort of these keys; the first rows of every image, followed by padding

   Estimate, not measured, for an H100 and 1000 rows x 80 classes: two sorts of 80 000 keys of 16 bytes 0.05 ms each,
   NMS 0.03 ms (hard) or 0.15 ms (soft, 100 rounds); for 125 labelled rows 0.05 ms of launches. */

#include "block_nms.hpp"

#include "../kernels/detections.hpp"

#include <cub/cub.cuh>

namespace cv
{
namespace d2det
{
namespace cuda
{

namespace
{

constexpr int THREADS = 256;
constexpr int COLUMNS = 7;

using kernels::DetectionRows;
using kernels::NMSMode;

struct Arrays
{
    WideKey *candidates, *survivors;
    float* scores;  //!< final scores by position
    int* kept;
    char* temporary;
    size_t temporaryBytes;
};

bool shapesFit(const kernels::DetectionsParams& p, const kernels::DetectionsInput& in)
{
    const int columns = in.probColumns - 1;
    if (in.numRois < 0 || p.batchSize < 0 || (p.labelled ? columns != 1 : columns < 1) || in.roiColumns < 5 ||
        (!p.classAgnosticBoxes && !p.labelled && (in.roiColumns - 1) / 4 < columns))
        return false;
    const double most = INT32_MAX - THREADS;
    const double rows = static_cast<double>(p.batchSize) * kernels::max2(p.maxDetections, 0);
    const double classes = static_cast<double>(p.batchSize) * columns;
    return static_cast<double>(in.numRois) * columns <= most && rows <= most && classes <= most;
}

//! @return bytes needed, 0 if there is no device; arrays are placed if memory is not null
size_t placeArrays(int elements, void* memory, Arrays& arrays)
{
    size_t bytes = 0;
    if (cub::DeviceMergeSort::SortKeys(nullptr, bytes, static_cast<WideKey*>(nullptr), elements, WideKeyLess()) !=
        cudaSuccess)
        return 0;
    WorkspaceLayout workspace(memory);
    arrays.candidates = workspace.take<WideKey>(elements);
    arrays.survivors = workspace.take<WideKey>(elements);
    arrays.scores = workspace.take<float>(elements);
    arrays.kept = workspace.take<int>(elements);
    arrays.temporary = workspace.take<char>(bytes);
    arrays.temporaryBytes = bytes;
    return workspace.bytes();
}

__global__ void __launch_bounds__(THREADS) candidateKernel(DetectionRows rows, int elements, Arrays arrays)
{
    const int e = blockIdx.x * THREADS + threadIdx.x;
    if (e >= elements)
        return;
    arrays.candidates[e] = candidateKey(rows, e);
    arrays.survivors[e] = {NO_GROUP, static_cast<uint64_t>(e)};
}

//! Run of candidates processed by this block; empty if begin == end.
struct Run
{
    int begin, end;
};

//! Not labelled: one block per image and class. Labelled: one block per position, active if a run begins there.
__device__ Run findRun(const DetectionRows& rows, const WideKey* keys, int elements)
{
    const int block = blockIdx.x;
    uint64_t group;
    int begin;
    if (rows.p.labelled)
    {
        group = keys[block].high;
        if (group == NO_GROUP || (block > 0 && keys[block - 1].high == group))
            return {0, 0};
        begin = block;
    }
    else
    {
        group = static_cast<uint64_t>(block / rows.classes()) << 32 | static_cast<uint32_t>(block % rows.classes());
        begin = lowerBound(keys, elements, group);
    }
    return {begin, lowerBound(keys, elements, group + 1)};
}

//! Boxes of the candidates of a run.
struct RunBoxes
{
    DetectionRows rows;
    const WideKey* keys;
    __device__ bool usable(int) const { return true; }
    __device__ void load(int i, float* box) const
    {
        const float* source = rows.box(keyRow(keys[i]), keyClass(keys[i]));
        for (int j = 0; j < 4; j++)
            box[j] = source[j];
    }
};

__global__ void __launch_bounds__(NMS_THREADS) nmsKernel(DetectionRows rows, int elements, int limit, Arrays arrays)
{
    __shared__ union
    {
        HardNMSMemory hard;
        SoftNMSMemory soft;
    } memory;
    __shared__ Run run;
    if (threadIdx.x == 0)
        run = findRun(rows, arrays.candidates, elements);
    __syncthreads();
    const int begin = run.begin, n = run.end - run.begin;
    if (n <= 0)
        return;
    const RunBoxes boxes{rows, arrays.candidates + begin};
    const int cls = keyClass(boxes.keys[0]);
    float* scores = arrays.scores + begin;
    int* kept = arrays.kept + begin;
    for (int i = threadIdx.x; i < n; i += NMS_THREADS)
        scores[i] = rows.score(keyRow(boxes.keys[i]), cls);
    __syncthreads();
    const kernels::DetectionsParams& p = rows.p;
    const int count =
        p.nmsMode == NMSMode::HARD
            ? blockHardNMS(boxes, n, HardNMSParams{p.nmsThreshold, p.legacy, limit}, kept, memory.hard)
            : blockSoftNMS(boxes, n,
                           SoftNMSParams{p.nmsThreshold, p.softSigma, p.softMinScore, p.nmsMode, p.legacy, limit},
                           scores, kept, memory.soft);
    for (int j = threadIdx.x; j < count; j += NMS_THREADS)
    {
        const int i = kept[j];
        const uint64_t image = static_cast<uint64_t>(keyImage(boxes.keys[i])) << 32;
        arrays.survivors[begin + i] = {image | kernels::descendingKey(scores[i], 0) >> 32,
                                       static_cast<uint64_t>(begin + i)};
    }
}

//! @param sourceRows may be null
__global__ void __launch_bounds__(THREADS)
    writeKernel(DetectionRows rows, int elements, Arrays arrays, float* output, float* sourceRows)
{
    const int K = rows.rowsPerImage(), row = blockIdx.x * THREADS + threadIdx.x;
    if (row >= rows.p.batchSize * K)
        return;
    const int image = row / K, i = row % K;
    const int64_t place =
        static_cast<int64_t>(lowerBound(arrays.survivors, elements, static_cast<uint64_t>(image) << 32)) + i;
    float* out = output + static_cast<size_t>(row) * COLUMNS;
    if (i >= rows.rowsToFill() || place >= elements || arrays.survivors[place].high == NO_GROUP ||
        keyImage(arrays.survivors[place]) != image)
    {
        for (int j = 0; j < COLUMNS; j++)
            out[j] = j == 1 ? -1.f : 0.f;
        if (sourceRows)
            sourceRows[row] = -1.f;
        return;
    }
    const int position = static_cast<int>(arrays.survivors[place].low);
    const WideKey key = arrays.candidates[position];
    out[0] = static_cast<float>(image);
    out[1] = static_cast<float>(keyClass(key));
    out[2] = arrays.scores[position];
    const float* box = rows.box(keyRow(key), keyClass(key));
    for (int j = 0; j < 4; j++)
        out[3 + j] = box[j];
    if (sourceRows)
        sourceRows[row] = static_cast<float>(keyRow(key));
}

}  // namespace

size_t detectionsWorkspace(const kernels::DetectionsParams& p, const kernels::DetectionsInput& in)
{
    if (!shapesFit(p, in))
        return 0;
    Arrays arrays;
    return placeArrays(kernels::max2(in.numRois, 1) * (in.probColumns - 1), nullptr, arrays);
}

Status detections(const kernels::DetectionsParams& p, const kernels::DetectionsInput& in,
                  const kernels::DetectionsOutput& out, const Workspace& workspace, Stream stream)
{
    if (!shapesFit(p, in))
        return Status::INVALID;
    const DetectionRows rows{p, in};
    const int elements = in.numRois * (in.probColumns - 1), outputRows = p.batchSize * rows.rowsPerImage();
    if (outputRows == 0)
        return Status::SUCCESS;
    Arrays arrays{};
    if (elements > 0)
    {
        const size_t needed = placeArrays(elements, workspace.data, arrays);
        if (needed == 0)
            return launchStatus();
        if (!workspace.data || workspace.bytes < needed)
            return Status::INVALID;
        // Soft NMS only lowers scores (unless sigma < 0), so a class is emitted in final order and can be cut.
        const bool ordered = p.nmsMode != NMSMode::SOFT_GAUSSIAN || p.softSigma > 0;
        const int runs = p.labelled ? elements : p.batchSize * rows.classes();
        launch(candidateKernel, static_cast<unsigned>(ceilDiv(elements, THREADS)), THREADS, 0, stream, rows, elements,
               arrays);
        cub::DeviceMergeSort::SortKeys(arrays.temporary, arrays.temporaryBytes, arrays.candidates, elements,
                                       WideKeyLess(), stream);
        launch(nmsKernel, runs, NMS_THREADS, 0, stream, rows, elements, ordered ? rows.rowsToFill() : 0, arrays);
        cub::DeviceMergeSort::SortKeys(arrays.temporary, arrays.temporaryBytes, arrays.survivors, elements,
                                       WideKeyLess(), stream);
    }
    launch(writeKernel, static_cast<unsigned>(ceilDiv(outputRows, THREADS)), THREADS, 0, stream, rows, elements, arrays,
           out.detections, out.sourceRows);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
