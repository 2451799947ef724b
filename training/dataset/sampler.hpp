// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Which images form a batch. The endless sequence of batches is a function of the entries, the batch size and the seed
   alone.

   Every epoch goes once through a fresh permutation of the entries. An entry joins the waiting list of its group (wide
   or tall images); a list that reaches the batch size becomes a batch. What waits at the end of an epoch stays at the
   front of the next, so no entry is lost and every batch is full. */

#ifndef D2DET_TRAINING_SAMPLER_HPP
#define D2DET_TRAINING_SAMPLER_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace d2det
{

struct SampleEntry
{
    int64_t image = 0;  //!< index into Dataset::images
    int group = 0;      //!< 0 or 1
};

//! One drawn sample; (epoch, position) names its random stream.
struct SampleDraw
{
    SampleEntry entry;
    int64_t epoch = 0;
    int64_t position = 0;
};

class BatchSampler
{
public:
    //! Throws std::invalid_argument for no entries or batchSize < 1. Not `endless`: one pass in order, short batches
    //! last.
    BatchSampler(std::vector<SampleEntry> entries, int batchSize, uint64_t seed, bool endless);

    std::vector<SampleDraw> next();  //!< empty after the end of a single pass
    void skip(int64_t batches);

private:
    void beginEpoch();

    std::vector<SampleEntry> entries_;
    size_t batchSize_;
    uint64_t seed_;
    bool endless_;
    std::vector<size_t> order_;
    int64_t epoch_ = -1;
    size_t position_ = 0;
    std::array<std::vector<SampleDraw>, 2> waiting_;
};

}  // namespace d2det

#endif
