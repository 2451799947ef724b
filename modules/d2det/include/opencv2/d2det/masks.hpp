// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_MASKS_HPP
#define OPENCV_D2DET_MASKS_HPP

#include "opencv2/core.hpp"

#include <vector>

namespace cv
{
namespace d2det
{

//! @addtogroup d2det
//! @{

/** @brief A binary mask as COCO's run lengths.

Pixels are taken column by column; counts are the lengths of alternating runs, zeros first (so counts[0] is 0 where the
first pixel is set). They add up to height * width, which is at most 2^28; every function refuses a mask that breaks
this. Default: no mask at all.
*/
struct CV_EXPORTS_W_SIMPLE Rle
{
    CV_WRAP Rle() : height(0), width(0) {}

    CV_PROP_RW int height;         //!< pixels
    CV_PROP_RW int width;          //!< pixels
    std::vector<unsigned> counts;  //!< lengths of the runs, pixels

    //! @return true if there is no mask at all.
    CV_WRAP bool empty() const { return height == 0 || width == 0; }
};

/** @brief Run lengths of a mask.
@param mask CV_8UC1, any value but 0 is set; an empty matrix gives an empty Rle.
@return its run lengths.
*/
CV_EXPORTS_W Rle rleEncode(InputArray mask);

/** @brief Mask of run lengths.
@param rle an empty one gives an empty matrix.
@param mask CV_8UC1 of rle.height x rle.width, 0 or 1.
*/
CV_EXPORTS_W void rleDecode(const Rle& rle, OutputArray mask);

/** @brief Area of a mask.
@param rle any mask.
@return number of set pixels.
*/
CV_EXPORTS_W double rleArea(const Rle& rle);

/** @brief Bounding box of a mask.
@param rle any mask.
@return smallest rectangle around the set pixels, in pixels; Rect() if there are none.
*/
CV_EXPORTS_W Rect rleBoundingBox(const Rle& rle);

/** @brief Intersection over union of two masks.
@param a detection.
@param b ground truth.
@param crowd COCO's crowd rule: the union is the area of a alone.
@return 0 to 1; 0 where they do not meet. Masks of different sizes raise cv::Exception.
*/
CV_EXPORTS_W double rleIoU(const Rle& a, const Rle& b, bool crowd = false);

/** @brief Union of polygons, with the pixels that COCO gives each of them.
@param polygons each x0 y0 x1 y1 ... of at least 3 points, in pixels (the first pixel reaches from 0 to 1), open or
    closed; coordinates are finite and not beyond +-1e6. Parts outside the image are cut off. None at all: no pixel is
    set.
@param height, width of the image, pixels.
@return run lengths of height x width; polygons or sizes out of range raise cv::Exception.
*/
CV_EXPORTS_W Rle rleFromPolygons(const std::vector<std::vector<double>>& polygons, int height, int width);

/** @brief Outlines of the outer borders of a mask, along the edges of its pixels.

One polygon for each 4-connected part, without points on straight lines, clockwise as seen on the screen. Holes are not
represented: rleFromPolygons gives back the same mask with its holes filled, and exactly the same mask if it has none.
@param rle any mask.
@return polygons x0 y0 x1 y1 ..., in pixels; none if no pixel is set.
*/
CV_EXPORTS_W std::vector<std::vector<double>> rleToPolygons(const Rle& rle);

/** @brief Reads COCO's compressed counts.
@param compressed the string of a COCO file's "counts".
@param height, width of the mask ("size" of a COCO file), pixels.
@return its run lengths; a string that does not describe such a mask raises cv::Exception.
*/
CV_EXPORTS_W Rle rleFromString(const String& compressed, int height, int width);

/** @brief Writes COCO's compressed counts.
@param rle any mask.
@return the same string as pycocotools'.
*/
CV_EXPORTS_W String rleToString(const Rle& rle);

/** @brief Puts the probabilities that a network gives for the inside of a box into a mask of the whole image.

The map is stretched over the box; between the middles of its cells it is bilinear, outside of the map it is 0, so that
it fades out half a cell beyond the box. Apart from clearing the mask, time follows the part of the box that lies in the
image. May be called from several threads at once.
@param probabilities S x S CV_32F (28 x 28), any other size works too.
@param box x1, y1, x2, y2 in image pixels, may reach out of the image. Nothing is set where it has no area or a
    coordinate is not finite.
@param imageSize size of the mask, at most 2^28 pixels.
@param mask CV_8UC1: 255 where the probability is >= threshold, else 0.
@param threshold in (0, 1].
*/
CV_EXPORTS_W void pasteMask(InputArray probabilities, const Vec4d& box, Size imageSize, OutputArray mask,
                            double threshold = 0.5);

//! @}

}  // namespace d2det
}  // namespace cv

#endif
