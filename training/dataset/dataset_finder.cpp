// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/dataset_finder.hpp"

#include "base/files.hpp"
#include "dataset/yolo_reader.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>
#include <unordered_set>

namespace fs = std::filesystem;

namespace d2det
{

namespace
{

constexpr size_t IMAGES_LOOKED_FOR = 8;

const std::array<const char*, 6> SPLIT_FOLDERS{"train", "val", "valid", "validation", "test", "trainval"};

bool isFolder(const fs::path& path)
{
    std::error_code error;
    return fs::is_directory(path, error);
}

bool isFile(const fs::path& path)
{
    std::error_code error;
    return fs::is_regular_file(path, error);
}

//! Names of a split in folder and file names.
std::vector<std::string> namesOf(const std::string& split)
{
    if (split == "val")
        return {"val", "valid", "validation"};
    return {split};
}

bool hasExtension(const std::string& folder, const char* extension)
{
    for (const std::string& name : listFiles(folder, false))
        if (fs::path(name).extension() == extension)
            return true;
    return false;
}

bool hasImages(const std::string& folder)
{
    const std::vector<std::string> names = listFiles(folder, false);
    return std::any_of(names.begin(), names.end(), isImageName);
}

//! True if the folder contains an image with a text file of the same name.
bool hasLabeledImages(const std::string& folder)
{
    std::unordered_set<std::string> texts;
    const std::vector<std::string> names = listFiles(folder, false);
    for (const std::string& name : names)
        if (fs::path(name).extension() == ".txt")
            texts.insert(fs::path(name).stem().string());
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name)
                       { return isImageName(name) && texts.count(fs::path(name).stem().string()); });
}

std::string firstFile(const std::vector<fs::path>& folders, const std::vector<const char*>& names)
{
    for (const fs::path& folder : folders)
        for (const char* name : names)
            if (isFile(folder / name))
                return (folder / name).string();
    return std::string();
}

std::string firstFolder(const std::vector<fs::path>& folders)
{
    for (const fs::path& folder : folders)
        if (isFolder(folder))
            return folder.string();
    return std::string();
}

//! The folder without a slash at its end, so that it has a name and a parent.
fs::path withoutSlash(const std::string& path)
{
    std::error_code error;
    fs::path absolute = fs::absolute(path, error).lexically_normal();
    if (error)
        return path;
    if (!absolute.has_filename() && absolute.has_relative_path())
        absolute = absolute.parent_path();
    // Short paths stay as given by the user.
    fs::path plain = fs::path(path).lexically_normal();
    if (!plain.has_filename() && plain.has_relative_path())
        plain = plain.parent_path();
    return plain.has_parent_path() && plain.filename() != "." && plain.filename() != ".." ? plain : absolute;
}

// ------------------------------------------------------------------ COCO
bool isCocoName(const std::string& name)
{
    return (name.rfind("instances", 0) == 0 && fs::path(name).extension() == ".json") ||
           name == "_annotations.coco.json";
}

//! "instances_train2017.json" -> "train"; empty if the name has none.
std::string splitInName(const std::string& fileName)
{
    std::string stem = fs::path(fileName).stem().string();
    const size_t begin = stem.find('_');
    if (stem.rfind("instances", 0) != 0 || begin == std::string::npos)
        return std::string();
    const size_t end = stem.find_last_not_of("0123456789");
    return stem.substr(begin + 1, end - begin);
}

void findCoco(const fs::path& root, const std::string& images, const std::string& split,
              std::vector<DatasetFiles>& found)
{
    const std::vector<std::string> wanted = namesOf(split);
    const auto isWanted = [&](const std::string& name)
    { return split.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end(); };
    const auto add = [&](const fs::path& path)
    {
        DatasetFiles files;
        files.format = DatasetFormat::COCO;
        files.annotations = path.string();
        files.images = images;
        found.push_back(files);
    };
    for (const fs::path& folder : {root, root / "annotations"})
        for (const std::string& name : listFiles(folder.string(), false))
            if (isCocoName(name) && isWanted(splitInName(name)))
                add(folder / name);
    for (const char* part : SPLIT_FOLDERS)
        if (isWanted(part))
            for (const std::string& name : listFiles((root / part).string(), false))
                if (isCocoName(name))
                    add(root / part / name);
}

