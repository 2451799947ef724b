// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_METRICS_HPP
#define OPENCV_D2DET_METRICS_HPP

#include "opencv2/core.hpp"
#include "opencv2/d2det/masks.hpp"

namespace cv
{
namespace d2det
{

//! @addtogroup d2det
//! @{

//! Meaning of the four numbers of a box.
enum BoxFormat
{
    BOX_XYWH = 0,  //!< left, top, width, height (COCO)
    BOX_XYXY = 1   //!< left, top, right, bottom, continuous: width = right - left
};

/** @brief Intersection over union of every pair of boxes.
@param boxesA N x 4, CV_32F or CV_64F.
@param boxesB M x 4, of the same type.
@param iou N x M of the same type; 0 where the union is not positive.
@param format of both inputs.
@param crowd M x 1 CV_8U or empty: where not 0 the union is the area of the box of A alone (COCO's crowd rule).
*/
CV_EXPORTS_W void calculateIoU(InputArray boxesA, InputArray boxesB, OutputArray iou, int format = BOX_XYXY,
                               InputArray crowd = noArray());

//! What the IoU of a detection and a ground truth is computed from.
enum IoUType
{
    IOU_BOX = 0,  //!< their boxes; a detection's area is that of its box
    IOU_MASK = 1  //!< their masks; a detection's area is its pixels
};

//! How Pascal VOC sums up a curve of precision over recall.
enum VocRule
{
    VOC_2007 = 0,  //!< mean of the best precision at recall >= 0, 0.1, ... 1
    VOC_2010 = 1   //!< area under the curve made monotone (VOC 2010 to 2012)
};

/** @brief Average precision and recall as COCO defines them, for boxes and masks, and as Pascal VOC does.

Numbers equal pycocotools' COCOeval; one deliberate difference: annotation id 0 counts like any other.
Ground truth and detections of images or categories that were not set are left out, as there.

With iouType = IOU_MASK every ground truth and detection that takes part needs a mask, all masks of an image have one
size; otherwise there is an error.
*/
class CV_EXPORTS_W CocoEvaluator
{
public:
    CV_WRAP CocoEvaluator() {}

    //! An object that is there.
    struct GroundTruth
    {
        int64 imageId;     //!< one of setImages
        int64 categoryId;  //!< one of setCategories
        Rect2d box;        //!< image pixels
        double area;       //!< square pixels; decides between small, medium and large, also for masks
        bool crowd;        //!< a group that counts neither as found nor as missed; VOC: difficult
        Rle mask = Rle();  //!< default: none
    };
    //! An object that a detector has found.
    struct Detection
    {
        int64 imageId;     //!< one of setImages
        int64 categoryId;  //!< one of setCategories
        Rect2d box;        //!< image pixels
        double score;      //!< higher is surer
        Rle mask = Rle();  //!< default: none
    };

    //! What became of a detection.
    struct Match
    {
        int64 imageId;         //!< of the detection
        int64 categoryId;      //!< of the detection
        double score;          //!< of the detection
        int detectionIndex;    //!< in detections(), the order of addDetection
        int groundTruthIndex;  //!< in groundTruths(), the order of addGroundTruth; -1: matched with none
        double iou;            //!< with that ground truth; if none, the highest with any of its image and category
        bool ignored;          //!< neither right nor wrong, e.g. part of a crowd
    };

    /** @brief Sets the images to look at.
    @param imageIds they count even if they have no ground truth. */
    void setImages(const std::vector<int64>& imageIds);
    /** @brief Sets the categories to look at.
    @param categoryIds all ids that are averaged over. */
    void setCategories(const std::vector<int64>& categoryIds);
    /** @brief Adds an object.
    @param gt a value that is not finite or a mask that is not well formed raises cv::Exception. */
    void addGroundTruth(const GroundTruth& gt);
    /** @brief Adds a detection.
    @param detection a value that is not finite or a mask that is not well formed raises cv::Exception. */
    void addDetection(const Detection& detection);

