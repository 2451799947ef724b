// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What the layers of convolutions of entire maps have in common: attributes of the window, sizes, constants. */

#ifndef OPENCV_D2DET_LAYERS_CONV_WINDOW_HPP
#define OPENCV_D2DET_LAYERS_CONV_WINDOW_HPP

#include "base_layer.hpp"

#include <vector>

namespace cv
{
namespace d2det
{

constexpr int MAX_WINDOW = 1 << 12;  //!< strides, dilations, pads, sides of a kernel
constexpr int MAX_CONV_CHANNELS = 1 << 20;

//! Zeros beyond the last row and column of a map.
struct EndPads
{
    int bottom = 0, right = 0;
};

/** Attributes conv_strides, conv_dilations, conv_pads and groups.
    @tparam Params kernels::Conv2dParams or another with these fields */
template <typename Params>
EndPads readWindow(const Attributes& attributes, Params& params)
{
    const auto list = [&](const char* attribute, int count, int low)
    {
        return attributes.has(attribute) ? attributes.getInts(attribute, count, low, MAX_WINDOW)
                                         : std::vector<int>(static_cast<size_t>(count), low);
    };
    const std::vector<int> strides = list("conv_strides", 2, 1), dilations = list("conv_dilations", 2, 1);
    const std::vector<int> pads = list("conv_pads", 4, 0);
    params.strideY = strides[0];
    params.strideX = strides[1];
    params.dilationY = dilations[0];
    params.dilationX = dilations[1];
    params.padTop = pads[0];
    params.padLeft = pads[1];
    params.groups = attributes.getInt("groups", 1, 1, MAX_CONV_CHANNELS);
    return {pads[2], pads[3]};
}

//! Output length along one axis; 0 if a length is unknown.
inline int64 windowSteps(const dnn::Layer& layer, int in, int pads, int dilation, int kernel, int stride)
{
    if (in == 0 || kernel == 0)
        return 0;
    const int64 room = int64(in) + pads - int64(dilation) * (kernel - 1) - 1;
    if (room < 0)
        layerError(layer, Error::StsBadSize,
                   format("the kernel is larger than the input of %d with %d zeros around", in, pads));
    return room / stride + 1;
}

//! Weight and, with hasBias, bias.
inline void checkConstantCount(const dnn::Layer& layer, const std::vector<Mat>& constants, bool hasBias)
{
    const size_t needed = hasBias ? 2 : 1;
    if (constants.size() != needed)
        layerError(layer, Error::StsBadArg,
                   format("has %d constants, with has_bias = %d it needs %d", static_cast<int>(constants.size()),
                          hasBias, static_cast<int>(needed)));
}

inline void checkBias(const dnn::Layer& layer, const std::vector<Mat>& constants, bool hasBias)
{
    if (hasBias && constants[1].total() != static_cast<size_t>(constants[0].size[0]))
        layerError(layer, Error::StsUnmatchedSizes,
                   format("bias has %d values, weight has %d rows", static_cast<int>(constants[1].total()),
                          constants[0].size[0]));
}

CV_NORETURN inline void badWeight(const dnn::Layer& layer, const Mat& weight)
{
    layerError(layer, Error::StsBadSize,
               format("weight has %d dimensions and %g values, it must be [O, C / groups, kh, kw]", weight.dims,
                      static_cast<double>(weight.total())));
}

//! A weight of `rows` rows with `channels` channels each must make groups.
inline void checkGroups(const dnn::Layer& layer, int rows, int channels, int groups)
{
    if (rows % groups != 0 || channels > MAX_CONV_CHANNELS / groups)
        layerError(layer, Error::StsBadSize,
                   format("weight has %d rows and %d channels, which do not make %d groups", rows, channels, groups));
}

}  // namespace d2det
}  // namespace cv

#endif
