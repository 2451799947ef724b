// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO's result format: a list of {"image_id", "category_id", "bbox": [x, y, width, height], "score"} and, for masks,
   "segmentation": {"size": [height, width], "counts": run lengths as COCO's string or as a list}. Without "bbox" the
   bounding box of the mask is used. "mask_score" is an extension, written if a model ranks masks and boxes by different
   scores (mask scoring, model.md 4.3); other programs ignore the key. */

#ifndef D2DET_TRAINING_COCO_RESULTS_HPP
#define D2DET_TRAINING_COCO_RESULTS_HPP

#include <opencv2/d2det/masks.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace d2det
{

struct CocoResult
{
    int64_t imageId = 0, categoryId = 0;
    cv::Rect2d box;  //!< image pixels
    double score = 0;
    double maskScore = 0;  //!< equal to score without mask scoring
    cv::d2det::Rle mask;   //!< empty: no mask
};

/** Reads a result file as a stream; memory is proportional to the stored results. A malformed file causes one
    std::runtime_error with file, entry and reason. */
std::vector<CocoResult> readCocoResults(const std::string& path);

//! Throws std::runtime_error if the file cannot be written.
void writeCocoResults(const std::string& path, const std::vector<CocoResult>& results);

}  // namespace d2det

#endif
