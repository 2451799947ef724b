// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/dataset_writer.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "dataset/segmentation.hpp"

#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <unordered_map>

namespace fs = std::filesystem;
using nlohmann::json;

namespace d2det
{

namespace
{

constexpr int SCORE_DECIMALS = 4;
constexpr double MISFIT_PIXELS = 2, MISFIT_PART = 0.05;  // permitted difference of an outline's span and its box
constexpr double MIN_COVERED = 0.95;                     // IoU from which outlines stand for a mask

//! Writes a complete file or throws.
class OutputFile
{
public:
    explicit OutputFile(const fs::path& path) : path_(path)
    {
        fs::create_directories(path.parent_path());
        file_.open(path, std::ios::binary);
    }

    std::ostream& stream() { return file_; }

    void close()
    {
        file_.close();
        if (!file_)
            throw std::runtime_error("cannot write " + inQuotes(path_.string()));
    }

private:
    fs::path path_;
    std::ofstream file_;
};

class Writer
{
public:
    Writer(const Dataset& dataset, const WriteOptions& options) : dataset_(dataset), options_(options) {}

    std::vector<std::string> run();
    void check() const;

private:
    void writeCoco();
    void writeVoc();
    void writeYolo();
    void writeLabelme();
    void writeCvat();
    void addShape(pugi::xml_node parent, const Annotation& a, const ImageRecord& image, int& group);
    void writeXml(const ImageRecord& image, const std::string& fileName, const std::string& stem);
    void writeLabels(const ImageRecord& image, const std::string& fileName);
    bool outlinesOf(const ImageRecord& image, std::vector<std::vector<double>>& outlines) const;
    bool hasOutline(const Annotation& a) const { return a.segmentation && !options_.boxesOnly; }
    std::vector<std::vector<double>> polygonsOf(const Annotation& a, const ImageRecord& image, bool& exact) const;
    const std::string& className(const Annotation& a) const
    {
        return dataset_.classNames[static_cast<size_t>(a.category)];
    }
    void writeClasses(const char* fileName) const;
    void copyImage(const ImageRecord& image, const fs::path& target) const;
    std::string relativeName(const ImageRecord& image) const;
    std::string annotationFile(const ImageRecord& image) const;
    void claimNames() const;
    void lose(const std::string& what, int64_t count);

