// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Detector: image -> prepareInput -> network -> boxes in image pixels.

   The network computes all steps between the prepared image and the list of boxes (model.md 1). The detector changes
   the settings of three layers: D2Proposal, the first D2Detections (candidates of the classifier, hard NMS) and the
   last D2Detections (refined boxes, soft NMS), which also contains the description of the model. In a model with a
   single D2Detections layer (Faster R-CNN) this layer is both.

   Network:  inputs "image" [B, 3, H, W], "im_info" [B, 3] = (valid height, valid width, scale)
             output "detections" [B * K, 7] = (batch, class, score, x1, y1, x2, y2), network-input pixels; class -1
             in unused rows.
             Models with masks: "masks" [B * K, 1, S, S] probabilities inside the box; optional "mask_ious" [B * K, 1];
             optional "mask_boxes" [B * K, 4]: box of each mask, network-input pixels, if different from the box of the
             detection (a mask head without a second pass)

   The layers of the masks follow the last D2Detections layer: detect() stops there, segment() runs the entire network.
   */

#include "compat.hpp"
#include "prepare_input.hpp"
#include "kernels/mask_score.hpp"
#include "layers/detections_layer.hpp"
#include "layers/proposal_layer.hpp"
#include "network.hpp"
#include "onnx/check.hpp"
#include "kernels/quantized_conv2d.hpp"
#include "onnx/half_weights.hpp"
#include "onnx/quantization.hpp"
#include "onnx/model_check.hpp"
#include "onnx/rewrite.hpp"
#include "tiles.hpp"

#include "opencv2/core/utils/logger.hpp"
#include "opencv2/core/utils/trace.hpp"
#include "opencv2/d2det/layers.hpp"
#include "opencv2/d2det/masks.hpp"
#include "opencv2/dnn/shape_utils.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <utility>

