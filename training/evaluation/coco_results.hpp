// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO's result format: a list of {"image_id", "category_id", "bbox": [x, y, width, height], "score"} and, for masks,
   "segmentation": {"size": [height, width], "counts": run lengths as COCO's string or as a list}, or outlines
   [[x, y, ...], ...]. Without "bbox" the bounding box of the mask or of the keypoints is used; an empty or null
   "segmentation" is none. "keypoints" is COCO's list x1, y1, v1, x2, ..., of which v is written as the score of the
   point, and not used.
   "mask_score" is an extension, written if a model ranks masks and boxes by different scores (mask scoring, model.md
   4.3); other programs ignore the key.

   "file_name" and "category_name", if given, say which image and class is meant: programs that know no annotations
   count images and classes in their own way. An "image_id" may be a text, such as the file name without extension
   (Ultralytics). An object {"images", "categories", "annotations"} is read as well: "annotations" (or "predictions",
   "results", "detections") are the results, and the other two give the names of their ids. */

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
    int64_t imageId = 0, categoryId = 0;  //!< as in the file; 0 if that has only texts
    std::string imageIdText;              //!< "image_id" if it is a text, also one that is a number
    std::string fileName, categoryName;   //!< empty: not in the file
    cv::Rect2d box;                       //!< image pixels
    double score = 0;
    double maskScore = 0;                           //!< equal to score without mask scoring
    cv::d2det::Rle mask;                            //!< empty: no mask
    std::vector<std::vector<double>> outline = {};  //!< x0, y0, x1, y1, ... of each part, instead of `mask`
    std::vector<cv::Vec3d> keypoints = {};          //!< x, y, score; empty: none
};

/** Reads a result file as a stream; memory is proportional to the stored results. A result that is none (no score, a
    number that is none, a box of negative size) is left out and counted in the notes, as are keypoints that are none;
    if all results are, or the file is malformed, there is one std::runtime_error with file, entry and reason.
@param notes for the user; may be null. */
std::vector<CocoResult> readCocoResults(const std::string& path, std::vector<std::string>* notes = nullptr);

//! Throws std::runtime_error if the file cannot be written.
void writeCocoResults(const std::string& path, const std::vector<CocoResult>& results);

}  // namespace d2det

#endif
