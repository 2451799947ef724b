// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* YOLO text files: one line per object, numbers separated by blanks,
     class cx cy w h               center and size of the box
     class x1 y1 x2 y2 x3 y3 ...   outline, at least 3 points; the box is its bounding box
     class cx cy w h x1 y1 [v1] ...  box and keypoints; the box is read
     class x1 y1 x2 y2 x3 y3 x4 y4 corners of an oriented box; the box around it is read, no outline
   in units of the image width and height; class indices start at 0. Keypoints are recognized by "kpt_shape" in
   data.yaml, or by a visibility of 0, 1 or 2 in every third place and by all points lying in their boxes; oriented
   boxes by all outlines being rectangles, some of them turned. A missing or empty text file means an image without
   objects. If the image folder is given separately from the labels, images without a text file are excluded. Sizes
   come from the image headers.

   Class names: one per line (classes.txt, obj.names), or "names" in data.yaml: a list or a map from index to name;
   only "nc": class_0, class_1, ... Keys of data.yaml that are used: path, train, val (or valid, validation), test,
   names, nc, kpt_shape. As in Ultralytics, a split is a folder, a list file or a list of both, relative to "path",
   which is relative to the file; names in a list file that begin with "./" are relative to it. Where that fails, other
   places are tried (resolvePath). obj.data of darknet and CVAT is "key = value" with train, valid and names. */

#ifndef D2DET_TRAINING_YOLO_READER_HPP
#define D2DET_TRAINING_YOLO_READER_HPP

#include "dataset/dataset_finder.hpp"

namespace d2det
{

//! Contents of a data.yaml or obj.data file.
struct YoloDescription
{
    std::vector<std::string> names;    //!< by class
    std::vector<std::string> folders;  //!< folders and lists of images of one split, as in the file
    std::string path;                  //!< what they are relative to, as in the file; may be empty
    int keypointValues = 0;            //!< numbers of a line for keypoints
    std::vector<std::string> notes;
};

bool isYoloDescription(const std::string& path);

//! Throws std::runtime_error. @param split "train", "val", "test" or empty.
YoloDescription readYoloDescription(const std::string& path, const std::string& split);

//! Throws std::runtime_error. Unreadable files are listed in RawDataset::problems.
RawDataset readYolo(const DatasetFiles& files, bool keepSegmentation);

}  // namespace d2det

#endif
