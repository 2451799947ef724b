// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2Detections, see detections_layer.hpp. Contract: operators.md 3.7 and E1.

     inputs   rois [R, 5] (or [R, 1 + 4 C] with class_agnostic_boxes = 0), probs [R, C + 1] (or [R, 2] with
              labelled = 1)
     outputs  detections [batch_size * max_detections, 7] and, with output_rows = 1 (default 0), rows
              [batch_size * max_detections, 1]: input row of each detection, over the entire batch, -1 in unused
              rows. Limit of input rows with output_rows = 1: 2^24, the range of exact integers in float32. */

#include "detections_layer.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

constexpr int FORMAT_VERSION = 1;
constexpr int MAX_SIDE = 1 << 15;  //!< pixels
constexpr size_t MAX_CLASSES = 100000;
constexpr int MAX_INPUT_ROWS = 1 << 24;  //!< range of exact integers in float32

kernels::DetectionsParams readSettings(const Attributes& attributes)
{
    kernels::DetectionsParams p;
    p.batchSize = attributes.getInt("batch_size", 1, 1, MAX_BATCH_SIZE);
    p.scoreThreshold = attributes.getFloat("score_threshold", 0.05f, -FLT_MAX, FLT_MAX);
    p.nmsThreshold = attributes.getFloat("nms_threshold", 0.5f, -FLT_MAX, FLT_MAX);
    const NMSMode modes[] = {NMS_HARD, NMS_SOFT_LINEAR, NMS_SOFT_GAUSSIAN};  // order of the choices in the next line
    p.nmsMode = kernelMode(modes[attributes.getChoice("nms_mode", {"hard", "soft_linear", "soft_gaussian"})]);
    p.softSigma = attributes.getPositive("soft_sigma", 0.5f, FLT_MAX);
    p.softMinScore = attributes.getFloat("soft_min_score", 0.001f, -FLT_MAX, FLT_MAX);
    p.maxDetections = attributes.getInt("max_detections", 100, 1, MAX_ROWS_PER_IMAGE);
    p.classAgnosticBoxes = attributes.getFlag("class_agnostic_boxes", true);
    p.labelled = attributes.getFlag("labelled", false);
    p.legacy = attributes.getFlag("legacy", false);
    return p;
}

//! Lines of a text; a final line end does not start another line.
std::vector<String> splitLines(const String& text)
{
    std::vector<String> lines;
    for (size_t begin = 0; begin < text.size();)
    {
        const size_t end = std::min(text.find('\n', begin), text.size());
        lines.push_back(text.substr(begin, end - begin));
        if (!lines.back().empty() && lines.back().back() == '\r')
            lines.back().pop_back();
        begin = end + 1;
    }
    return lines;
}

Scalar toScalar(const std::vector<float>& values)
{
    return Scalar(values[0], values[1], values[2]);
}

ModelInfo readInfo(const dnn::Layer& layer, const Attributes& attributes)
{
    ModelInfo info;
    info.present = attributes.has("format_version");
    if (!info.present)
        return info;
    const int version = attributes.getInt("format_version", 0, 0, INT_MAX);
    if (version != FORMAT_VERSION)
        layerError(layer, Error::StsNotImplemented,
                   format("the model has format version %d, this module reads version %d: export it again or use a "
                          "newer module",
                          version, FORMAT_VERSION));
    info.name = attributes.getString("model_name", "");
    info.classNames = splitLines(attributes.getString("class_names", ""));
    if (info.classNames.size() > MAX_CLASSES)
        layerError(layer, Error::StsOutOfRange,
                   format("attribute class_names has %d lines, the limit is %d",
                          static_cast<int>(info.classNames.size()), static_cast<int>(MAX_CLASSES)));
    if (attributes.has("mean"))
        info.input.mean = toScalar(attributes.getList("mean", 3, 3, -1e6, 1e6));
    if (attributes.has("std"))
        info.input.std = toScalar(attributes.getList("std", 3, 3, 1e-6, 1e6));
    info.input.swapRB = attributes.getChoice("channel_order", {"rgb", "bgr"}) == 0;
    info.input.shortSide = attributes.getInt("short_side", info.input.shortSide, 1, MAX_SIDE);
    info.input.longSide = attributes.getInt("long_side", info.input.longSide, 1, MAX_SIDE);
    info.input.divisor = attributes.getInt("divisor", info.input.divisor, 1, MAX_SIDE);
    info.input.keepRatio = attributes.getFlag("keep_ratio", true);
    if (attributes.has("operating_score"))
        info.operatingScore = attributes.getFloat("operating_score", 0.f, 0.f, 1.f);
    if (attributes.has("operating_scores"))
        info.operatingScores = attributes.getList("operating_scores", 1, static_cast<int>(MAX_CLASSES), 0., 1.);
    if (!info.operatingScores.empty() && !info.classNames.empty() &&
        info.operatingScores.size() != info.classNames.size())
        layerError(layer, Error::StsUnmatchedSizes,
                   format("attribute operating_scores has %d values, class_names %d",
                          static_cast<int>(info.operatingScores.size()), static_cast<int>(info.classNames.size())));
    info.maskScoreWeight = attributes.getFloat("mask_score_weight", 0.f, 0.f, 1e6f);
    return info;
}

}  // namespace

