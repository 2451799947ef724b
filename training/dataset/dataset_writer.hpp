// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A data set as files of one of the three formats, in a new folder, laid out so that readDataset finds it.
     COCO  instances.json, images/
     VOC   Annotations/, JPEGImages/, classes.txt
     YOLO  labels/, images/, data.yaml
   What a format cannot hold is counted and told. */

#ifndef D2DET_TRAINING_DATASET_WRITER_HPP
#define D2DET_TRAINING_DATASET_WRITER_HPP

#include "dataset/dataset_finder.hpp"

namespace d2det
{

struct WriteOptions
{
    DatasetFormat format = DatasetFormat::COCO;
    std::string imageFolder;  //!< that the data set was read with
    std::string output;       //!< folder, made if it is not there; must be empty
    bool copyImages = false;  //!< false: annotations only
};

/** @brief Writes the files.
@return what was lost, a line for each kind.
Throws std::runtime_error: files that cannot be written, two images whose annotation files would have one name. */
std::vector<std::string> writeDataset(const Dataset& dataset, const WriteOptions& options);

}  // namespace d2det

#endif
