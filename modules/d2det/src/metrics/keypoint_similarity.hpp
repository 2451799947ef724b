// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Object keypoint similarity. Source: operators.md 6 (computeOks of pycocotools).

     OKS = mean over the n labeled points i of exp(-e_i),   e_i = (dx^2 + dy^2) / (2 sigma_i)^2 / (a + 2^-52) / 2

   a: area of the ground truth. Without a labeled point the mean is over all points, and dx, dy are the distances from
   the ground truth's box, widened by its width and height on each side. */

#ifndef OPENCV_D2DET_KEYPOINT_SIMILARITY_HPP
#define OPENCV_D2DET_KEYPOINT_SIMILARITY_HPP

#include "opencv2/core.hpp"

#include <vector>

namespace cv
{
namespace d2det
{

//! The default: COCO's for 17 points, else 0.05 each.
std::vector<double> keypointSigmas(size_t points);

/** @param detected x, y, unused.
    @param labeled x, y, visibility (> 0: labeled); as many as `detected`, or empty: none is labeled.
    @param sigmas one for each point.
    @return 0 .. 1 */
double keypointSimilarity(const std::vector<Vec3d>& detected, const std::vector<Vec3d>& labeled, const Rect2d& box,
                          double area, const std::vector<double>& sigmas);

//! Area of the upright rectangle around the points.
double keypointArea(const std::vector<Vec3d>& points);

}  // namespace d2det
}  // namespace cv

#endif
