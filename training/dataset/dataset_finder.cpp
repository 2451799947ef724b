// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/dataset_finder.hpp"

#include "base/files.hpp"
#include "dataset/image_size.hpp"
#include "dataset/yolo_reader.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <unordered_set>

namespace fs = std::filesystem;

namespace d2det
{

namespace
{

constexpr size_t IMAGES_LOOKED_FOR = 8;
constexpr size_t SNIFFED = 1 << 16;   // bytes at each end of a file that tell what it is
constexpr size_t FILES_SNIFFED = 16;  // files of a folder
constexpr size_t MAX_PARTS = 32;      // of a path that are tried to be left out

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

//! First and last bytes of a file, as text.
std::string endsOf(const fs::path& path)
{
    std::string text(2 * SNIFFED, '\0');
    std::ifstream file(path, std::ios::binary);
    file.read(&text[0], SNIFFED);
    size_t length = static_cast<size_t>(file.gcount());
    if (length == SNIFFED)
    {
        file.seekg(-static_cast<std::streamoff>(SNIFFED), std::ios::end);
        file.read(&text[length], SNIFFED);
        length += static_cast<size_t>(file.gcount());
    }
    text.resize(length);
    std::string decoded;
    try
    {
        TextDecoder(text.substr(0, 4)).append(text.data(), text.size(), decoded);
    }
    catch (const std::runtime_error&)  // other bytes
    {
    }
    return decoded;
}

bool looksLikeCvat(const fs::path& path)
{
    return extensionOf(path.string()) == ".xml" && endsOf(path).find("<annotations") != std::string::npos;
}

bool hasExtension(const fs::path& folder, const char* extension, bool recursive)
{
    const std::vector<std::string> names = listFiles(folder.string(), recursive);
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return extensionOf(name) == extension; });
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
        if (extensionOf(name) == ".txt")
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
    return (name.rfind("instances", 0) == 0 && extensionOf(name) == ".json") || name == "_annotations.coco.json";
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

//! True if one of the words in a file name, between other characters than letters, is one of these.
bool hasWord(const std::string& fileName, const std::vector<std::string>& words)
{
    std::string stem = lowerCase(fs::path(fileName).stem().string());
    std::replace_if(
        stem.begin(), stem.end(), [](char c) { return c < 'a' || c > 'z'; }, ' ');
    const std::vector<std::string> found = splitWords(stem);
    return std::any_of(found.begin(), found.end(),
                       [&](const std::string& word) { return std::count(words.begin(), words.end(), word) > 0; });
}

//! The keys of a COCO file; "categories" may stand at its end.
bool looksLikeCoco(const fs::path& path)
{
    const std::string text = endsOf(path);
    return text.find("\"images\"") != std::string::npos && text.find("\"categories\"") != std::string::npos;
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
    for (const bool usualName : {true, false})
    {
        const auto fits = [&](const fs::path& path)
        {
            const std::string name = path.filename().string();
            return usualName ? isCocoName(name) : extensionOf(name) == ".json" && looksLikeCoco(path);
        };
        for (const fs::path& folder : {root, root / "annotations"})
            for (const std::string& name : listFiles(folder.string(), false))
                if ((usualName ? isWanted(splitInName(name)) : split.empty() || hasWord(name, wanted)) &&
                    fits(folder / name))
                    add(folder / name);
        for (const char* part : SPLIT_FOLDERS)
            if (isWanted(part))
                for (const std::string& name : listFiles((root / part).string(), false))
                    if (fits(root / part / name))
                        add(root / part / name);
        if (!found.empty())
            return;
    }
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
        files.images = firstFolder({root / "JPEGImages", root / "images", root / "Images", root / "data"});
    if (files.images.empty())
        files.images = root.string();
    files.classes = firstFile({root, annotations}, {"classes.txt", "labels.txt"});
    return files;
}

//! Looks into .xml files up to the first that is not of CVAT.
bool hasVocFile(const fs::path& folder, bool recursive)
{
    for (const std::string& name : listFiles(folder.string(), recursive))
        if (extensionOf(name) == ".xml" && !looksLikeCvat(folder / name))
            return true;
    return false;
}

//! Folder of the .xml files of a data set in this folder; empty if there is none.
fs::path vocAnnotations(const fs::path& root)
{
    for (const char* name : {"Annotations", "annotations", "Annotation", "annotation", "xmls", "xml", "labels"})
        if (hasVocFile(root / name, true))
            return root / name;
    return hasVocFile(root, false) ? root : fs::path();
}

bool isAnnotationFolder(const fs::path& folder)
{
    return lowerCase(folder.filename().string()) == "annotations";
}

//! The list of a split, or the path where it is expected.
fs::path vocList(const fs::path& root, const std::string& split)
{
    const fs::path usual = root / "ImageSets" / "Main";
    for (const fs::path& folder : {usual, root / "ImageSets", root})
        for (const std::string& name : namesOf(split))
            if (isFile(folder / (name + ".txt")))
                return folder / (name + ".txt");
    return usual / (split + ".txt");
}

void findVoc(const fs::path& root, const std::string& images, const std::string& split,
             std::vector<DatasetFiles>& found)
{
    const fs::path annotations = vocAnnotations(root);
    std::string parts;
    for (const char* part : SPLIT_FOLDERS)
    {
        const std::vector<std::string> wanted = namesOf(split);
        const fs::path below = vocAnnotations(root / part);
        if (below.empty())
            continue;
        parts += (parts.empty() ? "" : ", ") + std::string(part);
        if (!split.empty() && std::count(wanted.begin(), wanted.end(), part) > 0)
            found.push_back(vocFiles(root / part, below, images));
    }
    if (!split.empty() && !found.empty() && found.back().format == DatasetFormat::VOC)
        return;
    if (annotations.empty() && split.empty() && !parts.empty())
        throw std::runtime_error(root.string() + ": a Pascal VOC data set with the parts " + parts +
                                 "; say which with the subset");
    if (annotations.empty())
        return;
    const fs::path top = annotations == root && isAnnotationFolder(root) ? root.parent_path() : root;
    DatasetFiles files = vocFiles(top, annotations, images);
    if (!split.empty())
    {
        files.list = vocList(top, split).string();
        if (!isFile(files.list))
            throw std::runtime_error(root.string() + ": subset is " + inQuotes(split) +
                                     ", but there is no list of its names " + inQuotes(files.list));
    }
    found.push_back(files);
}

// ------------------------------------------------------------------ labelme
//! True if one of the first .json files in the folder or in a folder of it begins or ends like labelme's.
bool looksLikeLabelme(const fs::path& root)
{
    std::vector<fs::path> folders{root};
    std::error_code error;
    for (fs::directory_iterator entry(root, error), end; !error && entry != end; entry.increment(error))
        if (isFolder(entry->path()))
            folders.push_back(entry->path());
    std::sort(folders.begin() + 1, folders.end());
    size_t looked = 0;
    for (const fs::path& folder : folders)
        for (const std::string& name : listFiles(folder.string(), false))
            if (extensionOf(name) == ".json" && looked++ < FILES_SNIFFED &&
                endsOf(folder / name).find("\"shapes\"") != std::string::npos)
                return true;
    return false;
}

void findLabelme(const fs::path& root, const std::string& images, const std::string& split,
                 std::vector<DatasetFiles>& found)
{
    fs::path folder = root;
    if (!split.empty())
    {
        std::vector<fs::path> folders;
        for (const std::string& name : namesOf(split))
            folders.push_back(root / name);
        folder = firstFolder(folders);
    }
    if (folder.empty() || !looksLikeLabelme(folder))
        return;
    DatasetFiles files;
    files.format = DatasetFormat::LABELME;
    files.annotations = folder.string();
    files.images = images.empty() ? folder.string() : images;
    files.classes = firstFile({folder, root}, {"labels.txt", "classes.txt"});
    found.push_back(files);
}

// ------------------------------------------------------------------ CVAT
//! @param file the .xml file. @param root folder of the data set.
DatasetFiles cvatFiles(const fs::path& root, const fs::path& file, const std::string& images, const std::string& split)
{
    DatasetFiles files;
    files.format = DatasetFormat::CVAT;
    files.annotations = file.string();
    files.images = !images.empty() ? images : firstFolder({root / "images", root / "data"});
    if (files.images.empty())
        files.images = root.empty() ? "." : root.string();
    files.list = split;
    return files;
}

void findCvat(const fs::path& root, const std::string& images, const std::string& split,
              std::vector<DatasetFiles>& found)
{
    const auto addFrom = [&](const fs::path& top, const fs::path& folder, const std::string& subset)
    {
        const size_t before = found.size();
        for (const std::string& name : listFiles(folder.string(), false))
            if (looksLikeCvat(folder / name))
                found.push_back(cvatFiles(top, folder / name, images, subset));
        return found.size() > before;
    };
    for (const std::string& name : split.empty() ? std::vector<std::string>() : namesOf(split))
        if (addFrom(root / name, root / name, ""))
            return;
    addFrom(isAnnotationFolder(root) ? root.parent_path() : root, root, split);
    addFrom(root, root / "annotations", split);
}

// ------------------------------------------------------------------ YOLO
const std::vector<const char*> CLASS_FILES{"data.yaml",   "dataset.yaml", "data.yml",        "dataset.yml",  "obj.data",
                                           "classes.txt", "obj.names",    "_darknet.labels", "classes.names"};

//! A description or list of names under another name, such as coco128.yaml or coco.names, if it is the only one.
std::string otherClassFile(const fs::path& root)
{
    std::string found;
    for (const char* extension : {".yaml", ".yml", ".data", ".names"})
    {
        for (const std::string& name : listFiles(root.string(), false))
            if (extensionOf(name) == extension)
            {
                if (!found.empty())
                    return std::string();
                found = (root / name).string();
            }
        if (!found.empty())
            return found;
    }
    return found;
}

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

void addPart(const std::string& images, const std::string& labels, DatasetFiles& files)
{
    for (const YoloPart& part : files.parts)
        if (part.images == images)
            return;
    files.parts.push_back({images, labels, ""});
}

//! A folder of images with its labels in the parallel folder or beside the images.
void addImageFolder(const fs::path& images, DatasetFiles& files)
{
    const fs::path labels = exchangeLast(images, "images", "labels");
    addPart(images.string(), (isFolder(labels) ? labels : images).string(), files);
}

//! Images of one split by the usual names of folders.
void addUsualParts(const fs::path& root, const std::string& split, DatasetFiles& files)
{
    for (const std::string& name : namesOf(split))
    {
        for (const fs::path& images : {root / "images" / name, root / name / "images"})
            if (isFolder(exchangeLast(images, "images", "labels")) && isFolder(images))
                addImageFolder(images, files);
        if (hasLabeledImages((root / name).string()))
            addPart((root / name).string(), (root / name).string(), files);
    }
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

/** The folder that the entries of a description are relative to, in the order of Ultralytics: "path" as it is or from
    the folder of the file; the folder of the file itself. */
std::vector<std::string> rootsOf(const std::string& description, const std::string& path)
{
    const fs::path folder = fs::path(description).parent_path();
    const std::string root =
        path.empty() ? ""
                     : resolvePath(path, {folder.string(), (folder / "..").string(), (folder / "../datasets").string(),
                                          ".", "datasets", "../datasets"});
    std::vector<std::string> roots;
    if (isFolder(root))
        roots.push_back(root);
    roots.push_back(folder.empty() ? "." : folder.string());
    return roots;
}

//! What the description says of a split. False if it says nothing.
bool addDescribed(const std::string& split, DatasetFiles& files)
{
    if (!isYoloDescription(files.classes))
        return false;
    const YoloDescription description = readYoloDescription(files.classes, split);
    files.listRoots = rootsOf(files.classes, description.path);
    for (const std::string& written : description.folders)
    {
        const std::string path = resolvePath(written, files.listRoots);
        if (isFolder(path) && fs::path(path).has_relative_path())  // not the root of the disk
            addImageFolder(fs::path(path), files);
        else if (isFile(path) && extensionOf(path) == ".txt")
            files.parts.push_back({"", "", path});
        else
            files.notes.push_back(fs::path(files.classes).filename().string() + ": " + inQuotes(written) + " of \"" +
                                  split + "\" is not there");
    }
    return !description.folders.empty();
}

void addSplit(const fs::path& root, const std::string& split, DatasetFiles& files)
{
    const size_t before = files.parts.size();
    addDescribed(split, files);
    if (files.parts.size() == before)
        addUsualParts(root, split, files);
    if (files.parts.size() > before || files.classes.empty())
        return;
    for (const std::string& name : namesOf(split))
        if (isFile(root / (name + ".txt")))
            files.parts.push_back({"", "", (root / (name + ".txt")).string()});
}

//! A description without the usual folders: its only split. Several are an error.
bool addOnlyDescribedSplit(const fs::path& root, DatasetFiles& files)
{
    std::string names;
    for (const char* const split : {"train", "val", "test"})
    {
        DatasetFiles other = files;
        other.parts.clear();
        if (!addDescribed(split, other) || other.parts.empty())
            continue;
        if (!names.empty())
            throw std::runtime_error(root.string() + ": a YOLO data set with the parts " + names + ", " + split +
                                     "; say which with the subset");
        names = split;
        files = other;
    }
    return !names.empty();
}

//! The given folder contains text files only: "labels" or a subfolder.
bool findLabelsOnly(const fs::path& root, const std::string& images, DatasetFiles& files)
{
    const bool below = std::find(root.begin(), root.end(), "labels") != root.end();
    if (!below && images.empty())
        return false;
    bool texts = false;
    for (const std::string& name : listFiles(root.string(), true))
    {
        const std::string file = fs::path(name).filename().string();
        texts = texts || (extensionOf(name) == ".txt" && file != "classes.txt" && file != "labels.txt");
    }
    if (!texts)
        return false;
    files.parts = {{images.empty() ? exchangeLast(root, "labels", "images").string() : images, root.string(), ""}};
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
    std::vector<fs::path> places{root, root / "labels", root.parent_path(), root.parent_path().parent_path()};
    for (const std::string& name : namesOf(split))
        places.insert(places.begin() + 1, root / name);
    files.classes = !description.empty() ? description : firstFile(places, CLASS_FILES);
    if (files.classes.empty())
        files.classes = otherClassFile(root);
    files.listRoots = {root.string()};
    if (split == "trainval")
    {
        addSplit(root, "train", files);
        addSplit(root, "val", files);
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
    else if (isFolder(root / "labels") && !hasExtension(root / "labels", ".xml", true))
    {
        const fs::path folder = !images.empty() ? fs::path(images) : isFolder(root / "images") ? root / "images" : root;
        files.parts = {{folder.string(), (root / "labels").string(), ""}};
    }
    else if (hasLabeledImages(root.string()))
        files.parts = {{root.string(), root.string(), ""}};
    else if (!(fs::path(files.classes).parent_path() == root && addOnlyDescribedSplit(root, files)) &&
             !findLabelsOnly(root, images, files))
        return;
    if (!files.parts.empty())
        found.push_back(files);
}

std::string lookedFor(const std::string& split)
{
    if (!split.empty())
        return "COCO ([annotations/]instances_" + split + "*.json, " + split +
               "/_annotations.coco.json), Pascal VOC (Annotations/*.xml and ImageSets/Main/" + split + ".txt, or " +
               split + "/*.xml), YOLO (images/" + split + " and labels/" + split + ", " + split + "/images and " +
               split + "/labels, " + split + ".txt, data.yaml), labelme (" + split +
               "/*.json), CVAT (.xml with images of "
               "this subset)";
    return "COCO ([annotations/]instances*.json, _annotations.coco.json, another .json of COCO), Pascal VOC "
           "(Annotations/*.xml, *.xml), YOLO (images/ and labels/, .txt beside images, data.yaml, obj.data), labelme "
           "(.json beside images), CVAT (.xml of \"CVAT for images\")";
}

//! The only folder in this one, if there are no files: what an archive was unpacked to. Empty if there is none.
std::string onlyFolder(const fs::path& root)
{
    std::string found;
    std::error_code error;
    for (fs::directory_iterator entry(root, error), end; !error && entry != end; entry.increment(error))
    {
        if (!found.empty() || !isFolder(entry->path()))
            return std::string();
        found = entry->path().string();
    }
    return found;
}

DatasetFiles findInFolder(const std::string& annotations, const std::string& images, const std::string& split)
{
    const fs::path root = withoutSlash(annotations);
    std::vector<DatasetFiles> found;
    findCoco(root, images, split, found);
    // A split missing in one format must not hide the same split in another format.
    std::string reason;
    for (const DatasetFormat format :
         {DatasetFormat::VOC, DatasetFormat::LABELME, DatasetFormat::CVAT, DatasetFormat::YOLO})
        try
        {
            if (format == DatasetFormat::VOC)
                findVoc(root, images, split, found);
            else if (format == DatasetFormat::LABELME)
                findLabelme(root, images, split, found);
            else if (format == DatasetFormat::CVAT)
                findCvat(root, images, split, found);
            else
                findYolo(root, images, split, "", found);
        }
        catch (const std::runtime_error& error)
        {
            reason = error.what();
        }
    if (found.empty() && reason.empty())
        if (const std::string only = onlyFolder(root); !only.empty())
            return findInFolder(only, images, split);
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
    return format == DatasetFormat::COCO   ? "COCO"
           : format == DatasetFormat::VOC  ? "Pascal VOC"
           : format == DatasetFormat::YOLO ? "YOLO"
           : format == DatasetFormat::CVAT ? "CVAT"
                                           : "labelme";
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
    if (isYoloDescription(annotations))
    {
        std::vector<DatasetFiles> found;
        findYolo(folder, images, split, path.string(), found);
        if (found.empty())
            throw std::runtime_error(annotations + ": no images with labels found near it; looked for " +
                                     lookedFor(split));
        return found.front();
    }
    if (looksLikeCvat(path))
    {
        const bool below = isAnnotationFolder(folder);
        return cvatFiles(below ? folder.parent_path() : folder, annotations, images, split);
    }
    if (!split.empty())
        throw std::runtime_error(annotations + ": subset is " + inQuotes(split) +
                                 ", which is a part of a folder, but this is a file");
    if (path.extension() == ".txt" && folder.filename() == "Main" && folder.parent_path().filename() == "ImageSets")
    {
        const fs::path root = folder.parent_path().parent_path();
        const fs::path found = vocAnnotations(root);
        DatasetFiles files = vocFiles(root, found.empty() ? root / "Annotations" : found, images);
        files.list = annotations;
        return files;
    }
    if (extensionOf(annotations) == ".txt" || extensionOf(annotations) == ".xml")
        throw std::runtime_error(annotations + ": one file of a VOC or YOLO data set; name its folder");
    DatasetFiles files;
    files.annotations = annotations;
    files.images = images;
    return files;  // the COCO parser reports defects of any other file
}

namespace
{

//! Parts of a path, without empty ones, "." and the root.
std::vector<std::string> partsOf(const std::string& path)
{
    std::vector<std::string> parts;
    for (size_t begin = 0; begin < path.size();)
    {
        const size_t end = std::min(path.find('/', begin), path.size());
        const std::string part = path.substr(begin, end - begin);
        if (!part.empty() && part != ".")
            parts.push_back(part);
        begin = end + 1;
    }
    return parts;
}

//! The path without its first parts.
std::string withoutParts(const std::string& path, size_t count)
{
    const std::vector<std::string> parts = partsOf(path);
    std::string rest;
    for (size_t i = count; i < parts.size(); i++)
        rest += (rest.empty() ? "" : "/") + parts[i];
    return rest;
}

//! True if one of the first images is in the folder, by its name without the first parts.
bool hasFirstImages(const fs::path& folder, const RawDataset& raw, size_t dropped)
{
    for (size_t i = 0; i < std::min(IMAGES_LOOKED_FOR, raw.images.size()); i++)
    {
        const std::string& name = raw.images[i].fileName;
        const std::string shorter = dropped == 0 ? name : withoutParts(name, dropped);
        if (badFileName(shorter).empty() && isFile(folder / fs::u8path(shorter)))
            return true;
    }
    return false;
}

//! Most parts that may be missing of the names of the first images.
size_t mostParts(const RawDataset& raw)
{
    size_t most = 0;
    for (size_t i = 0; i < std::min(IMAGES_LOOKED_FOR, raw.images.size()); i++)
        most = std::max(most, partsOf(raw.images[i].fileName).size());
    return std::min<size_t>(most, MAX_PARTS);
}

}  // namespace

std::string resolvePath(const std::string& written, const std::vector<std::string>& folders)
{
    if (written.empty() || written.size() > 4096 || written.find('\0') != std::string::npos)
        return std::string();
    const fs::path path = fs::u8path(withSlashes(written)).lexically_normal();
    std::error_code error;
    if (path.is_absolute() && fs::exists(path, error))
        return path.has_relative_path() && !path.has_filename() ? path.parent_path().string() : path.string();
    if (path.is_relative())
        for (const std::string& folder : folders)
            if (fs::exists(folder / path, error))
                return withoutSlash((folder / path).string()).string();
    std::vector<std::string> parts = partsOf(path.generic_string());
    parts.erase(std::remove(parts.begin(), parts.end(), ".."), parts.end());
    for (size_t first = 0; first < std::min<size_t>(parts.size(), MAX_PARTS); first++)
        for (const std::string& folder : folders)
        {
            fs::path candidate = folder;
            for (size_t i = first; i < parts.size(); i++)
                candidate /= fs::u8path(parts[i]);
            // One name of a folder says too little: "images" of ".../train/images" may hold all splits.
            if (isFile(candidate) || (isFolder(candidate) && (first == 0 || first + 2 <= parts.size())))
                return withoutSlash(candidate.string()).string();
        }
    return std::string();
}

std::string yoloLabelOf(const std::string& image)
{
    const fs::path beside = fs::path(image).replace_extension(".txt");
    const fs::path parallel = exchangeLast(beside.parent_path(), "images", "labels") / beside.filename();
    return (isFile(beside) && !isFile(parallel) ? beside : parallel).string();
}

bool isSplitName(const std::string& name, const std::string& split)
{
    if (split == "trainval" && (isSplitName(name, "train") || isSplitName(name, "val")))
        return true;
    const std::vector<std::string> names = namesOf(split);
    return std::find(names.begin(), names.end(), lowerCase(name)) != names.end();
}

void shortenFileNames(RawDataset& raw)
{
    for (size_t dropped = 0; dropped < mostParts(raw); dropped++)
    {
        if (!hasFirstImages(raw.imageFolder, raw, dropped))
            continue;
        for (RawImage& image : raw.images)
            if (dropped > 0 && partsOf(image.fileName).size() > dropped)
                image.fileName = withoutParts(image.fileName, dropped);
        return;
    }
}

void requireSize(RawImage& image, const std::string& folder, const std::string& missing)
{
    if (image.width != 0 && image.height != 0)
        return;
    const cv::Size size = imageSize((fs::path(folder) / image.fileName).string());
    if (size.empty())
        throw std::runtime_error(missing + " in it, and its image " + inQuotes(image.fileName) + " cannot be read");
    image.width = size.width;
    image.height = size.height;
}

void sortCategories(RawDataset& raw, const std::map<std::string, int64_t>& ids)
{
    std::vector<int64_t> idOf(ids.size() + 1);
    for (const auto& category : ids)
    {
        raw.categories.push_back({static_cast<int64_t>(raw.categories.size()) + 1, category.first});
        idOf[static_cast<size_t>(category.second)] = raw.categories.back().id;
    }
    for (RawAnnotation& annotation : raw.annotations)
        annotation.categoryId = idOf[static_cast<size_t>(annotation.categoryId)];
}

std::string findCocoImages(const RawDataset& raw)
{
    const fs::path folder = withoutSlash(raw.path).parent_path();
    std::vector<std::string> names;  // "person_keypoints_val2017" -> "keypoints_val2017", "val2017"
    for (std::string part = fs::path(raw.path).stem().string(); part.find('_') != std::string::npos;)
        names.push_back(part = part.substr(part.find('_') + 1));
    if (names.empty())
        names.push_back(fs::path(raw.path).stem().string());
    std::vector<fs::path> places;
    for (const fs::path& root : {folder, folder.parent_path()})
    {
        for (const std::string& name : names)
            for (const fs::path& place : {root / name, root / "images" / name})
                places.push_back(place);
        for (const char* name : {"images", "data", "JPEGImages", ""})
            places.push_back(*name ? root / name : root);
    }
    for (size_t dropped = 0; dropped < mostParts(raw); dropped++)
        for (const fs::path& place : places)
            if (hasFirstImages(place, raw, dropped))
                return place.string();
    throw std::runtime_error(raw.path + ": none of its first images" +
                             (raw.images.empty() ? "" : " (" + inQuotes(raw.images.front().fileName) + ")") +
                             " is in a usual place (" + inQuotes(names.front()) +
                             ", \"images\", \"data\" or the folder itself, beside the file or one level up); say "
                             "where the images are");
}

}  // namespace d2det
