// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_dataset split: a part to train on and a part to validate on, without near duplicates between them. */

#include "base/random.hpp"
#include "base/text.hpp"
#include "d2det_dataset/commands.hpp"
#include "dataset/dataset_writer.hpp"
#include "dataset/near_duplicates.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <numeric>

using d2det::counted;

namespace dataset_program
{

namespace
{

//! For each image whether it belongs to the validation: groups in random order until there are enough images.
std::vector<bool> drawValidation(const std::vector<size_t>& groups, double share, uint64_t seed)
{
    std::map<size_t, std::vector<size_t>> members;
    for (size_t i = 0; i < groups.size(); i++)
        members[groups[i]].push_back(i);
    std::vector<size_t> order;
    for (const auto& group : members)
        order.push_back(group.first);
    d2det::Random random(seed);
    random.shuffle(order);
    std::vector<bool> validation(groups.size(), false);
    size_t taken = 0;
    const auto wanted = static_cast<size_t>(std::max(share * static_cast<double>(groups.size()) + 0.5, 1.));
    for (const size_t group : order)
    {
        const std::vector<size_t>& images = members[group];
        if (taken + images.size() > wanted)
            continue;
        taken += images.size();
        for (const size_t i : images)
            validation[i] = true;
    }
    return validation;
}

//! Joins the groups that have tiles of one image.
std::vector<size_t> withTiles(std::vector<size_t> groups, const std::vector<d2det::ImageRecord>& images)
{
    std::map<std::string, size_t> first;  // image -> group of its first tile
    std::map<size_t, size_t> joined;      // group -> smaller group
    const auto rootOf = [&](size_t group)
    {
        for (auto next = joined.find(group); next != joined.end(); next = joined.find(group))
            group = next->second;
        return group;
    };
    for (size_t i = 0; i < groups.size(); i++)
    {
        if (images[i].tileOf.empty())
            continue;
        const size_t a = rootOf(groups[i]);
        const size_t b = rootOf(first.emplace(images[i].tileOf, groups[i]).first->second);
        if (a != b)
            joined[std::max(a, b)] = std::min(a, b);
    }
    for (size_t& group : groups)
        group = rootOf(group);
    return groups;
}

int runSplit(const po::variables_map& args)
{
    const std::string output = requiredOutput(args);
    cli::checkRange<double>(args, "val", 0.001, 0.999);
    cli::checkRange<int>(args, "seed", 0, 1000000000);
    d2det::RawDataset raw = readRaw(args);
    d2det::WriteOptions writing;
    writing.format = d2det::DatasetFormat::COCO;
    writing.imageFolder = raw.imageFolder;
    const d2det::Dataset dataset = checkedDataset(std::move(raw), args);
    std::error_code error;
    if (std::filesystem::exists(output, error) && !std::filesystem::is_empty(output, error))
        throw std::runtime_error("the folder " + output + " is not empty; name a new one");
    std::vector<std::string> paths;
    for (const d2det::ImageRecord& image : dataset.images)
        paths.push_back(image.path);
    const std::vector<size_t> groups = withTiles(d2det::duplicateGroups(d2det::fingerprints(paths)), dataset.images);
    const std::vector<bool> validation =
        drawValidation(groups, args["val"].as<double>(), static_cast<uint64_t>(args["seed"].as<int>()));
    const size_t count = static_cast<size_t>(std::count(validation.begin(), validation.end(), true));
    if (count == 0 || count == validation.size())
        throw std::runtime_error("the " + counted(static_cast<int64_t>(paths.size()), "image") +
                                 " cannot be split: too few, or all show the same");
    for (const bool val : {false, true})
    {
        d2det::Dataset part = dataset;
        part.images.clear();
        for (size_t i = 0; i < dataset.images.size(); i++)
            if (validation[i] == val)
                part.images.push_back(dataset.images[i]);
        writing.output = (std::filesystem::path(output) / (val ? "val" : "train")).string();
        d2det::writeDataset(part, writing);
        std::cout << counted(static_cast<int64_t>(part.images.size()), "image") << " with "
                  << counted(part.numAnnotations(), "annotation") << " written to " << writing.output << "\n";
    }
    std::vector<size_t> distinct = groups;
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    if (distinct.size() < groups.size())
        std::cout
            << "note: " << groups.size() - distinct.size()
            << " images show nearly the same as another one, or are tiles of one image; such images are in the same "
               "part\n";
    std::cout << "note: the images stay in " << writing.imageFolder << "; read the new files with --images "
              << writing.imageFolder << "\n";
    return 0;
}

po::options_description splitOptions()
{
    po::options_description options("Split");
    options.add_options()("output,o", po::value<std::string>()->value_name("DIR"),
                          "new or empty folder; gets train/instances.json and val/instances.json")(
        "val", po::value<double>()->value_name("X")->default_value(0.2, "0.2"), "share of the images to validate on")(
        "seed", po::value<int>()->value_name("N")->default_value(1), "another seed draws another part");
    return options;
}

}  // namespace

const Command SPLIT{"split", "parts to train and to validate on; images that show the same stay together", splitOptions,
                    runSplit};

}  // namespace dataset_program
