// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Contact sheet: a grid of annotated images for visual inspection of a data set. Masks are filled with the class color,
   boxes of crowds are white. A class name that would overlap the name of a larger object is not drawn. */

#ifndef D2DET_TRAINING_CONTACT_SHEET_HPP
#define D2DET_TRAINING_CONTACT_SHEET_HPP

#include "dataset/dataset.hpp"
#include "dataset/sample.hpp"

#include <opencv2/core.hpp>

#include <string>
#include <vector>

namespace d2det
{

struct SheetObject
{
    double x1 = 0, y1 = 0, x2 = 0, y2 = 0;  //!< pixels of the item's image
    int category = 0;
    bool crowd = false;
    cv::Mat mask;                                   //!< 8-bit, image size, nonzero: object; empty: no mask
    ObjectKeypoints keypoints = ObjectKeypoints();  //!< pixels of the item's image
};

struct SheetItem
{
    cv::Mat image;  //!< 8-bit BGR
    std::vector<SheetObject> objects;
    std::string caption;
};

//! An image with its original annotations. Malformed or empty segmentations are ignored.
SheetItem sheetItem(const ImageRecord& record, const cv::Mat& image);

//! An augmented training sample.
SheetItem sheetItem(const Sample& sample, const std::string& caption);

/** @brief Draws the sheet, row by row.
@param columns at least 1.
@param cell longer side of an image in the sheet, pixels. */
cv::Mat drawSheet(const std::vector<SheetItem>& items, const std::vector<std::string>& classNames, int columns,
                  int cell);

}  // namespace d2det

#endif
