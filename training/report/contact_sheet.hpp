// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Images with their annotations in a grid, to see what a data set holds. Masks are filled with the color of their
   class, boxes of crowds are white. Names that would hide the name of a larger object are left out. */

#ifndef D2DET_TRAINING_CONTACT_SHEET_HPP
#define D2DET_TRAINING_CONTACT_SHEET_HPP

#include "dataset/augment.hpp"
#include "dataset/dataset.hpp"

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
    cv::Mat mask;  //!< 8 bit, of the image's size, not 0: object; empty: none
};

struct SheetItem
{
    cv::Mat image;  //!< 8-bit BGR
    std::vector<SheetObject> objects;
    std::string caption;
};

//! An image as its annotations describe it. Masks that are none are left out.
SheetItem sheetItem(const ImageRecord& record, const cv::Mat& image);

//! An image as the trainer sees it.
SheetItem sheetItem(const Sample& sample, const std::string& caption);

/** @brief Draws the sheet, row by row.
@param columns at least 1.
@param cell longer side of an image in the sheet, pixels. */
cv::Mat drawSheet(const std::vector<SheetItem>& items, const std::vector<std::string>& classNames, int columns,
                  int cell);

}  // namespace d2det

#endif
