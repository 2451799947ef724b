// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Batches on the device of the model. For a CUDA device the images of the next batch are copied during the computation
   on the current one: from pinned memory, on a separate stream, one batch ahead. Targets stay on the CPU for sampling.
   On the CPU the batches of the loader are passed through. */

#ifndef D2DET_TRAINING_BATCH_FEEDER_HPP
#define D2DET_TRAINING_BATCH_FEEDER_HPP

#include "structures/structures.hpp"

#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <functional>
#include <optional>

namespace d2det
{

class BatchFeeder
{
public:
    //! @param source returns the next batch on the CPU, with pinned images (recommended) for a CUDA device.
    BatchFeeder(std::function<Batch()> source, torch::Device device);

    Batch next();

    //! Starts the copy of the batch for the following next(). To be called after a step is enqueued; no effect on the
    //! CPU. May wait for the source, but not for the device.
    void prefetch();

private:
    struct Sent
    {
        Batch batch;
        torch::Tensor host;  // the pinned images, kept until the copy is ordered before its use
        c10::Event copied;
    };

    std::function<Batch()> source_;
    torch::Device device_;
    std::optional<c10::Stream> copyStream_;
    std::optional<Sent> ahead_;
};

}  // namespace d2det

#endif
