// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Augmentation: objects are drawn in colors of their own, so where they are after a change is read from the pixels and
   compared with box and mask. Needs no LibTorch. The loader with augmentation is tested in test_data.cpp. */

#define BOOST_TEST_MODULE augment
#include <boost/test/unit_test.hpp>

#include "dataset/augment.hpp"
#include "base/contours.hpp"
#include "dataset/compose.hpp"
#include "dataset/geometry.hpp"
#include "dataset/pixel_effects.hpp"
#include "dataset/segmentation.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

using namespace d2det;

namespace
{

enum class Label
{
    OUTLINE,
    RUN_LENGTHS,
    BOX
};

const cv::Scalar GREEN(20, 220, 20), RED(20, 20, 220), BLUE(220, 20, 20);
const KeepRule ALL{0, 0};

//! An L, so that no change leaves it as it was.
std::vector<double> shape(double x, double y, double size)
{
    return {x,        y, x + 0.4 * size, y, x + 0.4 * size, y + 0.6 * size, x + size, y + 0.6 * size, x + size,
            y + size, x, y + size};
}

ImageRecord recordOf(cv::Size size, const std::vector<double>& polygon, Label label)
{
    ImageRecord image;
    image.width = size.width;
    image.height = size.height;
    Annotation a;
    double box[4];
    BOOST_REQUIRE(boundsOfPolygons({polygon}, box));
    a.x = box[0];
    a.y = box[1];
    a.width = box[2];
    a.height = box[3];
    Segmentation s;
    s.polygons = {polygon};
    if (label == Label::RUN_LENGTHS)
    {
        const cv::d2det::Rle code = toRle(s, size.height, size.width);
        s.polygons.clear();
        s.counts.assign(code.counts.begin(), code.counts.end());
        s.height = size.height;
        s.width = size.width;
    }
    if (label != Label::BOX)
        a.segmentation = s;
    image.annotations.push_back(a);
    return image;
}

//! A dark image with an object in a color.
Sample sampleOf(cv::Size size, const std::vector<double>& polygon, Label label, const cv::Scalar& color = GREEN)
{
    Sample sample;
    sample.image = cv::Mat(size, CV_8UC3);
    cv::RNG(7).fill(sample.image, cv::RNG::UNIFORM, 0, 40);
    Segmentation outline;
    outline.polygons = {polygon};
    sample.image.setTo(color, toMask(outline, size.height, size.width));
    sample.boxes = usableBoxesWithMasks(recordOf(size, polygon, label), 1);
    BOOST_REQUIRE(sample.boxes.size() == 1u);
    BOOST_REQUIRE(sample.boxes[0].mask.empty() == (label == Label::BOX));
    BOOST_REQUIRE(sample.boxes[0].outline.empty() == (label != Label::OUTLINE));
    return sample;
}

//! 255 where the image has the color; half of the way to a dark one counts.
cv::Mat pixelsOf(const cv::Mat& image, const cv::Scalar& color)
{
    const int strong = static_cast<int>(std::max_element(color.val, color.val + 3) - color.val);
    cv::Mat channels[3];
    cv::split(image, channels);
    cv::Mat weak;
    cv::max(channels[(strong + 1) % 3], channels[(strong + 2) % 3], weak);
    return (channels[strong] > 120) & (weak < 110);
}

bool same(const cv::Mat& a, const cv::Mat& b)
{
    return a.size() == b.size() && a.type() == b.type() && (a.empty() || cv::norm(a, b, cv::NORM_INF) == 0);
}

bool same(const LabeledBox& a, const LabeledBox& b)
{
    return a.x1 == b.x1 && a.y1 == b.y1 && a.x2 == b.x2 && a.y2 == b.y2 && a.category == b.category &&
           same(a.mask, b.mask) && a.outline == b.outline && a.visible == b.visible;
}

bool same(const Sample& a, const Sample& b)
{
    return same(a.image, b.image) && a.boxes.size() == b.boxes.size() &&
           std::equal(a.boxes.begin(), a.boxes.end(), b.boxes.begin(),
                      [](const LabeledBox& x, const LabeledBox& y) { return same(x, y); });
}

double maskIoU(const cv::Mat& a, const cv::Mat& b)
{
    return double(cv::countNonZero(a & b)) / std::max(cv::countNonZero(a | b), 1);
}

cv::Mat asPixels(const cv::Mat& mask)
{
    return mask * 255;
}

double boxIoU(const LabeledBox& box, const cv::Rect& rect)
{
    const cv::Rect2d a(box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1), b = rect;
    const double both = (a & b).area();
    return both / (a.area() + b.area() - both);
}

//! They differ nowhere by more than one pixel.
bool withinOnePixel(const cv::Mat& a, const cv::Mat& b)
{
    cv::Mat widerA, widerB;
    cv::dilate(a, widerA, cv::Mat());
    cv::dilate(b, widerB, cv::Mat());
    return cv::countNonZero(a & ~widerB) == 0 && cv::countNonZero(b & ~widerA) == 0;
}

//! Area in pixels below which one pixel decides the IoU, so that it does not say where things are.
constexpr int SMALL = 600;

//! Box and mask are where the pixels of the color are: IoU of at least `least`, of small objects within a pixel.
void checkFits(const Sample& sample, const LabeledBox& box, const cv::Scalar& color, double least)
{
    const cv::Mat pixels = pixelsOf(sample.image, color);
    BOOST_TEST((box.x1 >= 0 && box.y1 >= 0 && box.x2 <= sample.image.cols && box.y2 <= sample.image.rows));
    const bool small = least < 1 && cv::countNonZero(pixels) < SMALL;
    if (!box.mask.empty())
    {
        BOOST_REQUIRE((box.mask.size() == sample.image.size()));
        const double iou = maskIoU(asPixels(box.mask), pixels);
        BOOST_TEST((iou >= least || (small && withinOnePixel(asPixels(box.mask), pixels))),
                   "mask and pixels have IoU " << iou);
    }
    const cv::Rect span = cv::boundingRect(pixels);
    const double iou = boxIoU(box, span);
    BOOST_TEST((iou >= least || (small && std::abs(box.x1 - span.x) <= 1 && std::abs(box.y1 - span.y) <= 1 &&
                                 std::abs(box.x2 - span.br().x) <= 1 && std::abs(box.y2 - span.br().y) <= 1)),
               "box and pixels have IoU " << iou);
}

//! The changes that were there before all others: crop, flip, color.
void augmentAsBefore(Sample& sample, const DataConfig& config, Random& random)
{
    const bool cropped = random.uniform() < config.randomCrop, flipped = random.uniform() < config.flip;
    for (int attempt = 0; cropped && attempt < 10; attempt++)
    {
        int start[2], length[2];
        for (int i = 0; i < 2; i++)
        {
            const int side = i == 0 ? sample.image.cols : sample.image.rows;
            length[i] = std::clamp(cvFloor(side * random.uniform(config.cropMinScale, 1) + 0.5), 1, side);
            start[i] = static_cast<int>(random.below(static_cast<uint64_t>(side - length[i]) + 1));
        }
        const cv::Rect part(start[0], start[1], length[0], length[1]);
        std::vector<LabeledBox> kept;
        for (LabeledBox box : sample.boxes)
        {
            const double x = 0.5 * (box.x1 + box.x2), y = 0.5 * (box.y1 + box.y2);
            if (!(x >= part.x && x < part.x + part.width && y >= part.y && y < part.y + part.height))
                continue;
            box.x1 = std::max(box.x1 - part.x, 0.);
            box.y1 = std::max(box.y1 - part.y, 0.);
            box.x2 = std::min(box.x2 - part.x, double(part.width));
            box.y2 = std::min(box.y2 - part.y, double(part.height));
            if (box.x2 - box.x1 < std::max(config.minSide, 1) || box.y2 - box.y1 < std::max(config.minSide, 1))
                continue;
            if (!box.mask.empty())
                box.mask = box.mask(part);
            kept.push_back(box);
        }
        if (!sample.boxes.empty() && kept.empty())
            continue;
        sample.image = sample.image(part);
        sample.boxes = kept;
        break;
    }
    if (flipped)
    {
        cv::Mat image;
        cv::flip(sample.image, image, 1);
        sample.image = image;
        for (LabeledBox& box : sample.boxes)
        {
            const double x1 = image.cols - box.x2;
            box.x2 = image.cols - box.x1;
            box.x1 = x1;
            cv::Mat mask;
            if (!box.mask.empty())
                cv::flip(box.mask, mask, 1);
            box.mask = mask;
        }
    }
    if (config.colorJitter == 0)
        return;
    const double strength = config.colorJitter;
    double factors[3];
    for (double& factor : factors)
        factor = random.uniform(1 - strength, 1 + strength);
    const double gray[3] = {0.114, 0.587, 0.299};
    const cv::Scalar mean = cv::mean(sample.image);
    cv::Matx<float, 3, 4> map;
    for (int row = 0; row < 3; row++)
    {
        for (int column = 0; column < 3; column++)
            map(row, column) = static_cast<float>(
                factors[0] * factors[1] * ((1 - factors[2]) * gray[column] + (row == column ? factors[2] : 0.)));
        map(row, 3) = static_cast<float>((1 - factors[1]) * factors[0] *
                                         (gray[0] * mean[0] + gray[1] * mean[1] + gray[2] * mean[2]));
    }
    cv::Mat changed;
    cv::transform(sample.image, changed, map);
    sample.image = changed;
}

AugmentSource nothingElse()
{
    return {nullptr, cv::Scalar::all(0)};
}

}  // namespace

