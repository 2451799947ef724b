// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What annotation files of any format say, before it is checked: plain records that refer to each other by id. The
   readers (coco_reader, voc_reader, yolo_reader) fill it; toDataset() in dataset.cpp is the one place that checks and
   joins the records for training; lint.cpp reports on them as they are. */

#ifndef D2DET_TRAINING_RAW_DATASET_HPP
#define D2DET_TRAINING_RAW_DATASET_HPP

#include "dataset/dataset.hpp"

#include <limits>

namespace d2det
{

struct RawImage
{
    int64_t id = 0;
    std::string fileName;       //!< relative to RawDataset::imageFolder
    int width = 0, height = 0;  //!< pixels
    std::string source;         //!< file with the annotations of this image; empty: RawDataset::path
};

struct RawCategory
{
    int64_t id = 0;
    std::string name;
};

struct RawAnnotation
{
    int64_t id = 0, imageId = 0, categoryId = 0;
    double box[4] = {0, 0, 0, 0};  //!< x, y, width, height
    int boxValues = 0;             //!< numbers of the box in the file, 4 is right
    double area = std::numeric_limits<double>::quiet_NaN();
    bool crowd = false;
    int64_t segmentation = -1;  //!< index into RawDataset::segmentations
    int line = 0;               //!< in RawImage::source, from 1; 0: not known
};

//! An image or an annotation file that is left out.
struct RawProblem
{
    std::string path, reason;
};

struct RawDataset
{
    std::string path;         //!< file or folder; messages begin with it
    std::string name;         //!< Dataset::name
    std::string imageFolder;  //!< empty: not known
    std::vector<RawImage> images;
    std::vector<RawCategory> categories;
    std::vector<RawCategory> unknownCategories;  //!< used by annotations, but not in the list of classes
    std::vector<RawAnnotation> annotations;
    std::vector<Segmentation> segmentations;
    std::vector<RawProblem> problems;
};

/** @brief Reads what there is, in any format, without checking how it fits together; see readDataset for the arguments.
options.subset may be the name of a split; the every5th_* parts are left to toDataset(). */
RawDataset readRaw(const std::string& annotations, const std::string& images, const ReadOptions& options);

//! Checks and joins the records. Throws std::runtime_error.
Dataset toDataset(RawDataset raw, const ReadOptions& options);

//! "[x, y, width, height]", or what is wrong with it.
std::string describeBox(const RawAnnotation& annotation);

//! Why this is no path inside an image folder; empty if it is one. Files from elsewhere are not read.
std::string badFileName(const std::string& fileName);

/** @brief Clips a box to its image.
@param clip false: the box as it is, which has only to be finite and not negative.
@param cut largest distance, pixels, by which a side was moved.
@return false if there is no box inside the image. */
bool convertBox(const RawAnnotation& raw, int imageWidth, int imageHeight, bool clip, Annotation& out, double& cut);

}  // namespace d2det

#endif
