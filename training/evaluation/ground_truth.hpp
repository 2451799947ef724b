// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Annotations as ground truth of the COCO metric; one rule for validation in the trainer and for d2det_evaluate. */

#ifndef D2DET_TRAINING_GROUND_TRUTH_HPP
#define D2DET_TRAINING_GROUND_TRUTH_HPP

#include "dataset/dataset.hpp"

#include <opencv2/d2det/metrics.hpp>

#include <cstdint>
#include <vector>

namespace d2det
{

//! Evaluated part of a data set, which must outlive this object.
struct EvaluatedData
{
    const Dataset* dataset = nullptr;
    std::vector<int> classes;                 //!< indices into Dataset::classNames
    std::vector<size_t> images;               //!< indices into Dataset::images
    std::vector<double> keypointSigmas = {};  //!< CocoEvaluator::setKeypointSigmas; empty: the default

    //! All classes and images.
    static EvaluatedData all(const Dataset& dataset);
};

struct EvaluatedImages
{
    std::vector<int64_t> boxes;  //!< ids, in the order of EvaluatedData::images
    std::vector<int64_t> masks;  //!< ids of the images with evaluated masks; empty: masks are not evaluated
};

/** @brief Adds the objects of the evaluated classes and images, and sets images and categories of both evaluators.

Masks are evaluated on the images in which every object has a usable outline; false positives on images without objects
count, as in pycocotools. If no object has an outline, masks are not evaluated.
@param categoryIds category ids in the evaluators, by class index.
@param withMasks false: masks are not evaluated. */
EvaluatedImages addGroundTruth(const EvaluatedData& data, const std::vector<int64_t>& categoryIds, bool withMasks,
                               cv::d2det::CocoEvaluator& boxes, cv::d2det::CocoEvaluator& masks);

/** @brief Adds the objects of the evaluated classes that have keypoints (Dataset::keypoints), and sets images,
categories and sigmas. Objects without labeled keypoints are added too: pycocotools forgives detections there.
@param categoryIds category ids in the evaluator, by class index.
@return false: no object of an evaluated class has a labeled keypoint; nothing is added.
Throws std::runtime_error if there are not as many sigmas as keypoints of a class. */
bool addKeypointGroundTruth(const EvaluatedData& data, const std::vector<int64_t>& categoryIds,
                            cv::d2det::CocoEvaluator& keypoints);

}  // namespace d2det

#endif
