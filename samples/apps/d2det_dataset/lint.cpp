// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_dataset lint: findings as lines or JSON. */

#include "base/text.hpp"
#include "cli/table.hpp"
#include "d2det_dataset/commands.hpp"
#include "dataset/lint.hpp"

#include <nlohmann/json.hpp>

#include <iostream>
#include <map>

using d2det::counted;
using nlohmann::json;

namespace dataset_program
{

namespace
{

std::string idsOf(const d2det::Finding& finding)
{
    std::string text = finding.imageId ? "image " + std::to_string(*finding.imageId) : "";
    if (finding.annotationId)
        text += (text.empty() ? "" : ", ") + std::string("annotation ") + std::to_string(*finding.annotationId);
    return text;
}

//! "2 errors (bad-box 1, missing-image 1)"
std::string countsText(const d2det::LintReport& report, bool errors)
{
    std::map<std::string, int> counts;
    for (const d2det::Finding& finding : report.findings)
        if (finding.error == errors)
            counts[finding.code]++;
    const int64_t total = errors ? report.errors : report.warnings;
    std::string text = counted(total, errors ? "error" : "warning");
    for (const auto& count : counts)
        text += (&count == &*counts.begin() ? " (" : ", ") + count.first + " " + std::to_string(count.second);
    return counts.empty() ? text : text + ")";
}

void printJson(const d2det::LintReport& report)
{
    json findings = json::array();
    for (const d2det::Finding& finding : report.findings)
    {
        json value = {{"severity", finding.error ? "error" : "warning"},
                      {"code", finding.code},
                      {"place", finding.place},
                      {"message", finding.message}};
        if (finding.imageId)
            value["image_id"] = *finding.imageId;
        if (finding.annotationId)
            value["annotation_id"] = *finding.annotationId;
        findings.push_back(std::move(value));
    }
    const json result = {{"images", report.images},
                         {"annotations", report.annotations},
                         {"errors", report.errors},
                         {"warnings", report.warnings},
                         {"findings", findings}};
    std::cout << result.dump(1, ' ', false, json::error_handler_t::replace) << "\n";
}

int runLint(const po::variables_map& args)
{
    d2det::LintOptions options;
    options.decode = !args.count("headers-only");
    const d2det::RawDataset raw = readRaw(args);
    d2det::LintReport report = d2det::lint(raw, options);
    if (args.count("against"))
    {
        d2det::ReadOptions reading;
        reading.subset = args["against-subset"].as<std::string>();
        d2det::addSeenElsewhere(
            raw, d2det::readRaw(args["against"].as<std::string>(), args["against-images"].as<std::string>(), reading),
            report);
    }
    if (args.count("json"))
    {
        printJson(report);
        return report.errors > 0 ? 1 : 0;
    }
    for (const d2det::Finding& finding : report.findings)
    {
        const std::string ids = idsOf(finding);
        std::cout << (finding.error ? "error   " : "warning ") << cli::padRight(finding.code, 20)
                  << (ids.empty() ? "" : ids + ": ") << cli::oneLine(finding.message)
                  << (finding.place == raw.path ? "" : " (" + finding.place + ")") << "\n";
    }
    std::cout << counted(report.images, "image") << ", " << counted(report.annotations, "annotation") << ": "
              << countsText(report, true) << ", " << countsText(report, false) << "\n";
    return report.errors > 0 ? 1 : 0;
}

po::options_description lintOptions()
{
    po::options_description options("Checks");
    options.add_options()("json", "write the findings as JSON")(
        "headers-only", "read sizes from the headers of the images; faster, but broken images are not found")(
        "against", po::value<std::string>()->value_name("DATASET"),
        "also name images that show nearly the same as one of this data set, such as that of the validation")(
        "against-images", po::value<std::string>()->value_name("DIR")->default_value("", ""), "its images")(
        "against-subset", po::value<std::string>()->value_name("NAME")->default_value("", ""), "its part");
    return options;
}

}  // namespace

const Command LINT{"lint", "finds faults: images, boxes, masks, ids, classes; exit code 1 if there are errors",
                   lintOptions, runLint};

}  // namespace dataset_program
