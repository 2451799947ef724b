// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO average precision of a model in the trainer, computed by cv::d2det::CocoEvaluator (operators.md 6). Images are
   read by readAnnotatedImage, ground truth comes from addGroundTruth: the results equal those of d2det_evaluate. */

#ifndef D2DET_TRAINING_VALIDATION_HPP
#define D2DET_TRAINING_VALIDATION_HPP

#include "config/config.hpp"
#include "dataset/dataset.hpp"
#include "distributed/process_group.hpp"
#include "model/detector.hpp"

#include <opencv2/core/mat.hpp>

#include <functional>
#include <map>
#include <string>

namespace d2det
{

struct Evaluation
{
    std::string name;                      //!< name of the data set
    std::vector<double> summary;           //!< the 12 COCO metrics: AP, AP50, AP75, ...; -1 if undefined
    std::vector<double> maskSummary;       //!< the same for masks; empty if the model or the annotations have no masks
    std::vector<double> categoryAP;        //!< AP by class index
    std::map<std::string, double> losses;  //!< see validationLosses; empty: not computed
    int64_t images = 0;
    int64_t detections = 0;
    int64_t unreadable = 0;  //!< skipped images: decoding failed or size differs from the annotation
    double seconds = 0;
    bool complete = true;  //!< false: stopped early, metrics are not meaningful
};

//! Detections in an image, for drawing.
struct ImageResult
{
    cv::Mat image;               //!< as read, 8-bit BGR
    cv::Mat detections;          //!< N x 6 CV_32F, input format of cv::d2det::drawDetections
    std::vector<cv::Mat> masks;  //!< N masks of the image size, or none for a model without masks
};

//! Images of a data set selected for display.
struct Gallery
{
    std::vector<size_t> indices;  //!< indices into Dataset::images, ascending
    std::function<void(const ImageRecord&, const ImageResult&)> show;
};

//! Deterministic selection of at most `count` images with objects, spread over the data set.
std::vector<size_t> chooseImages(const Dataset& dataset, size_t count);

/** @brief Runs the detector over a data set, one image at a time.
@param dataset class indices must refer to the classes of the model (ReadOptions::classNames).
@param maxBadFraction a larger fraction of unusable images throws std::runtime_error.
@param stop called before every image; true ends the evaluation.
@param gallery images to display with detections.
@param progress called before every image with its index.
@param group processes that share the images: all of them get the same result, that of a single process. Images of the
gallery are shown in process 0. Null: a single process. */
Evaluation evaluate(Detector& detector, const Dataset& dataset, double maxBadFraction,
                    const std::function<bool()>& stop, const Gallery& gallery = {},
                    const std::function<void(size_t)>& progress = {}, ProcessGroup* group = nullptr);

/** @brief Losses of training on a data set, means over its images: of batches of solver.batch_size, not augmented,
resized as for inference, float32, without gradients. Random numbers (sampling of anchors and RoIs, jitter) depend on
solver.seed and the position of the batch alone: the same weights give the same losses.
@param dataset read as for training. Images that a training would not draw (isTrainedOn) are left out.
@param stop called before every batch; true gives an empty result.
@param progress called before every batch with the number of images done and of all.
@param group as for evaluate(); its processes share the batches.
@return the loss by name, "" for their sum; empty without an image. */
std::map<std::string, double> validationLosses(Detector& detector, Dataset dataset, const Config& config,
                                               const std::function<bool()>& stop,
                                               const std::function<void(size_t, size_t)>& progress = {},
                                               ProcessGroup* group = nullptr);

}  // namespace d2det

#endif
