// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/geometry.hpp"

#include "base/error.hpp"
#include "dataset/segmentation.hpp"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

namespace d2det
{

namespace
{

constexpr int ATTEMPTS = 10;
constexpr double DEGREE = CV_PI / 180;
constexpr int MAX_WARPED_SIDE = 32767;  // cv::warpAffine computes with coordinates of 16 bits

struct Bounds
{
    double x1, y1, x2, y2;
};

cv::Point2d moved(const cv::Matx23d& map, double x, double y)
{
    return {map(0, 0) * x + map(0, 1) * y + map(0, 2), map(1, 0) * x + map(1, 1) * y + map(1, 2)};
}

void movePoints(Polygons& outline, const cv::Matx23d& map)
{
    for (std::vector<double>& part : outline)
        for (size_t i = 0; i + 1 < part.size(); i += 2)
        {
            const cv::Point2d point = moved(map, part[i], part[i + 1]);
            part[i] = point.x;
            part[i + 1] = point.y;
        }
}

//! Hull of the moved corners.
Bounds movedHull(const LabeledBox& box, const cv::Matx23d& map)
{
    const cv::Point2d corners[] = {moved(map, box.x1, box.y1), moved(map, box.x2, box.y1), moved(map, box.x1, box.y2),
                                   moved(map, box.x2, box.y2)};
    Bounds hull{corners[0].x, corners[0].y, corners[0].x, corners[0].y};
    for (const cv::Point2d& corner : corners)
    {
        hull.x1 = std::min(hull.x1, corner.x);
        hull.y1 = std::min(hull.y1, corner.y);
        hull.x2 = std::max(hull.x2, corner.x);
        hull.y2 = std::max(hull.y2, corner.y);
    }
    return hull;
}

//! The part of the bounds inside the image.
void setClipped(LabeledBox& box, const Bounds& bounds, cv::Size size)
{
    box.x1 = std::max(bounds.x1, 0.);
    box.y1 = std::max(bounds.y1, 0.);
    box.x2 = std::min(bounds.x2, double(size.width));
    box.y2 = std::min(bounds.y2, double(size.height));
}

bool inside(const Bounds& b, cv::Size size)
{
    return b.x1 >= 0 && b.y1 >= 0 && b.x2 <= size.width && b.y2 <= size.height;
}

double area(const Bounds& b)
{
    return (b.x2 - b.x1) * (b.y2 - b.y1);
}

double area(const LabeledBox& box)
{
    return std::max(box.x2 - box.x1, 0.) * std::max(box.y2 - box.y1, 0.);
}

//! An exact map of the image onto itself: boxes and outlines by `map`, pixels by `change`.
template <class F>
void moveExactly(Sample& sample, const cv::Matx23d& map, F change)
{
    const auto changed = [&](const cv::Mat& source)
    {
        cv::Mat target;  // not in place: the image may be shared with the cache
        change(source, target);
        return target;
    };
    sample.image = changed(sample.image);
    for (std::vector<LabeledBox>* list : {&sample.boxes, &sample.crowds})
        for (LabeledBox& box : *list)
        {
            const Bounds hull = movedHull(box, map);
            box.x1 = hull.x1;
            box.y1 = hull.y1;
            box.x2 = hull.x2;
            box.y2 = hull.y2;
            movePoints(box.outline, map);
            moveKeypoints(box.keypoints, map, sample.image.size());
            if (!box.mask.empty())
                box.mask = changed(box.mask);
        }
}

// ---- crop ----

bool centerInside(const LabeledBox& box, const cv::Rect& part)
{
    const double x = 0.5 * (box.x1 + box.x2), y = 0.5 * (box.y1 + box.y2);
    return x >= part.x && x < part.x + part.width && y >= part.y && y < part.y + part.height;
}

//! An outline that leaves the image has lost its pixels there; they would come back with the next move.
void dropCutOutline(LabeledBox& box, cv::Size size)
{
    double span[4];
    if (!boundsOfPolygons(box.outline, span) || !inside({span[0], span[1], span[0] + span[2], span[1] + span[3]}, size))
        box.outline.clear();
}

//! The part of an object inside `part`, whatever is left.
LabeledBox cutBox(LabeledBox box, const cv::Rect& part)
{
    const double whole = area(box);
    const bool cut = box.x1 < part.x || box.y1 < part.y || box.x2 > part.br().x || box.y2 > part.br().y;
    box.x1 = std::max(box.x1 - part.x, 0.);
    box.y1 = std::max(box.y1 - part.y, 0.);
    box.x2 = std::min(box.x2 - part.x, double(part.width));
    box.y2 = std::min(box.y2 - part.y, double(part.height));
    double share = area(box) / whole;
    if (!box.mask.empty())
    {
        const cv::Mat left = box.mask(part);
        if (cut)
            share = cv::countNonZero(left) / double(std::max(cv::countNonZero(box.mask), 1));
        box.mask = left;
    }
    if (cut)
        box.visible *= share;
    const cv::Matx23d shift(1, 0, -double(part.x), 0, 1, -double(part.y));
    movePoints(box.outline, shift);
    moveKeypoints(box.keypoints, shift, part.size());
    dropCutOutline(box, part.size());  // also where it reaches beyond the annotated box
    return box;
}

std::vector<LabeledBox> boxesInside(const std::vector<LabeledBox>& boxes, const cv::Rect& part, double minSide,
                                    double keep)
{
    std::vector<LabeledBox> kept;
    for (const LabeledBox& box : boxes)
    {
        if (keep == 0 && !centerInside(box, part))
            continue;
        LabeledBox left = cutBox(box, part);
        if (thinner(left, minSide))
            continue;
        if (keep > 0 && left.visible < box.visible)
        {
            if (left.visible < keep)
                continue;
            if (!left.mask.empty())
            {
                const cv::Rect after = maskBounds(left.mask);
                if (after.empty())
                    continue;
                tighten(left, maskBounds(box.mask) - part.tl(), after);
                if (thinner(left, minSide))
                    continue;
            }
        }
        kept.push_back(left);
    }
    return kept;
}

//! Least share that is not nothing, for those who keep everything.
constexpr double ANY = 1e-9;

//! Draws a length of at least minScale * side and a start inside the image.
void drawSpan(Random& random, int side, double minScale, int& start, int& length)
{
    length = std::clamp(cvFloor(side * random.uniform(minScale, 1) + 0.5), 1, side);
    start = static_cast<int>(random.below(static_cast<uint64_t>(side - length) + 1));
}

// ---- affine ----

//! Nearest neighbor; only the part of the image where the object can be is computed.
cv::Mat warpedMask(const cv::Mat& mask, const cv::Matx23d& map, cv::Size size)
{
    const cv::Rect source = maskBounds(mask);
    const LabeledBox box{double(source.x), double(source.y), double(source.br().x), double(source.br().y)};
    const Bounds hull = movedHull(box, map);
    LabeledBox clipped;
    setClipped(clipped, hull, size);
    cv::Mat result = cv::Mat::zeros(size, CV_8U);
    if (thinner(clipped, 0))
        return result;
    const cv::Point low(cvFloor(clipped.x1), cvFloor(clipped.y1)), high(cvCeil(clipped.x2), cvCeil(clipped.y2));
    const cv::Rect target(low, high);
    cv::Matx23d shifted = map;
    for (int row = 0; row < 2; row++)
        shifted(row, 2) += map(row, 0) * source.x + map(row, 1) * source.y - (row == 0 ? target.x : target.y);
    warped(mask(source), shifted, target.size(), cv::INTER_NEAREST).copyTo(result(target));
    return result;
}

//! Moves an object with a mask. False if no pixel of it is left.
bool moveMasked(LabeledBox& box, const cv::Matx23d& map, cv::Size size)
{
    const double before = cv::countNonZero(box.mask) * std::abs(map(0, 0) * map(1, 1) - map(0, 1) * map(1, 0));
    std::optional<Bounds> bounds;  // of an outline
    bool cut = false;
    if (box.outline.empty())
    {
        const cv::Rect span = maskBounds(box.mask);
        const LabeledBox around{double(span.x), double(span.y), double(span.br().x), double(span.br().y)};
        cut = !inside(movedHull(around, map), size);
        box.mask = warpedMask(box.mask, map, size);
    }
    else
    {
        movePoints(box.outline, map);
        double span[4];
        if (!boundsOfPolygons(box.outline, span))
            return false;
        bounds = Bounds{span[0], span[1], span[0] + span[2], span[1] + span[3]};
        cut = !inside(*bounds, size);
        Segmentation outline;
        outline.polygons = box.outline;
        box.mask = toMask(outline, size.height, size.width);
    }
    if (box.mask.empty())
        return false;
    const cv::Rect left = maskBounds(box.mask);
    if (left.empty())
        return false;
    if (cut)
    {
        box.visible *= std::min(cv::countNonZero(box.mask) / before, 1.);
        box.outline.clear();  // it would come back with the next move
    }
    if (cut || !bounds)
        bounds = Bounds{double(left.x), double(left.y), double(left.br().x), double(left.br().y)};
    setClipped(box, *bounds, size);
    return true;
}

//! Moves an object without a mask.
void moveHull(LabeledBox& box, const cv::Matx23d& map, cv::Size size)
{
    const Bounds hull = movedHull(box, map);
    setClipped(box, hull, size);
    box.visible *= std::min(area(box) / area(hull), 1.);
}

double drawAround(Random& random, double limit)
{
    return random.uniform(-limit, limit);
}

cv::Matx23d drawMap(Random& random, const AugmentConfig& c, cv::Size size)
{
    const double angle = drawAround(random, c.rotation) * DEGREE;
    const double factor = random.uniform(c.scale[0], c.scale[1]);
    const double shearX = std::tan(drawAround(random, c.shear) * DEGREE),
                 shearY = std::tan(drawAround(random, c.shear) * DEGREE);
    const double shiftX = drawAround(random, c.translation) * size.width,
                 shiftY = drawAround(random, c.translation) * size.height;
    const cv::Matx22d turn(std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle));
    const cv::Matx22d linear = turn * cv::Matx22d(1, shearX, shearY, 1) * factor;
    const cv::Vec2d middle(0.5 * size.width, 0.5 * size.height);
    const cv::Vec2d shift = middle + cv::Vec2d(shiftX, shiftY) - linear * middle;
    return {linear(0, 0), linear(0, 1), shift[0], linear(1, 0), linear(1, 1), shift[1]};
}

KeepRule ofCrowds()
{
    return {ANY, 0};
}

}  // namespace

