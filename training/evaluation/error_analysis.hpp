// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What lies behind an average precision: curves, confusions, kinds of errors, good and bad images.

   Everything follows from CocoEvaluator's matching. Average precisions are COCO's: mean over IoU 0.50, 0.55 .. 0.95 and
   over the classes that have objects, 101 recall points, at most 100 detections per image and class. Crowd regions are
   no objects, and detections on them are neither right nor wrong.

   Operating point: the score threshold at which a user would run the detector. Unless given it is the score with the
   highest F1 = 2 TP / (2 TP + FP + FN), all classes together, IoU 0.5.

   Kinds of errors after Bolya, Foley, Hays, Hoffman: "TIDE: A General Toolbox for Identifying Object Detection Errors",
   ECCV 2020, with IoU f = 0.5 for the foreground and b = 0.1 for the background. A wrong detection (matched with no
   object at IoU f) is, by the first rule that holds,
     localisation    the best IoU with an object of its class lies in [b, f)
     classification  the best IoU with an object of another class is >= f
     duplicate       the best IoU with an object of its class is >= f (a better detection has that object)
     background      the best IoU with any object is < b
     both            else: wrong class and a poor box
   and an object is missed if no detection was matched with it and no localisation or classification error points at it.
   The cost of a kind is the AP at IoU f that would be gained if it was fixed: of the localisation and classification
   errors that point at the same unfound object the best one becomes right, every other error is removed, missed objects
   are struck off the list. A class with nothing left to find and nothing found counts as AP 1, so that fixing all kinds
   gives AP 1; the costs of the single kinds need not add up, because errors hide each other. */

#ifndef D2DET_TRAINING_ERROR_ANALYSIS_HPP
#define D2DET_TRAINING_ERROR_ANALYSIS_HPP

#include <opencv2/d2det/metrics.hpp>

#include <array>
#include <limits>
#include <string>
#include <vector>

namespace d2det
{

struct AnalysedClass
{
    int64_t id = 0;
    std::string name;
};

struct AnalysisOptions
{
    std::vector<AnalysedClass> classes;  //!< those of setCategories
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
    double f1() const;         //!< NaN where there is nothing at all
};

//! Numbers of a class; average precisions and recall are -1 without objects.
struct ClassNumbers
{
    AnalysedClass which;
    double ap = -1, ap50 = -1, ap75 = -1, ar100 = -1;
    int objects = 0;     //!< without crowds
    int detections = 0;  //!< of any score, at most 100 per image
    Outcomes outcomes;
};

enum ErrorType
{
    ERROR_LOCALISATION,
    ERROR_CLASSIFICATION,
    ERROR_DUPLICATE,
    ERROR_BACKGROUND,
    ERROR_BOTH,
    ERROR_MISSED,
    NUM_ERROR_TYPES
};

//! "localisation" ...
const char* errorName(int type);

struct ErrorBreakdown
{
    std::array<int, NUM_ERROR_TYPES> all{};      //!< number of errors, detections of any score
    std::array<int, NUM_ERROR_TYPES> counts{};   //!< at the operating point
    std::array<double, NUM_ERROR_TYPES> cost{};  //!< AP50 that the kind costs; 0 without objects
    double ap50 = -1;                            //!< as it is, -1 without objects
    double allFixed = -1;                        //!< 1 unless there are no objects
};

//! Precision, recall and F1 at score >= x, all classes together, IoU 0.5; NaN where not defined.
struct ScoreCurve
{
    std::vector<double> score, precision, recall, f1;
};

//! Mean over the classes with objects of the precision at recall 0, 0.01 .. 1; empty without objects.
struct PrecisionCurves
{
    std::vector<double> iou50, iou75, iou90, mean;  //!< mean: over the ten IoU thresholds
};

//! What happened in one image at the operating point; indices into the evaluator's groundTruths() and detections().
struct ImageOutcome
{
    int64_t imageId = 0;
    Outcomes outcomes;
    std::vector<int> right, wrong, ignored;  //!< detections, best first; ignored: on crowds
    std::vector<int> found, missed;          //!< objects
};

/** Pairs at the operating point, IoU >= 0.5: [true class, detected class], the last row is background, the last column
    missed. Detections are first matched inside their class (the diagonal is what AP50 counts as right), what is left
    then with the unfound objects of other classes, best score first. */
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
    std::vector<ImageOutcome> images;  //!< in order of id
};

//! 0.50, 0.55 .. 0.95
const std::vector<double>& iouThresholds();

Analysis analyse(const cv::d2det::CocoEvaluator& evaluator, const AnalysisOptions& options);

/** Images to look at, as indices into Analysis::images. Worst: most errors (wrong + missed) first, among equals the
    lower F1; only images with errors. Best: highest F1 first, among equals more objects found; only images with
    something found that are not among the worst. */
std::vector<size_t> worstImages(const Analysis& analysis, size_t count);
std::vector<size_t> bestImages(const Analysis& analysis, size_t count);

}  // namespace d2det

#endif
