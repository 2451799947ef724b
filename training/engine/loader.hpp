// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Batches for the trainer and for validation: decode, augment, prepareInput, pad to a common size, in background
   threads.

   The sequence of batches is a function of the data set, the configuration, the batch size and the seed: the number of
   threads and the iteration at which a run resumes do not change it, bit for bit. Boxes are modern continuous
   (x1, y1, x2, y2) in network-input pixels. */

#ifndef D2DET_TRAINING_LOADER_HPP
#define D2DET_TRAINING_LOADER_HPP

#include "dataset/dataset.hpp"
#include "structures/structures.hpp"

#include <memory>

namespace d2det
{

class DataLoader
{
public:
    /** @param dataset see loadDatasets.
        @param batchSize images per batch.
        @param startIteration batches to leave out; nothing is decoded for them.
        @param training true: endless, shuffled, augmented, data.short_sides; images without a usable annotation are not
        drawn; an unreadable image is replaced by the next one of its group. false: one pass in the order of the data
        set (grouped by aspect), as in the file, input.short_side; unreadable images are missing from their batch.
        @param pinned the images lie in page-locked memory, from which a CUDA device copies without the CPU; needs one.
        Throws Error for parameters that checkConfig refuses and if there is nothing to draw. */
    DataLoader(Dataset dataset, const DataConfig& config, const InputConfig& input, int batchSize, uint64_t seed,
               int64_t startIteration = 0, bool training = true, bool pinned = false);
    ~DataLoader();
    DataLoader(const DataLoader&) = delete;
    DataLoader& operator=(const DataLoader&) = delete;

    //! The next batch; false at the end of a validation pass. Throws Error when too many images are bad.
    bool next(Batch& batch);

    //! The same in training; Error at the end of a validation pass.
    Batch next();

    const Dataset& dataset() const;
    int64_t imagesPerEpoch() const;             //!< drawn per epoch, repeats included
    double waitSeconds() const;                 //!< time spent in next() so far
    int64_t numBadImages() const;               //!< found so far
    std::vector<std::string> warnings() const;  //!< first bad images, images without annotations

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace d2det

#endif