cv::Mat warped(const cv::Mat& image, const cv::Matx23d& map, const cv::Size& size, int interpolation, int border,
               const cv::Scalar& fill)
{
    for (const cv::Size& side : {image.size(), size})
        if (std::max(side.width, side.height) > MAX_WARPED_SIDE)
            fail("an image of " + std::to_string(side.width) + " x " + std::to_string(side.height) +
                 " pixels is too large for this augmentation, its sides may have " + std::to_string(MAX_WARPED_SIDE) +
                 "; cut the image into tiles, or set data.augment.affine, mosaic and copy_paste to 0");
    cv::Matx23d ofIndices = map;  // the center of pixel i is i + 0.5
    for (int row = 0; row < 2; row++)
        ofIndices(row, 2) += 0.5 * (map(row, 0) + map(row, 1)) - 0.5;
    cv::Mat result;
    cv::warpAffine(image, result, ofIndices, size, interpolation, border, fill);
    return result;
}

cv::Point drawCorner(Random& random, const cv::Size& inner, const cv::Size& outer)
{
    const uint64_t x = random.below(static_cast<uint64_t>(outer.width - inner.width) + 1);
    const uint64_t y = random.below(static_cast<uint64_t>(outer.height - inner.height) + 1);
    return {static_cast<int>(x), static_cast<int>(y)};
}

