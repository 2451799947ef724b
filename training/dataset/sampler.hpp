// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Composition of batches. The endless sequence of batches depends only on the entries, the batch size and the seed.

   Every epoch iterates over a new permutation of the entries. An entry is appended to the waiting list of its group
   (wide or tall images); a list with batchSize entries becomes a batch. Entries still waiting at the end of an epoch
   come first in the next one, so no entry is lost and every batch is full.

   An entry with the factor r is drawn floor(r) times per epoch and once more with the probability r - floor(r), decided
   anew in every epoch: r times on average (stochastic rounding). The length of an epoch varies by that. */

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
    double factor = 1;  //!< mean number of draws per epoch, 1 to 1000
};

//! One drawn sample; (epoch, position) identifies its random stream.
struct SampleDraw
{
    SampleEntry entry;
    int64_t epoch = 0;
    int64_t position = 0;
};

class BatchSampler
{
public:
    //! @param endless false: one pass in the order of the entries, incomplete batches last.
    //! Throws std::invalid_argument if there are no entries, batchSize < 1 or a factor is below 1.
    BatchSampler(std::vector<SampleEntry> entries, int batchSize, uint64_t seed, bool endless);

    //! Entries drawn per epoch on average, rounded.
    int64_t entriesPerEpoch() const;

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
