// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef D2DET_TEST_SYNTHETIC_IMAGE_HPP
#define D2DET_TEST_SYNTHETIC_IMAGE_HPP

#include <opencv2/imgproc.hpp>

namespace d2det
{
namespace test
{

//! An image with edges and areas of all sizes.
inline cv::Mat syntheticImage(int height, int width, int seed)
{
    cv::RNG rng(seed);
    cv::Mat image(height, width, CV_8UC3, cv::Scalar(90, 120, 140));
    for (int i = 0; i < 40; i++)
    {
        const cv::Point center(rng.uniform(0, width), rng.uniform(0, height));
        const cv::Size axes(rng.uniform(3, width / 3), rng.uniform(3, height / 3));
        const cv::Scalar color(rng.uniform(0, 256), rng.uniform(0, 256), rng.uniform(0, 256));
        if (i % 2)
            cv::rectangle(image, cv::Rect(center - cv::Point(axes) / 2, axes), color, cv::FILLED);
        else
            cv::ellipse(image, center, axes / 2, rng.uniform(0, 180), 0, 360, color, cv::FILLED);
    }
    return image;
}

}  // namespace test
}  // namespace d2det

#endif
