// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Writes a data set in one of the five formats to a new folder, in a layout supported by readDataset.
     COCO     instances.json, images/
     VOC      Annotations/, JPEGImages/, classes.txt
     YOLO     labels/, images/, data.yaml
     labelme  a JSON file beside each image, labels.txt
     CVAT     annotations.xml ("CVAT for images 1.1"), images/
   Scores of detections: "score" of a COCO annotation and of a labelme shape, <score> of a VOC object, an attribute
   "score" of a CVAT shape; YOLO has no place for them. Information that the format cannot represent is counted and
   reported. */

#ifndef D2DET_TRAINING_DATASET_WRITER_HPP
#define D2DET_TRAINING_DATASET_WRITER_HPP

#include "dataset/dataset_finder.hpp"

namespace d2det
{

struct WriteOptions
{
    DatasetFormat format = DatasetFormat::COCO;
    std::string imageFolder;      //!< image folder from which the data set was read
    std::string output;           //!< output folder, created if missing; must be empty
    bool copyImages = false;      //!< false: annotations only
    bool imagesAreThere = false;  //!< the output has its images already and may hold other files
    bool boxesOnly = false;       //!< leave out masks and outlines
    /** Pixels by which outlines that are made of run lengths may differ from them (simpleOutlines); COCO then gets
        outlines in place of run lengths. 0: exact, COCO gets what was read. */
    double tolerance = 0;
};

//! The format that a user names: coco, voc, yolo, labelme or cvat. Throws std::runtime_error for another name.
DatasetFormat writtenFormat(const std::string& name);

/** What writeDataset() would refuse, before there are annotations: throws std::runtime_error for an output folder that
    is not empty, images outside the image folder, or two images that would share an annotation file. */
void checkWritable(const Dataset& dataset, const WriteOptions& options);

/** @brief Writes the files.
@return summary of lost information, one line per kind.
Throws std::runtime_error if a file cannot be written or the annotation files of two images would have the same name. */
std::vector<std::string> writeDataset(const Dataset& dataset, const WriteOptions& options);

}  // namespace d2det

#endif