namespace cv
{
namespace d2det
{

namespace
{

const char* const IMAGE_INPUT = "image";
const char* const INFO_INPUT = "im_info";
const char* const OUTPUT = "detections";
const char* const MASK_OUTPUT = "masks";
const char* const MASK_IOU_OUTPUT = "mask_ious";
const char* const MASK_BOX_OUTPUT = "mask_boxes";

constexpr int ROW = 7;                       //!< columns of the network's output
constexpr int MAX_BATCH = 8;                 //!< images per pass of the network; bounds the memory
constexpr size_t MAX_MASK_PIXELS = 1 << 28;  //!< of a mask of the entire image, the limit of pasteMask

// Declared limit of all tensors of one pass of a network that came without its file (a file has tighter ones,
// onnx/model_check.hpp): a ResNet-50 pyramid needs about 4 kB per input pixel, the RoI heads 2 GB.
constexpr double MAX_BYTES_PER_PIXEL = 32. * 1024;
constexpr double MAX_BYTES_PER_IMAGE = 8. * 1024 * 1024 * 1024;

enum Stage
{
    PREPARE,
    BACKBONE,
    PROPOSALS,
    CLASSIFICATION,
    REGRESSION,
    MASKS,
    POSTPROCESS,
    NUM_STAGES
};

const char* const STAGE_NAMES[NUM_STAGES] = {"prepare",    "backbone", "proposals",  "classification",
                                             "regression", "masks",    "postprocess"};

//! Outputs of one pass of the network; masks, maskIous and maskBoxes are empty if not requested or not in the model.
struct Outputs
{
    Mat rows, masks, maskIous, maskBoxes;
};

//! Network-input box (x1, y1, x2, y2) -> image pixels.
Vec4d imageBox(const float* box, const InputGeometry& g)
{
    return Vec4d(box[0] / g.scaleX, box[1] / g.scaleY, box[2] / g.scaleX, box[3] / g.scaleY);
}

//! Time since a tick, milliseconds.
double elapsed(int64 start)
{
    return static_cast<double>(getTickCount() - start) * 1000. / getTickFrequency();
}

void checkThreshold(float value, const char* what)
{
    if (!(value >= 0.f && value <= 1.f))
        CV_Error_(Error::StsOutOfRange, ("the %s is %g, it must be between 0 and 1", what, value));
}

std::vector<uchar> readFile(const String& path)
{
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file)
        CV_Error_(Error::StsObjectNotFound, ("cannot open the model '%s': %s", path.c_str(), std::strerror(errno)));
    const std::streamoff size = file.tellg();
    if (size < 0 || size > std::numeric_limits<int>::max())  // a folder reports a huge size
        CV_Error_(Error::StsBadArg, ("'%s' is not a model file: it is a folder or larger than 2 GiB", path.c_str()));
    std::vector<uchar> bytes(static_cast<size_t>(size));
    file.seekg(0);
    if (!bytes.empty() && !file.read(reinterpret_cast<char*>(bytes.data()), size))
        CV_Error_(Error::StsError, ("cannot read the model '%s'", path.c_str()));
    return bytes;
}

//! Whether the backend is OpenCV's own implementation on the CPU.
bool isPlainCpu(int backend, int target)
{
    return (backend == dnn::DNN_BACKEND_DEFAULT || backend == dnn::DNN_BACKEND_OPENCV) && target == dnn::DNN_TARGET_CPU;
}

//! OpenCV on the CPU is always available; any other unavailable backend is an error, without a silent fallback.
void setBackend(dnn::Net& net, int backend, int target)
{
    if (isPlainCpu(backend, target))
    {
        net.setPreferableBackend(dnn::DNN_BACKEND_OPENCV);
        net.setPreferableTarget(dnn::DNN_TARGET_CPU);
        return;
    }
    const std::vector<dnn::Target> targets = dnn::getAvailableTargets(static_cast<dnn::Backend>(backend));
    if (std::find(targets.begin(), targets.end(), target) == targets.end())
        CV_Error_(Error::StsBadArg,
                  ("dnn backend %d with target %d is not available in this build of OpenCV; 0, 0 is the "
                   "CPU (see cv::dnn::getAvailableTargets)",
                   backend, target));
    net.setPreferableBackend(backend);
    net.setPreferableTarget(target);
}

// Convolutions of this module are the default where they were measured to be faster than OpenCV's.
#if defined(__x86_64__) || defined(_M_X64)
const char* const DEFAULT_CONVOLUTION = "d2det";
#else
const char* const DEFAULT_CONVOLUTION = "dnn";
#endif

//! Whether convolutions use the kernels of this module: on the CPU, as the environment variable or the default says.
bool useOwnConvolution(int backend, int target)
{
    const char* choice = std::getenv("OPENCV_D2DET_CONVOLUTION");
    if (!choice)
        choice = DEFAULT_CONVOLUTION;
    if (std::strcmp(choice, "dnn") != 0 && std::strcmp(choice, "d2det") != 0)
        CV_Error_(Error::StsBadArg, ("OPENCV_D2DET_CONVOLUTION is '%s', it must be dnn or d2det", choice));
    return isPlainCpu(backend, target) && std::strcmp(choice, "d2det") == 0;
}

/** Takes from the list what computes in float32: convolutions that are no slower so on this processor; with the
    environment variable OPENCV_D2DET_INT8 = 0 all, with 1 none. */
void leaveFloats(OnnxQuantization& quantization)
{
    const char* const choice = std::getenv("OPENCV_D2DET_INT8");
    if (choice && std::strcmp(choice, "0") != 0 && std::strcmp(choice, "1") != 0)
        CV_Error_(Error::StsBadArg, ("OPENCV_D2DET_INT8 is '%s', it must be 0 or 1", choice));
    for (auto entry = quantization.begin(); entry != quantization.end();)
    {
        const bool integers = choice ? *choice == '1' : kernels::quantizationPays(entry->second.conv);
        entry = integers ? std::next(entry) : quantization.erase(entry);
    }
}

//! A network and the check that its file has passed, which also knows what larger inputs may cost.
struct CheckedModel
{
    dnn::Net net;
    std::shared_ptr<const ModelCheck> check;
};

CheckedModel readModel(std::vector<uchar> bytes, const String& name, int backend, int target)
{
    checkKindOfModel(bytes, name);
    checkOnnx(bytes.data(), bytes.size(), name);
    bytes = widenHalfWeights(std::move(bytes), name);
    OnnxQuantization quantization;
    bytes = takeQuantization(std::move(bytes), name, quantization);
    registerLayers();
    CheckedModel model;
    model.check = std::make_shared<ModelCheck>(bytes, name);
    OnnxRewrite changes;
    changes.convolutions = useOwnConvolution(backend, target);
    leaveFloats(quantization);
    changes.quantization = &quantization;
    changes.constantsAsAttributes = CONSTANTS_ARE_INPUTS;
    try
    {
        model.net = readOnnx(rewriteOnnx(bytes, name, changes), backend);
    }
    catch (const cv::Exception& e)
    {
        CV_Error_(e.code, ("cannot read the model '%s': %s", name.c_str(), e.err.c_str()));
    }
    catch (const std::exception& e)  // from protobuf or the standard library
    {
        CV_Error_(Error::StsParseError, ("cannot read the model '%s': %s", name.c_str(), e.what()));
    }
    setBackend(model.net, backend, target);
    return model;
}

Network::InputShapes inputShapes(int batch, int height, int width)
{
    return {{IMAGE_INPUT, dnn::MatShape{batch, 3, height, width}}, {INFO_INPUT, dnn::MatShape{batch, 3}}};
}

//! Whether a layer is one of an operator of this module, such as "D2DeltaBoxDecode".
bool isOperator(const Ptr<dnn::Layer>& layer, const String& type)
{
    return layer && layer->type.size() >= type.size() &&  // in OpenCV 4 behind "d2det."
           layer->type.compare(layer->type.size() - type.size(), type.size(), type) == 0;
}

//! Layers keep what they compute during its lifetime.
class Recording
{
public:
    explicit Recording(const std::vector<Ptr<BaseLayer>>& layers) : layers_(layers)
    {
        for (const Ptr<BaseLayer>& layer : layers_)
            layer->setRecording(true);
    }
    ~Recording()
    {
        for (const Ptr<BaseLayer>& layer : layers_)
            layer->setRecording(false);
    }
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;

private:
    std::vector<Ptr<BaseLayer>> layers_;
};

//! The first tensor of the only layer that has recorded something; empty: none.
Mat recordedBy(const std::vector<Ptr<BaseLayer>>& layers)
{
    for (const Ptr<BaseLayer>& layer : layers)
        if (!layer->recorded().empty())
            return layer->recorded().front();
    return Mat();
}

class DetectorImpl CV_FINAL : public Detector
{
public:
    DetectorImpl(const CheckedModel& model, const String& name);

    void detect(InputArray image, std::vector<int>& classIds, std::vector<float>& confidences,
                std::vector<Rect2d>& boxes) CV_OVERRIDE;
    void detect(InputArray image, OutputArray detections) CV_OVERRIDE;
    void detectBatch(InputArrayOfArrays images, OutputArrayOfArrays detections) CV_OVERRIDE;
    bool hasMasks() const CV_OVERRIDE { return hasMasks_; }
    void segment(InputArray image, OutputArray detections, OutputArrayOfArrays masks,
                 OutputArray maskScores) CV_OVERRIDE;
    void segmentBatch(InputArrayOfArrays images, OutputArrayOfArrays detections, std::vector<std::vector<Mat>>& masks,
                      OutputArrayOfArrays maskScores) CV_OVERRIDE;
    void segmentInBoxes(InputArray image, OutputArray detections, std::vector<BoxMask>& masks,
                        OutputArray maskScores) CV_OVERRIDE;
    void segmentInBoxesBatch(InputArrayOfArrays images, OutputArrayOfArrays detections,
                             std::vector<std::vector<BoxMask>>& masks, OutputArrayOfArrays maskScores) CV_OVERRIDE;

    void setScoreThreshold(float threshold) CV_OVERRIDE
    {
        checkThreshold(threshold, "score threshold");
        scoreThreshold_ = threshold;
        classThresholds_.clear();
    }
    float getScoreThreshold() const CV_OVERRIDE { return scoreThreshold_; }

