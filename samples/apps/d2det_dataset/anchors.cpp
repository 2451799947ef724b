// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_dataset anchors: anchors that fit the boxes of the training data, as a part of a configuration file. */

#include "base/text.hpp"
#include "cli/table.hpp"
#include "config/config_json.hpp"
#include "d2det_dataset/commands.hpp"
#include "dataset/anchor_fit.hpp"

#include <algorithm>
#include <iostream>

using cli::UsageError;

namespace dataset_program
{

namespace
{

//! The data of the command line, otherwise those of the configuration.
d2det::Dataset trainingData(const po::variables_map& args, const d2det::Config& config)
{
    if (args.count("dataset"))
        return checkedDataset(readRaw(args), args);
    if (config.data.train.empty())
        throw UsageError("data.train of the configuration is empty and there is no DATASET: name one");
    d2det::ReadOptions options;
    options.classNames = config.model.classNames;
    options.maxBadFraction = config.data.maxBadFraction;
    d2det::Dataset dataset = d2det::loadDatasets(config.data.train, options);
    for (const std::string& warning : dataset.warnings)
        std::cerr << PROGRAM << ": " << warning << "\n";
    return dataset;
}

std::string rightAligned(const std::string& text, size_t width)
{
    return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string qualityRow(const char* name, const d2det::AnchorQuality& quality)
{
    return cli::padRight(name, 8) + rightAligned(d2det::formatNumber(quality.meanIou, 4), 14) +
           rightAligned(d2det::formatNumber(100 * quality.recall50, 1) + " %", 15) +
           rightAligned(d2det::formatNumber(100 * quality.recall70, 1) + " %", 15) + "\n";
}

//! The anchors as a configuration file has them.
std::string fragment(const d2det::RpnConfig& rpn)
{
    d2det::Config config;
    config.model.rpn = rpn;
    const nlohmann::ordered_json all = d2det::writeConfig(config);
    nlohmann::ordered_json part;
    for (const char* key : {"anchor_scale", "anchor_scales", "anchor_ratios"})
        if (std::string(key) != "anchor_scale" || rpn.anchorScales.empty())
            part["model"]["rpn"][key] = all["model"]["rpn"][key];
    return part.dump();
}

int runAnchors(const po::variables_map& args)
{
    cli::checkRange<int>(args, "scales", 0, 16);
    cli::checkRange<int>(args, "ratios", 0, 64);
    d2det::Config config;
    if (args.count("config"))
        config = d2det::loadConfig(args["config"].as<std::string>());
    else if (!args.count("dataset"))
        throw UsageError("--config is missing: it says how images are resized and names the data set");
    d2det::checkConfig(config);
    const d2det::RpnConfig& present = config.model.rpn;
    const auto countOf = [&](const char* name, int fallback)
    { return args[name].as<int>() > 0 ? args[name].as<int>() : fallback; };
    const int scales = countOf("scales", d2det::scalesOf(present));
    const int ratios = countOf("ratios", static_cast<int>(present.anchorRatios.size()));
    if (scales * ratios > 64)
        throw UsageError(std::to_string(scales) + " scales x " + std::to_string(ratios) +
                         " ratios are more than the 64 anchors per cell that are possible");
    const d2det::Dataset dataset = trainingData(args, config);
    const std::vector<d2det::BoxShape> boxes = d2det::boxShapes(dataset, config.data, config.model.input);
    const d2det::AnchorFit fit = d2det::fitAnchors(boxes, config.model.strides(), present, scales, ratios);
    d2det::RpnConfig fitted = present;
    d2det::setAnchors(fitted, fit);
    std::cout << dataset.name << ": " << d2det::counted(dataset.numAnnotations(), "object") << " at short sides of "
              << config.data.shortSides.front() << (config.data.shortSides.size() > 1 ? ", ..." : "") << " pixels, "
              << d2det::counted(static_cast<int64_t>(config.model.strides().size()), "level") << "\n\n"
              << "           mean best IoU  reached at 0.5  reached at 0.7\n"
              << qualityRow("present", fit.before) << qualityRow("fitted", fit.after) << "\n"
              << fragment(fitted) << "\n";
    return 0;
}

po::options_description anchorsOptions()
{
    po::options_description options("Anchors");
    options.add_options()("config,c", po::value<std::string>()->value_name("FILE"),
                          "training configuration: data.train (where no DATASET is given), how images are resized, "
                          "levels and present anchors")("scales", po::value<int>()->value_name("N")->default_value(0),
                                                        "number of scales, 0: as many as now")(
        "ratios", po::value<int>()->value_name("N")->default_value(0), "number of ratios, 0: as many as now");
    return options;
}

}  // namespace

const Command ANCHORS{"anchors", "anchors of the RPN that fit the boxes, for a configuration file", anchorsOptions,
                      runAnchors, false};

}  // namespace dataset_program
