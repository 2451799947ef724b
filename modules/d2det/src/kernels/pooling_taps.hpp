// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Common code of the fast RoI pooling kernels.

   Taps: bilinear sampling of a RoI is separable, so a RoI is described by a few weighted rows and columns per bin.
   These taps are computed once per RoI for all channels. Samples of one bin on the same cell are merged.

   Channel blocks: 16 channels of a map are transposed to [row][column][16], so that one cell is one cache line and the
   inner loops run over channels. Only cells used by RoIs are transposed; all tasks together need at most the memory of
   the maps once more (channels rounded up to 16). A task is one image and one block of channels on all levels: tasks
   write disjoint parts of maps and output rows, hence no locks, and results do not depend on the number of threads. */

#ifndef OPENCV_D2DET_KERNELS_POOLING_TAPS_HPP
#define OPENCV_D2DET_KERNELS_POOLING_TAPS_HPP

#include "aligned_floats.hpp"
#include "common.hpp"
#include "parallel.hpp"
#include "simd.hpp"
#include "taps.hpp"

#include <memory>
#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

/** Taps of all bins of one axis of one RoI, the same number in every bin: padded with weight 0 on a cell of the same
    bin, so that values of other cells (NaN, infinity) have no effect on the bin. */
class AxisTaps
{
public:
    //! Clears the taps; at most `samples` pairs of taps per bin.
    void reset(int bins, int samples)
    {
        bins_ = bins;
        capacity_ = 2 * samples;
        count = 0;
        taps_.resize(size_t(bins) * std::max(capacity_, 1));
        used_.assign(bins, 0);
    }
    //! Adds taps in ascending order of cells.
    void add(int bin, const Tap* taps, int n)
    {
        int& used = used_[bin];
        used = mergeTaps(taps, n, &taps_[size_t(bin) * capacity_], used);
        count = std::max(count, used);
    }
    //! Multiplies weights and slopes of one bin.
    void scale(int bin, float factor)
    {
        for (int i = 0; i < used_[bin]; i++)
        {
            taps_[size_t(bin) * capacity_ + i].weight *= factor;
            taps_[size_t(bin) * capacity_ + i].slope *= factor;
        }
    }
    //! Closes gaps, so that bin b is at taps()[b * count]; finds the range of cells.
    void finish()
    {
        first = INT32_MAX;
        last = 0;
        for (int b = 0; b < bins_; b++)
            for (int i = 0; i < used_[b]; i++)
            {
                first = std::min(first, taps_[size_t(b) * capacity_ + i].index);
                last = std::max(last, taps_[size_t(b) * capacity_ + i].index + 1);
            }
        if (count == 0)
            first = 0;
        for (int b = 0; b < bins_; b++)
        {
            const Tap* own = &taps_[size_t(b) * capacity_];
            Tap* out = &taps_[size_t(b) * count];  // at or before `own`: never overwrites unread taps
            const int used = used_[b], index = used > 0 ? own[used - 1].index : first;
            for (int i = 0; i < used; i++)
                out[i] = own[i];
            for (int i = used; i < count; i++)
                out[i] = {index, 0.f, 0.f};
        }
        taps_.resize(size_t(bins_) * count);
    }
    const Tap* bin(int b) const { return taps_.data() + size_t(b) * count; }
    Tap* bin(int b) { return taps_.data() + size_t(b) * count; }
    int bins() const { return bins_; }

    int count = 0;            //!< taps per bin; 0: no sample of the RoI is on the map
    int first = 0, last = 0;  //!< cells used: first <= index < last

private:
    int bins_ = 0, capacity_ = 0;
    std::vector<Tap> taps_;
    std::vector<int> used_;
};

/** Part of a map as [row][column][16]. Cell (y, x) of the map is at data + ((y - y0) * width + (x - x0)) * 16. */
struct Patch
{
    float* data = nullptr;
    int y0 = 0, x0 = 0, width = 0;

    D2DET_INLINE float* row(int y) const { return data + (ptrdiff_t(y - y0) * width - x0) * CHANNEL_BLOCK; }
};

//! src [channels <= 16][planeStride], `count` consecutive cells -> dst [count][16], missing channels 0
void blockToLanes(const float* src, size_t planeStride, int channels, size_t count, float* dst);
//! src [count][16] -> dst [channels <= 16][planeStride]
void lanesToBlock(const float* src, size_t count, int channels, float* dst, size_t planeStride);

