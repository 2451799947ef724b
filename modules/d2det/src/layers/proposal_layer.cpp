// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2Proposal: region proposals from the raw RPN maps. Contract: operators.md 3.1.

     inputs   cls_0 .. cls_{L-1} [B, A, h, w] logits, box_0 .. box_{L-1} [B, 4A, h, w] deltas, im_info [B, 3]
     outputs  rois [B * K, 5], scores [B * K, 1] */

#include "proposal_layer.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

constexpr int MAX_RATIOS = 64;

}  // namespace

ProposalLayer::ProposalLayer(const dnn::LayerParams& layerParams) : BaseLayer(layerParams)
{
    const Attributes attributes(layerParams);
    strides_ = attributes.featureStrides();
    settings.anchorScale = attributes.getPositive("anchor_scale", 8.f, MAX_SCALE);
    if (attributes.has("anchor_ratios"))
        settings.anchorRatios = attributes.getList("anchor_ratios", 1, MAX_RATIOS, 1e-3, 1e3);
    const int anchors = static_cast<int>(settings.anchorRatios.size());
    if (attributes.has("anchor_scales"))
        settings.anchorScales = attributes.getList("anchor_scales", anchors, anchors, 1e-3, MAX_SCALE);
    settings.preNmsTopN = attributes.getInt("pre_nms_top_n", 1000, INT_MIN, INT_MAX);
    settings.postNmsTopN = attributes.getInt("post_nms_top_n", 1000, INT_MIN, INT_MAX);
    settings.maxProposals = attributes.getInt("max_proposals", 1000, 1, MAX_ROWS_PER_IMAGE);
    settings.nmsThreshold = attributes.getFloat("nms_threshold", 0.7f, -FLT_MAX, FLT_MAX);
    settings.minSize = attributes.getFloat("min_size", 0.f, -FLT_MAX, FLT_MAX);
    settings.legacy = attributes.getFlag("legacy", false);
}

std::vector<MatShape> ProposalLayer::outputShapes(const std::vector<MatShape>& inputs) const
{
    const size_t levels = strides_.size();
    checkInputCount(*this, inputs.size(), 2 * levels + 1, 2 * levels + 1);
    const int anchors = static_cast<int>(settings.anchorRatios.size());
    int batch = ANY;
    for (size_t i = 0; i < levels; i++)
    {
        const MatShape &cls = inputs[i], &box = inputs[levels + i];
        const int level = static_cast<int>(i);
        checkShape(*this, format("cls_%d", level), cls, {batch, anchors, ANY, ANY});
        batch = std::max(batch, dimension(cls, 0));
        checkShape(*this, format("box_%d", level), box, {batch, 4 * anchors, dimension(cls, 2), dimension(cls, 3)});
        batch = std::max(batch, dimension(box, 0));
    }
    checkShape(*this, "im_info", inputs[2 * levels], {batch, 3});
    batch = std::max(batch, dimension(inputs[2 * levels], 0));
    const int64 rows = static_cast<int64>(batch) * settings.maxProposals;
    return {outputShape(*this, {rows, 5}), outputShape(*this, {rows, 1})};
}

double ProposalLayer::operations(const std::vector<MatShape>& inputs, const std::vector<MatShape>&) const
{
    constexpr double DECODING = 40, OVERLAP = 10;  // of an anchor, of two boxes
    double sum = 0;
    for (size_t i = 0; i < strides_.size(); i++)
    {
        const double batch = inputs[i][0], anchors = numValues(inputs[i]) / batch;
        const double boxes = settings.preNmsTopN > 0 ? std::min<double>(anchors, settings.preNmsTopN) : anchors;
        const double kept = settings.postNmsTopN > 0 ? std::min<double>(boxes, settings.postNmsTopN) : boxes;
        sum += batch * (DECODING * anchors + OVERLAP * boxes * kept);
    }
    return sum;
}

kernels::RpnMaps ProposalLayer::makeMaps(const std::vector<Mat>& inputs) const
{
    const size_t levels = strides_.size();
    kernels::RpnMaps maps;
    maps.levels = static_cast<int>(levels);
    maps.batch = inputs[0].size[0];
    for (size_t i = 0; i < levels; i++)
    {
        maps.cls[i] = inputs[i].ptr<float>();
        maps.box[i] = inputs[levels + i].ptr<float>();
        maps.height[i] = inputs[i].size[2];
        maps.width[i] = inputs[i].size[3];
        maps.stride[i] = strides_[i];
    }
    return maps;
}

void ProposalLayer::run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs)
{
    kernels::proposalCpu(settings, makeMaps(inputs), inputs.back().ptr<float>(),
                         {outputs[0].ptr<float>(), outputs[1].ptr<float>()});
}

#ifdef D2DET_HAVE_CUDA
size_t ProposalLayer::cudaWorkspace(const std::vector<Mat>& inputs) const
{
    return cuda::proposalWorkspace(settings, makeMaps(inputs));
}

cuda::Status ProposalLayer::runCuda(CudaPass& pass)
{
    return cuda::proposal(settings, makeMaps(pass.inputs), pass.inputs.back().ptr<float>(),
                          {pass.output(0), pass.output(1)}, pass.workspace, pass.stream);
}
#endif

Ptr<dnn::Layer> createProposalLayer(dnn::LayerParams& params)
{
    return makePtr<ProposalLayer>(params);
}

}  // namespace d2det
}  // namespace cv