// ------------------------------------------------------------------ geometry
BOOST_AUTO_TEST_SUITE(geometry)

BOOST_AUTO_TEST_CASE(flips_and_right_angles_are_exact)
{
    using Change = void (*)(Sample&);
    const Change changes[] = {flipHorizontal, flipVertical, [](Sample& s) { turnRight(s, 1); },
                              [](Sample& s) { turnRight(s, 2); }, [](Sample& s) { turnRight(s, 3); }};
    for (const Label label : {Label::OUTLINE, Label::RUN_LENGTHS, Label::BOX})
    {
        const Sample original = sampleOf({60, 44}, shape(9, 6, 20), label);
        for (const Change change : changes)
        {
            Sample sample = original;
            const cv::Mat shared = sample.image, copy = sample.image.clone();
            change(sample);
            BOOST_TEST(same(shared, copy));  // the source may lie in the cache
            BOOST_TEST(!same(sample.image, original.image));
            checkFits(sample, sample.boxes[0], GREEN, 1);
            BOOST_TEST(sample.boxes[0].visible == 1);
            if (label == Label::OUTLINE)
            {
                Segmentation outline;
                outline.polygons = sample.boxes[0].outline;
                BOOST_TEST(same(toMask(outline, sample.image.rows, sample.image.cols), sample.boxes[0].mask));
            }
        }
    }
    Sample turned = sampleOf({60, 44}, shape(9, 6, 20), Label::OUTLINE);
    const Sample original = turned;
    turnRight(turned, 1);
    BOOST_TEST((turned.image.size() == cv::Size(44, 60)));
    BOOST_TEST((turned.boxes[0].x1 == 44 - 26 && turned.boxes[0].y1 == 9 && turned.boxes[0].x2 == 44 - 6));
    turnRight(turned, 3);
    BOOST_TEST(same(turned, original));
    turnRight(turned, 2);
    flipHorizontal(turned);
    flipVertical(turned);
    BOOST_TEST(same(turned, original));
    turnRight(turned, 0);
    BOOST_TEST(same(turned, original));
    BOOST_CHECK_THROW(turnRight(turned, 4), cv::Exception);
}

