// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Where the parts of a data set lie. SPLIT is train, val (also valid, validation), test or trainval.

   COCO  FOLDER/[annotations/]instances*.json or _annotations.coco.json; with a split instances_SPLIT[year].json or
         FOLDER/SPLIT/_annotations.coco.json.
         Images: the folder with the name of the split ("train2017"), images/ or the folder of the file, whichever has
         them.
   VOC   FOLDER/Annotations/NAME.xml, images in JPEGImages/, images/ or beside the .xml files; or all in one folder.
         A split is the list FOLDER/ImageSets/Main/SPLIT.txt. Classes: classes.txt or labels.txt, else what the files
         name.
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

//! One pair of YOLO's parallel folders.
struct YoloPart
{
    std::string images;  //!< relative to DatasetFiles::images, "" is that folder itself
    std::string labels;  //!< folder of the text files
};

struct DatasetFiles
{
    DatasetFormat format = DatasetFormat::COCO;
    std::string annotations;  //!< COCO: the JSON file; VOC: folder of the .xml files; YOLO: the folder that was named
    std::string images;       //!< folder that the names of images are relative to; COCO: empty if not given
    std::string list;         //!< VOC: names that take part, a line each; empty: all
    std::string classes;      //!< file with the names of the classes; VOC: empty if there is none
    std::vector<YoloPart> parts;  //!< YOLO
    bool onlyLabelled = false;    //!< YOLO: images without a text file do not take part
};

/** @brief Finds the one data set that the arguments mean.
@param annotations file or folder, see readDataset.
@param images empty: found too.
@param split empty: all.
Throws std::runtime_error that says what was looked for, or which of several has to be named. */
DatasetFiles findDataset(const std::string& annotations, const std::string& images, const std::string& split);

//! The folder that has the images of a COCO file, see above. Throws if none has.
std::string findCocoImages(const RawDataset& raw);

}  // namespace d2det

#endif
