// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Run lengths: COCO's string and lists of counts; what was accepted takes part in every function. */

#include "common.hpp"

#include <opencv2/d2det/masks.hpp>

namespace
{

//! Not cv::boundingRect, which in 4.6 leaves out a column of some masks of two columns.
cv::Rect boxOf(const cv::Mat& mask)
{
    cv::Rect box;
    for (int y = 0; y < mask.rows; y++)
        for (int x = 0; x < mask.cols; x++)
            if (mask.at<uchar>(y, x))
                box |= cv::Rect(x, y, 1, 1);
    return box;
}

void use(const cv::d2det::Rle& rle)
{
    if (double(rle.height) * rle.width > 1 << 16)  // larger masks only cost time
        return;
    cv::Mat mask;
    cv::d2det::rleDecode(rle, mask);
    const double area = cv::d2det::rleArea(rle), iou = cv::d2det::rleIoU(rle, rle);
    const cv::Rect box = cv::d2det::rleBoundingBox(rle);
    const cv::d2det::Rle again = cv::d2det::rleEncode(mask);
    const cv::d2det::Rle text = cv::d2det::rleFromString(cv::d2det::rleToString(rle), rle.height, rle.width);
    const bool same = area == cv::countNonZero(mask) && box == boxOf(mask) && cv::d2det::rleArea(again) == area &&
                      cv::d2det::rleArea(text) == area && iou == (area > 0 ? 1 : 0);
    if (!same)
        std::abort();
    cv::d2det::rleToPolygons(rle);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    fuzz::Bytes bytes(data, size);
    const bool counts = bytes.byte() % 2 != 0;
    const int height = bytes.range(0, 300), width = bytes.range(0, 300);
    fuzz::reads(
        [&]
        {
            if (!counts)
                return use(cv::d2det::rleFromString(bytes.rest(), height, width));
            cv::d2det::Rle rle;
            rle.height = height;
            rle.width = width;
            while (bytes.left() > 0)
                rle.counts.push_back(bytes.byte() < 250 ? bytes.byte() : bytes.number<uint32_t>());
            use(rle);
        });
    return 0;
}
