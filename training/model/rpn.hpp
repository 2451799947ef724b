// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Region proposal network: head and training losses (model.md 1.4). */

#ifndef D2DET_TRAINING_RPN_HPP
#define D2DET_TRAINING_RPN_HPP

#include "model/modules.hpp"
#include "structures/structures.hpp"

#include <map>

namespace d2det
{

using LossMap = std::map<std::string, Tensor>;

//! Head shared by all levels: 3x3 convolutions with ReLU, then 1x1 logits [B, A, h, w] and 1x1 deltas [B, 4A, h, w].
class RpnImpl : public torch::nn::Module
{
public:
    RpnImpl(const RpnConfig& config, int64_t inChannels);
    Tensor hidden(const Tensor& map) const;
    void forward(const std::vector<Tensor>& pyramid, std::vector<Tensor>& logits, std::vector<Tensor>& deltas);

    std::vector<ConvUnit> convs;  //!< "conv", then "conv2", "conv3", ...
    ConvUnit logit, delta;
};
TORCH_MODULE(Rpn);

//! Losses "rpn_cls" and "rpn_box": binary cross-entropy of sampled anchors, smooth L1 of the positive ones, both
//! divided by the number sampled.
void rpnLosses(const RpnConfig& config, bool legacy, const Batch& batch, const std::vector<float>& strides,
               const std::vector<Tensor>& logits, const std::vector<Tensor>& deltas, torch::Generator& generator,
               LossMap& out);

}  // namespace d2det

#endif
