// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_KERNELS_MASK_SCORE_HPP
#define OPENCV_D2DET_KERNELS_MASK_SCORE_HPP

namespace cv
{
namespace d2det
{
namespace kernels
{

/** Score by which masks are ranked (model.md 4.3): mean of the score of the class and of the predicted IoU, weighted
    1 : weight. The order is that of the sum in the released code; like all scores it is at most 1. */
template <typename T>
T maskScore(T score, T predictedIoU, T weight)
{
    const T mean = (score + weight * predictedIoU) / (1 + weight);
    return mean > 1 ? T(1) : mean;
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
