// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "data/segmentation.hpp"

namespace d2det
{

cv::d2det::Rle toRle(const Segmentation& segmentation, int height, int width)
{
    if (!segmentation.compressed.empty())
        return cv::d2det::rleFromString(segmentation.compressed, segmentation.height, segmentation.width);
    if (segmentation.counts.empty())
        return cv::d2det::rleFromPolygons(segmentation.polygons, height, width);
    cv::d2det::Rle rle;
    rle.height = segmentation.height;
    rle.width = segmentation.width;
    rle.counts.assign(segmentation.counts.begin(), segmentation.counts.end());
    return rle;
}

}  // namespace d2det
