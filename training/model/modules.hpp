// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Building blocks of the networks: a convolution with norm and activation, a convolution of pooled RoI features with
   one weight set per pyramid level (training counterpart of the operator D2RoIConv), and RoIAlign as the heads use
   it. */

#ifndef D2DET_TRAINING_MODULES_HPP
#define D2DET_TRAINING_MODULES_HPP

#include "config/config.hpp"

#include <torch/torch.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace d2det
{

using torch::Tensor;
using LossMap = std::map<std::string, Tensor>;  //!< weighted losses by name

//! Convolution, norm and ReLU in sequence. A unit only references the modules; the owner registers them (with
//! torchvision names).
struct ConvUnit
{
    torch::nn::Conv2d conv{nullptr};
    torch::nn::BatchNorm2d batchNorm{nullptr};  //!< always in eval mode; at most one of the two norms is set
    torch::nn::GroupNorm groupNorm{nullptr};
    bool relu = false;
    bool relu6 = false;  //!< the ReLU ends at 6
    /** Makes `conv` a deformable convolution with a mask, one group of offsets: computes 2 kh kw offsets (y before x)
        and kh kw logits of the mask from the same input. */
    torch::nn::Conv2d offset{nullptr};

    Tensor forward(const Tensor& input) const;

    //! Weight and bias of a single convolution equal to conv + batchNorm (always with bias). Group norm is not folded.
    std::pair<Tensor, Tensor> folded() const;

    //! Cells of the kernel.
    int64_t cells() const { return conv->weight.size(2) * conv->weight.size(3); }

private:
    Tensor deformed(const Tensor& input) const;
};

//! Convolution with bias 0 and "same" padding for odd kernels, registered in `owner`.
ConvUnit plainConv(torch::nn::Module& owner, const std::string& name, int64_t in, int64_t out, int64_t kernel,
                   int64_t stride = 1);

//! Rows of RoIs grouped by pyramid level or by class; computed once per forward pass.
struct RoIGroups
{
    RoIGroups() = default;
    //! @param device device of the resulting rows. RoIs (or classes) on a CUDA device cause a wait for the device.
    RoIGroups(const Tensor& rois, float finestScale, int levels, bool legacy, const torch::Device& device);
    //! @param classes [R] of any type; rows with a class outside 0 .. numClasses - 1 belong to no group.
    static RoIGroups byClass(const Tensor& classes, int64_t numClasses, const torch::Device& device);
    std::vector<Tensor> rows;  //!< int64 indices per level or class, on the device
};

struct RoIConvOptions
{
    int64_t levels = 1;    //!< number of weight sets, one per pyramid level or class
    bool byClass = false;  //!< groups are classes; used by the exporter only
    int64_t in = 0;
    int64_t out = 0;
    int64_t kernel = 3;
    int64_t stride = 1;
    int64_t pad = 1;
    bool bias = true;
    int64_t normGroups = 0;  //!< 0: none; = out: instance norm
    bool relu = false;
    int64_t upsample = 1;  //!< u > 1: u * u maps of the convolution are interleaved to one map of u times the size
};

/** Convolution -> group norm -> ReLU -> interleaving on [R, C, h, w], each row with the weights of its level; rows
    without a group give zeros. With upsample = u and kernel 1: a transposed convolution with kernel and stride u.
    Parameters: weight [levels, out u u, in, k, k], bias, norm_weight, norm_bias [levels, out]. */
class RoIConvImpl : public torch::nn::Module
{
public:
    explicit RoIConvImpl(const RoIConvOptions& options);
    Tensor forward(const Tensor& input, const RoIGroups& levels);

    RoIConvOptions options;
    Tensor weight, bias, normWeight, normBias;  //!< undefined where absent

    //! bias, normWeight or normBias for every map of the convolution: [levels, out u u].
    Tensor perMap(const Tensor& perChannel) const;

private:
    Tensor forwardLevel(const Tensor& input, int64_t level) const;
};
TORCH_MODULE(RoIConv);

//! Weight [levels, out, in, k, k] ~ U(-limit, limit).
void uniformInit(RoIConv& conv, double limit);
//! uniformInit with the limit from fan_in and fan_out of one set.
void xavierInit(RoIConv& conv);
//! Default of a fully connected layer in PyTorch: weight and bias U(+-1/sqrt(fan_in)).
void linearInit(RoIConv& conv);

//! RoIAlign as all heads of a model use it. RoIs may be on another device than the maps.
struct RoIPool
{
    //! @param pyramidStrides strides of the levels that RoIs are pooled from, finest first.
    RoIPool(const RoIConfig& config, const std::vector<float>& pyramidStrides, bool legacyBoxes)
        : strides(pyramidStrides), finestScale(config.finestScale), aligned(config.aligned), legacy(legacyBoxes)
    {
    }
    //! [R, C, size, size], each RoI from the level of its size.
    Tensor operator()(const std::vector<Tensor>& pyramid, const Tensor& rois, int size, int samplingRatio) const;
    //! [R, C, size, size], all RoIs from one level.
    Tensor fromLevel(const std::vector<Tensor>& pyramid, size_t level, const Tensor& rois, int size,
                     int samplingRatio) const;

    std::vector<float> strides;
    float finestScale;
    bool aligned, legacy;
};

}  // namespace d2det

#endif