    void setClassScoreThresholds(const std::vector<float>& thresholds) CV_OVERRIDE
    {
        if (!thresholds.empty() && thresholds.size() != classNames_.size())
            CV_Error_(Error::StsUnmatchedSizes,
                      ("there are %d score thresholds of classes, the model has %d classes",
                       static_cast<int>(thresholds.size()), static_cast<int>(classNames_.size())));
        for (const float threshold : thresholds)
            checkThreshold(threshold, "score threshold of a class");
        classThresholds_ = thresholds;
    }
    std::vector<float> getClassScoreThresholds() const CV_OVERRIDE { return classThresholds_; }

    void setNMSThreshold(float threshold) CV_OVERRIDE
    {
        checkThreshold(threshold, "NMS threshold");
        detectionParams_.nmsThreshold = threshold;
    }
    float getNMSThreshold() const CV_OVERRIDE { return detectionParams_.nmsThreshold; }

    void setNMSMode(int mode) CV_OVERRIDE { detectionParams_.nmsMode = kernelMode(mode); }
    int getNMSMode() const CV_OVERRIDE { return publicMode(detectionParams_.nmsMode); }

    void setSoftNMSSigma(float sigma) CV_OVERRIDE
    {
        if (!(sigma > 0.f) || !std::isfinite(sigma))
            CV_Error_(Error::StsOutOfRange, ("the soft-NMS sigma is %g, it must be positive and finite", sigma));
        detectionParams_.softSigma = sigma;
    }
    float getSoftNMSSigma() const CV_OVERRIDE { return detectionParams_.softSigma; }

    void setMaxDetections(int count) CV_OVERRIDE
    {
        if (count < 1)
            CV_Error_(Error::StsOutOfRange, ("the maximum of detections is %d, it must be at least 1", count));
        detectionParams_.limit = std::min(count, detectionParams_.maxDetections);
    }
    int getMaxDetections() const CV_OVERRIDE { return detectionParams_.limit; }

    void setMaxProposals(int count) CV_OVERRIDE
    {
        if (count < 1)
            CV_Error_(Error::StsOutOfRange, ("the maximum of proposals is %d, it must be at least 1", count));
        maxProposals_ = std::min(count, proposals_->settings.maxProposals);
    }
    int getMaxProposals() const CV_OVERRIDE { return maxProposals_; }

    void setInputParams(const InputParams& params) CV_OVERRIDE
    {
        checkInputParams(params);
        input_ = params;
    }
    InputParams getInputParams() const CV_OVERRIDE { return input_; }

    void setTiles(const TileParams& params) CV_OVERRIDE
    {
        checkTileParams(params);
        tiles_ = params;
    }
    TileParams getTiles() const CV_OVERRIDE { return tiles_; }
    void setClassAgnosticNMS(bool agnostic) CV_OVERRIDE { agnostic_ = agnostic; }
    bool getClassAgnosticNMS() const CV_OVERRIDE { return agnostic_; }
    float getOperatingScore() const CV_OVERRIDE { return detectionLayers_.back()->info.operatingScore; }
    std::vector<float> getOperatingScores() const CV_OVERRIDE { return detectionLayers_.back()->info.operatingScores; }
    void explain(InputArray image, OutputArray detections, std::vector<DetectionExplanation>& explanations) CV_OVERRIDE;
    bool reachedMaxDetections() const CV_OVERRIDE { return reachedLimit_; }

    std::vector<String> getClassNames() const CV_OVERRIDE { return classNames_; }
    std::vector<double> getTimings(std::vector<String>& stages) const CV_OVERRIDE;

    bool empty() const CV_OVERRIDE { return net_.empty(); }
    String getDefaultName() const CV_OVERRIDE { return "d2det.Detector"; }

private:
    void findLayers(const String& name);
    void nameClasses();
    void applySettings(int batch);
    void runGroup(const std::vector<Mat>& images, const std::vector<int>& group, bool withMasks,
                  std::vector<ImageDetections>& results);
    void checkMemory(const Mat& blob);
    Outputs forward(const Mat& blob, const Mat& info, bool withMasks);
    Outputs forwardLayers(bool withMasks);
    Stage stageOf(const Ptr<dnn::Layer>& layer, Stage& stage) const;
    void addLayerTimes(double total, bool withMasks);
    std::vector<ImageDetections> run(const std::vector<Mat>& images, bool withMasks);
    std::vector<ImageDetections> runParts(const std::vector<Mat>& images, bool withMasks);
    void noticeLimit();
    float lowestThreshold() const;
    float thresholdOf(float classId) const;
    std::vector<Ptr<BaseLayer>> layersOf(const String& type) const;
    void segmentAll(const std::vector<Mat>& images, OutputArrayOfArrays detections,
                    std::vector<std::vector<BoxMask>>& masks, OutputArrayOfArrays maskScores);
    ImageDetections detectionsOfImage(const Outputs& outputs, int batchIndex, const InputGeometry& geometry,
                                      Size image);

