// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/dataset.hpp"

#include "base/files.hpp"
#include "dataset/annotated_image.hpp"
#include "dataset/coco_reader.hpp"
#include "dataset/cvat_reader.hpp"
#include "dataset/dataset_finder.hpp"
#include "dataset/image_size.hpp"
#include "dataset/labelme_reader.hpp"
#include "dataset/segmentation.hpp"
#include "dataset/voc_reader.hpp"
#include "dataset/yolo_reader.hpp"

#include <opencv2/core/utility.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

namespace fs = std::filesystem;

namespace d2det
{

namespace
{

constexpr size_t NAMED_WARNINGS = 5;
constexpr int64_t TOLERATED_BAD = 10;  // number of bad annotations accepted at any fraction (small files)
constexpr size_t IMAGES_LOOKED_FOR = 8;

//! The first few messages of one kind and the number of omitted ones.
class WarningList
{
public:
    void add(const std::string& message)
    {
        if (count_++ < NAMED_WARNINGS)
            messages_.push_back(message);
    }

    void appendTo(std::vector<std::string>& out, const std::string& kind) const
    {
        out.insert(out.end(), messages_.begin(), messages_.end());
        if (count_ > messages_.size())
            out.push_back("... and " + std::to_string(count_ - messages_.size()) + " more: " + kind);
    }

    std::string first() const { return messages_.empty() ? std::string() : messages_.front(); }

private:
    std::vector<std::string> messages_;
    size_t count_ = 0;
};

//! Sorted by id; class index = position.
void fillCategories(const std::string& path, std::vector<RawCategory> raw, Dataset& dataset)
{
    if (raw.empty())
        throw std::runtime_error(path + ": \"categories\" is empty; at least one class is needed");
    std::sort(raw.begin(), raw.end(), [](const RawCategory& a, const RawCategory& b) { return a.id < b.id; });
    std::unordered_map<std::string, int64_t> names;
    for (size_t i = 0; i < raw.size(); i++)
    {
        if (i > 0 && raw[i].id == raw[i - 1].id)
            throw std::runtime_error(path + ": category id " + std::to_string(raw[i].id) + " occurs twice");
        const auto inserted = names.emplace(raw[i].name, raw[i].id);
        if (!inserted.second)
            throw std::runtime_error(path + ": the category name " + inQuotes(raw[i].name) + " occurs twice (ids " +
                                     std::to_string(inserted.first->second) + " and " + std::to_string(raw[i].id) +
                                     ")");
        dataset.categoryIds.push_back(raw[i].id);
        dataset.classNames.push_back(raw[i].name);
    }
}

std::string imagePath(const std::string& path, const fs::path& folder, const RawImage& image)
{
    const std::string reason = badFileName(image.fileName);
    if (!reason.empty())
        throw std::runtime_error(path + ": image id " + std::to_string(image.id) + ": " + reason);
    return (folder / fs::u8path(image.fileName)).string();
}

/** An image listed twice is taken once. Two images with one id are an error: it is not known to which of them the
    annotations belong. */
std::unordered_map<int64_t, size_t> fillImages(const RawDataset& raw, WarningList& twice, Dataset& dataset)
{
    if (raw.images.empty())
        throw std::runtime_error(raw.path + ": \"images\" is empty; there is nothing to read");
    std::unordered_map<int64_t, size_t> indexOf;
    indexOf.reserve(raw.images.size());
    dataset.images.reserve(raw.images.size());
    for (const RawImage& image : raw.images)
    {
        const std::string path = imagePath(raw.path, raw.imageFolder, image);
        const auto inserted = indexOf.emplace(image.id, dataset.images.size());
        if (!inserted.second)
        {
            const ImageRecord& first = dataset.images[inserted.first->second];
            if (first.path != path)
                throw std::runtime_error(raw.path + ": image id " + std::to_string(image.id) + " occurs twice, for " +
                                         inQuotes(first.path) + " and " + inQuotes(path));
            dataset.counters.duplicates++;
            twice.add(raw.path + ": image id " + std::to_string(image.id) + " (" + inQuotes(image.fileName) +
                      ") is listed twice, taken once");
            continue;
        }
        ImageRecord record;
        record.id = image.id;
        record.idText = image.idText;
        record.tileOf = image.tileOf;
        record.path = path;
        record.width = image.width;
        record.height = image.height;
        record.asStored = raw.asStored;
        record.empty = image.hasOther    ? EmptyImage::NO
                       : image.annotated ? EmptyImage::ANNOTATED
                                         : EmptyImage::UNLABELED;
        dataset.images.push_back(std::move(record));
    }
    return indexOf;
}

//! Joins annotations with images and categories.
class AnnotationLinker
{
public:
    AnnotationLinker(RawDataset& raw, const ReadOptions& options, Dataset& dataset)
        : raw_(raw), path_(raw.path), options_(options), dataset_(dataset)
    {
        for (size_t c = 0; c < dataset.categoryIds.size(); c++)
            categories_.emplace(dataset.categoryIds[c], static_cast<int>(c));
    }

