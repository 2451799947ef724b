// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO average precision of a model in the trainer, by the numbers of cv::d2det::CocoEvaluator (operators.md 6). Images
   are read by readAnnotatedImage, ground truth comes from addGroundTruth: the numbers equal those of d2det_evaluate. */

#ifndef D2DET_TRAINING_VALIDATION_HPP
#define D2DET_TRAINING_VALIDATION_HPP

#include "dataset/dataset.hpp"
#include "model/detector.hpp"

#include <opencv2/core/mat.hpp>

#include <functional>

namespace d2det
{

struct Evaluation
{
    std::string name;                 //!< of the data set
    std::vector<double> summary;      //!< the 12 COCO numbers: AP, AP50, AP75, ...; -1 where nothing can be counted
    std::vector<double> maskSummary;  //!< the same of the masks; empty if the model has none or no object has one
    std::vector<double> categoryAP;   //!< by class
    int64_t images = 0;
    int64_t detections = 0;
    int64_t unreadable = 0;  //!< images that could not be decoded or have another size than annotated: left out
    double seconds = 0;
    bool complete = true;  //!< false: stopped early, the numbers mean nothing
};

//! What the detector found in an image, for images of it.
struct ImageResult
{
    cv::Mat image;               //!< as read, 8-bit BGR
    cv::Mat detections;          //!< N x 6 CV_32F as cv::d2det::drawDetections takes it
    std::vector<cv::Mat> masks;  //!< N of the size of the image, or none if the model makes none
};

//! Images of a data set that are to be shown.
struct Gallery
{
    std::vector<size_t> indices;  //!< of the data set, ascending
    std::function<void(const ImageRecord&, const ImageResult&)> show;
};

//! Images with objects, spread over the data set, always the same; fewer than `count` if there are not so many.
std::vector<size_t> chooseImages(const Dataset& dataset, size_t count);

/** @brief Runs the detector over a data set, one image at a time.
@param dataset its class indices must refer to the model's classes (ReadOptions::classNames).
@param maxBadFraction share of images that cannot be used beyond which std::runtime_error is thrown.
@param stop asked before every image; true ends the evaluation.
@param gallery images whose detections are shown. */
Evaluation evaluate(Detector& detector, const Dataset& dataset, double maxBadFraction,
                    const std::function<bool()>& stop, const Gallery& gallery = {});

}  // namespace d2det

#endif
