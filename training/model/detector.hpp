// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The D2Det detector: backbone -> FPN -> RPN -> { discriminative RoI pooling and classifier, dense local regression,
   masks }. Source: model.md 1 - 4. The exporter traverses the member structure. */

#ifndef D2DET_TRAINING_DETECTOR_HPP
#define D2DET_TRAINING_DETECTOR_HPP

#include "model/backbone.hpp"
#include "model/targets.hpp"
#include "structures/structures.hpp"

#include <map>

namespace d2det
{

//! Feature pyramid (model.md 1.3): lateral 1x1, nearest x2 upsampling and sum, output 3x3, extra levels on top.
class FpnImpl : public torch::nn::Module
{
public:
    FpnImpl(const FpnConfig& config, const std::vector<int64_t>& inChannels);
    std::vector<Tensor> forward(const std::vector<Tensor>& maps);

    std::vector<ConvUnit> lateral;  //!< finest first
    std::vector<ConvUnit> output;
    std::vector<ConvUnit> extra;  //!< "conv": 3x3 stride 2; from the second one on with ReLU on the input
    int maxPoolLevels = 0;        //!< "maxpool": kernel 1, stride 2 on the level below
};
TORCH_MODULE(Fpn);

//! Region proposal head shared by all levels (model.md 1.4): 3x3 + ReLU, 1x1 logits [B, A, h, w], 1x1 deltas
//! [B, 4A, h, w].
class RpnImpl : public torch::nn::Module
{
public:
    RpnImpl(const RpnConfig& config, int64_t inChannels);
    void forward(const std::vector<Tensor>& pyramid, std::vector<Tensor>& logits, std::vector<Tensor>& deltas);

    ConvUnit conv, logit, delta;
};
TORCH_MODULE(Rpn);

//! Discriminative RoI pooling and classifier (model.md 3). Modules disabled by the configuration are empty.
class ClassHeadImpl : public torch::nn::Module
{
public:
    ClassHeadImpl(const RoIConfig& config, int64_t inChannels, int64_t numClasses, const std::vector<float>& strides,
                  bool legacy);
    //! Logits [R, numClasses + 1], background last. The RoIs may be on the CPU for a pyramid on any device, which
    //! avoids waiting for the device.
    Tensor forward(const std::vector<Tensor>& pyramid, const Tensor& rois);

    RoIConv offset1{nullptr}, offset2{nullptr}, offset3{nullptr};  //!< pooled 3x3 -> offsets [R, 2, k, k]
    RoIConv weighting{nullptr};                                    //!< conv + instance norm of the adaptive weighting
    RoIConv fc1{nullptr}, fc2{nullptr}, classifier{nullptr};

private:
    RoIConfig config_;
    std::vector<float> strides_;
    bool legacy_;
};
TORCH_MODULE(ClassHead);

//! Dense local regression with binary overlap (model.md 2): RoIAlign -> convs -> offsets [R, 4, k, k] >= 0, overlap
//! logits [R, 1, k, k].
class BoxHeadImpl : public torch::nn::Module
{
public:
    BoxHeadImpl(const RoIConfig& config, int64_t inChannels, const std::vector<float>& strides, bool legacy);
    Tensor trunk(const std::vector<Tensor>& pyramid,
                 const Tensor& rois);                        //!< [R, channels, k, k], also input of the mask head
    std::pair<Tensor, Tensor> predict(const Tensor& trunk);  //!< offsets and overlap logits
    std::pair<Tensor, Tensor> forward(const std::vector<Tensor>& pyramid, const Tensor& rois);

    std::vector<RoIConv> convs;
    RoIConv offsets{nullptr};
    RoIConv overlap{nullptr};  //!< empty without binary overlap

private:
    RoIConfig config_;
    std::vector<float> strides_;
    bool legacy_;
};
TORCH_MODULE(BoxHead);

/** Masks of 28 x 28 cells (model.md 4.1), one per RoI, for the class of the RoI. Two variants:
    d2det  box head features -> two transposed convolutions -> convolution per class; with mask scoring
    fcn    RoIAlign -> convolutions -> transposed convolution -> convolution per class */
class MaskHeadImpl : public torch::nn::Module
{
public:
    MaskHeadImpl(const RoIConfig& config, int64_t inChannels, int64_t numClasses, const std::vector<float>& strides,
                 bool legacy);
    bool usesTrunk() const { return config_.maskHead.type == MaskHeadType::D2DET; }
    //! Logits [R, 1, 28, 28]. @param trunk box head features of the same RoIs, if usesTrunk().
    //! @param classes one group of RoIs per class.
    Tensor forward(const std::vector<Tensor>& pyramid, const Tensor& trunk, const Tensor& rois,
                   const RoIGroups& classes);
    //! Predicted IoU of the masks [R, 1]; without gradient to the logits.
    Tensor score(const Tensor& trunk, const Tensor& logits, const RoIGroups& classes);