// ------------------------------------------------------------------ Pascal VOC
//! @param root folder of the lists. @param annotations folder of the .xml files.
DatasetFiles vocFiles(const fs::path& root, const fs::path& annotations, const std::string& images)
{
    DatasetFiles files;
    files.format = DatasetFormat::VOC;
    files.annotations = annotations.string();
    files.images = images;
    if (images.empty() && hasImages(annotations.string()))
        files.images = annotations.string();
    else if (images.empty())
        files.images = firstFolder({root / "JPEGImages", root / "images"});
    if (files.images.empty())
        files.images = root.string();
    files.classes = firstFile({root, annotations}, {"classes.txt", "labels.txt"});
    return files;
}

void findVoc(const fs::path& root, const std::string& images, const std::string& split,
             std::vector<DatasetFiles>& found)
{
    DatasetFiles files;
    if (hasExtension((root / "Annotations").string(), ".xml"))
        files = vocFiles(root, root / "Annotations", images);
    else if (hasExtension(root.string(), ".xml"))
        files = vocFiles(root.filename() == "Annotations" ? root.parent_path() : root, root, images);
    else
        return;
    if (!split.empty())
    {
        const fs::path lists = fs::path(files.annotations).filename() == "Annotations"
                                   ? fs::path(files.annotations).parent_path()
                                   : fs::path(files.annotations);
        files.list = (lists / "ImageSets" / "Main" / (split + ".txt")).string();
        if (!isFile(files.list))
            throw std::runtime_error(root.string() + ": subset is " + inQuotes(split) +
                                     ", but there is no list of its names " + inQuotes(files.list));
    }
    found.push_back(files);
}

// ------------------------------------------------------------------ YOLO
const std::vector<const char*> CLASS_FILES{"data.yaml", "dataset.yaml", "data.yml", "classes.txt", "obj.names"};

//! The folder of the labels that belong to a folder of images: the last "images" becomes "labels".
fs::path exchangeLast(const fs::path& path, const char* from, const char* to)
{
    std::vector<fs::path> parts(path.begin(), path.end());
    for (size_t i = parts.size(); i-- > 0;)
        if (parts[i] == from)
        {
            parts[i] = to;
            break;
        }
    fs::path result;
    for (const fs::path& part : parts)
        result /= part;
    return result;
}

//! "../train/images" of a data.yaml -> path inside the folder of data.yaml; empty if there is none.
std::string insideOf(const fs::path& root, const std::string& written)
{
    fs::path path = fs::u8path(written).lexically_normal();
    if (path.is_absolute() || written.size() > 4096 || written.find('\0') != std::string::npos)
        return std::string();
    fs::path inside;
    for (const fs::path& part : path)
        if (part != ".." && part != ".")
            inside /= part;
    if (inside.has_relative_path() && !inside.has_filename())
        inside = inside.parent_path();
    return isFolder(root / inside) ? inside.generic_string() : std::string();
}

void addPart(const fs::path& root, const std::string& images, DatasetFiles& files)
{
    for (const YoloPart& part : files.parts)
        if (part.images == images)
            return;
    files.parts.push_back({images, exchangeLast(root / images, "images", "labels").string()});
}

//! Images of one split by the usual names of folders.
void addUsualParts(const fs::path& root, const std::string& split, DatasetFiles& files)
{
    for (const std::string& name : namesOf(split))
        for (const std::string& images : {"images/" + name, name + "/images"})
            if (isFolder(exchangeLast(root / images, "images", "labels")) && isFolder(root / images))
                addPart(root, images, files);
}

//! Names of the splits with folders here.
std::vector<std::string> usualSplits(const fs::path& root)
{
    std::vector<std::string> splits;
    for (const char* name : {"train", "val", "test"})
    {
        DatasetFiles files;
        addUsualParts(root, name, files);
        if (!files.parts.empty())
            splits.push_back(name);
    }
    return splits;
}