    /** @brief setImages for Python, where it has that name.
    @param ids integers of at most 2^53, anything else raises cv::Exception. */
    CV_WRAP_AS(setImages) void setImageIds(const std::vector<double>& ids);
    /** @brief setCategories for Python, where it has that name.
    @param ids integers of at most 2^53, anything else raises cv::Exception. */
    CV_WRAP_AS(setCategories) void setCategoryIds(const std::vector<double>& ids);
    /** @brief Adds many objects.
    @param rows N x 8, any depth: image id, category id, x, y, width, height, area, crowd (0 or 1).
    @param masks none, or one for each row. */
    CV_WRAP void addGroundTruths(InputArray rows, const std::vector<Rle>& masks = std::vector<Rle>());
    /** @brief Adds many detections.
    @param rows N x 7, any depth: image id, category id, x, y, width, height, score.
    @param masks none, or one for each row. */
    CV_WRAP void addDetections(InputArray rows, const std::vector<Rle>& masks = std::vector<Rle>());

    //! @return all ground truth in the order in which it was added.
    const std::vector<GroundTruth>& groundTruths() const { return groundTruths_; }
    //! @return all detections in the order in which they were added.
    const std::vector<Detection>& detections() const { return detections_; }

    /** @brief The 12 numbers of COCO.
    @param iouType an IoUType.
    @return AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl, 0 to 1; -1 where there is no ground truth to
    count. */
    CV_WRAP std::vector<double> summarize(int iouType = IOU_BOX) const;

    /** @brief AP (IoU 0.50:0.95, all areas, 100 detections) of each category.
    @param iouType an IoUType.
    @return in order of setCategories; -1 without ground truth. */
    CV_WRAP std::vector<double> perCategoryAP(int iouType = IOU_BOX) const;

    /** @brief AP at one IoU threshold (all areas, 100 detections), mean over the categories.
    @param iouThreshold in (0, 1].
    @param iouType an IoUType.
    @return -1 without ground truth. */
    CV_WRAP double averagePrecision(double iouThreshold, int iouType = IOU_BOX) const;

    /** @brief Precision over recall of one category (all areas, 100 detections).
    @param categoryId one of setCategories.
    @param iouThreshold in (0, 1].
    @param iouType an IoUType.
    @return precision at recall 0, 0.01, ... 1; empty without ground truth. */
    std::vector<double> precisionCurve(int64 categoryId, double iouThreshold, int iouType = IOU_BOX) const;

    /** @brief COCO's matching at one IoU threshold, over all areas.
    @param iouThreshold in (0, 1].
    @param iouType an IoUType.
    @returns the 100 best detections of each image and category, also those with nothing to find; in order of category
    id, image id and descending score. */
    std::vector<Match> matches(double iouThreshold, int iouType = IOU_BOX) const;

    /** @brief Average precision as Pascal VOC defines it.

    Each detection, best score first, belongs to the ground truth of the highest IoU. It is right if that IoU is >= the
    threshold and no better detection was right about the same object, else wrong; about a difficult object it is
    neither. Difficult are the ground truths with `crowd` set; their IoU is the plain one. There is no limit to the
    number of detections. Recall is compared with 0, 0.1, ... exactly, without rounding.

    Box coordinates are continuous; the VOC development kit counts pixels (width = right - left + 1): for its numbers to
    the last digit, add 1 to width and height of all boxes. The UAVDT benchmark is judged by this AP at IoU 0.7.
    @param iouThreshold in (0, 1].
    @param rule a VocRule.
    @param categoryId one category, or -1: mean over the set categories that have ground truth which is not difficult.
    @param iouType an IoUType.
    @returns -1 without ground truth that counts.
    */
    double vocAveragePrecision(double iouThreshold = 0.5, int rule = VOC_2010, int64 categoryId = -1,
                               int iouType = IOU_BOX) const;

    /** @brief Mean of vocAveragePrecision over the set categories; the form that Python has, under that name.
    @param iouThreshold in (0, 1].
    @param rule a VocRule.
    @param iouType an IoUType.
    @returns -1 without ground truth that counts. */
    CV_WRAP_AS(vocAveragePrecision)
    double vocMeanAveragePrecision(double iouThreshold = 0.5, int rule = VOC_2010, int iouType = IOU_BOX) const
    {
        return vocAveragePrecision(iouThreshold, rule, -1, iouType);
    }

private:
    std::vector<int64> imageIds_, categoryIds_;
    std::vector<GroundTruth> groundTruths_;
    std::vector<Detection> detections_;
};

//! @}

}  // namespace d2det
}  // namespace cv

#endif
