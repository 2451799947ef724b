// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* YOLO text files: one line per object, numbers separated by blanks,
     class cx cy w h             center and size of the box
     class x1 y1 x2 y2 x3 y3 ... outline, at least 3 points; the box is its bounding box
   in units of the image width and height; class indices start at 0. A missing or empty text file means an image without
   objects. If the image folder is given separately from the labels, images without a text file are excluded. Sizes come
   from the image headers.

   Class names: one per line (classes.txt, obj.names), or "names" in data.yaml: a list or a map from index to name. Only
   "names", "train", "val" (or "valid") and "test" of data.yaml are used; folders outside that of data.yaml are not
   read. */

#ifndef D2DET_TRAINING_YOLO_READER_HPP
#define D2DET_TRAINING_YOLO_READER_HPP

#include "dataset/dataset_finder.hpp"

namespace d2det
{

//! Contents of a data.yaml file.
struct YoloDescription
{
    std::vector<std::string> names;    //!< by class
    std::vector<std::string> folders;  //!< image folders of one split, as in the file
};

bool isYaml(const std::string& path);

//! Throws std::runtime_error. @param split "train", "val", "test" or empty.
YoloDescription readYoloDescription(const std::string& path, const std::string& split);

//! Throws std::runtime_error. Unreadable files are listed in RawDataset::problems.
RawDataset readYolo(const DatasetFiles& files, bool keepSegmentation);

}  // namespace d2det

#endif
