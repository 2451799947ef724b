// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/voc_reader.hpp"

#include "base/files.hpp"
#include "dataset/xml_file.hpp"

#include <algorithm>
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

constexpr size_t MAX_XML = 4 << 20, MAX_LIST = 64 << 20, MAX_CLASS_FILE = 1 << 20;  // bytes
constexpr int MAX_SIDE = 1 << 16;                                                   // pixels

struct VocObject
{
    std::string name;
    double box[4] = {0, 0, 0, 0};  //!< x, y, width, height
    int boxValues = 0;
    bool difficult = false;
};

struct VocFile
{
    std::string fileName;
    int width = 0, height = 0;  //!< 0: not given
    std::vector<VocObject> objects;
};

VocObject readObject(const pugi::xml_node& node)
{
    static const char* const corners[4] = {"xmin", "ymin", "xmax", "ymax"};
    VocObject object;
    object.name = xmlText(node.child("name"));
    if (object.name.empty())
        throw std::runtime_error("an <object> without a <name>");
    object.difficult = xmlNumber(node, "difficult", 0) != 0;
    const pugi::xml_node box = node.child("bndbox");
    double values[4] = {0, 0, 0, 0};
    for (int i = 0; i < 4; i++)
    {
        object.boxValues += !xmlText(box.child(corners[i])).empty();
        values[i] = xmlNumber(box, corners[i], 0);
    }
    object.box[0] = values[0] - 1;
    object.box[1] = values[1] - 1;
    object.box[2] = values[2] - object.box[0];
    object.box[3] = values[3] - object.box[1];
    return object;
}

VocFile parseFile(const std::string& path)
{
    pugi::xml_document document;
    loadXml(path, MAX_XML, document);
    const pugi::xml_node root = document.child("annotation");
    if (!root)
        throw std::runtime_error("no <annotation>; is this a Pascal VOC file?");
    VocFile file;
    file.fileName = withSlashes(xmlText(root.child("filename")));
    const pugi::xml_node size = root.child("size");
    const double width = xmlNumber(size, "width", 0), height = xmlNumber(size, "height", 0);
    if (!(width >= 0 && width <= MAX_SIDE && height >= 0 && height <= MAX_SIDE))
        throw std::runtime_error("<size> is not between 1 and " + std::to_string(MAX_SIDE) + " pixels");
    file.width = static_cast<int>(width);
    file.height = static_cast<int>(height);
    for (const pugi::xml_node& object : root.children("object"))
        file.objects.push_back(readObject(object));
    return file;
}

//! A line of a list without its flag, quotation marks and the extension of an image or XML file.
std::string withoutFlag(const std::string& line)
{
    const std::vector<std::string> words = splitWords(line);
    const bool flag = words.size() > 1 && (words.back() == "1" || words.back() == "0" || words.back() == "-1");
    std::string name = splitLines(flag ? line.substr(0, line.size() - words.back().size()) : line).front();
    return withoutQuotes(name);
}

std::string withoutExtension(const std::string& name)
{
    return isImageName(name) || extensionOf(name) == ".xml" ? fs::path(name).replace_extension().generic_string()
                                                            : name;
}

/** Names of .xml files without extension, relative to their folder. A name in a list may also be the last part of one,
    if it is the only one. */
class NameIndex
{
public:
    explicit NameIndex(const std::vector<std::string>& files)
    {
        for (const std::string& file : files)
        {
            const fs::path stem = fs::path(file).replace_extension();
            names_.insert(stem.generic_string());
            const auto inserted = last_.emplace(stem.filename().string(), stem.generic_string());
            if (!inserted.second && inserted.first->second != stem.generic_string())
                inserted.first->second.clear();
        }
    }

    //! The name of the file that is meant; empty: none.
    std::string find(const std::string& written) const
    {
        const std::string path = withSlashes(written);
        for (const std::string& name : {path, withoutExtension(path)})
        {
            for (size_t begin = 0;;)  // also without the first folders
            {
                if (names_.count(name.substr(begin)))
                    return name.substr(begin);
                const size_t slash = name.find('/', begin);
                if (slash == std::string::npos)
                    break;
                begin = slash + 1;
            }
            const auto found = last_.find(fs::path(name).filename().string());
            if (found != last_.end() && !found->second.empty())
                return found->second;
        }
        return std::string();
    }

private:
    std::unordered_set<std::string> names_;
    std::unordered_map<std::string, std::string> last_;  //!< empty: more than one
};

//! Selected names; all without a list.
class NameList
{
public:
    //! @param missing lines for which there is no file.
    NameList(const std::string& path, const NameIndex& index, std::vector<std::string>& missing) : all_(path.empty())
    {
        if (all_)
            return;
        size_t lines = 0;
        for (const std::string& line : splitLines(readText(path, MAX_LIST)))
        {
            if (line.empty() || line == "#" || line.compare(0, 2, "# ") == 0)
                continue;
            lines++;
            std::string name = index.find(withoutQuotes(line));
            if (name.empty())
                name = index.find(withoutFlag(line));
            if (!name.empty())
                names_.insert(name);
            else if (line[0] != '#')
                missing.push_back(withoutFlag(line));
        }
        if (lines == 0)
            throw std::runtime_error(path + ": the list is empty");
    }

    bool has(const std::string& name) const { return all_ || names_.count(name); }

private:
    bool all_;
    std::unordered_set<std::string> names_;
};

class VocReader
{
public:
    explicit VocReader(const DatasetFiles& files) : files_(files) {}