void addSplit(const fs::path& root, const std::string& split, DatasetFiles& files)
{
    const bool described = fs::path(files.classes).extension() != ".txt" && !files.classes.empty() &&
                           fs::path(files.classes).parent_path() == root;
    if (described && isYaml(files.classes))
        for (const std::string& written : readYoloDescription(files.classes, split).folders)
        {
            const std::string inside = insideOf(root, written);
            if (!inside.empty())
                addPart(root, inside, files);
        }
    if (files.parts.empty())
        addUsualParts(root, split, files);
}

//! The given folder contains text files only: "labels" or a subfolder.
bool findLabelsOnly(const fs::path& root, const std::string& images, DatasetFiles& files)
{
    const bool below = std::find(root.begin(), root.end(), "labels") != root.end();
    if (!below && images.empty())
        return false;
    bool texts = false;
    for (const std::string& name : listFiles(root.string(), true))
        texts = texts || (fs::path(name).extension() == ".txt" && fs::path(name).filename() != "classes.txt");
    if (!texts)
        return false;
    files.images = images.empty() ? exchangeLast(root, "labels", "images").string() : images;
    files.parts = {{"", root.string()}};
    return true;
}

void findYolo(const fs::path& root, const std::string& images, const std::string& split, const std::string& description,
              std::vector<DatasetFiles>& found)
{
    DatasetFiles files;
    files.format = DatasetFormat::YOLO;
    files.annotations = root.string();
    files.images = root.string();
    files.onlyLabeled = !images.empty();  // a folder of images may serve several folders of labels
    files.classes =
        !description.empty()
            ? description
            : firstFile({root, root / "labels", root.parent_path(), root.parent_path().parent_path()}, CLASS_FILES);
    if (split == "trainval")
    {
        addSplit(root, "train", files);
        DatasetFiles val = files;
        val.parts.clear();
        addSplit(root, "val", val);
        files.parts.insert(files.parts.end(), val.parts.begin(), val.parts.end());
    }
    else if (!split.empty())
        addSplit(root, split, files);
    else if (const std::vector<std::string> splits = usualSplits(root); !splits.empty())
    {
        std::string names;
        for (const std::string& name : splits)
            names += (names.empty() ? "" : ", ") + name;
        throw std::runtime_error(root.string() + ": a YOLO data set with the parts " + names +
                                 "; say which with the subset, or name a folder of labels");
    }
    else if (isFolder(root / "labels"))
    {
        if (!images.empty())
            files.images = images;
        const fs::path folder = images.empty() && isFolder(root / "images") ? "images" : "";
        files.parts = {{folder.string(), (root / "labels").string()}};
    }
    else if (hasLabeledImages(root.string()))
        files.parts = {{"", root.string()}};
    else if (!findLabelsOnly(root, images, files))
        return;
    if (files.parts.size() == 1 && !files.parts[0].images.empty())  // names relative to the image folder if possible
    {
        files.images = (fs::path(files.images) / files.parts[0].images).string();
        files.parts[0].images.clear();
    }
    if (!files.parts.empty())
        found.push_back(files);
}

std::string lookedFor(const std::string& split)
{
    if (!split.empty())
        return "COCO ([annotations/]instances_" + split + "*.json, " + split +
               "/_annotations.coco.json), Pascal VOC (Annotations/*.xml and ImageSets/Main/" + split +
               ".txt), YOLO (images/" + split + " and labels/" + split + ", " + split + "/images and " + split +
               "/labels, data.yaml)";
    return "COCO ([annotations/]instances*.json, _annotations.coco.json), Pascal VOC (Annotations/*.xml, *.xml), YOLO "
           "(images/ and labels/, or .txt beside images)";
}