    const Dataset& dataset_;
    const WriteOptions& options_;
    std::vector<std::string> lost_;
    int64_t keypoints_ = 0;  //!< objects whose keypoints are left out
    int64_t crowds_ = 0, masks_ = 0, rounded_ = 0, outlines_ = 0, unlabeled_ = 0, scores_ = 0, filled_ = 0;
};

void Writer::lose(const std::string& what, int64_t count)
{
    if (count > 0)
        lost_.push_back(std::to_string(count) + " " + what);
}

//! Name relative to the image folder; throws for images elsewhere, so that no output leaves the output folder.
std::string Writer::relativeName(const ImageRecord& image) const
{
    const fs::path folder = fs::path(options_.imageFolder).lexically_normal();
    const std::string name = fs::path(image.path).lexically_normal().lexically_relative(folder).generic_string();
    if (!badFileName(name).empty() || name == ".")
        throw std::runtime_error("the image " + inQuotes(image.path) + " is not in the image folder " +
                                 inQuotes(options_.imageFolder));
    return name;
}

//! The annotation file of an image without its extension; empty for formats of one file.
std::string Writer::annotationFile(const ImageRecord& image) const
{
    std::string name = relativeName(image);
    if (options_.format == DatasetFormat::COCO || options_.format == DatasetFormat::CVAT)
        return std::string();
    if (options_.format == DatasetFormat::VOC)  // it has no subfolders
        std::replace(name.begin(), name.end(), '/', '_');
    return fs::path(name).replace_extension("").generic_string();
}

//! Throws if two images would have the same annotation file.
void Writer::claimNames() const
{
    std::unordered_map<std::string, std::string> claimed;  // annotation file -> image
    for (const ImageRecord& image : dataset_.images)
    {
        const std::string stem = annotationFile(image);
        const auto inserted = claimed.emplace(stem, image.path);
        if (!stem.empty() && !inserted.second)
            throw std::runtime_error("the images " + inQuotes(inserted.first->second) + " and " + inQuotes(image.path) +
                                     " would share the annotation file " + inQuotes(stem) + "; rename one of them");
    }
}

void Writer::copyImage(const ImageRecord& image, const fs::path& target) const
{
    if (!options_.copyImages)
        return;
    fs::create_directories(target.parent_path());
    std::error_code error;
    fs::copy_file(image.path, target, error);
    if (error)
        throw std::runtime_error("cannot copy " + inQuotes(image.path) + " to " + inQuotes(target.string()) + ": " +
                                 error.message());
}

/** Outlines of an object that has a segmentation: those of the file, or made of its run lengths.
    @param exact false: they cover other pixels, because of holes or of too small parts. */
std::vector<std::vector<double>> Writer::polygonsOf(const Annotation& a, const ImageRecord& image, bool& exact) const
{
    exact = true;
    if (!a.segmentation->polygons.empty())
        return a.segmentation->polygons;
    const cv::d2det::Rle mask = toRle(*a.segmentation, image.height, image.width);
    std::vector<std::vector<double>> polygons = simpleOutlines(mask, options_.tolerance);
    exact = !polygons.empty() &&
            cv::d2det::rleIoU(cv::d2det::rleFromPolygons(polygons, image.height, image.width), mask) >= MIN_COVERED;
    return polygons;
}

void Writer::writeClasses(const char* fileName) const
{
    OutputFile classes(fs::path(options_.output) / fileName);
    for (const std::string& name : dataset_.classNames)
        classes.stream() << name << "\n";
    classes.close();
}

// ------------------------------------------------------------------ COCO
json segmentationJson(const Segmentation& segmentation, const ImageRecord& image)
{
    if (!segmentation.part.empty())  // COCO has no parts
        return {{"size", {image.height, image.width}},
                {"counts", cv::d2det::rleToString(toRle(segmentation, image.height, image.width))}};
    if (!segmentation.polygons.empty())
        return segmentation.polygons;
    json counts = segmentation.counts;
    if (!segmentation.compressed.empty())
        counts = segmentation.compressed;
    return {{"size", {segmentation.height, segmentation.width}}, {"counts", counts}};
}

//! Whole numbers without a fraction, as COCO has them.
json keypointsJson(const std::vector<Keypoint>& points)
{
    json list = json::array();
    for (const double value : keypointValues(points))
        if (value == std::floor(value))
            list.push_back(static_cast<int64_t>(value));
        else
            list.push_back(value);
    return list;
}

//! Entry by entry: a document of all entries would need several times the file size in memory.
void Writer::writeCoco()
{
    OutputFile file(fs::path(options_.output) / "instances.json");
    std::ostream& out = file.stream();
    const char* separator = "\n";
    const auto entry = [&](const json& value)
    {
        out << separator << value.dump(-1, ' ', false, json::error_handler_t::replace);
        separator = ",\n";
    };
    out << "{\"images\": [";
    for (const ImageRecord& image : dataset_.images)
    {
        const std::string name = relativeName(image);
        copyImage(image, fs::path(options_.output) / "images" / name);
        unlabeled_ += image.empty == EmptyImage::UNLABELED;
        json value = {{"id", image.id}, {"file_name", name}, {"width", image.width}, {"height", image.height}};
        if (!image.tileOf.empty())
            value["tile_of"] = image.tileOf;
        entry(value);
    }
    out << "],\n\"categories\": [";
    separator = "\n";
    for (size_t c = 0; c < dataset_.classNames.size(); c++)
    {
        json value = {{"id", dataset_.categoryIds[c]}, {"name", dataset_.classNames[c]}};
        if (!dataset_.keypoints.empty() && dataset_.keypoints[c] && !options_.boxesOnly)
        {
            value["keypoints"] = dataset_.keypoints[c]->names;
            value["skeleton"] = json::array();
            for (const auto& line : dataset_.keypoints[c]->skeleton)
                value["skeleton"].push_back({line.first + 1, line.second + 1});
        }
        entry(value);
    }
    out << "],\n\"annotations\": [";
    separator = "\n";
    for (const ImageRecord& image : dataset_.images)
        for (const Annotation& a : image.annotations)
        {
            json value = {{"id", a.id},
                          {"image_id", image.id},
                          {"category_id", dataset_.categoryIds[static_cast<size_t>(a.category)]},
                          {"bbox", {a.x, a.y, a.width, a.height}},
                          {"area", a.area},
                          {"iscrowd", a.crowd ? 1 : 0}};
            if (std::isfinite(a.score))
                value["score"] = a.score;
            masks_ += a.segmentation && options_.boxesOnly;
            if (!a.keypoints.empty() && !options_.boxesOnly)
            {
                value["keypoints"] = keypointsJson(a.keypoints.points);
                value["num_keypoints"] = a.keypoints.labeled;
            }
            if (hasOutline(a))
            {
                bool exact = false;
                std::vector<std::vector<double>> polygons;
                if (options_.tolerance > 0 && !a.crowd)
                    polygons = polygonsOf(a, image, exact);
                value["segmentation"] = exact ? json(polygons) : segmentationJson(*a.segmentation, image);
            }
            entry(value);
        }
    out << "]}\n";
    file.close();
    lose("images without a label file are listed like images without objects", unlabeled_);
    lose("masks are left out", masks_);
    lose("objects have keypoints, which are left out", keypoints_);
}

// ------------------------------------------------------------------ Pascal VOC
//! Continuous sides -> first and last pixel from 1, at least one pixel.
void pixelSpan(double low, double high, int& first, int& last)
{
    first = static_cast<int>(std::lround(low)) + 1;
    last = std::max(static_cast<int>(std::lround(high)), first);
}

void Writer::writeXml(const ImageRecord& image, const std::string& fileName, const std::string& stem)
{
    pugi::xml_document document;
    const auto add = [](pugi::xml_node parent, const char* name, const auto& value)
    { parent.append_child(name).text().set(value); };
    pugi::xml_node root = document.append_child("annotation");
    add(root, "filename", fileName.c_str());
    pugi::xml_node size = root.append_child("size");
    add(size, "width", image.width);
    add(size, "height", image.height);
    add(size, "depth", 3);
    for (const Annotation& a : image.annotations)
    {
        pugi::xml_node object = root.append_child("object");
        add(object, "name", className(a).c_str());
        add(object, "truncated", 0);
        add(object, "difficult", a.crowd ? 1 : 0);
        int x1 = 0, y1 = 0, x2 = 0, y2 = 0;
        pixelSpan(a.x, a.x + a.width, x1, x2);
        pixelSpan(a.y, a.y + a.height, y1, y2);
        pugi::xml_node box = object.append_child("bndbox");
        add(box, "xmin", x1);
        add(box, "ymin", y1);
        add(box, "xmax", x2);
        add(box, "ymax", y2);
        if (std::isfinite(a.score))
            add(object, "score", formatNumber(a.score, SCORE_DECIMALS).c_str());
        masks_ += a.segmentation.has_value();
        rounded_ += x1 - 1 != a.x || y1 - 1 != a.y || x2 != a.x + a.width || y2 != a.y + a.height;
        crowds_ += a.crowd;
    }
    OutputFile file(fs::path(options_.output) / "Annotations" / (stem + ".xml"));
    document.save(file.stream(), "  ", pugi::format_default | pugi::format_no_declaration);
    file.close();
}

void Writer::writeVoc()
{
    for (const ImageRecord& image : dataset_.images)
    {
        if (image.empty == EmptyImage::UNLABELED)
        {
            unlabeled_++;
            continue;
        }
        const std::string name = relativeName(image), stem = annotationFile(image);
        const std::string flat = stem + fs::path(name).extension().string();
        copyImage(image, fs::path(options_.output) / "JPEGImages" / flat);
        writeXml(image, options_.copyImages ? flat : name, stem);
    }
    writeClasses("classes.txt");
    lose("images without a label file are left out: a VOC file would say that they have no objects", unlabeled_);
    lose("masks: VOC files have boxes only", masks_);
    lose("boxes were rounded to whole pixels", rounded_);
    lose("crowds are marked as difficult", crowds_);
}

// ------------------------------------------------------------------ YOLO
//! Area inside a polygon, pixels.
double areaOf(const std::vector<double>& polygon)
{
    double sum = 0;
    const size_t count = polygon.size() / 2;
    for (size_t i = 0; i < count; i++)
    {
        const size_t next = (i + 1) % count;
        sum += polygon[2 * i] * polygon[2 * next + 1] - polygon[2 * next] * polygon[2 * i + 1];
    }
    return std::abs(sum) / 2;
}

//! Whether the outline spans nearly the box: a reader makes the box of it.
bool spansBox(const std::vector<double>& outline, const Annotation& a)
{
    double span[4];
    if (!boundsOfPolygons({outline}, span))
        return false;
    const double slack[2] = {MISFIT_PIXELS + MISFIT_PART * a.width, MISFIT_PIXELS + MISFIT_PART * a.height};
    const double box[4] = {a.x, a.y, a.width, a.height};
    for (int i = 0; i < 2; i++)
        if (std::abs(span[i] - box[i]) > slack[i] || std::abs(span[i] + span[i + 2] - box[i] - box[i + 2]) > slack[i])
            return false;
    return true;
}

//! Leaves only the largest of several outlines, if the others are specks beside it that do not matter for the box.
void keepLargest(std::vector<std::vector<double>>& polygons, const Annotation& a, const ImageRecord& image)
{
    std::vector<double> largest = *std::max_element(polygons.begin(), polygons.end(),
                                                    [](const auto& p, const auto& q) { return areaOf(p) < areaOf(q); });
    const cv::d2det::Rle all = cv::d2det::rleFromPolygons(polygons, image.height, image.width);
    if (spansBox(largest, a) &&
        cv::d2det::rleIoU(cv::d2det::rleFromPolygons({largest}, image.height, image.width), all) >= MIN_COVERED)
        polygons.assign(1, std::move(largest));
}

/** One outline per object of the image, or false: readers interpret all lines of a file either as outlines or as boxes.
    */
bool Writer::outlinesOf(const ImageRecord& image, std::vector<std::vector<double>>& outlines) const
{
    for (const Annotation& a : image.annotations)
    {
        if (a.crowd)
            continue;
        if (!hasOutline(a))
            return false;
        bool exact = false;
        std::vector<std::vector<double>> polygons = polygonsOf(a, image, exact);
        if (options_.tolerance > 0 && polygons.size() > 1)
            keepLargest(polygons, a, image);
        if (polygons.size() != 1 || polygons[0].size() < 6 || polygons[0].size() % 2 != 0)
            return false;
        outlines.push_back(std::move(polygons[0]));
    }
    return true;
}

void Writer::writeLabels(const ImageRecord& image, const std::string& fileName)
{
    std::vector<std::vector<double>> outlines;
    const bool outlined = outlinesOf(image, outlines);
    OutputFile file(fs::path(options_.output) / "labels" / fs::path(fileName).replace_extension(".txt"));
    const auto number = [&](double value, double whole)
    {
        char text[64];
        std::snprintf(text, sizeof text, " %.8f", std::min(std::max(value / whole, 0.), 1.));
        file.stream() << text;
    };
    const double width = image.width, height = image.height;
    size_t object = 0;
    for (const Annotation& a : image.annotations)
    {
        if (a.crowd)
        {
            crowds_++;
            continue;
        }
        scores_ += std::isfinite(a.score);
        file.stream() << a.category;
        if (outlined)
        {
            const std::vector<double>& points = outlines[object++];
            for (size_t i = 0; i < points.size(); i++)
                number(points[i], i % 2 ? height : width);
            outlines_++;
        }
        else
        {
            number(a.x + a.width / 2, width);
            number(a.y + a.height / 2, height);
            number(a.width, width);
            number(a.height, height);
            masks_ += a.segmentation.has_value();
        }
        file.stream() << "\n";
    }
    file.close();
}

void Writer::writeYolo()
{
    for (const ImageRecord& image : dataset_.images)
    {
        const std::string name = relativeName(image);
        copyImage(image, fs::path(options_.output) / "images" / name);
        if (image.empty != EmptyImage::UNLABELED)  // a file would say that it has no objects
            writeLabels(image, name);
    }
    YAML::Emitter description;
    description << YAML::BeginMap << YAML::Key << "path" << YAML::Value << "." << YAML::Key << "train" << YAML::Value
                << "images" << YAML::Key << "val" << YAML::Value << "images" << YAML::Key << "names" << YAML::Value
                << YAML::BeginMap;
    for (size_t c = 0; c < dataset_.classNames.size(); c++)
        description << YAML::Key << static_cast<int>(c) << YAML::Value << dataset_.classNames[c];
    description << YAML::EndMap << YAML::EndMap;
    OutputFile file(fs::path(options_.output) / "data.yaml");
    file.stream() << description.c_str() << "\n";
    file.close();
    lose("crowds: YOLO files cannot mark them, they are left out", crowds_);
    lose("masks: of their images not every object has an outline of one piece, so these have boxes", masks_);
    lose("outlines stand for their boxes: a box is what its outline spans, and holes are filled", outlines_);
    lose("scores: YOLO files cannot hold them", scores_);
}

// ------------------------------------------------------------------ labelme
void Writer::writeLabelme()
{
    for (const ImageRecord& image : dataset_.images)
    {
        if (image.empty == EmptyImage::UNLABELED)
        {
            unlabeled_++;
            continue;
        }
        const std::string name = relativeName(image);
        copyImage(image, fs::path(options_.output) / name);
        json shapes = json::array();
        int group = 0;
        for (const Annotation& a : image.annotations)
        {
            if (a.crowd)
            {
                crowds_++;
                continue;
            }
            bool exact = true;
            const bool outlined = hasOutline(a);
            std::vector<std::vector<double>> polygons{{a.x, a.y, a.x + a.width, a.y + a.height}};
            if (outlined)
                polygons = polygonsOf(a, image, exact);
            filled_ += !exact;
            outlines_ += outlined;
            group += polygons.size() > 1;
            for (const std::vector<double>& polygon : polygons)
            {
                json points = json::array();
                for (size_t i = 0; i + 1 < polygon.size(); i += 2)
                    points.push_back({polygon[i], polygon[i + 1]});
                shapes.push_back({{"label", className(a)},
                                  {"points", points},
                                  {"group_id", polygons.size() > 1 ? json(group) : json()},
                                  {"description", ""},
                                  {"shape_type", outlined ? "polygon" : "rectangle"},
                                  {"flags", json::object()}});
                if (std::isfinite(a.score))
                    shapes.back()["score"] = a.score;
            }
        }
        const fs::path path = fs::path(options_.output) / fs::path(name).replace_extension(".json");
        // Beside the JSON file, where labelme looks for it; relative to the image folder if the images stay there.
        const json value = {
            {"version", "5.0.1"},       {"flags", json::object()},
            {"shapes", shapes},         {"imagePath", options_.copyImages ? fs::path(name).filename().string() : name},
            {"imageData", nullptr},     {"imageHeight", image.height},
            {"imageWidth", image.width}};
        OutputFile file(path);
        file.stream() << value.dump(1, ' ', false, json::error_handler_t::replace) << "\n";
        file.close();
    }
    writeClasses("labels.txt");
    lose("images without a label file are left out: a labelme file would say that they have no objects", unlabeled_);
    lose("crowds: labelme files cannot mark them, they are left out", crowds_);
    lose("outlines stand for their boxes: a box is what its outline spans", outlines_);
    lose("masks have holes, which outlines fill", filled_);
}

// ------------------------------------------------------------------ CVAT
std::string pixels(double value)
{
    return formatNumber(value, 2);
}

//! A mask as CVAT has it: run lengths of its box, row by row, zeros first.
void writeRuns(pugi::xml_node shape, const cv::d2det::Rle& mask)
{
    const cv::Rect box = cv::d2det::rleBoundingBox(mask);
    cv::Mat whole;
    cv::d2det::rleDecode(mask, whole);
    const cv::Mat part = whole(box).clone();
    std::string text;
    uchar value = 0;
    size_t count = 0;
    for (size_t i = 0; i <= part.total(); i++)
        if (i < part.total() && part.data[i] == value)
            count++;
        else
        {
            text += (text.empty() ? "" : ", ") + std::to_string(count);
            value = !value;
            count = 1;
        }
    shape.append_attribute("rle") = text.c_str();
    shape.append_attribute("left") = box.x;
    shape.append_attribute("top") = box.y;
    shape.append_attribute("width") = box.width;
    shape.append_attribute("height") = box.height;
}

void Writer::addShape(pugi::xml_node parent, const Annotation& a, const ImageRecord& image, int& group)
{
    bool exact = true;
    std::vector<std::vector<double>> polygons;
    if (hasOutline(a) && (options_.tolerance > 0 || !a.segmentation->polygons.empty()))
        polygons = polygonsOf(a, image, exact);
    if (!exact)
        polygons.clear();
    cv::d2det::Rle mask;
    if (hasOutline(a) && polygons.empty())
        mask = toRle(*a.segmentation, image.height, image.width);
    const bool runs = !cv::d2det::rleBoundingBox(mask).empty();
    group += polygons.size() > 1;
    outlines_ += hasOutline(a);
    for (size_t i = 0; i < std::max<size_t>(polygons.size(), 1); i++)
    {
        pugi::xml_node shape = parent.append_child(runs ? "mask" : polygons.empty() ? "box" : "polygon");
        shape.append_attribute("label") = className(a).c_str();
        shape.append_attribute("source") = std::isfinite(a.score) ? "auto" : "manual";
        shape.append_attribute("occluded") = "0";
        if (runs)
            writeRuns(shape, mask);
        else if (polygons.empty())
        {
            shape.append_attribute("xtl") = pixels(a.x).c_str();
            shape.append_attribute("ytl") = pixels(a.y).c_str();
            shape.append_attribute("xbr") = pixels(a.x + a.width).c_str();
            shape.append_attribute("ybr") = pixels(a.y + a.height).c_str();
        }
        else
        {
            std::string points;
            for (size_t k = 0; k + 1 < polygons[i].size(); k += 2)
                points += (k ? ";" : "") + pixels(polygons[i][k]) + "," + pixels(polygons[i][k + 1]);
            shape.append_attribute("points") = points.c_str();
            if (polygons.size() > 1)
                shape.append_attribute("group_id") = group;
        }
        shape.append_attribute("z_order") = "0";
        const auto add = [&](const char* name, const std::string& value)
        {
            pugi::xml_node node = shape.append_child("attribute");
            node.append_attribute("name") = name;
            node.text().set(value.c_str());
        };
        if (std::isfinite(a.score))
            add("score", formatNumber(a.score, SCORE_DECIMALS));
        if (a.crowd)
            add("is_crowd", "true");
    }
}

//! CVAT drops attributes that are not described with their label.
void describeAttribute(pugi::xml_node attributes, const char* name, const char* type, const char* value)
{
    pugi::xml_node node = attributes.append_child("attribute");
    node.append_child("name").text().set(name);
    node.append_child("mutable").text().set("False");
    node.append_child("input_type").text().set(type);
    node.append_child("default_value").text().set(value);
    node.append_child("values").text().set(value);
}

//! Image by image: a document of all would need several times the file size in memory.
void Writer::writeCvat()
{
    OutputFile file(fs::path(options_.output) / "annotations.xml");
    const auto save = [&](const pugi::xml_document& document)
    { document.save(file.stream(), "  ", pugi::format_default | pugi::format_no_declaration); };
    file.stream() << "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations>\n<version>1.1</version>\n";
    bool scores = false, crowds = false;
    for (const ImageRecord& image : dataset_.images)
        for (const Annotation& a : image.annotations)
        {
            scores = scores || std::isfinite(a.score);
            crowds = crowds || a.crowd;
        }
    pugi::xml_document meta;
    pugi::xml_node labels = meta.append_child("meta").append_child("task").append_child("labels");
    for (const std::string& name : dataset_.classNames)
    {
        pugi::xml_node label = labels.append_child("label");
        label.append_child("name").text().set(name.c_str());
        label.append_child("type").text().set("any");
        pugi::xml_node attributes = label.append_child("attributes");
        if (scores)
            describeAttribute(attributes, "score", "text", "");
        if (crowds)
            describeAttribute(attributes, "is_crowd", "checkbox", "false");
    }
    save(meta);
    int id = 0;
    for (const ImageRecord& image : dataset_.images)
    {
        const std::string name = relativeName(image);
        copyImage(image, fs::path(options_.output) / "images" / name);
        unlabeled_ += image.empty == EmptyImage::UNLABELED;
        pugi::xml_document document;
        pugi::xml_node node = document.append_child("image");
        node.append_attribute("id") = id++;
        node.append_attribute("name") = name.c_str();
        node.append_attribute("width") = image.width;
        node.append_attribute("height") = image.height;
        int group = 0;
        for (const Annotation& a : image.annotations)
            addShape(node, a, image, group);
        save(document);
    }
    file.stream() << "</annotations>\n";
    file.close();
    lose("images without a label file are listed like images without objects", unlabeled_);
    lose("outlines and masks stand for their boxes: a box is what they span", outlines_);
}

void Writer::check() const
{
    std::error_code error;
    if (!options_.imagesAreThere && fs::exists(options_.output, error) &&
        (!fs::is_empty(options_.output, error) || error))
        throw std::runtime_error("the folder " + inQuotes(options_.output) + " is not empty; name a new one");
    claimNames();
}

std::vector<std::string> Writer::run()
{
    check();
    std::error_code error;
    fs::create_directories(options_.output, error);
    if (error)
        throw std::runtime_error("cannot make the folder " + inQuotes(options_.output) + ": " + error.message());
    if (options_.format != DatasetFormat::COCO || options_.boxesOnly)
        for (const ImageRecord& image : dataset_.images)
            for (const Annotation& a : image.annotations)
                keypoints_ += !a.keypoints.empty();
    switch (options_.format)
    {
        case DatasetFormat::COCO:
            writeCoco();
            break;
        case DatasetFormat::VOC:
            writeVoc();
            break;
        case DatasetFormat::YOLO:
            writeYolo();
            break;
        case DatasetFormat::LABELME:
            writeLabelme();
            break;
        case DatasetFormat::CVAT:
            writeCvat();
            break;
    }
    if (options_.format != DatasetFormat::COCO)
        lose("objects have keypoints, which only COCO files can hold here", keypoints_);
    if (options_.format != DatasetFormat::COCO)
        lost_.push_back("ids and areas of annotations are not kept");
    return lost_;
}

}  // namespace

DatasetFormat writtenFormat(const std::string& name)
{
    static const std::vector<std::pair<std::string, DatasetFormat>> formats{{"coco", DatasetFormat::COCO},
                                                                            {"voc", DatasetFormat::VOC},
                                                                            {"yolo", DatasetFormat::YOLO},
                                                                            {"labelme", DatasetFormat::LABELME},
                                                                            {"cvat", DatasetFormat::CVAT}};
    for (const auto& format : formats)
        if (format.first == name)
            return format.second;
    throw std::runtime_error("the format is " + inQuotes(name) + ", it must be coco, voc, yolo, labelme or cvat");
}

void checkWritable(const Dataset& dataset, const WriteOptions& options)
{
    Writer(dataset, options).check();
}

std::vector<std::string> writeDataset(const Dataset& dataset, const WriteOptions& options)
{
    return Writer(dataset, options).run();
}

}  // namespace d2det
