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

/** @brief Binary mask as COCO run lengths.

Pixels are in column-major order; counts are the lengths of alternating runs of zeros and ones, zeros first (counts[0]
is 0 if the first pixel is set). The sum of the counts is height * width, at most 2^28; every function raises
cv::Exception for a mask that violates this. Default: empty, no mask.
*/
struct CV_EXPORTS_W_SIMPLE Rle
{
    CV_WRAP Rle() : height(0), width(0) {}

    CV_PROP_RW int height;         //!< pixels
    CV_PROP_RW int width;          //!< pixels
    std::vector<unsigned> counts;  //!< run lengths, pixels

    /** @brief Whether the mask is empty.
    @return true if width or height is 0. */
    CV_WRAP bool empty() const { return height == 0 || width == 0; }
};

/** @brief Mask of one object of an image, stored only where the object can be.

Memory is that of the object's box, however large the image. pasteMask makes a mask of the entire image of it, rleEncode
its run lengths. Default: no mask.
*/
struct CV_EXPORTS_W_SIMPLE BoxMask
{
    CV_WRAP BoxMask() {}

    CV_PROP_RW Size imageSize;  //!< of the image, pixels
    CV_PROP_RW Rect roi;        //!< part of the image that `mask` covers, pixels; outside of it the mask is not set
    CV_PROP_RW Mat mask;  //!< CV_8UC1 of the size of `roi`: nonzero (255) object, 0 background; empty: not set at all
};

/** @brief Encodes a mask as run lengths.
@param mask CV_8UC1, nonzero: set; another type raises cv::Exception. An empty matrix gives an empty Rle.
@return run lengths of the mask.
*/
CV_EXPORTS_W Rle rleEncode(InputArray mask);

/** @brief Encodes a mask as run lengths of its entire image. Time and memory are those of the mask's box.
@param mask with a `roi` inside the image, which has at most 2^28 pixels; another one raises cv::Exception.
@return run lengths of the image; empty for an image without pixels.
*/
CV_EXPORTS_W Rle rleEncode(const BoxMask& mask);

/** @brief Decodes run lengths to a mask.
@param rle run lengths; an empty Rle gives an empty matrix.
@param mask CV_8UC1 of rle.height x rle.width, values 0 and 1.
*/
CV_EXPORTS_W void rleDecode(const Rle& rle, OutputArray mask);

/** @brief Area of a mask.
@param rle any mask.
@return number of set pixels.
*/
CV_EXPORTS_W double rleArea(const Rle& rle);

/** @brief Bounding box of a mask.
@param rle any mask.
@return smallest rectangle around the set pixels, in pixels; Rect() if no pixel is set.
*/
CV_EXPORTS_W Rect rleBoundingBox(const Rle& rle);

/** @brief Intersection over union of two masks.
@param a mask of a detection.
@param b mask of a ground truth, of the same size; another size raises cv::Exception.
@param crowd true: COCO crowd rule, the area of a replaces the union.
@return IoU, 0 to 1; 0 for disjoint masks.
*/
CV_EXPORTS_W double rleIoU(const Rle& a, const Rle& b, bool crowd = false);

/** @brief Rasterizes the union of polygons, pixel by pixel as in pycocotools.
@param polygons each x0 y0 x1 y1 ... of at least 3 points, in pixels (the first pixel spans 0 to 1), open or closed;
    finite coordinates between -1e6 and 1e6. Parts outside the image are cut off. Without polygons no pixel is set.
@param height, width of the image, pixels.
@return run lengths of height x width; polygons or sizes out of range raise cv::Exception.
*/
CV_EXPORTS_W Rle rleFromPolygons(const std::vector<std::vector<double>>& polygons, int height, int width);

/** @brief Traces the outer borders of a mask along pixel edges.

One polygon per 4-connected component, corners only, clockwise in image coordinates (y axis down). Holes are not
represented: rleFromPolygons of the result is the mask with all holes filled, i.e. the identical mask without holes.
@param rle any mask.
@return polygons x0 y0 x1 y1 ..., in pixels; empty if no pixel is set.
*/
CV_EXPORTS_W std::vector<std::vector<double>> rleToPolygons(const Rle& rle);

/** @brief Decodes COCO's compressed run lengths.
@param compressed the string "counts" of a COCO file.
@param height, width of the mask ("size" in a COCO file), pixels.
@return run lengths; a malformed string or another number of pixels raises cv::Exception.
*/
CV_EXPORTS_W Rle rleFromString(const String& compressed, int height, int width);

/** @brief Encodes run lengths as COCO's compressed string.
@param rle any mask.
@return string identical to the output of pycocotools.
*/
CV_EXPORTS_W String rleToString(const Rle& rle);

/** @brief Resizes the probability map of a box to the box and writes a binary mask of the entire image.

Interpolation is bilinear between the centers of the cells with zeros outside the map, so that values fade to 0 half a
cell beyond the box. Time is proportional to the part of the box inside the image, plus clearing of the mask.
Thread-safe. Parameters out of range raise cv::Exception.
@param probabilities CV_32FC1 of any size (28 x 28 in the model).
@param box x1, y1, x2, y2 in image pixels, may extend beyond the image. A box without area or with a coordinate that is
    not finite gives an empty mask (all zeros).
@param imageSize size of the mask, at most 2^28 pixels.
@param mask CV_8UC1: 255 where the probability is >= threshold, else 0.
@param threshold minimum probability of an object pixel, in (0, 1].
*/
CV_EXPORTS_W void pasteMask(InputArray probabilities, const Vec4d& box, Size imageSize, OutputArray mask,
                            double threshold = 0.5);

/** @brief Writes a binary mask of the entire image.
@param part with a `roi` inside the image, which has at most 2^28 pixels; another one raises cv::Exception.
@param mask CV_8UC1 of the size of the image: that of `part` inside its `roi`, else 0.
*/
CV_EXPORTS_W void pasteMask(const BoxMask& part, OutputArray mask);

/** @brief As pasteMask, without the part of the image where the mask cannot be set: the same pixels, in memory
proportional to the box. Errors: as for pasteMask, but the limit of 2^28 pixels is that of the box inside the image.
@param probabilities CV_32FC1 of any size (28 x 28 in the model).
@param box x1, y1, x2, y2 in image pixels, may extend beyond the image.
@param imageSize size of the image.
@param threshold minimum probability of an object pixel, in (0, 1].
@return the mask; pasteMask makes the entire one of it.
*/
CV_EXPORTS_W BoxMask cropMask(InputArray probabilities, const Vec4d& box, Size imageSize, double threshold = 0.5);

//! @}

}  // namespace d2det
}  // namespace cv

#endif
