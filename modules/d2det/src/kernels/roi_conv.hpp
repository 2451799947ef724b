// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIConv: convolution of pooled RoI features. Padding rows give zeros.

     Y[r] = act(norm(conv(X[r], weight[set(r)]) + bias[set(r)]))     for rows r that hold a RoI
     Y[r] = 0                                                        for padding rows (box all zero) and rows with
                                                                     a value that is not finite

   The weight set is one for all rows, or chosen per pyramid level (the released model's discriminative pooling,
   model.md 3.1), or per class of the row (the last layer of a mask head, of which only the detected class's output is
   needed, model.md 4.1). A convolution whose kernel covers the entire map is a fully connected layer: X [R, C, 7, 7],
   kernel 7x7, no padding, gives [R, O, 1, 1]. `norm` is group norm over the row (model.md 2.1); with as many groups as
   channels it is instance norm (model.md 3.4). Reason for a separate operator: cv::dnn computes every row of a
   fixed-size tensor, padding included, and OpenCV 4.6 multiplies a fully connected layer row by row.

   The fast version uses Winograd's method for 3x3 kernels when a set has enough rows (winograd.hpp), so the last bits
   of a row depend on the number of rows. Class-wise detection keeps one proposal per class, so identical rows repeat: a
   row with the box, set and features of an earlier row is copied.

   With upsample = u every u x u output channels become a u x u block of pixels, after norm and activation:
     Y[r][c][u y + dy][u x + dx] = convolution output [u u c + u dy + dx][y][x]
   which makes a 1x1 convolution the transposed convolution with kernel u and stride u. A group norm over its channels
   covers the same values before and after, so gamma and beta are those of the u u copies of each channel. */

#ifndef OPENCV_D2DET_KERNELS_ROI_CONV_HPP
#define OPENCV_D2DET_KERNELS_ROI_CONV_HPP

#include "common.hpp"
#include "launcher.hpp"
#include "winograd.hpp"

#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

struct RoIConvParams
{
    int weightSets = 1;    //!< 1: shared by all rows
    bool byClass = false;  //!< the set is the row's class, not its level
    int inChannels = 0;
    int outChannels = 0;
    int kernelHeight = 3;
    int kernelWidth = 3;
    int stride = 1;
    int pad = 1;
    int normGroups = 0;  //!< 0: no norm
    float epsilon = 1e-5f;
    bool relu = false;
    bool sigmoid = false;      //!< 1 / (1 + exp(-Y)) at the end; rows that are not computed stay 0
    int upsample = 1;          //!< u
    float finestScale = 56.f;  //!< level rule of the RoI, used if weightSets > 1 and not byClass
    bool legacy = false;
    ConvolutionMethod method = ConvolutionMethod::AUTO;  //!< of the fast version
};

//! Weight set of row r, -1 for a row of zeros: padding, a value that is not finite, or an invalid class.
template <typename T>
D2DET_HOST_DEVICE inline int weightSet(const RoIConvParams& p, const T* rois, const T* classes, int r)
{
    const T* roi = rois + 5 * static_cast<size_t>(r);
    for (int i = 0; i < 5; i++)
        if (!std::isfinite(roi[i]))
            return -1;
    if (roiIsPadding(roi))
        return -1;
    if (p.byClass)
        return classes[r] >= 0 && classes[r] < T(p.weightSets) ? static_cast<int>(classes[r]) : -1;
    return p.weightSets > 1 ? roiLevel(roi, p.finestScale, p.weightSets, p.legacy) : 0;
}

//! Pixels of the output along one axis.
inline int outputLength(int length, int pad, int kernel, int stride)
{
    return (length + 2 * pad - kernel) / stride + 1;
}

template <typename T>
struct RoIConvArgs
{
    const T* X;     //!< [numRois, inChannels, height, width]
    const T* rois;  //!< [numRois, 5]
    int numRois, height, width;
    const T* weight;             //!< [weightSets, outChannels, inChannels, kernelHeight, kernelWidth]
    const T* bias = nullptr;     //!< [weightSets, outChannels] or null: none
    const T* gamma = nullptr;    //!< of the norm, [weightSets, outChannels] or null: 1
    const T* beta = nullptr;     //!< of the norm, [weightSets, outChannels] or null: 0
    const T* classes = nullptr;  //!< [numRois], required if byClass; rows of other classes are zeros
};

//! Y [numRois, outChannels / u / u, u oh, u ow], oh = (height + 2 pad - kernelHeight) / stride + 1
template <typename T>
void roiConvRef(const RoIConvParams& p, const RoIConvArgs<T>& args, T* Y);
void roiConvCpu(const RoIConvParams& p, const RoIConvArgs<float>& args, float* Y);

//! Copy of the weights in the layout of the matrix multiplication on this machine, one matrix per set.
struct RoIConvPacked
{
    std::vector<PackedMatrix> sets;
};
RoIConvPacked packRoIConv(const RoIConvParams& p, const float* weight);
//! Inverse of packRoIConv.
void unpackRoIConv(const RoIConvPacked& packed, float* weight);

//! roiConvCpu with packed weights, for constant weights; args.weight is not read.
void roiConvCpu(const RoIConvParams& p, const RoIConvArgs<float>& args, const RoIConvPacked& weight, float* Y);

}  // namespace kernels

namespace cuda
{

//! Bytes of workspace of roiConv(); 0 if the parameters are out of range.
size_t roiConvWorkspace(const kernels::RoIConvParams& p, int numRois, int height, int width);

Status roiConv(const kernels::RoIConvParams& p, const kernels::RoIConvArgs<float>& args, float* Y,
               const Workspace& workspace, Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