//! Masks of a few scattered pixels in up to four columns; OpenCV 4.6's boundingRect is wrong for 1 in 400 of them.
BOOST_AUTO_TEST_CASE(bounds_of_narrow_masks)
{
    cv::RNG random(1);
    for (int i = 0; i < 20000; i++)
    {
        cv::Mat mask = cv::Mat::zeros(random.uniform(1, 10), random.uniform(1, 40), CV_8U);
        const int width = std::min(mask.cols, random.uniform(1, 5)), left = random.uniform(0, mask.cols - width + 1);
        cv::Rect bounds;
        for (int y = 0; y < mask.rows; y++)
            for (int x = left; x < left + width; x++)
                if (random.uniform(0, 3) == 0)
                {
                    mask.at<uchar>(y, x) = 1;
                    bounds |= cv::Rect(x, y, 1, 1);
                }
        BOOST_REQUIRE(maskBounds(mask) == bounds);
    }
    BOOST_TEST(maskBounds(cv::Mat()).empty());
}

//! A quarter turn as an affine map is the exact one.
BOOST_AUTO_TEST_CASE(warp_agrees_with_right_angles)
{
    for (const Label label : {Label::OUTLINE, Label::RUN_LENGTHS, Label::BOX})
    {
        Sample warped = sampleOf({50, 50}, shape(9, 6, 20), label), turned = warped;
        warp(warped, {0, -1, 50, 1, 0, 0}, ALL, cv::Scalar::all(0));
        turnRight(turned, 1);
        BOOST_TEST(same(warped.image, turned.image));
        BOOST_REQUIRE(warped.boxes.size() == 1u);
        BOOST_TEST(same(warped.boxes[0].mask, turned.boxes[0].mask));
        BOOST_TEST((warped.boxes[0].x1 == turned.boxes[0].x1 && warped.boxes[0].y2 == turned.boxes[0].y2));
    }
}

BOOST_AUTO_TEST_CASE(shifted_out_of_the_image)
{
    for (const Label label : {Label::OUTLINE, Label::RUN_LENGTHS, Label::BOX})
    {
        const std::vector<double> square{10, 10, 30, 10, 30, 30, 10, 30};
        const Sample original = sampleOf({60, 44}, square, label);
        const auto shifted = [&](double x, double minVisible)
        {
            Sample sample = original;
            warp(sample, {1, 0, x, 0, 1, 0}, {minVisible, 1}, cv::Scalar(1, 2, 3));
            return sample;
        };
        const Sample half = shifted(-20, 0.5);
        BOOST_REQUIRE(half.boxes.size() == 1u);
        BOOST_TEST((half.boxes[0].x1 == 0 && half.boxes[0].x2 == 10 && half.boxes[0].y2 == 30));
        BOOST_TEST(half.boxes[0].visible == 0.5);
        BOOST_TEST(half.boxes[0].outline.empty());  // the mask is all there is now
        checkFits(half, half.boxes[0], GREEN, 1);
        BOOST_TEST((half.image.at<cv::Vec3b>(5, 55) == cv::Vec3b(1, 2, 3)));
        BOOST_TEST(shifted(-20, 0.51).boxes.empty());
        BOOST_TEST(shifted(-30, 0).boxes.empty());  // nothing is left
        BOOST_TEST(shifted(1000, 0).boxes.empty());
        // Shares of several cuts multiply.
        Sample again = half;
        warp(again, {1, 0, -5, 0, 1, 0}, {0.3, 1}, cv::Scalar());
        BOOST_TEST(again.boxes.empty());
        // A part that was cut off does not come back.
        Sample back = half;
        warp(back, {1, 0, 20, 0, 1, 0}, ALL, cv::Scalar());
        BOOST_REQUIRE(back.boxes.size() == 1u);
        checkFits(back, back.boxes[0], GREEN, 1);
    }
}

