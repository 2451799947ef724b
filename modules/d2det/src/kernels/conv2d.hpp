// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Convolution of whole feature maps, one group:

     Y[n][o][y][x] = act(bias[o] + sum over c, i, j of
                         weight[o][c][i][j]
                         X[n][c][y strideY - padTop + i dilationY][x strideX - padLeft + j dilationX])

   X [N, C, h, w], zero outside the map; Y [N, O, oh, ow]. What cv::dnn's Convolution computes, on the matrix product of
   gemm.hpp: the paper's backbone, pyramid and RPN are 202 GMAC of such layers, most of the time of a whole image, and
   cv::dnn of OpenCV 4.6 does them at half the speed of this machine's multipliers or less (perf/README.md).

   A task is some output pixels by some output channels; its columns of the image matrix are gathered a block of depth
   at a time, so that they never exist as a whole. Kernels of 3x3 with stride 1 go by Winograd's method where that is
   faster (winograd.hpp): they are two thirds of those GMAC. */

#ifndef OPENCV_D2DET_KERNELS_CONV2D_HPP
#define OPENCV_D2DET_KERNELS_CONV2D_HPP

#include "common.hpp"
#include "winograd.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

struct Conv2dParams
{
    int inChannels = 0, outChannels = 0;
    int kernelHeight = 1, kernelWidth = 1;
    int strideY = 1, strideX = 1;
    int dilationY = 1, dilationX = 1;
    int padTop = 0, padLeft = 0;  //!< what is missing at the bottom and right follows from the output's size
    bool relu = false;
    float ceiling = 0;  //!< with relu, > 0: min(Y, ceiling) too
    ConvolutionMethod method = ConvolutionMethod::AUTO;
};

//! Sizes of one call.
struct Conv2dShape
{
    int batch, height, width, outHeight, outWidth;
};

//! Obviously right. weight [O, C, kh, kw]; bias [O] or null.
void conv2dRef(const Conv2dParams& p, const Conv2dShape& s, const float* X, const float* weight, const float* bias,
               float* Y);

//! weight: packMatrix(weight, O, C kh kw). The same bits for any number of threads.
void conv2dCpu(const Conv2dParams& p, const Conv2dShape& s, const float* X, const PackedMatrix& weight,
               const float* bias, float* Y);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
