// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Copies batches to the device. Streams and events use the device-independent interface of LibTorch, which is available
   in builds with and without CUDA. */

#include "engine/batch_feeder.hpp"

#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

namespace d2det
{

BatchFeeder::BatchFeeder(std::function<Batch()> source, torch::Device device)
    : source_(std::move(source)), device_(device)
{
    if (device_.is_cuda())
        copyStream_ = c10::impl::VirtualGuardImpl(device_.type()).getStreamFromGlobalPool(device_);
}

void BatchFeeder::prefetch()
{
    if (!copyStream_ || ahead_)
        return;
    Sent sent{source_(), torch::Tensor(), c10::Event(device_.type())};
    sent.host = sent.batch.images.images;
    {
        const c10::StreamGuard guard(*copyStream_);
        sent.batch.images.images = sent.host.to(device_, /*non_blocking=*/true);
        sent.copied.record(*copyStream_);
    }
    ahead_.emplace(std::move(sent));
}

Batch BatchFeeder::next()
{
    if (!copyStream_)
        return source_();
    prefetch();
    const c10::Stream working = c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
    ahead_->copied.block(working);
    Batch batch = std::move(ahead_->batch);
    // The memory belongs to the copy stream and must not be reused there before the step has read the batch.
    batch.images.images.record_stream(working);
    ahead_.reset();
    return batch;
}

}  // namespace d2det
