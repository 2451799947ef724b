// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "d2det_evaluate/measured.hpp"

#include "base/system.hpp"
#include "base/text.hpp"
#include "dataset/annotated_image.hpp"
#include "report/report_images.hpp"

#include <opencv2/core/utility.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <ostream>

using d2det::counted;

namespace evaluate_program
{

namespace
{

//! The twelve metrics in the format of pycocotools.
void printSummary(std::ostream& out, const std::vector<double>& numbers)
{
    static const char* const areas[12] = {"all", "all", "all", "small", "medium", "large",
                                          "all", "all", "all", "small", "medium", "large"};
    for (size_t i = 0; i < numbers.size() && i < 12; i++)
        out << cv::format(" %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f\n",
                          i < 6 ? "Average Precision" : "Average Recall", i < 6 ? "(AP)" : "(AR)",
                          i == 1   ? "0.50"
                          : i == 2 ? "0.75"
                                   : "0.50:0.95",
                          areas[i],
                          i == 6   ? 1
                          : i == 7 ? 10
                                   : 100,
                          numbers[i]);
}

//! The ten metrics of keypoints in the format of pycocotools.
void printKeypointSummary(std::ostream& out, const std::vector<double>& numbers)
{
    static const char* const areas[] = {"all", "all", "all", "medium", "large"};
    static const char* const ious[] = {"0.50:0.95", "0.50", "0.75", "0.50:0.95", "0.50:0.95"};
    for (size_t i = 0; i < numbers.size() && i < 10; i++)
        out << cv::format(" %-18s %s @[ IoU=%-9s | area=%6s | maxDets= 20 ] = %0.3f\n",
                          i < 5 ? "Average Precision" : "Average Recall", i < 5 ? "(AP)" : "(AR)", ious[i % 5],
                          areas[i % 5], numbers[i]);
}

void printClasses(std::ostream& out, const d2det::Analysis& analysis)
{
    size_t width = 10;
    for (const d2det::ClassNumbers& c : analysis.classes)
        width = std::min<size_t>(std::max(width, d2det::countCharacters(c.which.name)), 40);
    out << "\n" << cli::padRight("class", width) << "      AP  objects\n";
    for (const d2det::ClassNumbers& c : analysis.classes)
    {
        const std::string value = c.ap < 0 ? "-" : cv::format("%.3f", c.ap);
        out << cli::padRight(c.which.name, width) << cv::format("%8s%9d\n", value.c_str(), c.objects);
    }
}

std::string percent(double value)
{
    return std::isnan(value) ? "-" : cv::format("%.0f %%", 100 * value);
}

/** Images of a report, without unreadable ones. All analyses must contain the same images in the same order. */
std::vector<d2det::ReportImage> makeImages(const std::vector<size_t>& chosen, const std::vector<Measured>& measured,
                                           const d2det::EvaluatedData& data)
{
    std::map<int64_t, const d2det::ImageRecord*> records;
    for (const size_t index : data.images)
        records[data.dataset->images[index].id] = &data.dataset->images[index];
    std::vector<d2det::ReportImage> images;
    for (const size_t index : chosen)
    {
        std::vector<const d2det::DetectionSet*> sets;
        std::vector<const d2det::ImageOutcome*> outcomes;
        for (size_t i = 0; i < measured.size() && i < 2; i++)  // more views would be too small
        {
            sets.push_back(&measured[i].set);
            outcomes.push_back(&measured[i].result.boxes.images[index]);
        }
        const d2det::ImageRecord& record = *records.at(outcomes[0]->imageId);
        std::string reason;
        const cv::Mat image = d2det::readAnnotatedImage(record, reason);
        if (image.empty())
            continue;
        std::string caption = std::filesystem::path(record.path).filename().string();
        for (size_t i = 0; i < sets.size(); i++)
        {
            const d2det::Outcomes& o = outcomes[i]->outcomes;
            caption += (sets.size() > 1 ? "; " + sets[i]->name : std::string()) +
                       cv::format(": %d right, %d wrong, %d missed, F1 ", o.right, o.wrong, o.missed) + percent(o.f1());
        }
        images.push_back(d2det::makeReportImage(image, caption, sets, outcomes, d2det::analyzedClasses(data)));
    }
    return images;
}

//! Folder and name, such as "pennfudan/instances": the annotation file name alone is often generic.
std::string nameOfData(const std::string& annotations)
{
    const std::filesystem::path path = std::filesystem::absolute(annotations).lexically_normal();
    const std::string folder = path.parent_path().filename().string();
    return (folder.empty() ? "" : folder + "/") + path.stem().string();
}

//! Results of a run over some files name the files; those with ids alone are for the whole set.
bool namesImages(const std::vector<d2det::CocoResult>& results)
{
    return std::any_of(results.begin(), results.end(), [](const d2det::CocoResult& r) { return !r.fileName.empty(); });
}

d2det::EvaluatedData partOf(const d2det::EvaluatedData& data, const std::vector<int64_t>& ids)
{
    d2det::EvaluatedData part = data;
    part.images.clear();
    for (const size_t index : data.images)
        if (std::binary_search(ids.begin(), ids.end(), data.dataset->images[index].id))
            part.images.push_back(index);
    return part;
}

//! AP of boxes as text.
std::string numbersOf(const DetectorResults& source, const d2det::EvaluatedData& data)
{
    const std::vector<double> summary =
        d2det::analyze(d2det::makeDetectionSet(data, source.name, source.results), data, cv::d2det::IOU_BOX).summary;
    return cv::format("AP %.3f, AP50 %.3f", summary[0], summary[1]);
}

}  // namespace

void print(std::ostream& out, const Measured& measured, bool named)
{
    const d2det::ReportResult& result = measured.result;
    if (named)
        out << result.name << "\n";
    if (result.masks || !result.keypoints.empty())
        out << "Boxes\n";
    printSummary(out, result.boxes.summary);
    if (result.masks)
    {
        out << "Masks\n";
        printSummary(out, result.masks->summary);
    }
    if (!result.keypoints.empty())
    {
        out << "Keypoints\n";
        printKeypointSummary(out, result.keypoints);
    }
    printClasses(out, result.boxes);
    for (const std::string& note : result.notes)
        out << "note: " << note << "\n";
}

void restrictToRun(DetectorResults& source, d2det::EvaluatedData& data)
{
    if (source.allImages || !namesImages(source.results))
        return;
    const d2det::DetectionSet set = d2det::makeDetectionSet(data, source.name, source.results);
    const size_t all = data.images.size(), named = set.imagesWithResults.size();
    if (named == 0 || named == all)
        return;
    const std::string count = std::to_string(named) + " of " + counted(static_cast<int64_t>(all), "image");
    d2det::EvaluatedData part = partOf(data, set.imagesWithResults);
    if (!set.isRun)
    {
        source.notes.push_back(count +
                               " have results, the others count as images without detections; boxes of these "
                               "images alone: " +
                               numbersOf(source, part));
        return;
    }
    source.notes.push_back("measured on the " + count +
                           " that the run was over; with the others as images without "
                           "detections, boxes: " +
                           numbersOf(source, data));
    data = std::move(part);
}

Measured measure(const DetectorResults& source, const d2det::EvaluatedData& data, double operatingScore)
{
    Measured measured;
    measured.set = d2det::makeDetectionSet(data, source.name, source.results);
    d2det::ReportResult& result = measured.result;
    result.name = source.name;
    result.boxes = d2det::analyze(measured.set, data, cv::d2det::IOU_BOX, operatingScore);
    if (!measured.set.maskImageIds.empty())
        result.masks = d2det::analyze(measured.set, data, cv::d2det::IOU_MASK, operatingScore);
    if (measured.set.hasKeypoints)
        result.keypoints = measured.set.keypoints.summarize(cv::d2det::IOU_KEYPOINTS);
    result.details = source.details;
    result.stageTimes = source.stageTimes;
    result.notes = source.notes;
    result.notes.insert(result.notes.end(), measured.set.notes.begin(), measured.set.notes.end());
    return measured;
}

d2det::Report makeReport(const std::vector<Measured>& measured, const d2det::EvaluatedData& data,
                         const cli::po::variables_map& args, const std::string& commandLine)
{
    d2det::Report report;
    std::string names;
    for (const Measured& m : measured)
    {
        report.results.push_back(m.result);
        names += (names.empty() ? "" : " and ") + m.result.name;
    }
    const d2det::Analysis& first = measured[0].result.boxes;
    const std::string subset = args["subset"].as<std::string>();
    int objects = 0;
    for (const d2det::ClassNumbers& c : first.classes)
        objects += c.objects;
    report.title = args.count("title")
                       ? args["title"].as<std::string>()
                       : (measured.size() > 2 ? counted(static_cast<int>(measured.size()), "detector") : names) +
                             " on " + nameOfData(args["annotations"].as<std::string>());
    report.details = {
        {"annotations", args["annotations"].as<std::string>() + (subset.empty() ? "" : ", subset " + subset)},
        {"measured", counted(static_cast<int>(data.images.size()), "image") + ", " + counted(objects, "object") + ", " +
                         counted(static_cast<int64_t>(data.classes.size()), "class")},
        {"command", commandLine},
        {"date", d2det::utcNow()},
        {"OpenCV", cv::getVersionString()}};
    const size_t images = static_cast<size_t>(args["pictures"].as<int>());
    report.worst = makeImages(d2det::worstImages(first, images), measured, data);
    report.best = makeImages(d2det::bestImages(first, images), measured, data);
    return report;
}

}  // namespace evaluate_program
