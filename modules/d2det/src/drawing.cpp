// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Detections as images: translucent masks, anti-aliased boxes with a dark outline, one color per class, label chips.

   Color of class c: OKLCh (Ottosson 2020) with hue = c * golden angle, so that neighboring ids are far apart and no hue
   repeats; lightness alternates a little for the same reason. Chips are placed best score first and take the first
   place near their box where they hide neither chips nor objects; masks, boxes and chips are painted worst score first.
 */

#include "opencv2/d2det/drawing.hpp"

#include "compat.hpp"
#include "masks/rle.hpp"
#include "text.hpp"

#include "opencv2/core/utils/trace.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace cv
{
namespace d2det
{

namespace
{

constexpr int SHIFT = 4;  //!< fractional bits of the coordinates given to cv::rectangle
constexpr double MASK_OPACITY = 0.45;

struct Item
{
    int row;  //!< of the detections
    int classId;
    float score;
    Scalar color;
    Rect2d box;             //!< clipped to the image, pixel (0, 0) covers [0, 1) x [0, 1)
    std::string text;       //!< "person 0.97"
    std::string scoreText;  //!< "0.97", if text does not fit
    Rect chip;              //!< pixels; empty: no label
    double fontScale;
};

//! Line widths and text sizes, proportional to the image, smaller where the objects are much smaller than it.
struct Sizes
{
    int line;     //!< line width of a box, pixels
    int outline;  //!< dark margin on each side of it
    int fontLine;
    double fontScale;
    int padding;  //!< of the text inside its chip

    //! @param object side of usual objects, pixels; their labels shall not be larger than they are.
    Sizes(Size image, double object)
    {
        const double side = std::min(std::sqrt(double(image.width) * image.height), std::max(object * 12, 300.));
        line = std::max(cvRound(side / 280), 1);
        outline = std::max(cvRound(side / 900), 1);
        fontScale = std::max(side / 1250, 0.36);
        fontLine = std::max(cvRound(fontScale * 1.6), 1);
        padding = std::max(cvRound(fontScale * 7), 2);
    }
};

//! OKLCh to linear sRGB.
std::array<double, 3> oklchToLinear(double lightness, double chroma, double hue)
{
    const double a = chroma * std::cos(hue), b = chroma * std::sin(hue);
    const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
    const double m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
    const double s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
    return {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
            -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
            -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
}

//! Black or white, the color of higher contrast (relative luminance, WCAG 2).
Scalar textColor(const Scalar& bgr)
{
    const double weight[3] = {0.0722, 0.7152, 0.2126};
    double luminance = 0;
    for (int c = 0; c < 3; c++)
    {
        const double v = bgr[c] / 255;
        luminance += weight[c] * (v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4));
    }
    return luminance > 0.179 ? Scalar(20, 20, 20) : Scalar(255, 255, 255);
}

//! Text of a detection without its score.
std::string labelOf(int row, int classId, const DrawParams& params)
{
    if (!params.labels.empty())
        return drawableText(params.labels[row]);
    const bool named = classId >= 0 && classId < static_cast<int>(params.classNames.size());
    if (!named)
        return format("%d", classId);
    const std::string name = drawableText(params.classNames[classId]);
    return name.empty() && !params.classNames[classId].empty() ? format("%d", classId) : name;
}

//! Side of usual objects: the median.
double usualSide(const std::vector<Item>& items)
{
    std::vector<double> sides;
    for (const Item& item : items)
        sides.push_back(std::sqrt(item.box.area()));
    const auto middle = sides.begin() + static_cast<std::ptrdiff_t>(sides.size() / 2);
    std::nth_element(sides.begin(), middle, sides.end());
    return sides.empty() ? 0 : *middle;
}

//! Items of the drawable rows, scores descending.
std::vector<Item> readItems(const Mat& detections, const DrawParams& params, Size image)
{
    std::vector<Item> items;
    for (int i = 0; i < detections.rows; i++)
    {
        const float* row = detections.ptr<float>(i);
        const bool finite = std::all_of(row, row + 6, [](float v) { return std::isfinite(v); });
        if (!finite || row[4] < params.scoreThreshold || std::abs(row[5]) > 1e6f)
            continue;
        Item item;
        const double x1 = std::max(row[0], 0.f), y1 = std::max(row[1], 0.f);
        item.box =
            Rect2d(x1, y1, std::min<double>(row[2], image.width) - x1, std::min<double>(row[3], image.height) - y1);
        if (item.box.width <= 0 || item.box.height <= 0)
            continue;
        item.row = i;
        item.classId = static_cast<int>(row[5]);
        item.score = row[4];
        item.color = params.colors.empty() ? classColor(item.classId) : params.colors[i];
        const std::string name = labelOf(i, item.classId, params);
        item.scoreText = format("%.2f", item.score);
        item.text = name.empty() ? item.scoreText : name + " " + item.scoreText;
        items.push_back(item);
    }
    std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.score > b.score; });
    return items;
}

//! Size of a chip with its text; the font shrinks if the image is narrower. Empty if even that does not fit.
Size chipSize(Item& item, const Sizes& sizes, Size image)
{
    item.fontScale = sizes.fontScale;
    for (int attempt = 0; attempt < 2; attempt++)
    {
        int baseline = 0;
        const Size text = measureText(item.text, item.fontScale, sizes.fontLine, &baseline);
        const Size chip(text.width + 2 * sizes.padding, text.height + baseline / 2 + 2 * sizes.padding);
        if (chip.width <= image.width && chip.height <= image.height)
            return chip;
        item.fontScale *= 0.95 * std::max(image.width - 2 * sizes.padding, 0) / std::max(text.width, 1);
        if (item.fontScale < 0.28)
            break;
    }
    return Size();
}

//! What a chip hides at a place: other chips, 1 for an entire chip, and objects, 1 for each entire one.
struct Hidden
{
    double chips = 0, objects = 0;

    //! A label nobody can read is worse than an object behind a label.
    double cost() const { return 4 * chips + objects; }
};

Hidden hiddenBy(const Rect& place, const Mat& taken, const std::vector<Item>& items)
{
    Hidden hidden;
    hidden.chips = double(countNonZero(taken(place))) / place.area();
    for (const Item& item : items)
        hidden.objects += (item.box & Rect2d(place)).area() / item.box.area();
    return hidden;
}

/** Finds the place for a chip at the box: outside above or below it or inside at its upper or lower edge, left or right
    aligned, whichever of these inside the image hides the least; the first of those that hide next to nothing.
    @param taken 8 bit, 255 where a chip is.
    @param items all objects.
*/
Rect findPlace(const Rect2d& box, Size chip, const Sizes& sizes, const Mat& taken, const std::vector<Item>& items,
               Hidden& hidden)
{
    constexpr double NEXT_TO_NOTHING = 0.1;
    const int margin = sizes.line / 2 + sizes.outline;
    const int left = cvFloor(box.x) - margin, right = cvCeil(box.br().x) + margin - chip.width;
    const int top = cvFloor(box.y), bottom = cvCeil(box.br().y);
    const int above = top - chip.height, inTop = top, inBottom = bottom - chip.height, below = bottom;
    // A chip inside a small box would hide the object.
    const bool roomy = box.height > 4 * chip.height && box.width > chip.width;
    const int rows[4] = {above, roomy ? inTop : below, roomy ? below : inTop, inBottom};
    Rect best;
    for (const int y : rows)
        for (const int x : {left, right})
        {
            const Rect place(std::min(std::max(x, 0), taken.cols - chip.width), y, chip.width, chip.height);
            if (y < 0 || y + chip.height > taken.rows)
                continue;
            const Hidden here = hiddenBy(place, taken, items);
            if (best.empty() || here.cost() < hidden.cost())
            {
                hidden = here;
                best = place;
            }
            if (here.cost() <= NEXT_TO_NOTHING)
                return best;
        }
    if (best.empty())  // a box as high as the image that is less high than a chip
    {
        best = Rect(std::min(std::max(left, 0), taken.cols - chip.width), 0, chip.width, chip.height);
        hidden = hiddenBy(best, taken, items);
    }
    return best;
}

/** Places a chip; if more than a third covers other chips, or objects are hidden, the text is the score only (the color
    identifies the class). */
void placeChip(Item& item, const Sizes& sizes, Mat& taken, const std::vector<Item>& items)
{
    for (const bool full : {true, false})
    {
        if (!full)
            item.text = item.scoreText;
        const Size chip = chipSize(item, sizes, taken.size());
        if (chip.empty())
            continue;
        Hidden hidden;
        item.chip = findPlace(item.box, chip, sizes, taken, items, hidden);
        if (hidden.chips * 3 <= 1 && hidden.objects <= 1)
            break;
        if (!full && hidden.chips * 3 > 1)  // a heap of labels says less than none
            item.chip = Rect();
    }
    taken(item.chip).setTo(255);
}

//! Rectangle with subpixel corners.
void drawBox(Mat& image, const Rect2d& box, const Scalar& color, const Sizes& sizes)
{
    // The line is kept inside the image: its center is half a line width away from the border.
    const double inset = sizes.line / 2.;
    const auto place = [&](double v, int limit)
    {
        const double inside = std::min(std::max(v, inset), std::max(limit - inset, inset));
        return cvRound((inside - 0.5) * (1 << SHIFT));  // pixel centers are at .5
    };
    const Point a(place(box.x, image.cols), place(box.y, image.rows));
    const Point b(place(box.br().x, image.cols), place(box.br().y, image.rows));
    rectangle(image, a, b, color * 0.22, sizes.line + 2 * sizes.outline, LINE_AA, SHIFT);
    rectangle(image, a, b, color, sizes.line, LINE_AA, SHIFT);
}

void drawChip(Mat& image, const Item& item, const Scalar& color, const Sizes& sizes)
{
    if (item.chip.empty())
        return;
    rectangle(image, item.chip, color, FILLED);
    rectangle(image, item.chip, color * 0.5, sizes.outline);  // separates chips of the same class
    int baseline = 0;
    const Size text = measureText(item.text, item.fontScale, sizes.fontLine, &baseline);
    const Point origin(item.chip.x + (item.chip.width - text.width) / 2,
                       item.chip.y + (item.chip.height - baseline / 2 + text.height) / 2);
    drawText(image, item.text, origin, item.fontScale, textColor(color), sizes.fontLine);
}

//! Fills a mask and draws its contours, those of holes too.
void drawMask(Mat& image, const BoxMask& mask, const Scalar& color, const Sizes& sizes)
{
    std::vector<std::vector<Point>> contours;
    if (!mask.mask.empty())
        findContours(mask.mask, contours, RETR_CCOMP, CHAIN_APPROX_NONE, mask.roi.tl());
    Rect bounds;  // of the points: OpenCV 4.6's boundingRect(mask) is wrong for narrow masks
    for (const std::vector<Point>& contour : contours)
        bounds |= boundingRect(contour);
    if (bounds.empty())
        return;
    const Mat part = image(bounds), tinted = part * (1 - MASK_OPACITY) + color * MASK_OPACITY;
    tinted.copyTo(part, mask.mask(bounds - mask.roi.tl()));
    drawContours(image, contours, -1, color, std::max(sizes.line / 2, 1), LINE_AA);
}

//! Masks of the detections, checked; empty for an empty input.
std::vector<BoxMask> readMasks(InputArrayOfArrays input, int numDetections, Size imageSize)
{
    std::vector<Mat> masks;
    std::vector<BoxMask> result;
    if (input.empty())
        return result;
    input.getMatVector(masks);
    if (static_cast<int>(masks.size()) != numDetections)
        CV_Error_(Error::StsUnmatchedSizes,
                  ("there are %zu masks, expected one for each of the %d detections", masks.size(), numDetections));
    for (const Mat& mask : masks)
    {
        if (!mask.empty() && (mask.dims != 2 || mask.type() != CV_8UC1 || mask.size() != imageSize))
            CV_Error_(Error::StsBadArg,
                      ("a mask is %d x %d of type %s, expected CV_8UC1 of the size of the image, %d x %d", mask.rows,
                       mask.cols, typeToString(mask.type()).c_str(), imageSize.height, imageSize.width));
        result.emplace_back();
        result.back().imageSize = imageSize;
        result.back().roi = Rect(Point(), mask.size());
        result.back().mask = mask;
    }
    return result;
}

void checkImage(const Mat& image)
{
    CV_CheckTypeEQ(image.type(), CV_8UC3, "drawDetections draws on 8-bit BGR images; use cv::cvtColor for others");
    CV_Assert(image.dims == 2 && !image.empty());
}

//! An empty list is none.
void checkCount(size_t count, int numDetections, const char* what)
{
    if (count != 0 && count != static_cast<size_t>(numDetections))
        CV_Error_(Error::StsUnmatchedSizes,
                  ("there are %zu %s, expected one for each of the %d detections", count, what, numDetections));
}

//! Strongest color that sRGB can show at a hue, BGR.
Scalar colorOf(double lightness, double hue)
{
    std::array<double, 3> rgb{};
    for (double chroma = 0.19; chroma > 0; chroma -= 0.01)
    {
        rgb = oklchToLinear(lightness, chroma, hue);
        if (*std::min_element(rgb.begin(), rgb.end()) >= 0 && *std::max_element(rgb.begin(), rgb.end()) <= 1)
            break;
    }
    Scalar bgr;
    for (int c = 0; c < 3; c++)
    {
        const double v = std::min(std::max(rgb[2 - c], 0.), 1.);
        bgr[c] = cvRound(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055));
    }
    return bgr;
}

}  // namespace

