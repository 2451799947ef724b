// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Outlines to run lengths and back. */

#include "common.hpp"

#include <opencv2/d2det/masks.hpp>

#include <vector>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    fuzz::Bytes bytes(data, size);
    const int height = bytes.range(0, 300), width = bytes.range(0, 300);
    std::vector<std::vector<double>> polygons(1);
    while (bytes.left() > 0)
    {
        const int how = bytes.byte() % 16;
        if (how == 0)
            polygons.emplace_back();
        else if (how == 1)
            polygons.back().push_back(bytes.number<double>());
        else
            polygons.back().push_back(bytes.number<int16_t>() / 64.);
    }
    fuzz::reads(
        [&]
        {
            const cv::d2det::Rle rle = cv::d2det::rleFromPolygons(polygons, height, width);
            // The outlines of a mask give the mask with its holes filled.
            const cv::d2det::Rle filled =
                cv::d2det::rleFromPolygons(cv::d2det::rleToPolygons(rle), rle.height, rle.width);
            if (cv::d2det::rleArea(filled) < cv::d2det::rleArea(rle))
                std::abort();
        });
    return 0;
}
