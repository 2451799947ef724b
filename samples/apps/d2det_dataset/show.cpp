// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_dataset show: a contact sheet of annotated images. */

#include "base/atomic_file.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "d2det_dataset/commands.hpp"
#include "dataset/augment.hpp"
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

//! Before the images are read: makes the folder and throws if the sheet cannot be written.
void checkSheet(const fs::path& path)
{
    if (!cv::haveImageWriter(path.string()))
        throw UsageError("'" + path.string() + "' has no extension of an image that can be written; take .png or .jpg");
    std::error_code error;
    if (path.has_parent_path())
        fs::create_directories(path.parent_path(), error);
    d2det::checkWritable(path.string());
}

void writeImage(const fs::path& path, const cv::Mat& image)
{
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

//! The configuration that --config and --preset name.
d2det::Config augmentation(const po::variables_map& args)
{
    d2det::Config config;
    if (args.count("config"))
        config = d2det::loadConfig(args["config"].as<std::string>());
    if (args.count("preset"))
        d2det::applyOverride(config, "data.augment.preset=" + args["preset"].as<std::string>());
    return config;
}

//! Draws augmented images as the trainer does.
class Augmenter
{
public:
    Augmenter(const d2det::Config& config, const d2det::Dataset& dataset, d2det::ImageSource& source)
        : config_(config), dataset_(dataset), source_(source)
    {
        for (size_t i = 0; i < dataset.images.size(); i++)
            if (!d2det::usableBoxes(dataset.images[i], config.data.minSide).empty())
                usable_.push_back(i);
    }

    d2det::Sample operator()(size_t index, const cv::Mat& image, d2det::Random& random) const
    {
        d2det::Sample sample = objectsOf(index);
        sample.image = image;
        d2det::fitMasks(sample);
        const d2det::AugmentSource source{[this](d2det::Random& draws) { return another(draws); },
                                          d2det::fillColor(config_.model.input)};
        d2det::augment(sample, config_.data, random, source);
        return sample;
    }

private:
    d2det::Sample objectsOf(size_t index) const
    {
        const d2det::ImageRecord& record = dataset_.images[index];
        return {cv::Mat(), d2det::usableBoxesWithMasks(record, config_.data.minSide), d2det::crowdsWithMasks(record)};
    }

    d2det::Sample another(d2det::Random& random) const
    {
        if (usable_.empty())
            throw std::runtime_error("no image has a usable annotation, mosaic and copy-paste have nothing to take");
        const size_t first = static_cast<size_t>(random.below(usable_.size()));
        for (size_t i = 0; i < usable_.size(); i++)
        {
            const size_t index = usable_[(first + i) % usable_.size()];
            const cv::Mat image = source_.read(static_cast<int64_t>(index));
            if (image.empty())
                continue;
            d2det::Sample sample = objectsOf(index);
            sample.image = image;
            d2det::fitMasks(sample);
            return sample;
        }
        throw std::runtime_error("none of the images can be read");
    }

    const d2det::Config& config_;
    const d2det::Dataset& dataset_;
    d2det::ImageSource& source_;
    std::vector<size_t> usable_;
};

std::vector<d2det::SheetItem> sheetItems(const po::variables_map& args, const d2det::Dataset& dataset)
{
    const uint64_t versions = args.count("augmented") ? static_cast<uint64_t>(args["versions"].as<int>()) : 0;
    const d2det::Config config = augmentation(args);
    const auto seed = static_cast<uint64_t>(args["seed"].as<int>());
    d2det::Random random(seed);
    d2det::ImageSource source(dataset.images, 0, int64_t(dataset.images.size()), 1);
    const Augmenter augmenter(config, dataset, source);
    std::vector<d2det::SheetItem> items;
    const size_t count = static_cast<size_t>(args["count"].as<int>());
    for (const size_t index : drawIndices(dataset.images.size(), count, random))
    {
        const d2det::ImageRecord& record = dataset.images[index];
        const cv::Mat image = source.read(int64_t(index));
        if (image.empty())
            continue;
        items.push_back(d2det::sheetItem(record, image));
        for (uint64_t version = 1; version <= versions; version++)
        {
            d2det::Random draws(seed, version, index);
            items.push_back(d2det::sheetItem(augmenter(index, image, draws),
                                             "augmented " + fs::path(record.path).filename().string()));
        }
    }
    for (const std::string& warning : source.warnings())
        std::cerr << PROGRAM << ": " << warning << "\n";
    if (items.empty())
        throw std::runtime_error("none of the images can be read");
    return items;
}

//! Where an image has several augmented versions, a row is one image with them, unless the user wants otherwise.
int columnsOf(const po::variables_map& args)
{
    const int versions = args["versions"].as<int>();
    return args["columns"].defaulted() && versions > 1 ? versions + 1 : args["columns"].as<int>();
}

int runShow(const po::variables_map& args)
{
    const std::string output = requiredOutput(args);
    cli::checkRange<int>(args, "count", 1, 400);
    cli::checkRange<int>(args, "columns", 1, 40);
    cli::checkRange<int>(args, "cell", 32, 2048);
    cli::checkRange<int>(args, "seed", 0, 1000000000);
    cli::checkRange<int>(args, "versions", 1, 39);
    for (const char* option : {"config", "preset"})
        if (args.count(option) && !args.count("augmented"))
            throw UsageError(std::string("--") + option + " is for --augmented");
    if (!args["versions"].defaulted() && !args.count("augmented"))
        throw UsageError("--versions is for --augmented");
    cli::useFont(args);
    const d2det::Dataset dataset = checkedDataset(readRaw(args), args);
    checkSheet(output);
    const std::vector<d2det::SheetItem> items = sheetItems(args, dataset);
    const cv::Mat sheet = d2det::drawSheet(items, dataset.classNames, columnsOf(args), args["cell"].as<int>());
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
        "augmented", "beside each image some as the trainer sees it: turned, cut, colored, pasted together")(
        "versions", po::value<int>()->value_name("N")->default_value(1), "augmented images beside each")(
        "config,c", po::value<std::string>()->value_name("FILE"),
        "training configuration whose \"data\" says how to augment; the defaults if not given")(
        "preset", po::value<std::string>()->value_name("NAME"),
        "none, default, aerial, photo or industrial: sets all keys of augmentation (data.augment.preset)");
    cli::addFontOption(options);
    return options;
}

}  // namespace

const Command SHOW{"show", "images with their annotations on one sheet", showOptions, runShow};

}  // namespace dataset_program
