// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Conversion of InputConfig to the parameters of cv::d2det::prepareInput. */

#ifndef D2DET_TRAINING_INPUT_PARAMS_HPP
#define D2DET_TRAINING_INPUT_PARAMS_HPP

#include "config/config.hpp"

#include <opencv2/d2det/detector.hpp>

namespace d2det
{

//! @param input mean and std with three values each (guaranteed by checkConfig).
inline cv::d2det::InputParams toInputParams(const InputConfig& input)
{
    cv::d2det::InputParams params;
    params.shortSide = input.shortSide;
    params.longSide = input.longSide;
    params.divisor = input.divisor;
    params.keepRatio = input.keepRatio;
    params.mean = cv::Scalar(input.mean[0], input.mean[1], input.mean[2]);
    params.std = cv::Scalar(input.std[0], input.std[1], input.std[2]);
    params.swapRB = input.channelOrder == ChannelOrder::RGB;
    return params;
}

}  // namespace d2det

#endif
