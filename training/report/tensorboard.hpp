// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* TensorBoard event files: `tensorboard --logdir <run folder>` shows the metrics and images of a training run.

   A file is a sequence of records (TensorFlow's tfrecord): length (uint64), masked CRC of the length (uint32), data,
   masked CRC of the data (uint32), all little-endian; the CRC is CRC-32C (Castagnoli), masked by rotating it right by
   15 bits and adding 0xa282ead8. The data of a record is one protobuf message `Event`
   (tensorflow/core/util/event.proto, framework/summary.proto). No dependency on TensorFlow, protobuf or LibTorch. */

#ifndef D2DET_TRAINING_TENSORBOARD_HPP
#define D2DET_TRAINING_TENSORBOARD_HPP

#include "report/events.hpp"

#include <cstddef>

namespace d2det
{

//! CRC-32C of `size` bytes. Check value: 0xe3069283 for "123456789".
uint32_t crc32c(const void* data, size_t size);

//! Masked CRC as required by TFRecord: rotated right by 15 bits, plus 0xa282ead8.
uint32_t maskedCrc32c(const void* data, size_t size);

/** Writes a new file events.out.tfevents.<unix time>.<host>.<process id> into a folder. Every write is flushed, so no
    written event is lost if the process is killed. Write errors throw std::runtime_error. */
class TensorBoardSink : public EventSink
{
public:
    /** @param folder existing folder.
        @param iteration steps done so far. A session start event discards later steps of earlier files in the folder:
        a resumed run repeats these steps. */
    TensorBoardSink(const std::string& folder, int64_t iteration);

    void write(const Progress& progress, const Values& values) override;
    void image(const Progress& progress, const std::string& name, const cv::Mat& image) override;

    const std::string& path() const { return path_; }

private:
    void writeEvent(int64_t step, const std::string& what);

    std::string path_;
    std::ofstream file_;
};

}  // namespace d2det

#endif
