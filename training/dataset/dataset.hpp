// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Annotated images: what annotation files say, before anything is decoded. No torch: the sample programs use it too.

   Three formats give the same Dataset; dataset_finder.hpp lists the layouts of folders that are recognized.
     COCO JSON   an object with the arrays "images" (id, file_name, width, height), "annotations" (id, image_id,
                 category_id, bbox [x, y, width, height], optional area, iscrowd, segmentation) and "categories" (id,
                 name)
     Pascal VOC  one XML file for each image (voc_reader.hpp)
     YOLO        one text file for each image (yolo_reader.hpp)
   Any bytes either give a data set or one std::runtime_error that names the file, the place and what to do. A JSON file
   is parsed as a stream: memory grows with what is kept, not with the file. */

#ifndef D2DET_TRAINING_DATASET_HPP
#define D2DET_TRAINING_DATASET_HPP

#include "config/config.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace d2det
{

//! Outline of an object: polygons or a run-length code, as in the file. Exactly one of the three is used.
struct Segmentation
{
    std::vector<std::vector<double>> polygons;  //!< each x0, y0, x1, y1, ... in original pixels
    std::vector<uint32_t> counts;               //!< column-major runs, zeros first (operators.md 4, run lengths)
    std::string compressed;                     //!< the same as COCO's string
    int height = 0, width = 0;                  //!< of the run-length code's image
};

struct Annotation
{
    int64_t id = 0;
    int category = 0;                            //!< index into Dataset::classNames
    double x = 0, y = 0, width = 0, height = 0;  //!< original pixels, x and y are the top left corner
    double area = 0;                             //!< original pixels; width * height where the file has none
    bool crowd = false;
    std::optional<Segmentation> segmentation;  //!< only if asked for and present
};

struct ImageRecord
{
    int64_t id = 0;
    std::string path;           //!< image folder / file_name
    int width = 0, height = 0;  //!< as the annotation file says
    int repeat = 1;             //!< times per epoch of training
    std::vector<Annotation> annotations;
};

//! What reading changed or left out.
struct DatasetCounters
{
    int64_t skippedImages = 0;  //!< VOC and YOLO: with an annotation file that cannot be read, or without a known size
    int64_t annotations = 0;    //!< in the file
    int64_t dropped = 0;        //!< without a usable box: no bbox, NaN or infinite, no positive size, outside the image
    int64_t clipped = 0;        //!< boxes that were cut at the border of their image
    int64_t crowd = 0;          //!< kept, marked as a group of objects
};

struct Dataset
{
    std::string name;  //!< name of the annotation file or folder without extension
    std::vector<std::string> classNames;
    std::vector<int64_t> categoryIds;  //!< ids in the file, by class index; -1 where the file lacks a required class
    std::vector<ImageRecord> images;   //!< in the order of the file
    DatasetCounters counters;
    std::vector<std::string> warnings;  //!< the first few of each kind, for the user

    int64_t numAnnotations() const;
};

struct ReadOptions
{
    bool keepSegmentation = false;
    bool clipBoxes = true;    //!< false: boxes exactly as in the file, none is dropped unless it is no box at all;
                              //!< the evaluation of a benchmark wants that
    bool checkImages = true;  //!< that the folder and at least one of the first images exist
    double maxBadFraction =
        0.1;  //!< share of dropped annotations, and of skipped images, beyond which reading fails (if
              //!< they are at least 10)
    std::vector<std::string> classNames;  //!< not empty: class indices follow these names; an unknown one is an error
    std::string subset;                   //!< readDataset: as DatasetConfig::subset
};

/** @brief Reads a data set in any of the formats. Throws std::runtime_error.
@param annotations a COCO .json file; a folder in one of the layouts of dataset_finder.hpp; a data.yaml file of YOLO; a
list of names VOC/ImageSets/Main/NAME.txt. A folder that fits several formats, or none, is an error that says what was
found and looked for.
@param images folder that file names are relative to; empty: the usual places near the annotations. */
Dataset readDataset(const std::string& annotations, const std::string& images,
                    const ReadOptions& options = ReadOptions());

//! Keeps the images of every5th_val or every5th_train: sorted by path, index 4, 9, ... is validation. Other text
//! throws.
void selectSubset(Dataset& dataset, const std::string& subset);

/** @brief Reads and merges data sets. Classes are matched by name, those of the first data set are the reference unless
options.classNames says more. Image and annotation ids that occur in an earlier set are replaced by free ones. */
Dataset loadDatasets(const std::vector<DatasetConfig>& configs, const ReadOptions& options = ReadOptions());

}  // namespace d2det

#endif
