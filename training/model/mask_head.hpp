// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Masks of 28 x 28 cells (model.md 4), one per RoI, for the class of the RoI. Two variants:
     d2det  box head features -> two transposed convolutions -> convolution per class; with mask scoring
     fcn    RoIAlign -> convolutions -> transposed convolution -> convolution per class */

#ifndef D2DET_TRAINING_MASK_HEAD_HPP
#define D2DET_TRAINING_MASK_HEAD_HPP

#include "model/modules.hpp"

namespace d2det
{

class MaskHeadImpl : public torch::nn::Module
{
public:
    MaskHeadImpl(const RoIConfig& config, int64_t inChannels, int64_t numClasses, const std::vector<float>& strides,
                 bool legacy);
    bool usesTrunk() const { return config_.type == MaskHeadType::D2DET; }
    //! Logits [R, 1, 28, 28]. @param trunk box head features of the same RoIs, if usesTrunk().
    //! @param classes one group of RoIs per class.
    Tensor forward(const std::vector<Tensor>& pyramid, const Tensor& trunk, const Tensor& rois,
                   const RoIGroups& classes);
    //! Predicted IoU of the masks [R, 1]; without gradient to the logits.
    Tensor score(const Tensor& trunk, const Tensor& logits, const RoIGroups& classes);

    //! fcn only. With pooling from all levels the first ones are one per level; the largest of their outputs goes on.
    std::vector<RoIConv> levelConvs, convs;
    std::vector<RoIConv> upsamples;                             //!< transposed convolutions
    RoIConv classifier{nullptr};                                //!< a weight set per class
    RoIConv score1{nullptr}, score2{nullptr}, score3{nullptr};  //!< empty without mask scoring

private:
    Tensor pooled(const std::vector<Tensor>& pyramid, const Tensor& rois);

    MaskHeadConfig config_;
    RoIPool pool_;
};
TORCH_MODULE(MaskHead);

}  // namespace d2det

#endif