BOOST_AUTO_TEST_CASE(random_affine_maps)
{
    AugmentConfig config;
    config.rotation = 180;
    config.scale = {0.6f, 1.5f};
    config.shear = 15;
    config.translation = 0.3f;
    const std::vector<double> polygon = shape(60.5, 40.25, 70);
    for (const Label label : {Label::OUTLINE, Label::RUN_LENGTHS, Label::BOX})
    {
        int cut = 0, moved = 0;
        for (uint64_t seed = 0; seed < 60; seed++)
        {
            Sample sample = sampleOf({200, 160}, polygon, label);
            const Sample original = sample;
            Random random(seed);
            warpRandomly(sample, random, config, {0.3, 1}, cv::Scalar::all(0));
            BOOST_TEST((sample.image.size() == original.image.size()));
            BOOST_REQUIRE(sample.boxes.size() == 1u);
            const LabeledBox& box = sample.boxes[0];
            moved += !same(sample.image, original.image);
            cut += box.visible < 1;
            BOOST_TEST(box.visible >= 0.3);
            if (label != Label::BOX)
            {
                checkFits(sample, box, GREEN, 0.9);
                continue;
            }
            // The hull of the box's corners holds all of the object.
            const cv::Rect pixels = cv::boundingRect(pixelsOf(sample.image, GREEN));
            if (box.visible < 1)
                continue;
            BOOST_TEST((pixels.x >= box.x1 - 1 && pixels.y >= box.y1 - 1 && pixels.br().x <= box.x2 + 1 &&
                        pixels.br().y <= box.y2 + 1));
            BOOST_TEST(boxIoU(box, pixels) > 0.35);
        }
        BOOST_TEST(moved > 55);
        BOOST_TEST(cut > 5);
        BOOST_TEST(cut < 55);
    }
}

//! The share of an object that is left is that of its pixels.
BOOST_AUTO_TEST_CASE(dropped_by_their_visible_share)
{
    AugmentConfig config;
    config.rotation = 45;
    config.translation = 1;
    int dropped = 0, kept = 0;
    for (const Label label : {Label::OUTLINE, Label::RUN_LENGTHS})
        for (uint64_t seed = 0; seed < 40; seed++)
        {
            Sample sample = sampleOf({100, 80}, shape(20, 15, 40), label);
            // A second object in the middle, always visible, so that every draw is accepted.
            LabeledBox all{0, 0, 100, 80, 1};
            sample.boxes.push_back(all);
            const int before = cv::countNonZero(pixelsOf(sample.image, GREEN));
            config.scale = {1, 1};
            Random random(seed);
            warpRandomly(sample, random, config, {0.01, 1}, cv::Scalar::all(0));
            const double share = double(cv::countNonZero(pixelsOf(sample.image, GREEN))) / before;
            const auto object = std::find_if(sample.boxes.begin(), sample.boxes.end(),
                                             [](const LabeledBox& box) { return box.category == 0; });
            if (object == sample.boxes.end())
            {
                BOOST_TEST(share < 0.05);
                dropped++;
                continue;
            }
            BOOST_TEST(std::abs(share - object->visible) < 0.05);
            kept++;
        }
    BOOST_TEST(dropped > 5);
    BOOST_TEST(kept > 20);
}

BOOST_AUTO_TEST_CASE(zoom_in_and_out)
{
    const cv::Scalar fill(90, 95, 100);
    for (const Label label : {Label::OUTLINE, Label::RUN_LENGTHS, Label::BOX})
    {
        std::set<int> places;
        int smaller = 0, larger = 0;
        for (uint64_t seed = 0; seed < 60; seed++)
        {
            Sample sample = sampleOf({200, 160}, shape(60.5, 40.25, 70), label);
            const cv::Mat shared = sample.image, copy = sample.image.clone();
            AugmentConfig config;
            config.zoomScale = {0.3f, 2};
            Random random(seed);
            zoomRandomly(sample, random, config, {0.3, 1}, fill);
            const bool cut = sample.image.size() != copy.size();
            BOOST_TEST(same(shared, copy));
            BOOST_REQUIRE(sample.boxes.size() == 1u);
            const LabeledBox& box = sample.boxes[0];
            if (cut && label == Label::BOX && box.visible < 1)
                continue;  // the clipped box of an L spans more than what is left of it
            checkFits(sample, box, GREEN, 0.9);
            if (cut)
            {
                larger++;
                continue;
            }
            smaller++;
            places.insert(static_cast<int>(box.x1));
            BOOST_TEST(box.visible == 1);
            cv::Mat filled;
            cv::inRange(sample.image, fill, fill, filled);
            const cv::Rect inner = cv::boundingRect(~filled);
            BOOST_TEST(cv::countNonZero(~filled) == inner.area());  // a frame around a rectangle
            BOOST_TEST(std::abs(inner.width / 200. - inner.height / 160.) < 0.01);
            BOOST_TEST(std::abs(inner.width / 200. - (box.x2 - box.x1) / 70) < 0.03);
        }
        BOOST_TEST(smaller > 15);
        BOOST_TEST(larger > 10);
        BOOST_TEST(places.size() > 8u);
    }
}

