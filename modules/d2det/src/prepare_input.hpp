// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Image geometry of the network input, for prepareInput and Detector. */

#ifndef OPENCV_D2DET_PREPARE_INPUT_HPP
#define OPENCV_D2DET_PREPARE_INPUT_HPP

#include "opencv2/d2det/detector.hpp"

namespace cv
{
namespace d2det
{

//! Limits of sides and divisor, pixels; these bound the memory of one image.
constexpr int MAX_INPUT_SIDE = 16384;
constexpr int MAX_DIVISOR = 1024;

//! Scale and sizes of an image in the network input.
struct InputGeometry
{
    double scaleX, scaleY;  //!< network-input pixels per image pixel; equal if the ratio is kept
    Size valid;             //!< size of the resized image
    Size padded;            //!< size of the network's input
};

//! Throws cv::Exception that names the field, its value and the allowed range.
void checkInputParams(const InputParams& params);

//! Throws cv::Exception unless the image is a non-empty 8-bit matrix with 1, 3 or 4 channels.
void checkInputImage(const Mat& image);

InputGeometry inputGeometry(Size image, const InputParams& params);

/** prepareInput with allocated outputs: blob [3, H, W] of the padded size, imInfo [3]. `resized`: buffer reused between
    images. Precondition: image and parameters are valid (checkInputImage, checkInputParams). */
void prepareInto(const Mat& image, const InputParams& params, Mat& resized, float* blob, float* imInfo);

}  // namespace d2det
}  // namespace cv

#endif
