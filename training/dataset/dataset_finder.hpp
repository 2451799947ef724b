// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Folder layouts of data sets. SPLIT is train, val (also valid, validation), test or trainval.

   COCO     FOLDER/[annotations/]instances*.json or _annotations.coco.json; with a split instances_SPLIT[year].json or
            FOLDER/SPLIT/_annotations.coco.json. Without one of these names: a .json file in these folders that begins
            like COCO (labels.json of FiftyOne, result.json of Label Studio, person_keypoints_*.json); with a split its
            name has the word SPLIT, or its folder is that of the split.
            Images: the first of the split folder ("train2017"), images/, data/, JPEGImages/ and the folder of the file
            that contains them.
   VOC      FOLDER/Annotations/[.../]NAME.xml (also annotations/, xmls/), images in JPEGImages/, images/ or beside the
            .xml files, in the same subfolders; or all in one folder. A split is the list
            FOLDER/ImageSets/Main/SPLIT.txt or the folder FOLDER/SPLIT. Classes: classes.txt or labels.txt, otherwise
            the class names in the XML files.
   YOLO     FOLDER/images/... and FOLDER/labels/... with the same names; the same with a level SPLIT in between or above
            (images/train, train/images); or NAME.txt beside NAME.jpg. What data.yaml (Ultralytics) or obj.data
            (darknet, CVAT) says of a split goes before: folders and lists of images (yolo_reader.hpp).
            Classes: data.yaml, dataset.yaml, obj.data, classes.txt, obj.names, _darknet.labels.
   labelme  NAME.json beside NAME.jpg, also below; a split is the folder FOLDER/SPLIT.
   CVAT     FOLDER/[annotations/]NAME.xml that begins with <annotations>; images in images/ or beside the file. A split
            is the folder FOLDER/SPLIT or, in the file, the attribute "subset" of the images. */

#ifndef D2DET_TRAINING_DATASET_FINDER_HPP
#define D2DET_TRAINING_DATASET_FINDER_HPP

#include "dataset/raw_dataset.hpp"

#include <map>
#include <string>
#include <vector>

namespace d2det
{

enum class DatasetFormat
{
    COCO,
    VOC,
    YOLO,
    LABELME,
    CVAT
};

const char* formatName(DatasetFormat format);

//! A pair of parallel YOLO folders, or a list of images.
struct YoloPart
{
    std::string images;  //!< folder
    std::string labels;  //!< folder of the text files
    std::string list;    //!< not empty: file with the names of images, instead of both folders
};

struct DatasetFiles
{
    DatasetFormat format = DatasetFormat::COCO;
    std::string annotations;      //!< COCO: the JSON file; CVAT: the XML file; VOC, labelme: folder of the files;
                                  //!< YOLO: the given folder
    std::string images;           //!< base folder of the image names; COCO: empty if not given; YOLO: not used
    std::string list;             //!< VOC: file with the selected names, one per line; CVAT: subset; empty: all
    std::string classes;          //!< file with the class names; VOC: empty if not present
    std::vector<YoloPart> parts;  //!< YOLO
    std::vector<std::string> listRoots;  //!< YOLO: folders that the names in lists may be relative to
    bool onlyLabeled = false;            //!< YOLO: images without a text file are excluded
    std::vector<std::string> notes;      //!< for the user
};

/** @brief The file or folder that a list or description names: as an absolute path, or relative to the first of the
folders that has it; the path of another machine by its last parts (of a folder at least two).
@return empty if there is none. */
std::string resolvePath(const std::string& written, const std::vector<std::string>& folders);

/** @brief Finds the files of the data set given by the arguments.
@param annotations file or folder, see readDataset.
@param images image folder; empty: searched.
@param split empty: all.
Throws std::runtime_error if no data set or more than one matches; the message lists the expected files or the
candidates. */
DatasetFiles findDataset(const std::string& annotations, const std::string& images, const std::string& split);

//! Whether the name of a folder or of a part, in any case of letters, is one of those of a split ("valid" for "val").
bool isSplitName(const std::string& name, const std::string& split);

/** File names of a COCO or CVAT file that begin with folders of another place, such as "C:/data/images/a.jpg" or
    "train2017/a.jpg" for images named apart: removes the leading parts without which the first images are found. */
void shortenFileNames(RawDataset& raw);

/** The size of an image whose annotation file has none, from the image itself. Throws std::runtime_error if that cannot
    be read.
    @param missing what the annotation file lacks, for the message. */
void requireSize(RawImage& image, const std::string& folder, const std::string& missing);

/** Categories of a data set without a list of classes: sorted by name, ids from 1.
    @param ids of the names as the annotations have them, 1 to the number of names. */
void sortCategories(RawDataset& raw, const std::map<std::string, int64_t>& ids);

//! The labels that belong to an image: the last folder "images" in its path becomes "labels", or beside the image.
std::string yoloLabelOf(const std::string& image);

//! The image folder of a COCO file (rule: head of this file). Throws if not found.
std::string findCocoImages(const RawDataset& raw);

}  // namespace d2det

#endif
