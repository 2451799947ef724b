// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* "CVAT for images 1.1": one XML file, <annotations> with <image name width height subset> and, in each, shapes with a
   label. All coordinates are in pixels, the first pixel spans 0 to 1.

     <box xtl ytl xbr ybr rotation>       a rotated one (degrees, clockwise) gives the box around it
     <polygon points="x,y;x,y;...">       outline
     <ellipse cx cy rx ry rotation>       outline of 48 points
     <mask rle left top width height>     run lengths of a part of the image, row by row, zeros first

   Polygons and ellipses of one image, label and group_id (not 0) are one object, as in CVAT's own conversion to COCO.
   An attribute "is_crowd" or "iscrowd" that is true or 1 marks a crowd, an attribute "score" is the score of a
   detection. Other shapes (points, polyline, cuboid, skeleton) are left out and counted; tags of images are not read.
   An image that is listed without shapes has no objects.

   The classes are the labels of <meta>, in its order; without it those of the shapes, sorted by name. A part of the
   data set is the attribute `subset` of its images. The image is the file `name` in the image folder or in a folder of
   it that is named like the subset.

   Files of more than 256 MiB and what xml_file.hpp refuses are rejected. "CVAT for video" (<track>) is another
   format. */

#ifndef D2DET_TRAINING_CVAT_READER_HPP
#define D2DET_TRAINING_CVAT_READER_HPP

#include "dataset/dataset_finder.hpp"

namespace d2det
{

//! Throws std::runtime_error. Images with a shape that cannot be read are listed in RawDataset::problems.
RawDataset readCvat(const DatasetFiles& files, bool keepSegmentation);

}  // namespace d2det

#endif