Scalar classColor(int classId)
{
    const double golden = CV_PI * (3 - std::sqrt(5.)), lightness = classId % 3 == 0   ? 0.74
                                                                   : classId % 3 == 1 ? 0.80
                                                                                      : 0.68;
    const double hue = std::fmod(2.45 + golden * classId, 2 * CV_PI);  // class 0 is green: rare on people and streets
    return colorOf(lightness, hue);
}

Scalar instanceColor(int number)
{
    const double golden = CV_PI * (3 - std::sqrt(5.));
    // Begins between the hues of the first classes and alternates light and dark more than they do.
    return colorOf(number % 2 == 0 ? 0.82 : 0.66, std::fmod(0.55 + golden * number, 2 * CV_PI));
}

void drawDetections(InputOutputArray image, InputArray detections, const std::vector<String>& classNames,
                    float scoreThreshold)
{
    drawDetections(image, detections, noArray(), classNames, scoreThreshold);
}

void drawDetections(InputOutputArray image_, InputArray detections_, InputArrayOfArrays masks_,
                    const std::vector<String>& classNames, float scoreThreshold)
{
    const Mat image = image_.getMat(), detections = detections_.getMat();
    checkImage(image);
    DrawParams params;
    params.classNames = classNames;
    params.scoreThreshold = scoreThreshold;
    std::vector<BoxMask> masks;
    if (!detections.empty())
        masks = readMasks(masks_, detections.rows, image.size());
    drawDetections(image_, detections, masks, params);
}

