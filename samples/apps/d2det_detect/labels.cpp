// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "d2det_detect/labels.hpp"

#include "base/atomic_file.hpp"
#include "base/text.hpp"
#include "cli/table.hpp"

#include <opencv2/imgcodecs.hpp>

#include <algorithm>
#include <cmath>

namespace fs = std::filesystem;

namespace detect_program
{

namespace
{

constexpr size_t MAX_MASK_PIXELS = 1 << 28;  // of run lengths (cv::d2det::Rle)

constexpr int BOX_STEPS = 100, SCORE_STEPS = 10000;  // per pixel, of a score; as in detections.json

double rounded(double value, int steps)
{
    return std::round(value * steps) / steps;
}

std::string absolutePath(const fs::path& path)
{
    return fs::absolute(path).lexically_normal().string();
}

//! The folder that both are in.
fs::path commonFolder(const fs::path& a, const fs::path& b)
{
    fs::path common;
    auto i = a.begin();
    for (auto j = b.begin(); i != a.end() && j != b.end() && *i == *j; i++, j++)
        common /= *i;
    return common;
}

void findImageFolder(const d2det::Dataset& dataset, std::string& folder)
{
    fs::path common;
    for (const d2det::ImageRecord& image : dataset.images)
    {
        const fs::path own = fs::path(image.path).parent_path();
        common = common.empty() ? own : commonFolder(common, own);
    }
    folder = common.string();
}

d2det::Annotation annotationOf(const float* d, const cv::d2det::BoxMask* mask)
{
    d2det::Annotation a;
    a.x = rounded(d[0], BOX_STEPS);
    a.y = rounded(d[1], BOX_STEPS);
    a.width = rounded(rounded(d[2], BOX_STEPS) - a.x, BOX_STEPS);
    a.height = rounded(rounded(d[3], BOX_STEPS) - a.y, BOX_STEPS);
    a.score = rounded(d[4], SCORE_STEPS);
    a.category = static_cast<int>(d[5]);
    a.area = a.width * a.height;
    if (!mask || cv::countNonZero(mask->mask) == 0)
        return a;
    const cv::d2det::Rle code = cv::d2det::rleEncode(*mask);
    a.area = cv::d2det::rleArea(code);
    a.segmentation.emplace();
    a.segmentation->compressed = cv::d2det::rleToString(code);
    a.segmentation->height = code.height;
    a.segmentation->width = code.width;
    return a;
}

}  // namespace

Labels::Labels(const LabelOptions& options, const fs::path& folder, const std::vector<cli::Source>& sources,
               const std::vector<cv::String>& classNames)
    : options_(options), folder_(folder), sources_(sources), frameNames_(folder / "frames", sources)
{
    for (size_t i = 0; i < classNames.size(); i++)
    {
        dataset_.classNames.push_back(classNames[i]);
        dataset_.categoryIds.push_back(static_cast<int64_t>(i) + 1);
    }
    d2det::Dataset expected;
    for (const cli::Source& source : sources)
        if (source.kind == cli::Source::IMAGE && paths_.insert(absolutePath(source.path)).second)
        {
            expected.images.emplace_back();
            expected.images.back().path = absolutePath(source.path);
        }
    paths_.clear();
    findImageFolder(expected, imageFolder_);
    for (const std::string& format : options_.formats)
        d2det::checkWritable(expected, writeOptions(format));
}

d2det::WriteOptions Labels::writeOptions(const std::string& format) const
{
    d2det::WriteOptions writing;
    writing.format = d2det::writtenFormat(format);
    writing.imageFolder = imageFolder_;
    writing.output = (folder_ / ("dataset_" + format)).string();
    writing.copyImages = options_.copyImages;
    writing.tolerance = options_.tolerance;
    return writing;
}

//! frames/walk_000012.png, without loss.
std::string Labels::saveFrame(const cli::DetectedImage& result)
{
    std::string stem = sources_[result.source].name.filename().string();
    std::replace(stem.begin(), stem.end(), '.', '_');
    std::vector<uchar> bytes;
    if (!cv::imencode(".png", result.image, bytes))
        throw std::runtime_error("a frame of " + stem + " cannot be written as PNG");
    const fs::path path =
        frameNames_.take(sources_[result.source].name.parent_path() / (stem + cv::format("_%06d.png", result.frame)));
    d2det::AtomicFile file(path.string());
    file.write(bytes.data(), bytes.size());
    file.commit();
    return path.string();
}

void Labels::add(const cli::DetectedImage& result)
{
    d2det::ImageRecord image;
    image.path = absolutePath(result.frame < 0 ? sources_[result.source].path : fs::path(saveFrame(result)));
    if (!paths_.insert(image.path).second)
    {
        repeated_++;
        return;
    }
    image.id = static_cast<int64_t>(dataset_.images.size()) + 1;
    image.width = result.image.cols;
    image.height = result.image.rows;
    const bool masks = !result.masks.empty() && result.image.total() <= MAX_MASK_PIXELS;
    for (int i = 0; i < result.detections.rows; i++)
    {
        const float* d = result.detections.ptr<float>(i);
        if (rounded(d[4], SCORE_STEPS) < options_.score || static_cast<size_t>(d[5]) >= dataset_.classNames.size())
            continue;
        d2det::Annotation a = annotationOf(d, masks ? &result.masks[static_cast<size_t>(i)] : nullptr);
        if (!(a.width > 0 && a.height > 0))  // after rounding
            continue;
        a.id = ++lastId_;
        image.annotations.push_back(std::move(a));
    }
    image.empty = image.annotations.empty() ? d2det::EmptyImage::ANNOTATED : d2det::EmptyImage::NO;
    dataset_.images.push_back(std::move(image));
}

std::vector<std::string> Labels::write()
{
    std::vector<std::string> lines;
    if (dataset_.images.empty())
        return lines;
    findImageFolder(dataset_, imageFolder_);
    for (const std::string& format : options_.formats)
    {
        const d2det::WriteOptions writing = writeOptions(format);
        const std::vector<std::string> lost = d2det::writeDataset(dataset_, writing);
        lines.push_back(d2det::counted(static_cast<int64_t>(dataset_.images.size()), "image") + " with " +
                        d2det::counted(dataset_.numAnnotations(), "annotation") + " written to " + writing.output);
        for (const std::string& what : lost)
            if (what.compare(0, 8, "ids and ") != 0)  // they are made here
                lines.push_back("note: " + format + ": " + what);
    }
    if (!options_.copyImages)
        lines.push_back("note: the images stay where they are; read the data sets with --images " + imageFolder_);
    if (repeated_ > 0)
        lines.push_back("note: " + d2det::counted(repeated_, "image") + " given twice, labeled once");
    return lines;
}

}  // namespace detect_program
