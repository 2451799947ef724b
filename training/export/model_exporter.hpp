// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The walk through the modules of a Detector that writes the nodes of exporter.hpp: leaves and the entire graph
   (exporter.cpp), backbone, pyramid and proposals (export_pyramid.cpp), heads of the second stage
   (export_heads.cpp). */

#ifndef D2DET_TRAINING_MODEL_EXPORTER_HPP
#define D2DET_TRAINING_MODEL_EXPORTER_HPP

#include "export/exporter.hpp"
#include "export/onnx_graph.hpp"

#include <unordered_map>

namespace d2det
{

using Names = std::vector<std::string>;
using Attributes = std::vector<OnnxAttribute>;

constexpr int64_t FORMAT_VERSION = 1;
constexpr const char* DOMAIN_NAME = "d2det";

// Values of attributes in the ONNX file.
const char* attributeValue(NMSMode mode);
const char* attributeValue(DecodeMode mode);
const char* attributeValue(ChannelOrder order);
int64_t toStride(float stride);

//! Feature maps for RoI pooling, finest first, and their strides.
struct Levels
{
    Names maps;
    std::vector<int64_t> strides;
};

//! Grouping inputs of a RoI convolution, which also mark padding rows: RoIs [R, 5] and, for weights by class, classes
//! [R, 1].
struct RoIRows
{
    RoIRows(const std::string& rois_, const std::string& classes_ = "", const std::string& suffix_ = "")
        : rois(rois_), classes(classes_), suffix(suffix_)
    {
    }
    std::string rois, classes;
    std::string suffix;  //!< suffix of output names for a second use of the same weights
};

class ModelExporter
{
public:
    ModelExporter(const DetectorImpl& model, const ExportOptions& options);
    void run();
    const OnnxGraph& graph() const { return graph_; }

private:
    // Leaves: each function returns the name of its output tensor.
    std::string weights(const Tensor& value, const std::string& name);
    std::string nameOf(const Tensor& parameter) const;
    std::string node(const char* op, const Names& inputs, const std::string& output, const Attributes& attributes = {});
    std::string d2Node(const char* op, const Names& inputs, const std::string& output, const Attributes& attributes);
    std::string reshape(const std::string& input, const std::string& output, const std::vector<int64_t>& shape);
    std::string columns(const std::string& input, const std::string& output, int64_t begin, int64_t end);

    std::string convolution(const ConvUnit& unit, const std::string& input, const std::string& output);
    std::string convUnit(const ConvUnit& unit, const std::string& input, const std::string& output = "");
    std::string groupNorm(const torch::nn::GroupNormImpl& norm, const std::string& input, const std::string& output);
    std::string roiConv(const RoIConv& conv, const std::string& input, const RoIRows& rows,
                        const std::string& output = "", bool sigmoid = false);

    std::string block(const Block& block, const std::string& input, const std::string& output);
    Names backbone();
    Names pyramid(const Names& maps);
    std::string proposals(const Names& maps);
    std::string classFeatures(const ClassHeadImpl& head, const Levels& levels, const std::string& rois,
                              const std::string& name);
    std::string classify(const ClassHeadImpl& head, const std::string& features, const std::string& rois,
                         const std::string& output);
    std::string poolWithoutOffsets(const Levels& levels, const std::string& rois, const std::string& output,
                                   int64_t size);
    std::string largest(const Names& inputs, const std::string& output);
    void denseStage(const Levels& levels, const std::string& rois);
    void deltaStages(const Levels& levels, const std::string& rois);
    std::string boxHead(const std::string& trunk, const std::string& rois);
    std::string boxTrunk(const Levels& levels, const RoIRows& rows);
    std::string alignedPool(const Levels& levels, const std::string& rois, const std::string& output, int64_t size,
                            int samplingRatio);
    void maskHead(const Levels& levels, const std::string& candidateTrunk, const std::string& candidateRois);
    std::string maskInput(const Levels& levels, const RoIRows& rows);
    void maskLayers(const RoIRows& rows, const std::string& trunk, const std::string& input);
    std::string decode(const std::string& rois, const std::string& offsets, const std::string& overlap);
    void detections(const std::string& rois, const std::string& scores, const Attributes& attributes);

    Attributes poolAttributes(const Levels& levels, int64_t size, int samplingRatio) const;
    Attributes description() const;
    void declareInputs();
    void exposeIntermediate();

    const DetectorImpl& model_;
    const ModelConfig& config_;
    const ExportOptions options_;
    OnnxGraph graph_;
    std::unordered_map<const void*, std::string> parameterNames_;
    int pyramidLevels_ = 0;
};

}  // namespace d2det

#endif
