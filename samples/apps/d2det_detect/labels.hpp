// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What d2det_detect found as data sets, to be corrected and trained on: --labels. They are written after the last
   image, one folder dataset_FORMAT for each format. Frames of videos are saved as images. */

#ifndef D2DET_APPS_DETECT_LABELS_HPP
#define D2DET_APPS_DETECT_LABELS_HPP

#include "cli/outputs.hpp"
#include "dataset/dataset_writer.hpp"

#include <filesystem>
#include <string>
#include <unordered_set>
#include <vector>

namespace detect_program
{

struct LabelOptions
{
    std::vector<std::string> formats;  //!< names of writtenFormat(); empty: no data sets
    double score = 0;                  //!< least score of a detection that becomes an annotation
    double tolerance = 1;              //!< of outlines, pixels; see d2det::WriteOptions
    bool copyImages = false;
};

class Labels
{
public:
    /** Throws std::runtime_error for what would make writing fail: folders that are not empty, images whose annotation
        files would have one name.
        @param sources must outlive the labels. */
    Labels(const LabelOptions& options, const std::filesystem::path& folder, const std::vector<cli::Source>& sources,
           const std::vector<cv::String>& classNames);

    //! Before anything is drawn on the image.
    void add(const cli::DetectedImage& result);

    //! Writes the data sets. Returns lines for the user.
    std::vector<std::string> write();

private:
    d2det::WriteOptions writeOptions(const std::string& format) const;
    std::string saveFrame(const cli::DetectedImage& result);

    LabelOptions options_;
    std::filesystem::path folder_;
    const std::vector<cli::Source>& sources_;
    cli::OutputNames frameNames_;
    d2det::Dataset dataset_;
    std::unordered_set<std::string> paths_;
    std::string imageFolder_;  //!< common folder of all images
    int64_t lastId_ = 0;       //!< of an annotation
    int64 repeated_ = 0;
};

}  // namespace detect_program

#endif
