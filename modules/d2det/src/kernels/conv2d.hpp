// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Convolution of entire feature maps in G groups of channels:

     Y[n][o][y][x] = act(bias[o] + sum over c < C / G, i, j of
                         weight[o][c][i][j]
                         X[n][g C / G + c][y strideY - padTop + i dilationY][x strideX - padLeft + j dilationX])
     with the group g = floor(o G / O) of the output channel

   X [N, C, h, w], zero outside the map; Y [N, O, oh, ow]. Same function as cv::dnn's Convolution, by the matrix product
   of gemm.hpp. Reason: the backbone, pyramid and RPN of the paper are 202 GMAC of such layers, most of the run time per
   image, and cv::dnn of OpenCV 4.6 reaches at most half of the peak of the CPU for these layers (perf/README.md).

   A task is a block of output pixels by a block of output channels; the columns of the image matrix are gathered per
   block of depth, so that the entire matrix is never stored. For 3x3 kernels with stride 1, two thirds of these GMAC,
   Winograd's method is used where faster (winograd.hpp). */

#ifndef OPENCV_D2DET_KERNELS_CONV2D_HPP
#define OPENCV_D2DET_KERNELS_CONV2D_HPP

#include "common.hpp"
#include "winograd.hpp"

#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

struct Conv2dParams
{
    int inChannels = 0, outChannels = 0;  //!< multiples of `groups`
    int groups = 1;
    int kernelHeight = 1, kernelWidth = 1;
    int strideY = 1, strideX = 1;
    int dilationY = 1, dilationX = 1;
    int padTop = 0, padLeft = 0;  //!< cells; padding at the bottom and right follows from the size of the output
    bool relu = false;
    float ceiling = 0;  //!< with relu: upper limit of Y if > 0
    ConvolutionMethod method = ConvolutionMethod::AUTO;
};

//! Sizes of one call.
struct Conv2dShape
{
    int batch, height, width, outHeight, outWidth;
};

//! Naive. weight [O, C / G, kh, kw]; bias [O] or null.
void conv2dRef(const Conv2dParams& p, const Conv2dShape& s, const float* X, const float* weight, const float* bias,
               float* Y);

//! The weight [O, C / G, kh, kw] as one packed matrix [O / G, C / G kh kw] for each group.
std::vector<PackedMatrix> packFilters(const Conv2dParams& p, const float* weight,
                                      const GemmKernel& kernel = gemmKernel());

//! @param filters of packFilters(). Identical bits for any number of threads.
void conv2dCpu(const Conv2dParams& p, const Conv2dShape& s, const float* X, const std::vector<PackedMatrix>& filters,
               const float* bias, float* Y);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
