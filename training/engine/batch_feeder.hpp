// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Batches for a step, on the device of the model. On a CUDA device the images of the next batch are copied while the
   device works on the current one: from pinned memory, on a stream of their own, one batch ahead. Targets stay on the
   CPU, where sampling needs them. On the CPU a batch is handed over as the loader makes it. */

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
    //! @param source the next batch on the CPU. Its images should be pinned if the device is a CUDA device.
    BatchFeeder(std::function<Batch()> source, torch::Device device);

    Batch next();

    //! Begins to copy the batch that the next call of next() returns. Call it when the work of a step is enqueued; on
    //! the CPU it does nothing. May wait for the source, not for the device.
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
