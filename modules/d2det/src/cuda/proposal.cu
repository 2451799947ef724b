// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Proposal. Contract: operators.md 3.1; decisions about single anchors: nms_math.hpp.

   Anchors of all levels and images form a single list of segments (image, level).
     1. key per anchor: segment, logit descending; anchors with a value that is not finite come last in their segment
     2. one stable radix sort of the list (CUB): every segment is sorted in place, ties in order of anchor index
     3. decode and clip the first preNmsTopN of every segment
     4. NMS, one block per segment (block_nms.hpp); survivors get the key (image, logit descending)
     5. one stable radix sort of the survivors: finest level first, so for ties the finer level wins
     6. the first K rows of every image, followed by padding
   Counts that depend on data stay on the device; array sizes follow from the shapes.

   Estimate, not measured, for an H100 and 5 levels of 800 x 1344 (268 569 anchors): sort in 5 passes 0.04 ms, NMS
   0.05 ms, second sort of 5000 keys 0.02 ms, in total with launches 0.15 ms. */

#include "block_nms.hpp"

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

//! Number of bits of the integers 0 .. count - 1.
int bitsFor(int64_t count)
{
    int bits = 0;
    while ((static_cast<int64_t>(1) << bits) < count)
        bits++;
    return bits;
}

//! Sizes derived from parameters and shapes.
struct Layout
{
    int total;              //!< anchors
    int preTop, postTop;    //!< limits per segment, at most its number of anchors
    bool compact;           //!< true: postTop entries per segment for survivors, else one per anchor
    int survivors;          //!< entries
    int survivorsPerImage;  //!< entries
    int rows;               //!< K
    int limit;              //!< rows in use at most
};

struct Arrays
{
    uint64_t* keys[2];
    uint32_t* values[2];
    float* boxes;   //!< [total, 4] decoded boxes in order of the sorted anchors
    float* logits;  //!< [total], NaN: no candidate
    int* kept;      //!< [total]
    char* temporary;
    size_t temporaryBytes;
};

bool shapesFit(const kernels::ProposalParams& p, const kernels::RpnMaps& maps)
{
    if (maps.levels < 1 || maps.levels > kernels::MAX_LEVELS || maps.batch < 1 || p.anchorRatios.empty() ||
        p.anchorRatios.size() > MAX_ANCHOR_RATIOS ||
        (!p.anchorScales.empty() && p.anchorScales.size() != p.anchorRatios.size()))
        return false;
    double anchors = 0;
    for (int i = 0; i < maps.levels; i++)
    {
        if (maps.height[i] < 1 || maps.width[i] < 1)
            return false;
        anchors += static_cast<double>(maps.height[i]) * maps.width[i] * p.anchorRatios.size();
    }
    const double rows = static_cast<double>(maps.batch) * p.maxProposals;
    return anchors * maps.batch < INT32_MAX - THREADS && rows < INT32_MAX - THREADS;
}

Layout makeLayout(const kernels::ProposalParams& p, const AnchorRow& row)
{
    const auto cut = [](int wanted, int64_t available)
    { return wanted > 0 && wanted < available ? wanted : static_cast<int>(available); };
    int64_t largest = 0;
    for (int i = 0; i < row.levels; i++)
        largest = kernels::max2(largest, row.size(i));
    Layout layout;
    layout.total = static_cast<int>(row.total());
    layout.preTop = cut(p.preNmsTopN, largest);
    layout.postTop = cut(p.postNmsTopN, layout.preTop);
    const int64_t compact = static_cast<int64_t>(row.segments()) * layout.postTop;
    layout.compact = compact <= layout.total;
    layout.survivors = layout.compact ? static_cast<int>(compact) : layout.total;
    layout.survivorsPerImage = layout.survivors / row.batch;
    layout.rows = kernels::max2(p.maxProposals, 0);
    layout.limit = p.limit > 0 ? kernels::min2(p.limit, layout.survivorsPerImage) : layout.survivorsPerImage;
    return layout;
}

