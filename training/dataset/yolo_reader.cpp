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
#include <unordered_map>
#include <unordered_set>

namespace fs = std::filesystem;

namespace d2det
{

namespace
{

constexpr size_t MAX_LABELS = 64 << 20, MAX_LIST = 256 << 20, MAX_CLASS_FILE = 1 << 18;  // bytes
constexpr int MAX_CLASSES = 1 << 16;
constexpr int MAX_SIDE = 1 << 16;  // pixels

constexpr size_t FILES_LOOKED_AT = 200;  // to tell what the lines mean

//! What the numbers of a line with more than 4 of them are.
struct LineLayout
{
    enum Kind
    {
        OUTLINES,
        KEYPOINTS,
        ORIENTED_BOXES
    };
    Kind kind = OUTLINES;
    size_t values = 0;  //!< KEYPOINTS: numbers after the box
};

struct YoloObject
{
    int64_t category = 0;
    int line = 0;
    std::vector<double> values;  //!< 4 of a box, or the outline
};

YoloObject parseLine(const std::string& text, int line, const LineLayout& layout)
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
    if (layout.kind == LineLayout::KEYPOINTS)
    {
        if (count != 4 && count != 4 + layout.values)
            fail(std::to_string(count + 1) + " numbers, expected class cx cy w h and " + std::to_string(layout.values) +
                 " of keypoints");
        object.values.resize(4);
    }
    else if (count != 4 && (count < 6 || count % 2 != 0))
        fail(std::to_string(count + 1) +
             " numbers, expected class cx cy w h, or a class and the points of an outline (at least 3)");
    return object;
}

std::vector<YoloObject> parseLabels(const std::string& path, const LineLayout& layout)
{
    std::vector<YoloObject> objects;
    int line = 0;
    for (const std::string& text : splitLines(readText(path, MAX_LABELS)))
    {
        line++;
        if (!text.empty())
            objects.push_back(parseLine(text, line, layout));
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

//! Box and keypoints with a visibility of 0, 1 or 2 each; the points lie in the box.
bool areKeypoints(const std::vector<double>& v)
{
    if (v.size() < 7 || (v.size() - 4) % 3 != 0 || !(v[2] > 0 && v[3] > 0))
        return false;
    const double slack = 0.05;
    for (size_t i = 4; i < v.size(); i += 3)
    {
        if (v[i + 2] != 0 && v[i + 2] != 1 && v[i + 2] != 2)
            return false;
        if (v[i + 2] != 0 &&
            !(std::abs(v[i] - v[0]) <= v[2] / 2 + slack && std::abs(v[i + 1] - v[1]) <= v[3] / 2 + slack))
            return false;
    }
    return true;
}

/** Four corners of a rectangle in pixels, up to rounding.
@param turned true if it is not parallel to the sides of the image. */
bool isRectangle(const std::vector<double>& v, cv::Size image, bool& turned)
{
    if (v.size() != 8)
        return false;
    double x[4], y[4];  // sides
    for (size_t i = 0; i < 4; i++)
    {
        x[i] = (v[(2 * i + 2) % 8] - v[2 * i]) * image.width;
        y[i] = (v[(2 * i + 3) % 8] - v[2 * i + 1]) * image.height;
    }
    const double length[2] = {std::hypot(x[0], y[0]), std::hypot(x[1], y[1])};
    if (!(length[0] > 0 && length[1] > 0))
        return false;
    const double tolerance = 0.02 * std::max(length[0], length[1]) + 1;  // corners are rounded
    for (int i = 0; i < 2; i++)
        if (!(std::hypot(x[i] + x[i + 2], y[i] + y[i + 2]) <= tolerance))
            return false;
    if (!(std::abs(x[0] * x[1] + y[0] * y[1]) <= tolerance * std::max(length[0], length[1])))
        return false;
    turned = std::min(std::abs(x[0]), std::abs(y[0])) > 2 + 0.02 * length[0];
    return true;
}

//! Names by line; of a darknet file "key = value" those in the file that it names.
std::vector<std::string> namesInLines(const std::string& path)
{
    std::vector<std::string> names = splitLines(readText(path, MAX_CLASS_FILE));
    while (!names.empty() && names.back().empty())
        names.pop_back();
    for (size_t i = 0; i < names.size(); i++)
        if (names[i].empty())
            throw std::runtime_error(path + ": line " + std::to_string(i + 1) + " is empty, expected a class name");
        else
            names[i] = withoutQuotes(names[i]);
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

//! Keys of a split in descriptions.
std::vector<std::string> splitNames(const std::string& split)
{
    return split == "val"  ? std::vector<std::string>{"val", "valid", "validation"}
           : split.empty() ? std::vector<std::string>()
                           : std::vector<std::string>{split};
}

std::vector<std::string> classNames(const std::string& path)
{
    const std::vector<std::string> names =
        isYoloDescription(path) ? readYoloDescription(path, "").names : namesInLines(path);
    if (names.empty() || names.size() > MAX_CLASSES)
        throw std::runtime_error(path + ": " + std::to_string(names.size()) + " class names in it, expected 1 to " +
                                 std::to_string(MAX_CLASSES));
    return names;
}

//! The deepest folder with all these paths below; empty if there is none.
fs::path commonFolder(const std::vector<fs::path>& paths)
{
    fs::path common = paths.front().parent_path();
    for (const fs::path& path : paths)
    {
        fs::path shared;
        auto part = path.begin();
        for (const fs::path& own : common)
        {
            if (part == path.end() || *part != own)
                break;
            shared /= own;
            ++part;
        }
        common = shared;
    }
    return common;
}

class YoloReader
{
public:
    YoloReader(const DatasetFiles& files, bool keepSegmentation) : files_(files), keepSegmentation_(keepSegmentation) {}

    RawDataset read();

private:
    struct Pair
    {
        fs::path image;
        std::string labels;
    };

    void readClasses();
    void findFolder(const YoloPart& part);
    void findList(const YoloPart& part);
    void addPair(const fs::path& image, const std::string& labels);
    void chooseFolder();
    void tellLayout();
    void addImage(const Pair& pair);
    void addObject(const YoloObject& object, const RawImage& image);

    const DatasetFiles& files_;
    const bool keepSegmentation_;
    RawDataset raw_;
    std::vector<Pair> pairs_;
    std::unordered_set<std::string> taken_;  //!< images
    LineLayout layout_;
    size_t labelFiles_ = 0, repeated_ = 0;
    std::unordered_set<int64_t> unknown_;
};

void YoloReader::addObject(const YoloObject& object, const RawImage& image)
{
    Segmentation outline;
    RawAnnotation annotation = toPixels(object, image, outline);
    annotation.id = static_cast<int64_t>(raw_.annotations.size()) + 1;
    if (keepSegmentation_ && !outline.polygons.empty() && layout_.kind == LineLayout::OUTLINES)
    {
        annotation.segmentation = static_cast<int64_t>(raw_.segmentations.size());
        raw_.segmentations.push_back(std::move(outline));
    }
    if (object.category >= static_cast<int64_t>(raw_.categories.size()) && unknown_.insert(object.category).second)
        raw_.unknownCategories.push_back({object.category, std::to_string(object.category)});
    raw_.annotations.push_back(annotation);
}

void YoloReader::addPair(const fs::path& image, const std::string& labels)
{
    const fs::path path = image.lexically_normal();
    if (taken_.insert(path.string()).second)
        pairs_.push_back({path, labels});
    else
        repeated_++;
}

void YoloReader::findFolder(const YoloPart& part)
{
    std::unordered_map<std::string, std::string> labels;  // name with ".txt" -> name; ".TXT" is one as well
    for (const std::string& name : listFiles(part.labels, true))
        if (extensionOf(name) == ".txt")
            labels.emplace(fs::path(name).replace_extension(".txt").generic_string(), name);
    std::unordered_set<std::string> used;
    for (const std::string& name : listFiles(part.images, true))
        if (isImageName(name))
        {
            const std::string label = fs::path(name).replace_extension(".txt").generic_string();
            const auto found = labels.find(label);
            used.insert(label);
            addPair(fs::path(part.images) / name,
                    (fs::path(part.labels) / (found == labels.end() ? label : found->second)).string());
        }
    std::error_code error;
    if (fs::equivalent(part.labels, part.images, error))  // the image folder may contain other text files
        return;
    std::vector<std::string> unused;
    for (const auto& label : labels)
        if (!used.count(label.first) && fs::path(label.second).filename() != "classes.txt")
            unused.push_back(label.second);
    std::sort(unused.begin(), unused.end());
    for (const std::string& name : unused)
        raw_.problems.push_back(
            {(fs::path(part.labels) / name).string(), "no image in " + inQuotes(part.images) + " belongs to it"});
}

void YoloReader::findList(const YoloPart& part)
{
    std::vector<std::string> folders{fs::path(part.list).parent_path().string()};
    if (folders[0].empty())
        folders[0] = ".";
    folders.insert(folders.end(), files_.listRoots.begin(), files_.listRoots.end());
    folders.push_back(".");
    for (const std::string& name : splitList(readText(part.list, MAX_LIST)))
    {
        const std::string image = resolvePath(name, folders);
        if (!image.empty() && isImageName(image))
            addPair(image, yoloLabelOf(image));
        else if (name[0] != '#')  // a comment
            raw_.problems.push_back({part.list, inQuotes(name) + (image.empty() ? " is not there" : " is no image")});
    }
}

//! Names are relative to the folder of all images.
void YoloReader::chooseFolder()
{
    raw_.imageFolder = files_.parts.front().images;
    if (files_.parts.size() == 1 && files_.parts.front().list.empty())
        return;
    std::vector<fs::path> paths;
    for (const Pair& pair : pairs_)
        paths.push_back(pair.image);
    if (paths.empty())
        return;
    fs::path folder = commonFolder(paths);
    if (folder.empty() || folder == "..")  // relative and absolute names, or both of the current folder
    {
        std::error_code error;
        for (size_t i = 0; i < paths.size(); i++)
            pairs_[i].image = paths[i] = fs::absolute(paths[i], error).lexically_normal();
        folder = commonFolder(paths);
    }
    raw_.imageFolder = folder.string();
}

//! What lines of more than 4 numbers mean, from the first files.
void YoloReader::tellLayout()
{
    bool keypoints = true, rectangles = true, anyTurned = false;
    size_t lines = 0, values = 0, files = 0;
    std::error_code error;
    for (const Pair& pair : pairs_)
    {
        if (files == FILES_LOOKED_AT || (!keypoints && !rectangles))
            break;
        if (!fs::is_regular_file(pair.labels, error))
            continue;
        files++;
        const cv::Size size = imageSize(pair.image.string());
        std::vector<std::string> texts;
        try
        {
            texts = splitLines(readText(pair.labels, MAX_LABELS));
        }
        catch (const std::runtime_error&)  // reported when it is read
        {
        }
        for (const std::string& text : texts)
        {
            std::vector<double> numbers;
            for (const std::string& word : splitWords(text))
                if (double value = 0; parseNumber(word, value))
                    numbers.push_back(value);
            if (numbers.size() <= 5)
                continue;
            numbers.erase(numbers.begin());
            lines++;
            values = lines == 1 ? numbers.size() : values;
            keypoints = keypoints && numbers.size() == values && areKeypoints(numbers);
            bool turned = false;
            rectangles = rectangles && isRectangle(numbers, size, turned);
            anyTurned = anyTurned || turned;
        }
    }
    if (lines > 0 && keypoints)
    {
        layout_ = {LineLayout::KEYPOINTS, values - 4};
        raw_.notes.push_back("the labels have keypoints after their boxes; the boxes are read");
    }
    else if (lines > 0 && rectangles && anyTurned)
    {
        layout_.kind = LineLayout::ORIENTED_BOXES;
        raw_.notes.push_back("the labels are corners of oriented boxes; the boxes around them are read, without masks");
    }
}

void YoloReader::addImage(const Pair& pair)
{
    const std::string path = pair.image.string();
    RawImage image;
    image.id = static_cast<int64_t>(raw_.images.size()) + 1;
    image.fileName = pair.image.lexically_relative(fs::path(raw_.imageFolder).lexically_normal()).generic_string();
    image.source = pair.labels;
    std::error_code error;
    const bool labeled = fs::exists(pair.labels, error);
    image.annotated = labeled;
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
        const std::vector<YoloObject> objects = labeled ? parseLabels(pair.labels, layout_) : std::vector<YoloObject>();
        for (const YoloObject& object : objects)
            addObject(object, image);
        raw_.images.push_back(std::move(image));
    }
    catch (const std::runtime_error& failure)
    {
        raw_.problems.push_back({pair.labels, failure.what()});
    }
}

void YoloReader::readClasses()
{
    if (files_.classes.empty())
        throw std::runtime_error(raw_.path +
                                 ": YOLO labels, but no names of the classes; looked for data.yaml, "
                                 "dataset.yaml, obj.data, classes.txt, obj.names and _darknet.labels in the folder and "
                                 "the two above");
    for (const std::string& name : classNames(files_.classes))
        raw_.categories.push_back({static_cast<int64_t>(raw_.categories.size()), name});
    if (!isYoloDescription(files_.classes))
        return;
    const YoloDescription description = readYoloDescription(files_.classes, "");
    raw_.notes = description.notes;
    if (description.keypointValues > 0)
        layout_ = {LineLayout::KEYPOINTS, static_cast<size_t>(description.keypointValues)};
}

RawDataset YoloReader::read()
{
    raw_.path = files_.annotations;
    raw_.name = fs::path(files_.annotations).filename().string();
    readClasses();
    for (const YoloPart& part : files_.parts)
        part.list.empty() ? findFolder(part) : findList(part);
    chooseFolder();
    if (layout_.kind == LineLayout::OUTLINES)
        tellLayout();
    for (const Pair& pair : pairs_)
        addImage(pair);
    if (repeated_ > 0)
        raw_.notes.push_back(std::to_string(repeated_) + " images are listed twice, taken once");
    const YoloPart& first = files_.parts.front();
    if (raw_.images.empty() && raw_.problems.empty() && !files_.onlyLabeled)
        throw std::runtime_error(raw_.path + ": no images in " + inQuotes(first.list + first.images));
    if (labelFiles_ == 0 && !(raw_.images.empty() && !raw_.problems.empty()))
        throw std::runtime_error(raw_.path + ": none of the images has a text file" +
                                 (first.list.empty() ? " in " + inQuotes(first.labels)
                                                     : ", for example " + inQuotes(pairs_.front().labels)));
    return std::move(raw_);
}

/** "key = value" by line, as darknet writes obj.data; all values are texts. */
std::map<std::string, std::string> darknetKeys(const std::string& text)
{
    std::map<std::string, std::string> values;
    for (const std::string& line : splitLines(text))
    {
        const size_t equals = line.find('=');
        if (line.empty() || line[0] == '#' || equals == std::string::npos)
            continue;
        const std::vector<std::string> key = splitLines(line.substr(0, equals)),
                                       value = splitLines(line.substr(equals + 1));
        if (!key.empty() && !value.empty())
            values.emplace(key[0], withoutQuotes(value[0]));
    }
    return values;
}

YoloDescription readDarknet(const std::string& path, const std::string& split)
{
    const std::map<std::string, std::string> values = darknetKeys(readText(path, MAX_CLASS_FILE));
    YoloDescription description;
    const std::string folder = fs::path(path).parent_path().string();
    if (values.count("names"))
    {
        const std::string names = resolvePath(values.at("names"), {folder.empty() ? "." : folder});
        const std::string extension = extensionOf(names);
        if (names.empty() || (extension != ".names" && extension != ".txt" && extension != ".labels"))
            throw std::runtime_error("\"names\" is " + inQuotes(values.at("names")) +
                                     ", which is no list of names (.names, .txt) that is there");
        description.names = namesInLines(names);
    }
    for (const std::string& key : splitNames(split))
        if (values.count(key))
            description.folders.push_back(values.at(key));
    return description;
}

//! @param root of data.yaml.
YoloDescription readYaml(const YAML::Node& root, const std::string& split)
{
    YoloDescription description;
    if (!root.IsMap())
        throw std::runtime_error("expected keys with values");
    if (root["names"])
        description.names = namesInYaml(root["names"]);
    const int64_t count = root["nc"] && root["nc"].IsScalar() ? root["nc"].as<int64_t>() : 0;
    if (description.names.empty() && count > 0 && count <= MAX_CLASSES)
        for (int64_t i = 0; i < count; i++)
            description.names.push_back("class_" + std::to_string(i));
    else if (count > 0 && count != static_cast<int64_t>(description.names.size()))
        description.notes.push_back("\"nc\" is " + std::to_string(count) + ", but there are " +
                                    std::to_string(description.names.size()) + " names");
    if (root["path"] && root["path"].IsScalar())
        description.path = root["path"].as<std::string>();
    if (const YAML::Node shape = root["kpt_shape"]; shape && shape.IsSequence() && shape.size() == 2)
    {
        const auto points = shape[0].as<int64_t>(), values = shape[1].as<int64_t>();
        if (points < 1 || points > 10000 || values < 2 || values > 3)
            throw std::runtime_error("\"kpt_shape\" is not [number of points, 2 or 3]");
        description.keypointValues = static_cast<int>(points * values);
    }
    for (const std::string& key : splitNames(split))
    {
        if (!root[key])
            continue;
        if (root[key].IsScalar())
            description.folders.push_back(root[key].as<std::string>());
        else if (root[key].IsSequence())
            for (const auto& folder : root[key])
                description.folders.push_back(folder.as<std::string>());
    }
    return description;
}

}  // namespace

bool isYoloDescription(const std::string& path)
{
    const std::string extension = extensionOf(path);
    return extension == ".yaml" || extension == ".yml" || extension == ".data";
}

YoloDescription readYoloDescription(const std::string& path, const std::string& split)
{
    try
    {
        return extensionOf(path) == ".data" ? readDarknet(path, split)
                                            : readYaml(YAML::Load(readText(path, MAX_CLASS_FILE)), split);
    }
    catch (const YAML::Exception& error)
    {
        throw std::runtime_error(path + ": line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
    }
    catch (const std::runtime_error& error)
    {
        const std::string message = error.what();
        throw std::runtime_error(message.compare(0, path.size(), path) == 0 ? message : path + ": " + message);
    }
}

RawDataset readYolo(const DatasetFiles& files, bool keepSegmentation)
{
    return YoloReader(files, keepSegmentation).read();
}

}  // namespace d2det