cv::Mat resized(const cv::Mat& image, const cv::Size& size)
{
    cv::Mat result;
    const bool smaller = size.width <= image.cols && size.height <= image.rows;
    cv::resize(image, result, size, 0, 0, smaller ? cv::INTER_AREA : cv::INTER_LINEAR);
    return result;
}

void flipHorizontal(Sample& sample)
{
    moveExactly(sample, {-1, 0, double(sample.image.cols), 0, 1, 0},
                [](const cv::Mat& source, cv::Mat& target) { cv::flip(source, target, 1); });
}

void flipVertical(Sample& sample)
{
    moveExactly(sample, {1, 0, 0, 0, -1, double(sample.image.rows)},
                [](const cv::Mat& source, cv::Mat& target) { cv::flip(source, target, 0); });
}

void turnRight(Sample& sample, int quarters)
{
    const double width = sample.image.cols, height = sample.image.rows;
    const auto by = [](int code)
    { return [code](const cv::Mat& source, cv::Mat& target) { cv::rotate(source, target, code); }; };
    if (quarters == 1)
        moveExactly(sample, {0, -1, height, 1, 0, 0}, by(cv::ROTATE_90_CLOCKWISE));
    else if (quarters == 2)
        moveExactly(sample, {-1, 0, width, 0, -1, height}, by(cv::ROTATE_180));
    else if (quarters == 3)
        moveExactly(sample, {0, 1, 0, -1, 0, width}, by(cv::ROTATE_90_COUNTERCLOCKWISE));
    else
        CV_Assert(quarters == 0);
}

