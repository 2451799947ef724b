// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Writes a data set in one of the three formats to a new folder, in a layout supported by readDataset.
     COCO  instances.json, images/
     VOC   Annotations/, JPEGImages/, classes.txt
     YOLO  labels/, images/, data.yaml
   Information that the format cannot represent is counted and reported. */

#ifndef D2DET_TRAINING_DATASET_WRITER_HPP
#define D2DET_TRAINING_DATASET_WRITER_HPP

#include "dataset/dataset_finder.hpp"

namespace d2det
{

struct WriteOptions
{
    DatasetFormat format = DatasetFormat::COCO;
    std::string imageFolder;  //!< image folder from which the data set was read
    std::string output;       //!< output folder, created if missing; must be empty
    bool copyImages = false;  //!< false: annotations only
};

/** @brief Writes the files.
@return summary of lost information, one line per kind.
Throws std::runtime_error if a file cannot be written or the annotation files of two images would have the same name. */
std::vector<std::string> writeDataset(const Dataset& dataset, const WriteOptions& options);

}  // namespace d2det

#endif
