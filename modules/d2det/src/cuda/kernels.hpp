// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The operators on a CUDA device: launchers over the same parameter structs and layouts as the CPU kernels in ../kernels.

   Rules of every launcher:
   - Pointers to tensors are device pointers, float32, dense and row-major, aligned as cudaMalloc or an offset of whole
     floats gives it. Parameter structs, views (FeaturePyramid, RpnMaps) and counts are host values, read before the call
     returns; only the `data`, `cls` and `box` pointers inside the views are device pointers.
   - It enqueues kernels on `stream` (nullptr: the default stream) of the current device and returns. It never waits for
     the device, never allocates, and reads nothing back: counts stay on the device.
   - Every element of every output is written, padding rows too. Inputs are not changed and must not overlap outputs.
   - What the CPU contract says about bad batch indices, values that are not finite, padding rows and empty RoIs holds
     here: no data, whatever it is, makes a kernel read or write outside its arrays.
   - A count of 0 (RoIs, planes, rows) is allowed and does nothing but what "every output is written" asks for.
   - Where a `workspace` is asked for it is device memory of at least the bytes that the function <op>Workspace names,
     aligned to 256 bytes, free to be reused by the next launch on the same stream. Its content need not be initialised.
     Operators without that parameter need none.
   - The result is a cudaError_t as int: 0 is success, 1 (cudaErrorInvalidValue) says that a parameter is out of range or
     the workspace too small, others come from the launch. Errors inside kernels appear at the caller's next
     synchronisation, as always with CUDA. statusString() names it.

   Results: the same for every run, bit for bit, except roiAlignBackward and deformRoIPoolBackward's gradients of the maps,
   which are summed by atomics in changing order. They agree with the CPU reference within float32 rounding; decisions
   (levels, suppression, order) use the same expressions without fused multiply-add.

   This header includes no CUDA header: any C++ file can use it. Contract: operators.md 2, 3, 5. */

#ifndef OPENCV_D2DET_CUDA_KERNELS_HPP
#define OPENCV_D2DET_CUDA_KERNELS_HPP

#include "../kernels/adaptive_weighted_pool.hpp"
#include "../kernels/deform_roi_pool.hpp"
#include "../kernels/dense_box_decode.hpp"
#include "../kernels/detections.hpp"
#include "../kernels/gather_rows.hpp"
#include "../kernels/instance_norm.hpp"
#include "../kernels/nms.hpp"
#include "../kernels/proposal.hpp"
#include "../kernels/roi_align.hpp"
#include "../kernels/roi_conv.hpp"

struct CUstream_st;

