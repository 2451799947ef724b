// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Checks a data set for defects that training would report late or not at all. Each finding refers to an image and an
   annotation.

   Errors: reading fails or drops records. Warnings: probably unintended.
     missing-image unreadable-image truncated-image size-differs bad-file-name left-out
     clashing-id unknown-image unknown-category bad-box zero-box box-outside bad-mask bad-keypoints errors
     repeated box-beyond duplicate-box duplicate-file-name fractions-as-pixels mask-misfit empty-mask stray-points
     box-of-outline empty-class not-compared noted seen-elsewhere keypoint-outside keypoint-count   warnings */

#ifndef D2DET_TRAINING_LINT_HPP
#define D2DET_TRAINING_LINT_HPP

#include "dataset/raw_dataset.hpp"

#include <optional>

namespace d2det
{

struct Finding
{
    bool error = false;  //!< false: warning
    std::string code;    //!< a code listed at the head of this file, such as "bad-box"
    std::optional<int64_t> imageId, annotationId;
    std::string place;  //!< file; VOC and YOLO: file:line
    std::string message;
};

struct LintReport
{
    std::vector<Finding> findings;  //!< images first, then annotations, each in the order of the file
    int64_t images = 0, annotations = 0, errors = 0, warnings = 0;
};

struct LintOptions
{
    bool decode = true;  //!< false: read only the image headers
};

//! @param raw from readRaw with ReadOptions::keepSegmentation and keepKeypoints.
LintReport lint(const RawDataset& raw, const LintOptions& options = LintOptions());

//! Adds a warning "seen-elsewhere" for each image with a near duplicate in another data set (near_duplicates.hpp).
void addSeenElsewhere(const RawDataset& raw, const RawDataset& other, LintReport& report);

}  // namespace d2det

#endif
