// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/lint.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "dataset/annotated_image.hpp"
#include "dataset/image_size.hpp"
#include "dataset/near_duplicates.hpp"
#include "dataset/segmentation.hpp"

#include <opencv2/core/utility.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace fs = std::filesystem;

namespace d2det
{

namespace
{

constexpr double SAME_BOX = 0.99;                        // intersection over union
constexpr double MISFIT_PIXELS = 2, MISFIT_PART = 0.05;  // permitted difference between mask bounds and box
constexpr int64_t MAX_COMPARISONS = 50000000;            // of boxes, less than a second

std::string sizeText(int width, int height)
{
    return std::to_string(width) + "x" + std::to_string(height);
}

//! Defect of an image file.
struct FileFault
{
    ImageFault kind = ImageFault::NONE;
    std::string message;
};

const char* codeOf(ImageFault fault)
{
    return fault == ImageFault::MISSING      ? "missing-image"
           : fault == ImageFault::UNREADABLE ? "unreadable-image"
           : fault == ImageFault::TRUNCATED  ? "truncated-image"
                                             : "size-differs";
}

FileFault checkFile(const std::string& path, const RawImage& image, bool asStored, bool decode)
{
    FileFault fault;
    const cv::Size size(image.width, image.height);
    if (!decode && imageSize(path) == size)  // a different header size may be due to an orientation tag
        return fault;
    std::string reason;
    readAnnotatedImage(path, size, asStored, fault.kind, reason);
    fault.message = inQuotes(path) + " " + reason;
    return fault;
}

struct Bounds
{
    double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
    bool empty = true;
};

//! cleanOutline() leaves it out.
bool isStray(const std::vector<double>& polygon)
{
    return !isRing(polygon);
}

Bounds boundsOf(const Segmentation& segmentation, const RawImage& image)
{
    Bounds bounds;
    if (segmentation.polygons.empty())
    {
        const cv::d2det::Rle rle = toRle(segmentation, image.height, image.width);
        if (rle.height != image.height || rle.width != image.width)
            throw std::runtime_error("the mask has " + sizeText(rle.width, rle.height) + " pixels, the image " +
                                     sizeText(image.width, image.height));
        const cv::Rect box = cv::d2det::rleBoundingBox(rle);
        return {double(box.x), double(box.y), double(box.br().x), double(box.br().y), box.empty()};
    }
    for (const std::vector<double>& polygon : segmentation.polygons)
    {
        if (isStray(polygon) && std::all_of(segmentation.polygons.begin(), segmentation.polygons.end(), isStray))
            throw std::runtime_error("an outline has " + std::to_string(polygon.size()) +
                                     " numbers, expected x and y of at least 3 points");
        if (isStray(polygon))
            continue;
        for (size_t i = 0; i < polygon.size(); i += 2)
        {
            const double x = polygon[i], y = polygon[i + 1];
            if (!std::isfinite(x) || !std::isfinite(y))
                throw std::runtime_error("an outline with a coordinate that is no number");
            bounds = bounds.empty ? Bounds{x, y, x, y, false}
                                  : Bounds{std::min(bounds.x1, x), std::min(bounds.y1, y), std::max(bounds.x2, x),
                                           std::max(bounds.y2, y), false};
        }
    }
    return bounds;
}

cv::Rect2d boxOf(const RawAnnotation& a)
{
    return {a.box[0], a.box[1], a.box[2], a.box[3]};
}

class Linter
{
public:
    Linter(const RawDataset& raw, const LintOptions& options) : raw_(raw), options_(options) {}

    LintReport run();

private:
    void add(bool error, const char* code, const RawImage* image, const RawAnnotation* annotation,
             const std::string& message);
    void checkCategories();
    void checkImages();
    void checkFiles();
    void checkAnnotations();
    bool checkBox(const RawImage& image, const RawAnnotation& annotation);
    void checkMask(const RawImage& image, const RawAnnotation& annotation);
    void checkKeypoints(const RawImage& image, const RawAnnotation& annotation);
    void checkDuplicates(std::vector<const RawAnnotation*>& boxes, const RawImage& image);
    void checkClasses();