namespace cv
{
namespace d2det
{
namespace cuda
{

using Stream = ::CUstream_st*;  //!< a cudaStream_t
using Status = int;             //!< a cudaError_t, 0 = success

//! Name and meaning of a status, static memory.
const char* statusString(Status status);

/** Number of CUDA devices that can be used: 0 without a device or a driver.
    @param reason if not null: why there is none, static memory; "" if there is one */
int deviceCount(const char** reason = nullptr);

//! Limits of this implementation; beyond them a launcher returns 1 (cudaErrorInvalidValue).
constexpr int MAX_SAMPLES = 512;       //!< samplingRatio of the pooling operators
constexpr int MAX_ANCHOR_RATIOS = 64;  //!< of proposal

/** @brief RoIAlign over a feature pyramid (operators.md 3.2).
    @param features maps [batch, channels, height[i], width[i]], data[i] on the device
    @param rois [numRois, 5] = (batch index, x1, y1, x2, y2), network-input pixels
    @param output [numRois, channels, pooledHeight, pooledWidth] */
Status roiAlign(const kernels::RoIAlignParams& p, const kernels::FeaturePyramid<float>& features, const float* rois,
                int numRois, float* output, Stream stream);

/** @brief Gradient of roiAlign with respect to the maps; none to the RoIs.
    @param features gives the shapes, its data is not read
    @param gradOutput [numRois, channels, pooledHeight, pooledWidth]
    @param gradFeatures host array of `levels` device pointers, each [batch, channels, height[i], width[i]]; overwritten,
           zero where no RoI pools. Sums by atomics: the last bits change from run to run. */
Status roiAlignBackward(const kernels::RoIAlignParams& p, const kernels::FeaturePyramid<float>& features,
                        const float* rois, int numRois, const float* gradOutput, float* const* gradFeatures,
                        Stream stream);

/** @brief Deformable RoI pooling over a feature pyramid (operators.md 3.3).
    @param offsets [numRois, 2, k, k] (plane 0 = x, 1 = y), in RoI sizes before gamma; nullptr: zeros
    @param output [numRois, channels, K, K] */
Status deformRoIPool(const kernels::DeformRoIPoolParams& p, const kernels::FeaturePyramid<float>& features,
                     const float* rois, int numRois, const float* offsets, float* output, Stream stream);

/** @brief Gradients of deformRoIPool.
    @param gradFeatures as in roiAlignBackward (atomics)
    @param gradOffsets [numRois, 2, k, k], overwritten, the same bits in every run; nullptr: not wanted, and features.data
           is then not read */
Status deformRoIPoolBackward(const kernels::DeformRoIPoolParams& p, const kernels::FeaturePyramid<float>& features,
                             const float* rois, int numRois, const float* offsets, const float* gradOutput,
                             float* const* gradFeatures, float* gradOffsets, Stream stream);

/** @brief 3x3 stride-2 pooling weighted by exp(gain * sigmoid(N)) (operators.md 3.4).
    @param F,N [planes, height, width], planes = numRois * channels
    @param output [planes, ceil(height / 2), ceil(width / 2)] */
Status adaptiveWeightedPool(float gain, const float* F, const float* N, int planes, int height, int width,
                            float* output, Stream stream);

//! @brief Gradients of adaptiveWeightedPool. gradF, gradN [planes, height, width] are overwritten.
Status adaptiveWeightedPoolBackward(float gain, const float* F, const float* N, int planes, int height, int width,
                                    const float* gradOutput, float* gradF, float* gradN, Stream stream);

//! @brief Instance norm (operators.md 3.5): X, Y [rows, channels, area]; scale, bias [channels]. Y may be X.
Status instanceNorm(const float* X, const float* scale, const float* bias, float epsilon, int rows, int channels,
                    int area, float* Y, Stream stream);

/** @brief Boxes from dense regression (operators.md 3.6).
    @param rois [numRois, 5]
    @param offsets [numRois, 4, k, k] in the order l, r, t, b
    @param overlap [numRois, 1, k, k] logits
    @param imInfo [batch, 3] = (valid height, valid width, scale)
    @param boxes [numRois, 4] */
Status denseBoxDecode(const kernels::DenseBoxDecodeParams& p, const float* rois, const float* offsets,
                      const float* overlap, const float* imInfo, int numRois, int k, int batch, float* boxes,
                      Stream stream);

/** @brief Bytes of workspace of proposal(): about 48 bytes per anchor of the batch. Only the shapes in `maps` are used.
    0 if the parameters are out of range (more than 2^31 - 1 anchors in the batch) or there is no device. */
size_t proposalWorkspace(const kernels::ProposalParams& p, const kernels::RpnMaps& maps);

/** @brief Proposals from raw RPN maps (operators.md 3.1).
    @param maps cls[i] [batch, A, h, w] logits and box[i] [batch, 4 A, h, w] deltas on the device
    @param imInfo [batch, 3]
    @param rois [batch * K, 5], K = maxProposals; unused rows (b, 0, 0, 0, 0)
    @param scores [batch * K] = sigmoid(logit), 0 in unused rows */
Status proposal(const kernels::ProposalParams& p, const kernels::RpnMaps& maps, const float* imInfo, float* rois,
                float* scores, void* workspace, size_t workspaceBytes, Stream stream);

/** @brief Hard NMS of boxes in descending order of score (operators.md 2).
    @param boxes [n, 4]
    @param limit stop after so many kept boxes, <= 0: no limit
    @param kept [n]: kept positions in order; entries from *numKept on are -1
    @param numKept one int on the device */
Status hardNms(const float* boxes, int n, float threshold, bool legacy, int limit, int* kept, int* numKept,
               Stream stream);

/** @brief Soft-NMS (operators.md 3.7), linear or gaussian.
    @param boxes [n, 4] in any order
    @param scores [n], changed in place: of an emitted box its decayed score, of the others unspecified
    @param kept [n]: emission order; entries from *numKept on are -1
    @param numKept one int on the device */
Status softNms(const float* boxes, float* scores, int n, float threshold, float sigma, float minScore, bool gaussian,
               bool legacy, int limit, int* kept, int* numKept, Stream stream);

//! @brief Bytes of workspace of detections(): about 80 bytes per (row, class). 0 if out of range or without a device.
size_t detectionsWorkspace(const kernels::DetectionsParams& p, int roiColumns, int probColumns, int numRois);

/** @brief Final detections: score threshold, class-wise hard or soft NMS, best K per image (operators.md 3.7 and E1).
    @param rois [numRois, roiColumns], 5 or 1 + 4 C columns
    @param probs [numRois, probColumns], C + 1 with the background last, or 2 = (class, score) if labelled
    @param detections [batchSize * K, 7] = (batch, class, score, x1, y1, x2, y2); unused rows (0, -1, 0, 0, 0, 0, 0)
    @param sourceRows [batchSize * K]: the row of rois that each detection came from, -1 in unused rows; nullptr: not wanted */
Status detections(const kernels::DetectionsParams& p, const float* rois, int roiColumns, const float* probs,
                  int probColumns, int numRois, float* detections, void* workspace, size_t workspaceBytes,
                  Stream stream, float* sourceRows = nullptr);

/** @brief Rows of a tensor by their indices (kernels/gather_rows.hpp). An index that is no row gives zeros.
    @param X [numRows, rowSize]
    @param rows [count]
    @param Y [count, rowSize] */
Status gatherRows(const float* X, int numRows, size_t rowSize, const float* rows, int count, float* Y, Stream stream);

//! @brief Bytes of workspace of roiConv(); 0 if the parameters are out of range.
size_t roiConvWorkspace(const kernels::RoIConvParams& p, int numRois, int height, int width);

/** @brief Convolution of pooled RoI features, padding rows left out (kernels/roi_conv.hpp has the formula).
    @param X [numRois, inChannels, height, width]
    @param rois [numRois, 5]
    @param weight [levels, outChannels, inChannels, kernelHeight, kernelWidth]
    @param bias,gamma,beta [levels, outChannels] or nullptr (no bias; gamma 1, beta 0)
    @param Y [numRois, outChannels / u / u, u oh, u ow]; zero in rows that are not computed
    @param classes [numRois], needed if byClass, else ignored */
Status roiConv(const kernels::RoIConvParams& p, const float* X, const float* rois, int numRois, int height, int width,
               const float* weight, const float* bias, const float* gamma, const float* beta, float* Y,
               const float* classes, void* workspace, size_t workspaceBytes, Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
