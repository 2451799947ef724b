// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Annotations and the results of one detector, combined for evaluation. */

#ifndef D2DET_TRAINING_DETECTION_SET_HPP
#define D2DET_TRAINING_DETECTION_SET_HPP

#include "dataset/dataset.hpp"
#include "evaluation/coco_results.hpp"
#include "evaluation/error_analysis.hpp"
#include "evaluation/ground_truth.hpp"

namespace d2det
{

std::vector<AnalyzedClass> analyzedClasses(const EvaluatedData& data);

struct DetectionSet
{
    std::string name;
    //! Separate evaluators, because masks may be ranked by other scores. Detections of both include the masks.
    cv::d2det::CocoEvaluator boxes, masks;
    cv::d2det::CocoEvaluator keypoints;
    bool hasKeypoints = false;  //!< annotations and results have keypoints
    std::vector<int64_t> imageIds;
    std::vector<int64_t> maskImageIds;  //!< images in which every object has an outline; empty: masks are not evaluated
    std::vector<int64_t> imagesWithResults;  //!< ids, ascending
    bool isRun = false;                      //!< the results of a run over some files, see ResultMatcher
    std::vector<std::string> notes;          //!< for the user: ignored results
};

/** Results are for the images and categories that ResultMatcher says. Masks are evaluated if at least one result has a
    mask, on the images selected by addGroundTruth (requires ReadOptions::keepSegmentation); keypoints, if at least one
    result and one object of the same class have them (requires ReadOptions::keepKeypoints). Results for images or
    categories that are unknown or not evaluated are ignored and counted in the notes; if one of these reasons applies
    to all results, std::runtime_error is thrown. */
DetectionSet makeDetectionSet(const EvaluatedData& data, const std::string& name,
                              const std::vector<CocoResult>& results);

//! Analysis of boxes or masks. @param iouType cv::d2det::IOU_BOX or IOU_MASK.
Analysis analyze(const DetectionSet& set, const EvaluatedData& data, int iouType,
                 double score = std::numeric_limits<double>::quiet_NaN());

}  // namespace d2det

#endif
