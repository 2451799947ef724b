// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO's result format: a list of {"image_id", "category_id", "bbox": [x, y, width, height], "score"} and, for masks,
   "segmentation": {"size": [height, width], "counts": run lengths as COCO's string or as a list}. Without "bbox" the
   box is the one around the mask. One key of our own, "mask_score", is there where a model ranks masks by another score
   than boxes (mask scoring, model.md 4.3); other programs pass over it. */

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
    double maskScore = 0;  //!< equal to score if the detector has no other
    cv::d2det::Rle mask;   //!< empty: none
};

/** Reads a result file. It is parsed as a stream, memory grows with what is kept. Any bytes give a list or one
    std::runtime_error: file, entry, reason. */
std::vector<CocoResult> readCocoResults(const std::string& path);

//! Throws std::runtime_error if the file cannot be written.
void writeCocoResults(const std::string& path, const std::vector<CocoResult>& results);

}  // namespace d2det

#endif