BOOST_AUTO_TEST_CASE(crops_keep_what_is_visible_enough)
{
    // Of an L only the end of its foot is in the part: the mask ends before the clipped box.
    for (const Label label : {Label::OUTLINE, Label::RUN_LENGTHS, Label::BOX})
    {
        const Sample original = sampleOf({100, 100}, shape(20, 20, 50), label);
        const auto cropped = [&](const cv::Rect& part, double keep)
        {
            Sample sample = original;
            crop(sample, part, 1, keep);
            return sample;
        };
        const cv::Rect part(50, 0, 50, 100);         // 20 x 20 pixels of the L, of 20 x 30 + 50 x 20
        BOOST_TEST(cropped(part, 0).boxes.empty());  // the center (45, 45) is outside
        const double share = label == Label::BOX ? 0.4 : 400. / (20 * 30 + 50 * 20);
        BOOST_TEST(cropped(part, share + 0.01).boxes.empty());
        const Sample kept = cropped(part, share - 0.01);
        BOOST_REQUIRE(kept.boxes.size() == 1u);
        BOOST_TEST(std::abs(kept.boxes[0].visible - share) < 1e-9);
        BOOST_TEST((kept.boxes[0].x1 == 0 && kept.boxes[0].x2 == 20 && kept.boxes[0].y2 == 70));
        BOOST_TEST(kept.boxes[0].y1 == (label == Label::BOX ? 20 : 50));
        if (label != Label::BOX)
            checkFits(kept, kept.boxes[0], GREEN, 1);
        // Nothing is cut: nothing changes but the origin.
        const Sample whole = cropped({10, 5, 80, 90}, 0.99);
        BOOST_REQUIRE(whole.boxes.size() == 1u);
        BOOST_TEST(whole.boxes[0].visible == 1);
        BOOST_TEST((whole.boxes[0].x1 == 10 && whole.boxes[0].y1 == 15));
        BOOST_TEST(whole.boxes[0].outline.empty() == original.boxes[0].outline.empty());
    }
}

//! An outline may reach beyond the annotated box: where a crop cuts only the outline, what was cut stays away too.
BOOST_AUTO_TEST_CASE(outlines_beyond_their_boxes)
{
    Sample sample = sampleOf({60, 44}, {10, 10, 40, 10, 40, 30, 10, 30}, Label::OUTLINE);
    sample.boxes[0].x2 = 30;
    crop(sample, {0, 0, 32, 44}, 1);
    BOOST_REQUIRE(sample.boxes.size() == 1u);
    BOOST_TEST(sample.boxes[0].x2 == 30);
    warp(sample, {0.5, 0, 0, 0, 0.5, 0}, ALL, cv::Scalar());
    BOOST_REQUIRE(sample.boxes.size() == 1u);
    checkFits(sample, sample.boxes[0], GREEN, 1);
    BOOST_TEST(sample.boxes[0].x2 == 16);
}

//! Crowds are not trained on, but go where the pixels go, with nothing dropped that is visible.
BOOST_AUTO_TEST_CASE(crowds_go_along)
{
    ImageRecord record = recordOf({60, 44}, shape(9, 6, 20), Label::OUTLINE);
    record.annotations[0].crowd = true;
    BOOST_TEST(usableBoxesWithMasks(record, 1).empty());
    Sample sample = sampleOf({60, 44}, shape(9, 6, 20), Label::OUTLINE);
    sample.boxes.clear();
    sample.crowds = crowdsWithMasks(record);
    BOOST_REQUIRE(sample.crowds.size() == 1u);
    flipHorizontal(sample);
    turnRight(sample, 1);
    warp(sample, {1.3, 0.1, -5, 0, 1.2, -2}, {1, 1}, cv::Scalar());
    BOOST_REQUIRE(sample.crowds.size() == 1u);
    checkFits(sample, sample.crowds[0], GREEN, 0.85);
    const cv::Rect pixels = cv::boundingRect(sample.crowds[0].mask);
    crop(sample, {pixels.x + 10, 0, sample.image.cols - pixels.x - 10, sample.image.rows}, 1);
    BOOST_REQUIRE(sample.crowds.size() == 1u);
    checkFits(sample, sample.crowds[0], GREEN, 0.75);
}

