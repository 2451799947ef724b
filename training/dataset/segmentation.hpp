// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Conversion of annotated outlines to run-length codes and pixel masks. */

#ifndef D2DET_TRAINING_SEGMENTATION_HPP
#define D2DET_TRAINING_SEGMENTATION_HPP

#include "dataset/dataset.hpp"

#include <opencv2/d2det/masks.hpp>

#include <optional>

namespace d2det
{

//! x0, y0, x1, y1, ... of at least 3 points.
bool isRing(const std::vector<double>& points);

/** @brief Removes what is no outline: parts of fewer than 3 points, or with half a point, have no area.
@return false if nothing is left, no run lengths either. */
bool cleanOutline(Segmentation& segmentation);

//! Outline of an ellipse, 48 points x0, y0, x1, y1, ...; the radii, then the angle of the first (radians, clockwise).
std::vector<double> ellipsePoints(double x, double y, double radiusX, double radiusY, double angle);

/** Outlines of a mask with fewer points: none of the left out ones is farther than `tolerance` pixels from them. Less
    is left out of small objects, so that IoU with the exact outlines is at least 0.97. Holes are filled.
    @param tolerance 0: the exact outlines, cv::d2det::rleToPolygons. */
std::vector<std::vector<double>> simpleOutlines(const cv::d2det::Rle& mask, double tolerance);

/** @brief x, y, width and height of the box that polygons span.
@return false if a coordinate is not finite or there is none. */
bool boundsOfPolygons(const std::vector<std::vector<double>>& polygons, double box[4]);

/** Run-length code of a segmentation in an image of the given size (pixels); the union of several polygons. Throws
    cv::Exception if the segmentation is malformed or belongs to another image size. */
cv::d2det::Rle toRle(const Segmentation& segmentation, int height, int width);

//! As toRle(), but empty for a malformed segmentation: wrong sum of run lengths, other image size, invalid polygon.
std::optional<cv::d2det::Rle> usableRle(const Segmentation& segmentation, int height, int width);

//! The pixels of a part of the image, which lies inside it.
cv::d2det::Rle cropRle(const cv::d2det::Rle& mask, const cv::Rect& part);

//! CV_8U mask of the image size, 0 or 1; empty if the segmentation is malformed or covers no pixel.
cv::Mat toMask(const Segmentation& segmentation, int height, int width);

/** @brief Smallest rectangle around the pixels of a mask (CV_8UC1, nonzero: set); empty if there are none.

Not cv::boundingRect: that of OpenCV 4.6 leaves out a column of some masks that are two columns wide, and in OpenCV 5 it
is part of another module. */
cv::Rect maskBounds(const cv::Mat& mask);

}  // namespace d2det

#endif
