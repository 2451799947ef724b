// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Annotations and the results of one detector, put together for measuring. */

#ifndef D2DET_TRAINING_DETECTION_SET_HPP
#define D2DET_TRAINING_DETECTION_SET_HPP

#include "dataset/dataset.hpp"
#include "evaluation/coco_results.hpp"
#include "evaluation/error_analysis.hpp"
#include "evaluation/ground_truth.hpp"

namespace d2det
{

std::vector<AnalysedClass> analysedClasses(const EvaluatedData& data);

struct DetectionSet
{
    std::string name;
    //! Apart, because masks may be ranked by other scores. The detections of both carry their masks.
    cv::d2det::CocoEvaluator boxes, masks;
    std::vector<int64_t> imageIds;
    std::vector<int64_t> maskImageIds;  //!< the images whose objects all have an outline; empty: no mask is measured
    std::vector<std::string> notes;     //!< for the user: what was left out
};

/** Masks are measured if at least one result has one, on the images that addGroundTruth chooses (the data set must have
    been read with outlines). Results of images or categories that the annotations do not have are left out and
    named in the notes; if none is left of some, std::runtime_error. */
DetectionSet makeDetectionSet(const EvaluatedData& data, const std::string& name,
                              const std::vector<CocoResult>& results);

//! Box numbers, or mask numbers if iouType says so.
Analysis analyse(const DetectionSet& set, const EvaluatedData& data, int iouType,
                 double score = std::numeric_limits<double>::quiet_NaN());

}  // namespace d2det

#endif