void crop(Sample& sample, const cv::Rect& part, double minSide, double keep)
{
    CV_Assert(part.width > 0 && part.height > 0 && (part & cv::Rect({0, 0}, sample.image.size())) == part);
    sample.image = sample.image(part);
    sample.boxes = boxesInside(sample.boxes, part, minSide, keep);
    sample.crowds = boxesInside(sample.crowds, part, 0, ANY);
}

void cropRandomly(Sample& sample, Random& random, double minScale, double minSide, double keep)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++)
    {
        cv::Rect part;
        drawSpan(random, sample.image.cols, minScale, part.x, part.width);
        drawSpan(random, sample.image.rows, minScale, part.y, part.height);
        if (!sample.boxes.empty() && boxesInside(sample.boxes, part, minSide, keep).empty())
            continue;
        crop(sample, part, minSide, keep);
        return;
    }
}

std::vector<LabeledBox> movedBoxes(const std::vector<LabeledBox>& boxes, const cv::Matx23d& map, cv::Size size,
                                   const KeepRule& rule)
{
    std::vector<LabeledBox> kept;
    for (LabeledBox box : boxes)
    {
        if (box.mask.empty())
            moveHull(box, map, size);
        else if (!moveMasked(box, map, size))
            continue;
        moveKeypoints(box.keypoints, map, size);
        if (!thinner(box, rule.minSide) && box.visible >= std::max(rule.minVisible, ANY))
            kept.push_back(box);
    }
    return kept;
}

void warp(Sample& sample, const cv::Matx23d& map, const KeepRule& rule, const cv::Scalar& fill)
{
    const cv::Size size = sample.image.size();
    sample.boxes = movedBoxes(sample.boxes, map, size, rule);
    sample.crowds = movedBoxes(sample.crowds, map, size, ofCrowds());
    sample.image = warped(sample.image, map, size, cv::INTER_LINEAR, cv::BORDER_CONSTANT, fill);
}

void warpRandomly(Sample& sample, Random& random, const AugmentConfig& config, const KeepRule& rule,
                  const cv::Scalar& fill)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++)
    {
        const cv::Matx23d map = drawMap(random, config, sample.image.size());
        if (!sample.boxes.empty() && movedBoxes(sample.boxes, map, sample.image.size(), rule).empty())
            continue;
        warp(sample, map, rule, fill);
        return;
    }
}

void zoomRandomly(Sample& sample, Random& random, const AugmentConfig& config, const KeepRule& rule,
                  const cv::Scalar& fill)
{
    const cv::Size size = sample.image.size();
    for (int attempt = 0; attempt < ATTEMPTS; attempt++)
    {
        const double factor = random.uniform(config.zoomScale[0], config.zoomScale[1]);
        const double side = factor < 1 ? factor : 1 / factor;
        const cv::Size inner(std::clamp(cvRound(size.width * side), 1, size.width),
                             std::clamp(cvRound(size.height * side), 1, size.height));
        const cv::Point corner = drawCorner(random, inner, size);
        const cv::Rect part(corner, inner);
        const bool hadBoxes = !sample.boxes.empty();
        if (factor >= 1)
        {
            const double keep = std::max(rule.minVisible, ANY);
            if (hadBoxes && boxesInside(sample.boxes, part, rule.minSide, keep).empty())
                continue;
            crop(sample, part, rule.minSide, keep);
            return;
        }
        const cv::Matx23d map(double(inner.width) / size.width, 0, corner.x, 0, double(inner.height) / size.height,
                              corner.y);
        std::vector<LabeledBox> boxes = movedBoxes(sample.boxes, map, size, rule);
        if (hadBoxes && boxes.empty())
            continue;
        sample.boxes = std::move(boxes);
        sample.crowds = movedBoxes(sample.crowds, map, size, ofCrowds());
        cv::Mat frame(size, sample.image.type(), fill);
        resized(sample.image, inner).copyTo(frame(part));
        sample.image = frame;
        return;
    }
}

}  // namespace d2det
