// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/pixel_effects.hpp"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <cmath>
#include <vector>

namespace d2det
{

namespace
{

//! Turn of B, G, R by an angle (radians) in the plane of I and Q, red towards green.
cv::Matx33d hueMatrix(double angle)
{
    const cv::Matx33d yiqOfBgr(0.114, 0.587, 0.299, -0.322, -0.274, 0.596, 0.312, -0.523, 0.211);
    const double c = std::cos(angle), s = std::sin(angle);
    return yiqOfBgr.inv() * cv::Matx33d(1, 0, 0, 0, c, s, 0, -s, c) * yiqOfBgr;
}

}  // namespace

void changeColor(cv::Mat& image, double brightness, double contrast, double saturation, double hue)
{
    const double gray[3] = {0.114, 0.587, 0.299};  // of B, G, R
    const cv::Scalar mean = cv::mean(image);
    const double meanGray = gray[0] * mean[0] + gray[1] * mean[1] + gray[2] * mean[2];
    // Contrast moves all channels towards one gray, so it commutes with saturation and hue up to this offset, which is
    // gray itself.
    const double gain = brightness * contrast, offset = (1 - contrast) * brightness * meanGray;
    cv::Matx33d linear;
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 3; column++)
            linear(row, column) = gain * ((1 - saturation) * gray[column] + (row == column ? saturation : 0.));
    if (hue != 0)
        linear = hueMatrix(hue * CV_PI / 180) * linear;
    cv::Matx<float, 3, 4> map;
    for (int row = 0; row < 3; row++)
    {
        for (int column = 0; column < 3; column++)
            map(row, column) = static_cast<float>(linear(row, column));
        map(row, 3) = static_cast<float>(offset);
    }
    cv::Mat changed;
    cv::transform(image, changed, map);
    image = changed;
}

void jitterColor(cv::Mat& image, Random& random, double strength)
{
    const double brightness = random.uniform(1 - strength, 1 + strength);
    const double contrast = random.uniform(1 - strength, 1 + strength);
    const double saturation = random.uniform(1 - strength, 1 + strength);
    changeColor(image, brightness, contrast, saturation, 0);
}

void blur(cv::Mat& image, double sigma)
{
    cv::Mat blurred;
    cv::GaussianBlur(image, blurred, cv::Size(), sigma);
    image = blurred;
}

void addNoise(cv::Mat& image, Random& random, double sigma)
{
    cv::Mat noise(image.size(), CV_16SC3), sum;
    cv::RNG(random.next()).fill(noise, cv::RNG::NORMAL, 0, sigma);
    cv::add(image, noise, sum, cv::noArray(), CV_8U);
    image = sum;
}

void compressJpeg(cv::Mat& image, int quality)
{
    std::vector<unsigned char> bytes;
    cv::imencode(".jpg", image, bytes, {cv::IMWRITE_JPEG_QUALITY, quality});
    image = cv::imdecode(bytes, cv::IMREAD_COLOR);
}

}  // namespace d2det
