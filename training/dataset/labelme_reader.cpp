// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/labelme_reader.hpp"

#include "base/files.hpp"
#include "base/json_stream.hpp"
#include "dataset/segmentation.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <istream>
#include <limits>
#include <map>
#include <stdexcept>
#include <unordered_map>

namespace fs = std::filesystem;
using nlohmann::json;

namespace d2det
{

namespace
{

constexpr size_t MAX_TOKEN = 64 << 20, MAX_CLASS_FILE = 1 << 20;  // bytes; "imageData" is one text
constexpr uintmax_t MAX_FILE = 256 << 20;                         // bytes
constexpr int MAX_DEPTH = 64, MAX_SIDE = 1 << 16;

struct LabelmeObject
{
    std::string label;
    std::vector<std::vector<double>> outlines;  //!< x0, y0, x1, y1, ...
    bool onlyBox = false;                       //!< rectangles have no outline
    double score = std::numeric_limits<double>::quiet_NaN();
};

struct LabelmeFile
{
    std::string imagePath;
    int width = 0, height = 0;  //!< 0: not given
    std::vector<LabelmeObject> objects;
    std::map<std::string, int64_t> leftOut;  //!< by type of shape
    bool ignored = false;                    //!< has a region that shall not count
};

json parseFile(const std::string& path)
{
    std::error_code error;
    if (fs::file_size(path, error) > MAX_FILE || error)
        throw std::runtime_error("larger than " + std::to_string(MAX_FILE) + " bytes");
    JsonFileBuffer buffer(path, MAX_TOKEN);
    std::istream stream(&buffer);
    std::string key;
    const auto keep = [&](int depth, json::parse_event_t event, json& value)
    {
        if (depth > MAX_DEPTH)
            throw std::runtime_error("nested deeper than " + std::to_string(MAX_DEPTH));
        if (event == json::parse_event_t::key)
            key = value.get<std::string>();
        return !(event == json::parse_event_t::value && key == "imageData");
    };
    try
    {
        return json::parse(stream, keep);
    }
    catch (const json::exception&)
    {
        throw std::runtime_error("not valid JSON");
    }
}

int sideOf(const json& root, const char* name)
{
    const auto found = root.find(name);
    if (found == root.end() || !found->is_number())
        return 0;
    const auto value = found->get<double>();
    if (!(value >= 0 && value <= MAX_SIDE))
        throw std::runtime_error(std::string("\"") + name + "\" is not between 1 and " + std::to_string(MAX_SIDE));
    return static_cast<int>(value);
}

//! x0, y0, x1, y1, ...
std::vector<double> pointsOf(const json& shape)
{
    std::vector<double> points;
    const auto found = shape.find("points");
    if (found == shape.end() || !found->is_array())
        throw std::runtime_error("a shape without \"points\"");
    for (const json& point : *found)
    {
        if (!point.is_array() || point.size() < 2 || !point[0].is_number() || !point[1].is_number())
            throw std::runtime_error("\"points\" of a shape is not a list of [x, y]");
        points.push_back(point[0].get<double>());
        points.push_back(point[1].get<double>());
    }
    return points;
}

std::string textOf(const json& value, const char* name)
{
    const auto found = value.find(name);
    return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
}

//! Empty for a shape that has no area.
std::vector<double> outlineOf(const std::string& type, const std::vector<double>& points)
{
    if (type == "rectangle" && points.size() >= 4)
        return {points[0], points[1], points[2], points[1], points[2], points[3], points[0], points[3]};
    if (type == "circle" && points.size() >= 4)
    {
        const double radius = std::hypot(points[2] - points[0], points[3] - points[1]);
        return ellipsePoints(points[0], points[1], radius, radius, 0);
    }
    const bool isOutline = type == "polygon" || type.empty() || type == "rotation";
    return isOutline && points.size() >= 6 ? points : std::vector<double>();
}

LabelmeFile readFile(const std::string& path)
{
    const json root = parseFile(path);
    if (!root.is_object() || !root.contains("shapes") || !root["shapes"].is_array())
        throw std::runtime_error("no list \"shapes\"; is this a labelme file?");
    LabelmeFile file;
    file.imagePath = withSlashes(textOf(root, "imagePath"));
    file.width = sideOf(root, "imageWidth");
    file.height = sideOf(root, "imageHeight");
    std::map<std::pair<std::string, std::string>, size_t> groups;  // label and group -> object
    for (const json& shape : root["shapes"])
    {
        if (!shape.is_object() || textOf(shape, "label").empty())
            throw std::runtime_error("a shape without a \"label\"");
        const std::string label = textOf(shape, "label"), type = textOf(shape, "shape_type");
        if (label == "__ignore__" || label == "_background_")
        {
            file.ignored = file.ignored || label == "__ignore__";
            continue;
        }
        std::vector<double> outline = outlineOf(type, pointsOf(shape));
        if (outline.empty())
        {
            file.leftOut[type.empty() ? "polygon" : type]++;
            continue;
        }
        size_t index = file.objects.size();
        const auto group = shape.find("group_id");
        if (group != shape.end() && (group->is_number() || group->is_string()))
            index = groups.emplace(std::make_pair(label, group->dump()), index).first->second;
        if (index == file.objects.size())
        {
            file.objects.push_back({label, {}, type == "rectangle"});
            if (const auto score = shape.find("score"); score != shape.end() && score->is_number())
                file.objects.back().score = score->get<double>();
        }
        file.objects[index].onlyBox = file.objects[index].onlyBox && type == "rectangle";
        file.objects[index].outlines.push_back(std::move(outline));
    }
    return file;
}

class LabelmeReader
{
public:
    LabelmeReader(const DatasetFiles& files, bool keepSegmentation) : files_(files), keepSegmentation_(keepSegmentation)
    {
    }

