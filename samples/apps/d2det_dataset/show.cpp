// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_dataset show: a contact sheet of annotated images. */

#include "base/random.hpp"
#include "base/text.hpp"
#include "d2det_dataset/commands.hpp"
#include "dataset/image_source.hpp"
#include "report/contact_sheet.hpp"

#include <opencv2/imgcodecs.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <numeric>

namespace fs = std::filesystem;
using cli::UsageError;

namespace dataset_program
{

namespace
{

void writeImage(const fs::path& path, const cv::Mat& image)
{
    if (!cv::haveImageWriter(path.string()))
        throw UsageError("'" + path.string() + "' has no extension of an image that can be written; take .png or .jpg");
    if (!cv::imwrite(path.string(), image))
        throw std::runtime_error("cannot write " + path.string());
}

//! Distinct indices below `total`, ascending.
std::vector<size_t> drawIndices(size_t total, size_t count, d2det::Random& random)
{
    std::vector<size_t> indices(total);
    std::iota(indices.begin(), indices.end(), size_t(0));
    random.shuffle(indices);
    indices.resize(std::min(count, total));
    std::sort(indices.begin(), indices.end());
    return indices;
}

std::vector<d2det::SheetItem> sheetItems(const po::variables_map& args, const d2det::Dataset& dataset)
{
    const bool augmented = args.count("augmented") > 0;
    d2det::DataConfig config;
    if (args.count("config"))
        config = d2det::loadConfig(args["config"].as<std::string>()).data;
    const auto seed = static_cast<uint64_t>(args["seed"].as<int>());
    d2det::Random random(seed);
    d2det::ImageSource source(dataset.images, 0, int64_t(dataset.images.size()), 1);
    std::vector<d2det::SheetItem> items;
    const size_t count = static_cast<size_t>(args["count"].as<int>());
    for (const size_t index : drawIndices(dataset.images.size(), count, random))
    {
        const d2det::ImageRecord& record = dataset.images[index];
        const cv::Mat image = source.read(int64_t(index));
        if (image.empty())
            continue;
        items.push_back(d2det::sheetItem(record, image));
        if (!augmented)
            continue;
        d2det::Sample sample;
        sample.image = image.clone();
        sample.boxes = d2det::usableBoxesWithMasks(record, config.minSide);
        d2det::fitMasks(sample);
        d2det::Random draws(seed, 1, index);
        d2det::augment(sample, config, draws);
        items.push_back(d2det::sheetItem(sample, "augmented " + fs::path(record.path).filename().string()));
    }
    for (const std::string& warning : source.warnings())
        std::cerr << PROGRAM << ": " << warning << "\n";
    if (items.empty())
        throw std::runtime_error("none of the images can be read");
    return items;
}

int runShow(const po::variables_map& args)
{
    const std::string output = requiredOutput(args);
    cli::checkRange<int>(args, "count", 1, 400);
    cli::checkRange<int>(args, "columns", 1, 40);
    cli::checkRange<int>(args, "cell", 32, 2048);
    cli::checkRange<int>(args, "seed", 0, 1000000000);
    if (args.count("config") && !args.count("augmented"))
        throw UsageError("--config is for --augmented");
    const d2det::Dataset dataset = checkedDataset(readRaw(args), args);
    const std::vector<d2det::SheetItem> items = sheetItems(args, dataset);
    const cv::Mat sheet =
        d2det::drawSheet(items, dataset.classNames, args["columns"].as<int>(), args["cell"].as<int>());
    if (fs::path(output).has_parent_path())
        fs::create_directories(fs::path(output).parent_path());
    writeImage(output, sheet);
    std::cout << d2det::counted(items.size(), "image") << " drawn into " << output << " (" << sheet.cols << " x "
              << sheet.rows << ")\n";
    return 0;
}

po::options_description showOptions()
{
    po::options_description options("Contact sheet");
    options.add_options()("output,o", po::value<std::string>()->value_name("FILE"), "image to write, .png or .jpg")(
        "count,n", po::value<int>()->value_name("N")->default_value(12), "images, drawn at random")(
        "columns", po::value<int>()->value_name("N")->default_value(4), "images in a row")(
        "cell", po::value<int>()->value_name("PIXELS")->default_value(320), "longer side of an image")(
        "seed", po::value<int>()->value_name("N")->default_value(1), "another seed draws other images")(
        "augmented", "beside each image one as the trainer sees it: cropped, flipped, colored")(
        "config,c", po::value<std::string>()->value_name("FILE"),
        "training configuration whose \"data\" says how to augment; the defaults if not given");
    return options;
}

}  // namespace

const Command SHOW{"show", "images with their annotations on one sheet", showOptions, runShow};

}  // namespace dataset_program