    RawDataset read();

private:
    void readClasses();
    void findImages();
    void addFile(const std::string& name, bool wanted);
    std::string findImage(const std::string& stem, const VocFile& file) const;
    int64_t categoryOf(const std::string& name);

    const DatasetFiles& files_;
    RawDataset raw_;
    bool fixedClasses_ = false;
    std::map<std::string, int64_t> categories_;
    //! Name without extension, in the folder and alone -> name in the folder; alone only if it is the only one.
    std::unordered_map<std::string, std::string> images_, lastParts_;
};

//! A file with class names defines the class order.
void VocReader::readClasses()
{
    fixedClasses_ = !files_.classes.empty();
    if (!fixedClasses_)
        return;
    std::vector<std::string> lines = splitLines(readText(files_.classes, MAX_CLASS_FILE));
    for (const std::string& name : lines)
        if (!name.empty())
        {
            raw_.categories.push_back({static_cast<int64_t>(raw_.categories.size()) + 1, name});
            categories_.emplace(name, raw_.categories.back().id);
        }
    if (raw_.categories.empty())
        throw std::runtime_error(files_.classes + ": no class name in it");
}

void VocReader::findImages()
{
    for (const std::string& name : listFiles(files_.images, true))
        if (isImageName(name))
        {
            images_.emplace(fs::path(name).replace_extension().generic_string(), name);
            const auto inserted = lastParts_.emplace(fs::path(name).stem().string(), name);
            if (!inserted.second)
                inserted.first->second.clear();
        }
}

//! @param stem name of the .xml file without extension, in its folder.
std::string VocReader::findImage(const std::string& stem, const VocFile& file) const
{
    const auto found = images_.find(stem);
    if (found != images_.end())
        return found->second;
    std::error_code error;
    if (badFileName(file.fileName).empty() && fs::is_regular_file(fs::path(files_.images) / file.fileName, error))
        return file.fileName;
    // Some tools write an absolute path of the annotation machine.
    const std::string bare = fs::path(file.fileName).filename().string();
    for (const std::string& name : {fs::path(stem).filename().string(), fs::path(bare).stem().string()})
    {
        const auto last = lastParts_.find(name);
        if (last != lastParts_.end() && !last->second.empty())
            return last->second;
    }
    return bare.empty() ? stem + ".jpg" : bare;
}

//! Id of a known name; new names are numbered in order of appearance (sortCategories).
int64_t VocReader::categoryOf(const std::string& name)
{
    const auto inserted = categories_.emplace(name, static_cast<int64_t>(categories_.size()) + 1);
    const int64_t id = inserted.first->second;
    if (inserted.second && fixedClasses_)
        raw_.unknownCategories.push_back({id, name});
    return id;
}

void VocReader::addFile(const std::string& name, bool wanted)
{
    const std::string path = (fs::path(files_.annotations) / name).string();
    const std::string stem = fs::path(name).replace_extension().generic_string();
    if (!wanted && fixedClasses_)
        return;
    try
    {
        const VocFile file = parseFile(path);
        // Files outside the list are read for class names only: all splits share the classes.
        for (const VocObject& object : file.objects)
            categoryOf(object.name);
        if (!wanted)
            return;
        RawImage image;
        image.id = static_cast<int64_t>(raw_.images.size()) + 1;
        image.fileName = findImage(stem, file);
        image.source = path;
        image.width = file.width;
        image.height = file.height;
        requireSize(image, files_.images, "no <size>");
        for (const VocObject& object : file.objects)
        {
            RawAnnotation annotation;
            annotation.id = static_cast<int64_t>(raw_.annotations.size()) + 1;
            annotation.imageId = image.id;
            annotation.categoryId = categoryOf(object.name);
            std::copy(object.box, object.box + 4, annotation.box);
            annotation.boxValues = object.boxValues;
            annotation.crowd = object.difficult;
            raw_.annotations.push_back(annotation);
        }
        raw_.images.push_back(std::move(image));
    }
    catch (const std::runtime_error& error)
    {
        if (wanted)
            raw_.problems.push_back({path, error.what()});
    }
}

RawDataset VocReader::read()
{
    raw_.path = files_.list.empty() ? files_.annotations : files_.list;
    const fs::path folder = fs::path(files_.annotations);
    const bool named = lowerCase(folder.filename().string()) == "annotations";
    raw_.name = (named ? folder.parent_path() : folder).filename().string();
    if (!files_.list.empty())
        raw_.name += "_" + fs::path(files_.list).stem().string();
    raw_.imageFolder = files_.images;
    readClasses();
    findImages();
    std::vector<std::string> names, missing;
    for (const std::string& name : listFiles(files_.annotations, true))
        if (extensionOf(name) == ".xml")
            names.push_back(name);
    const NameList list(files_.list, NameIndex(names), missing);
    for (const std::string& name : names)
        addFile(name, list.has(fs::path(name).replace_extension().generic_string()));
    std::sort(missing.begin(), missing.end());
    for (const std::string& name : missing)
        raw_.problems.push_back({files_.list, inQuotes(name) + " has no .xml file in " + inQuotes(files_.annotations)});
    if (!fixedClasses_)
        sortCategories(raw_, categories_);
    if (raw_.categories.empty() && !raw_.images.empty())
        throw std::runtime_error(raw_.path + ": none of the files has an object, so the classes are not known");
    return std::move(raw_);
}

}  // namespace

RawDataset readVoc(const DatasetFiles& files)
{
    return VocReader(files).read();
}

}  // namespace d2det
