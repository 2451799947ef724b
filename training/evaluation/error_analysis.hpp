// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Breakdown of an average precision: curves, confusion matrix, error types, best and worst images.

   All numbers are based on the matching of CocoEvaluator. Average precision as in COCO: mean over IoU 0.50, 0.55 ..
   0.95 and over the classes with objects, 101 recall points, at most 100 detections per image and class. Crowd regions
   do not count as objects; detections on crowds are neither right nor wrong.

   Operating point: the score threshold of the detector in use. Default: the score with the highest
   F1 = 2 TP / (2 TP + FP + FN), all classes together, IoU 0.5.

   Error types after Bolya, Foley, Hays, Hoffman: "TIDE: A General Toolbox for Identifying Object Detection Errors",
   ECCV 2020, with IoU f = 0.5 for the foreground and b = 0.1 for the background. A wrong detection (matched with no
   object at IoU f) is, by the first rule that holds,
     localization    the best IoU with an object of its class lies in [b, f)
     classification  the best IoU with an object of another class is >= f
     duplicate       the best IoU with an object of its class is >= f (that object is matched with a better detection)
     background      the best IoU with any object is < b
     both            else: wrong class and a poor box
   and an object is missed if it is neither matched with a detection nor the best object of a localization or
   classification error. The cost of an error type is the gain in AP at IoU f if this type is fixed: among the
   localization and classification errors of the same unmatched object the best one becomes right, all other errors are
   removed, missed objects are removed from the ground truth. A class without remaining objects and detections counts as
   AP 1, so that fixing all types gives AP 1. The costs of the single types do not necessarily add up, because errors
   mask each other. */

#ifndef D2DET_TRAINING_ERROR_ANALYSIS_HPP
#define D2DET_TRAINING_ERROR_ANALYSIS_HPP

#include <opencv2/d2det/metrics.hpp>

#include <array>
#include <limits>
#include <string>
#include <vector>

namespace d2det
{

struct AnalyzedClass
{
    int64_t id = 0;
    std::string name;
};

struct AnalysisOptions
{
    std::vector<AnalyzedClass> classes;  //!< those of setCategories
    std::vector<int64_t> imageIds;       //!< those of setImages
    int iouType = cv::d2det::IOU_BOX;
    double score = std::numeric_limits<double>::quiet_NaN();  //!< operating point; NaN: that of the highest F1
};

//! Right, wrong and missed at the operating point.
struct Outcomes
{
    int right = 0, wrong = 0, missed = 0;

    double precision() const;  //!< NaN without a detection
    double recall() const;     //!< NaN without an object
    double f1() const;         //!< NaN without objects and detections
};

//! Metrics of a class; average precision and recall are -1 without objects.
struct ClassNumbers
{
    AnalyzedClass which;
    double ap = -1, ap50 = -1, ap75 = -1, ap90 = -1, ar100 = -1;
    int objects = 0;     //!< without crowds
    int detections = 0;  //!< all scores, at most 100 per image
    Outcomes outcomes;
    double bestScore =
        std::numeric_limits<double>::quiet_NaN();  //!< of the highest F1 of this class; NaN: none is right
};

enum ErrorType
{
    ERROR_LOCALIZATION,
    ERROR_CLASSIFICATION,
    ERROR_DUPLICATE,
    ERROR_BACKGROUND,
    ERROR_BOTH,
    ERROR_MISSED,
    NUM_ERROR_TYPES
};

//! Name of an ErrorType, such as "localization".
const char* errorName(int type);

struct ErrorBreakdown
{
    std::array<int, NUM_ERROR_TYPES> all{};      //!< number of errors, detections of all scores
    std::array<int, NUM_ERROR_TYPES> counts{};   //!< at the operating point
    std::array<double, NUM_ERROR_TYPES> cost{};  //!< gain in AP50 if the type is fixed; 0 without objects
    double ap50 = -1;                            //!< with all errors; -1 without objects
    double allFixed = -1;                        //!< AP50 with all types fixed: 1; -1 without objects
};

//! Precision, recall and F1 of the detections with at least the given score, all classes, IoU 0.5; NaN if undefined.
struct ScoreCurve
{
    std::vector<double> score, precision, recall, f1;
};

//! Mean over the classes with objects of the precision at recall 0, 0.01 .. 1; empty without objects.
struct PrecisionCurves
{
    std::vector<double> iou50, iou75, iou90, mean;  //!< mean: over the ten IoU thresholds
};

//! Result of one image at the operating point; indices into groundTruths() and detections() of the evaluator.
struct ImageOutcome
{
    int64_t imageId = 0;
    Outcomes outcomes;
    std::vector<int> right, wrong, ignored;  //!< detections, best first; ignored: on crowds
    std::vector<int> found, missed;          //!< objects
};

/** Confusion matrix at the operating point, IoU >= 0.5: [true class, detected class]; last row: background, last
    column: missed. Detections are first matched within their class (the diagonal equals the true positives of AP50);
    the remaining ones are then matched with unmatched objects of other classes, highest score first. */
struct Confusion
{
    int classes = 0;
    std::vector<int> counts;  //!< [classes + 1, classes + 1]

    int at(int truth, int detected) const { return counts[static_cast<size_t>(truth) * (classes + 1) + detected]; }
};

struct Analysis
{
    int iouType = cv::d2det::IOU_BOX;
    std::vector<double> summary;  //!< CocoEvaluator::summarize
    std::vector<ClassNumbers> classes;
    std::vector<double> apByIou;  //!< at iouThresholds(); -1 without objects
    PrecisionCurves precision;
    ScoreCurve byScore;
    double score = 0;  //!< operating point
    Outcomes outcomes;
    ErrorBreakdown errors;
    Confusion confusion;
    std::vector<ImageOutcome> images;  //!< ordered by id
};

//! 0.50, 0.55 .. 0.95
const std::vector<double>& iouThresholds();

Analysis analyze(const cv::d2det::CocoEvaluator& evaluator, const AnalysisOptions& options);

/** Selected images as indices into Analysis::images. Worst: only images with errors, ordered by descending number of
    errors (wrong + missed), then ascending F1. Best: only images with found objects and not among the worst, ordered by
    descending F1, then descending number of found objects. */
std::vector<size_t> worstImages(const Analysis& analysis, size_t count);
std::vector<size_t> bestImages(const Analysis& analysis, size_t count);

}  // namespace d2det

#endif
