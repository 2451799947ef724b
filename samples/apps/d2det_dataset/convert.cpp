// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_dataset convert: conversion between COCO, Pascal VOC and YOLO files. */

#include "base/text.hpp"
#include "d2det_dataset/commands.hpp"
#include "dataset/dataset_writer.hpp"

#include <iostream>
#include <map>

using d2det::counted;

namespace dataset_program
{

namespace
{

d2det::DatasetFormat formatOf(const std::string& name)
{
    static const std::map<std::string, d2det::DatasetFormat> formats{
        {"coco", d2det::DatasetFormat::COCO}, {"voc", d2det::DatasetFormat::VOC}, {"yolo", d2det::DatasetFormat::YOLO}};
    const auto found = formats.find(name);
    if (found == formats.end())
        throw cli::UsageError("--to is '" + name + "', it must be coco, voc or yolo");
    return found->second;
}

int runConvert(const po::variables_map& args)
{
    if (!args.count("to"))
        throw cli::UsageError("--to is missing");
    d2det::WriteOptions writing;
    writing.format = formatOf(args["to"].as<std::string>());
    writing.output = requiredOutput(args);
    writing.copyImages = args.count("copy-images") > 0;
    d2det::RawDataset raw = readRaw(args);
    writing.imageFolder = raw.imageFolder;
    const d2det::Dataset dataset = checkedDataset(std::move(raw), args);
    const std::vector<std::string> lost = d2det::writeDataset(dataset, writing);
    std::cout << counted(dataset.images.size(), "image") << " with " << counted(dataset.numAnnotations(), "annotation")
              << " of " << counted(dataset.classNames.size(), "class") << " written to " << writing.output << " as "
              << d2det::formatName(writing.format) << "\n";
    for (const std::string& what : lost)
        std::cout << "note: " << what << "\n";
    if (!writing.copyImages)
        std::cout << "note: the images stay in " << writing.imageFolder << "; read the new files with --images "
                  << writing.imageFolder << "\n";
    return 0;
}

po::options_description convertOptions()
{
    po::options_description options("Conversion");
    options.add_options()("to", po::value<std::string>()->value_name("FORMAT"), "coco, voc or yolo")(
        "output,o", po::value<std::string>()->value_name("DIR"), "new or empty folder")("copy-images",
                                                                                        "copy the images too");
    return options;
}

}  // namespace

const Command CONVERT{"convert", "writes another format: coco, voc or yolo", convertOptions, runConvert};

}  // namespace dataset_program
