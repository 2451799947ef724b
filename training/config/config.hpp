// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Configuration: a JSON file <-> a tree of plain structs. Model and engine use only the structs. Keys, permitted values
   and descriptions of the members are in config_keys.hpp and, as a table, in docs/configuration.md. The defaults are
   those of the paper's detector on COCO. */

#ifndef D2DET_TRAINING_CONFIG_HPP
#define D2DET_TRAINING_CONFIG_HPP

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace d2det
{

enum class BackboneType
{
    RESNET18,
    RESNET34,
    RESNET50,
    RESNET101,
    RESNEXT50_32X4D,
    RESNEXT101_32X8D,
    RESNEXT101_64X4D,
    MOBILENET_V2,
    MOBILENET_EDGETPU
};
enum class BackboneNorm
{
    FROZEN_BN,
    NONE,
    GROUP_NORM
};

enum class Activation
{
    RELU,
    RELU6
};

struct BackboneConfig
{
    BackboneType type = BackboneType::RESNET50;
    std::vector<int> levels{2, 3, 4, 5};
    BackboneNorm norm = BackboneNorm::FROZEN_BN;
    std::optional<BackboneNorm> newStageNorm = BackboneNorm::GROUP_NORM;  //!< nullopt: same as norm
    std::vector<int> newStages;
    int frozenStages = 1;
    Activation activation = Activation::RELU;
    double normEpsilon = 1e-5;
    std::vector<int> deformableStages;  //!< with deformable 3x3 convolutions in their bottlenecks
};

enum class ExtraLevelType
{
    MAX_POOL,
    CONV
};

enum class NeckType
{
    FPN,
    PAFPN
};

struct FpnConfig
{
    NeckType type = NeckType::FPN;
    int channels = 256;
    int extraLevels = 1;
    ExtraLevelType extraType = ExtraLevelType::MAX_POOL;
};

//! The object that an anchor positive by `rescueIou` alone is trained towards.
enum class RescueTarget
{
    OBJECT,
    BEST
};

//! Where the values of keys come from that can be derived from the training data.
enum class ValueSource
{
    GIVEN,
    AUTO  //!< the trainer replaces it before the model is built; checkpoints have GIVEN
};

//! Scale (side in units of the stride) and ratio (height / width) of each anchor of a cell.
struct AnchorShapes
{
    std::vector<float> scales, ratios;
};

struct RpnConfig
{
    ValueSource anchors = ValueSource::GIVEN;
    float anchorScale = 8;
    std::vector<float> anchorScales;  //!< empty: anchorScale alone
    std::vector<float> anchorRatios{0.5f, 1.f, 2.f};
    int channels = 256;
    int convs = 1;
    float positiveIou = 0.7f;
    float negativeIou = 0.3f;
    float rescueIou = 0.3f;
    RescueTarget rescueTarget = RescueTarget::OBJECT;
    int batchPerImage = 256;
    float positiveFraction = 0.5f;
    float smoothL1Beta = 1.f / 9;
    float lossWeight = 1;
    float boxLossWeight = 1;
    float nmsThreshold = 0.7f;
    int preNmsTopNTrain = 2000, postNmsTopNTrain = 2000, proposalsTrain = 2000;
    int preNmsTopNTest = 1000, postNmsTopNTest = 1000, proposalsTest = 1000;
    float minSize = 0;

    //! Anchors of a cell: every ratio with every scale, the scales of a ratio one after the other.
    AnchorShapes anchorShapes() const
    {
        AnchorShapes shapes;
        for (const float ratio : anchorRatios)
            for (const float scale : anchorScales.empty() ? std::vector<float>{anchorScale} : anchorScales)
            {
                shapes.scales.push_back(scale);
                shapes.ratios.push_back(ratio);
            }
        return shapes;
    }
    //! Number of them.
    int anchorsPerCell() const
    {
        return static_cast<int>(anchorRatios.size() * std::max<size_t>(anchorScales.size(), 1));
    }
};

//! Discriminative RoI pooling and the classifier (model.md 3).
struct ClassHeadConfig
{
    bool deformable = true;
    bool adaptiveWeighting = true;
    bool sharedLevels = false;
    bool allLevels = false;
    int pooledSize = 7;
    int offsetPooledSize = 3;
    int offsetChannels = 1024;
    int samplingRatio = 2;
    float gamma = 0.1f;
    float gain = 12;
    int convs = 0;
    int convChannels = 256;
    int fcs = 2;
    int fcChannels = 1024;
    float lossWeight = 2;
    ValueSource classWeighting = ValueSource::GIVEN;
    std::vector<float> classWeights;  //!< empty: all 1
    float backgroundWeight = 1;
};

enum class OverlapRule
{
    PAPER,
    SHRUNK
};
enum class DecodeMode
{
    MEAN,
    WEIGHTED
};
enum class RegressionLoss
{
    IOU,
    SMOOTH_L1
};
enum class LossReduction
{
    MASKED,
    BROADCAST
};

//! Dense local regression with binary overlap prediction (model.md 2).
struct BoxHeadConfig
{
    int convs = 8;
    int channels = 576;
    int normGroups = 36;
    int pooledSize = 14;
    int samplingRatio = 2;
    bool binaryOverlap = true;
    OverlapRule overlapRule = OverlapRule::SHRUNK;
    float overlapThreshold = 0.5f;
    DecodeMode decodeMode = DecodeMode::MEAN;
    RegressionLoss regressionLoss = RegressionLoss::IOU;
    LossReduction reduction = LossReduction::MASKED;
    float smoothL1Beta = 1.f / 9;
    float lossWeight = 1;
    float overlapLossWeight = 1;
    float jitter = 0.15f;
    int maxRois = 192;
};

//! Box regression by one set of deltas per RoI, from the features of the classifier (model.md 9.1).
struct DeltaHeadConfig
{
    bool classAgnostic = false;
    std::vector<float> stds{0.1f, 0.1f, 0.2f, 0.2f};
    float smoothL1Beta = 1.f / 9;
    float lossWeight = 1;
};

//! Stages of a cascade (model.md 9.3), one value per stage.
struct CascadeConfig
{
    std::vector<float> positiveIous{0.5f, 0.6f, 0.7f};
    std::vector<float> stdFactors{1.f, 1.f / 2, 1.f / 3};
    std::vector<float> lossWeights{1.f, 0.5f, 0.25f};
};

enum class MaskHeadType
{
    NONE,
    D2DET,
    FCN
};

//! Instance masks of 28 x 28 cells, one per detection, for the class of the detection (model.md 4).
struct MaskHeadConfig
{
    MaskHeadType type = MaskHeadType::NONE;
    int channels = 256;
    int normGroups = 16;
    int convs = 4;
    int pooledSize = 14;
    int samplingRatio = 2;
    bool scoring = true;
    int scoreChannels = 1024;
    float scoreWeight = 0.3f;
    bool secondPass = true;
    bool overlapFromMasks = true;
    bool allLevels = false;
    bool binaryTargets = true;
    float lossWeight = 1;
    float scoreLossWeight = 0.5f;
};

enum class RoIHeadType
{
    D2DET,
    FASTER_RCNN,
    CASCADE_RCNN
};

struct RoIConfig
{
    RoIHeadType type = RoIHeadType::D2DET;
    int levels = 4;
    float finestScale = 56;
    bool aligned = true;
    float positiveIou = 0.5f;
    int batchPerImage = 512;
    float positiveFraction = 0.25f;
    ClassHeadConfig classHead;
    BoxHeadConfig boxHead;
    DeltaHeadConfig deltaHead;
    CascadeConfig cascade;
    MaskHeadConfig maskHead;
};

enum class NMSMode
{
    HARD,
    SOFT_LINEAR,
    SOFT_GAUSSIAN
};

struct InferenceConfig
{
    float scoreThreshold = 0.03f;
    float nmsThreshold = 0.5f;
    int preDetections = 125;
    NMSMode nmsMode = NMSMode::SOFT_LINEAR;
    float finalNmsThreshold = 0.5f;
    float softSigma = 0.5f;
    float softMinScore = 0.001f;
    int maxDetections = 100;
};

enum class ChannelOrder
{
    RGB,
    BGR
};

struct InputConfig
{
    int shortSide = 800;
    int longSide = 1333;
    int divisor = 32;
    bool keepRatio = true;
    std::vector<float> mean{123.675f, 116.28f, 103.53f};
    std::vector<float> std{58.395f, 57.12f, 57.375f};
    ChannelOrder channelOrder = ChannelOrder::RGB;
};

struct ModelConfig
{
    std::string name = "d2det";
    bool legacy = false;
    std::vector<std::string> classNames;
    BackboneConfig backbone;
    FpnConfig fpn;
    RpnConfig rpn;
    RoIConfig roi;
    InferenceConfig test;
    InputConfig input;

    //! Strides of the pyramid levels, finest first.
    std::vector<int> strides() const
    {
        std::vector<int> result;
        for (size_t i = 0; i < backbone.levels.size() + static_cast<size_t>(fpn.extraLevels); i++)
            result.push_back(1 << (backbone.levels.at(0) + static_cast<int>(i)));
        return result;
    }
};

//! How often an image is drawn per epoch.
enum class Sampling
{
    UNIFORM,
    REPEAT_FACTOR
};

//! Images without objects in training.
enum class EmptyImages
{
    SKIP,
    ANNOTATED,
    ALL
};

struct DatasetConfig
{
    std::string annotations;
    std::string images;
    std::string subset;
    int repeat = 1;
};

//! Named sets of values of all augmentation keys, see applyPreset.
enum class AugmentPreset
{
    NONE,
    DEFAULT,
    AERIAL,
    PHOTO,
    INDUSTRIAL
};

//! Augmentation beyond DataConfig's flip, crop and color jitter. Probabilities of 0 draw no random number.
struct AugmentConfig
{
    AugmentPreset preset = AugmentPreset::DEFAULT;
    float minVisible = 0.3f;
    float cropKeep = 0;
    float verticalFlip = 0;
    float rightAngle = 0;
    float affine = 0;
    float rotation = 10;
    std::vector<float> scale{0.9f, 1.1f};
    float shear = 0;
    float translation = 0.1f;
    float zoom = 0;
    std::vector<float> zoomScale{0.3f, 1.6f};
    float mosaic = 0;
    float copyPaste = 0;
    int pasteObjects = 10;
    std::vector<float> pasteScale{0.5f, 1.5f};
    float color = 0;
    float brightness = 0.2f;
    float contrast = 0.2f;
    float saturation = 0.2f;
    float hue = 10;
    float blur = 0;
    std::vector<float> blurSigma{0.3f, 1.5f};
    float noise = 0;
    std::vector<float> noiseSigma{1, 8};
    float jpeg = 0;
    std::vector<int> jpegQuality{40, 90};

    //! Whether outlines matter that no mask head is trained on.
    bool usesOutlines() const { return affine > 0 || copyPaste > 0; }
};

struct DataConfig
{
    std::vector<DatasetConfig> train;
    std::vector<DatasetConfig> val;
    std::vector<int> shortSides{800};
    int longSide = 1333;
    float flip = 0.5f;
    std::vector<std::string> keypointPairs;
    bool aspectGrouping = true;
    float colorJitter = 0;
    float randomCrop = 0;
    float cropMinScale = 0.5f;
    int workers = 2;
    int cacheMegabytes = 512;
    int minSide = 1;
    EmptyImages emptyImages = EmptyImages::SKIP;
    Sampling sampling = Sampling::UNIFORM;
    double repeatThreshold = 0.001;
    float maxBadFraction = 0.1f;
    AugmentConfig augment;
};

//! Optional parts of the loss. A head without loss stays in the model with unchanged weights.
struct LossConfig
{
    bool trainMask = true;
};

//! What an evaluation on data.val measures beside average precision.
struct ValidationConfig
{
    bool loss = false;
};

enum class Optimizer
{
    SGD,
    ADAM
};
enum class Schedule
{
    STEP,
    COSINE
};
enum class Precision
{
    FLOAT32,
    BFLOAT16,
    FLOAT16
};

struct SolverConfig
{
    Optimizer optimizer = Optimizer::SGD;
    double learningRate = 0.02;
    double momentum = 0.9;
    double weightDecay = 1e-4;
    int batchSize = 16;
    int accumulate = 1;
    double epochs = 24;
    std::vector<double> steps{20, 23};
    double gamma = 0.1;
    Schedule schedule = Schedule::STEP;
    int warmupIterations = 1000;
    double warmupFactor = 1.0 / 80;
    double clipGradNorm = 0;
    Precision precision = Precision::FLOAT32;
    double ema = 0;
    std::vector<std::string> freeze;
    int earlyStopping = 0;
    double earlyStoppingDelta = 0;
    int64_t seed = 1;
    int checkpointEvery = 500;
    int keepCheckpoints = 3;
    int logEvery = 20;
};

struct Config
{
    ModelConfig model;
    DataConfig data;
    LossConfig losses;
    ValidationConfig validation;
    SolverConfig solver;
};

/** Sets all keys of augmentation (those of `augment` and flip, color_jitter, random_crop, crop_min_scale) to the values
    of a preset; DEFAULT: their defaults. */
void applyPreset(DataConfig& data, AugmentPreset preset);

/** Reads a JSON file. Comments (//) are allowed; "base": "other.json" (relative to the file) is read first. An unknown
    key is an error; the message suggests the nearest known key. Throws Error with file, key and reason. */
Config loadConfig(const std::string& path);
//! Parses a JSON text. Relative paths are resolved against `folder`, or kept unchanged if `folder` is "".
Config parseConfig(const std::string& json, const std::string& folder);
std::string configToJson(const Config& config);  //!< complete: every key
void applyOverride(Config& config,
                   const std::string& keyValue);  //!< "solver.learning_rate=0.01"; then checkConfig

//! Checks ranges and combinations of values; throws Error with the key.
void checkConfig(const Config& config);
//! Checks only the parameters of a data loader.
void checkConfig(const DataConfig& data, const InputConfig& input);

//! Table of all keys with defaults, values and meaning, as Markdown: docs/configuration.md.
std::string configTable();

}  // namespace d2det

#endif
