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

//! Whether a training draws the image: it has a usable box, or no object at all and data.empty_images takes it.
bool isTrainedOn(const ImageRecord& image, const DataConfig& config);

//! The batches of a loader with number % of == index, numbers from 0 at the begin of the run.
struct BatchShare
{
    int index = 0, of = 1;
};

struct LoaderOptions
{
    /** true: endless, shuffled, augmented, data.short_sides; images without a usable annotation are not drawn; an
        unreadable image is replaced by the next one of its group. false: one pass in the order of the data set (grouped
        by aspect ratio), not augmented, input.short_side; unreadable images are missing in their batch. */
    bool training = true;
    bool pinned = false;  //!< images in page-locked memory for asynchronous copies; needs a CUDA device
    bool masks = true;    //!< false: outlines serve augmentation alone, the batches have none
    BatchShare share;     //!< of several processes, each makes its own batches

    static LoaderOptions onePass()
    {
        LoaderOptions options;
        options.training = false;
        return options;
    }
};

class DataLoader
{
public:
    /** @param dataset see loadDatasets.
        @param batchSize images per batch.
        @param startIteration number of batches to skip without decoding.
        Throws Error for parameters rejected by checkConfig and if there is no image to draw. */
    DataLoader(Dataset dataset, const DataConfig& config, const InputConfig& input, int batchSize, uint64_t seed,
               int64_t startIteration = 0, const LoaderOptions& options = {});
    ~DataLoader();
    DataLoader(const DataLoader&) = delete;
    DataLoader& operator=(const DataLoader&) = delete;

    //! The next batch; false at the end of a validation pass. Throws Error if too many images are unusable.
    bool next(Batch& batch);

    //! The next batch of a training loader; throws Error at the end of a validation pass.
    Batch next();

    const Dataset& dataset() const;
    int64_t imagesPerEpoch() const;       //!< images drawn per epoch with repeats; repeat_factor: on average
    double waitSeconds() const;           //!< total time spent in next() so far
    std::string samplingSummary() const;  //!< what data.sampling does; "" for uniform
    //! First unusable images, images without annotations, outlines that copy-paste lacks.
    std::vector<std::string> warnings() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace d2det

#endif
