// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_dataset tile: cuts the images into overlapping tiles and writes them as a COCO data set. */

#include "base/files.hpp"
#include "base/text.hpp"
#include "d2det_dataset/commands.hpp"
#include "dataset/annotated_image.hpp"
#include "dataset/dataset_writer.hpp"
#include "dataset/tiler.hpp"

#include <filesystem>
#include <iostream>

using d2det::counted;
namespace fs = std::filesystem;

namespace dataset_program
{

namespace
{

//! "10" or "10%" -> 0.1
double percentOf(const po::variables_map& args, const char* option)
{
    std::string text = args[option].as<std::string>();
    if (!text.empty() && text.back() == '%')
        text.pop_back();
    double value = 0;
    if (!d2det::parseNumber(text, value) || !(value >= 0 && value <= 100))
        throw cli::UsageError(std::string("--") + option + " is '" + args[option].as<std::string>() +
                              "', it must be between 0 and 100 percent");
    return value / 100;
}

d2det::TilerOptions tilerOptions(const po::variables_map& args)
{
    cli::checkRange<int>(args, "size", 32, 16384);
    cli::checkRange<double>(args, "overlap", 0, 0.9);
    cli::checkRange<double>(args, "min-visible", 0, 1);
    cli::checkRange<int>(args, "seed", 0, 1000000000);
    d2det::TilerOptions options;
    options.size = args["size"].as<int>();
    options.overlap = args["overlap"].as<double>();
    options.minVisible = args["min-visible"].as<double>();
    options.keepEmpty = percentOf(args, "keep-empty");
    options.seed = static_cast<uint64_t>(args["seed"].as<int>());
    return options;
}

void printNotes(const d2det::TilerCounters& counters, int64_t unlabeled, int64_t unread)
{
    const auto note = [](int64_t count, const std::string& what)
    {
        if (count > 0)
            std::cout << "note: " << count << " " << what << "\n";
    };
    note(counters.cut, "annotations are parts of objects that a tile cuts");
    note(counters.remains, "parts of objects were left out, less than --min-visible of them is to be seen");
    note(counters.onlyRemains, "tiles were left out that show only such parts");
    note(counters.emptyKept, "tiles have no objects");
    note(counters.emptyLeftOut, "tiles without objects were left out (--keep-empty)");
    note(unlabeled, "images without a label file were left out: nobody knows what is in them");
    note(unread, "images cannot be read and were left out");
}

int runTile(const po::variables_map& args)
{
    const std::string output = requiredOutput(args);
    const d2det::TilerOptions options = tilerOptions(args);
    d2det::RawDataset raw = readRaw(args);
    const std::string imageFolder = raw.imageFolder;
    const d2det::Dataset dataset = checkedDataset(std::move(raw), args);
    d2det::WriteOptions writing;
    writing.imageFolder = (fs::path(output) / "images").string();
    writing.output = output;
    d2det::checkWritable({}, writing);  // before the images are cut
    writing.imagesAreThere = true;
    d2det::Tiler tiler(options, dataset, imageFolder, writing.imageFolder);
    int64_t unlabeled = 0, unread = 0;
    for (const d2det::ImageRecord& image : dataset.images)
    {
        if (image.empty == d2det::EmptyImage::UNLABELED)
        {
            unlabeled++;
            continue;
        }
        std::string reason;
        const cv::Mat pixels = d2det::readAnnotatedImage(image, reason);
        if (pixels.empty())
        {
            unread++;
            std::cerr << PROGRAM << ": the image " << cli::printable(image.path) << " " << reason << ", left out\n";
            continue;
        }
        tiler.add(image, pixels);
    }
    if (tiler.tiles().images.empty())
        throw std::runtime_error("there is no tile with an object; see --min-visible and --keep-empty");
    d2det::writeDataset(tiler.tiles(), writing);
    std::cout << counted(tiler.counters().tiles, "tile") << " of " << counted(dataset.images.size(), "image")
              << " with " << counted(tiler.tiles().numAnnotations(), "annotation") << " written to " << output << "\n";
    printNotes(tiler.counters(), unlabeled, unread);
    return 0;
}

po::options_description tileOptions()
{
    po::options_description options("Tiles");
    options.add_options()(
        "output,o", po::value<std::string>()->value_name("DIR"),
        "new or empty folder; gets instances.json and images/NAME_X_Y, X and Y the corner in the image")(
        "size", po::value<int>()->value_name("PIXELS")->default_value(640), "side of a tile")(
        "overlap", po::value<double>()->value_name("SHARE")->default_value(0.2, "0.2"),
        "common part of neighboring tiles, 0..0.9 of their side")(
        "min-visible", po::value<double>()->value_name("SHARE")->default_value(0.3, "0.3"),
        "leave out what a tile shows of an object if that is less of its area")(
        "keep-empty", po::value<std::string>()->value_name("PERCENT")->default_value("10"),
        "of the tiles without objects, drawn at random")("seed", po::value<int>()->value_name("N")->default_value(1),
                                                         "another seed keeps other empty tiles");
    return options;
}

}  // namespace

const Command TILE{"tile", "cuts large images into overlapping tiles, with their boxes and masks", tileOptions,
                   runTile};

}  // namespace dataset_program