    Network net_;
    std::shared_ptr<const ModelCheck> check_;             //!< null: the network came without its file
    std::vector<Ptr<DetectionsLayer>> detectionLayers_;   //!< D2Detections in order of execution
    std::vector<kernels::DetectionsParams> modelParams_;  //!< settings stored in the model, per layer
    Ptr<ProposalLayer> proposals_;
    int maxProposals_ = 0;
    kernels::DetectionsParams detectionParams_;  //!< current settings of the last D2Detections layer
    float scoreThreshold_ = 0;
    std::vector<float> classThresholds_;  //!< by class, in place of scoreThreshold_; empty: none
    InputParams input_;
    TileParams tiles_;
    bool agnostic_ = false;                              //!< boxes of different classes compete
    bool reachedLimit_ = false, warnedOfLimit_ = false;  //!< of setMaxDetections
    std::vector<String> classNames_;
    bool hasMasks_ = false, hasMaskIous_ = false, hasMaskBoxes_ = false;
    std::array<double, NUM_STAGES> times_{};
    Mat blob_, info_, resized_;   //!< buffers, reused in every pass
    dnn::MatShape checkedShape_;  //!< last input shape accepted by checkMemory
};

DetectorImpl::DetectorImpl(const CheckedModel& model, const String& name) : net_(model.net), check_(model.check)
{
    findLayers(name);
    for (const Ptr<DetectionsLayer>& layer : detectionLayers_)
        modelParams_.push_back(layer->settings);
    scoreThreshold_ = modelParams_.front().scoreThreshold;
    detectionParams_ = modelParams_.back();
    maxProposals_ = proposals_->settings.maxProposals;
    if (detectionParams_.limit < 1 || detectionParams_.limit > detectionParams_.maxDetections)
        detectionParams_.limit = detectionParams_.maxDetections;
    input_ = detectionLayers_.back()->info.input;
    checkInputParams(input_);
    nameClasses();
    if (getOperatingScores().size() == classNames_.size())
        classThresholds_ = getOperatingScores();
}

//! Least score that any class needs.
float DetectorImpl::lowestThreshold() const
{
    return classThresholds_.empty() ? scoreThreshold_
                                    : *std::min_element(classThresholds_.begin(), classThresholds_.end());
}

float DetectorImpl::thresholdOf(float classId) const
{
    const size_t index = classId >= 0 ? static_cast<size_t>(classId) : 0;
    return index < classThresholds_.size() ? classThresholds_[index] : scoreThreshold_;
}

//! Finds the D2Proposal and D2Detections layers.
void DetectorImpl::findLayers(const String& name)
{
    if (net_.empty())
        CV_Error_(Error::StsBadArg, ("%s is an empty network", name.c_str()));
    for (const Ptr<dnn::Layer>& layer : net_.layers())
    {
        const Ptr<DetectionsLayer> detections = layer.dynamicCast<DetectionsLayer>();
        if (detections)
            detectionLayers_.push_back(detections);
        if (!proposals_)
            proposals_ = layer.dynamicCast<ProposalLayer>();
    }
    if (detectionLayers_.empty() || !detectionLayers_.back()->info.present)
        CV_Error_(Error::StsBadArg,
                  ("%s is not a D2Det model: %s. Models are made by d2det_export", name.c_str(),
                   detectionLayers_.empty() ? "it has no D2Detections layer"
                                            : "its last D2Detections layer has no description (format_version)"));
    if (!proposals_)
        CV_Error_(Error::StsBadArg, ("%s is not a D2Det model: it has no D2Proposal layer", name.c_str()));
    if (!net_.hasOutput(OUTPUT))
        CV_Error_(Error::StsBadArg, ("%s is not a D2Det model: it has no output '%s'", name.c_str(), OUTPUT));
    hasMasks_ = net_.hasOutput(MASK_OUTPUT);
    hasMaskIous_ = net_.hasOutput(MASK_IOU_OUTPUT);
    hasMaskBoxes_ = net_.hasOutput(MASK_BOX_OUTPUT);
}

/** Stage of a layer. To be called for all layers in order of execution, with `stage` BACKBONE at first: it changes at
    the layers D2Proposal and D2Detections. */
Stage DetectorImpl::stageOf(const Ptr<dnn::Layer>& layer, Stage& stage) const
{
    if (layer == proposals_)
    {
        stage = CLASSIFICATION;
        return PROPOSALS;
    }
    if (layer == detectionLayers_.back())
    {
        stage = MASKS;  // all layers after the detections
        return POSTPROCESS;
    }
    if (stage == CLASSIFICATION && isOperator(layer, "D2DeltaBoxDecode"))
        return REGRESSION;  // of Faster R-CNN, whose deltas come from the features of the classifier
    const Stage own = stage;
    if (layer == detectionLayers_.front())
        stage = REGRESSION;
    return own;
}

//! Class names of the model; without names "class 0", "class 1", ..., one per class of the classifier.
void DetectorImpl::nameClasses()
{
    classNames_ = detectionLayers_.back()->info.classNames;
    if (!classNames_.empty() || detectionLayers_.front()->settings.labelled)
        return;
    try
    {
        const int side = (64 + input_.divisor - 1) / input_.divisor * input_.divisor;
        for (const Network::LayerShapes& shapes : net_.shapes(inputShapes(1, side, side)))
            if (shapes.layer == detectionLayers_.front())
                for (int i = 0; shapes.inputs.size() == 2 && i < dimension(shapes.inputs[1], 1) - 1; i++)
                    classNames_.push_back(format("class %d", i));
    }
    catch (const cv::Exception&)
    {
        classNames_.clear();  // shapes that cannot be inferred are reported by detect()
    }
}

/** Sets the current settings in the layers. Called before every pass, so that an earlier pass, even one with an
    exception, has no effect. */
void DetectorImpl::applySettings(int batch)
{
    for (size_t i = 0; i < detectionLayers_.size(); i++)
    {
        kernels::DetectionsParams& settings = detectionLayers_[i]->settings;
        settings = modelParams_[i];
        settings.batchSize = batch;
    }
    proposals_->settings.limit = maxProposals_;
    kernels::DetectionsParams& last = detectionLayers_.back()->settings;
    last.nmsThreshold = detectionParams_.nmsThreshold;
    last.nmsMode = detectionParams_.nmsMode;
    last.softSigma = detectionParams_.softSigma;
    last.limit = detectionParams_.limit;
    last.scoreThreshold = std::min(modelParams_.back().scoreThreshold, lowestThreshold());
    detectionLayers_.front()->settings.scoreThreshold = lowestThreshold();
}

//! Raises cv::Exception if a pass exceeds the memory or work of any plausible model. Runs for new shapes only.
void DetectorImpl::checkMemory(const Mat& blob)
{
    const dnn::MatShape shape = dnn::shape(blob);
    if (shape == checkedShape_)
        return;
    if (check_)
        check_->checkPass(shape[0], shape[2], shape[3]);
    double bytes = 0;
    for (const Network::LayerShapes& layer : net_.shapes(inputShapes(shape[0], shape[2], shape[3])))
        for (const dnn::MatShape& output : layer.outputs)
            bytes += std::accumulate(output.begin(), output.end(), 4., [](double a, int b) { return a * b; });
    const double limit = shape[0] * (MAX_BYTES_PER_IMAGE + MAX_BYTES_PER_PIXEL * shape[2] * shape[3]);
    if (!(bytes <= limit))
        CV_Error_(Error::StsNoMem,
                  ("an input of %d x %d x %d pixels would need tensors of %.0f MB, the limit is %.0f MB: the "
                   "model is damaged or malicious",
                   shape[0], shape[2], shape[3], bytes / (1 << 20), limit / (1 << 20)));
    checkedShape_ = shape;
}

Outputs DetectorImpl::forwardLayers(bool withMasks)
{
    Outputs outputs;
    if (!withMasks)
    {
        outputs.rows = net_.forwardUntil(detectionLayers_.back(), OUTPUT);
        return outputs;
    }
    std::vector<String> names{OUTPUT, MASK_OUTPUT};
    if (hasMaskIous_)
        names.push_back(MASK_IOU_OUTPUT);
    if (hasMaskBoxes_)
        names.push_back(MASK_BOX_OUTPUT);
    const std::vector<Mat> blobs = net_.forward(names);
    outputs.rows = blobs[0];
    outputs.masks = blobs[1];
    if (hasMaskIous_)
        outputs.maskIous = blobs[2];
    if (hasMaskBoxes_)
        outputs.maskBoxes = blobs.back();
    return outputs;
}

Outputs DetectorImpl::forward(const Mat& blob, const Mat& info, bool withMasks)
{
    applySettings(blob.size[0]);
    checkMemory(blob);
    const int64 start = getTickCount();
    net_.setInput(blob, IMAGE_INPUT);
    net_.setInput(info, INFO_INPUT);
    const Outputs outputs = forwardLayers(withMasks);
    addLayerTimes(elapsed(start), withMasks);

    const Mat &rows = outputs.rows, &masks = outputs.masks;
    const int expected = blob.size[0] * detectionParams_.maxDetections;
    if (rows.dims != 2 || rows.rows != expected || rows.cols != ROW || rows.type() != CV_32F)
        CV_Error_(Error::StsBadSize,
                  ("the network's output '%s' has %d x %d values, expected %d x %d: not a D2Det model", OUTPUT,
                   rows.rows, rows.cols, expected, ROW));
    if (withMasks && (masks.dims != 4 || masks.size[0] != expected || masks.size[1] != 1 || masks.type() != CV_32F))
        CV_Error_(
            Error::StsBadSize,
            ("the network's output '%s' has %d dimensions and %d rows, expected %d x 1 x S x S: not a D2Det model",
             MASK_OUTPUT, masks.dims, masks.dims > 0 ? masks.size[0] : 0, expected));
    if (!outputs.maskIous.empty() && outputs.maskIous.total() != static_cast<size_t>(expected))
        CV_Error_(Error::StsBadSize, ("the network's output '%s' has %d values, expected %d: not a D2Det model",
                                      MASK_IOU_OUTPUT, static_cast<int>(outputs.maskIous.total()), expected));
    const Mat& boxes = outputs.maskBoxes;
    if (!boxes.empty() && (boxes.dims != 2 || boxes.rows != expected || boxes.cols != 4 || boxes.type() != CV_32F))
        CV_Error_(Error::StsBadSize,
                  ("the network's output '%s' has %d x %d values, expected %d x 4: not a D2Det model", MASK_BOX_OUTPUT,
                   boxes.rows, boxes.cols, expected));
    return outputs;
}

/** Adds the run times of the layers to the stages. Time not reported by layers (copies, other backends, unknown
    layers of the profile) is added to the backbone. */
void DetectorImpl::addLayerTimes(double total, bool withMasks)
{
    double sum = 0;
    Stage next = BACKBONE;
    for (const Network::LayerTime& time : net_.times())
    {
        const Stage stage = stageOf(time.layer, next);
        if (stage == MASKS && !withMasks)
            continue;  // not run; the value is from an earlier pass
        times_[stage] += time.ms;
        sum += time.ms;
    }
    times_[BACKBONE] += std::max(total - sum, 0.);
}

/** Rows of one image of the batch as N x 6 (x1, y1, x2, y2, score, class) in image pixels, scores descending, with
    masks if available. */
ImageDetections DetectorImpl::detectionsOfImage(const Outputs& outputs, int batchIndex, const InputGeometry& geometry,
                                                Size image)
{
    const int first = batchIndex * detectionParams_.maxDetections;
    int rows = 0;  // of the layer, before boxes without area are left out
    ImageDetections found;
    Mat masks = outputs.masks;
    Mat result(detectionParams_.maxDetections, 6, CV_32F);
    int count = 0;
    const float lowest = lowestThreshold();
    for (int i = first; i < first + detectionParams_.maxDetections; i++)
    {
        const float* row = outputs.rows.ptr<float>(i);
        if (!(row[1] >= 0) || static_cast<int>(row[0]) != batchIndex || !(row[2] >= lowest))
            continue;
        rows++;
        if (!(row[2] >= thresholdOf(row[1])))
            continue;
        const Vec4d whole = imageBox(row + 3, geometry);
        float box[4];
        bool finite = true;
        for (int k = 0; k < 4; k++)
        {
            const double limit = k % 2 == 0 ? image.width : image.height;
            finite = finite && std::isfinite(row[3 + k]);
            box[k] = static_cast<float>(std::min(std::max(whole[k], 0.), limit));
        }
        if (!finite || box[2] <= box[0] || box[3] <= box[1])
            continue;
        float* out = result.ptr<float>(count++);
        std::copy(box, box + 4, out);
        out[4] = row[2];
        out[5] = row[1];
        found.rows.push_back(i);
        if (masks.empty())
            continue;
        const int size[2] = {masks.size[2], masks.size[3]};
        const Mat probabilities(2, size, CV_32F, masks.ptr<float>(i));
        const Vec4d maskBox = outputs.maskBoxes.empty() ? whole : imageBox(outputs.maskBoxes.ptr<float>(i), geometry);
        found.masks.push_back(cropMask(probabilities, maskBox, image));
        found.maskScores.push_back(outputs.maskIous.empty()
                                       ? row[2]
                                       : kernels::maskScore(row[2], outputs.maskIous.ptr<float>()[i],
                                                            detectionLayers_.back()->info.maskScoreWeight));
    }
    found.detections = result.rowRange(0, count);
    reachedLimit_ = reachedLimit_ || rows >= detectionParams_.limit;
    return found;
}

//! Images with the same padded size: one pass.
void DetectorImpl::runGroup(const std::vector<Mat>& images, const std::vector<int>& group, bool withMasks,
                            std::vector<ImageDetections>& results)
{
    int64 start = getTickCount();
    const int batch = static_cast<int>(group.size());
    const Size padded = inputGeometry(images[group[0]].size(), input_).padded;
    const int shape[4] = {batch, 3, padded.height, padded.width};
    blob_.create(4, shape, CV_32F);
    info_.create(batch, 3, CV_32F);
    for (int b = 0; b < batch; b++)
        prepareInto(images[group[b]], input_, resized_, blob_.ptr<float>(b), info_.ptr<float>(b));
    times_[PREPARE] += elapsed(start);

    const Outputs outputs = forward(blob_, info_, withMasks);

    start = getTickCount();
    for (int b = 0; b < batch; b++)
    {
        const Size size = images[group[b]].size();
        results[group[b]] = detectionsOfImage(outputs, b, inputGeometry(size, input_), size);
    }
    times_[POSTPROCESS] += elapsed(start);
}

std::vector<ImageDetections> DetectorImpl::run(const std::vector<Mat>& images, bool withMasks)
{
    CV_TRACE_FUNCTION();
    if (withMasks && !hasMasks_)
        CV_Error(Error::StsNotImplemented,
                 "the model has no masks: use detect, or a model trained with model.roi.mask_head");
    times_.fill(0.);
    reachedLimit_ = false;
    for (size_t i = 0; i < images.size(); i++)
        checkInputImage(images[i]);

    std::vector<Mat> parts;  // of all images
    std::vector<std::vector<Rect>> places;
    for (const Mat& image : images)
    {
        places.push_back(partsOfImage(image.size(), tiles_));
        for (const Rect& place : places.back())
            parts.push_back(image(place));
    }
    std::vector<ImageDetections> found = runParts(parts, withMasks), results;
    const int64 start = getTickCount();
    auto next = found.begin();
    for (size_t i = 0; i < images.size(); i++)
    {
        const auto end = next + static_cast<std::ptrdiff_t>(places[i].size());
        results.push_back(places[i].size() == 1 ? *next
                                                : mergeParts(places[i], std::vector<ImageDetections>(next, end),
                                                             images[i].size(), tiles_.mergeThreshold));
        if (agnostic_)
            results.back() = suppressOtherClasses(results.back(), detectionParams_.nmsThreshold);
        next = end;
    }
    times_[POSTPROCESS] += elapsed(start);
    noticeLimit();
    return results;
}

//! Logs that detections may have been lost, once.
void DetectorImpl::noticeLimit()
{
    if (!reachedLimit_ || warnedOfLimit_)
        return;
    warnedOfLimit_ = true;
    CV_LOG_WARNING(NULL, "d2det: an image has " << detectionParams_.limit
                                                << " detections, the most that are kept: there may be more. See "
                                                   "Detector::setMaxDetections and setScoreThreshold");
}

//! Images of any sizes, in passes of images of one padded size.
std::vector<ImageDetections> DetectorImpl::runParts(const std::vector<Mat>& images, bool withMasks)
{
    std::map<std::pair<int, int>, std::vector<int>> groups;  // padded height, width -> indices of images
    for (size_t i = 0; i < images.size(); i++)
    {
        const Size padded = inputGeometry(images[i].size(), input_).padded;
        groups[std::make_pair(padded.height, padded.width)].push_back(static_cast<int>(i));
    }
    std::vector<ImageDetections> results(images.size());
    for (const auto& entry : groups)
    {
        const std::vector<int>& all = entry.second;
        for (size_t i = 0; i < all.size(); i += MAX_BATCH)
        {
            const auto end = all.begin() + std::min(i + MAX_BATCH, all.size());
            runGroup(images, std::vector<int>(all.begin() + i, end), withMasks, results);
        }
    }
    return results;
}

//! Copies rows; the output has `columns` columns even without rows.
void copyRows(const Mat& rows, int columns, OutputArray out)
{
    out.create(rows.rows, columns, CV_32F);
    if (rows.rows > 0)
        rows.copyTo(out);
}

Mat scoreColumn(const std::vector<float>& scores)
{
    return Mat(scores, false);
}

//! Copies matrices of one type; each output has `columns` columns even without rows.
void copyAll(const std::vector<Mat>& matrices, int columns, int type, OutputArrayOfArrays out)
{
    out.create(static_cast<int>(matrices.size()), 1, type);
    for (int i = 0; i < static_cast<int>(matrices.size()); i++)
    {
        out.create(matrices[i].rows, columns, type, i);
        if (matrices[i].rows == 0)
            continue;
        if (out.isUMatVector())
            matrices[i].copyTo(out.getUMatRef(i));
        else
            matrices[i].copyTo(out.getMatRef(i));
    }
}

std::vector<Mat> asImageVector(InputArrayOfArrays images, const char* function, const char* single)
{
    // getMatVector splits a single Mat into rows.
    if (images.kind() == _InputArray::MAT || images.kind() == _InputArray::UMAT)
        CV_Error_(Error::StsBadArg, ("%s takes a vector of images; use %s for one image", function, single));
    std::vector<Mat> result;
    images.getMatVector(result);
    return result;
}

std::vector<Mat> detectionsOf(const std::vector<ImageDetections>& results)
{
    std::vector<Mat> rows;
    rows.reserve(results.size());
    for (const ImageDetections& found : results)
        rows.push_back(found.detections);
    return rows;
}

void DetectorImpl::detect(InputArray image, OutputArray detections)
{
    copyRows(run(std::vector<Mat>(1, image.getMat()), false)[0].detections, 6, detections);
}

void DetectorImpl::detect(InputArray image, std::vector<int>& classIds, std::vector<float>& confidences,
                          std::vector<Rect2d>& boxes)
{
    const Mat result = run(std::vector<Mat>(1, image.getMat()), false)[0].detections;
    classIds.clear();
    confidences.clear();
    boxes.clear();
    for (int i = 0; i < result.rows; i++)
    {
        const float* row = result.ptr<float>(i);
        boxes.push_back(Rect2d(row[0], row[1], double(row[2]) - row[0], double(row[3]) - row[1]));
        confidences.push_back(row[4]);
        classIds.push_back(static_cast<int>(row[5]));
    }
}

void DetectorImpl::detectBatch(InputArrayOfArrays images, OutputArrayOfArrays detections)
{
    copyAll(detectionsOf(run(asImageVector(images, "detectBatch", "detect"), false)), 6, CV_32F, detections);
}

//! Raises cv::Exception for an image whose masks cannot be of its size, before anything is computed.
void checkEntireMasks(const std::vector<Mat>& images)
{
    for (const Mat& image : images)
        if (image.total() > MAX_MASK_PIXELS)
            CV_Error_(Error::StsOutOfRange, ("an image has %d x %d pixels, entire masks have at most 2^28: use "
                                             "segmentInBoxes, whose masks are no larger than the objects",
                                             image.cols, image.rows));
}

void DetectorImpl::segment(InputArray image, OutputArray detections, OutputArrayOfArrays masks, OutputArray maskScores)
{
    const std::vector<Mat> images(1, image.getMat());
    checkEntireMasks(images);
    const ImageDetections found = run(images, true)[0];
    copyRows(found.detections, 6, detections);
    const int count = static_cast<int>(found.masks.size());
    masks.create(count, 1, CV_8U);
    for (int i = 0; i < count; i++)
    {
        masks.create(images[0].size(), CV_8U, i);
        if (masks.isUMatVector())
            pasteMask(found.masks[i], masks.getUMatRef(i));
        else
            pasteMask(found.masks[i], masks.getMatRef(i));
    }
    if (maskScores.needed())
        copyRows(scoreColumn(found.maskScores), 1, maskScores);
}

void DetectorImpl::segmentBatch(InputArrayOfArrays images, OutputArrayOfArrays detections,
                                std::vector<std::vector<Mat>>& masks, OutputArrayOfArrays maskScores)
{
    const std::vector<Mat> all = asImageVector(images, "segmentBatch", "segment");
    checkEntireMasks(all);
    std::vector<std::vector<BoxMask>> parts;
    segmentAll(all, detections, parts, maskScores);
    masks.assign(parts.size(), std::vector<Mat>());
    for (size_t i = 0; i < parts.size(); i++)
        for (const BoxMask& part : parts[i])
        {
            masks[i].emplace_back();
            pasteMask(part, masks[i].back());
        }
}

void DetectorImpl::segmentInBoxes(InputArray image, OutputArray detections, std::vector<BoxMask>& masks,
                                  OutputArray maskScores)
{
    const ImageDetections found = run(std::vector<Mat>(1, image.getMat()), true)[0];
    copyRows(found.detections, 6, detections);
    masks = found.masks;
    if (maskScores.needed())
        copyRows(scoreColumn(found.maskScores), 1, maskScores);
}

void DetectorImpl::segmentInBoxesBatch(InputArrayOfArrays images, OutputArrayOfArrays detections,
                                       std::vector<std::vector<BoxMask>>& masks, OutputArrayOfArrays maskScores)
{
    segmentAll(asImageVector(images, "segmentInBoxesBatch", "segmentInBoxes"), detections, masks, maskScores);
}

void DetectorImpl::segmentAll(const std::vector<Mat>& images, OutputArrayOfArrays detections,
                              std::vector<std::vector<BoxMask>>& masks, OutputArrayOfArrays maskScores)
{
    const std::vector<ImageDetections> results = run(images, true);
    copyAll(detectionsOf(results), 6, CV_32F, detections);
    masks.clear();
    std::vector<Mat> scores;
    for (const ImageDetections& found : results)
    {
        masks.push_back(found.masks);
        scores.push_back(scoreColumn(found.maskScores));
    }
    if (maskScores.needed())
        copyAll(scores, 1, CV_32F, maskScores);
}

std::vector<Ptr<BaseLayer>> DetectorImpl::layersOf(const String& type) const
{
    std::vector<Ptr<BaseLayer>> result;
    for (const Ptr<dnn::Layer>& layer : net_.layers())
        if (const Ptr<BaseLayer> own = isOperator(layer, type) ? layer.dynamicCast<BaseLayer>() : Ptr<BaseLayer>())
            result.push_back(own);
    return result;
}

//! Box (x1, y1, x2, y2) in pixels of the network's input -> image.
Rect2d imageRect(const float* box, const InputGeometry& g)
{
    const Vec4d corners = imageBox(box, g);
    return Rect2d(corners[0], corners[1], corners[2] - corners[0], corners[3] - corners[1]);
}

//! @param cells [k, k, 8] as D2DenseBoxDecode records them.
void explainBox(const float* cells, int k, const InputGeometry& g, DetectionExplanation& e)
{
    e.cellBoxes.create(k * k, 4, CV_32F);
    e.cellPoints.create(k * k, 2, CV_32F);
    e.overlap.create(k, k, CV_32F);
    e.cellWeights.create(k, k, CV_32F);
    float sum = 0;
    for (int i = 0; i < k * k; i++)
        sum += cells[8 * i + 7];
    for (int i = 0; i < k * k; i++)
    {
        const float* cell = cells + 8 * i;
        const Vec4d box = imageBox(cell, g);
        for (int c = 0; c < 4; c++)
            e.cellBoxes.at<float>(i, c) = static_cast<float>(box[c]);
        e.cellPoints.at<float>(i, 0) = static_cast<float>(cell[4] / g.scaleX);
        e.cellPoints.at<float>(i, 1) = static_cast<float>(cell[5] / g.scaleY);
        e.overlap.at<float>(i / k, i % k) = cell[6];
        e.cellWeights.at<float>(i / k, i % k) = sum > 0 ? cell[7] / sum : 0.f;
    }
}

//! @param samples [K, K, S, S, 2] as D2DeformRoIPool records them.
void explainSampling(const float* samples, int bins, int perBin, const InputGeometry& g, DetectionExplanation& e)
{
    e.samplingPoints.create(bins, 2, CV_32F);
    for (int bin = 0; bin < bins; bin++)
    {
        double x = 0, y = 0;
        for (int i = 0; i < perBin; i++, samples += 2)
        {
            x += samples[0];
            y += samples[1];
        }
        e.samplingPoints.at<float>(bin, 0) = static_cast<float>(x / perBin / g.scaleX);
        e.samplingPoints.at<float>(bin, 1) = static_cast<float>(y / perBin / g.scaleY);
    }
}

void DetectorImpl::explain(InputArray input, OutputArray detections, std::vector<DetectionExplanation>& explanations)
{
    CV_TRACE_FUNCTION();
    const Mat image = input.getMat();
    checkInputImage(image);
    const std::vector<Ptr<BaseLayer>> decode = layersOf("D2DenseBoxDecode"), deform = layersOf("D2DeformRoIPool"),
                                      weighting = layersOf("D2AdaptiveWeightedPool");
    if (decode.size() != 1 || detectionLayers_.size() != 2)
        CV_Error(Error::StsNotImplemented,
                 "the model has no dense local regression, which explain shows: use a D2Det model (model.roi.type "
                 "d2det)");
    std::vector<Ptr<BaseLayer>> all{detectionLayers_.front(), detectionLayers_.back(), decode[0]};
    all.insert(all.end(), deform.begin(), deform.end());
    all.insert(all.end(), weighting.begin(), weighting.end());
    const Recording recording(all);
    times_.fill(0.);
    reachedLimit_ = false;
    std::vector<ImageDetections> results(1);
    runGroup(std::vector<Mat>(1, image), std::vector<int>(1, 0), false, results);
    const ImageDetections found =
        agnostic_ ? suppressOtherClasses(results[0], detectionParams_.nmsThreshold) : results[0];
    noticeLimit();

    const Mat candidateOf = recordedBy({all[1]}), proposalOf = recordedBy({all[0]});
    const Mat samples = recordedBy(deform), weights = recordedBy(weighting);
    if (candidateOf.empty() || proposalOf.empty() || decode[0]->recorded().size() != 2 ||
        (samples.empty() && weights.empty() && !weighting.empty()))
        CV_Error(Error::StsNotImplemented,
                 "explain works with OpenCV's own backend on the CPU: create the detector with backend 0 and target 0");
    const Mat &rois = decode[0]->recorded()[0], &cells = decode[0]->recorded()[1];
    const InputGeometry geometry = inputGeometry(image.size(), input_);
    explanations.assign(found.rows.size(), DetectionExplanation());
    for (int i = 0; i < static_cast<int>(found.rows.size()); i++)
    {
        DetectionExplanation& e = explanations[i];
        const float* d = found.detections.ptr<float>(i);
        e.box = Rect2d(d[0], d[1], double(d[2]) - d[0], double(d[3]) - d[1]);
        e.score = d[4];
        e.classId = static_cast<int>(d[5]);
        const int candidate = static_cast<int>(candidateOf.ptr<float>()[found.rows[i]]);
        CV_Check(candidate, candidate >= 0 && candidate < cells.size[0], "a detection without a candidate");
        const int proposal = static_cast<int>(proposalOf.ptr<float>()[candidate]);
        e.proposal = imageRect(rois.ptr<float>(candidate) + 1, geometry);
        explainBox(cells.ptr<float>(candidate), cells.size[1], geometry, e);
        if (!samples.empty())
        {
            CV_Check(proposal, proposal >= 0 && proposal < samples.size[0], "a candidate without a proposal");
            explainSampling(samples.ptr<float>(proposal), samples.size[1] * samples.size[2],
                            samples.size[3] * samples.size[4], geometry, e);
        }
        if (!weights.empty())
        {
            CV_Check(proposal, proposal >= 0 && proposal < weights.size[0], "a candidate without a proposal");
            const int size[2] = {weights.size[1], weights.size[2]};
            e.samplingWeights = Mat(2, size, CV_32F, const_cast<float*>(weights.ptr<float>(proposal))).clone();
        }
    }
    copyRows(found.detections, 6, detections);
}

std::vector<double> DetectorImpl::getTimings(std::vector<String>& stages) const
{
    stages.assign(STAGE_NAMES, STAGE_NAMES + NUM_STAGES);
    return std::vector<double>(times_.begin(), times_.end());
}

}  // namespace

Ptr<Detector> Detector::create(const String& model, int backend_id, int target_id)
{
    CV_TRACE_FUNCTION();
    return makePtr<DetectorImpl>(readModel(readFile(model), model, backend_id, target_id), "'" + model + "'");
}

Ptr<Detector> Detector::create(const std::vector<uchar>& buffer, int backend_id, int target_id)
{
    CV_TRACE_FUNCTION();
    const String name = "(memory)";
    return makePtr<DetectorImpl>(readModel(buffer, name, backend_id, target_id), name);
}

Ptr<Detector> Detector::create(const dnn::Net& net)
{
    CV_TRACE_FUNCTION();
    return makePtr<DetectorImpl>(CheckedModel{net, nullptr}, "(network)");
}

namespace
{

std::vector<uchar> describe(const std::vector<uchar>& model, const std::vector<OnnxDescription>& attributes)
{
    checkKindOfModel(model, "(memory)");
    checkOnnx(model.data(), model.size(), "(memory)");
    return describeOnnx(model, "(memory)", attributes);
}

}  // namespace

std::vector<uchar> storeOperatingScore(const std::vector<uchar>& model, float score)
{
    checkThreshold(score, "operating score");
    // Scores of the classes are of an earlier measurement.
    return describe(model, {{"operating_score", {score}, false}, {"operating_scores", {}, true}});
}

std::vector<uchar> storeOperatingScores(const std::vector<uchar>& model, const std::vector<float>& scores)
{
    for (const float score : scores)
        checkThreshold(score, "operating score of a class");
    const std::vector<uchar> without = describe(model, {{"operating_scores", {}, true}});
    if (scores.empty())
        return without;
    const size_t classes = Detector::create(without)->getClassNames().size();
    if (classes != scores.size())
        CV_Error_(Error::StsUnmatchedSizes, ("there are %d operating scores, the model has %d classes",
                                             static_cast<int>(scores.size()), static_cast<int>(classes)));
    return describe(without, {{"operating_scores", scores, true}});
}

}  // namespace d2det
}  // namespace cv
