// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Detection with a model on all images of a data set, for d2det_evaluate. */

#ifndef D2DET_APPS_EVALUATE_MODEL_RUN_HPP
#define D2DET_APPS_EVALUATE_MODEL_RUN_HPP

#include "cli/table.hpp"
#include "dataset/dataset.hpp"
#include "evaluation/coco_results.hpp"
#include "report/html_report.hpp"

#include <opencv2/d2det.hpp>

#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

namespace evaluate_program
{

using cv::d2det::Detector;

const char* const PROGRAM = "d2det_evaluate";

//! Results of one detector, with their source.
struct DetectorResults
{
    std::string name;
    std::string file;  //!< model file or result file
    std::vector<d2det::CocoResult> results;
    std::vector<std::string> notes;  //!< of reading
    bool allImages = false;          //!< an image without results is one without detections
    d2det::NamedTexts details;
    std::vector<std::pair<std::string, double>> stageTimes;
};

//! Common classes of model and annotations, matched by name.
struct ClassMap
{
    std::vector<int> indexOfModelClass;  //!< model class -> index into Dataset::classNames, -1: not annotated
    std::vector<int> evaluated;          //!< indices into Dataset::classNames, ascending
    std::vector<int> unknown;            //!< all other indices: annotated, but not in the model
};

//! Runs the model on a data set.
class ModelRun
{
public:
    //! @param withMasks whether the detections get masks.
    ModelRun(const d2det::Dataset& dataset, Detector& detector, bool withMasks);

    //! Throws cli::Interrupted after Ctrl-C.
    void run(bool showProgress);
    void describe(DetectorResults& source) const;
    void printTimes(std::ostream& out) const;
    const ClassMap& classes() const { return classes_; }
    const std::vector<size_t>& images() const { return images_; }
    std::vector<d2det::CocoResult>& results() { return results_; }

private:
    cv::Mat read(const d2det::ImageRecord& record);
    void leaveOut(const d2det::ImageRecord& record, const std::string& reason);
    std::string speed() const;
    void detect(const d2det::ImageRecord& record, const cv::Mat& image);

    const d2det::Dataset& dataset_;
    Detector& detector_;
    const bool withMasks_;
    ClassMap classes_;
    std::vector<d2det::CocoResult> results_;
    std::vector<size_t> images_;  //!< indices of the usable images
    cli::StageTimes times_;
    int bad_ = 0;
    bool notedOutlines_ = false;
    double seconds_ = 0;
};

}  // namespace evaluate_program

#endif
