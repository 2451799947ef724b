// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Data loader of training and validation: decodes, augments, calls prepareInput and pads to a common size, in
   background threads.

   The sequence of batches depends only on the data set, the configuration, the batch size and the seed; it is bitwise
   independent of the number of threads and of the iteration at which a run resumes. Boxes are continuous
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
        @param startIteration number of batches to skip without decoding.
        @param training true: endless, shuffled, augmented, data.short_sides; images without a usable annotation are not
        drawn; an unreadable image is replaced by the next one of its group. false: one pass in the order of the data
        set (grouped by aspect ratio), not augmented, input.short_side; unreadable images are missing in their batch.
        @param masks false: outlines serve augmentation alone, the batches have none.
        @param pinned place the images in page-locked memory for asynchronous copies; needs a CUDA device.
        Throws Error for parameters rejected by checkConfig and if there is no image to draw. */
    DataLoader(Dataset dataset, const DataConfig& config, const InputConfig& input, int batchSize, uint64_t seed,
               int64_t startIteration = 0, bool training = true, bool pinned = false, bool masks = true);
    ~DataLoader();
    DataLoader(const DataLoader&) = delete;
    DataLoader& operator=(const DataLoader&) = delete;

    //! The next batch; false at the end of a validation pass. Throws Error if too many images are unusable.
    bool next(Batch& batch);

    //! The next batch of a training loader; throws Error at the end of a validation pass.
    Batch next();

    const Dataset& dataset() const;
    int64_t imagesPerEpoch() const;  //!< images drawn per epoch, including repeats
    double waitSeconds() const;      //!< total time spent in next() so far
    std::vector<std::string> warnings()
        const;  //!< first unusable images, images without annotations, outlines that copy-paste lacks

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace d2det

#endif
