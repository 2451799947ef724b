// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/compose.hpp"

#include "dataset/geometry.hpp"
#include "dataset/segmentation.hpp"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>

namespace d2det
{

namespace
{

constexpr double MOSAIC_ENLARGED = 1.5;
constexpr int MARGIN = 2;  // pixels

//! The image resampled to fill `size`; a random part of it.
Sample tile(const Sample& source, cv::Size size, Random& random, const KeepRule& rule)
{
    const double least = std::max(double(size.width) / source.image.cols, double(size.height) / source.image.rows);
    const double factor = least * random.uniform(1, MOSAIC_ENLARGED);
    const cv::Size whole(std::max(cvRound(source.image.cols * factor), size.width),
                         std::max(cvRound(source.image.rows * factor), size.height));
    const cv::Point corner = drawCorner(random, size, whole);
    const cv::Matx23d map(double(whole.width) / source.image.cols, 0, -corner.x, 0,
                          double(whole.height) / source.image.rows, -corner.y);
    Sample result;
    // Enlarged, all of it might be huge: a strip of 10 x 2000 pixels.
    result.image = factor < 1 ? resized(source.image, whole)(cv::Rect(corner, size))
                              : warped(source.image, map, size, cv::INTER_LINEAR, cv::BORDER_REPLICATE);
    result.boxes = movedBoxes(source.boxes, map, size, rule);
    result.crowds = movedBoxes(source.crowds, map, size, KeepRule());
    return result;
}

//! Places an object of a part of an image into the image.
LabeledBox placed(LabeledBox box, const cv::Rect& part, cv::Size size)
{
    box.x1 += part.x;
    box.x2 += part.x;
    box.y1 += part.y;
    box.y2 += part.y;
    for (std::vector<double>& points : box.outline)
        for (size_t i = 0; i < points.size(); i++)
            points[i] += i % 2 ? part.y : part.x;
    moveKeypoints(box.keypoints, {1, 0, double(part.x), 0, 1, double(part.y)}, size);
    if (!box.mask.empty())
    {
        cv::Mat mask = cv::Mat::zeros(size, CV_8U);
        box.mask.copyTo(mask(part));
        box.mask = mask;
    }
    return box;
}

//! What pasted pixels leave of an object; `covered` is 1 there, in `part` of the image.
void cover(LabeledBox& box, const cv::Mat& covered, const cv::Rect& part)
{
    for (Keypoint& point : box.keypoints.points)
    {
        const cv::Point pixel(cvFloor(point.x) - part.x, cvFloor(point.y) - part.y);
        if (point.visibility == VISIBLE && cv::Rect({0, 0}, part.size()).contains(pixel) && covered.at<uchar>(pixel))
            point.visibility = HIDDEN;
    }
    if (box.mask.empty())
    {
        const cv::Rect inside =
            cv::Rect(cv::Point(cvFloor(box.x1), cvFloor(box.y1)), cv::Point(cvCeil(box.x2), cvCeil(box.y2)));
        const cv::Rect common = inside & part;
        if (!common.empty())
            box.visible *= 1 - double(cv::countNonZero(covered(common - part.tl()))) / inside.area();
        return;
    }
    cv::Mat below;
    cv::bitwise_and(box.mask(part), covered, below);
    if (cv::countNonZero(below) == 0)
        return;
    const cv::Rect before = maskBounds(box.mask);
    const int pixels = cv::countNonZero(box.mask);
    box.mask = box.mask.clone();  // it may be shared with other samples
    box.mask(part).setTo(0, covered);
    box.outline.clear();
    box.visible *= double(cv::countNonZero(box.mask)) / pixels;
    tighten(box, before, maskBounds(box.mask));
}

bool gone(const LabeledBox& box, const KeepRule& rule)
{
    return thinner(box, rule.minSide) || box.visible <= 0 || box.visible < rule.minVisible;
}

void dropGone(std::vector<LabeledBox>& boxes, const KeepRule& rule)
{
    boxes.erase(std::remove_if(boxes.begin(), boxes.end(), [&](const LabeledBox& box) { return gone(box, rule); }),
                boxes.end());
}

void paste(Sample& target, const Sample& source, const LabeledBox& object, Random& random, const AugmentConfig& config)
{
    const cv::Rect from = maskBounds(object.mask);
    const cv::Size size = target.image.size();
    const double most = std::min(double(size.width) / from.width, double(size.height) / from.height);
    const double factor = std::min(random.uniform(config.pasteScale[0], config.pasteScale[1]), most);
    const cv::Size scaled(std::clamp(cvRound(from.width * factor), 1, size.width),
                          std::clamp(cvRound(from.height * factor), 1, size.height));
    const cv::Point to = drawCorner(random, scaled, size);
    const cv::Matx23d map(double(scaled.width) / from.width, 0, to.x - from.x * double(scaled.width) / from.width, 0,
                          double(scaled.height) / from.height, to.y - from.y * double(scaled.height) / from.height);
    // An outline may reach less than a pixel beyond the bounds of its mask and thus beyond the image: it is cut there.
    std::vector<LabeledBox> moved = movedBoxes({object}, map, size, KeepRule());
    if (moved.empty())
        return;  // so small that no pixel is left
    const cv::Rect part = maskBounds(moved[0].mask);
    const cv::Mat covered = moved[0].mask(part);
    // Made smaller by areas first, with a margin, or the border of the object would mix with that of the part.
    cv::Rect around({0, 0}, source.image.size());
    around &= cv::Rect(from.x - MARGIN, from.y - MARGIN, from.width + 2 * MARGIN, from.height + 2 * MARGIN);
    cv::Mat filtered = source.image(around);
    if (factor < 1)
        filtered = resized(filtered, {std::max(cvRound(around.width * map(0, 0)), 1),
                                      std::max(cvRound(around.height * map(1, 1)), 1)});
    cv::Matx23d toPart;  // filtered -> source -> target -> part
    for (int axis = 0; axis < 2; axis++)
    {
        const double shrunk = axis == 0 ? double(filtered.cols) / around.width : double(filtered.rows) / around.height;
        const int start = axis == 0 ? around.x : around.y, corner = axis == 0 ? part.x : part.y;
        toPart(axis, axis) = map(axis, axis) / shrunk;
        toPart(axis, 2) = map(axis, axis) * start + map(axis, 2) - corner;
    }
    const cv::Mat pixels = warped(filtered, toPart, part.size(), cv::INTER_LINEAR, cv::BORDER_REPLICATE);
    for (std::vector<LabeledBox>* list : {&target.boxes, &target.crowds})
        for (LabeledBox& box : *list)
            cover(box, covered, part);
    pixels.copyTo(target.image(part), covered);
    target.boxes.push_back(moved[0]);
}

}  // namespace

Sample mosaic(const std::array<Sample, 4>& images, cv::Size size, Random& random, const KeepRule& rule)
{
    const auto middle = [&](int side)
    { return std::clamp(cvRound(side * random.uniform(0.25, 0.75)), std::min(1, side), std::max(side - 1, 1)); };
    cv::Point split;
    split.x = middle(size.width);  // one after the other: the order of arguments is the compiler's choice
    split.y = middle(size.height);
    Sample result;
    result.image.create(size, images[0].image.type());
    for (size_t i = 0; i < images.size(); i++)
    {
        const bool right = i % 2 == 1, bottom = i >= 2;
        const cv::Rect quarter(cv::Point(right ? split.x : 0, bottom ? split.y : 0),
                               cv::Point(right ? size.width : split.x, bottom ? size.height : split.y));
        if (quarter.empty())  // an image of one pixel
            continue;
        const Sample part = tile(images[i], quarter.size(), random, rule);
        part.image.copyTo(result.image(quarter));
        for (const LabeledBox& box : part.boxes)
            result.boxes.push_back(placed(box, quarter, size));
        for (const LabeledBox& box : part.crowds)
            result.crowds.push_back(placed(box, quarter, size));
    }
    return result;
}

void copyPaste(Sample& target, const Sample& source, Random& random, const AugmentConfig& config, const KeepRule& rule)
{
    std::vector<LabeledBox> objects;
    for (const LabeledBox& box : source.boxes)
        if (!box.mask.empty())
            objects.push_back(box);
    if (objects.empty())
        return;
    random.shuffle(objects);
    const size_t most = std::min(objects.size(), static_cast<size_t>(config.pasteObjects));
    objects.resize(static_cast<size_t>(random.below(most)) + 1);
    target.image = target.image.clone();  // it may be shared with the cache
    for (const LabeledBox& object : objects)
        paste(target, source, object, random, config);
    dropGone(target.boxes, rule);
    dropGone(target.crowds, KeepRule());
}

}  // namespace d2det
