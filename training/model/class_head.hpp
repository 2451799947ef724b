// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Discriminative RoI pooling and classifier (model.md 3). With its parts switched off it is the head of Faster R-CNN,
   with pooling from all levels that of PANet (model.md 9.4). */

#ifndef D2DET_TRAINING_CLASS_HEAD_HPP
#define D2DET_TRAINING_CLASS_HEAD_HPP

#include "model/modules.hpp"

namespace d2det
{

//! Modules that the configuration switches off are empty.
class ClassHeadImpl : public torch::nn::Module
{
public:
    ClassHeadImpl(const RoIConfig& config, int64_t inChannels, int64_t numClasses, const std::vector<float>& strides,
                  bool legacy);
    //! Features [R, F, 1, 1] behind the hidden fully connected layers. The RoIs may be on the CPU for a pyramid on any
    //! device, which avoids waiting for the device.
    Tensor features(const std::vector<Tensor>& pyramid, const Tensor& rois);
    Tensor classify(const Tensor& features);  //!< logits [R, numClasses + 1], background last
    Tensor forward(const std::vector<Tensor>& pyramid, const Tensor& rois) { return classify(features(pyramid, rois)); }

    RoIConv offset1{nullptr}, offset2{nullptr}, offset3{nullptr};  //!< pooled 3x3 -> offsets [R, 2, k, k]
    RoIConv weighting{nullptr};                                    //!< conv + instance norm of the adaptive weighting
    std::vector<RoIConv> convs;                                    //!< 3x3 on the pooled features
    std::vector<RoIConv> fc1;  //!< one, or one per level with pooling from all levels
    RoIConv fc2{nullptr}, classifier{nullptr};

private:
    Tensor pooled(const std::vector<Tensor>& pyramid, const Tensor& proposals, const RoIGroups& groups);
    Tensor firstLayer(const std::vector<Tensor>& pyramid, const Tensor& rois, const RoIGroups& groups);

    RoIConfig config_;
    RoIPool pool_;
    bool legacy_;
};
TORCH_MODULE(ClassHead);

}  // namespace d2det

#endif