cudaError_t sortPairs(void* temporary, size_t& bytes, cub::DoubleBuffer<uint64_t>& keys,
                      cub::DoubleBuffer<uint32_t>& values, int count, int bits, Stream stream)
{
    return cub::DeviceRadixSort::SortPairs(temporary, bytes, keys, values, count, 0, bits, stream);
}

//! @return bytes needed, 0 if there is no device; arrays are placed if memory is not null
size_t placeArrays(const AnchorRow& row, const Layout& layout, void* memory, Arrays& arrays)
{
    cub::DoubleBuffer<uint64_t> keys;
    cub::DoubleBuffer<uint32_t> values;
    size_t first = 0, second = 0;
    if (sortPairs(nullptr, first, keys, values, layout.total, 32 + bitsFor(row.segments()), nullptr) != cudaSuccess ||
        sortPairs(nullptr, second, keys, values, layout.survivors, 32 + bitsFor(row.batch), nullptr) != cudaSuccess)
        return 0;
    WorkspaceLayout workspace(memory);
    for (int i = 0; i < 2; i++)
    {
        arrays.keys[i] = workspace.take<uint64_t>(layout.total);
        arrays.values[i] = workspace.take<uint32_t>(layout.total);
    }
    arrays.boxes = workspace.take<float>(static_cast<size_t>(layout.total) * 4);
    arrays.logits = workspace.take<float>(layout.total);
    arrays.kept = workspace.take<int>(layout.total);
    arrays.temporaryBytes = kernels::max2(first, second);
    arrays.temporary = workspace.take<char>(arrays.temporaryBytes);
    return workspace.bytes();
}

__global__ void __launch_bounds__(THREADS) keyKernel(ProposalRule rule, int total, uint64_t* keys, uint32_t* values)
{
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= total)
        return;
    const int segment = rule.row.segment(i);
    const int64_t index = i - rule.row.first(segment);
    keys[i] = static_cast<uint64_t>(segment) << 32 | rule.key(segment, index);
    values[i] = static_cast<uint32_t>(index);
}

//! Position i of the sorted list; only the first preTop of a segment are used.
__global__ void __launch_bounds__(THREADS)
    decodeKernel(ProposalRule rule, Layout layout, const uint64_t* keys, const uint32_t* values, Arrays arrays)
{
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= layout.total)
        return;
    const int segment = rule.row.segment(i);
    if (i - rule.row.first(segment) >= layout.preTop)
        return;
    float box[4] = {};
    const bool candidate = static_cast<uint32_t>(keys[i]) != NO_VALUE && rule.decode(segment, values[i], box);
    for (int j = 0; j < 4; j++)
        arrays.boxes[4 * static_cast<size_t>(i) + j] = box[j];
    arrays.logits[i] = candidate ? kernels::keyValue(keys[i] << 32) : NAN;
}

struct Candidates
{
    const float *boxes, *logits;
    __device__ bool usable(int i) const { return !std::isnan(logits[i]); }
    __device__ void load(int i, float* box) const { PlainBoxes{boxes}.load(i, box); }
};

//! One block per segment. keys, values: places of the survivors.
__global__ void __launch_bounds__(NMS_THREADS)
    nmsKernel(AnchorRow row, Layout layout, HardNMSParams rule, Arrays arrays, uint64_t* keys, uint32_t* values)
{
    __shared__ HardNMSMemory memory;
    const int segment = blockIdx.x, first = static_cast<int>(row.first(segment));
    const int size = static_cast<int>(row.size(segment)), n = kernels::min2(size, layout.preTop);
    const Candidates candidates{arrays.boxes + 4 * static_cast<size_t>(first), arrays.logits + first};
    const int count = blockHardNMS(candidates, n, rule, arrays.kept + first, memory);
    const int place = layout.compact ? segment * layout.postTop : first,
              places = layout.compact ? layout.postTop : size;
    const uint64_t image = static_cast<uint64_t>(segment / row.levels) << 32;
    for (int j = threadIdx.x; j < places; j += NMS_THREADS)
    {
        const int position = j < count ? arrays.kept[first + j] : 0;
        keys[place + j] = image | (j < count ? kernels::descendingKey(candidates.logits[position], 0) >> 32 : NO_VALUE);
        values[place + j] = static_cast<uint32_t>(first + position);
    }
}

