// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* YOLO text files: a line for each object, numbers between blanks,
     class cx cy w h             center and size of the box
     class x1 y1 x2 y2 x3 y3 ... outline, at least 3 points; the box is what it spans
   as shares of the image's width and height; classes count from 0. An image without a text file, or with an empty one,
   has no objects; but where the folder of images is named apart from the labels, only images with a text file count.
   Sizes come from the headers of the images.

   Names of the classes: a line each (classes.txt, obj.names), or "names" of a data.yaml: a list, or a map from number
   to name. Of a data.yaml only "names", "train", "val" (or "valid") and "test" count; folders outside of its own are
   not read. */

#ifndef D2DET_TRAINING_YOLO_READER_HPP
#define D2DET_TRAINING_YOLO_READER_HPP

#include "dataset/dataset_finder.hpp"

namespace d2det
{

//! What a data.yaml says.
struct YoloDescription
{
    std::vector<std::string> names;    //!< by class
    std::vector<std::string> folders;  //!< of the images of one split, as written
};

bool isYaml(const std::string& path);

//! Throws std::runtime_error. @param split "train", "val", "test" or empty.
YoloDescription readYoloDescription(const std::string& path, const std::string& split);

//! Throws std::runtime_error. Files that cannot be read become RawDataset::problems.
RawDataset readYolo(const DatasetFiles& files, bool keepSegmentation);

}  // namespace d2det

#endif
