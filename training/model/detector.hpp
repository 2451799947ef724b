// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The two-stage detectors: backbone -> FPN -> RPN -> stages of { class head, box head } -> masks. By roi.type
     d2det         one stage: classification by discriminative RoI pooling, NMS, dense local regression of what is left
                   (model.md 1 - 4)
     faster_rcnn   one stage: class and deltas of every proposal, NMS; with a mask head Mask R-CNN (model.md 9)
     cascade_rcnn  several such stages, each on the boxes of the one before
   The exporter traverses the member structure. */

#ifndef D2DET_TRAINING_DETECTOR_HPP
#define D2DET_TRAINING_DETECTOR_HPP

#include "model/backbone.hpp"
#include "model/box_head.hpp"
#include "model/class_head.hpp"
#include "model/mask_head.hpp"
#include "model/pyramid.hpp"
#include "model/rpn.hpp"

#include <functional>

namespace d2det
{

//! All results of a forward pass at test time, in the order of the exported graph. Comments start with the names of the
//! ONNX tensors.
struct InferenceTrace
{
    std::vector<Tensor> pyramid;       //!< p2, p3, ...
    std::vector<Tensor> rpnLogits;     //!< rpn_logit_<level index>
    std::vector<Tensor> rpnDeltas;     //!< rpn_delta_<level index>
    Tensor proposals, proposalScores;  //!< proposals [B K, 5], proposal_scores [B K, 1]
    Tensor probabilities;              //!< probabilities [B K, C + 1]; of a cascade the mean of its stages
    //! Dense regression: candidates [B D, 7] = (batch, class, score, x1, y1, x2, y2) before it; undefined otherwise.
    Tensor candidates;
    Tensor offsets, overlap;     //!< dense_offsets, dense_overlap; undefined without dense regression
    std::vector<Tensor> deltas;  //!< box_deltas, box_deltas2, ... [B K, 4n] of every stage; empty with dense regression
    Tensor refined;              //!< refined_rois [B D, 5] (dense), [B K, 1 + 4n] (deltas)
    Tensor detections;           //!< detections [B K', 7], network-input pixels
    Tensor masks;                //!< masks [B K', 1, 28, 28], probabilities; undefined without a mask head
    //! [B K', 4], the box covered by each mask: box of the detection or, without a second pass (mask_boxes), of the
    //! candidate
    Tensor maskBoxes;
    Tensor maskIous;  //!< mask_ious [B K', 1], predicted; undefined without mask scoring
};

//! A class head and the box head that goes with it.
struct RoIStage
{
    ClassHead classHead{nullptr};
    std::shared_ptr<BoxHeadImpl> boxHead;
    double positiveIou = 0.5;
    double lossWeight = 1;

    //! The box head if it is of that kind, else null.
    DenseBoxHeadImpl* dense() const { return dynamic_cast<DenseBoxHeadImpl*>(boxHead.get()); }
    DeltaBoxHeadImpl* delta() const { return dynamic_cast<DeltaBoxHeadImpl*>(boxHead.get()); }
};

//! Input of the mask head at test time, one row per detection.
struct MaskInput
{
    Tensor rois;   //!< [B K', 5], zeros in padding rows
    Tensor trunk;  //!< box head features of these RoIs; undefined if not used by the mask head
};

//! Called with the name of a part of a forward pass when the part has been computed, on a CUDA device enqueued:
//! "backbone", "pyramid", "rpn", "proposals", "classification", "candidates" (NMS before dense regression), "box head",
//! "detections" and "masks". Those of a cascade's stages come several times.
using PartDone = std::function<void(const char* part)>;

class DetectorImpl : public torch::nn::Module
{
public:
    explicit DetectorImpl(const ModelConfig& config);

    /** Weighted losses by name; the training loss is their sum. "rpn_cls", "rpn_box", "cls" (a cascade also "cls2",
        ...); dense regression "dlr", "overlap"; deltas "box" ("box2", ...); "mask", "mask_iou".
        @param batch images on the device of the model, targets on the CPU (target assignment runs there). */
    LossMap losses(const Batch& batch, torch::Generator generator, const LossConfig& switches = LossConfig());

    //! Inference with the same kernels as the exported network, without gradients. The images are copied to the device
    //! of the model; the results stay there.
    //! @param done is called after each part, for benchmarks.
    InferenceTrace infer(
        const ImageBatch& images, const PartDone& done = [](const char*) {});

    torch::Device device() const { return backbone->parameters().front().device(); }
    int64_t numClasses() const { return static_cast<int64_t>(config.classNames.size()); }

    ModelConfig config;
    std::vector<float> strides;  //!< strides of the pyramid levels, finest first
    Backbone backbone{nullptr};
    Fpn fpn{nullptr};
    Rpn rpn{nullptr};
    std::vector<RoIStage> stages;
    MaskHead maskHead{nullptr};  //!< empty without masks

private:
    void addStages(const std::vector<float>& roiStrides);
    const Tensor& classWeights();
    std::vector<Tensor> roiLevels(const std::vector<Tensor>& pyramid) const;
    void roiLosses(const Batch& batch, const std::vector<Tensor>& pyramid, const Tensor& proposals,
                   torch::Generator& generator, const LossConfig& switches, LossMap& out);
    void maskLosses(const Batch& batch, const std::vector<Tensor>& pyramid, const MaskRoIs& input, LossMap& out);
    MaskInput detectCandidates(const std::vector<Tensor>& pyramid, const Tensor& imInfo, const PartDone& done,
                               InferenceTrace& trace);
    MaskInput detectDirectly(const std::vector<Tensor>& pyramid, const Tensor& imInfo, const PartDone& done,
                             InferenceTrace& trace);
    void inferMasks(const std::vector<Tensor>& pyramid, const MaskInput& input, InferenceTrace& trace);

    Tensor classWeights_;
};
TORCH_MODULE(Detector);

}  // namespace d2det

#endif