kernels::NMSMode kernelMode(int mode)
{
    switch (mode)
    {
        case NMS_HARD:
            return kernels::NMSMode::HARD;
        case NMS_SOFT_LINEAR:
            return kernels::NMSMode::SOFT_LINEAR;
        case NMS_SOFT_GAUSSIAN:
            return kernels::NMSMode::SOFT_GAUSSIAN;
        default:
            CV_Error_(Error::StsOutOfRange,
                      ("the NMS mode is %d, it must be one of cv::d2det::NMSMode (0, 1, 2)", mode));
    }
}

NMSMode publicMode(kernels::NMSMode mode)
{
    return mode == kernels::NMSMode::HARD          ? NMS_HARD
           : mode == kernels::NMSMode::SOFT_LINEAR ? NMS_SOFT_LINEAR
                                                   : NMS_SOFT_GAUSSIAN;
}

DetectionsLayer::DetectionsLayer(const dnn::LayerParams& params) : BaseLayer(params)
{
    const Attributes attributes(params);
    settings = readSettings(attributes);
    outputRows_ = attributes.getFlag("output_rows", false);
    if (settings.labelled && !settings.classAgnosticBoxes)
        layerError(*this, Error::StsBadArg,
                   "labelled = 1 needs class_agnostic_boxes = 1: a row has one class and one box");
    info = readInfo(*this, attributes);
}

Ptr<dnn::Layer> createDetectionsLayer(dnn::LayerParams& params)
{
    return makePtr<DetectionsLayer>(params);
}

std::vector<MatShape> DetectionsLayer::outputShapes(const std::vector<MatShape>& inputs) const
{
    checkInputCount(*this, inputs.size(), 2, 2);
    const int rows = dimension(inputs[0], 0), columns = dimension(inputs[1], 1);
    checkShape(*this, "probs", inputs[1], {rows, settings.labelled ? 2 : ANY});
    if (columns == 1)
        layerError(*this, Error::StsBadSize,
                   "input probs has 1 column, it needs one per class and a last one for the background");
    if (columns - 1 > static_cast<int>(MAX_CLASSES))
        layerError(
            *this, Error::StsOutOfRange,
            format("input probs has %d columns, the limit is %d classes", columns, static_cast<int>(MAX_CLASSES)));
    const bool perClass = !settings.classAgnosticBoxes;
    checkShape(*this, "rois", inputs[0], {ANY, !perClass ? 5 : columns > 0 ? 1 + 4 * (columns - 1) : ANY});
    if (outputRows_ && std::max(rows, dimension(inputs[1], 0)) > MAX_INPUT_ROWS)
        layerError(*this, Error::StsOutOfRange,
                   format("has %d input rows, with output_rows = 1 the limit is %d",
                          std::max(rows, dimension(inputs[1], 0)), MAX_INPUT_ROWS));
    const int64 kept = static_cast<int64>(settings.batchSize) * settings.maxDetections;
    std::vector<MatShape> outputs{outputShape(*this, {kept, 7})};
    if (outputRows_)
        outputs.push_back(outputShape(*this, {kept, 1}));
    return outputs;
}

//! Every pair of boxes of a class; in labelled rows a box has one class.
double DetectionsLayer::operations(const std::vector<MatShape>& inputs, const std::vector<MatShape>&) const
{
    constexpr double OVERLAP = 10;  // of two boxes
    const double rows = inputs[1][0], classes = settings.labelled ? 1 : inputs[1][1] - 1;
    return OVERLAP * classes * rows * rows / 2 + numValues(inputs[1]);
}

kernels::DetectionsInput DetectionsLayer::makeInput(const std::vector<Mat>& inputs) const
{
    const Mat &rois = inputs[0], &probs = inputs[1];
    return {rois.ptr<float>(), rois.size[1], probs.ptr<float>(), probs.size[1], rois.size[0]};
}

void DetectionsLayer::run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs)
{
    kernels::detectionsCpu(settings, makeInput(inputs),
                           {outputs[0].ptr<float>(), outputRows_ ? outputs[1].ptr<float>() : nullptr});
}

void DetectionsLayer::record(const std::vector<Mat>& inputs, const std::vector<Mat>& outputs,
                             std::vector<Mat>& recorded) const
{
    if (outputRows_)
    {
        recorded.push_back(outputs[1].clone());
        return;
    }
    Mat detections(outputs[0].size[0], outputs[0].size[1], CV_32F), rows(outputs[0].size[0], 1, CV_32F);
    kernels::detectionsCpu(settings, makeInput(inputs), {detections.ptr<float>(), rows.ptr<float>()});
    recorded.push_back(rows);
}

#ifdef D2DET_HAVE_CUDA
size_t DetectionsLayer::cudaWorkspace(const std::vector<Mat>& inputs) const
{
    return cuda::detectionsWorkspace(settings, makeInput(inputs));
}

cuda::Status DetectionsLayer::runCuda(CudaPass& pass)
{
    return cuda::detections(settings, makeInput(pass.inputs), {pass.output(0), outputRows_ ? pass.output(1) : nullptr},
                            pass.workspace, pass.stream);
}
#endif

}  // namespace d2det
}  // namespace cv