    std::vector<RoIConv> convs;                                 //!< fcn only
    std::vector<RoIConv> upsamples;                             //!< transposed convolutions
    RoIConv classifier{nullptr};                                //!< a weight set per class
    RoIConv score1{nullptr}, score2{nullptr}, score3{nullptr};  //!< empty without mask scoring

private:
    RoIConfig config_;
    std::vector<float> strides_;
    bool legacy_;
};
TORCH_MODULE(MaskHead);

//! All results of a forward pass at test time, in the order of the exported graph. Comments start with the names of the
//! ONNX tensors.
struct InferenceTrace
{
    std::vector<Tensor> pyramid;       //!< p2, p3, ...
    std::vector<Tensor> rpnLogits;     //!< rpn_logit_<level index>
    std::vector<Tensor> rpnDeltas;     //!< rpn_delta_<level index>
    Tensor proposals, proposalScores;  //!< proposals [B K, 5], proposal_scores [B K, 1]
    Tensor probabilities;              //!< probabilities [B K, C + 1]
    Tensor candidates;                 //!< candidates [B D, 7]: (batch, class, score, x1, y1, x2, y2) before regression
    Tensor offsets, overlap;           //!< dense_offsets, dense_overlap
    Tensor refined;                    //!< refined_boxes [B D, 4]
    Tensor detections;                 //!< detections [B K', 7], network-input pixels
    Tensor masks;                      //!< masks [B K', 1, 28, 28], probabilities; undefined without a mask head
    //! [B K', 4], the box covered by each mask: box of the detection or, without a second pass (mask_boxes), of the
    //! candidate
    Tensor maskBoxes;
    Tensor maskIous;  //!< mask_ious [B K', 1], predicted; undefined without mask scoring
};

//! Positive RoIs (assigned to an object) of all images of a batch.
struct PositiveRoIs
{
    Tensor rois;     //!< [n, 5]
    Tensor gts;      //!< [n, 4], boxes of the assigned objects
    Tensor limits;   //!< [n, 2] = height, width of the image
    Tensor gtIndex;  //!< int64 [n], index of the object within the image
    Tensor labels;   //!< int64 [n]

    PositiveRoIs select(const Tensor& index) const;
};

//! Input of the mask head at test time, one row per detection.
struct MaskInput
{
    Tensor rois;   //!< [B K', 5], zeros in padding rows
    Tensor trunk;  //!< box head features of these RoIs; undefined if not used by the mask head
};

class DetectorImpl : public torch::nn::Module
{
public:
    explicit DetectorImpl(const ModelConfig& config);

    //! Weighted losses by name ("rpn_cls", "rpn_box", "cls", "dlr", "overlap", "mask", "mask_iou"); the training loss
    //! is their sum. @param batch images on the device of the model, targets on the CPU (target assignment runs there).
    std::map<std::string, Tensor> losses(const Batch& batch, torch::Generator generator,
                                         const LossConfig& switches = LossConfig());

    //! Inference with the same kernels as the exported network, without gradients. The images are copied to the device
    //! of the model; the results stay there.
    InferenceTrace infer(const ImageBatch& images);

    torch::Device device() const { return backbone->parameters().front().device(); }
    int64_t numClasses() const { return static_cast<int64_t>(config.classNames.size()); }

    ModelConfig config;
    std::vector<float> strides;  //!< strides of the pyramid levels, finest first
    Backbone backbone{nullptr};
    Fpn fpn{nullptr};
    Rpn rpn{nullptr};
    ClassHead classHead{nullptr};
    BoxHead boxHead{nullptr};
    MaskHead maskHead{nullptr};  //!< empty without masks

private:
    std::vector<Tensor> roiLevels(const std::vector<Tensor>& pyramid) const;
    void rpnLosses(const Batch& batch, const std::vector<Tensor>& logits, const std::vector<Tensor>& deltas,
                   torch::Generator& generator, std::map<std::string, Tensor>& out) const;
    void roiLosses(const Batch& batch, const std::vector<Tensor>& pyramid, const Tensor& proposals,
                   torch::Generator& generator, const LossConfig& switches, std::map<std::string, Tensor>& out);
    void regressionLosses(const Batch& batch, const std::vector<Tensor>& pyramid, PositiveRoIs positives,
                          torch::Generator& generator, bool trainMasks, std::map<std::string, Tensor>& out);
    void maskLosses(const std::vector<Tensor>& pyramid, const Tensor& trunk, const PositiveRoIs& positives,
                    const MaskTargets& targets, std::map<std::string, Tensor>& out);
    void inferMasks(const std::vector<Tensor>& pyramid, const MaskInput& input, InferenceTrace& trace);
};
TORCH_MODULE(Detector);

}  // namespace d2det

#endif