DatasetFiles findInFolder(const std::string& annotations, const std::string& images, const std::string& split)
{
    const fs::path root = withoutSlash(annotations);
    std::vector<DatasetFiles> found;
    findCoco(root, images, split, found);
    // A split missing in one format must not hide the same split in another format.
    std::string reason;
    for (const bool voc : {true, false})
        try
        {
            if (voc)
                findVoc(root, images, split, found);
            else
                findYolo(root, images, split, "", found);
        }
        catch (const std::runtime_error& error)
        {
            reason = error.what();
        }
    if (found.empty())
        throw std::runtime_error(!reason.empty() ? reason
                                                 : annotations + ": no data set found; looked for " + lookedFor(split));
    if (found.size() > 1 || (split.empty() && !reason.empty()))
    {
        std::string names;
        for (const DatasetFiles& files : found)
            names += std::string(names.empty() ? "" : ", ") + formatName(files.format) + " " +
                     inQuotes(files.annotations == annotations ? "in this folder" : files.annotations);
        throw std::runtime_error(annotations + ": several data sets are here (" + names +
                                 (reason.empty() ? "" : "; " + reason) + "); name the file or folder of one of them" +
                                 (split.empty() ? ", or a part with the subset" : ""));
    }
    return found.front();
}

}  // namespace

const char* formatName(DatasetFormat format)
{
    return format == DatasetFormat::COCO ? "COCO" : format == DatasetFormat::VOC ? "Pascal VOC" : "YOLO";
}

DatasetFiles findDataset(const std::string& annotations, const std::string& images, const std::string& split)
{
    static const std::vector<std::string> splits{"", "train", "val", "test", "trainval"};
    if (std::find(splits.begin(), splits.end(), split) == splits.end())
        throw std::runtime_error("subset is " + inQuotes(split) +
                                 ", known are \"every5th_val\", \"every5th_train\" and, for folders, \"train\", "
                                 "\"val\", \"test\" and \"trainval\"");
    if (isFolder(annotations))
        return findInFolder(annotations, images, split);
    const fs::path path = withoutSlash(annotations);
    const fs::path folder = path.parent_path();
    if (isYaml(annotations))
    {
        std::vector<DatasetFiles> found;
        findYolo(folder, images, split, path.string(), found);
        if (found.empty())
            throw std::runtime_error(annotations + ": no images with labels found near it; looked for " +
                                     lookedFor(split));
        return found.front();
    }
    if (!split.empty())
        throw std::runtime_error(annotations + ": subset is " + inQuotes(split) +
                                 ", which is a part of a folder, but this is a file");
    if (path.extension() == ".txt" && folder.filename() == "Main" && folder.parent_path().filename() == "ImageSets")
    {
        const fs::path root = folder.parent_path().parent_path();
        DatasetFiles files = vocFiles(root, root / "Annotations", images);
        files.list = annotations;
        return files;
    }
    if (path.extension() == ".txt" || path.extension() == ".xml")
        throw std::runtime_error(annotations + ": one file of a VOC or YOLO data set; name its folder");
    DatasetFiles files;
    files.annotations = annotations;
    files.images = images;
    return files;  // the COCO parser reports defects of any other file
}

std::string findCocoImages(const RawDataset& raw)
{
    const fs::path folder = withoutSlash(raw.path).parent_path();
    std::string part = fs::path(raw.path).stem().string();  // "instances_train2017" -> "train2017"
    part = part.substr(part.find('_') + 1);
    std::vector<fs::path> places;
    for (const fs::path& root : {folder, folder.parent_path()})
        for (const fs::path& place : {root / part, root / "images" / part, root / "images", root})
            places.push_back(place);
    for (const fs::path& place : places)
        for (size_t i = 0; i < std::min(IMAGES_LOOKED_FOR, raw.images.size()); i++)
            if (badFileName(raw.images[i].fileName).empty() && isFile(place / fs::u8path(raw.images[i].fileName)))
                return place.string();
    throw std::runtime_error(raw.path + ": none of its first images" +
                             (raw.images.empty() ? "" : " (" + inQuotes(raw.images.front().fileName) + ")") +
                             " is in a usual place (" + inQuotes(part) + ", \"images\" or the folder itself, beside " +
                             "the file or one level up); say where the images are");
}

}  // namespace d2det
