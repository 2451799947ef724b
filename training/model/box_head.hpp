// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Box heads of the second stage behind one interface:
     DenseBoxHead  dense local regression (model.md 2): refines the boxes that NMS leaves, from features of its own
     DeltaBoxHead  deltas of Faster R-CNN (model.md 9.1): refines every proposal, from features of the classifier */

#ifndef D2DET_TRAINING_BOX_HEAD_HPP
#define D2DET_TRAINING_BOX_HEAD_HPP

#include "model/modules.hpp"
#include "model/roi_sampling.hpp"

namespace d2det
{

//! What a box head refines.
struct BoxHeadInput
{
    const std::vector<Tensor>& pyramid;  //!< levels that RoIs are pooled from
    Tensor features;                     //!< of the class head, [R, F, 1, 1]; read only before NMS
    Tensor rois;                         //!< [R, 5]
};

//! A box head's results at test time; what a head does not have is undefined.
struct RefinedBoxes
{
    Tensor rois;              //!< [R, 1 + 4n] = (batch, n boxes), clipped to the image; n = 1 or the number of classes
    Tensor trunk;             //!< dense: features of the RoIs
    Tensor offsets, overlap;  //!< dense: offsets [R, 4, k, k], overlap logits [R, 1, k, k]
    Tensor deltas;            //!< delta: outputs [R, 4n]
};

//! RoIs that the mask head learns from, as the box head saw them.
struct MaskRoIs
{
    PositiveRoIs rois;
    Tensor trunk;         //!< dense: features of these RoIs
    MaskTargets targets;  //!< undefined tensors where the box head did not need them
};

class BoxHeadImpl : public torch::nn::Module
{
public:
    //! true: all proposals get new boxes, then NMS; false: NMS of the proposals first.
    virtual bool refinesBeforeNms() const = 0;
    /** Adds the losses of the head.
        @param in RoIs and features of `sampled`. */
    virtual MaskRoIs losses(const BoxHeadInput& in, const SampledRoIs& sampled, const Batch& batch,
                            torch::Generator& generator, LossMap& out) = 0;
    //! @param imInfo [B, 3]. No gradients.
    virtual RefinedBoxes refine(const BoxHeadInput& in, const Tensor& imInfo) = 0;
};

//! RoIAlign -> convs -> offsets [R, 4, k, k] >= 0 and overlap logits [R, 1, k, k].
class DenseBoxHeadImpl : public BoxHeadImpl
{
public:
    DenseBoxHeadImpl(const RoIConfig& config, int64_t inChannels, const std::vector<float>& strides, bool legacy);
    bool refinesBeforeNms() const override { return false; }
    MaskRoIs losses(const BoxHeadInput& in, const SampledRoIs& sampled, const Batch& batch, torch::Generator& generator,
                    LossMap& out) override;
    RefinedBoxes refine(const BoxHeadInput& in, const Tensor& imInfo) override;

    //! [R, channels, k, k], also input of the mask head.
    Tensor trunk(const std::vector<Tensor>& pyramid, const Tensor& rois);
    std::pair<Tensor, Tensor> predict(const Tensor& trunk);  //!< offsets and overlap logits

    std::vector<RoIConv> convs;
    RoIConv offsets{nullptr};
    RoIConv overlap{nullptr};  //!< empty without binary overlap

private:
    RoIConfig config_;
    RoIPool pool_;
    bool legacy_;
};
TORCH_MODULE(DenseBoxHead);

//! Cells that the regression loss of the dense head counts [n, 1, k, k]: those labelled as lying on the object, and
//! without binary overlap all whose target the head can reach.
Tensor regressionCells(const BoxHeadConfig& config, const Tensor& rois, const Tensor& gts, int64_t k);

//! One linear layer on the features of the class head: deltas [R, 4n], n = 1 or the number of classes.
class DeltaBoxHeadImpl : public BoxHeadImpl
{
public:
    //! @param stdFactor factor of the configured standard deviations (a stage of a cascade).
    DeltaBoxHeadImpl(const RoIConfig& config, int64_t numClasses, double stdFactor, bool legacy);
    bool refinesBeforeNms() const override { return true; }
    MaskRoIs losses(const BoxHeadInput& in, const SampledRoIs& sampled, const Batch& batch, torch::Generator& generator,
                    LossMap& out) override;
    RefinedBoxes refine(const BoxHeadInput& in, const Tensor& imInfo) override;

    Tensor predict(const Tensor& features);  //!< [R, 4n]

    RoIConv deltas{nullptr};
    std::vector<float> stds;  //!< of this stage

private:
    DeltaHeadConfig config_;
    bool legacy_;
};
TORCH_MODULE(DeltaBoxHead);

//! Loss of the delta head: smooth L1 of the deltas of each positive RoI for its class, summed, divided by the number of
//! all sampled RoIs. @param deltas [n, 4C] or [n, 4] of all sampled RoIs.
Tensor deltaLoss(const Tensor& deltas, const SampledRoIs& sampled, const std::vector<float>& stds, double beta,
                 bool legacy);

}  // namespace d2det

#endif