//! An outline that reaches out of the image has no pixels there: zooming out must not invent them.
BOOST_AUTO_TEST_CASE(outlines_beyond_the_image)
{
    Sample sample = sampleOf({60, 44}, shape(5, 5, 20), Label::OUTLINE);
    const std::vector<LabeledBox> boxes =
        usableBoxesWithMasks(recordOf({60, 44}, {-20, 5, 25, 5, 25, 25, -20, 25}, Label::OUTLINE), 1);
    BOOST_REQUIRE(boxes.size() == 1u);
    BOOST_TEST(boxes[0].outline.empty());
    BOOST_TEST(cv::countNonZero(boxes[0].mask) == 25 * 20);
    sample.boxes = boxes;
    warp(sample, {1, 0, 20, 0, 1, 0}, ALL, cv::Scalar());
    BOOST_REQUIRE(sample.boxes.size() == 1u);
    BOOST_TEST(sample.boxes[0].x1 == 20);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ values of the pixels
BOOST_AUTO_TEST_SUITE(pixels)

BOOST_AUTO_TEST_CASE(hue_keeps_gray_and_luma)
{
    cv::Mat image(1, 3, CV_8UC3);
    image.at<cv::Vec3b>(0, 0) = {120, 120, 120};
    image.at<cv::Vec3b>(0, 1) = {90, 110, 140};
    image.at<cv::Vec3b>(0, 2) = {140, 120, 100};
    const auto luma = [](const cv::Vec3b& v) { return 0.114 * v[0] + 0.587 * v[1] + 0.299 * v[2]; };
    for (const double hue : {-120., -30., 15., 90., 180.})
    {
        cv::Mat changed = image;
        changeColor(changed, 1, 1, 1, hue);
        BOOST_TEST((changed.at<cv::Vec3b>(0, 0) == image.at<cv::Vec3b>(0, 0)));
        for (int i = 1; i < 3; i++)
        {
            BOOST_TEST(std::abs(luma(changed.at<cv::Vec3b>(0, i)) - luma(image.at<cv::Vec3b>(0, i))) < 1);
            BOOST_TEST((changed.at<cv::Vec3b>(0, i) != image.at<cv::Vec3b>(0, i)));
        }
        cv::Mat back = changed;
        changeColor(back, 1, 1, 1, -hue);
        BOOST_TEST(cv::norm(back, image, cv::NORM_INF) <= 2);
    }
    // Red turns to green by 120 degrees, in the sense of HSV's hue.
    cv::Mat red(1, 1, CV_8UC3, cv::Scalar(60, 60, 160));
    changeColor(red, 1, 1, 1, 120);
    const cv::Vec3b turned = red.at<cv::Vec3b>(0, 0);
    BOOST_TEST((turned[1] > turned[2] && turned[1] > turned[0]),
               "B " << int(turned[0]) << " G " << int(turned[1]) << " R " << int(turned[2]));
    cv::Mat same1 = image;
    changeColor(same1, 1, 1, 1, 0);
    BOOST_TEST(same(same1, image));
}

BOOST_AUTO_TEST_CASE(blur_noise_and_compression)
{
    const cv::Mat gray(100, 120, CV_8UC3, cv::Scalar::all(128));
    cv::Mat noisy = gray;
    Random random(3), twin(3);
    addNoise(noisy, random, 10);
    cv::Scalar mean, deviation;
    cv::meanStdDev(noisy, mean, deviation);
    for (int c = 0; c < 3; c++)
    {
        BOOST_TEST(std::abs(mean[c] - 128) < 0.5);
        BOOST_TEST(std::abs(deviation[c] - 10) < 0.4);
    }
    cv::Mat again = gray;
    addNoise(again, twin, 10);
    BOOST_TEST(same(noisy, again));
    BOOST_TEST(random.next() == twin.next());
    addNoise(again, twin, 10);
    BOOST_TEST(!same(noisy, again));

    cv::Mat blurred = noisy;
    blur(blurred, 2);
    cv::meanStdDev(blurred, mean, deviation);
    BOOST_TEST(deviation[0] < 2.5);  // of independent values: 10 / (2 sigma sqrt(pi)) = 1.4
    BOOST_TEST(deviation[0] > 1);

    cv::Mat drawn(100, 120, CV_8UC3);
    for (int y = 0; y < drawn.rows; y++)
        for (int x = 0; x < drawn.cols; x++)
            drawn.at<cv::Vec3b>(y, x) = cv::Vec3b::all(static_cast<uchar>(x + y));
    cv::circle(drawn, {50, 50}, 30, RED, cv::FILLED);
    double errors[2];
    for (int i = 0; i < 2; i++)
    {
        cv::Mat coded = drawn;
        compressJpeg(coded, i == 0 ? 95 : 10);
        BOOST_TEST((coded.size() == drawn.size() && coded.type() == CV_8UC3));
        errors[i] = cv::norm(coded, drawn, cv::NORM_L1) / double(drawn.total());
    }
    BOOST_TEST(errors[0] > 0);
    BOOST_TEST(errors[1] > 1.5 * errors[0]);
    BOOST_TEST(cv::norm(gray, cv::Mat(100, 120, CV_8UC3, cv::Scalar::all(128)), cv::NORM_INF) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ several images
BOOST_AUTO_TEST_SUITE(composition)

BOOST_AUTO_TEST_CASE(pasting_covers_what_lies_below)
{
    int covered = 0, vanished = 0;
    for (const Label label : {Label::OUTLINE, Label::RUN_LENGTHS})
        for (uint64_t seed = 0; seed < 100; seed++)
        {
            Sample target = sampleOf({100, 80}, shape(20, 15, 40), label, RED);
            const Sample source = sampleOf({90, 120}, shape(12, 30, 50), label, GREEN);
            const cv::Mat shared = target.image, copy = target.image.clone(), mask = target.boxes[0].mask,
                          maskCopy = mask.clone();
            const int before = cv::countNonZero(mask);
            AugmentConfig config;
            config.pasteScale = {1, 1};
            Random random(seed);
            copyPaste(target, source, random, config, {0.3, 1});
            BOOST_TEST(same(shared, copy));
            BOOST_TEST(same(mask, maskCopy));
            const cv::Mat red = pixelsOf(target.image, RED);
            const double share = double(cv::countNonZero(red)) / before;
            BOOST_REQUIRE(target.boxes.size() == (share >= 0.3 ? 2u : 1u));
            checkFits(target, target.boxes.back(), GREEN, 1);
            BOOST_TEST(target.boxes.back().visible == 1);
            vanished += share < 0.3;
            if (share < 0.3)
                continue;
            const LabeledBox& below = target.boxes[0];
            BOOST_TEST(same(asPixels(below.mask), red));
            BOOST_TEST(std::abs(below.visible - share) < 1e-9);
            BOOST_TEST(boxIoU(below, cv::boundingRect(red)) == 1);
            BOOST_TEST(below.outline.empty() == (share < 1 || label != Label::OUTLINE));
            covered += share < 1;
        }
    BOOST_TEST(covered > 20);
    BOOST_TEST(vanished > 2);
}

BOOST_AUTO_TEST_CASE(pasted_objects_of_other_sizes)
{
    std::set<int> widths;
    for (uint64_t seed = 0; seed < 40; seed++)
    {
        Sample target;
        target.image = cv::Mat(120, 150, CV_8UC3, cv::Scalar::all(30));
        const Sample source = sampleOf({90, 120}, shape(12.5, 30.25, 50), Label::OUTLINE);
        Random random(seed);
        copyPaste(target, source, random, AugmentConfig(), ALL);
        BOOST_REQUIRE(target.boxes.size() == 1u);
        checkFits(target, target.boxes[0], GREEN, 0.87);  // pixels of the border may have half of the color
        widths.insert(cvRound(target.boxes[0].x2 - target.boxes[0].x1));
    }
    BOOST_TEST(*widths.begin() < 30);
    BOOST_TEST(*widths.rbegin() > 65);
    // Larger than the target: made to fit.
    Sample target;
    target.image = cv::Mat(20, 25, CV_8UC3, cv::Scalar::all(30));
    Random random(1);
    copyPaste(target, sampleOf({90, 120}, shape(12, 30, 50), Label::OUTLINE), random, AugmentConfig(), ALL);
    BOOST_REQUIRE(target.boxes.size() == 1u);
    BOOST_TEST((target.boxes[0].x1 >= 0 && target.boxes[0].x2 <= 25 && target.boxes[0].y2 <= 20));
    checkFits(target, target.boxes[0], GREEN, 0.75);
}

BOOST_AUTO_TEST_CASE(which_objects_are_pasted)
{
    Sample source = sampleOf({90, 120}, shape(12, 30, 20), Label::OUTLINE);
    source.boxes.insert(source.boxes.end(), 5, source.boxes[0]);
    for (size_t i = 0; i < source.boxes.size(); i++)
        source.boxes[i].category = static_cast<int>(i);
    source.boxes[2].mask = cv::Mat();  // nothing says what to cut out
    source.boxes[2].outline.clear();
    AugmentConfig config;
    config.pasteObjects = 3;
    std::set<int> classes;
    std::set<size_t> counts;
    for (uint64_t seed = 0; seed < 60; seed++)
    {
        Sample target;
        target.image = cv::Mat(120, 150, CV_8UC3, cv::Scalar::all(30));
        Random random(seed);
        copyPaste(target, source, random, config, ALL);
        std::set<int> here;
        for (const LabeledBox& box : target.boxes)
            here.insert(box.category);
        BOOST_TEST(here.size() == target.boxes.size());  // none twice
        classes.insert(here.begin(), here.end());
        counts.insert(target.boxes.size());
    }
    BOOST_TEST((classes == std::set<int>{0, 1, 3, 4, 5}));
    BOOST_TEST((*counts.begin() >= 1u && *counts.rbegin() == 3u));
    Sample boxes = sampleOf({90, 120}, shape(12, 30, 20), Label::BOX), target = boxes;
    Random random(1), twin(1);
    copyPaste(target, boxes, random, config, ALL);
    BOOST_TEST(same(target, boxes));
    BOOST_TEST(random.next() == twin.next());
}

//! An object without a mask counts as covered where its box is.
BOOST_AUTO_TEST_CASE(covered_boxes)
{
    const std::vector<double> square{0, 0, 20, 0, 20, 20, 0, 20};
    Sample target;
    target.image = cv::Mat(20, 20, CV_8UC3, cv::Scalar::all(30));
    LabeledBox left{0, 0, 10, 20, 1}, all{0, 0, 20, 20, 2};
    target.boxes = {left, all};
    AugmentConfig config;
    config.pasteScale = {1, 1};
    Random random(1);
    copyPaste(target, sampleOf({20, 20}, square, Label::OUTLINE), random, config, {0.3, 1});
    BOOST_REQUIRE(target.boxes.size() == 1u);  // both are covered entirely
    BOOST_TEST(target.boxes[0].category == 0);
    const std::vector<double> corner{0, 0, 10, 0, 10, 10, 0, 10};
    target.boxes = {left, all};
    copyPaste(target, sampleOf({20, 20}, corner, Label::OUTLINE), random, config, {0.3, 1});
    int found = 0;
    for (const LabeledBox& box : target.boxes)
        if (box.category == 2)
        {
            BOOST_TEST(box.visible == 0.75);
            found++;
        }
    BOOST_TEST(found == 1);
}

BOOST_AUTO_TEST_CASE(mosaic_of_four_quarters)
{
    const cv::Scalar colors[] = {GREEN, RED, BLUE, GREEN};
    std::set<int> splits;
    int kept = 0;
    for (uint64_t seed = 0; seed < 40; seed++)
        for (const Label label : {Label::OUTLINE, Label::RUN_LENGTHS})
        {
            std::array<Sample, 4> images;
            for (int i = 0; i < 4; i++)
            {
                images[static_cast<size_t>(i)] =
                    sampleOf({160 + 20 * i, 200 - 25 * i}, shape(50, 40, 60), label, colors[i]);
                images[static_cast<size_t>(i)].boxes[0].category = i;
            }
            Random random(seed), twin(seed);
            cv::Point split;
            split.x = cvRound(240 * twin.uniform(0.25, 0.75));
            split.y = cvRound(200 * twin.uniform(0.25, 0.75));
            const Sample result = mosaic(images, {240, 200}, random, {0.3, 1});
            splits.insert(split.x);
            BOOST_TEST((result.image.size() == cv::Size(240, 200)));
            for (const LabeledBox& box : result.boxes)
            {
                const bool right = box.category % 2 == 1, bottom = box.category >= 2;
                const cv::Rect quarter(cv::Point(right ? split.x : 0, bottom ? split.y : 0),
                                       cv::Point(right ? 240 : split.x, bottom ? 200 : split.y));
                BOOST_TEST((box.x1 >= quarter.x && box.y1 >= quarter.y && box.x2 <= quarter.br().x &&
                            box.y2 <= quarter.br().y));
                BOOST_TEST(box.visible >= 0.3);
                BOOST_TEST(cv::countNonZero(box.mask) == cv::countNonZero(box.mask(quarter)));
                Sample part;
                part.image = result.image(quarter);
                LabeledBox there = box;
                there.x1 -= quarter.x;
                there.x2 -= quarter.x;
                there.y1 -= quarter.y;
                there.y2 -= quarter.y;
                there.mask = box.mask(quarter);
                checkFits(part, there, colors[box.category], 0.9);
                kept++;
            }
        }
    BOOST_TEST(splits.size() > 10u);
    BOOST_TEST(kept > 200);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ all together
BOOST_AUTO_TEST_SUITE(all_together)

//! Configurations without the new keys, and the presets that stand for them, draw the same numbers and change the same
//! bits as before there were any.
BOOST_AUTO_TEST_CASE(old_configurations_keep_their_bits)
{
    for (const bool preset : {false, true})
        for (uint64_t seed = 0; seed < 100; seed++)
        {
            DataConfig config;
            if (preset)
                applyPreset(config, AugmentPreset::DEFAULT);
            config.randomCrop = 0.6f;
            config.cropMinScale = 0.4f;
            config.colorJitter = seed % 2 ? 0.3f : 0;
            Sample before = sampleOf({100, 80}, shape(20, 15, 40), static_cast<Label>(seed % 3)), now = before;
            Random random(seed), twin(seed);
            augmentAsBefore(before, config, random);
            augment(now, config, twin, nothingElse());
            BOOST_TEST(same(now.image, before.image));
            BOOST_REQUIRE(now.boxes.size() == before.boxes.size());
            for (size_t i = 0; i < now.boxes.size(); i++)
            {
                now.boxes[i].outline = before.boxes[i].outline;  // these are new
                now.boxes[i].visible = before.boxes[i].visible;
                BOOST_TEST(same(now.boxes[i], before.boxes[i]));
            }
            BOOST_TEST(random.next() == twin.next());
        }
}

BOOST_AUTO_TEST_CASE(no_augmentation)
{
    DataConfig config;
    applyPreset(config, AugmentPreset::NONE);
    for (uint64_t seed = 0; seed < 20; seed++)
    {
        Sample sample = sampleOf({100, 80}, shape(20, 15, 40), Label::OUTLINE);
        const Sample original = sample;
        Random random(seed);
        augment(sample, config, random, nothingElse());
        BOOST_TEST(same(sample, original));
    }
}

//! Every key changes the image when it is on, is repeatable, and leaves the image in the cache alone.
BOOST_AUTO_TEST_CASE(every_key_has_an_effect)
{
    float AugmentConfig::*const keys[] = {
        &AugmentConfig::verticalFlip, &AugmentConfig::rightAngle, &AugmentConfig::affine, &AugmentConfig::zoom,
        &AugmentConfig::mosaic,       &AugmentConfig::copyPaste,  &AugmentConfig::color,  &AugmentConfig::blur,
        &AugmentConfig::noise,        &AugmentConfig::jpeg};
    const Sample original = sampleOf({100, 80}, shape(20, 15, 40), Label::OUTLINE),
                 other = sampleOf({90, 120}, shape(12, 30, 50), Label::OUTLINE, RED);
    const AugmentSource source{[&](Random& random)
                               {
                                   random.next();
                                   return other;
                               },
                               cv::Scalar(9, 8, 7)};
    for (float AugmentConfig::*const key : keys)
        for (const bool all : {false, true})
            for (uint64_t seed = 0; seed < 5; seed++)
            {
                DataConfig config;
                applyPreset(config, AugmentPreset::NONE);
                if (all)
                    for (float AugmentConfig::*const other2 : keys)
                        config.augment.*other2 = 1;
                config.augment.*key = 1;
                Sample sample = original, again = original;
                const cv::Mat copy = original.image.clone(), mask = original.boxes[0].mask.clone();
                Random random(seed), twin(seed);
                augment(sample, config, random, source);
                augment(again, config, twin, source);
                BOOST_TEST(!same(sample.image, original.image));
                BOOST_TEST(same(sample, again));
                BOOST_TEST(!sample.boxes.empty());
                BOOST_TEST(same(original.image, copy));
                BOOST_TEST(same(original.boxes[0].mask, mask));
            }
}

BOOST_AUTO_TEST_CASE(probabilities)
{
    DataConfig config;
    applyPreset(config, AugmentPreset::NONE);
    config.augment.verticalFlip = 0.25f;
    int changed = 0;
    for (uint64_t seed = 0; seed < 400; seed++)
    {
        Sample sample = sampleOf({20, 20}, shape(4, 3, 10), Label::BOX);
        const cv::Mat image = sample.image;
        Random random(seed);
        augment(sample, config, random, nothingElse());
        changed += !same(sample.image, image);
    }
    BOOST_TEST((changed > 70 && changed < 130), changed);
}

BOOST_AUTO_TEST_CASE(fill_is_zero_in_the_network_input)
{
    InputConfig input;
    BOOST_TEST((fillColor(input) == cv::Scalar(103.53f, 116.28f, 123.675f)));
    input.channelOrder = ChannelOrder::BGR;
    BOOST_TEST((fillColor(input) == cv::Scalar(123.675f, 116.28f, 103.53f)));
}

BOOST_AUTO_TEST_SUITE_END()
