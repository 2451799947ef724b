// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Detections of the parts of an image -> detections of the image. */

#ifndef OPENCV_D2DET_TILES_HPP
#define OPENCV_D2DET_TILES_HPP

#include "opencv2/d2det/detector.hpp"

#include <vector>

namespace cv
{
namespace d2det
{

//! Detections of one image or of a part of it.
struct ImageDetections
{
    Mat detections;              //!< N x 6, pixels of the image (the part)
    std::vector<BoxMask> masks;  //!< N masks, or empty
    std::vector<float> maskScores;
    std::vector<int> rows;  //!< N rows of the network's output; empty after mergeParts
};

//! Raises cv::Exception for a value out of range.
void checkTileParams(const TileParams& params);

//! Parts that are looked at: the tiles, and the entire image first if it is one of them.
std::vector<Rect> partsOfImage(Size image, const TileParams& params);

/** One list of detections, scores descending.
    @param parts of the image, as partsOfImage gives them
    @param found detections of each part, in pixels of the part
    @param mergeThreshold see TileParams */
ImageDetections mergeParts(const std::vector<Rect>& parts, const std::vector<ImageDetections>& found, Size image,
                           double mergeThreshold);

//! Keeps of two boxes whose IoU is above the threshold that of the higher score, whatever their classes.
ImageDetections suppressOtherClasses(const ImageDetections& found, double threshold);

}  // namespace d2det
}  // namespace cv

#endif
