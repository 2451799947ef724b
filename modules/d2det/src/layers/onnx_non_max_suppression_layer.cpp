// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* ONNX's own NonMaxSuppression (opset 10, 11), for models of other exporters. Sources: onnx/docs/Operators.md; ONNX
   Runtime for unspecified details (order of equal scores, strict comparisons).

     inputs   boxes [B, N, 4], scores [B, C, N], then up to three single values, computed or constant:
              max_output_boxes_per_class (0), iou_threshold (0), score_threshold (none)
     output   selected_indices [B * C * min(N, max_output_boxes_per_class), 3] = (batch, class, box) as float

   In ONNX the number of rows is the number of selected boxes; in cv::dnn shapes do not depend on data. The selected
   rows come first, in ONNX's order, the other rows are -1, -1, -1. The number of rows is at least one, since cv::dnn
   does not support empty tensors, and B * C * N for a computed max_output_boxes_per_class. */

#include "base_layer.hpp"
#include "kernels/nms.hpp"
#include "kernels/sort_key.hpp"

#include <cmath>

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

constexpr int MAX_BOXES = 1 << 18;  //!< per image; worst case about 10 s per class (no suppression)

//! Location of an optional argument in cv::dnn: constants or computed inputs.
struct Source
{
    bool constant;
    size_t index;
};

enum Argument
{
    MAX_OUTPUT_BOXES,
    IOU_THRESHOLD,
    SCORE_THRESHOLD
};

struct NMSSettings
{
    int maxOutputBoxes = 0;
    float iouThreshold = 0.f, scoreThreshold = 0.f;
    bool hasScoreThreshold = false;
};

//! Two corners in any order, or center and size, as x1 <= x2 and y1 <= y2. ONNX's order, y before x, has no effect on
//! IoU.
void toCorners(const float* box, bool centerPointBox, float* corners)
{
    for (int axis = 0; axis < 2; axis++)
    {
        const float a = box[axis], b = box[axis + 2];
        corners[axis] = centerPointBox ? a - b / 2.f : std::min(a, b);
        corners[axis + 2] = centerPointBox ? a + b / 2.f : std::max(a, b);
    }
}

//! Indices of the boxes selected for one class, best first. A box that is not finite or whose score is NaN is not
//! selected.
std::vector<int> selectBoxes(const float* corners, const float* scores, int numBoxes, const NMSSettings& settings)
{
    std::vector<int> candidates;
    std::vector<float> keys;
    for (int i = 0; i < numBoxes; i++)
    {
        const float* box = corners + 4 * static_cast<size_t>(i);
        const bool finite = std::all_of(box, box + 4, [](float v) { return std::isfinite(v); });
        if (!finite || std::isnan(scores[i]) || (settings.hasScoreThreshold && !(scores[i] > settings.scoreThreshold)))
            continue;
        candidates.push_back(i);
        keys.push_back(scores[i]);
    }
    const int n = static_cast<int>(candidates.size());
    const std::vector<int> order = kernels::sortDescending(keys.data(), n);
    std::vector<float> sorted(4 * static_cast<size_t>(n));
    for (int i = 0; i < n; i++)
        std::copy_n(corners + 4 * static_cast<size_t>(candidates[order[i]]), 4, &sorted[4 * static_cast<size_t>(i)]);
    std::vector<int> selected;
    for (const int i : kernels::hardNMSCpu({settings.iouThreshold, false, settings.maxOutputBoxes}, sorted.data(), n))
        selected.push_back(candidates[order[i]]);
    return selected;
}

class OnnxNonMaxSuppressionLayer CV_FINAL : public BaseLayer
{
public:
    explicit OnnxNonMaxSuppressionLayer(const dnn::LayerParams& layerParams) : BaseLayer(layerParams)
    {
        centerPointBox_ = Attributes(layerParams).getFlag("center_point_box", false);
    }

protected:
    std::vector<MatShape> outputShapes(const std::vector<MatShape>& inputs) const CV_OVERRIDE
    {
        if (inputs.size() < 2 || inputs.size() + blobs.size() > 5)
            layerError(
                *this, Error::StsBadArg,
                format("has %d computed and %d constant inputs, it needs boxes and scores, both computed, and up "
                       "to three single values",
                       static_cast<int>(inputs.size()), static_cast<int>(blobs.size())));
        checkShape(*this, "boxes", inputs[0], {ANY, ANY, 4});
        int batch = dimension(inputs[0], 0), boxes = dimension(inputs[0], 1);
        checkShape(*this, "scores", inputs[1], {batch == 0 ? ANY : batch, ANY, boxes == 0 ? ANY : boxes});
        batch = std::max(batch, dimension(inputs[1], 0));
        boxes = std::max(boxes, dimension(inputs[1], 2));
        if (boxes > MAX_BOXES)
            layerError(*this, Error::StsOutOfRange,
                       format("has %d boxes per image, the limit is %d: select the best ones first", boxes, MAX_BOXES));
        const int64 lists = static_cast<int64>(batch) * dimension(inputs[1], 1);
        const bool known = lists > 0 && boxes > 0;
        const std::vector<Source> sources = argumentSources(inputs.size());
        int rows = sources.empty() ? 0 : boxes;
        if (!sources.empty() && sources[MAX_OUTPUT_BOXES].constant)
            rows = maxOutputBoxes(sources, {}, boxes);
        return {outputShape(*this, {known ? std::max<int64>(lists * rows, 1) : 0, 3})};
    }

