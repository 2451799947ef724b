// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Unchecked contents of annotation files in any format: plain records with references by id, filled by the readers
   (coco_reader, voc_reader, yolo_reader, labelme_reader, cvat_reader). Only toDataset() in dataset.cpp checks and joins
   the records for training; lint.cpp reports on the unchecked records. */

#ifndef D2DET_TRAINING_RAW_DATASET_HPP
#define D2DET_TRAINING_RAW_DATASET_HPP

#include "dataset/dataset.hpp"

#include <limits>
#include <map>
#include <unordered_set>

namespace d2det
{

struct RawImage
{
    int64_t id = 0;
    std::string fileName;       //!< relative to RawDataset::imageFolder
    int width = 0, height = 0;  //!< pixels; 0: not in the annotations and not readable from the image
    std::string source;         //!< file with the annotations of this image; empty: RawDataset::path
    std::string tileOf;         //!< COCO's "tile_of" of d2det_dataset tile: the image that this one is a part of
    std::string idText;         //!< the id in the file if that is a text and no number; `id` is made up then
    bool annotated = true;      //!< false: nobody annotated it (YOLO: no text file)
    bool hasOther = false;      //!< something is annotated that is not read, such as a point
};

struct RawCategory
{
    int64_t id = 0;
    std::string name;
    std::string group = std::string();                                //!< COCO's "supercategory"
    std::vector<std::string> keypoints = std::vector<std::string>();  //!< names; COCO alone
    //! COCO's "skeleton" as in the file: pairs of points, counted from 1.
    std::vector<std::vector<double>> skeleton = std::vector<std::vector<double>>();
};

//! COCO's "keypoints" of an annotation.
struct RawKeypoints
{
    std::vector<double> values;  //!< x, y, visibility of each point
    bool spoiled = false;        //!< something in the list is not a number
    int count = -1;              //!< "num_keypoints"; -1: not in the file
};

struct RawAnnotation
{
    int64_t id = 0, imageId = 0, categoryId = 0;
    double box[4] = {0, 0, 0, 0};  //!< x, y, width, height
    int boxValues = 0;             //!< count of numbers of the box in the file; 4 is valid
    bool boxOfOutline = false;     //!< the file has no box; this one is what the outline spans
    double area = std::numeric_limits<double>::quiet_NaN();
    bool crowd = false;
    double score = std::numeric_limits<double>::quiet_NaN();  //!< of a detection; NaN: none
    int64_t segmentation = -1;                                //!< index into RawDataset::segmentations
    int64_t keypoints = -1;                                   //!< index into RawDataset::keypoints
    int line = 0;                                             //!< line in RawImage::source, from 1; 0: unknown
};

//! A skipped image or annotation file.
struct RawProblem
{
    std::string path, reason;
};

struct RawDataset
{
    std::string path;         //!< file or folder, start of messages
    std::string name;         //!< Dataset::name
    std::string imageFolder;  //!< empty: unknown
    std::vector<RawImage> images;
    std::vector<RawCategory> categories;
    std::vector<RawCategory> unknownCategories;  //!< used by annotations, but missing in the class list
    std::vector<RawAnnotation> annotations;
    std::vector<Segmentation> segmentations;
    std::vector<RawKeypoints> keypoints;
    std::vector<RawProblem> problems;
    std::vector<std::string> notes;       //!< what the reader understood in its own way, for the user
    std::unordered_set<int64_t> leftOut;  //!< ids of images among the problems
    bool idsAreMade = false;              //!< image ids are numbers of the reader, not of the files
    bool asStored = false;                //!< images are annotated in stored pixels (annotated_image.hpp)
};

/** @brief Reads the records of a data set in any format without consistency checks; arguments as for readDataset.
options.subset may be the name of a split; every5th_* subsets are handled by toDataset(). */
RawDataset readRaw(const std::string& annotations, const std::string& images, const ReadOptions& options);

//! Checks and joins the records. Throws std::runtime_error.
Dataset toDataset(RawDataset raw, const ReadOptions& options);

/** Points of the categories, by id: those that a file names, or else numbered ones, as many as the first annotation of
    the category has. Without `pairs` of names every point is its own partner in a mirrored image, unless its name has
    "left" or "right". Empty if no category has points.
    @param notes for the user. */
std::map<int64_t, std::shared_ptr<const KeypointSchema>> keypointSchemas(const RawDataset& raw,
                                                                         const std::vector<std::string>& pairs,
                                                                         std::vector<std::string>& notes);

//! "[x, y, width, height]", or a description of the defect.
std::string describeBox(const RawAnnotation& annotation);

/** Boxes as fractions instead of pixels: a warning if most of them are (mostBelowOnePixel). One rule for reading and
    lint. */
bool isBelowOnePixel(const RawAnnotation& annotation);
bool mostBelowOnePixel(int64_t count, int64_t all);
std::string describeBelowOnePixel(int64_t count, int64_t all);

//! Reason why a file name is not a path inside the image folder; empty if valid. Files outside it are not read.
std::string badFileName(const std::string& fileName);

/** @brief Clips a box to the image.
@param clip false: the box stays unchanged and needs only finite values and a non-negative size.
@param cut largest displacement of a side by clipping, pixels.
@return false if the box is malformed or, with `clip`, no part of it lies inside the image. */
bool convertBox(const RawAnnotation& raw, int imageWidth, int imageHeight, bool clip, Annotation& out, double& cut);

}  // namespace d2det

#endif
