// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_METRICS_HPP
#define OPENCV_D2DET_METRICS_HPP

#include "opencv2/core.hpp"

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

/** @brief Average precision and recall as COCO defines them, for boxes.

Numbers equal pycocotools' COCOeval (source: operators.md 6); one deliberate difference: annotation id 0 counts like any other.
Ground truth and detections of images or categories that were not set are left out, as there.
*/
class CV_EXPORTS CocoEvaluator
{
public:
    struct GroundTruth
    {
        int64 imageId;
        int64 categoryId;
        Rect2d box;
        double area;
        bool crowd;
    };
    struct Detection
    {
        int64 imageId;
        int64 categoryId;
        Rect2d box;
        double score;
    };

    //! Images count even if they have no ground truth. Categories: all ids that are averaged over.
    void setImages(const std::vector<int64>& imageIds);
    void setCategories(const std::vector<int64>& categoryIds);
    //! Boxes and areas in image pixels; a value that is not finite is an error.
    void addGroundTruth(const GroundTruth& gt);
    void addDetection(const Detection& detection);

    /** @brief The 12 COCO numbers: AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl; -1 where there is no
    ground truth to count. */
    std::vector<double> summarize() const;

    //! AP (IoU 0.50:0.95, all areas, 100 detections) of each category in order of setCategories; -1 without ground truth.
    std::vector<double> perCategoryAP() const;

    //! AP at one IoU threshold in (0, 1] (all areas, 100 detections), mean over the categories; -1 without ground truth.
    double averagePrecision(double iouThreshold) const;

    //! Precision at recall 0, 0.01, ... 1 of one category (all areas, 100 detections); empty without ground truth.
    std::vector<double> precisionCurve(int64 categoryId, double iouThreshold) const;

private:
    std::vector<int64> imageIds_, categoryIds_;
    std::vector<GroundTruth> groundTruths_;
    std::vector<Detection> detections_;
};

//! @}

}  // namespace d2det
}  // namespace cv

#endif
