// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "report/contact_sheet.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "dataset/segmentation.hpp"

#include <opencv2/d2det/drawing.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace d2det
{

namespace
{

constexpr int GAP = 10, CAPTION = 22;  // pixels
constexpr double TEXT = 0.38, MASK_OPACITY = 0.45;
constexpr int SHIFT = 4;  // fractional bits of corners
const cv::Scalar PAPER(34, 32, 30), CAPTION_COLOR(215, 212, 208);

void blend(cv::Mat& image, const cv::Mat& mask, const cv::Scalar& color)
{
    cv::Mat small;
    cv::resize(mask, small, image.size(), 0, 0, cv::INTER_AREA);
    cv::Mat filled(image.size(), CV_8UC3, color), mixed;
    cv::addWeighted(image, 1 - MASK_OPACITY, filled, MASK_OPACITY, 0, mixed);
    mixed.copyTo(image, small > 127);
}

//! Draws the name at the box, unless it would overlap another name.
void drawName(cv::Mat& image, const cv::Point& corner, const std::string& name, const cv::Scalar& color,
              std::vector<cv::Rect>& names)
{
    int baseline = 0;
    const cv::Size size = cv::d2det::measureText(name, TEXT, 1, &baseline);
    const int height = size.height + 6;
    const int x = std::max(std::min(corner.x, image.cols - size.width - 4), 0);
    const int y = corner.y >= height ? corner.y - height : std::min(corner.y, std::max(image.rows - height, 0));
    const cv::Rect chip = cv::Rect(x, y, size.width + 4, height) & cv::Rect({0, 0}, image.size());
    if (std::any_of(names.begin(), names.end(), [&](const cv::Rect& other) { return !(chip & other).empty(); }))
        return;
    names.push_back(chip);
    cv::rectangle(image, chip, color, cv::FILLED);
    cv::d2det::drawText(image, name, {x + 2, y + height - 4}, TEXT, cv::Scalar(20, 20, 20));
}

cv::Point fine(double x, double y)
{
    return {cvRound(x * (1 << SHIFT)), cvRound(y * (1 << SHIFT))};
}

/** Lines of the skeleton between labeled points, and the points: filled if visible, else a ring. Points of a "left"
    name are green, their partners red, others white, so that an exchange is to be seen. */
void drawKeypoints(cv::Mat& image, const ObjectKeypoints& keypoints, double scale, const cv::Scalar& color)
{
    const cv::Scalar left(80, 220, 80), right(80, 80, 240), other(255, 255, 255), edge(25, 25, 25);
    constexpr int RADIUS = 3;
    const auto at = [&](size_t i)
    { return fine(keypoints.points[i].x * scale - 0.5, keypoints.points[i].y * scale - 0.5); };
    const auto labeled = [&](size_t i) { return keypoints.points[i].visibility != NOT_LABELED; };
    for (const std::pair<int, int>& line : keypoints.schema->skeleton)
    {
        const auto a = static_cast<size_t>(line.first), b = static_cast<size_t>(line.second);
        if (labeled(a) && labeled(b))
            cv::line(image, at(a), at(b), color, 1, cv::LINE_AA, SHIFT);
    }
    for (size_t i = 0; i < keypoints.points.size(); i++)
    {
        if (!labeled(i))
            continue;
        const size_t partner = static_cast<size_t>(keypoints.schema->mirrored[i]);
        const bool isLeft = lowerCase(keypoints.schema->names[i]).find("left") != std::string::npos;
        const cv::Scalar& own = partner == i ? other : isLeft ? left : right;
        const bool visible = keypoints.points[i].visibility == VISIBLE;
        cv::circle(image, at(i), (RADIUS + 1) << SHIFT, edge, visible ? cv::FILLED : 3, cv::LINE_AA, SHIFT);
        cv::circle(image, at(i), RADIUS << SHIFT, own, visible ? cv::FILLED : 1, cv::LINE_AA, SHIFT);
    }
}

//! The scaled image with all objects drawn.
cv::Mat drawItem(const SheetItem& item, const std::vector<std::string>& classNames, int cell)
{
    const double scale = double(cell) / std::max(item.image.cols, item.image.rows);
    const cv::Size size(std::max(cvRound(item.image.cols * scale), 1), std::max(cvRound(item.image.rows * scale), 1));
    cv::Mat image;
    cv::resize(item.image, image, size, 0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
    for (const SheetObject& object : item.objects)
        if (!object.mask.empty())
            blend(image, object.mask, cv::d2det::classColor(object.category));
    for (const SheetObject& object : item.objects)
    {
        // Half a pixel: OpenCV drawing coordinates start at the center of the first pixel.
        const cv::Point first = fine(object.x1 * scale - 0.5, object.y1 * scale - 0.5),
                        last = fine(object.x2 * scale - 0.5, object.y2 * scale - 0.5);
        cv::rectangle(image, first, last, cv::Scalar(25, 25, 25), 3, cv::LINE_AA, SHIFT);
        cv::rectangle(image, first, last, object.crowd ? cv::Scalar::all(255) : cv::d2det::classColor(object.category),
                      1, cv::LINE_AA, SHIFT);
        if (!object.keypoints.empty())
            drawKeypoints(image, object.keypoints, scale, cv::d2det::classColor(object.category));
    }
    std::vector<const SheetObject*> bySize;
    for (const SheetObject& object : item.objects)
        bySize.push_back(&object);
    const auto area = [](const SheetObject* o) { return (o->x2 - o->x1) * (o->y2 - o->y1); };
    std::stable_sort(bySize.begin(), bySize.end(),
                     [&](const SheetObject* a, const SheetObject* b) { return area(a) > area(b); });
    std::vector<cv::Rect> names;
    for (const SheetObject* object : bySize)
    {
        const auto index = static_cast<size_t>(object->category);
        const std::string name = index < classNames.size() ? classNames[index] : std::to_string(index);
        drawName(image, {cvRound(object->x1 * scale), cvRound(object->y1 * scale)},
                 object->crowd ? name + " crowd" : name, cv::d2det::classColor(object->category), names);
    }
    return image;
}

//! The end of the text that fits.
std::string fitting(const std::string& text, int width)
{
    const auto widthOf = [](const std::string& shown) { return cv::d2det::measureText(shown, TEXT, 1, nullptr).width; };
    std::string shown = text;
    for (size_t at = 0; at < text.size() && widthOf(shown) > width;)
    {
        at++;
        while (at < text.size() && (text[at] & 0xc0) == 0x80)  // no half of a character (UTF-8)
            at++;
        shown = "..." + text.substr(at);
    }
    return shown;
}

}  // namespace

SheetItem sheetItem(const ImageRecord& record, const cv::Mat& image)
{
    SheetItem item;
    item.image = image;
    item.caption = std::filesystem::path(record.path).filename().string() +
                   cv::format("  %d x %d, ", image.cols, image.rows) +
                   counted(static_cast<int64_t>(record.annotations.size()), "object");
    for (const Annotation& a : record.annotations)
    {
        SheetObject object{a.x, a.y, a.x + a.width, a.y + a.height, a.category, a.crowd, cv::Mat(), a.keypoints};
        if (a.segmentation)  // malformed ones are reported by lint
            object.mask = toMask(*a.segmentation, record.height, record.width);
        object.mask = object.mask.size() == image.size() ? cv::Mat(object.mask * 255) : cv::Mat();
        item.objects.push_back(std::move(object));
    }
    return item;
}

SheetItem sheetItem(const Sample& sample, const std::string& caption)
{
    SheetItem item;
    item.image = sample.image;
    item.caption = caption;
    for (const std::vector<LabeledBox>* list : {&sample.boxes, &sample.crowds})
        for (const LabeledBox& box : *list)
            item.objects.push_back({box.x1, box.y1, box.x2, box.y2, box.category, list == &sample.crowds,
                                    box.mask.empty() ? cv::Mat() : cv::Mat(box.mask * 255), box.keypoints});
    return item;
}

cv::Mat drawSheet(const std::vector<SheetItem>& items, const std::vector<std::string>& classNames, int columns,
                  int cell)
{
    CV_Assert(columns >= 1 && cell >= 1 && !items.empty());
    columns = std::min(columns, static_cast<int>(items.size()));
    std::vector<cv::Mat> drawn;
    std::vector<int> rowHeights;
    for (size_t i = 0; i < items.size(); i++)
    {
        drawn.push_back(drawItem(items[i], classNames, cell));
        if (i % static_cast<size_t>(columns) == 0)
            rowHeights.push_back(0);
        rowHeights.back() = std::max(rowHeights.back(), drawn.back().rows);
    }
    int height = GAP;
    for (const int row : rowHeights)
        height += row + CAPTION + GAP;
    cv::Mat sheet(height, GAP + columns * (cell + GAP), CV_8UC3, PAPER);
    int y = GAP;
    for (size_t i = 0; i < drawn.size(); i++)
    {
        const size_t column = i % static_cast<size_t>(columns), row = i / static_cast<size_t>(columns);
        const int x = GAP + static_cast<int>(column) * (cell + GAP);
        cv::d2det::drawText(sheet, fitting(items[i].caption, cell), {x, y + CAPTION - 8}, TEXT, CAPTION_COLOR);
        drawn[i].copyTo(sheet(cv::Rect({x + (cell - drawn[i].cols) / 2, y + CAPTION}, drawn[i].size())));
        if (column + 1 == static_cast<size_t>(columns))
            y += rowHeights[row] + CAPTION + GAP;
    }
    return sheet;
}

}  // namespace d2det
