// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/cvat_reader.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "dataset/segmentation.hpp"
#include "dataset/xml_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <sstream>
#include <stdexcept>

namespace fs = std::filesystem;

namespace d2det
{

namespace
{

constexpr size_t MAX_XML = 256 << 20;  // bytes
constexpr int MAX_SIDE = 1 << 16;      // pixels

//! An object of an image before it gets ids.
struct CvatObject
{
    std::string label;
    double box[4] = {0, 0, 0, 0};  //!< x, y, width, height
    Segmentation outline;          //!< empty: only a box
    bool crowd = false;
    double score = std::numeric_limits<double>::quiet_NaN();
};

double attribute(const pugi::xml_node& node, const char* name)
{
    const std::string text = node.attribute(name).value();
    double value = 0;
    if (!parseNumber(text, value) || !std::isfinite(value))
        throw std::runtime_error(std::string("a <") + node.name() + "> with " + name + "=" + inQuotes(text) +
                                 ", expected a number");
    return value;
}

double attribute(const pugi::xml_node& node, const char* name, double missing)
{
    return node.attribute(name) ? attribute(node, name) : missing;
}

int integerAttribute(const pugi::xml_node& node, const char* name, int low)
{
    const double value = attribute(node, name);
    if (!(value >= low && value <= MAX_SIDE && value == std::floor(value)))
        throw std::runtime_error(std::string("a <") + node.name() + "> with " + name + "=" +
                                 inQuotes(node.attribute(name).value()) + ", expected an integer from " +
                                 std::to_string(low) + " to " + std::to_string(MAX_SIDE));
    return static_cast<int>(value);
}

//! The box around a box that is turned about its center.
void readBox(const pugi::xml_node& node, CvatObject& object)
{
    const double x1 = attribute(node, "xtl"), y1 = attribute(node, "ytl");
    const double x2 = attribute(node, "xbr"), y2 = attribute(node, "ybr");
    const double angle = attribute(node, "rotation", 0) * CV_PI / 180;
    double width = x2 - x1, height = y2 - y1;
    if (angle != 0 && width > 0 && height > 0)
    {
        const double c = std::abs(std::cos(angle)), s = std::abs(std::sin(angle));
        const double upright[2] = {width, height};
        width = upright[0] * c + upright[1] * s;
        height = upright[0] * s + upright[1] * c;
        object.box[0] = (x1 + x2 - width) / 2;
        object.box[1] = (y1 + y2 - height) / 2;
    }
    else
    {
        object.box[0] = x1;
        object.box[1] = y1;
    }
    object.box[2] = width;
    object.box[3] = height;
}

//! "x,y;x,y;..."
std::vector<double> readPoints(const pugi::xml_node& node)
{
    const std::string text = node.attribute("points").value();
    std::vector<double> points;
    for (size_t begin = 0; begin < text.size();)
    {
        const size_t end = std::min(text.find_first_of(",;", begin), text.size());
        const bool isX = points.size() % 2 == 0;
        double value = 0;
        if (!parseNumber(text.substr(begin, end - begin), value) || !std::isfinite(value) ||
            (isX && (end == text.size() || text[end] != ',')) || (!isX && end < text.size() && text[end] != ';'))
            throw std::runtime_error("a <polygon> whose points are " + inQuotes(text) + ", expected x,y;x,y;...");
        points.push_back(value);
        begin = end + 1;
    }
    if (!isRing(points))
        throw std::runtime_error("a <polygon> of " + std::to_string(points.size() / 2) +
                                 " points, expected at least 3");
    return points;
}

void readMask(const pugi::xml_node& node, cv::Size image, CvatObject& object)
{
    Segmentation& outline = object.outline;
    outline.part.x = integerAttribute(node, "left", 0);  // one by one: the first that is wrong is named
    outline.part.y = integerAttribute(node, "top", 0);
    outline.part.width = integerAttribute(node, "width", 1);
    outline.part.height = integerAttribute(node, "height", 1);
    outline.width = image.width;
    outline.height = image.height;
    const std::string text = node.attribute("rle").value();
    int64_t sum = 0;
    const int64_t pixels = int64_t(outline.part.width) * outline.part.height;
    std::istringstream numbers(text);
    for (std::string number; std::getline(numbers, number, ',');)
    {
        int64_t count = 0;
        const std::vector<std::string> words = splitWords(number);
        if (words.size() != 1 || !parseInteger(words[0], count) || count < 0 || count > pixels)
            throw std::runtime_error("a <mask> with the run length " + inQuotes(number) +
                                     ", expected integers between commas");
        outline.counts.push_back(static_cast<uint32_t>(count));
        sum += count;
    }
    if (sum != pixels)
        throw std::runtime_error("a <mask> whose run lengths cover " + std::to_string(sum) + " pixels of " +
                                 std::to_string(outline.part.width) + "x" + std::to_string(outline.part.height));
    if ((outline.part & cv::Rect(cv::Point(), image)) != outline.part)
        throw std::runtime_error("a <mask> that reaches beyond its image of " + std::to_string(image.width) + "x" +
                                 std::to_string(image.height));
    const double box[4] = {double(outline.part.x), double(outline.part.y), double(outline.part.width),
                           double(outline.part.height)};
    std::copy(box, box + 4, object.box);
}

class CvatReader
{
public:
    CvatReader(const DatasetFiles& files, bool keepSegmentation) : files_(files), keepSegmentation_(keepSegmentation) {}

