// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO file -> plain records, parsed from JSON events. References between records are resolved in dataset.cpp. */

#ifndef D2DET_TRAINING_COCO_READER_HPP
#define D2DET_TRAINING_COCO_READER_HPP

#include "dataset/raw_dataset.hpp"

namespace d2det
{

//! Parses the file; imageFolder stays empty. Throws std::runtime_error with file, position and reason.
RawDataset parseCoco(const std::string& path, bool keepSegmentation, bool keepKeypoints = false);

}  // namespace d2det

#endif
