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

//! Meaning of the four values of a box.
enum BoxFormat
{
    BOX_XYWH = 0,  //!< left, top, width, height (COCO)
    BOX_XYXY = 1   //!< left, top, right, bottom, continuous: width = right - left
};

/** @brief Intersection over union (IoU) of all pairs of boxes.

Types, sizes or formats other than these raise cv::Exception.
@param boxesA N x 4, CV_32F or CV_64F, any common unit of length.
@param boxesB M x 4, same type as boxesA.
@param iou N x M, same type, 0 to 1; 0 where the union is not positive.
@param format BoxFormat of both inputs.
@param crowd M x 1 CV_8U or empty; nonzero: COCO crowd rule, the area of the box of A replaces the union.
*/
CV_EXPORTS_W void calculateIoU(InputArray boxesA, InputArray boxesB, OutputArray iou, int format = BOX_XYXY,
                               InputArray crowd = noArray());

//! What the similarity of a detection and a ground truth is computed from.
enum IoUType
{
    IOU_BOX = 0,       //!< IoU of boxes; area of a detection: area of the box
    IOU_MASK = 1,      //!< IoU of masks; area of a detection: number of mask pixels
    IOU_KEYPOINTS = 2  //!< object keypoint similarity (OKS); area of a detection: its box, or span of its points
};

//! Summary of a precision-recall curve in Pascal VOC @cite Everingham2010.
enum VocRule
{
    VOC_2007 = 0,  //!< mean of the maximum precision at recall >= 0, 0.1, ... 1
    VOC_2010 = 1   //!< area under the monotonically decreasing envelope (VOC 2010 to 2012)
};

/** @brief Average precision (AP) and recall (AR) by the definitions of COCO @cite Lin2014, for boxes, masks and
keypoints, and AP by the definition of Pascal VOC @cite Everingham2010.

Results equal those of COCOeval in pycocotools with one deliberate difference: annotation id 0 is not treated specially.
As in COCOeval, ground truth and detections of images or categories that were not set are ignored.

With iouType = IOU_MASK every evaluated ground truth and detection needs a mask, and all masks of an image must be of
the same size; otherwise cv::Exception is raised. The same holds for a value of iouType that is not an IoUType and for
an IoU threshold outside (0, 1].

With iouType = IOU_KEYPOINTS the IoU is the object keypoint similarity (OKS), the mean of exp(-d^2 / (2 a (2 sigma)^2))
over the labeled points of a ground truth of area a, at the distances d from those of the detection. At most 20
detections of an image and category count. A ground truth without labeled points is ignored like a crowd; its similarity
is that of the distances of all points from its box of three times the width and height. Every evaluated detection needs
keypoints, as many as the ground truths of its category; otherwise cv::Exception is raised.
*/
class CV_EXPORTS_W CocoEvaluator
{
public:
    CV_WRAP CocoEvaluator() {}

    //! Annotated object.
    struct GroundTruth
    {
        int64 imageId;     //!< one of setImages
        int64 categoryId;  //!< one of setCategories
        Rect2d box;        //!< image pixels
        double area;       //!< square pixels; defines small, medium and large objects, also for masks
        bool crowd;        //!< group of objects, neither true positive nor false negative; VOC: difficult
        Rle mask = Rle();  //!< default: none
        std::vector<Vec3d> keypoints = std::vector<Vec3d>();  //!< x, y (pixels), visibility, labeled if > 0
        int numKeypoints = -1;  //!< COCO's num_keypoints, 0: ignored in IOU_KEYPOINTS; -1: count of labeled keypoints
    };
    //! Detected object.
    struct Detection
    {
        int64 imageId;                                        //!< one of setImages
        int64 categoryId;                                     //!< one of setCategories
        Rect2d box;                                           //!< image pixels
        double score;                                         //!< confidence, any finite value
        Rle mask = Rle();                                     //!< default: none
        std::vector<Vec3d> keypoints = std::vector<Vec3d>();  //!< x, y (pixels), a score that is not used
    };

