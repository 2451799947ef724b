// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "d2det_detect/annotated_ids.hpp"

#include "dataset/dataset.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>

namespace fs = std::filesystem;

namespace detect_program
{

namespace
{

d2det::Dataset readAnnotations(const std::string& path)
{
    d2det::ReadOptions options;
    options.clipBoxes = false;
    options.checkImages = false;
    try
    {
        return d2det::readDataset(path, "", options);
    }
    catch (const std::runtime_error&)
    {
        // The images of a COCO file need not lie near it: they are the inputs. Any other error is thrown again.
        return d2det::readDataset(path, (fs::path(path).parent_path() / ".").string(), options);
    }
}

fs::path fullPath(const fs::path& path)
{
    std::error_code ignored;
    return fs::weakly_canonical(path, ignored);
}

//! Image ids by file and by file name.
class ImageIds
{
public:
    explicit ImageIds(const d2det::Dataset& dataset)
    {
        for (const d2det::ImageRecord& image : dataset.images)
        {
            byFile_[fullPath(image.path)] = image.id;
            const auto added = byName_.emplace(fs::path(image.path).filename(), image.id);
            if (!added.second)
                added.first->second.reset();  // more than one image has the name
        }
    }

    std::optional<int64> find(const fs::path& file) const
    {
        const auto same = byFile_.find(fullPath(file));
        if (same != byFile_.end())
            return same->second;
        const auto named = byName_.find(file.filename());
        return named == byName_.end() ? std::nullopt : named->second;
    }

private:
    std::map<fs::path, int64> byFile_;
    std::map<fs::path, std::optional<int64>> byName_;
};

}  // namespace

cli::ResultIds readAnnotatedIds(const std::string& annotations, const std::vector<cv::String>& classNames,
                                std::vector<std::string>& missing)
{
    const d2det::Dataset dataset = readAnnotations(annotations);
    cli::ResultIds ids;
    bool any = false;
    for (const cv::String& name : classNames)
    {
        const auto found = std::find(dataset.classNames.begin(), dataset.classNames.end(), name);
        ids.categories.emplace_back();
        if (found == dataset.classNames.end())
            missing.push_back(name);
        else
            ids.categories.back() = dataset.categoryIds[static_cast<size_t>(found - dataset.classNames.begin())];
        any = any || ids.categories.back();
    }
    if (!any)
        throw std::runtime_error("the model and " + annotations + " have no class name in common");
    const auto images = std::make_shared<ImageIds>(dataset);
    ids.image = [images](const fs::path& file) { return images->find(file); };
    return ids;
}

}  // namespace detect_program
