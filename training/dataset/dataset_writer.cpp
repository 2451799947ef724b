// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/dataset_writer.hpp"

#include "base/files.hpp"
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

private:
    void writeCoco();
    void writeVoc();
    void writeYolo();
    void writeXml(const ImageRecord& image, const std::string& fileName, const std::string& stem);
    void writeLabels(const ImageRecord& image, const std::string& fileName);
    bool outlinesOf(const ImageRecord& image, std::vector<std::vector<double>>& outlines) const;
    void copyImage(const ImageRecord& image, const fs::path& target) const;
    std::string relativeName(const ImageRecord& image) const;
    void claim(const std::string& stem, const ImageRecord& image);
    void lose(const std::string& what, int64_t count);

    const Dataset& dataset_;
    const WriteOptions& options_;
    std::vector<std::string> lost_;
    std::unordered_map<std::string, std::string> claimed_;  //!< annotation file -> image
    int64_t crowds_ = 0, masks_ = 0, rounded_ = 0, outlines_ = 0, unlabeled_ = 0;
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

void Writer::claim(const std::string& stem, const ImageRecord& image)
{
    const auto inserted = claimed_.emplace(stem, image.path);
    if (!inserted.second)
        throw std::runtime_error("the images " + inQuotes(inserted.first->second) + " and " + inQuotes(image.path) +
                                 " would share the annotation file " + inQuotes(stem) + "; rename one of them");
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

// ------------------------------------------------------------------ COCO
json segmentationJson(const Segmentation& segmentation)
{
    if (!segmentation.polygons.empty())
        return segmentation.polygons;
    json counts = segmentation.counts;
    if (!segmentation.compressed.empty())
        counts = segmentation.compressed;
    return {{"size", {segmentation.height, segmentation.width}}, {"counts", counts}};
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
        entry({{"id", image.id}, {"file_name", name}, {"width", image.width}, {"height", image.height}});
    }
    out << "],\n\"categories\": [";
    separator = "\n";
    for (size_t c = 0; c < dataset_.classNames.size(); c++)
        entry({{"id", dataset_.categoryIds[c]}, {"name", dataset_.classNames[c]}});
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
            if (a.segmentation)
                value["segmentation"] = segmentationJson(*a.segmentation);
            entry(value);
        }
    out << "]}\n";
    file.close();
    lose("images without a label file are listed like images without objects", unlabeled_);
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
        add(object, "name", dataset_.classNames[static_cast<size_t>(a.category)].c_str());
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
        const std::string name = relativeName(image);
        std::string flat = name;  // VOC has no subfolders
        std::replace(flat.begin(), flat.end(), '/', '_');
        const std::string stem = fs::path(flat).stem().string();
        claim(stem, image);
        copyImage(image, fs::path(options_.output) / "JPEGImages" / flat);
        writeXml(image, options_.copyImages ? flat : name, stem);
    }
    OutputFile classes(fs::path(options_.output) / "classes.txt");
    for (const std::string& name : dataset_.classNames)
        classes.stream() << name << "\n";
    classes.close();
    lose("images without a label file are left out: a VOC file would say that they have no objects", unlabeled_);
    lose("masks: VOC files have boxes only", masks_);
    lose("boxes were rounded to whole pixels", rounded_);
    lose("crowds are marked as difficult", crowds_);
}

// ------------------------------------------------------------------ YOLO
/** One outline per object of the image, or false: readers interpret all lines of a file either as outlines or as boxes.
    */
bool Writer::outlinesOf(const ImageRecord& image, std::vector<std::vector<double>>& outlines) const
{
    for (const Annotation& a : image.annotations)
    {
        if (a.crowd)
            continue;
        if (!a.segmentation)
            return false;
        std::vector<std::vector<double>> polygons = a.segmentation->polygons;
        if (polygons.empty())
            polygons = cv::d2det::rleToPolygons(toRle(*a.segmentation, image.height, image.width));
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
        claim(fs::path(name).replace_extension("").generic_string(), image);
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
}

std::vector<std::string> Writer::run()
{
    std::error_code error;
    fs::create_directories(options_.output, error);
    if (error)
        throw std::runtime_error("cannot make the folder " + inQuotes(options_.output) + ": " + error.message());
    if (!fs::is_empty(options_.output, error) || error)
        throw std::runtime_error("the folder " + inQuotes(options_.output) + " is not empty; name a new one");
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
            throw std::runtime_error("labelme files are read only; write COCO, Pascal VOC or YOLO");
    }
    if (options_.format != DatasetFormat::COCO)
        lost_.push_back("ids and areas of annotations are not kept");
    return lost_;
}

}  // namespace

std::vector<std::string> writeDataset(const Dataset& dataset, const WriteOptions& options)
{
    return Writer(dataset, options).run();
}

}  // namespace d2det
