// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/tiler.hpp"

#include "base/files.hpp"
#include "base/random.hpp"
#include "dataset/segmentation.hpp"

#include <opencv2/d2det/detector.hpp>
#include <opencv2/imgcodecs.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <stdexcept>

namespace fs = std::filesystem;

namespace d2det
{

namespace
{

constexpr int JPEG_QUALITY = 95;

cv::Rect2d boxOf(const Annotation& a)
{
    return {a.x, a.y, a.width, a.height};
}

void setBox(const cv::Rect2d& box, Annotation& a)
{
    a.x = box.x;
    a.y = box.y;
    a.width = box.width;
    a.height = box.height;
}

//! Whether the part has the entire outline; polygons then stay polygons.
bool holdsPolygons(const Segmentation& segmentation, const cv::Rect& part)
{
    double box[4];
    return !segmentation.polygons.empty() && boundsOfPolygons(segmentation.polygons, box) && box[0] >= part.x &&
           box[1] >= part.y && box[0] + box[2] <= part.br().x && box[1] + box[3] <= part.br().y;
}

void setMask(const cv::d2det::Rle& code, Annotation& a)
{
    a.segmentation.emplace();
    a.segmentation->compressed = cv::d2det::rleToString(code);
    a.segmentation->height = code.height;
    a.segmentation->width = code.width;
}

/** An annotation in the pixels of the part.
    @param visible share of the area of the object that the part shows. */
Annotation cutAnnotation(const ImageRecord& image, const Annotation& a, const cv::Rect& part, double& visible)
{
    Annotation out = a;
    const cv::Rect2d box = boxOf(a), inside = box & cv::Rect2d(part);
    const cv::Point2d origin(part.tl());
    bool entire = a.x >= part.x && a.y >= part.y && a.x + a.width <= part.br().x && a.y + a.height <= part.br().y;
    visible = entire ? 1 : box.area() > 0 ? inside.area() / box.area() : 0;
    setBox((entire ? box : inside) - origin, out);
    moveKeypoints(out.keypoints, {1, 0, -origin.x, 0, 1, -origin.y}, part.size());
    const bool shifted = entire && a.segmentation && holdsPolygons(*a.segmentation, part);
    std::optional<cv::d2det::Rle> mask;
    if (a.segmentation && !shifted)
        mask = usableRle(*a.segmentation, image.height, image.width);
    if (mask)
    {
        const cv::d2det::Rle cropped = cropRle(*mask, part);
        const double all = cv::d2det::rleArea(*mask), shown = cv::d2det::rleArea(cropped);
        entire = entire && shown == all;
        visible = all > 0 ? shown / all : visible;
        setMask(cropped, out);
        if (!entire)
        {
            setBox(boxOf(out) & cv::Rect2d(cv::d2det::rleBoundingBox(cropped)), out);
            out.area = shown;
        }
    }
    else if (shifted)
        for (std::vector<double>& polygon : out.segmentation->polygons)
            for (size_t i = 0; i < polygon.size(); i++)
                polygon[i] -= i % 2 ? part.y : part.x;
    else
    {
        out.segmentation.reset();
        if (!entire)
            out.area = out.width * out.height;
    }
    return out;
}

}  // namespace

std::vector<Annotation> cutAnnotations(const ImageRecord& image, const cv::Rect& part, double minVisible,
                                       int64_t& remains, int64_t& cut)
{
    std::vector<Annotation> result;
    for (const Annotation& a : image.annotations)
    {
        if ((boxOf(a) & cv::Rect2d(part)).empty())
            continue;
        double visible = 0;
        Annotation out = cutAnnotation(image, a, part, visible);
        if (visible <= 0)
            continue;
        if (visible < minVisible || !(out.width > 0 && out.height > 0))
        {
            remains++;
            continue;
        }
        cut += visible < 1;
        result.push_back(std::move(out));
    }
    return result;
}

Tiler::Tiler(const TilerOptions& options, const Dataset& source, const std::string& imageFolder,
             const std::string& output)
    : options_(options), imageFolder_(imageFolder), output_(output)
{
    tiles_.name = source.name;
    tiles_.classNames = source.classNames;
    tiles_.categoryIds = source.categoryIds;
    tiles_.keypoints = source.keypoints;
}

//! "sub/b.jpg" -> "sub/b_640_0.jpg"
std::string Tiler::nameOf(const std::string& name, const cv::Rect& tile)
{
    const fs::path path = name;
    std::string extension = extensionOf(name);
    const bool kept = (extension == ".jpg" || extension == ".jpeg" || extension == ".bmp" || extension == ".tif" ||
                       extension == ".tiff" || extension == ".webp") &&
                      cv::haveImageWriter("x" + extension);
    if (!kept)
        extension = ".png";
    const std::string place = "_" + std::to_string(tile.x) + "_" + std::to_string(tile.y);
    const std::string result = (path.parent_path() / (path.stem().string() + place + extension)).generic_string();
    const auto inserted = names_.emplace(lowerCase(result), name);
    if (!inserted.second && inserted.first->second != name)
        throw std::runtime_error("the images " + inQuotes(inserted.first->second) + " and " + inQuotes(name) +
                                 " would have tiles of one name, " + inQuotes(result) + "; rename one of them");
    return result;
}

bool Tiler::keepsEmpty(const std::string& name) const
{
    uint64_t key = 14695981039346656037u;  // FNV-1a: the choice does not depend on other images
    for (const unsigned char c : name)
        key = (key ^ c) * 1099511628211u;
    return Random(options_.seed, 1, key).uniform() < options_.keepEmpty;
}

void Tiler::add(const ImageRecord& image, const cv::Mat& pixels)
{
    const std::string name = fs::path(image.path)
                                 .lexically_normal()
                                 .lexically_relative(fs::path(imageFolder_).lexically_normal())
                                 .generic_string();
    cv::d2det::TileParams params;
    params.size = options_.size;
    params.overlap = options_.overlap;
    for (const cv::Rect& part : cv::d2det::calculateTiles(pixels.size(), params))
    {
        ImageRecord tile;
        int64_t remains = 0;
        tile.annotations = cutAnnotations(image, part, options_.minVisible, remains, counters_.cut);
        counters_.remains += remains;
        const std::string tileName = nameOf(name, part);
        if (tile.annotations.empty())
        {
            const bool keep = remains == 0 && keepsEmpty(tileName);
            (remains > 0 ? counters_.onlyRemains : keep ? counters_.emptyKept : counters_.emptyLeftOut)++;
            if (!keep)
                continue;
        }
        counters_.tiles++;
        tile.id = counters_.tiles;
        tile.path = (fs::path(output_) / fs::u8path(tileName)).string();
        tile.tileOf = name;
        tile.width = part.width;
        tile.height = part.height;
        tile.empty = tile.annotations.empty() ? EmptyImage::ANNOTATED : EmptyImage::NO;
        for (Annotation& a : tile.annotations)
            a.id = ++lastAnnotation_;
        fs::create_directories(fs::path(tile.path).parent_path());
        if (!cv::imwrite(tile.path, pixels(part), {cv::IMWRITE_JPEG_QUALITY, JPEG_QUALITY}))
            throw std::runtime_error("cannot write " + inQuotes(tile.path));
        tiles_.images.push_back(std::move(tile));
    }
}

}  // namespace d2det
