// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Annotated images: contents of annotation files, without decoded images. Independent of LibTorch: also used by the
   sample programs.

   Five formats give the same Dataset; dataset_finder.hpp lists the supported folder layouts.
     COCO JSON   an object with the arrays "images" (id, file_name, width, height), "annotations" (id, image_id,
                 category_id, bbox [x, y, width, height], optional area, iscrowd, segmentation) and "categories" (id,
                 name); see coco_reader.hpp
     Pascal VOC  one XML file for each image (voc_reader.hpp)
     YOLO        one text file for each image (yolo_reader.hpp)
     labelme     one JSON file for each image (labelme_reader.hpp)
     CVAT        one XML file of the kind "CVAT for images" (cvat_reader.hpp)
   Malformed files of any kind cause one std::runtime_error with file, position and remedy. A JSON file is parsed as a
   stream: memory is proportional to the stored records, not to the file size. */

#ifndef D2DET_TRAINING_DATASET_HPP
#define D2DET_TRAINING_DATASET_HPP

#include "config/config.hpp"
#include "dataset/keypoints.hpp"

#include <opencv2/core/types.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace d2det
{

//! Outline of an object as in the file: exactly one of polygons, counts and compressed is used.
struct Segmentation
{
    std::vector<std::vector<double>> polygons;  //!< each x0, y0, x1, y1, ... in original pixels
    std::vector<uint32_t> counts;               //!< column-major runs, zeros first (operators.md 4, run lengths)
    cv::Rect part;                              //!< not empty: counts are row-major runs of this part only (CVAT)
    std::string compressed;                     //!< runs in COCO's string encoding
    int height = 0, width = 0;                  //!< image size of the run-length code
};

struct Annotation
{
    int64_t id = 0;
    int category = 0;                            //!< index into Dataset::classNames
    double x = 0, y = 0, width = 0, height = 0;  //!< original pixels, x and y are the top left corner
    double area = 0;                             //!< original pixels; width * height if not in the file
    bool crowd = false;
    double score = std::numeric_limits<double>::quiet_NaN();  //!< of a detection; NaN: none
    std::optional<Segmentation> segmentation;  //!< only with ReadOptions::keepSegmentation and if present
    ObjectKeypoints keypoints;                 //!< original pixels; only with ReadOptions::keepKeypoints and if present
};

//! Why an image has no annotations.
enum class EmptyImage
{
    NO,         //!< its file has annotations, be they usable or not
    ANNOTATED,  //!< it was looked at: COCO's list of images, a VOC file without objects, an empty text file of YOLO
    UNLABELED   //!< YOLO: without a text file
};

struct ImageRecord
{
    int64_t id = 0;
    std::string idText;         //!< the id in the file if that is a text and no number
    std::string path;           //!< image folder / file_name
    std::string tileOf;         //!< the image that this one is a tile of; empty: none
    int width = 0, height = 0;  //!< annotated size, pixels
    int repeat = 1;             //!< occurrences per training epoch
    bool asStored = false;      //!< annotated in stored pixels, see annotated_image.hpp
    EmptyImage empty = EmptyImage::NO;
    std::vector<Annotation> annotations;
};

//! Records that were changed or dropped while reading.
struct DatasetCounters
{
    int64_t skippedImages = 0;  //!< VOC and YOLO: unreadable annotation file or unknown image size
    int64_t annotations = 0;    //!< in the file
    int64_t dropped = 0;        //!< without a usable box: no bbox, NaN or infinite, no positive size, outside the image
    int64_t clipped = 0;        //!< boxes clipped to the image
    int64_t crowd = 0;          //!< kept, marked as a group of objects
    int64_t orphans = 0;        //!< left out: COCO annotations of images or categories that the file does not list
    int64_t duplicates = 0;     //!< left out: images and annotations that are listed twice
    int64_t badKeypoints = 0;   //!< left out: malformed keypoints; the annotation stays
};

struct Dataset
{
    std::string name;  //!< name of the annotation file or folder without extension
    std::vector<std::string> classNames;
    std::vector<int64_t> categoryIds;  //!< ids in the file, by class index; -1 for required classes not in the file
    //! Keypoints by class index, null for a class without; empty: no class has any.
    std::vector<std::shared_ptr<const KeypointSchema>> keypoints;
    std::vector<ImageRecord> images;  //!< in the order of the file
    bool idsAreMade = false;          //!< image ids are numbers of the reader (VOC, YOLO), not of the files
    DatasetCounters counters;
    std::vector<std::string> warnings;  //!< for the user, the first few of each kind

    int64_t numAnnotations() const;
};

struct ReadOptions
{
    bool keepSegmentation = false;
    bool keepKeypoints = false;              //!< COCO's keypoints
    std::vector<std::string> keypointPairs;  //!< DataConfig::keypointPairs
    bool clipBoxes = true;    //!< false (benchmark evaluation): boxes exactly as in the file; only malformed boxes
                              //!< are dropped
    bool checkImages = true;  //!< check that the folder and at least one of the first images exist
    double maxBadFraction =
        0.1;  //!< reading fails above this fraction of dropped annotations or skipped images (and at least 10 of
              //!< them)
    std::vector<std::string> classNames;  //!< not empty: order of the class indices; other names are an error
    std::string subset;                   //!< for readDataset: same as DatasetConfig::subset
};

/** @brief Reads a data set in any of the formats. Throws std::runtime_error.
@param annotations a COCO .json file; a folder in one of the layouts of dataset_finder.hpp; a YOLO data.yaml file; an
image list VOC/ImageSets/Main/NAME.txt. A folder that matches several formats or none is an error; the message lists the
files found and expected.
@param images base folder of the file names; empty: searched near the annotations. */
Dataset readDataset(const std::string& annotations, const std::string& images,
                    const ReadOptions& options = ReadOptions());

//! Selects the images of every5th_val (index 4, 9, ... in path order) or every5th_train (all others); tiles of one
//! image count as one. Throws for any other subset name.
void selectSubset(Dataset& dataset, const std::string& subset);

/** @brief Reads and merges data sets. Classes are matched by name; the reference is options.classNames if not empty,
otherwise the first data set. Image and annotation ids already used by an earlier set are replaced by unused ids. */
Dataset loadDatasets(const std::vector<DatasetConfig>& configs, const ReadOptions& options = ReadOptions());

}  // namespace d2det

#endif
