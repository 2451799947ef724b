// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/yolo_reader.hpp"

#include "base/files.hpp"
#include "dataset/image_size.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <unordered_set>

namespace fs = std::filesystem;

namespace d2det
{

namespace
{

constexpr size_t MAX_LABELS = 64 << 20, MAX_CLASS_FILE = 1 << 18;  // bytes
constexpr int MAX_CLASSES = 1 << 16;
constexpr int MAX_SIDE = 1 << 16;  // pixels

struct YoloObject
{
    int64_t category = 0;
    int line = 0;
    std::vector<double> values;  //!< 4 of a box, or the outline
};

YoloObject parseLine(const std::string& text, int line)
{
    const auto fail = [&](const std::string& reason)
    { throw std::runtime_error("line " + std::to_string(line) + ": " + reason); };
    YoloObject object;
    object.line = line;
    for (const std::string& word : splitWords(text))
    {
        double value = 0;
        if (!parseNumber(word, value))
            fail(inQuotes(word) + " is not a number");
        object.values.push_back(value);
    }
    const double category = object.values.front();
    if (!(category >= 0 && category < MAX_CLASSES && category == std::floor(category)))
        fail("the class is " + inQuotes(splitWords(text).front()) + ", expected an integer from 0");
    object.category = static_cast<int64_t>(category);
    object.values.erase(object.values.begin());
    const size_t count = object.values.size();
    if (count != 4 && (count < 6 || count % 2 != 0))
        fail(std::to_string(count + 1) +
             " numbers, expected class cx cy w h, or a class and the points of an outline (at least 3)");
    return object;
}

std::vector<YoloObject> parseLabels(const std::string& path)
{
    std::vector<YoloObject> objects;
    int line = 0;
    for (const std::string& text : splitLines(readText(path, MAX_LABELS)))
    {
        line++;
        if (!text.empty())
            objects.push_back(parseLine(text, line));
    }
    return objects;
}

//! Shoelace formula; x0, y0, x1, y1, ...
double polygonArea(const std::vector<double>& points)
{
    double twice = 0;
    const size_t n = points.size();
    for (size_t i = 0; i + 1 < n; i += 2)
        twice += points[i] * points[(i + 3) % n] - points[(i + 2) % n] * points[i + 1];
    return std::abs(twice) / 2;
}

//! Coordinates relative to the image size -> pixels.
RawAnnotation toPixels(const YoloObject& object, const RawImage& image, Segmentation& outline)
{
    RawAnnotation annotation;
    annotation.imageId = image.id;
    annotation.categoryId = object.category;
    annotation.line = object.line;
    annotation.boxValues = 4;
    const std::vector<double>& v = object.values;
    const double width = image.width, height = image.height;
    if (v.size() == 4)
    {
        annotation.box[0] = (v[0] - v[2] / 2) * width;
        annotation.box[1] = (v[1] - v[3] / 2) * height;
        annotation.box[2] = v[2] * width;
        annotation.box[3] = v[3] * height;
        return annotation;
    }
    std::vector<double> points(v.size());
    double low[2] = {v[0] * width, v[1] * height}, high[2] = {low[0], low[1]};
    bool finite = true;
    for (size_t i = 0; i < v.size(); i++)
    {
        points[i] = v[i] * (i % 2 ? height : width);
        finite = finite && std::isfinite(points[i]);
        low[i % 2] = std::min(low[i % 2], points[i]);
        high[i % 2] = std::max(high[i % 2], points[i]);
    }
    for (int i = 0; i < 2; i++)
    {
        annotation.box[i] = finite ? low[i] : std::numeric_limits<double>::quiet_NaN();
        annotation.box[i + 2] = high[i] - low[i];
    }
    if (finite)
    {
        annotation.area = polygonArea(points);
        outline.polygons.push_back(std::move(points));
    }
    return annotation;
}

std::vector<std::string> namesInLines(const std::string& path)
{
    std::vector<std::string> names = splitLines(readText(path, MAX_CLASS_FILE));
    while (!names.empty() && names.back().empty())
        names.pop_back();
    for (size_t i = 0; i < names.size(); i++)
        if (names[i].empty())
            throw std::runtime_error(path + ": line " + std::to_string(i + 1) + " is empty, expected a class name");
    return names;
}

std::vector<std::string> namesInYaml(const YAML::Node& node)
{
    std::vector<std::string> names;
    if (node.IsSequence())
        for (const auto& name : node)
            names.push_back(name.as<std::string>());
    else if (node.IsMap())
    {
        std::map<int, std::string> byNumber;
        for (const auto& entry : node)
            byNumber.emplace(entry.first.as<int>(), entry.second.as<std::string>());
        for (const auto& entry : byNumber)
        {
            if (entry.first != static_cast<int>(names.size()))
                throw std::runtime_error("\"names\" has no class " + std::to_string(names.size()));
            names.push_back(entry.second);
        }
    }
    return names;
}

std::vector<std::string> classNames(const std::string& path)
{
    const std::vector<std::string> names = isYaml(path) ? readYoloDescription(path, "").names : namesInLines(path);
    if (names.empty() || names.size() > MAX_CLASSES)
        throw std::runtime_error(path + ": " + std::to_string(names.size()) + " class names in it, expected 1 to " +
                                 std::to_string(MAX_CLASSES));
    return names;
}

class YoloReader
{
public:
    YoloReader(const DatasetFiles& files, bool keepSegmentation) : files_(files), keepSegmentation_(keepSegmentation) {}

