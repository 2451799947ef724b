// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/sample.hpp"

#include "dataset/segmentation.hpp"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <optional>

namespace d2det
{

namespace
{

LabeledBox clippedBox(const Annotation& a, const ImageRecord& image)
{
    // Clipped again: the data set may have been read without clipping.
    LabeledBox box;
    box.x1 = std::max(a.x, 0.);
    box.y1 = std::max(a.y, 0.);
    box.x2 = std::min(a.x + a.width, double(image.width));
    box.y2 = std::min(a.y + a.height, double(image.height));
    box.category = a.category;
    return box;
}

std::optional<LabeledBox> usableBox(const Annotation& a, const ImageRecord& image, double minSide)
{
    const LabeledBox box = clippedBox(a, image);
    if (a.crowd || thinner(box, minSide))
        return std::nullopt;
    return box;
}

void addMask(LabeledBox& box, const Annotation& a, const ImageRecord& image)
{
    if (!a.segmentation)
        return;
    box.mask = toMask(*a.segmentation, image.height, image.width);
    double span[4];
    if (box.mask.empty() || !boundsOfPolygons(a.segmentation->polygons, span))
        return;
    // What lies outside of the image has no pixels, so it must not come in later.
    if (span[0] >= 0 && span[1] >= 0 && span[0] + span[2] <= image.width && span[1] + span[3] <= image.height)
        box.outline = a.segmentation->polygons;
}

void addKeypoints(LabeledBox& box, const Annotation& a, const ImageRecord& image)
{
    box.keypoints = a.keypoints;
    dropOutside(box.keypoints, {image.width, image.height});
}

}  // namespace

bool thinner(const LabeledBox& box, double minSide)
{
    const double width = box.x2 - box.x1, height = box.y2 - box.y1;
    return !(width > 0 && height > 0 && width >= minSide && height >= minSide);
}

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
            addMask(*box, a, image);
            addKeypoints(*box, a, image);
            boxes.push_back(*box);
        }
    return boxes;
}

std::vector<LabeledBox> crowdsWithMasks(const ImageRecord& image)
{
    std::vector<LabeledBox> boxes;
    for (const Annotation& a : image.annotations)
    {
        LabeledBox box = clippedBox(a, image);
        if (!a.crowd || thinner(box, 0))
            continue;
        addMask(box, a, image);
        addKeypoints(box, a, image);
        boxes.push_back(box);
    }
    return boxes;
}

void fitMasks(Sample& sample)
{
    for (std::vector<LabeledBox>* list : {&sample.boxes, &sample.crowds})
        for (LabeledBox& box : *list)
            if (!box.mask.empty() && box.mask.size() != sample.image.size())
            {
                cv::resize(box.mask, box.mask, sample.image.size(), 0, 0, cv::INTER_NEAREST_EXACT);
                box.outline.clear();
            }
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
        for (std::vector<double>& part : box.outline)
            for (size_t i = 0; i < part.size(); i++)
                part[i] *= i % 2 ? scaleY : scaleX;
        moveKeypoints(box.keypoints, {scaleX, 0, 0, 0, scaleY, 0}, to);
    }
}

void tighten(LabeledBox& box, const cv::Rect& before, const cv::Rect& after)
{
    if (after.x != before.x)
        box.x1 = std::max(box.x1, double(after.x));
    if (after.y != before.y)
        box.y1 = std::max(box.y1, double(after.y));
    if (after.br().x != before.br().x)
        box.x2 = std::min(box.x2, double(after.br().x));
    if (after.br().y != before.br().y)
        box.y2 = std::min(box.y2, double(after.br().y));
}

}  // namespace d2det