    void link(const std::unordered_map<int64_t, size_t>& indexOf, WarningList& twice);

private:
    void add(const RawAnnotation& source, size_t image, int64_t id);
    void addOutline(const RawAnnotation& source, Annotation& out);
    void addKeypoints(const RawAnnotation& source, size_t image, Annotation& out);
    bool isKnownCategory(const RawAnnotation& source, size_t image);
    bool isRepeated(const RawAnnotation& source);
    std::string place(const RawAnnotation& source, size_t image) const;
    std::string categoryName(int64_t id) const;
    void finish();

    RawDataset& raw_;
    const std::string& path_;
    const ReadOptions& options_;
    Dataset& dataset_;
    std::unordered_map<int64_t, int> categories_;
    std::unordered_map<int64_t, const RawAnnotation*> first_;  //!< by id
    WarningList dropped_, clipped_, orphans_, renumbered_, badKeypoints_;
    int64_t boxesOfOutlines_ = 0, belowOnePixel_ = 0;
};

//! "file:line: annotation id 3 (image id 2)"
std::string AnnotationLinker::place(const RawAnnotation& source, size_t image) const
{
    const std::string& file = raw_.images[image].source;
    return (file.empty() ? path_ : file) + (source.line > 0 ? ":" + std::to_string(source.line) : "") +
           ": annotation id " + std::to_string(source.id) + " (image id " + std::to_string(source.imageId) + ")";
}

std::string AnnotationLinker::categoryName(int64_t id) const
{
    for (const RawCategory& category : raw_.unknownCategories)
        if (category.id == id)
            return "the class " + inQuotes(category.name) + " is not one of the " +
                   std::to_string(raw_.categories.size()) + " known ones";
    return "category id " + std::to_string(id) + " is not in \"categories\"";
}

//! A category that a COCO file does not list costs the annotation; classes of VOC and YOLO come from the user.
bool AnnotationLinker::isKnownCategory(const RawAnnotation& source, size_t image)
{
    if (categories_.count(source.categoryId))
        return true;
    const std::string where = place(source, image);
    if (!raw_.unknownCategories.empty())
        throw std::runtime_error(where + ": " + categoryName(source.categoryId));
    dataset_.counters.orphans++;
    orphans_.add(where + ": " + categoryName(source.categoryId) + ", left out");
    return false;
}

//! True for the same object of the same image again, not only the same id.
bool AnnotationLinker::isRepeated(const RawAnnotation& source)
{
    const RawAnnotation& first = *first_.emplace(source.id, &source).first->second;
    return &first != &source && first.imageId == source.imageId && first.categoryId == source.categoryId &&
           first.boxValues == source.boxValues && std::equal(first.box, first.box + 4, source.box) &&
           first.crowd == source.crowd;
}

void AnnotationLinker::addOutline(const RawAnnotation& source, Annotation& out)
{
    if (source.segmentation < 0)
        return;
    Segmentation& outline = raw_.segmentations[static_cast<size_t>(source.segmentation)];
    if (cleanOutline(outline))
        out.segmentation = std::move(outline);
}

void AnnotationLinker::addKeypoints(const RawAnnotation& source, size_t imageIndex, Annotation& out)
{
    if (source.keypoints < 0)
        return;
    const RawKeypoints& list = raw_.keypoints[static_cast<size_t>(source.keypoints)];
    const auto& schema = dataset_.keypoints.empty() ? std::shared_ptr<const KeypointSchema>()
                                                    : dataset_.keypoints[static_cast<size_t>(out.category)];
    std::string fault;
    std::vector<Keypoint> points = keypointsOf(list.values, list.spoiled, schema ? schema->names.size() : 0, fault);
    if (!fault.empty())
    {
        dataset_.counters.badKeypoints++;
        badKeypoints_.add(place(source, imageIndex) + ": " + fault + "; its keypoints are left out");
        return;
    }
    out.keypoints.schema = schema;
    out.keypoints.labeled = list.count >= 0 ? list.count : countLabeled(points);
    out.keypoints.points = std::move(points);
}

void AnnotationLinker::add(const RawAnnotation& source, size_t imageIndex, int64_t id)
{
    ImageRecord& image = dataset_.images[imageIndex];
    const auto describe = [&](const char* relation)
    {
        return place(source, imageIndex) + ": " + describeBox(source) + relation + std::to_string(image.width) + "x" +
               std::to_string(image.height) + " image";
    };
    Annotation out;
    double cut = 0;
    if (!convertBox(source, image.width, image.height, options_.clipBoxes, out, cut))
    {
        dataset_.counters.dropped++;
        dropped_.add(describe(" is no box inside its ") + ", dropped");
        return;
    }
    if (cut > 0)
        dataset_.counters.clipped++;
    if (cut > 1)  // no message for rounding errors
        clipped_.add(describe(" reaches beyond its ") + ", clipped");
    out.id = id;
    out.category = categories_.at(source.categoryId);
    out.area = std::isfinite(source.area) && source.area >= 0 ? source.area : out.width * out.height;
    out.crowd = source.crowd;
    out.score = source.score;
    dataset_.counters.crowd += out.crowd;
    boxesOfOutlines_ += source.boxOfOutline;
    belowOnePixel_ += isBelowOnePixel(source);
    addOutline(source, out);
    addKeypoints(source, imageIndex, out);
    image.annotations.push_back(std::move(out));
}

void AnnotationLinker::link(const std::unordered_map<int64_t, size_t>& indexOf, WarningList& twice)
{
    first_.reserve(raw_.annotations.size());
    std::unordered_set<int64_t> ids;
    int64_t next = 1;
    for (const RawAnnotation& source : raw_.annotations)
        ids.insert(source.id);
    for (const RawAnnotation& source : raw_.annotations)
    {
        const auto image = indexOf.find(source.imageId);
        if (image == indexOf.end())
        {
            if (raw_.leftOut.count(source.imageId))
                continue;  // named with its image
            dataset_.counters.orphans++;
            orphans_.add(path_ + ": annotation id " + std::to_string(source.id) + ": image id " +
                         std::to_string(source.imageId) + " is not in \"images\", left out");
            continue;
        }
        dataset_.images[image->second].empty = EmptyImage::NO;
        if (isRepeated(source))
        {
            dataset_.counters.duplicates++;
            twice.add(place(source, image->second) + " is listed twice, taken once");
            continue;
        }
        int64_t id = source.id;
        if (first_.at(source.id) != &source)
        {
            while (!ids.insert(next).second)
                next++;
            id = next;
            renumbered_.add(place(source, image->second) + ": the id occurs twice, now " + std::to_string(id));
        }
        if (isKnownCategory(source, image->second))
            add(source, image->second, id);
    }
    dataset_.counters.annotations = static_cast<int64_t>(raw_.annotations.size());
    finish();
}

void AnnotationLinker::finish()
{
    const DatasetCounters& counters = dataset_.counters;
    dropped_.appendTo(dataset_.warnings, "dropped annotations");
    clipped_.appendTo(dataset_.warnings, "clipped boxes");
    orphans_.appendTo(dataset_.warnings,
                      "annotations of unknown images or categories, " + std::to_string(counters.orphans) + " in all");
    renumbered_.appendTo(dataset_.warnings, "annotations with an id that occurs twice");
    badKeypoints_.appendTo(dataset_.warnings,
                           "malformed keypoints, " + std::to_string(counters.badKeypoints) + " in all");
    if (boxesOfOutlines_ > 0)
        dataset_.warnings.push_back(path_ + ": " + std::to_string(boxesOfOutlines_) +
                                    " annotations have an outline, but no box; their box is what the outline spans");
    if (mostBelowOnePixel(belowOnePixel_, counters.annotations))
        dataset_.warnings.push_back(path_ + ": " + describeBelowOnePixel(belowOnePixel_, counters.annotations));
    if (counters.orphans > 0 && counters.orphans == counters.annotations)
        throw std::runtime_error(path_ + ": none of the " + std::to_string(counters.annotations) +
                                 " annotations is of a listed image and category; the first: " + orphans_.first());
    const bool many = double(counters.dropped) > options_.maxBadFraction * double(counters.annotations);
    if ((many && counters.dropped >= TOLERATED_BAD) ||
        (counters.annotations > 0 && counters.dropped == counters.annotations))
        throw std::runtime_error(path_ + ": " + std::to_string(counters.dropped) + " of " +
                                 std::to_string(counters.annotations) + " annotations have no usable box" +
                                 (raw_.images.front().source.empty()
                                      ? " (bbox is [x, y, width, height] in pixels, not corners and not fractions)"
                                      : "") +
                                 "; the first: " + dropped_.first());
}

//! The points of the classes by class index, empty if none has any.
void fillKeypoints(const RawDataset& raw, const ReadOptions& options, Dataset& dataset)
{
    if (!options.keepKeypoints)
        return;
    std::vector<std::string> notes;
    const auto schemas = keypointSchemas(raw, options.keypointPairs, notes);
    for (const std::string& note : notes)
        dataset.warnings.push_back(raw.path + ": " + note);
    if (schemas.empty())
        return;
    for (const int64_t id : dataset.categoryIds)
    {
        const auto found = schemas.find(id);
        dataset.keypoints.push_back(found == schemas.end() ? nullptr : found->second);
    }
}

/** Points of a further data set: a class has the same ones in all sets.
    @param target by class index, of the sets so far. */
void mergeKeypoints(const Dataset& source, Dataset& target)
{
    if (source.keypoints.empty())
        return;
    target.keypoints.resize(target.classNames.size());
    for (size_t c = 0; c < source.keypoints.size(); c++)
    {
        const auto &given = source.keypoints[c], &known = target.keypoints[c];
        if (!given || (known && known->names == given->names))
            continue;
        if (known)
            throw std::runtime_error(source.name + ": the class " + inQuotes(target.classNames[c]) +
                                     " has other keypoints (" + std::to_string(given->names.size()) + ", " +
                                     inQuotes(given->names[0]) + ", ...) than in the data sets before (" +
                                     std::to_string(known->names.size()) + ", " + inQuotes(known->names[0]) +
                                     ", ...); give them the same names in the same order");
        target.keypoints[c] = given;
    }
}

//! A name that is misspelled would leave left and right as they are.
void checkPairs(const Dataset& dataset, const std::vector<std::string>& pairs)
{
    std::unordered_set<std::string> names;
    for (const auto& schema : dataset.keypoints)
        if (schema)
            names.insert(schema->names.begin(), schema->names.end());
    for (const std::string& name : pairs)
        if (!names.empty() && !names.count(name))
            throw std::runtime_error(dataset.name + ": data.keypoint_pairs has " + inQuotes(name) +
                                     ", which is no keypoint of a category");
}

//! "file: reason"; some reasons begin with the file themselves.
std::string describeProblem(const RawProblem& problem)
{
    const bool named = problem.reason.compare(0, problem.path.size(), problem.path) == 0;
    return named ? problem.reason : problem.path + ": " + problem.reason;
}

//! Warns of dropped records; throws above the permitted fraction.
void countProblems(const RawDataset& raw, const ReadOptions& options, Dataset& dataset)
{
    WarningList skipped;
    WarningList notes;
    for (const std::string& note : raw.notes)
        notes.add(raw.path + ": " + note);
    notes.appendTo(dataset.warnings, "notes");
    for (const RawProblem& problem : raw.problems)
        skipped.add(describeProblem(problem) + ", left out");
    skipped.appendTo(dataset.warnings, "images left out");
    const auto count = static_cast<int64_t>(raw.problems.size());
    const auto all = count + static_cast<int64_t>(raw.images.size());
    dataset.counters.skippedImages = count;
    if (count > 0 && (count == all || (count >= TOLERATED_BAD && double(count) > options.maxBadFraction * double(all))))
        throw std::runtime_error(raw.path + ": " + std::to_string(count) + " of " + std::to_string(all) +
                                 " images cannot be used; the first: " + describeProblem(raw.problems.front()));
}

/** Sizes that a COCO file does not have, from the images.
@param needed without a size an image cannot be used. */
void fillSizes(bool needed, RawDataset& raw)
{
    std::vector<RawImage> kept;
    std::vector<size_t> unknown;
    for (size_t i = 0; i < raw.images.size(); i++)
        if (raw.images[i].width == 0 && badFileName(raw.images[i].fileName).empty())
            unknown.push_back(i);
    if (unknown.empty())
        return;
    const auto pathOf = [&](const RawImage& image)
    { return (fs::path(raw.imageFolder) / fs::u8path(image.fileName)).string(); };
    cv::parallel_for_(cv::Range(0, static_cast<int>(unknown.size())),
                      [&](const cv::Range& range)
                      {
                          for (int i = range.start; i < range.end; i++)
                          {
                              RawImage& image = raw.images[unknown[static_cast<size_t>(i)]];
                              const cv::Size size = imageSize(pathOf(image));
                              image.width = size.width;
                              image.height = size.height;
                          }
                      });
    if (!needed)
        return;
    for (RawImage& image : raw.images)
        if (image.width > 0 || !badFileName(image.fileName).empty())
            kept.push_back(std::move(image));
        else
        {
            raw.problems.push_back({pathOf(image), "it has no size in the annotations, and the image cannot be read"});
            raw.leftOut.insert(image.id);
        }
    raw.images = std::move(kept);
}

void checkFolder(const std::string& folder)
{
    std::error_code error;
    if (!fs::is_directory(folder, error))
        throw std::runtime_error("image folder " + inQuotes(folder) +
                                 (fs::exists(folder, error) ? " is not a folder" : " does not exist"));
}

void checkFirstImages(const std::string& path, const std::string& folder, const Dataset& dataset)
{
    const size_t count = std::min(IMAGES_LOOKED_FOR, dataset.images.size());
    std::error_code error;
    for (size_t i = 0; i < count; i++)
        if (fs::exists(dataset.images[i].path, error))
            return;
    throw std::runtime_error(path + ": none of the first " + std::to_string(count) + " images is in " +
                             inQuotes(folder) + ", for example " + inQuotes(dataset.images[0].path) +
                             "; is this the folder that \"file_name\" is relative to?");
}

//! Reorders class indices to the order of `names`.
void remapClasses(const std::string& path, const std::vector<std::string>& names, Dataset& dataset)
{
    std::unordered_map<std::string, int> indexOf;
    for (size_t c = 0; c < names.size(); c++)
        indexOf.emplace(names[c], static_cast<int>(c));
    std::vector<int64_t> categoryIds(names.size(), -1);
    std::vector<int> target(dataset.classNames.size());
    for (size_t c = 0; c < dataset.classNames.size(); c++)
    {
        const auto found = indexOf.find(dataset.classNames[c]);
        if (found == indexOf.end())
            throw std::runtime_error(path + ": the class " + inQuotes(dataset.classNames[c]) + " is not one of the " +
                                     std::to_string(names.size()) + " known ones (" + inQuotes(names[0]) +
                                     ", ...); rename or remove it in \"categories\"");
        target[c] = found->second;
        categoryIds[static_cast<size_t>(found->second)] = dataset.categoryIds[c];
    }
    if (!dataset.keypoints.empty())
    {
        std::vector<std::shared_ptr<const KeypointSchema>> keypoints(names.size());
        for (size_t c = 0; c < target.size(); c++)
            keypoints[static_cast<size_t>(target[c])] = dataset.keypoints[c];
        dataset.keypoints = std::move(keypoints);
    }
    dataset.classNames = names;
    dataset.categoryIds = categoryIds;
    for (ImageRecord& image : dataset.images)
        for (Annotation& annotation : image.annotations)
            annotation.category = target[static_cast<size_t>(annotation.category)];
}

bool isRule(const std::string& subset)
{
    return subset == "every5th_val" || subset == "every5th_train";
}

//! Replaces ids already in use by unused ones; records all ids.
class UniqueIds
{
public:
    int64_t operator()(int64_t id)
    {
        while (!taken_.insert(id).second)
            id = next_++;
        return id;
    }

private:
    std::unordered_set<int64_t> taken_;
    int64_t next_ = 1;
};

void append(const Dataset& source, UniqueIds& imageIds, UniqueIds& annotationIds, Dataset& target)
{
    target.name += (target.name.empty() ? "" : "+") + source.name;
    mergeKeypoints(source, target);
    for (const ImageRecord& image : source.images)
    {
        target.images.push_back(image);
        target.images.back().id = imageIds(image.id);
        for (Annotation& annotation : target.images.back().annotations)
            annotation.id = annotationIds(annotation.id);
    }
    target.counters.skippedImages += source.counters.skippedImages;
    target.counters.annotations += source.counters.annotations;
    target.counters.dropped += source.counters.dropped;
    target.counters.clipped += source.counters.clipped;
    target.counters.crowd += source.counters.crowd;
    target.counters.orphans += source.counters.orphans;
    target.counters.duplicates += source.counters.duplicates;
    target.counters.badKeypoints += source.counters.badKeypoints;
    target.idsAreMade = target.idsAreMade || source.idsAreMade;
    target.warnings.insert(target.warnings.end(), source.warnings.begin(), source.warnings.end());
}

}  // namespace

int64_t Dataset::numAnnotations() const
{
    return std::accumulate(images.begin(), images.end(), int64_t(0),
                           [](int64_t sum, const ImageRecord& image)
                           { return sum + static_cast<int64_t>(image.annotations.size()); });
}

std::string badFileName(const std::string& fileName)
{
    const fs::path name = fs::u8path(fileName);
    bool inside =
        !fileName.empty() && name.is_relative() && fileName.size() < 4096 && fileName.find('\0') == std::string::npos;
    for (const fs::path& part : name)
        inside = inside && part != "..";
    return inside ? std::string()
                  : "\"file_name\" is " + inQuotes(fileName) + ", expected a path inside the image folder";
}

std::map<int64_t, std::shared_ptr<const KeypointSchema>> keypointSchemas(const RawDataset& raw,
                                                                         const std::vector<std::string>& pairs,
                                                                         std::vector<std::string>& notes)
{
    std::map<int64_t, size_t> points;  // of categories without names, by their first annotation
    for (const RawAnnotation& annotation : raw.annotations)
        if (annotation.keypoints >= 0)
        {
            const RawKeypoints& list = raw.keypoints[static_cast<size_t>(annotation.keypoints)];
            if (!list.spoiled && list.values.size() % 3 == 0 && list.values.size() <= 3 * MAX_KEYPOINTS)
                points.emplace(annotation.categoryId, list.values.size() / 3);
        }
    std::map<int64_t, std::shared_ptr<const KeypointSchema>> schemas;
    for (const RawCategory& category : raw.categories)
    {
        const std::string title = "category " + inQuotes(category.name);
        KeypointSchema schema;
        schema.names = category.keypoints;
        if (schema.names.empty() && points.count(category.id))
        {
            for (size_t i = 1; i <= points[category.id]; i++)
                schema.names.push_back(std::to_string(i));
            notes.push_back(title + " has keypoints without names; they are numbered");
        }
        if (schema.names.empty())
            continue;
        int64_t left = 0;
        for (const std::vector<double>& line : category.skeleton)
        {
            const auto isPoint = [&](double v)
            { return v >= 1 && v <= double(schema.names.size()) && v == std::floor(v); };
            if (line.size() == 2 && isPoint(line[0]) && isPoint(line[1]))
                schema.skeleton.emplace_back(static_cast<int>(line[0]) - 1, static_cast<int>(line[1]) - 1);
            else
                left++;
        }
        if (left > 0)
            notes.push_back(title + ": " + std::to_string(left) +
                            " entries of \"skeleton\" are not two points from 1 to " +
                            std::to_string(schema.names.size()) + "; left out");
        schema.mirrored = mirroredPoints(schema.names, pairs);
        schemas[category.id] = std::make_shared<const KeypointSchema>(std::move(schema));
    }
    return schemas;
}

std::string describeBox(const RawAnnotation& a)
{
    char text[160];
    std::snprintf(text, sizeof text, "[%g, %g, %g, %g]", a.box[0], a.box[1], a.box[2], a.box[3]);
    return a.boxValues == 4
               ? "box " + std::string(text)
               : "\"bbox\" has " + (a.boxValues > 4 ? "more than 4" : std::to_string(a.boxValues)) + " numbers";
}

bool convertBox(const RawAnnotation& raw, int imageWidth, int imageHeight, bool clip, Annotation& out, double& cut)
{
    if (raw.boxValues != 4)
        return false;
    for (const double value : raw.box)
        if (!std::isfinite(value))
            return false;
    out.x = raw.box[0];
    out.y = raw.box[1];
    out.width = raw.box[2];
    out.height = raw.box[3];
    cut = 0;
    if (!clip)
        return out.width >= 0 && out.height >= 0;
    const double x2 = out.x + out.width, y2 = out.y + out.height;
    const double left = std::max(out.x, 0.), top = std::max(out.y, 0.);
    const double right = std::min(x2, double(imageWidth)), bottom = std::min(y2, double(imageHeight));
    cut = std::max({left - out.x, top - out.y, x2 - right, y2 - bottom});
    if (!(out.width > 0 && out.height > 0 && right > left && bottom > top))
        return false;
    if (cut > 0)  // unclipped boxes keep their exact values
    {
        out.x = left;
        out.y = top;
        out.width = right - left;
        out.height = bottom - top;
    }
    return true;
}

bool isBelowOnePixel(const RawAnnotation& annotation)
{
    const double slack = 0.01;  // rounded fractions
    return annotation.boxValues == 4 && annotation.box[2] > 0 && annotation.box[3] > 0 && annotation.box[0] >= -1 &&
           annotation.box[1] >= -1 && annotation.box[0] + annotation.box[2] <= 1 + slack &&
           annotation.box[1] + annotation.box[3] <= 1 + slack;
}

bool mostBelowOnePixel(int64_t count, int64_t all)
{
    return count > 0 && 2 * count > all;
}

std::string describeBelowOnePixel(int64_t count, int64_t all)
{
    return std::to_string(count) + " of " + std::to_string(all) +
           " boxes lie in the first pixel of their image; are they fractions of its width and height instead of "
           "pixels?";
}

namespace
{

//! toDataset without the check of ReadOptions::keypointPairs, which may be names of another data set.
Dataset join(RawDataset raw, const ReadOptions& options)
{
    Dataset dataset;
    dataset.name = raw.name;
    countProblems(raw, options, dataset);
    fillCategories(raw.path, raw.categories, dataset);
    WarningList twice;
    const auto indexOf = fillImages(raw, twice, dataset);
    dataset.idsAreMade = raw.idsAreMade;
    fillKeypoints(raw, options, dataset);
    AnnotationLinker(raw, options, dataset).link(indexOf, twice);
    twice.appendTo(dataset.warnings, "entries listed twice");
    if (options.checkImages)
        checkFirstImages(raw.path, raw.imageFolder, dataset);
    if (!options.classNames.empty())
        remapClasses(raw.path, options.classNames, dataset);
    if (isRule(options.subset))
        selectSubset(dataset, options.subset);
    return dataset;
}

}  // namespace

Dataset toDataset(RawDataset raw, const ReadOptions& options)
{
    Dataset dataset = join(std::move(raw), options);
    checkPairs(dataset, options.keypointPairs);
    return dataset;
}

RawDataset readRaw(const std::string& annotations, const std::string& images, const ReadOptions& options)
{
    if (options.checkImages && !images.empty())
        checkFolder(images);
    const DatasetFiles files = findDataset(annotations, images, isRule(options.subset) ? "" : options.subset);
    RawDataset raw = files.format == DatasetFormat::VOC       ? readVoc(files)
                     : files.format == DatasetFormat::YOLO    ? readYolo(files, options.keepSegmentation)
                     : files.format == DatasetFormat::LABELME ? readLabelme(files, options.keepSegmentation)
                     : files.format == DatasetFormat::CVAT
                         ? readCvat(files, options.keepSegmentation)
                         : parseCoco(files.annotations, options.keepSegmentation, options.keepKeypoints);
    if (files.format == DatasetFormat::CVAT && options.checkImages)
        shortenFileNames(raw);
    if (files.format == DatasetFormat::COCO)
    {
        raw.imageFolder = images.empty() ? findCocoImages(raw) : images;
        if (options.checkImages)
            shortenFileNames(raw);
        fillSizes(options.checkImages || options.clipBoxes, raw);
    }
    if (options.checkImages)
        raw.asStored = annotatedAsStored(raw.images, raw.imageFolder);
    raw.idsAreMade = files.format != DatasetFormat::COCO;
    raw.notes.insert(raw.notes.end(), files.notes.begin(), files.notes.end());
    return raw;
}

Dataset readDataset(const std::string& annotations, const std::string& images, const ReadOptions& options)
{
    return toDataset(readRaw(annotations, images, options), options);
}

void selectSubset(Dataset& dataset, const std::string& subset)
{
    if (subset.empty())
        return;
    if (!isRule(subset))
        throw std::runtime_error("subset is " + inQuotes(subset) +
                                 ", known are \"every5th_val\" and \"every5th_train\"");
    std::sort(dataset.images.begin(), dataset.images.end(),
              [](const ImageRecord& a, const ImageRecord& b) { return a.path < b.path; });
    std::vector<ImageRecord> kept;
    std::unordered_map<std::string, size_t> places;  // of an image and all tiles of it
    for (ImageRecord& image : dataset.images)
    {
        const std::string& source = image.tileOf.empty() ? image.path : image.tileOf;
        const size_t place = places.emplace(source, places.size()).first->second;
        if ((place % 5 == 4) == (subset == "every5th_val"))
            kept.push_back(std::move(image));
    }
    if (kept.empty())
        throw std::runtime_error(dataset.name + ": the subset " + inQuotes(subset) + " of " +
                                 std::to_string(dataset.images.size()) + " images is empty");
    dataset.images = std::move(kept);
}

Dataset loadDatasets(const std::vector<DatasetConfig>& configs, const ReadOptions& options)
{
    if (configs.empty())
        throw std::runtime_error("no data set is configured; add one to data.train or data.val");
    Dataset merged;
    UniqueIds imageIds, annotationIds;
    ReadOptions reading = options;
    for (const DatasetConfig& config : configs)
    {
        if (config.repeat < 1)
            throw std::runtime_error(config.annotations + ": repeat is " + std::to_string(config.repeat) +
                                     ", it must be at least 1");
        reading.subset = config.subset;
        Dataset dataset = join(readRaw(config.annotations, config.images, reading), reading);
        for (ImageRecord& image : dataset.images)
            image.repeat = config.repeat;
        if (merged.classNames.empty())
        {
            merged.classNames = reading.classNames = dataset.classNames;
            merged.categoryIds = dataset.categoryIds;
        }
        append(dataset, imageIds, annotationIds, merged);
    }
    checkPairs(merged, options.keypointPairs);
    return merged;
}

}  // namespace d2det
