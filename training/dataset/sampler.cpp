// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/sampler.hpp"

#include "base/random.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

namespace d2det
{

namespace
{

// Separate the permutation and the rounding of factors from the sample streams.
constexpr uint64_t ORDER_STREAM = 0x6f72646572ull;
constexpr uint64_t REPEAT_STREAM = 0x726570656174ull;

constexpr double LARGEST_FACTOR = 1000;

}  // namespace

BatchSampler::BatchSampler(std::vector<SampleEntry> entries, int batchSize, uint64_t seed, bool endless)
    : entries_(std::move(entries)), batchSize_(static_cast<size_t>(batchSize)), seed_(seed), endless_(endless)
{
    if (batchSize < 1)
        throw std::invalid_argument("batch size is " + std::to_string(batchSize) + ", it must be at least 1");
    if (entries_.empty())
        throw std::invalid_argument("there is no image to draw batches from");
    for (const SampleEntry& entry : entries_)
        if (entry.group < 0 || entry.group > 1)
            throw std::invalid_argument("group is " + std::to_string(entry.group) + ", expected 0 or 1");
        else if (!(entry.factor >= 1 && entry.factor <= LARGEST_FACTOR))
            throw std::invalid_argument("repeat factor is " + std::to_string(entry.factor) + ", expected 1 to 1000");
    beginEpoch();
}

void BatchSampler::beginEpoch()
{
    epoch_++;
    position_ = 0;
    order_.clear();
    Random rounding(seed_, REPEAT_STREAM, static_cast<uint64_t>(epoch_));
    for (size_t i = 0; i < entries_.size(); i++)
    {
        const double factor = endless_ ? entries_[i].factor : 1;
        const double least = std::floor(factor);
        // Every entry takes a number, so that its draws do not depend on the factors of others.
        const bool oneMore = rounding.uniform() < factor - least;
        order_.insert(order_.end(), static_cast<size_t>(least) + (oneMore ? 1 : 0), i);
    }
    if (endless_)
        Random(seed_, ORDER_STREAM, static_cast<uint64_t>(epoch_)).shuffle(order_);
}

int64_t BatchSampler::entriesPerEpoch() const
{
    double sum = 0;
    for (const SampleEntry& entry : entries_)
        sum += endless_ ? entry.factor : 1;
    return std::llround(sum);
}

std::vector<SampleDraw> BatchSampler::next()
{
    std::vector<SampleDraw> batch;
    for (;;)
    {
        if (position_ == order_.size())
        {
            if (!endless_)
            {
                batch.swap(waiting_[0].empty() ? waiting_[1] : waiting_[0]);
                return batch;
            }
            beginEpoch();
        }
        const SampleEntry& entry = entries_[order_[position_]];
        std::vector<SampleDraw>& list = waiting_[static_cast<size_t>(entry.group)];
        list.push_back({entry, epoch_, static_cast<int64_t>(position_)});
        position_++;
        if (list.size() == batchSize_)
        {
            batch.swap(list);
            return batch;
        }
    }
}

void BatchSampler::skip(int64_t batches)
{
    for (int64_t i = 0; i < batches; i++)
        next();
}

}  // namespace d2det