    RawDataset read();

private:
    void readClasses();
    void addFile(const std::string& name);
    void addObject(LabelmeObject& object, int64_t imageId);
    std::string imageOf(const std::string& name, const LabelmeFile& file) const;
    int64_t categoryOf(const std::string& name);

    const DatasetFiles& files_;
    const bool keepSegmentation_;
    RawDataset raw_;
    bool fixedClasses_ = false;
    std::map<std::string, int64_t> categories_, leftOut_;
    std::unordered_map<std::string, std::string> images_;  //!< name without extension -> name
};

void LabelmeReader::readClasses()
{
    fixedClasses_ = !files_.classes.empty();
    if (!fixedClasses_)
        return;
    for (const std::string& name : splitLines(readText(files_.classes, MAX_CLASS_FILE)))
        if (!name.empty() && name != "__ignore__" && name != "_background_")
        {
            raw_.categories.push_back({static_cast<int64_t>(raw_.categories.size()) + 1, name});
            categories_.emplace(name, raw_.categories.back().id);
        }
    if (raw_.categories.empty())
        throw std::runtime_error(files_.classes + ": no class name in it");
}

int64_t LabelmeReader::categoryOf(const std::string& name)
{
    const auto inserted = categories_.emplace(name, static_cast<int64_t>(categories_.size()) + 1);
    if (inserted.second && fixedClasses_)
        raw_.unknownCategories.push_back({inserted.first->second, name});
    return inserted.first->second;
}

//! Relative to the image folder: the named file, beside the JSON file or below the folder, or that with the same name.
std::string LabelmeReader::imageOf(const std::string& name, const LabelmeFile& file) const
{
    const fs::path folder = fs::path(name).parent_path();
    std::error_code error;
    if (!file.imagePath.empty() && file.imagePath.size() < 4096)
        for (const fs::path& path :
             {folder / file.imagePath, fs::path(file.imagePath), folder / fs::path(file.imagePath).filename()})
        {
            const std::string inside = path.lexically_normal().generic_string();
            if (badFileName(inside).empty() && fs::is_regular_file(fs::path(files_.images) / inside, error))
                return inside;
        }
    const auto found = images_.find(fs::path(name).replace_extension().generic_string());
    return found == images_.end() ? std::string() : found->second;
}

void LabelmeReader::addObject(LabelmeObject& object, int64_t imageId)
{
    RawAnnotation annotation;
    annotation.id = static_cast<int64_t>(raw_.annotations.size()) + 1;
    annotation.imageId = imageId;
    annotation.categoryId = categoryOf(object.label);
    annotation.boxValues = 4;
    annotation.score = object.score;
    if (!boundsOfPolygons(object.outlines, annotation.box))
        annotation.box[2] = -1;  // no box: it is left out
    if (keepSegmentation_ && !object.onlyBox)
    {
        annotation.segmentation = static_cast<int64_t>(raw_.segmentations.size());
        raw_.segmentations.emplace_back();
        raw_.segmentations.back().polygons = std::move(object.outlines);
    }
    raw_.annotations.push_back(annotation);
}

void LabelmeReader::addFile(const std::string& name)
{
    const std::string path = (fs::path(files_.annotations) / name).string();
    try
    {
        LabelmeFile file = readFile(path);
        RawImage image;
        image.id = static_cast<int64_t>(raw_.images.size()) + 1;
        image.fileName = imageOf(name, file);
        image.source = path;
        if (image.fileName.empty())
            throw std::runtime_error("its image " + inQuotes(file.imagePath) + " is not in " + inQuotes(files_.images));
        image.width = file.width;
        image.height = file.height;
        requireSize(image, files_.images, "no size");
        for (LabelmeObject& object : file.objects)
            addObject(object, image.id);
        image.hasOther = file.ignored || !file.leftOut.empty();
        for (const auto& type : file.leftOut)
            leftOut_[type.first] += type.second;
        raw_.images.push_back(std::move(image));
    }
    catch (const std::runtime_error& error)
    {
        raw_.problems.push_back({path, error.what()});
    }
}

RawDataset LabelmeReader::read()
{
    raw_.path = files_.annotations;
    raw_.name = fs::path(files_.annotations).filename().string();
    raw_.imageFolder = files_.images;
    readClasses();
    for (const std::string& name : listFiles(files_.images, true))
        if (isImageName(name))
            images_.emplace(fs::path(name).replace_extension().generic_string(), name);
    for (const std::string& name : listFiles(files_.annotations, true))
        if (extensionOf(name) == ".json")
            addFile(name);
    for (const auto& type : leftOut_)
        raw_.notes.push_back(std::to_string(type.second) + " shapes of the type " + inQuotes(type.first) +
                             " have no area that is read; left out");
    if (!fixedClasses_)
        sortCategories(raw_, categories_);
    if (raw_.categories.empty() && !raw_.images.empty())
        throw std::runtime_error(raw_.path + ": none of the files has an object, so the classes are not known");
    return std::move(raw_);
}

}  // namespace

RawDataset readLabelme(const DatasetFiles& files, bool keepSegmentation)
{
    return LabelmeReader(files, keepSegmentation).read();
}

}  // namespace d2det
