// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/augment.hpp"

#include "dataset/segmentation.hpp"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

namespace d2det
{

namespace
{

constexpr int CROP_ATTEMPTS = 10;

bool thinner(const LabeledBox& box, double minSide)
{
    const double width = box.x2 - box.x1, height = box.y2 - box.y1;
    return !(width > 0 && height > 0 && width >= minSide && height >= minSide);
}

bool centerInside(const LabeledBox& box, const cv::Rect& part)
{
    const double x = 0.5 * (box.x1 + box.x2), y = 0.5 * (box.y1 + box.y2);
    return x >= part.x && x < part.x + part.width && y >= part.y && y < part.y + part.height;
}

std::vector<LabeledBox> boxesInside(const std::vector<LabeledBox>& boxes, const cv::Rect& part, double minSide)
{
    std::vector<LabeledBox> kept;
    for (LabeledBox box : boxes)
    {
        if (!centerInside(box, part))
            continue;
        box.x1 = std::max(box.x1 - part.x, 0.);
        box.y1 = std::max(box.y1 - part.y, 0.);
        box.x2 = std::min(box.x2 - part.x, double(part.width));
        box.y2 = std::min(box.y2 - part.y, double(part.height));
        if (thinner(box, minSide))
            continue;
        if (!box.mask.empty())
            box.mask = box.mask(part);
        kept.push_back(box);
    }
    return kept;
}

//! Draws a length of at least minScale * side and a start inside the image.
void drawSpan(Random& random, int side, double minScale, int& start, int& length)
{
    length = std::clamp(cvFloor(side * random.uniform(minScale, 1) + 0.5), 1, side);
    start = static_cast<int>(random.below(static_cast<uint64_t>(side - length) + 1));
}

std::optional<LabeledBox> usableBox(const Annotation& a, const ImageRecord& image, double minSide)
{
    // Clipped again: the data set may have been read without clipping.
    LabeledBox box;
    box.x1 = std::max(a.x, 0.);
    box.y1 = std::max(a.y, 0.);
    box.x2 = std::min(a.x + a.width, double(image.width));
    box.y2 = std::min(a.y + a.height, double(image.height));
    box.category = a.category;
    if (a.crowd || thinner(box, minSide))
        return std::nullopt;
    return box;
}

}  // namespace

std::vector<LabeledBox> usableBoxes(const ImageRecord& image, double minSide)
{
    std::vector<LabeledBox> boxes;
    for (const Annotation& a : image.annotations)
        if (const auto box = usableBox(a, image, minSide))
            boxes.push_back(*box);
    return boxes;
}

std::vector<LabeledBox> usableBoxesWithMasks(const ImageRecord& image, double minSide)
{
    std::vector<LabeledBox> boxes;
    for (const Annotation& a : image.annotations)
        if (auto box = usableBox(a, image, minSide))
        {
            if (a.segmentation)
                box->mask = toMask(*a.segmentation, image.height, image.width);
            boxes.push_back(*box);
        }
    return boxes;
}

void fitMasks(Sample& sample)
{
    for (LabeledBox& box : sample.boxes)
        if (!box.mask.empty() && box.mask.size() != sample.image.size())
            cv::resize(box.mask, box.mask, sample.image.size(), 0, 0, cv::INTER_NEAREST_EXACT);
}

void flipHorizontal(Sample& sample)
{
    cv::Mat flipped;  // not in place: the image may be shared with the cache
    cv::flip(sample.image, flipped, 1);
    sample.image = flipped;
    const double width = flipped.cols;
    for (LabeledBox& box : sample.boxes)
    {
        const double x1 = width - box.x2;
        box.x2 = width - box.x1;
        box.x1 = x1;
        if (!box.mask.empty())
        {
            cv::Mat mask;
            cv::flip(box.mask, mask, 1);
            box.mask = mask;
        }
    }
}

void crop(Sample& sample, const cv::Rect& part, double minSide)
{
    CV_Assert(part.width > 0 && part.height > 0 && (part & cv::Rect({0, 0}, sample.image.size())) == part);
    sample.image = sample.image(part);
    sample.boxes = boxesInside(sample.boxes, part, minSide);
}

void cropRandomly(Sample& sample, Random& random, double minScale, double minSide)
{
    for (int attempt = 0; attempt < CROP_ATTEMPTS; attempt++)
    {
        cv::Rect part;
        drawSpan(random, sample.image.cols, minScale, part.x, part.width);
        drawSpan(random, sample.image.rows, minScale, part.y, part.height);
        if (!sample.boxes.empty() && boxesInside(sample.boxes, part, minSide).empty())
            continue;
        crop(sample, part, minSide);
        return;
    }
}

void jitterColor(cv::Mat& image, Random& random, double strength)
{
    const double brightness = random.uniform(1 - strength, 1 + strength);
    const double contrast = random.uniform(1 - strength, 1 + strength);
    const double saturation = random.uniform(1 - strength, 1 + strength);
    const double gray[3] = {0.114, 0.587, 0.299};  // of B, G, R
    const cv::Scalar mean = cv::mean(image);
    const double meanGray = gray[0] * mean[0] + gray[1] * mean[1] + gray[2] * mean[2];
    // Contrast moves all channels towards one gray, so it commutes with saturation up to this offset, which is gray
    // itself.
    const double gain = brightness * contrast, offset = (1 - contrast) * brightness * meanGray;
    cv::Matx<float, 3, 4> map;
    for (int row = 0; row < 3; row++)
    {
        for (int column = 0; column < 3; column++)
            map(row, column) =
                static_cast<float>(gain * ((1 - saturation) * gray[column] + (row == column ? saturation : 0.)));
        map(row, 3) = static_cast<float>(offset);
    }
    cv::Mat changed;
    cv::transform(image, changed, map);
    image = changed;
}

void resizeBoxes(std::vector<LabeledBox>& boxes, const cv::Size& from, const cv::Size& to)
{
    const double scaleX = double(to.width) / from.width, scaleY = double(to.height) / from.height;
    for (LabeledBox& box : boxes)
    {
        box.x1 *= scaleX;
        box.x2 *= scaleX;
        box.y1 *= scaleY;
        box.y2 *= scaleY;
        if (!box.mask.empty())
            cv::resize(box.mask, box.mask, to, 0, 0, cv::INTER_NEAREST_EXACT);
    }
}

void augment(Sample& sample, const DataConfig& config, Random& random)
{
    const bool cropped = random.uniform() < config.randomCrop;
    const bool flipped = random.uniform() < config.flip;
    if (cropped)
        cropRandomly(sample, random, config.cropMinScale, config.minSide);
    if (flipped)
        flipHorizontal(sample);
    if (config.colorJitter > 0)
        jitterColor(sample.image, random, config.colorJitter);
}

}  // namespace d2det
