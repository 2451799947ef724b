// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Backbones: ResNet-18/34/50/101 (He et al. 2016, stride in the 3x3 convolution), ResNeXt-50/101 (Xie et al. 2017),
   MobileNetV2 (Sandler et al. 2018, with ReLU or ReLU6) and MobileNetEdgeTPU 1.0 (Xiong et al., "MobileDets", 2021, and
   its published model). Parameter names as in torchvision, which lacks the last one. Padding is symmetric.
   Deformable convolutions (config.deformableStages): model.md 1.2. */

#ifndef D2DET_TRAINING_BACKBONE_HPP
#define D2DET_TRAINING_BACKBONE_HPP

#include "config/config.hpp"
#include "model/modules.hpp"

namespace d2det
{

//! Residual block: output = relu?(shortcut(x) + units(x)); output = units(x) if `residual` is false.
struct Block
{
    std::vector<ConvUnit> units;
    std::vector<ConvUnit> shortcut;  //!< empty: identity, otherwise one unit
    bool residual = true;
    bool reluAfterSum = true;

    Tensor forward(const Tensor& input) const;
};

//! Blocks up to one stride: stage 1 = stem (stride 4 including the max-pool of a ResNet, stride 2 in MobileNetV2),
//! 2 = C2, ... 5 = C5.
struct Stage
{
    int id = 0;
    std::vector<Block> blocks;
    bool maxPool = false;  //!< 3x3 stride-2 pad-1 max-pool after the blocks (ResNet stem)
    int64_t channels = 0;

    Tensor forward(const Tensor& input) const;
};

//! Layers of the blocks of MobileNetEdgeTPU, behind "conv_stem": "blocks.N." + "expand", "depthwise", "project".
struct EdgeTpuBlock
{
    int64_t hidden;    //!< channels between; 0: the projection is alone
    int64_t channels;  //!< of the output
    int64_t kernel, stride;
    bool depthwise;  //!< false: the expansion is a convolution with that kernel, without a depthwise one
    bool residual;
};
const std::vector<EdgeTpuBlock>& edgeTpuBlocks();

class BackboneImpl : public torch::nn::Module
{
public:
    explicit BackboneImpl(const BackboneConfig& config);

    std::vector<Tensor> forward(const Tensor& images);  //!< maps of config.levels, finest first
    void train(bool on = true) override;                //!< batch norm stays in eval mode

    std::vector<Stage> stages;      //!< up to the last level needed
    std::vector<int> levels;        //!< config.levels
    std::vector<int64_t> channels;  //!< channels of the returned maps

private:
    void buildResNet(const BackboneConfig& config);
    void buildMobileNetV2(const BackboneConfig& config);
    void buildMobileNetEdgeTpu(const BackboneConfig& config);
    ConvUnit unit(const std::string& convPath, const std::string& normPath, torch::nn::Conv2dOptions options,
                  BackboneNorm norm, bool relu);
    void makeDeformable(ConvUnit& unit);
    void freeze(int frozenStages);

    BackboneConfig config_;
};
TORCH_MODULE(Backbone);

}  // namespace d2det

#endif
