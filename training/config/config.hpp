// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Configuration: one JSON file <-> one tree of plain structs. The model and the engine only ever see the structs.
   Keys in the file are the member names in snake_case (comment behind each member where they differ); an unknown key is
   an error that names the nearest known one. Comments (//) are allowed in the file. "base": "other.json" (relative to the
   file) reads that file first. */

#ifndef D2DET_TRAINING_CONFIG_HPP
#define D2DET_TRAINING_CONFIG_HPP

#include <cstdint>
#include <string>
#include <vector>

namespace d2det
{

struct BackboneConfig
{
    std::string type = "resnet50";        //!< resnet18 | resnet34 | resnet50 | resnet101 | mobilenet_v2
    std::vector<int> levels{2, 3, 4, 5};  //!< stages given to the pyramid: C2 (stride 4) .. C5 (stride 32)
    //! frozen_bn: running statistics, trained affine | none: batch norm folded into the weights | group_norm
    std::string norm = "frozen_bn";
    //! Norm of newStages, which have no pre-trained weights (layer4 of a ResNet); "" = norm
    std::string newStageNorm = "group_norm";
    std::vector<int> newStages;  //!< stages (e.g. 5) that take newStageNorm
    int frozenStages = 1;        //!< 0: train all, 1: stem and C2, 2: also C3, ...
};

struct FpnConfig
{
    int channels = 256;
    int extraLevels = 1;                //!< levels above the topmost
    std::string extraType = "maxpool";  //!< maxpool: kernel 1 stride 2 | conv: 3x3 stride 2
};

struct RpnConfig
{
    float anchorScale = 8;
    std::vector<float> anchorRatios{0.5f, 1.f, 2.f};  //!< h / w
    int channels = 256;
    float positiveIou = 0.7f;
    float negativeIou = 0.3f;
    int batchPerImage = 256;
    float positiveFraction = 0.5f;
    float smoothL1Beta = 1.f / 9;
    float nmsThreshold = 0.7f;
    int preNmsTopNTrain = 2000, postNmsTopNTrain = 2000, proposalsTrain = 2000;
    int preNmsTopNTest = 1000, postNmsTopNTest = 1000, proposalsTest = 1000;
    float minSize = 0;
};

//! Discriminative RoI pooling and the classifier (d2det.md 3).
struct ClassHeadConfig
{
    bool deformable = true;         //!< false: plain RoIAlign
    bool adaptiveWeighting = true;  //!< false: plain 3x3 stride-2 average
    bool sharedLevels = false;      //!< true: one weight set for all pyramid levels
    int pooledSize = 7;             //!< k: the classifier sees k x k, pooling is 2k x 2k
    int offsetPooledSize = 3;
    int offsetChannels = 1024;  //!< width of the two offset FCs
    int samplingRatio = 2;
    float gamma = 0.1f;
    float gain = 12;  //!< A = exp(gain * sigmoid(N))
    int fcChannels = 1024;
    float lossWeight = 2;
};

//! Dense local regression with binary overlap prediction (d2det.md 2).
struct BoxHeadConfig
{
    int convs = 8;  //!< including the first, stride-2 one
    int channels = 576;
    int normGroups = 36;
    int pooledSize = 14;  //!< the grid is half of it
    int samplingRatio = 2;
    bool binaryOverlap = true;           //!< false: plain mean over all cells
    std::string overlapRule = "shrunk";  //!< paper | shrunk
    float overlapThreshold = 0.5f;
    std::string decodeMode = "mean";     //!< mean | weighted
    std::string regressionLoss = "iou";  //!< iou: -ln IoU with floor | smooth_l1: on the normalised offsets
    std::string reduction = "masked";    //!< masked | broadcast (official v1)
    float smoothL1Beta = 1.f / 9;
    float lossWeight = 1;
    float overlapLossWeight = 1;
    float jitter = 0.15f;
    int maxRois = 192;  //!< positives per step
};

//! Instance masks of 28 x 28 cells, one per detection, of its class (d2det.md 4).
struct MaskHeadConfig
{
    //! none | d2det: two transposed convolutions on the box head's features | fcn: convolutions on a RoIAlign of its own,
    //! one transposed convolution, as in the report and in Mask R-CNN
    std::string type = "none";
    int channels = 256;
    int normGroups = 16;    //!< group norm: d2det behind the first upsampling, fcn behind every convolution; 0: none
    int convs = 4;          //!< fcn: 3x3 convolutions before the upsampling
    int pooledSize = 14;    //!< fcn: of its RoIAlign; the mask is twice as large
    int samplingRatio = 2;  //!< fcn
    bool scoring = true;    //!< d2det: predict the mask's IoU
    int scoreChannels = 1024;
    float scoreWeight = 0.3f;  //!< mask score = class score + scoreWeight * predicted IoU
    //! Inference: true: the refined boxes are pooled and go through the box head's convolutions once more | false, d2det
    //! only: masks from the features that dense regression has of the candidate boxes, which they then fill; less time
    bool secondPass = true;
    bool overlapFromMasks = true;  //!< overlap labels of the box head from the mask where there is one
    float lossWeight = 1;
    float scoreLossWeight = 0.5f;
};

struct RoiConfig
{
    std::string type = "d2det";
    int levels = 4;  //!< pyramid levels RoIs are pooled from, finest first
    //! Half the RoI side (square root of its area) at which level 1 begins: 56 if the finest level has stride 4, 112 if 8
    float finestScale = 56;
    float positiveIou = 0.5f;
    int batchPerImage = 512;
    float positiveFraction = 0.25f;
    ClassHeadConfig classHead;
    BoxHeadConfig boxHead;
    MaskHeadConfig maskHead;
};

struct TestConfig
{
    float scoreThreshold = 0.03f;
    float nmsThreshold = 0.5f;            //!< on the proposals' boxes, before regression
    int preDetections = 125;              //!< kept for regression
    std::string nmsMode = "soft_linear";  //!< hard | soft_linear | soft_gaussian, on the refined boxes
    float finalNmsThreshold = 0.5f;
    float softSigma = 0.5f;
    float softMinScore = 0.001f;
    int maxDetections = 100;
};

struct InputConfig
{
    int shortSide = 800;  //!< at test time
    int longSide = 1333;
    int divisor = 32;
    std::vector<float> mean{123.675f, 116.28f, 103.53f};
    std::vector<float> std{58.395f, 57.12f, 57.375f};
    std::string channelOrder = "rgb";  //!< rgb | bgr
};

struct ModelConfig
{
    std::string name = "d2det";
    bool legacy = false;                  //!< "+1" boxes of the official code everywhere
    std::vector<std::string> classNames;  //!< empty: taken from the training annotations
    BackboneConfig backbone;
    FpnConfig fpn;
    RpnConfig rpn;
    RoiConfig roi;
    TestConfig test;
    InputConfig input;
};

struct DatasetConfig
{
    //! COCO JSON, or the folder of a COCO, Pascal VOC or YOLO data set (data/dataset_finder.hpp); a relative path starts at
    //! the config file's folder, ${NAME} is the environment
    std::string annotations;
    std::string images;  //!< folder; empty: the usual places near the annotations
    //! "" | "every5th_val" | "every5th_train": by sorted file name, index 4, 9, ... is validation | "train" | "val" | "test" |
    //! "trainval": that part of a folder
    std::string subset;
    int repeat = 1;  //!< times per epoch
};

struct DataConfig
{
    std::vector<DatasetConfig> train;
    std::vector<DatasetConfig> val;
    std::vector<int> shortSides{800};  //!< scale jitter: one is drawn per image
    int longSide = 1333;
    float flip = 0.5f;  //!< probability of a horizontal flip
    bool aspectGrouping = true;
    float colorJitter = 0;        //!< brightness, contrast and saturation each times U(1 - v, 1 + v); 0: off
    float randomCrop = 0;         //!< probability of training on a random part of the image
    float cropMinScale = 0.5f;    //!< smallest side of that part, as a share of the image's side
    int workers = 2;              //!< threads that decode; 0: in the caller's thread
    int cacheMegabytes = 512;     //!< decoded images kept in memory, 0: none
    int minSide = 1;              //!< boxes thinner than this (original pixels) are not trained on
    float maxBadFraction = 0.1f;  //!< share of unreadable images beyond which the run stops
};

//! Parts of the loss that may be left out: the head stays in the model with the weights it has.
struct LossConfig
{
    std::string mask = "on";  //!< on | off: mask and mask score
};

struct SolverConfig
{
    std::string optimizer = "sgd";  //!< sgd | adam (AdamW)
    double learningRate = 0.02;
    double momentum = 0.9;
    double weightDecay = 1e-4;
    int batchSize = 16;
    double epochs = 24;
    std::vector<double> steps{20, 23};  //!< epochs at which the rate is multiplied by gamma
    double gamma = 0.1;
    std::string schedule = "step";  //!< step | cosine
    int warmupIterations = 1000;    //!< at most a fifth of the run
    double warmupFactor = 1.0 / 80;
    double clipGradNorm = 0;  //!< 0: off
    //! Of convolutions and matrix products: float32 | bfloat16 | float16 (CUDA only). Weights and all else stay float32.
    std::string precision = "float32";
    double ema = 0;  //!< decay of the weights' moving average kept beside them, 0: off
    int64_t seed = 1;
    int checkpointEvery = 500;  //!< iterations
    int keepCheckpoints = 3;
    int logEvery = 20;  //!< iterations
};

struct Config
{
    ModelConfig model;
    DataConfig data;
    LossConfig losses;
    SolverConfig solver;
};

Config loadConfig(const std::string& path);  //!< throws std::runtime_error with file, key, reason
Config parseConfig(const std::string& json, const std::string& folder);
std::string configToJson(const Config& config);                   //!< complete: every key with its value
void applyOverride(Config& config, const std::string& keyValue);  //!< "solver.learning_rate=0.01"
void checkConfig(const Config& config);                           //!< ranges and combinations; throws

}  // namespace d2det

#endif