    //! Result of the matching of a detection.
    struct Match
    {
        int64 imageId;         //!< of the detection
        int64 categoryId;      //!< of the detection
        double score;          //!< of the detection
        int detectionIndex;    //!< in detections(), the order of addDetection
        int groundTruthIndex;  //!< in groundTruths(), the order of addGroundTruth; -1: not matched
        double iou;            //!< with the matched ground truth; else maximum IoU in the same image and category
        bool ignored;          //!< neither true nor false positive, e.g. part of a crowd
    };

    /** @brief Sets the evaluated images.
    @param imageIds ids of all images, including images without ground truth. */
    void setImages(const std::vector<int64>& imageIds);
    /** @brief Sets the evaluated categories.
    @param categoryIds ids of all categories in the mean. */
    void setCategories(const std::vector<int64>& categoryIds);
    /** @brief Adds an annotated object.
    @param gt object; a value that is not finite or a malformed mask raises cv::Exception. */
    void addGroundTruth(const GroundTruth& gt);
    /** @brief Adds a detection.
    @param detection object; a value that is not finite or a malformed mask raises cv::Exception. */
    void addDetection(const Detection& detection);

    /** @brief Sets the evaluated images; Python binding under the name setImages.
    @param ids integers between -2^53 and 2^53, another value raises cv::Exception. */
    CV_WRAP_AS(setImages) void setImageIds(const std::vector<double>& ids);
    /** @brief Sets the evaluated categories; Python binding under the name setCategories.
    @param ids integers between -2^53 and 2^53, another value raises cv::Exception. */
    CV_WRAP_AS(setCategories) void setCategoryIds(const std::vector<double>& ids);
    /** @brief Adds annotated objects from a matrix. Errors: as for addGroundTruth and setImageIds.
    @param rows N x 8, any depth: image id, category id, x, y, width, height (pixels), area (square pixels), crowd (0 or
    1); another number of columns or value of crowd raises cv::Exception.
    @param masks empty, or one mask per row; another number raises cv::Exception.
    @param keypoints empty, or N x 3K, any depth: x, y, visibility of K points; another size raises cv::Exception. */
    CV_WRAP void addGroundTruths(InputArray rows, const std::vector<Rle>& masks = std::vector<Rle>(),
                                 InputArray keypoints = noArray());
    /** @brief Adds detections from a matrix. Errors: as for addDetection and setImageIds.
    @param rows N x 7, any depth: image id, category id, x, y, width, height (pixels), score; another number of columns
    raises cv::Exception.
    @param masks empty, or one mask per row; another number raises cv::Exception.
    @param keypoints empty, or N x 3K, any depth: x, y, score of K points; another size raises cv::Exception. */
    CV_WRAP void addDetections(InputArray rows, const std::vector<Rle>& masks = std::vector<Rle>(),
                               InputArray keypoints = noArray());

    /** @brief Sets the tolerances of OKS, for IOU_KEYPOINTS.
    @param sigmas one for each point, relative to the square root of an object's area, > 0; another value raises
    cv::Exception. Empty, the default: for 17 points those of COCO's persons, as in pycocotools, else 0.05 each. */
    CV_WRAP void setKeypointSigmas(const std::vector<double>& sigmas);

    /** @brief All annotated objects.
    @return objects in the order of addGroundTruth. */
    const std::vector<GroundTruth>& groundTruths() const { return groundTruths_; }
    /** @brief All detections.
    @return detections in the order of addDetection. */
    const std::vector<Detection>& detections() const { return detections_; }

    /** @brief The summary metrics of COCO: 12 for boxes and masks, 10 for keypoints.
    @param iouType one of IoUType.
    @return AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl, or for IOU_KEYPOINTS AP, AP50, AP75, APm,
    APl, AR, AR50, AR75, ARm, ARl, each 0 to 1, or -1 without evaluated ground truth. */
    CV_WRAP std::vector<double> summarize(int iouType = IOU_BOX) const;

