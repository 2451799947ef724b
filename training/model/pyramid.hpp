// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Feature pyramid: FPN (Lin et al. 2017, model.md 1.3) with the bottom-up path of PANet as an option (Liu et al. 2018,
   model.md 9.4). */

#ifndef D2DET_TRAINING_PYRAMID_HPP
#define D2DET_TRAINING_PYRAMID_HPP

#include "model/modules.hpp"

namespace d2det
{

/** Lateral 1x1, nearest x2 upsampling and sum, output 3x3: P. With a bottom-up path: N = P at the finest level, then
    N(i + 1) = ReLU(merge(P(i + 1) + ReLU(down(N(i))))), down 3x3 of stride 2, merge 3x3. Extra levels on top. */
class FpnImpl : public torch::nn::Module
{
public:
    FpnImpl(const FpnConfig& config, const std::vector<int64_t>& inChannels);
    std::vector<Tensor> forward(const std::vector<Tensor>& maps);

    std::vector<ConvUnit> lateral;  //!< finest first
    std::vector<ConvUnit> output;
    std::vector<ConvUnit> down, merge;  //!< bottom-up path, one less than levels; empty without it
    std::vector<ConvUnit> extra;        //!< "conv": 3x3 stride 2; from the second one on with ReLU on the input
    int maxPoolLevels = 0;              //!< "maxpool": kernel 1, stride 2 on the level below
};
TORCH_MODULE(Fpn);

}  // namespace d2det

#endif