    RawDataset read();

private:
    void addPart(const YoloPart& part);
    void addImage(const std::string& fileName, const std::string& labels);
    void addObject(const YoloObject& object, const RawImage& image);

    const DatasetFiles& files_;
    const bool keepSegmentation_;
    RawDataset raw_;
    size_t labelFiles_ = 0;
    std::unordered_set<int64_t> unknown_;
};

void YoloReader::addObject(const YoloObject& object, const RawImage& image)
{
    Segmentation outline;
    RawAnnotation annotation = toPixels(object, image, outline);
    annotation.id = static_cast<int64_t>(raw_.annotations.size()) + 1;
    if (keepSegmentation_ && !outline.polygons.empty())
    {
        annotation.segmentation = static_cast<int64_t>(raw_.segmentations.size());
        raw_.segmentations.push_back(std::move(outline));
    }
    if (object.category >= static_cast<int64_t>(raw_.categories.size()) && unknown_.insert(object.category).second)
        raw_.unknownCategories.push_back({object.category, std::to_string(object.category)});
    raw_.annotations.push_back(annotation);
}

void YoloReader::addImage(const std::string& fileName, const std::string& labels)
{
    const std::string path = (fs::path(files_.images) / fileName).string();
    RawImage image;
    image.id = static_cast<int64_t>(raw_.images.size()) + 1;
    image.fileName = fileName;
    image.source = labels;
    std::error_code error;
    const bool labeled = fs::exists(labels, error);
    if (!labeled && files_.onlyLabeled)
        return;
    labelFiles_ += labeled;
    const cv::Size size = imageSize(path);
    if (size.empty() || size.width > MAX_SIDE || size.height > MAX_SIDE)
    {
        raw_.problems.push_back({path, "it is no image that can be read"});
        return;
    }
    image.width = size.width;
    image.height = size.height;
    try
    {
        const std::vector<YoloObject> objects = labeled ? parseLabels(labels) : std::vector<YoloObject>();
        for (const YoloObject& object : objects)
            addObject(object, image);
        raw_.images.push_back(std::move(image));
    }
    catch (const std::runtime_error& failure)
    {
        raw_.problems.push_back({labels, failure.what()});
    }
}

void YoloReader::addPart(const YoloPart& part)
{
    const std::string folder = (fs::path(files_.images) / part.images).string();
    std::unordered_set<std::string> used;
    for (const std::string& name : listFiles(folder, true))
        if (isImageName(name))
        {
            const std::string label = fs::path(name).replace_extension(".txt").generic_string();
            used.insert(label);
            addImage((fs::path(part.images) / name).generic_string(), (fs::path(part.labels) / label).string());
        }
    std::error_code error;
    if (fs::equivalent(part.labels, folder, error))  // the image folder may contain other text files
        return;
    for (const std::string& name : listFiles(part.labels, true))
        if (fs::path(name).extension() == ".txt" && !used.count(name) && fs::path(name).filename() != "classes.txt")
            raw_.problems.push_back(
                {(fs::path(part.labels) / name).string(), "no image in " + inQuotes(folder) + " belongs to it"});
}

RawDataset YoloReader::read()
{
    raw_.path = files_.annotations;
    raw_.imageFolder = files_.images;
    raw_.name = fs::path(files_.annotations).filename().string();
    if (files_.classes.empty())
        throw std::runtime_error(raw_.path +
                                 ": YOLO labels, but no names of the classes; looked for data.yaml, "
                                 "dataset.yaml, data.yml, classes.txt and obj.names in the folder and the two above");
    for (const std::string& name : classNames(files_.classes))
        raw_.categories.push_back({static_cast<int64_t>(raw_.categories.size()), name});
    for (const YoloPart& part : files_.parts)
        addPart(part);
    if (raw_.images.empty() && raw_.problems.empty() && !files_.onlyLabeled)
        throw std::runtime_error(raw_.path + ": no images in " +
                                 inQuotes((fs::path(files_.images) / files_.parts.front().images).string()));
    if (labelFiles_ == 0)
        throw std::runtime_error(raw_.path + ": none of the images has a text file in " +
                                 inQuotes(files_.parts.front().labels));
    return std::move(raw_);
}

}  // namespace

bool isYaml(const std::string& path)
{
    const fs::path extension = fs::path(path).extension();
    return extension == ".yaml" || extension == ".yml";
}

YoloDescription readYoloDescription(const std::string& path, const std::string& split)
{
    const std::string text = readText(path, MAX_CLASS_FILE);
    YoloDescription description;
    try
    {
        const YAML::Node root = YAML::Load(text);
        if (!root.IsMap())
            throw std::runtime_error("expected keys with values");
        if (root["names"])
            description.names = namesInYaml(root["names"]);
        for (const std::string& key : split == "val" ? std::vector<std::string>{"val", "valid"} : std::vector{split})
        {
            if (key.empty() || !root[key])
                continue;
            if (root[key].IsScalar())
                description.folders.push_back(root[key].as<std::string>());
            else if (root[key].IsSequence())
                for (const auto& folder : root[key])
                    description.folders.push_back(folder.as<std::string>());
        }
        return description;
    }
    catch (const YAML::Exception& error)
    {
        throw std::runtime_error(path + ": line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
    }
    catch (const std::runtime_error& error)
    {
        throw std::runtime_error(path + ": " + error.what());
    }
}

RawDataset readYolo(const DatasetFiles& files, bool keepSegmentation)
{
    return YoloReader(files, keepSegmentation).read();
}

}  // namespace d2det
