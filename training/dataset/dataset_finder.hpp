// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Folder layouts of data sets. SPLIT is train, val (also valid, validation), test or trainval.

   COCO  FOLDER/[annotations/]instances*.json or _annotations.coco.json; with a split instances_SPLIT[year].json or
         FOLDER/SPLIT/_annotations.coco.json.
         Images: the first of the split folder ("train2017"), images/ and the folder of the file that contains them.
   VOC   FOLDER/Annotations/NAME.xml, images in JPEGImages/, images/ or beside the .xml files; or all in one folder.
         A split is the list FOLDER/ImageSets/Main/SPLIT.txt. Classes: classes.txt or labels.txt, otherwise the class
         names in the XML files.
   YOLO  FOLDER/images/... and FOLDER/labels/... with the same names; the same with a level SPLIT in between or above
         (images/train, train/images); or NAME.txt beside NAME.jpg. Classes: data.yaml, dataset.yaml, classes.txt,
         obj.names. */

#ifndef D2DET_TRAINING_DATASET_FINDER_HPP
#define D2DET_TRAINING_DATASET_FINDER_HPP

#include "dataset/raw_dataset.hpp"

#include <string>
#include <vector>

namespace d2det
{

enum class DatasetFormat
{
    COCO,
    VOC,
    YOLO
};

const char* formatName(DatasetFormat format);

//! A pair of parallel YOLO folders.
struct YoloPart
{
    std::string images;  //!< relative to DatasetFiles::images; "": that folder itself
    std::string labels;  //!< folder of the text files
};

struct DatasetFiles
{
    DatasetFormat format = DatasetFormat::COCO;
    std::string annotations;      //!< COCO: the JSON file; VOC: folder of the .xml files; YOLO: the given folder
    std::string images;           //!< base folder of the image names; COCO: empty if not given
    std::string list;             //!< VOC: file with the selected names, one per line; empty: all
    std::string classes;          //!< file with the class names; VOC: empty if not present
    std::vector<YoloPart> parts;  //!< YOLO
    bool onlyLabeled = false;     //!< YOLO: images without a text file are excluded
};

/** @brief Finds the files of the data set given by the arguments.
@param annotations file or folder, see readDataset.
@param images image folder; empty: searched.
@param split empty: all.
Throws std::runtime_error if no data set or more than one matches; the message lists the expected files or the
candidates. */
DatasetFiles findDataset(const std::string& annotations, const std::string& images, const std::string& split);

//! The image folder of a COCO file (rule: head of this file). Throws if not found.
std::string findCocoImages(const RawDataset& raw);

}  // namespace d2det

#endif
