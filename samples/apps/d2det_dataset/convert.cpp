// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_dataset convert: conversion between the formats of data sets. */

#include "base/text.hpp"
#include "d2det_dataset/commands.hpp"
#include "dataset/dataset_writer.hpp"

#include <iostream>
#include <stdexcept>

using d2det::counted;

namespace dataset_program
{

namespace
{

d2det::DatasetFormat formatOf(const std::string& name)
{
    try
    {
        return d2det::writtenFormat(name);
    }
    catch (const std::runtime_error& error)
    {
        throw cli::UsageError(std::string("--to: ") + error.what());
    }
}

int runConvert(const po::variables_map& args)
{
    if (!args.count("to"))
        throw cli::UsageError("--to is missing");
    d2det::WriteOptions writing;
    writing.format = formatOf(args["to"].as<std::string>());
    writing.output = requiredOutput(args);
    writing.copyImages = args.count("copy-images") > 0;
    writing.boxesOnly = args.count("boxes-only") > 0;
    cli::checkRange<double>(args, "simplify", 0, 100);
    writing.tolerance = args["simplify"].as<double>();
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
    options.add_options()("to", po::value<std::string>()->value_name("FORMAT"), "coco, voc, yolo, labelme or cvat")(
        "output,o", po::value<std::string>()->value_name("DIR"), "new or empty folder")(
        "copy-images", "copy the images too")("boxes-only", "leave out masks and outlines")(
        "simplify", po::value<double>()->value_name("PIXELS")->default_value(0, "0"),
        "make outlines of run lengths, with fewer points, up to so far from their border; coco then gets outlines, "
        "too. 0: exact");
    return options;
}

}  // namespace

const Command CONVERT{"convert", "writes another format: coco, voc, yolo, labelme or cvat", convertOptions, runConvert};

}  // namespace dataset_program