//! Usable RoIs per level and image, sorted from top to bottom of the map for locality in the cache.
template <typename Plan>
class RoIBuckets
{
public:
    RoIBuckets(const std::vector<Plan>& plans, int levels, int batch) : levels_(levels), lists_(size_t(levels) * batch)
    {
        for (size_t r = 0; r < plans.size(); r++)
            if (plans[r].level >= 0)
                lists_[size_t(plans[r].image) * levels + plans[r].level].push_back(static_cast<int>(r));
        for (std::vector<int>& list : lists_)
            std::stable_sort(list.begin(), list.end(),
                             [&](int a, int b) { return plans[a].firstRow() < plans[b].firstRow(); });
    }
    const std::vector<int>& at(int level, int image) const { return lists_[size_t(image) * levels_ + level]; }

private:
    int levels_;
    std::vector<std::vector<int>> lists_;
};

//! Rows of a map used by a list of RoIs, and total number of cells of their patches.
struct RowRange
{
    int first = INT32_MAX, last = 0;
    size_t cells = 0;

    template <typename Plan>
    RowRange(const std::vector<Plan>& plans, const std::vector<int>& list)
    {
        for (int r : list)
        {
            const Plan& plan = plans[r];
            if (plan.lastRow() <= plan.firstRow())
                continue;
            first = std::min(first, plan.firstRow());
            last = std::max(last, plan.lastRow());
            cells += size_t(plan.lastRow() - plan.firstRow()) * (plan.lastColumn() - plan.firstColumn());
        }
        if (last == 0)
            first = 0;
    }
};

/** Cells with channels last for the RoIs of one (level, image, channel block): one transposition of all used rows if
    the RoIs overlap, else one rectangle per RoI. No planes: data is null. */
class PatchSource
{
public:
    PatchSource(const float* planes, int height, int width, int channels, const RowRange& rows, Scratch& scratch)
        : planes_(planes), width_(width), channels_(channels), area_(size_t(height) * width), scratch_(scratch)
    {
        const size_t cells = size_t(rows.last - rows.first) * width;
        if (!planes)
            return;
        whole_ = rows.cells >= cells;
        if (!whole_)
            return;
        patch_.data = scratch.get(cells * CHANNEL_BLOCK);
        patch_.y0 = rows.first;
        patch_.width = width;
        blockToLanes(planes + size_t(rows.first) * width, area_, channels, cells, patch_.data);
    }
    template <typename Plan>
    const Patch& get(const Plan& plan)
    {
        if (whole_ || !planes_)
            return patch_;
        patch_.y0 = plan.firstRow();
        patch_.x0 = plan.firstColumn();
        patch_.width = plan.lastColumn() - plan.firstColumn();
        patch_.data = scratch_.get(size_t(plan.lastRow() - plan.firstRow()) * patch_.width * CHANNEL_BLOCK);
        for (int y = plan.firstRow(); y < plan.lastRow(); y++)
            blockToLanes(planes_ + size_t(y) * width_ + patch_.x0, area_, channels_, patch_.width,
                         patch_.data + size_t(y - patch_.y0) * patch_.width * CHANNEL_BLOCK);
        return patch_;
    }

private:
    const float* planes_;
    int width_, channels_;
    size_t area_;
    Scratch& scratch_;
    Patch patch_;
    bool whole_ = false;
};

/** Gradient of 16 planes of a map with channels last, for the rows in use; finish() writes the planes
    completely. */
class GradPatch
{
public:
    GradPatch(const RowRange& rows, int width, Scratch& scratch) : rows_(rows)
    {
        const size_t count = size_t(rows.last - rows.first) * width * CHANNEL_BLOCK;
        patch.data = scratch.get(count);
        patch.y0 = rows.first;
        patch.width = width;
        std::fill(patch.data, patch.data + count, 0.f);
    }
    void finish(float* planes, int height, int channels) const
    {
        const size_t width = patch.width, area = height * width;
        for (int c = 0; c < channels; c++)
        {
            std::fill(planes + c * area, planes + c * area + rows_.first * width, 0.f);
            std::fill(planes + c * area + rows_.last * width, planes + (c + 1) * area, 0.f);
        }
        lanesToBlock(patch.data, (rows_.last - rows_.first) * width, channels, planes + rows_.first * width, area);
    }
    Patch patch;

private:
    const RowRange& rows_;
};

//! Buffers of a thread.
struct PoolWorkspace
{
    Scratch features, gradient, bins, line;
};

//! One image and one block of at most 16 channels: the data of a task.
struct ChannelBlock
{
    int image, channel, channels;
    PoolWorkspace& workspace;

    //! First value of the block in the maps [batch, allChannels, area] or rows [rows, allChannels, numBins].
    size_t first(size_t row, int allChannels, size_t area) const { return (row * allChannels + channel) * area; }
};