    /** @brief AP of each category (IoU 0.50:0.95, all areas, 100 detections per image, 20 for IOU_KEYPOINTS).
    @param iouType one of IoUType.
    @return AP, 0 to 1, in the order of setCategories; -1 for a category without ground truth. */
    CV_WRAP std::vector<double> perCategoryAP(int iouType = IOU_BOX) const;

    /** @brief AP at one IoU threshold (all areas, 100 detections per image, 20 for IOU_KEYPOINTS), mean over the
    categories.
    @param iouThreshold in (0, 1].
    @param iouType one of IoUType.
    @return AP, 0 to 1; -1 without ground truth. */
    CV_WRAP double averagePrecision(double iouThreshold, int iouType = IOU_BOX) const;

    /** @brief Precision-recall curve of one category (all areas, 100 detections per image, 20 for IOU_KEYPOINTS).
    @param categoryId id of a category.
    @param iouThreshold in (0, 1].
    @param iouType one of IoUType.
    @return precision, 0 to 1, at recall 0, 0.01, ... 1; empty without ground truth. */
    std::vector<double> precisionCurve(int64 categoryId, double iouThreshold, int iouType = IOU_BOX) const;

    /** @brief COCO matching at one IoU threshold (all areas).
    @param iouThreshold in (0, 1].
    @param iouType one of IoUType.
    @return the 100 (IOU_KEYPOINTS: 20) detections of highest score of each image and category, including images and
    categories without ground truth; in order of category id, image id and descending score. */
    std::vector<Match> matches(double iouThreshold, int iouType = IOU_BOX) const;

    /** @brief Average precision by the definition of Pascal VOC @cite Everingham2010.

    Detections are processed in descending order of score, and each is assigned to the ground truth of maximum IoU. A
    detection is a true positive if this IoU is >= the threshold and the ground truth is not yet detected, else a false
    positive. Detections of difficult objects (ground truth with `crowd` set; ordinary IoU, without the crowd rule) are
    neither. The number of detections is not limited. Recall is compared exactly with 0, 0.1, ..., without rounding.

    Box coordinates are continuous. In the VOC development kit they are pixel indices (width = right - left + 1): for
    identical results, add 1 to width and height of all boxes. This AP at IoU 0.7 is the metric of the UAVDT benchmark.
    @param iouThreshold in (0, 1].
    @param rule one of VocRule, another value raises cv::Exception.
    @param categoryId id of a category, or -1: mean over all categories with ground truth that is not difficult.
    @param iouType IOU_BOX or IOU_MASK, another value raises cv::Exception.
    @return AP, 0 to 1; -1 without ground truth that is not difficult.
    */
    double vocAveragePrecision(double iouThreshold = 0.5, int rule = VOC_2010, int64 categoryId = -1,
                               int iouType = IOU_BOX) const;

    /** @brief Mean of vocAveragePrecision over all categories; Python binding under the name vocAveragePrecision.
    @param iouThreshold in (0, 1].
    @param rule one of VocRule, another value raises cv::Exception.
    @param iouType IOU_BOX or IOU_MASK, another value raises cv::Exception.
    @return mean AP, 0 to 1; -1 without ground truth that is not difficult. */
    CV_WRAP_AS(vocAveragePrecision)
    double vocMeanAveragePrecision(double iouThreshold = 0.5, int rule = VOC_2010, int iouType = IOU_BOX) const
    {
        return vocAveragePrecision(iouThreshold, rule, -1, iouType);
    }

private:
    std::vector<int64> imageIds_, categoryIds_;
    std::vector<GroundTruth> groundTruths_;
    std::vector<Detection> detections_;
    std::vector<double> sigmas_;
};

//! @}

}  // namespace d2det
}  // namespace cv

#endif