    const RawDataset& raw_;
    const LintOptions& options_;
    LintReport report_;
    std::unordered_map<int64_t, std::string> categories_;
    std::unordered_map<int64_t, const RawImage*> images_;
    std::unordered_map<int64_t, int64_t> used_;                           //!< annotations by category
    std::map<int64_t, std::shared_ptr<const KeypointSchema>> keypoints_;  //!< by category
    int64_t comparisons_ = 0;
};

void Linter::add(bool error, const char* code, const RawImage* image, const RawAnnotation* annotation,
                 const std::string& message)
{
    Finding finding;
    finding.error = error;
    finding.code = code;
    finding.message = message;
    finding.place = image && !image->source.empty() ? image->source : raw_.path;
    if (image)
        finding.imageId = image->id;
    if (annotation)
    {
        finding.annotationId = annotation->id;
        finding.imageId = annotation->imageId;
        if (annotation->line > 0)
            finding.place += ":" + std::to_string(annotation->line);
    }
    (error ? report_.errors : report_.warnings)++;
    report_.findings.push_back(std::move(finding));
}

void Linter::checkCategories()
{
    std::map<std::string, int64_t> names;
    for (const RawCategory& category : raw_.categories)
    {
        if (!categories_.emplace(category.id, category.name).second)
            add(true, "clashing-id", nullptr, nullptr, "category id " + std::to_string(category.id) + " occurs twice");
        const auto name = names.emplace(category.name, category.id);
        if (!name.second)
            add(true, "clashing-id", nullptr, nullptr,
                "the category name " + inQuotes(category.name) + " occurs twice, ids " +
                    std::to_string(name.first->second) + " and " + std::to_string(category.id));
    }
}

void Linter::checkImages()
{
    std::vector<std::string> notes = raw_.notes;
    keypoints_ = keypointSchemas(raw_, {}, notes);
    for (const std::string& note : notes)
        add(false, "noted", nullptr, nullptr, note);
    for (const RawProblem& problem : raw_.problems)
    {
        add(true, "left-out", nullptr, nullptr, problem.reason);
        report_.findings.back().place = problem.path;
    }
    std::unordered_map<std::string, int64_t> files;
    for (const RawImage& image : raw_.images)
    {
        const auto same = images_.emplace(image.id, &image);
        if (!same.second && same.first->second->fileName == image.fileName)
        {
            add(false, "repeated", &image, nullptr, inQuotes(image.fileName) + " is listed twice with this id");
            continue;
        }
        if (!same.second)
            add(true, "clashing-id", &image, nullptr, "image id " + std::to_string(image.id) + " occurs twice");
        const std::string reason = badFileName(image.fileName);
        if (!reason.empty())
            add(true, "bad-file-name", &image, nullptr, reason);
        const auto file = files.emplace(image.fileName, image.id);
        if (!file.second)
            add(false, "duplicate-file-name", &image, nullptr,
                inQuotes(image.fileName) + " is also image " + std::to_string(file.first->second));
    }
}

void Linter::checkFiles()
{
    std::vector<FileFault> faults(raw_.images.size());
    cv::parallel_for_(cv::Range(0, static_cast<int>(raw_.images.size())),
                      [&](const cv::Range& range)
                      {
                          for (int i = range.start; i < range.end; i++)
                          {
                              const RawImage& image = raw_.images[static_cast<size_t>(i)];
                              if (!badFileName(image.fileName).empty())
                                  continue;
                              const fs::path path = fs::path(raw_.imageFolder) / fs::u8path(image.fileName);
                              faults[static_cast<size_t>(i)] =
                                  checkFile(path.string(), image, raw_.asStored, options_.decode);
                          }
                      });
    for (size_t i = 0; i < faults.size(); i++)
        if (faults[i].kind != ImageFault::NONE)
            add(true, codeOf(faults[i].kind), &raw_.images[i], nullptr, faults[i].message);
}

//! True if the box can be compared with others.
bool Linter::checkBox(const RawImage& image, const RawAnnotation& annotation)
{
    const std::string size = sizeText(image.width, image.height);
    Annotation box;
    double cut = 0;
    if (!convertBox(annotation, image.width, image.height, false, box, cut))
    {
        add(true, "bad-box", &image, &annotation, describeBox(annotation) + " is no box");
        return false;
    }
    if (box.width == 0 || box.height == 0)
    {
        add(true, "zero-box", &image, &annotation, describeBox(annotation) + " has no area");
        return false;
    }
    if (!convertBox(annotation, image.width, image.height, true, box, cut))
    {
        add(true, "box-outside", &image, &annotation, describeBox(annotation) + " is outside its image of " + size);
        return false;
    }
    if (cut > 1)  // no message for rounding errors
        add(false, "box-beyond", &image, &annotation,
            describeBox(annotation) + cv::format(" reaches %g pixels beyond its image of ", cut) + size);
    return true;
}

void Linter::checkMask(const RawImage& image, const RawAnnotation& annotation)
{
    if (annotation.segmentation < 0)
        return;
    Bounds bounds;
    try
    {
        bounds = boundsOf(raw_.segmentations[static_cast<size_t>(annotation.segmentation)], image);
    }
    catch (const cv::Exception& error)
    {
        return add(true, "bad-mask", &image, &annotation, error.err);
    }
    catch (const std::runtime_error& error)
    {
        return add(true, "bad-mask", &image, &annotation, error.what());
    }
    const std::vector<std::vector<double>>& polygons =
        raw_.segmentations[static_cast<size_t>(annotation.segmentation)].polygons;
    if (const auto stray = std::count_if(polygons.begin(), polygons.end(), isStray); stray > 0)
        add(false, "stray-points", &image, &annotation,
            "the outline has " + std::to_string(stray) + " parts of fewer than 3 points; they are left out");
    if (bounds.empty)
        return add(false, "empty-mask", &image, &annotation, "the mask has no pixels");
    const cv::Rect2d box = boxOf(annotation);
    const double tolerance[2] = {MISFIT_PIXELS + MISFIT_PART * box.width, MISFIT_PIXELS + MISFIT_PART * box.height};
    if (std::max(std::abs(bounds.x1 - box.x), std::abs(bounds.x2 - box.br().x)) > tolerance[0] ||
        std::max(std::abs(bounds.y1 - box.y), std::abs(bounds.y2 - box.br().y)) > tolerance[1])
        add(false, "mask-misfit", &image, &annotation,
            cv::format("the mask spans [%g, %g, %g, %g], the ", bounds.x1, bounds.y1, bounds.x2 - bounds.x1,
                       bounds.y2 - bounds.y1) +
                describeBox(annotation));
}

void Linter::checkKeypoints(const RawImage& image, const RawAnnotation& annotation)
{
    if (annotation.keypoints < 0)
        return;
    const RawKeypoints& list = raw_.keypoints[static_cast<size_t>(annotation.keypoints)];
    const auto schema = keypoints_.find(annotation.categoryId);
    const size_t count = schema == keypoints_.end() ? 0 : schema->second->names.size();
    std::string fault;
    const std::vector<Keypoint> points = keypointsOf(list.values, list.spoiled, count, fault);
    if (!fault.empty())
        return add(true, "bad-keypoints", &image, &annotation, fault);
    ObjectKeypoints inside;
    inside.points = points;
    dropOutside(inside, {image.width, image.height});
    const int labeled = countLabeled(points), outside = labeled - countLabeled(inside.points);
    if (outside > 0)
        add(false, "keypoint-outside", &image, &annotation,
            counted(outside, "labeled keypoint") + " outside of its image of " + sizeText(image.width, image.height));
    if (list.count >= 0 && list.count != labeled)
        add(false, "keypoint-count", &image, &annotation,
            "\"num_keypoints\" is " + std::to_string(list.count) + ", but " + counted(labeled, "keypoint") +
                (labeled == 1 ? " is" : " are") + " labeled");
}

/** Boxes of one image and class. Sorted by the left side, a box can only equal boxes starting within a hundredth of its
    width; a box found equal is not compared again, so that many copies of one box are cheap. */
void Linter::checkDuplicates(std::vector<const RawAnnotation*>& boxes, const RawImage& image)
{
    std::stable_sort(boxes.begin(), boxes.end(),
                     [](const RawAnnotation* a, const RawAnnotation* b) { return a->box[0] < b->box[0]; });
    std::vector<bool> known(boxes.size(), false);
    for (size_t i = 0; i < boxes.size(); i++)
    {
        const cv::Rect2d a = boxOf(*boxes[i]);
        const double reach = a.x + (1 / SAME_BOX - 1) * a.width;
        for (size_t j = i + 1; !known[i] && j < boxes.size() && boxes[j]->box[0] <= reach; j++)
        {
            if (known[j])
                continue;
            if (++comparisons_ > MAX_COMPARISONS)
                return;
            const cv::Rect2d b = boxOf(*boxes[j]);
            const double both = (a & b).area();
            if (!(both > SAME_BOX * (a.area() + b.area() - both)))
                continue;
            known[j] = true;
            add(false, "duplicate-box", &image, boxes[j],
                describeBox(*boxes[j]) + " of class " + inQuotes(categories_[boxes[j]->categoryId]) +
                    " is the same as annotation " + std::to_string(boxes[i]->id));
        }
    }
}

void Linter::checkAnnotations()
{
    std::unordered_set<int64_t> ids;
    std::map<std::pair<int64_t, int64_t>, std::vector<const RawAnnotation*>> groups;  // by image and class
    std::unordered_map<int64_t, std::string> unknown;
    int64_t belowOnePixel = 0;
    for (const RawCategory& category : raw_.unknownCategories)
        unknown.emplace(category.id, category.name);
    for (const RawAnnotation& annotation : raw_.annotations)
    {
        const auto found = images_.find(annotation.imageId);
        const RawImage* image = found == images_.end() ? nullptr : found->second;
        if (!ids.insert(annotation.id).second)
            add(true, "clashing-id", image, &annotation,
                "annotation id " + std::to_string(annotation.id) + " occurs twice");
        const bool known = categories_.count(annotation.categoryId) > 0;
        if (!known)
            add(true, "unknown-category", image, &annotation,
                unknown.count(annotation.categoryId)
                    ? "the class " + inQuotes(unknown[annotation.categoryId]) + " is not in the list of classes"
                    : "category id " + std::to_string(annotation.categoryId) + " is not in \"categories\"");
        used_[annotation.categoryId]++;
        if (!image && raw_.leftOut.count(annotation.imageId))
            continue;
        if (!image)
        {
            add(true, "unknown-image", nullptr, &annotation,
                "image id " + std::to_string(annotation.imageId) + " is not in \"images\"");
            continue;
        }
        belowOnePixel += isBelowOnePixel(annotation);
        if (annotation.boxOfOutline)
            add(false, "box-of-outline", image, &annotation, "it has an outline, but no box");
        if (!checkBox(*image, annotation))
            continue;
        checkMask(*image, annotation);
        if (known)
            checkKeypoints(*image, annotation);
        if (known && !annotation.crowd)
            groups[{annotation.imageId, annotation.categoryId}].push_back(&annotation);
    }
    if (const auto all = static_cast<int64_t>(raw_.annotations.size()); mostBelowOnePixel(belowOnePixel, all))
        add(false, "fractions-as-pixels", nullptr, nullptr, describeBelowOnePixel(belowOnePixel, all));
    for (auto& group : groups)
        checkDuplicates(group.second, *images_[group.first.first]);
    if (comparisons_ > MAX_COMPARISONS)
        add(false, "not-compared", nullptr, nullptr, "too many boxes lie upon each other: not all were compared");
}

void Linter::checkClasses()
{
    for (const RawCategory& category : raw_.categories)
        if (!used_.count(category.id))
            add(false, "empty-class", nullptr, nullptr,
                "the class " + inQuotes(category.name) + " (id " + std::to_string(category.id) + ") has no annotation");
}

LintReport Linter::run()
{
    report_.images = static_cast<int64_t>(raw_.images.size());
    report_.annotations = static_cast<int64_t>(raw_.annotations.size());
    checkCategories();
    checkImages();
    checkFiles();
    checkAnnotations();
    checkClasses();
    return std::move(report_);
}

}  // namespace

LintReport lint(const RawDataset& raw, const LintOptions& options)
{
    return Linter(raw, options).run();
}

void addSeenElsewhere(const RawDataset& raw, const RawDataset& other, LintReport& report)
{
    const auto pathsOf = [](const RawDataset& set)
    {
        std::vector<std::string> paths;
        for (const RawImage& image : set.images)
            paths.push_back(badFileName(image.fileName).empty()
                                ? (fs::path(set.imageFolder) / fs::u8path(image.fileName)).string()
                                : std::string());
        return paths;
    };
    const std::vector<std::string> mine = pathsOf(raw), others = pathsOf(other);
    for (const auto& pair : nearDuplicates(fingerprints(mine), fingerprints(others)))
    {
        Finding finding;
        finding.code = "seen-elsewhere";
        finding.imageId = raw.images[pair.first].id;
        finding.place = raw.images[pair.first].source.empty() ? raw.path : raw.images[pair.first].source;
        finding.message = inQuotes(mine[pair.first]) + " shows nearly the same as " + inQuotes(others[pair.second]) +
                          " of the other set";
        report.findings.push_back(std::move(finding));
        report.warnings++;
    }
}

}  // namespace d2det
