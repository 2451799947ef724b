// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* RoI convolution as a matrix product: address of the input value at (depth k, column j) and of the output (channel o,
   pixel). Host and device. Layouts: kernels/roi_conv.hpp.

     C[o][j] = sum over k of weight[o][k] * B[k][j],  k = (c kh + ky) kw + kx,  j = (row of a set, output pixel) */

#ifndef OPENCV_D2DET_CUDA_CONV_MATH_HPP
#define OPENCV_D2DET_CUDA_CONV_MATH_HPP

#include "../kernels/roi_conv.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

struct ConvShape
{
    int height, width;  //!< of a map of X
    int oh, ow, area;   //!< of the convolution's output, area = oh ow
    int depth;          //!< C kh kw
    int stride, pad;
    int kernelHeight, kernelWidth;
    int outChannels, upsample;

    D2DET_HOST_DEVICE size_t outRow() const { return static_cast<size_t>(outChannels) * area; }
};

//! No overflow: sizes are checked by the launcher.
inline ConvShape makeConvShape(const kernels::RoIConvParams& p, int height, int width)
{
    ConvShape s;
    s.height = height;
    s.width = width;
    s.oh = kernels::outputLength(height, p.pad, p.kernelHeight, p.stride);
    s.ow = kernels::outputLength(width, p.pad, p.kernelWidth, p.stride);
    s.area = s.oh * s.ow;
    s.depth = p.inChannels * p.kernelHeight * p.kernelWidth;
    s.stride = p.stride;
    s.pad = p.pad;
    s.kernelHeight = p.kernelHeight;
    s.kernelWidth = p.kernelWidth;
    s.outChannels = p.outChannels;
    s.upsample = p.upsample;
    return s;
}

//! Offset of depth k relative to the first value of a column.
struct DepthEntry
{
    int offset;  //!< in values of X
    short y, x;  //!< kernel cell
};

D2DET_HOST_DEVICE inline DepthEntry depthEntry(const ConvShape& s, int k)
{
    const int cells = s.kernelHeight * s.kernelWidth, c = k / cells, cell = k - c * cells;
    const int y = cell / s.kernelWidth, x = cell - y * s.kernelWidth;
    return {(c * s.height + y) * s.width + x, static_cast<short>(y), static_cast<short>(x)};
}

//! Column: map of the row and cell under the first kernel cell, possibly in the zero border.
struct ConvColumn
{
    const float* X;  //!< map of the row; read only after the range check in value()
    int y, x;

    //! B[k][j]
    D2DET_HOST_DEVICE float value(const ConvShape& s, const DepthEntry& k) const
    {
        const unsigned cellY = static_cast<unsigned>(y + k.y), cellX = static_cast<unsigned>(x + k.x);
        return cellY < static_cast<unsigned>(s.height) && cellX < static_cast<unsigned>(s.width)
                   ? X[static_cast<ptrdiff_t>(y) * s.width + x + k.offset]
                   : 0.f;
    }
};

D2DET_HOST_DEVICE inline ConvColumn convColumn(const ConvShape& s, const float* row, int pixel)
{
    const int oy = pixel / s.ow;
    return {row, oy * s.stride - s.pad, (pixel - oy * s.ow) * s.stride - s.pad};
}

//! Index of (channel o, pixel) in a row of Y: upsample u spreads u u channels over blocks of u x u pixels.
D2DET_HOST_DEVICE inline size_t outputIndex(const ConvShape& s, int o, int pixel)
{
    const int u = s.upsample;
    if (u == 1)
        return static_cast<size_t>(o) * s.area + pixel;
    const int y = pixel / s.ow, x = pixel - y * s.ow, copies = u * u, copy = o % copies;
    return static_cast<size_t>(o / copies) * copies * s.area + (static_cast<size_t>(y) * u + copy / u) * s.ow * u +
           static_cast<size_t>(x) * u + copy % u;
}

//! ReLU and sigmoid, which follow the norm.
D2DET_HOST_DEVICE inline float activate(const kernels::RoIConvParams& p, float value)
{
    if (p.relu && value < 0)
        value = 0.f;
    return p.sigmoid ? 1.f / (1.f + std::exp(-value)) : value;
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
