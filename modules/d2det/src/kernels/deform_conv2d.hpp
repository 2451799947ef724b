// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformConv2d: deformable convolution of entire maps (Dai et al., "Deformable Convolutional Networks", 2017, eq. 2
   and 3; with a mask Zhu et al., "Deformable ConvNets v2", 2019, eq. 1). Contract: operators.md 3.14; gradients:
   operators.md 5.

     Y[n][o][y][x] = bias[o] + sum over c < C / groups, i, j of weight[o][c][i][j] mask[n][k][y][x] V(n, c', v, u)

     c' = g C / groups + c with the group g = floor(o groups / O)
     k  = (floor(c' G / C) kh + i) kw + j, G = offset groups
     v  = y strideY - padTop + i dilationY + offset[n][2 k][y][x]
     u  = x strideX - padLeft + j dilationX + offset[n][2 k + 1][y][x]
     V  = bilinear between the four cells around (v, u), those outside the map are 0

   X [N, C, h, w], offset [N, 2 G kh kw, oh, ow], mask [N, G kh kw, oh, ow] or none (1), Y [N, O, oh, ow]

   The fast version samples channels side by side: an image is transposed to [h w][C], and the depth of the matrix
   product is ordered (i, j, c). */

#ifndef OPENCV_D2DET_KERNELS_DEFORM_CONV2D_HPP
#define OPENCV_D2DET_KERNELS_DEFORM_CONV2D_HPP

#include "conv2d.hpp"
#include "launcher.hpp"

#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

struct DeformConv2dParams
{
    int inChannels = 0, outChannels = 0;  //!< multiples of `groups`
    int groups = 1;                       //!< of the weight
    int offsetGroups = 1;                 //!< G: groups of input channels with offsets of their own, divides inChannels
    int kernelHeight = 3, kernelWidth = 3;
    int strideY = 1, strideX = 1;
    int dilationY = 1, dilationX = 1;
    int padTop = 0, padLeft = 0;  //!< cells; padding at the bottom and right follows from the size of the output

    D2DET_HOST_DEVICE int cells() const { return kernelHeight * kernelWidth; }
};

template <typename T>
struct DeformConv2dArgs
{
    const T *X, *offset;
    const T* mask;    //!< null: 1 everywhere
    const T* weight;  //!< [O, C / groups, kh, kw]
    const T* bias;    //!< [O] or null
};

//! Overwritten, as large as what they belong to; null: not computed.
template <typename T>
struct DeformConv2dGradients
{
    T *X, *offset, *mask, *weight, *bias;
};

//! Sampling point of a kernel cell: its cell (y, x), -1 in the border above or to the left, and fractions.
struct DeformPoint
{
    int y, x;
    float fy, fx;
};

/** The point (v, u) on a map; false: its value and all its derivatives are 0. At exactly -1 the value is 0, but the
    derivative is that of the border (operators.md 5), so that -1 counts as inside. */
D2DET_HOST_DEVICE inline bool locate(float v, float u, int height, int width, DeformPoint& point)
{
    if (!(v >= -1.f && v < static_cast<float>(height) && u >= -1.f && u < static_cast<float>(width)))  // also NaN
        return false;
    const float y = std::floor(v), x = std::floor(u);
    point.y = static_cast<int>(y);
    point.x = static_cast<int>(x);
    point.fy = v - y;
    point.fx = u - x;
    return true;
}

//! Naive.
template <typename T>
void deformConv2dRef(const DeformConv2dParams& p, const Conv2dShape& s, const DeformConv2dArgs<T>& args, T* Y);
template <typename T>
void deformConv2dBackwardRef(const DeformConv2dParams& p, const Conv2dShape& s, const DeformConv2dArgs<T>& args,
                             const T* gradY, const DeformConv2dGradients<T>& grad);

//! The weight as one packed matrix [O / groups, kh kw C / groups] for each group.
std::vector<PackedMatrix> packDeformFilters(const DeformConv2dParams& p, const float* weight,
                                            const GemmKernel& kernel = gemmKernel());

//! Inverse of packDeformFilters.
void unpackDeformFilters(const DeformConv2dParams& p, const std::vector<PackedMatrix>& filters, float* weight);

//! @param filters of packDeformFilters(); args.weight is not read. Identical bits for any number of threads.
void deformConv2dCpu(const DeformConv2dParams& p, const Conv2dShape& s, const DeformConv2dArgs<float>& args,
                     const std::vector<PackedMatrix>& filters, float* Y);
//! Identical bits for any number of threads.
void deformConv2dBackwardCpu(const DeformConv2dParams& p, const Conv2dShape& s, const DeformConv2dArgs<float>& args,
                             const float* gradY, const DeformConv2dGradients<float>& grad);

}  // namespace kernels

namespace cuda
{

//! Bytes of workspace of deformConv2d(); 0 if the parameters are out of range.
size_t deformConv2dWorkspace(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s);

Status deformConv2d(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s,
                    const kernels::DeformConv2dArgs<float>& args, float* Y, const Workspace& workspace, Stream stream);

//! Bytes of workspace of deformConv2dBackward(); 0 if the parameters are out of range.
size_t deformConv2dBackwardWorkspace(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s);

//! The gradient of X is a sum of atomics in changing order; all others have the same bits in every run.
Status deformConv2dBackward(const kernels::DeformConv2dParams& p, const kernels::Conv2dShape& s,
                            const kernels::DeformConv2dArgs<float>& args, const float* gradY,
                            const kernels::DeformConv2dGradients<float>& grad, const Workspace& workspace,
                            Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
