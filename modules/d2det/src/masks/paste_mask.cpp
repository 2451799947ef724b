// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* pasteMask: a probability map resized to a box of the image. Source: operators.md 4 (mask_paste).

     u = (x + 0.5 - x1) / (x2 - x1) * cells - 0.5,  v likewise;  value = bilinear, cells outside the map are 0

   Weights are separable, so two cells and two weights per image column are computed once. Only the pixels are computed
   whose value can be other than 0: cropMask stores no others. */

#include "masks/rle.hpp"

#include <algorithm>
#include <cmath>

namespace cv
{
namespace d2det
{

namespace
{

//! The two neighboring cells of a pixel; a cell outside the map has weight 0 and an index inside.
struct ResizeTap
{
    int cells[2];
    double weights[2];
};

//! Taps of the pixels [first, first + taps.size()) of one axis, all pixels with possible nonzero values.
struct Axis
{
    int first = 0;
    std::vector<ResizeTap> taps;

    Axis(double low, double high, int size, int cells)
    {
        const double half = (high - low) / cells / 2;
        // One pixel of margin on each side for rounding errors.
        first = static_cast<int>(std::min(std::max(std::floor(low - half - 1), 0.), double(size)));
        const int last = static_cast<int>(std::min(std::max(std::ceil(high + half + 1), double(first)), double(size)));
        for (int pixel = first; pixel < last; pixel++)
            taps.push_back(tap((pixel + 0.5 - low) / (high - low) * cells - 0.5, cells));
    }

private:
    static ResizeTap tap(double u, int cells)
    {
        const int low = static_cast<int>(std::floor(std::min(std::max(u, -2.), double(cells))));
        ResizeTap result;
        for (int i = 0; i < 2; i++)
        {
            const int cell = low + i;
            const bool inside = cell >= 0 && cell < cells;
            result.cells[i] = std::min(std::max(cell, 0), cells - 1);
            result.weights[i] = inside ? std::max(1 - std::abs(u - cell), 0.) : 0;
        }
        return result;
    }
};

void checkPasteInput(const Mat& probabilities, Size imageSize, double threshold)
{
    if (probabilities.empty() || probabilities.dims != 2 || probabilities.type() != CV_32FC1)
        CV_Error(Error::StsBadArg,
                 format("pasteMask: probabilities are %d x %d of type %s, expected S x S of type CV_32FC1",
                        probabilities.rows, probabilities.cols, typeToString(probabilities.type()).c_str()));
    if (imageSize.width < 0 || imageSize.height < 0)
        CV_Error(Error::StsOutOfRange,
                 format("pasteMask: the image is %d x %d pixels", imageSize.width, imageSize.height));
    if (!(threshold > 0 && threshold <= 1))
        CV_Error(Error::StsOutOfRange, format("pasteMask: threshold is %g, expected (0, 1]", threshold));
}

//! @param mask of the pixels of both axes.
void fillMask(const Mat& map, const Axis& columns, const Axis& rows, double threshold, Mat& mask)
{
    std::vector<double> between(map.cols);  // row of the map interpolated at the height of the pixels
    for (size_t y = 0; y < rows.taps.size(); y++)
    {
        const ResizeTap& row = rows.taps[y];
        const float *upper = map.ptr<float>(row.cells[0]), *lower = map.ptr<float>(row.cells[1]);
        for (int i = 0; i < map.cols; i++)
            between[i] = upper[i] * row.weights[0] + lower[i] * row.weights[1];
        uchar* pixel = mask.ptr(static_cast<int>(y));
        for (const ResizeTap& column : columns.taps)
        {
            const double value =
                between[column.cells[0]] * column.weights[0] + between[column.cells[1]] * column.weights[1];
            *pixel++ = value >= threshold ? 255 : 0;
        }
    }
}

}  // namespace

BoxMask cropMask(InputArray probabilities, const Vec4d& box, Size imageSize, double threshold)
{
    const Mat map = probabilities.getMat();
    checkPasteInput(map, imageSize, threshold);
    BoxMask result;
    result.imageSize = imageSize;
    const bool finite = std::all_of(box.val, box.val + 4, [](double v) { return std::isfinite(v); });
    if (!finite || box[2] <= box[0] || box[3] <= box[1] || imageSize.empty())
        return result;
    const Axis columns(box[0], box[2], imageSize.width, map.cols), rows(box[1], box[3], imageSize.height, map.rows);
    const Rect roi(columns.first, rows.first, static_cast<int>(columns.taps.size()),
                   static_cast<int>(rows.taps.size()));
    if (roi.empty())
        return result;
    checkMaskSize(roi.height, roi.width, "cropMask");
    result.roi = roi;
    result.mask.create(roi.size(), CV_8UC1);
    fillMask(map, columns, rows, threshold, result.mask);
    return result;
}

void pasteMask(InputArray probabilities, const Vec4d& box, Size imageSize, OutputArray mask, double threshold)
{
    checkMaskSize(imageSize.height, imageSize.width, "pasteMask");
    pasteMask(cropMask(probabilities, box, imageSize, threshold), mask);
}

void pasteMask(const BoxMask& part, OutputArray mask_)
{
    checkBoxMask(part, "pasteMask");
    checkMaskSize(part.imageSize.height, part.imageSize.width, "pasteMask");
    mask_.create(part.imageSize, CV_8UC1);
    Mat mask = mask_.getMat();
    mask.setTo(0);
    if (!part.mask.empty())
        part.mask.copyTo(mask(part.roi));
}

}  // namespace d2det
}  // namespace cv