    RawDataset read();

private:
    void readLabels(const pugi::xml_node& root);
    void addImage(const pugi::xml_node& node);
    std::vector<CvatObject> readObjects(const pugi::xml_node& node, RawImage& image);
    void addObject(CvatObject& object, int64_t imageId);
    bool isWanted(const pugi::xml_node& node);
    std::string fileOf(const std::string& name, const std::string& subset) const;
    int64_t categoryOf(const std::string& name);
    void noteSubsets();

    const DatasetFiles& files_;
    const bool keepSegmentation_;
    RawDataset raw_;
    bool fixedClasses_ = false;
    std::map<std::string, int64_t> categories_, leftOut_, subsets_;
};

void CvatReader::readLabels(const pugi::xml_node& root)
{
    for (const pugi::xml_node& what : root.child("meta").children())  // task, job or project
        for (const pugi::xml_node& label : what.child("labels").children("label"))
        {
            const std::string name = xmlText(label.child("name"));
            if (name.empty() || label.child("parent"))  // a part of a skeleton
                continue;
            const auto id = static_cast<int64_t>(raw_.categories.size()) + 1;
            if (categories_.emplace(name, id).second)
                raw_.categories.push_back({id, name});
        }
    fixedClasses_ = !raw_.categories.empty();
}

int64_t CvatReader::categoryOf(const std::string& name)
{
    const auto inserted = categories_.emplace(name, static_cast<int64_t>(categories_.size()) + 1);
    if (inserted.second && fixedClasses_)
        raw_.unknownCategories.push_back({inserted.first->second, name});
    return inserted.first->second;
}

//! Counts the subsets of all images; those of another one than the wanted are left out.
bool CvatReader::isWanted(const pugi::xml_node& node)
{
    const std::string subset = node.attribute("subset").value();
    if (!subset.empty())
        subsets_[subset]++;
    return files_.list.empty() || isSplitName(subset, files_.list);
}

//! Relative to the image folder: also where the images of each subset are in a folder of their own.
std::string CvatReader::fileOf(const std::string& name, const std::string& subset) const
{
    std::error_code error;
    const std::string below = subset + "/" + name;
    if (!subset.empty() && badFileName(name).empty() && badFileName(below).empty() &&
        !fs::exists(fs::path(files_.images) / fs::u8path(name), error) &&
        fs::exists(fs::path(files_.images) / fs::u8path(below), error))
        return below;
    return name;
}

std::vector<CvatObject> CvatReader::readObjects(const pugi::xml_node& node, RawImage& image)
{
    std::vector<CvatObject> objects;
    std::map<std::pair<std::string, std::string>, size_t> groups;  // label and group -> object
    for (const pugi::xml_node& shape : node.children())
    {
        const std::string kind = shape.name();
        if (shape.type() != pugi::node_element || kind == "tag")
            continue;
        if (kind != "box" && kind != "polygon" && kind != "ellipse" && kind != "mask")
        {
            leftOut_[kind]++;
            image.hasOther = true;
            continue;
        }
        CvatObject object;
        object.label = xmlText(shape.attribute("label").value());
        if (object.label.empty())
            throw std::runtime_error("a <" + kind + "> without a label");
        if (kind == "box")
            readBox(shape, object);
        else if (kind == "mask")
            readMask(shape, {image.width, image.height}, object);
        else if (kind == "polygon")
            object.outline.polygons.push_back(readPoints(shape));
        else
            object.outline.polygons.push_back(ellipsePoints(attribute(shape, "cx"), attribute(shape, "cy"),
                                                            attribute(shape, "rx"), attribute(shape, "ry"),
                                                            attribute(shape, "rotation", 0) * CV_PI / 180));
        for (const pugi::xml_node& extra : shape.children("attribute"))
        {
            const std::string name = extra.attribute("name").value(), value = lowerCase(xmlText(extra));
            if (name == "is_crowd" || name == "iscrowd")
                object.crowd = value == "true" || value == "1";
            if (double score = 0; name == "score" && parseNumber(value, score))
                object.score = score;
        }
        const std::string group = shape.attribute("group_id").value();
        if (!object.outline.polygons.empty() && !group.empty() && group != "0")
        {
            const auto known = groups.emplace(std::make_pair(object.label, group), objects.size());
            if (!known.second)
            {
                objects[known.first->second].outline.polygons.push_back(std::move(object.outline.polygons[0]));
                continue;
            }
        }
        objects.push_back(std::move(object));
    }
    return objects;
}

void CvatReader::addObject(CvatObject& object, int64_t imageId)
{
    RawAnnotation annotation;
    annotation.id = static_cast<int64_t>(raw_.annotations.size()) + 1;
    annotation.imageId = imageId;
    annotation.categoryId = categoryOf(object.label);
    annotation.boxValues = 4;
    annotation.crowd = object.crowd;
    annotation.score = object.score;
    std::copy(object.box, object.box + 4, annotation.box);
    if (!object.outline.polygons.empty())
        boundsOfPolygons(object.outline.polygons, annotation.box);
    if (keepSegmentation_ && (!object.outline.polygons.empty() || !object.outline.counts.empty()))
    {
        annotation.segmentation = static_cast<int64_t>(raw_.segmentations.size());
        raw_.segmentations.push_back(std::move(object.outline));
    }
    raw_.annotations.push_back(annotation);
}

void CvatReader::addImage(const pugi::xml_node& node)
{
    if (!isWanted(node))
        return;
    const std::string name = withSlashes(node.attribute("name").value());
    try
    {
        RawImage image;
        image.id = static_cast<int64_t>(raw_.images.size()) + 1;
        image.fileName = fileOf(name, node.attribute("subset").value());
        if (const std::string reason = badFileName(image.fileName); !reason.empty())
            throw std::runtime_error("its name is " + inQuotes(name) + ", expected a path inside the image folder");
        image.width = node.attribute("width") ? integerAttribute(node, "width", 1) : 0;
        image.height = node.attribute("height") ? integerAttribute(node, "height", 1) : 0;
        requireSize(image, files_.images, "no width or height");
        for (CvatObject& object : readObjects(node, image))
            addObject(object, image.id);
        raw_.images.push_back(std::move(image));
    }
    catch (const std::runtime_error& error)
    {
        raw_.problems.push_back(
            {files_.annotations, files_.annotations + ": image " + inQuotes(name) + ": " + error.what()});
    }
}

void CvatReader::noteSubsets()
{
    std::string names;
    for (const auto& subset : subsets_)
        names += (names.empty() ? "" : ", ") + inQuotes(subset.first) + " (" + counted(subset.second, "image") + ")";
    if (!files_.list.empty() && raw_.images.empty() && raw_.problems.empty())
        throw std::runtime_error(files_.annotations + ": subset is " + inQuotes(files_.list) +
                                 ", but no image has it; the images have " + (names.empty() ? "none" : names));
    if (files_.list.empty() && subsets_.size() > 1)
        raw_.notes.push_back("all of its subsets are read: " + names + "; one of them with the subset");
}

RawDataset CvatReader::read()
{
    raw_.path = files_.annotations;
    raw_.name = fs::path(files_.annotations).stem().string() + (files_.list.empty() ? "" : "_" + files_.list);
    raw_.imageFolder = files_.images;
    pugi::xml_document document;
    try
    {
        loadXml(files_.annotations, MAX_XML, document);
    }
    catch (const std::runtime_error& error)
    {
        const std::string text = error.what();
        throw std::runtime_error(startsWith(text, files_.annotations) ? text : files_.annotations + ": " + text);
    }
    const pugi::xml_node root = document.child("annotations");
    if (!root)
        throw std::runtime_error(files_.annotations + ": no <annotations>; is this a file of CVAT?");
    if (root.child("track"))
        throw std::runtime_error(files_.annotations +
                                 ": it is \"CVAT for video\", which has tracks; export \"CVAT for images 1.1\"");
    readLabels(root);
    for (const pugi::xml_node& node : root.children("image"))
        addImage(node);
    noteSubsets();
    for (const auto& kind : leftOut_)
        raw_.notes.push_back(std::to_string(kind.second) + " shapes of the kind " + inQuotes(kind.first) +
                             " have no area that is read; left out");
    if (!fixedClasses_)
        sortCategories(raw_, categories_);
    if (raw_.categories.empty() && !raw_.images.empty())
        throw std::runtime_error(raw_.path + ": no label in <meta> and no shape, so the classes are not known");
    return std::move(raw_);
}

}  // namespace

RawDataset readCvat(const DatasetFiles& files, bool keepSegmentation)
{
    return CvatReader(files, keepSegmentation).read();
}

}  // namespace d2det
