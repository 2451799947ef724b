// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The transforms of Winograd's method F(4x4, 3x3), winograd.hpp, along both axes for 16 windows, output channels or
   tiles at once. Points of a window are numbered row by row, e = 6 i + j. */

#ifndef OPENCV_D2DET_KERNELS_WINOGRAD_TRANSFORMS_HPP
#define OPENCV_D2DET_KERNELS_WINOGRAD_TRANSFORMS_HPP

#include "winograd.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

constexpr int WINOGRAD_POINTS = WinogradTiles::WINDOW * WinogradTiles::WINDOW;
constexpr int WINOGRAD_CELLS = 9;  //!< of a 3x3 filter

//! 16 windows of one channel.
struct InputGroup
{
    const float* planes;
    const int* offsets;
    int rowStride;
    float* V;  //!< point e of window t -> V[e * stride + t / piece * pieceStride + t % piece]
    size_t stride;
    int piece;  //!< 16 or a divisor of 16
    size_t pieceStride;
};

void transformInput(const InputGroup& group);

//! The filters of one input channel for a panel of output channels.
struct FilterGroup
{
    const float* cells[WINOGRAD_CELLS];  //!< contiguous output channels; 16 values are read
    float* U;                            //!< point e of channel i -> U[e * stride + i]; 16 values are written
    size_t stride;
};

void transformFilter(const FilterGroup& group);

//! 16 tiles of one output channel.
struct OutputGroup
{
    const float* M;  //!< point e of tile t: M[e * stride + t]
    size_t stride;
    float bias, low, high;
    float* Y;  //!< [16 tiles][16 pixels]
};

void transformOutput(const OutputGroup& group);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
