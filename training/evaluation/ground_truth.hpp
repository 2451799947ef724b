// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Annotations as the ground truth of COCO's metric, by one rule for the trainer's validation and for d2det_evaluate. */

#ifndef D2DET_TRAINING_GROUND_TRUTH_HPP
#define D2DET_TRAINING_GROUND_TRUTH_HPP

#include "dataset/dataset.hpp"

#include <opencv2/d2det/metrics.hpp>

#include <cstdint>
#include <vector>

namespace d2det
{

//! What is measured. The data set must outlive it.
struct EvaluatedData
{
    const Dataset* dataset = nullptr;
    std::vector<int> classes;    //!< indices into Dataset::classNames
    std::vector<size_t> images;  //!< indices into Dataset::images

    //! All classes and images.
    static EvaluatedData all(const Dataset& dataset);
};

struct EvaluatedImages
{
    std::vector<int64_t> boxes;  //!< ids, in the order of EvaluatedData::images
    std::vector<int64_t> masks;  //!< ids of those whose masks are measured; empty: no mask is measured
};

/** @brief Adds the objects of the evaluated classes and images, and sets images and categories of both evaluators.

Masks are measured on the images in which every object has a usable outline; false positives on images without objects
count, as in pycocotools. If no object at all has an outline, no mask is measured.
@param categoryIds by class index: what the evaluators call the classes.
@param withMasks false: masks are not measured. */
EvaluatedImages addGroundTruth(const EvaluatedData& data, const std::vector<int64_t>& categoryIds, bool withMasks,
                               cv::d2det::CocoEvaluator& boxes, cv::d2det::CocoEvaluator& masks);

}  // namespace d2det

#endif
