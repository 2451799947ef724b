// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "d2det_evaluate/model_run.hpp"

#include "base/text.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "cli/program.hpp"
#include "dataset/annotated_image.hpp"

#include <opencv2/core/utility.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <stdexcept>

using d2det::counted;

namespace evaluate_program
{

namespace
{

const size_t MAX_MASK_PIXELS = 1 << 28;  //!< of run lengths (cv::d2det::Rle)
const double MAX_BAD_FRACTION = 0.1;     //!< maximum fraction of unusable images for a meaningful result
const int TOLERATED_BAD = 10;            //!< unusable images at any fraction, as in training

std::string join(const std::vector<std::string>& names, size_t limit)
{
    std::string text;
    for (size_t i = 0; i < names.size() && i < limit; i++)
        text += (i ? ", " : "") + names[i];
    return names.size() > limit ? text + ", ..." : text;
}

ClassMap matchClasses(const std::vector<cv::String>& model, const d2det::Dataset& dataset)
{
    const std::vector<std::string>& annotated = dataset.classNames;
    ClassMap map;
    std::vector<bool> known(annotated.size(), false);
    for (const cv::String& name : model)
    {
        const auto found = std::find(annotated.begin(), annotated.end(), name);
        const int index = found == annotated.end() ? -1 : static_cast<int>(found - annotated.begin());
        map.indexOfModelClass.push_back(index);
        if (index >= 0)
            known[index] = true;
    }
    for (int i = 0; i < static_cast<int>(annotated.size()); i++)
        (known[i] ? map.evaluated : map.unknown).push_back(i);
    if (map.evaluated.empty())
        throw std::runtime_error("the model (" + join(model, 5) + ") and the annotations (" + join(annotated, 5) +
                                 ") have no class name in common");
    return map;
}

}  // namespace

ModelRun::ModelRun(const d2det::Dataset& dataset, Detector& detector, bool withMasks)
    : dataset_(dataset),
      detector_(detector),
      withMasks_(withMasks),
      classes_(matchClasses(detector.getClassNames(), dataset))
{
}

//! Empty if the image is unusable.
cv::Mat ModelRun::read(const d2det::ImageRecord& record)
{
    std::string reason;
    const cv::Mat image = d2det::readAnnotatedImage(record, reason);
    if (image.empty())
        leaveOut(record, "it " + reason);
    return image;
}

//! Names an image that cannot be used; throws if there are too many.
void ModelRun::leaveOut(const d2det::ImageRecord& record, const std::string& reason)
{
    std::cerr << PROGRAM << ": skipped " << record.path << ": " << reason << "\n";
    if (++bad_ > MAX_BAD_FRACTION * static_cast<double>(dataset_.images.size()) && bad_ >= TOLERATED_BAD)
        throw std::runtime_error("more than " + cv::format("%.0f", MAX_BAD_FRACTION * 100) +
                                 " % of the images cannot be used; is --images the right folder?");
}

//! Single call site of the detector.
void ModelRun::detect(const d2det::ImageRecord& record, const cv::Mat& image)
{
    cv::Mat detections, maskScores;
    std::vector<cv::d2det::BoxMask> masks;
    if (withMasks_)
        detector_.segmentInBoxes(image, detections, masks, maskScores);
    else
        detector_.detect(image, detections);
    times_.add(detector_);
    const bool outlines = image.total() <= MAX_MASK_PIXELS;
    if (!masks.empty() && !outlines && !notedOutlines_)
    {
        notedOutlines_ = true;
        std::cerr << PROGRAM << ": " << record.path << " has more than 2^28 pixels, the limit of run lengths: its "
                  << "detections have boxes without masks\n";
    }
    for (int i = 0; i < detections.rows; i++)
    {
        const float* d = detections.ptr<float>(i);
        const size_t classId = static_cast<size_t>(d[5]);
        if (classId >= classes_.indexOfModelClass.size() || classes_.indexOfModelClass[classId] < 0)
            continue;
        d2det::CocoResult result;
        result.imageId = record.id;
        result.fileName = record.path;
        result.categoryId = dataset_.categoryIds[classes_.indexOfModelClass[classId]];
        result.categoryName = dataset_.classNames[classes_.indexOfModelClass[classId]];
        result.box = cv::Rect2d(d[0], d[1], double(d[2]) - d[0], double(d[3]) - d[1]);
        result.score = d[4];
        result.maskScore = masks.empty() ? result.score : maskScores.at<float>(i);
        if (!masks.empty() && outlines)
            result.mask = cv::d2det::rleEncode(masks[i]);
        results_.push_back(result);
    }
}

void ModelRun::run(bool showProgress)
{
    const auto start = std::chrono::steady_clock::now();
    cli::catchInterrupts();
    cli::Progress progress(showProgress, "images", static_cast<int64>(dataset_.images.size()));
    for (size_t i = 0; i < dataset_.images.size(); i++)
    {
        const cv::Mat image = read(dataset_.images[i]);
        if (cli::interrupted())
        {
            progress.clear();
            throw cli::Interrupted("measured " + std::to_string(i) + " of " + std::to_string(dataset_.images.size()) +
                                   " images, which says nothing of the rest: no numbers and no files");
        }
        if (image.empty())
            continue;
        try
        {
            detect(dataset_.images[i], image);
        }
        catch (const cv::Exception& e)  // such as more pixels than there is memory for
        {
            progress.clear();
            leaveOut(dataset_.images[i], cli::oneLine(e.err));
            continue;
        }
        images_.push_back(i);
        progress.update(static_cast<int64>(i) + 1, std::filesystem::path(dataset_.images[i].path).filename().string());
    }
    progress.clear();
    cli::exitOnInterrupts();
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (images_.empty())
        throw std::runtime_error("none of the " + counted(bad_, "image") +
                                 " can be used; is --images the right folder?");
}

std::string ModelRun::speed() const
{
    return counted(static_cast<int64_t>(images_.size()), "image") +
           cv::format(" in %.1f s, %.2f images/s with reading", seconds_,
                      static_cast<double>(images_.size()) / seconds_);
}

void ModelRun::describe(DetectorResults& source) const
{
    const cv::d2det::InputParams input = detector_.getInputParams();
    source.allImages = true;
    source.details = {
        {"model", source.file},
        {"input", cv::format("short side %d, long side at most %d pixels", input.shortSide, input.longSide)},
        {"score threshold", cv::format("%g", detector_.getScoreThreshold())},
        {"NMS", cv::format("%s, IoU %g, at most %d detections",
                           detector_.getNMSMode() == cv::d2det::NMS_HARD          ? "hard"
                           : detector_.getNMSMode() == cv::d2det::NMS_SOFT_LINEAR ? "soft, linear"
                                                                                  : "soft, gaussian",
                           detector_.getNMSThreshold(), detector_.getMaxDetections())},
        {"threads", std::to_string(cv::getNumThreads())},
        {"speed", speed()}};
    if (bad_ > 0)
        source.details.emplace_back("left out", counted(bad_, "image") + " that could not be used");
    if (!classes_.unknown.empty())
        source.details.emplace_back(
            "unknown classes",
            counted(static_cast<int>(classes_.unknown.size()), "annotated class") + " unknown to the model");
    const std::vector<double> times = times_.mean();
    for (size_t i = 0; i < times.size(); i++)
        source.stageTimes.emplace_back(times_.stages()[i], times[i]);
}

void ModelRun::printTimes(std::ostream& out) const
{
    out << "\n" << speed();
    if (bad_ > 0)
        out << "; " << bad_ << " could not be used and are not part of the result";
    out << "\nmean ms " << cli::StageTimes::header(times_.stages()) << "\n        "
        << cli::StageTimes::row(times_.stages(), times_.mean()) << "\n";
    if (!classes_.unknown.empty())
    {
        std::vector<std::string> names;
        for (const int index : classes_.unknown)
            names.push_back(dataset_.classNames[index]);
        out << classes_.unknown.size()
            << " annotated classes are unknown to the model and left out of all means: " << join(names, 8) << "\n";
    }
}

}  // namespace evaluate_program
