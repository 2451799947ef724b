// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* labelme: one JSON file beside each image, an object with "shapes", "imagePath", "imageWidth" and "imageHeight". A
   shape has "label", "points" [[x, y], ...] in pixels, "shape_type" and "group_id".

   polygon: outline, at least 3 points; rectangle: two opposite corners; circle: center and a point of the edge. Shapes
   of one label and one group_id are one object; "score" is that of a detection. Points and lines are left out and
   counted, other kinds as well. The image is the file named by "imagePath", or with the name of the JSON file. A
   picture inside the file ("imageData") is not read. An image file without JSON file is not part of the set; a JSON
   file without shapes is an image without objects. Classes are sorted by name, unless a list of labels gives an order;
   labelme's "__ignore__" and "_background_" are none. */

#ifndef D2DET_TRAINING_LABELME_READER_HPP
#define D2DET_TRAINING_LABELME_READER_HPP

#include "dataset/dataset_finder.hpp"

namespace d2det
{

//! Throws std::runtime_error. Unreadable files are listed in RawDataset::problems.
RawDataset readLabelme(const DatasetFiles& files, bool keepSegmentation);

}  // namespace d2det

#endif
