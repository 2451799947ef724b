// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The JSON events of a COCO file -> plain records. What the records mean together is dataset.cpp's part. */

#ifndef D2DET_TRAINING_COCO_READER_HPP
#define D2DET_TRAINING_COCO_READER_HPP

#include "data/dataset.hpp"

#include <limits>

namespace d2det
{

struct RawImage
{
    int64_t id = 0;
    std::string fileName;
    int width = 0, height = 0;
};

struct RawCategory
{
    int64_t id = 0;
    std::string name;
};

struct RawAnnotation
{
    int64_t id = 0, imageId = 0, categoryId = 0;
    double box[4] = {0, 0, 0, 0};  //!< x, y, width, height
    int boxValues = 0;             //!< numbers in "bbox", 4 is right
    double area = std::numeric_limits<double>::quiet_NaN();
    bool crowd = false;
    int64_t segmentation = -1;  //!< index into RawCoco::segmentations
};

struct RawCoco
{
    std::vector<RawImage> images;
    std::vector<RawCategory> categories;
    std::vector<RawAnnotation> annotations;
    std::vector<Segmentation> segmentations;
};

//! Parses the file. Throws std::runtime_error: file, place, reason.
RawCoco parseCoco(const std::string& path, bool keepSegmentation);

}  // namespace d2det

#endif
