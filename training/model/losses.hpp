// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Losses of D2Det; all differentiable with respect to the predictions. operators.md 5, model.md 2.4.
   Predictions may be on any device; boxes, labels and other targets are on the CPU and are copied to that device. */

#ifndef D2DET_TRAINING_LOSSES_HPP
#define D2DET_TRAINING_LOSSES_HPP

#include "config/config.hpp"

#include <torch/torch.h>

namespace d2det
{

using torch::Tensor;

//! Boxes of every cell [n, k, k, 4] from rois [n, 4] and offsets [n, 4, k, k] (l, r, t, b).
Tensor decodeDense(const Tensor& rois, const Tensor& offsets);

//! Loss of every cell [n, k, k]: u = max(IoU, 1e-6), u' = u if u > 0.1 else u + 0.1, -ln u'.
Tensor iouLossMap(const Tensor& rois, const Tensor& offsets, const Tensor& gts, bool legacy);

//! IoU loss over labels m [n, 1, k, k]; MASKED: weight * sum(m loss) / M, BROADCAST: weight * mean(loss) mean(m).
Tensor denseIoULoss(const Tensor& rois, const Tensor& offsets, const Tensor& gts, const Tensor& labels, bool legacy,
                    LossReduction reduction, double weight);

//! Smooth-L1 on the normalized offsets, averaged over the cells with label 1 (variant of the technical report).
Tensor denseSmoothL1Loss(const Tensor& rois, const Tensor& offsets, const Tensor& gts, const Tensor& labels,
                         double beta, double weight);

/** Cross-entropy of the classes of RoIs: sum of weight[label] * loss, divided by the number of RoIs; 0 without RoIs.
    @param logits [n, C + 1]. @param labels int64 [n], on their device.
    @param weights [C + 1], undefined: all 1. The divisor does not depend on them: rare classes gain influence, a batch
    of frequent ones does not get louder. */
Tensor classificationLoss(const Tensor& logits, const Tensor& labels, const Tensor& weights);

//! Mean binary cross-entropy with logits.
Tensor bceLoss(const Tensor& logits, const Tensor& targets);

//! Sum of 0.5 d^2 / beta if |d| < beta else |d| - beta / 2.
Tensor smoothL1Sum(const Tensor& prediction, const Tensor& target, double beta);

}  // namespace d2det

#endif