//! Runs body(block) for all images and channel blocks.
template <typename Body>
void forEachBlock(int batch, int channels, const Body& body)
{
    const int blocks = (channels + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
    parallelFor(batch * blocks,
                [&](int begin, int end)
                {
                    ThreadLease<PoolWorkspace> workspace;
                    for (int i = begin; i < end; i++)
                    {
                        const int c = i % blocks * CHANNEL_BLOCK;
                        body(ChannelBlock{i / blocks, c, std::min(channels - c, CHANNEL_BLOCK), *workspace});
                    }
                });
}

/** Forward pass of a pooling operator. output [plans, channels, numBins].
    Plan: level (-1: not usable), image, empty(), firstRow() .. lastColumn().
    pool(plan, features, bins, workspace) writes the bins [numBins][16] of a RoI that is not empty. */
template <typename Plan, typename Pool>
void poolForward(const FeaturePyramid<float>& features, const std::vector<Plan>& plans, size_t numBins, float* output,
                 const Pool& pool)
{
    const int channels = features.channels;
    const RoIBuckets<Plan> buckets(plans, features.levels, features.batch);
    for (size_t r = 0; r < plans.size(); r++)
        if (plans[r].level < 0)
            std::fill_n(output + r * channels * numBins, channels * numBins, 0.f);
    forEachBlock(features.batch, channels,
                 [&](const ChannelBlock& block)
                 {
                     float* bins = block.workspace.bins.get(numBins * CHANNEL_BLOCK);
                     for (int level = 0; level < features.levels; level++)
                     {
                         const std::vector<int>& list = buckets.at(level, block.image);
                         if (list.empty())
                             continue;
                         const int height = features.height[level], width = features.width[level];
                         const float* planes =
                             features.data[level] + block.first(block.image, channels, size_t(height) * width);
                         PatchSource source(planes, height, width, block.channels, RowRange(plans, list),
                                            block.workspace.features);
                         for (const int r : list)
                         {
                             float* out = output + block.first(r, channels, numBins);
                             if (plans[r].empty())
                             {
                                 std::fill_n(out, block.channels * numBins, 0.f);
                                 continue;
                             }
                             pool(plans[r], source.get(plans[r]), bins, block.workspace);
                             lanesToBlock(bins, numBins, block.channels, out, numBins);
                         }
                     }
                 });
}

//! One RoI and one block of channels of a backward pass.
struct BackwardTask
{
    size_t roi;
    int channel;     //!< first of the block
    Patch features;  //!< without data if not needed
    Patch gradient;  //!< of the features, to be added to
    float* bins;     //!< [numBins][16]: gradient of the pooled values
    PoolWorkspace& workspace;
};

struct PoolGradients
{
    size_t numBins;
    const float* output;     //!< [plans, channels, numBins]
    float* const* features;  //!< overwritten
};

/** Backward pass of a pooling operator. scatter(plan, task) adds the gradient of one RoI.
    @param withFeatures the scatter function reads the features */
template <typename Plan, typename Scatter>
void poolBackward(const FeaturePyramid<float>& features, const std::vector<Plan>& plans, bool withFeatures,
                  const PoolGradients& grad, const Scatter& scatter)
{
    const size_t numBins = grad.numBins;
    const int channels = features.channels;
    const RoIBuckets<Plan> buckets(plans, features.levels, features.batch);
    forEachBlock(features.batch, channels,
                 [&](const ChannelBlock& block)
                 {
                     float* bins = block.workspace.bins.get(numBins * CHANNEL_BLOCK);
                     for (int level = 0; level < features.levels; level++)
                     {
                         const std::vector<int>& list = buckets.at(level, block.image);
                         const int height = features.height[level], width = features.width[level];
                         const size_t map = block.first(block.image, channels, size_t(height) * width);
                         const RowRange rows(plans, list);
                         GradPatch gradient(rows, width, block.workspace.gradient);
                         PatchSource source(withFeatures ? features.data[level] + map : nullptr, height, width,
                                            block.channels, rows, block.workspace.features);
                         for (const int r : list)
                         {
                             if (plans[r].empty())
                                 continue;
                             blockToLanes(grad.output + block.first(r, channels, numBins), numBins, block.channels,
                                          numBins, bins);
                             scatter(plans[r], BackwardTask{size_t(r), block.channel, source.get(plans[r]),
                                                            gradient.patch, bins, block.workspace});
                         }
                         gradient.finish(grad.features[level] + map, height, block.channels);
                     }
                 });
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