__global__ void __launch_bounds__(THREADS)
    writeKernel(Layout layout, int batch, const uint64_t* keys, const uint32_t* values, Arrays arrays, float* rois,
                float* scores)
{
    const int row = blockIdx.x * THREADS + threadIdx.x;
    if (row >= batch * layout.rows)
        return;
    const int image = row / layout.rows, i = row % layout.rows;
    const int place = image * layout.survivorsPerImage + i;
    const bool used = i < layout.limit && static_cast<uint32_t>(keys[place]) != NO_VALUE;
    const size_t source = used ? values[place] : 0;
    float* roi = rois + 5 * static_cast<size_t>(row);
    roi[0] = static_cast<float>(image);
    for (int j = 0; j < 4; j++)
        roi[j + 1] = used ? arrays.boxes[4 * source + j] : 0.f;
    scores[row] = used ? kernels::sigmoid(arrays.logits[source]) : 0.f;
}

ProposalRule makeRule(const kernels::ProposalParams& p, const kernels::RpnMaps& maps, const AnchorRow& row,
                      const float* imInfo)
{
    ProposalRule rule{};
    rule.maps = maps;
    rule.row = row;
    rule.imInfo = imInfo;
    std::copy(p.anchorRatios.begin(), p.anchorRatios.end(), rule.ratios);
    for (size_t a = 0; a < p.anchorRatios.size(); a++)
        rule.scales[a] = p.scaleOf(a);
    rule.minSize = p.minSize;
    rule.legacy = p.legacy;
    return rule;
}

unsigned blocksFor(int count)
{
    return static_cast<unsigned>(ceilDiv(count, THREADS));
}

}  // namespace

size_t proposalWorkspace(const kernels::ProposalParams& p, const kernels::RpnMaps& maps)
{
    if (!shapesFit(p, maps))
        return 0;
    const AnchorRow row = makeAnchorRow(maps, static_cast<int>(p.anchorRatios.size()));
    Arrays arrays;
    return placeArrays(row, makeLayout(p, row), nullptr, arrays);
}

Status proposal(const kernels::ProposalParams& p, const kernels::RpnMaps& maps, const float* imInfo,
                const kernels::ProposalOutput& out, const Workspace& workspace, Stream stream)
{
    if (!shapesFit(p, maps))
        return Status::INVALID;
    const AnchorRow row = makeAnchorRow(maps, static_cast<int>(p.anchorRatios.size()));
    const Layout layout = makeLayout(p, row);
    if (layout.rows == 0)
        return Status::SUCCESS;
    Arrays arrays;
    const size_t needed = placeArrays(row, layout, workspace.data, arrays);
    if (needed == 0)
        return launchStatus();
    if (!workspace.data || workspace.bytes < needed)
        return Status::INVALID;
    const ProposalRule rule = makeRule(p, maps, row, imInfo);
    cub::DoubleBuffer<uint64_t> keys(arrays.keys[0], arrays.keys[1]);
    cub::DoubleBuffer<uint32_t> values(arrays.values[0], arrays.values[1]);
    launch(keyKernel, blocksFor(layout.total), THREADS, 0, stream, rule, layout.total, keys.Current(),
           values.Current());
    sortPairs(arrays.temporary, arrays.temporaryBytes, keys, values, layout.total, 32 + bitsFor(row.segments()),
              stream);
    launch(decodeKernel, blocksFor(layout.total), THREADS, 0, stream, rule, layout, keys.Current(), values.Current(),
           arrays);
    const HardNMSParams nms{p.nmsThreshold, p.legacy, p.postNmsTopN};
    launch(nmsKernel, row.segments(), NMS_THREADS, 0, stream, row, layout, nms, arrays, keys.Current(),
           values.Current());
    sortPairs(arrays.temporary, arrays.temporaryBytes, keys, values, layout.survivors, 32 + bitsFor(row.batch), stream);
    launch(writeKernel, blocksFor(row.batch * layout.rows), THREADS, 0, stream, layout, row.batch, keys.Current(),
           values.Current(), arrays, out.rois, out.scores);
    return launchStatus();
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