void drawDetections(InputOutputArray image_, InputArray detections_, const std::vector<BoxMask>& masks,
                    const DrawParams& params)
{
    CV_TRACE_FUNCTION();
    Mat image = image_.getMat();
    checkImage(image);
    const Mat detections = detections_.getMat();
    if (detections.empty())
        return;
    if (detections.dims != 2 || detections.type() != CV_32F || detections.cols != 6)
        CV_Error_(Error::StsBadArg, ("detections are %d x %d of type %s, expected N x 6 of type CV_32FC1",
                                     detections.rows, detections.cols, typeToString(detections.type()).c_str()));
    checkCount(masks.size(), detections.rows, "masks");
    checkCount(params.colors.size(), detections.rows, "colors");
    checkCount(params.labels.size(), detections.rows, "labels");
    for (const BoxMask& mask : masks)
    {
        checkBoxMask(mask, "drawDetections");
        if (!mask.mask.empty() && mask.imageSize != image.size())
            CV_Error_(Error::StsBadArg,
                      ("a mask belongs to an image of %d x %d pixels, expected the size of the image, "
                       "%d x %d",
                       mask.imageSize.width, mask.imageSize.height, image.cols, image.rows));
    }

    std::vector<Item> items = readItems(detections, params, image.size());
    const Sizes sizes(image.size(), usualSide(items));
    Mat taken = Mat::zeros(image.size(), CV_8U);
    for (Item& item : items)
        placeChip(item, sizes, taken, items);
    if (!masks.empty())
        for (auto item = items.rbegin(); item != items.rend(); item++)
            drawMask(image, masks[item->row], item->color, sizes);
    for (auto item = items.rbegin(); item != items.rend(); item++)
        drawBox(image, item->box, item->color, sizes);
    for (auto item = items.rbegin(); item != items.rend(); item++)
        drawChip(image, *item, item->color, sizes);
}

}  // namespace d2det
}  // namespace cv
