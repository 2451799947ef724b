// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "d2det_dataset/commands.hpp"

#include <iostream>

namespace dataset_program
{

namespace
{

d2det::ReadOptions readOptions(const po::variables_map& args)
{
    d2det::ReadOptions options;
    options.keepSegmentation = true;
    options.keepKeypoints = true;
    if (args.count("config"))
        options.keypointPairs = d2det::loadConfig(args["config"].as<std::string>()).data.keypointPairs;
    options.subset = args["subset"].as<std::string>();
    return options;
}

}  // namespace

po::options_description commonOptions()
{
    po::options_description options("Data set");
    options.add_options()("images,i", po::value<std::string>()->value_name("DIR")->default_value("", ""),
                          "folder that file names are relative to; found if not given")(
        "subset", po::value<std::string>()->value_name("NAME")->default_value("", ""),
        "train, val, test or trainval: that part of a folder; every5th_val or every5th_train: of the images sorted "
        "by name, "
        "index 4, 9, ... is validation");
    return options;
}

d2det::RawDataset readRaw(const po::variables_map& args)
{
    return d2det::readRaw(args["dataset"].as<std::string>(), args["images"].as<std::string>(), readOptions(args));
}

d2det::Dataset checkedDataset(d2det::RawDataset raw, const po::variables_map& args)
{
    d2det::Dataset dataset = d2det::toDataset(std::move(raw), readOptions(args));
    for (const std::string& warning : dataset.warnings)
        std::cerr << PROGRAM << ": " << warning << "\n";
    return dataset;
}

std::string requiredOutput(const po::variables_map& args)
{
    if (!args.count("output"))
        throw cli::UsageError("--output is missing");
    return args["output"].as<std::string>();
}

}  // namespace dataset_program
