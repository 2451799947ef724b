// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Conversion of an image to the network input.

     s      = min(longSide / max(h, w), shortSide / min(h, w))          (double)
     valid  = int(side * s + 0.5), at least 1;  padded = next multiple of divisor
              (without keepRatio: valid = longSide x shortSide, and s the ratio of the widths)
     blob_c = (resize(image)_c - mean_c) / std_c inside valid, 0 outside

   Bilinear resize of the 8-bit image (cv::resize, INTER_LINEAR), then normalization, then padding: the pad is zero in
   normalized units, i.e. the mean color. Source: model.md 1.1 (mmdetection's test pipeline). Trainer and Detector use
   the same function, so that the network input is identical in both. */

#include "prepare_input.hpp"

#include "opencv2/core/utils/trace.hpp"
#include "opencv2/imgproc.hpp"

#include <cmath>

namespace cv
{
namespace d2det
{

void checkInputParams(const InputParams& params)
{
    CV_CheckGE(params.shortSide, 1, "InputParams: shortSide is a number of pixels");
    CV_CheckLE(params.shortSide, MAX_INPUT_SIDE, "InputParams: shortSide is too large");
    CV_CheckGE(params.longSide, 1, "InputParams: longSide is a number of pixels");
    CV_CheckLE(params.longSide, MAX_INPUT_SIDE, "InputParams: longSide is too large");
    CV_CheckGE(params.divisor, 1, "InputParams: divisor must be positive");
    CV_CheckLE(params.divisor, MAX_DIVISOR, "InputParams: divisor is too large");
    for (int c = 0; c < 3; c++)
    {
        if (!std::isfinite(params.mean[c]))
            CV_Error_(Error::StsOutOfRange, ("InputParams: mean[%d] is %g, it must be finite", c, params.mean[c]));
        if (!std::isfinite(params.std[c]) || params.std[c] <= 0)
            CV_Error_(Error::StsOutOfRange,
                      ("InputParams: std[%d] is %g, it must be positive and finite", c, params.std[c]));
    }
}

void checkInputImage(const Mat& image)
{
    if (image.empty())
        CV_Error(Error::StsBadArg, "the image is empty; was the file read? (cv::imread returns an empty image if not)");
    CV_CheckEQ(image.dims, 2, "an image is a matrix with two dimensions");
    if (image.depth() != CV_8U)
        CV_Error_(Error::StsUnsupportedFormat,
                  ("the image has type %s; convert it to 8 bit (CV_8U) first", typeToString(image.type()).c_str()));
    const int channels = image.channels();
    if (channels != 1 && channels != 3 && channels != 4)
        CV_Error_(Error::StsUnsupportedFormat,
                  ("the image has %d channels; 1 (gray), 3 (BGR) and 4 (BGRA) are possible", channels));
}

namespace
{

//! A side of the image times the scale, at least 1. Rounds as the released code does (model.md 1.1): halves go up.
int scaledSide(int side, double scale)
{
    return std::max(static_cast<int>(side * scale + 0.5), 1);  // NOLINT(bugprone-incorrect-roundings)
}

}  // namespace

InputGeometry inputGeometry(Size image, const InputParams& params)
{
    const int longer = std::max(image.width, image.height), shorter = std::min(image.width, image.height);
    InputGeometry g;
    if (params.keepRatio)
    {
        g.scaleX = g.scaleY = std::min(double(params.longSide) / longer, double(params.shortSide) / shorter);
        g.valid = Size(scaledSide(image.width, g.scaleX), scaledSide(image.height, g.scaleY));
    }
    else
    {
        g.valid = Size(params.longSide, params.shortSide);
        g.scaleX = double(g.valid.width) / image.width;
        g.scaleY = double(g.valid.height) / image.height;
    }
    g.padded.width = (g.valid.width + params.divisor - 1) / params.divisor * params.divisor;
    g.padded.height = (g.valid.height + params.divisor - 1) / params.divisor * params.divisor;
    return g;
}

namespace
{

//! (v - mean) / std for each of the 256 values of an 8-bit pixel.
void makeTable(double mean, double std, float table[256])
{
    for (int v = 0; v < 256; v++)
        table[v] = static_cast<float>((v - mean) / std);
}

//! One row of one channel: look-up, then zeros up to the padded width.
void normalizeRow(const uchar* row, int step, int valid, int padded, const float table[256], float* out)
{
    for (int x = 0; x < valid; x++)
        out[x] = table[row[x * step]];
    std::fill(out + valid, out + padded, 0.f);
}

}  // namespace

void prepareInto(const Mat& image, const InputParams& params, Mat& resized, float* blob, float* imInfo)
{
    const InputGeometry g = inputGeometry(image.size(), params);
    resize(image, resized, g.valid, 0, 0, INTER_LINEAR);

    float tables[3][256];
    for (int c = 0; c < 3; c++)
        makeTable(params.mean[c], params.std[c], tables[c]);

    const int channels = resized.channels();
    const size_t area = static_cast<size_t>(g.padded.height) * g.padded.width;
    const auto prepareRow = [&](int y, int c)
    {
        float* out = blob + c * area + static_cast<size_t>(y) * g.padded.width;
        const int source = channels == 1 ? 0 : params.swapRB ? 2 - c : c;
        if (y < g.valid.height)
            normalizeRow(resized.ptr(y) + source, channels, g.valid.width, g.padded.width, tables[c], out);
        else
            std::fill(out, out + g.padded.width, 0.f);
    };
    parallel_for_(Range(0, g.padded.height),
                  [&](const Range& rows)
                  {
                      for (int y = rows.start; y < rows.end; y++)
                          for (int c = 0; c < 3; c++)
                              prepareRow(y, c);
                  });
    imInfo[0] = static_cast<float>(g.valid.height);
    imInfo[1] = static_cast<float>(g.valid.width);
    imInfo[2] = static_cast<float>(g.scaleX);
}

void prepareInput(InputArray image_, const InputParams& params, OutputArray blob_, OutputArray imInfo_)
{
    CV_TRACE_FUNCTION();
    const Mat image = image_.getMat();
    checkInputImage(image);
    checkInputParams(params);
    const Size padded = inputGeometry(image.size(), params).padded;
    const int shape[4] = {1, 3, padded.height, padded.width};
    blob_.create(4, shape, CV_32F);
    imInfo_.create(1, 3, CV_32F);
    Mat blob = blob_.getMat(), imInfo = imInfo_.getMat(), resized;
    prepareInto(image, params, resized, blob.ptr<float>(), imInfo.ptr<float>());
}

}  // namespace d2det
}  // namespace cv