    double operations(const std::vector<MatShape>& inputs, const std::vector<MatShape>&) const CV_OVERRIDE
    {
        constexpr double OVERLAP = 10;  // of two boxes; every pair of a list
        return OVERLAP * numValues(inputs[1]) * inputs[1][2] / 2;
    }

    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE
    {
        const Mat &boxes = inputs[0], &scores = inputs[1];
        const int numBoxes = boxes.size[1], numClasses = scores.size[1];
        const NMSSettings settings = readSettings(inputs);
        std::vector<float> corners(boxes.total());
        for (size_t i = 0; i < corners.size(); i += 4)
            toCorners(boxes.ptr<float>() + i, centerPointBox_, &corners[i]);

        std::vector<std::vector<int>> selected(static_cast<size_t>(boxes.size[0]) * numClasses);
        const auto select = [&](const Range& lists)
        {
            for (int i = lists.start; i < lists.end; i++)
                selected[i] = selectBoxes(&corners[size_t(i / numClasses) * numBoxes * 4],
                                          scores.ptr<float>() + size_t(i) * numBoxes, numBoxes, settings);
        };
        if (settings.maxOutputBoxes > 0)
            parallel_for_(Range(0, static_cast<int>(selected.size())), select);
        float* row = outputs[0].ptr<float>();
        std::fill_n(row, outputs[0].total(), -1.f);
        for (size_t i = 0; i < selected.size(); i++)
            for (const int box : selected[i])
            {
                *row++ = static_cast<float>(i / numClasses);
                *row++ = static_cast<float>(i % numClasses);
                *row++ = static_cast<float>(box);
            }
    }

#ifdef D2DET_HAVE_CUDA
    bool hasCuda() const CV_OVERRIDE
    {
        return false;
    }
#endif

private:
    /** Available arguments in ONNX's order. cv::dnn separates constants from computed tensors without their positions;
        a mixture is unambiguous only if the first argument, the integer, is the only one of its kind. */
    std::vector<Source> argumentSources(size_t numInputs) const
    {
        std::vector<Source> constant, computed;
        for (size_t i = 0; i < blobs.size(); i++)
            constant.push_back({true, i});
        for (size_t i = 2; i < numInputs; i++)
            computed.push_back({false, i});
        const bool mixed = !constant.empty() && !computed.empty();
        const bool integerFirst = !constant.empty() && blobs[0].depth() != CV_32F;
        if (mixed && (integerFirst ? constant : computed).size() != 1)
            layerError(
                *this, Error::StsNotImplemented,
                "one threshold is constant and the other computed: cv::dnn does not tell which, make both constant");
        std::vector<Source>& first = integerFirst || !mixed ? constant : computed;
        std::vector<Source>& rest = &first == &constant ? computed : constant;
        first.insert(first.end(), rest.begin(), rest.end());
        return first;
    }

    double value(const Source& source, const std::vector<Mat>& inputs, const char* inputName) const
    {
        const Mat& m = source.constant ? blobs[source.index] : inputs[source.index];
        Mat number;
        if (m.total() == 1 && m.channels() == 1)
            m.reshape(1, 1).convertTo(number, CV_64F);
        if (number.empty() || cvIsNaN(number.at<double>(0)))
            layerError(*this, Error::StsBadArg, String("input ") + inputName + " must be a single number");
        return number.at<double>(0);
    }

    //! Clamped to 0 .. `boxes`; exporters use the maximum integer for "no limit".
    int maxOutputBoxes(const std::vector<Source>& sources, const std::vector<Mat>& inputs, int boxes) const
    {
        if (sources.empty())
            return 0;
        const double count = value(sources[MAX_OUTPUT_BOXES], inputs, "max_output_boxes_per_class");
        return static_cast<int>(std::min(std::max(count, 0.), static_cast<double>(boxes)));
    }

    NMSSettings readSettings(const std::vector<Mat>& inputs) const
    {
        const std::vector<Source> sources = argumentSources(inputs.size());
        NMSSettings settings;
        settings.maxOutputBoxes = maxOutputBoxes(sources, inputs, inputs[0].size[1]);
        if (sources.size() > IOU_THRESHOLD)
        {
            const double threshold = value(sources[IOU_THRESHOLD], inputs, "iou_threshold");
            if (threshold < 0 || threshold > 1)
                layerError(*this, Error::StsOutOfRange,
                           format("input iou_threshold is %g, it must be between 0 and 1", threshold));
            settings.iouThreshold = static_cast<float>(threshold);
        }
        settings.hasScoreThreshold = sources.size() > SCORE_THRESHOLD;
        if (settings.hasScoreThreshold)
            settings.scoreThreshold = static_cast<float>(value(sources[SCORE_THRESHOLD], inputs, "score_threshold"));
        return settings;
    }

    bool centerPointBox_ = false;
};

}  // namespace

Ptr<dnn::Layer> createOnnxNonMaxSuppressionLayer(dnn::LayerParams& params)
{
    return makePtr<OnnxNonMaxSuppressionLayer>(params);
}

}  // namespace d2det
}  // namespace cv
